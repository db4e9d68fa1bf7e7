"""Pictures, raster tiles and WMTS of vector layers: right place, right colour, rights, times, refusals (R-092, R-169)."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from owslib.wmts import WebMapTileService
from PIL import Image

from kunyu.engines.maps.grids import CGCS2000_QUAD, WEB_MERCATOR_QUAD, TileMatrixSet
from kunyu.engines.maps.tests import county as truth
from kunyu.engines.maps.tests.county import PARCELS
from kunyu.engines.maps.tests.test_tiles import address_of

Ask = Callable[..., Any]
MAP = f"/ogc/collections/{PARCELS}/map"
OWS = "{http://www.opengis.net/ows/1.1}"
# fill of land class 0103 at 75 % over nothing; 0701 is parcel 1
DRY_FIELD, RURAL_HOUSES = (255, 255, 200), (250, 140, 160)


def picture(answer: Any) -> np.ndarray:
    assert answer.status_code == 200, answer.content[:300]
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA")).astype(int)


def near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel[:3] - colour).max() <= 4)


def test_a_picture_shows_parcels_where_they_are(ask: Ask) -> None:
    """Ten pixels a parcel: the middle of each has its class's colour, and nothing lies beside the county."""
    box = f"{truth.WEST},{truth.SOUTH},{truth.WEST + 0.04},{truth.SOUTH + 0.04}"
    found = picture(ask(MAP, bbox=box, width=200, height=200))
    assert found.shape == (200, 200, 4)
    middles = found[5::10, 5::10]
    assert near(middles[-1, 0], RURAL_HOUSES), "parcel 1 in the south-west is 0701 today"
    assert middles[-1, 1, 3] == 0, "parcel 2 ended on 2025-12-31"
    others = [middles[r, c] for r in range(20) for c in range(20) if (r, c) not in ((19, 0), (19, 1))]
    assert all(near(one, DRY_FIELD) and 185 <= one[3] <= 195 for one in others)
    wide = picture(ask(MAP, bbox="112.9,34.4,112.95,34.45", width=10, height=10))
    assert wide[..., 3].max() == 0


def test_time_size_crs_and_background(ask: Ask) -> None:
    """An old day shows the old class; EPSG:4490 takes latitude first; one side follows from the other."""
    box = f"{truth.WEST},{truth.SOUTH},{truth.WEST + 0.002},{truth.SOUTH + 0.002}"
    old = ask(MAP, bbox=box, width=9, height=9, valid_at="2025-06-01")
    assert near(picture(old)[4, 4], DRY_FIELD) and old["Kunyu-Valid-At"] == "2025-06-01"
    swapped = ",".join(str(one) for one in (truth.SOUTH, truth.WEST, truth.SOUTH + 0.002, truth.WEST + 0.002))
    answer = ask(MAP, bbox=swapped, bbox__crs="EPSG:4490", crs="EPSG:4490", width=20)
    assert picture(answer).shape == (20, 20, 4) and near(picture(answer)[10, 10], RURAL_HOUSES)
    assert answer["Content-Bbox"].startswith("34.5,113")
    zone = ask(MAP, bbox=box, crs="EPSG:4526", width=40, f="jpeg", bgcolor="#0000ff")
    assert zone["Content-Type"] == "image/jpeg" and zone["Content-Crs"].endswith("/4526>")
    assert ask(MAP)["Content-Type"] == "image/png"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"width": 100_000}, "maps-bad-image-size"),
        ({"width": 0}, "maps-bad-image-size"),
        ({"bbox": "1,2,3"}, "maps-bad-parameter"),
        ({"bbox": "113,34,113,34"}, "maps-bad-parameter"),
        ({"bbox": "nan,34,113,35"}, "maps-bad-parameter"),
        ({"bgcolor": "url(x)"}, "maps-bad-style"),
        ({"f": "tiff"}, "maps-bad-parameter"),
        ({"nonsense": "1"}, "maps-bad-parameter"),
        ({"crs": "EPSG:99999"}, "maps-bad-parameter"),
    ],
)
def test_absurd_requests_are_refused_in_words(ask: Ask, query: dict[str, Any], code: str) -> None:
    answer = ask(MAP, **query)
    assert answer.status_code == 400 and answer.json()["code"] == code and answer.json()["detail_zh"]


def test_rights_and_etag_of_raster_tiles(ask: Ask) -> None:
    """Same refusals as vector tiles; an unchanged tile is 304; another's rights give another tag."""
    address = address_of(WEB_MERCATOR_QUAD, 15, 113.0201, 34.5201)
    path = f"{MAP}/tiles/WebMercatorQuad/15/{address.row}/{address.column}"
    first = ask(path)
    assert picture(first).shape == (256, 256, 4) and picture(first)[..., 3].mean() > 150
    assert ask(path, headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert ask(path, who="onlooker").status_code == 403
    assert ask(path, who="stranger").status_code == 404
    assert ask(path, who=None).status_code == 401
    other = ask(path, who="neighbour")
    assert picture(other)[..., 3].max() == 0 and other["ETag"] != first["ETag"]
    assert ask(f"{MAP}/tiles/WebMercatorQuad/3/99/0").status_code == 404
    assert {one["dataType"] for one in ask(f"{MAP}/tiles").json()["tilesets"]} == {"map"}


@pytest.mark.parametrize("grid", [WEB_MERCATOR_QUAD, CGCS2000_QUAD], ids=lambda one: one.id)
def test_wmts_tiles_are_the_raster_tiles(ask: Ask, grid: TileMatrixSet) -> None:
    """By parameters and by address the same bytes as OGC API – Tiles, for both matrix sets."""
    address = address_of(grid, 14, 113.0201, 34.5201)
    plain = ask(f"{MAP}/tiles/{grid.id}/14/{address.row}/{address.column}")
    kvp = {
        "SERVICE": "WMTS", "REQUEST": "GetTile", "VERSION": "1.0.0", "LAYER": PARCELS, "STYLE": "default",
        "FORMAT": "image/png", "TILEMATRIXSET": grid.id, "TILEMATRIX": 14, "TILEROW": address.row, "TILECOL": address.column,
    }  # fmt: skip
    by_name = ask("/ogc/wmts", **kvp)
    rest = ask(f"/ogc/wmts/1.0.0/{PARCELS}/default/current/{grid.id}/14/{address.row}/{address.column}.png")
    assert plain.content == by_name.content == rest.content and len(plain.content) > 300
    old = ask("/ogc/wmts", **kvp, TIME="2020-01-01")
    assert picture(old)[..., 3].max() == 0 and old["Kunyu-Valid-At"] == "2020-01-01"


def test_capabilities_are_read_by_owslib(ask: Ask) -> None:
    """owslib finds the layers one may query, both matrix sets, and CGCS2000's corner latitude first."""
    answer = ask("/ogc/wmts", SERVICE="WMTS", REQUEST="GetCapabilities")
    read = WebMapTileService("http://testserver/ogc/wmts", xml=answer.content)
    assert PARCELS in read.contents and {"WebMercatorQuad", "CGCS2000Quad"} <= set(read.tilematrixsets)
    layer = read.contents[PARCELS]
    assert layer.boundingBoxWGS84 == pytest.approx((113.0, 34.5, 114.002, 34.542))
    assert layer.formats == ["image/png", "image/jpeg"] and layer.dimensions["Time"]["default"] == "current"
    assert set(layer.dimensions["Time"]["values"]) == {"current", "2024-12-31", "2025-12-31"}
    matrix = read.tilematrixsets["CGCS2000Quad"]
    assert matrix.crs == "urn:ogc:def:crs:EPSG::4490"
    assert matrix.tilematrix["3"].topleftcorner == (90.0, -180.0)
    assert (matrix.tilematrix["3"].matrixwidth, matrix.tilematrix["3"].matrixheight) == (16, 8)
    seen = ask("/ogc/wmts", who="onlooker", SERVICE="WMTS")
    assert PARCELS.encode() not in seen.content, "who may not query a layer is not offered its tiles"


def test_feature_info_and_exceptions(ask: Ask) -> None:
    """What is at a pixel; failures are OWS reports with code and locator."""
    address = address_of(WEB_MERCATOR_QUAD, 17, 113.0011, 34.5011)
    kvp = {
        "request": "GetFeatureInfo", "layer": PARCELS, "style": "default", "format": "image/png",
        "tilematrixset": "WebMercatorQuad", "tilematrix": 17, "tilerow": address.row, "tilecol": address.column, "i": 128,
        "j": 128, "infoformat": "application/json",
    }  # fmt: skip
    found = json.loads(ask("/ogc/wmts", **kvp).content)["features"]
    assert len(found) == 1 and found[0]["properties"]["DLBM"] in ("0701", "0103")
    text = ask("/ogc/wmts", **{**kvp, "infoformat": "text/plain"}).content.decode()
    assert "地类编码" in text
    for change, code, locator in (
        ({"i": 300}, "PointIJOutOfRange", "i"), ({"tilematrixset": "Nope"}, "InvalidParameterValue", "tilematrixset"),
        ({"layer": ""}, "MissingParameterValue", "layer"), ({"tilerow": 2**18}, "TileOutOfRange", ""),
        ({"request": "Nope"}, "OperationNotSupported", "request"),
    ):  # fmt: skip
        answer = ask("/ogc/wmts", **{**kvp, **change})
        report = ET.fromstring(answer.content).find(f"{OWS}Exception")
        assert 400 <= answer.status_code < 500 and report is not None
        assert (report.get("exceptionCode"), report.get("locator", "")) == (code, locator)


def test_the_token_as_password_of_basic_authentication(ask: Ask, county: Any) -> None:
    """Desktop clients send Basic: the token as password, for reading only; a wrong one is 401."""

    def basic(password: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"kunyu:{password}".encode()).decode()}

    assert PARCELS.encode() in ask("/ogc/wmts", who=None, headers=basic(county.steward)).content
    refused = ask(MAP, who=None, headers=basic("wrong"), width=10)
    assert refused.status_code == 401
    asked = ask(f"/ogc/wmts/1.0.0/{PARCELS}/default/current/WebMercatorQuad/0/0/0.png", who=None)
    assert asked.status_code == 401 and asked["WWW-Authenticate"].startswith("Basic")
