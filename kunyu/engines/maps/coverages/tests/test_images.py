"""Maps, tiles, subsets and values of real imagery and heights (R-093, R-130), by people with different rights (R-172)."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rio_tiler.io import Reader

from kunyu.engines.ingest.models import RasterItem
from kunyu.engines.maps.coverages.handles import handles
from kunyu.engines.maps.coverages.tests.imagery import HEIGHTS, IMAGES, INTERNAL, Gallery
from kunyu.engines.maps.drawing.images import DrawnLayer, draw_map
from kunyu.engines.maps.grids import Box
from kunyu.engines.security.models import AuditEntry, User
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.session import principal_of

Ask = Callable[..., Any]
TCI_TILE = "WebMercatorQuad/10/438/567"  # matrix, row, column
pytestmark = pytest.mark.django_db


def picture(answer: Any) -> np.ndarray:
    assert answer.status_code == 200, answer.content[:400]
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


def tci_tile(rasters: Path) -> tuple[int, int, int]:
    """A tile in the middle of the true-colour image."""
    import morecantile

    with Reader(rasters / "cog" / "TCI.tif") as image:
        west, south, east, north = image.get_geographic_bounds("EPSG:4326")
    tile = morecantile.tms.get("WebMercatorQuad").tile((west + east) / 2, (south + north) / 2, 10)
    return tile.z, tile.y, tile.x


def test_tile_agrees_with_rio_tiler(ask: Ask, rasters: Path) -> None:
    """The tile of the true-colour image is the one rio-tiler draws from the delivered file, but for pixel edges."""
    z, y, x = tci_tile(rasters)
    drawn = picture(ask(f"/ogc/collections/{IMAGES}/map/tiles/WebMercatorQuad/{z}/{y}/{x}"))
    with Reader(rasters / "cog" / "TCI.tif") as image:
        expected = image.tile(x, y, z)
    inside = (expected.mask > 0) & (drawn[..., 3] > 0)
    same = (drawn[..., :3] == expected.data.transpose(1, 2, 0)).all(axis=-1)
    assert inside.sum() > 30_000
    assert same[inside].mean() > 0.97
    assert ((expected.mask > 0) != (drawn[..., 3] > 0)).mean() < 0.01


def test_formats_headers_and_not_modified(ask: Ask, rasters: Path) -> None:
    """PNG, JPEG and WebP; an unchanged tile is 304; the answer names both times; every read is on record."""
    z, y, x = tci_tile(rasters)
    path = f"/ogc/collections/{INTERNAL}/map/tiles/WebMercatorQuad/{z}/{y}/{x}"
    before = AuditEntry.objects.count()
    for form, media in (("png", "image/png"), ("jpeg", "image/jpeg"), ("webp", "image/webp")):
        answer = ask(path, f=form)
        assert answer["Content-Type"] == media and Image.open(io.BytesIO(answer.content)).size == (256, 256)
    assert answer["Kunyu-Valid-At"] and answer["Kunyu-Known-At"]
    again = ask(path, f="webp", headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304 and AuditEntry.objects.count() > before
    assert ask(path, gamma="1.5")["ETag"] != ask(path)["ETag"]


def test_geographic_tiles(ask: Ask, rasters: Path) -> None:
    """The national geographic matrix shows the same place; where nothing lies the answer is empty."""
    with Reader(rasters / "cog" / "TCI.tif") as image:
        west, south, east, north = image.get_geographic_bounds("EPSG:4326")
    side = 180 / 2**9
    row, column = int((90 - (south + north) / 2) / side), int(((west + east) / 2 + 180) / side)
    drawn = picture(ask(f"/ogc/collections/{IMAGES}/map/tiles/CGCS2000Quad/9/{row}/{column}"))
    assert (drawn[..., 3] > 0).mean() > 0.2
    assert ask(f"/ogc/collections/{IMAGES}/map/tiles/CGCS2000Quad/9/0/0").status_code == 204


def test_people(ask: Ask, rasters: Path) -> None:
    """Public data are open to all; the collection of another branch and an unknown one are not there."""
    z, y, x = tci_tile(rasters)
    seen = {
        (code, who): ask(f"/ogc/collections/{code}/map/tiles/WebMercatorQuad/{z}/{y}/{x}", who).status_code
        for code in (IMAGES, INTERNAL)
        for who in ("steward", "viewer", "stranger", None)
    }
    assert {status for (code, _), status in seen.items() if code == IMAGES} == {200}
    assert [seen[INTERNAL, who] for who in ("steward", "viewer", "stranger", None)] == [200, 200, 404, 401]
    assert ask("/ogc/collections/99999-999/map/tiles/WebMercatorQuad/1/0/0").status_code == 404
    assert ask("/ogc/collections/99999-999/coverage").status_code == 404


def test_encrypted_images_are_drawn(ask: Ask, rasters: Path) -> None:
    """An image that lies encrypted, as its label may ask, gives the same picture; nothing plain is written."""
    z, y, x = tci_tile(rasters)
    path = f"/ogc/collections/{INTERNAL}/map/tiles/WebMercatorQuad/{z}/{y}/{x}"
    before = picture(ask(path))
    store = object_store()
    (sm3,) = RasterItem.objects.filter(dataset_code=INTERNAL).values_list("sm3", flat=True)
    handles().close()
    assert store.protect(sm3) and store.is_protected(sm3)
    assert (picture(ask(path)) == before).all()


def test_a_lost_image_is_told(ask: Ask, rasters: Path) -> None:
    """An object that is gone: 503 with a sentence, and other collections answer."""
    z, y, x = tci_tile(rasters)
    handles().close()
    for sm3 in RasterItem.objects.filter(dataset_code=INTERNAL).values_list("sm3", flat=True):
        with object_store().open(sm3) as kept:
            content = kept.read()
        object_store().remove(sm3)
    answer = ask(f"/ogc/collections/{INTERNAL}/map/tiles/WebMercatorQuad/{z}/{y}/{x}", gamma="2")
    assert answer.status_code == 503 and answer.json()["code"] == "maps-image-unreadable"
    assert ask("/stac/").status_code == 200
    object_store().put_bytes(content, protect=True)


def test_newest_lies_on_top_and_time_is_honoured(ask: Ask, rasters: Path) -> None:
    """Of the Nanjing pair the scene of 2002 is drawn; what is asked of a day before the delivery is empty."""
    box = {"bbox": "118.75,31.9,118.85,32.0", "width": "64", "height": "64", "bands": "4"}
    newest = picture(ask(f"/ogc/collections/{IMAGES}/map", **box))
    value = ask(f"/ogc/collections/{IMAGES}/position", coords="POINT(118.8 31.95)").json()["properties"]
    assert value["sensed_on"] == "2002-07-12" and len(value["values"]) == 6
    assert len(np.unique(newest[..., 0])) > 20
    past = picture(ask(f"/ogc/collections/{IMAGES}/map", valid_at="2019-12-31", **box))
    assert (past[..., 3] == 0).all()
    unknown = picture(ask(f"/ogc/collections/{IMAGES}/map", known_at="2020-01-01T00:00:00Z", **box))
    assert (unknown[..., 3] == 0).all()


def test_band_math(ask: Ask) -> None:
    """NDVI by expression equals the arithmetic on the values of the subset."""
    box = {"bbox": "118.8,31.9,118.82,31.92", "width": "50", "height": "50"}
    drawn = picture(ask(f"/ogc/collections/{IMAGES}/map", expression="(b4-b3)/(b4+b3)", rescale="-1,1", **box))
    answer = ask(f"/ogc/collections/{IMAGES}/coverage", properties="4,3", **box)
    with rasterio.MemoryFile(answer.content) as memory, memory.open() as image:
        near, red = image.read().astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.clip(((near - red) / (near + red) + 1) * 127.5, 0, 255)
    known = drawn[..., 3] > 0
    assert known.mean() > 0.9 and np.abs(drawn[..., 0][known] - expected[known]).max() <= 1


@pytest.mark.parametrize(
    "expression",
    ["__import__('os').system('id')", "b1.real", "b1[0]", "(lambda: b1)()", "b1**b1", "b1**99", "[x for x in b1]",
     "b1 if b1 else b2", "b99999", "1+1", "b1+" * 70 + "b1", "where(b1,b2)", "b1 and b2", "b1:=3", "'a'*9", "exp", "(" * 90 + "b1" + ")" * 90],
)  # fmt: skip
def test_band_math_is_arithmetic_only(ask: Ask, expression: str) -> None:
    """Names, attributes, calls, loops and endless arithmetic are refused with a sentence before any pixel is read."""
    answer = ask(f"/ogc/collections/{IMAGES}/map", expression=expression, width="8")
    if expression.startswith("("):
        assert answer.status_code in (200, 400)  # brackets alone are no operation
        return
    assert (answer.status_code == 400 and answer.json()["code"] == "maps-bad-expression") or expression == "b99999"
    assert answer.status_code == 400


def test_subset_is_the_delivered_values(ask: Ask, rasters: Path) -> None:
    """Heights cut in their own plane are the delivered ones; nodata of 3.4e38 never gets out."""
    source_path = rasters / "dem" / "srtm_41_19_4326.tif"
    with rasterio.open(source_path) as source:
        values, transform = source.read(1), source.transform
        window = rasterio.windows.Window(300, 200, 64, 48)
        west, south, east, north = rasterio.windows.bounds(window, transform)
        part = source.read(1, window=window)
    answer = ask(
        f"/ogc/collections/{HEIGHTS}/coverage", bbox=f"{west!r},{south!r},{east!r},{north!r}", width="64", height="48"
    )
    with rasterio.MemoryFile(answer.content) as memory, memory.open() as image:
        cut = image.read(1)
        assert image.crs.to_epsg() == 4490 and np.isnan(image.nodata)
    assert answer["Content-Type"].startswith("image/tiff") and values.shape == (619, 919)
    known = np.abs(part) < 1e38
    assert (np.isnan(cut) == ~known).all() and (cut[known] == part[known]).all()
    subset = ask(
        f"/ogc/collections/{HEIGHTS}/coverage", subset=f"Lat({south!r}:{north!r}),Lon({west!r}:{east!r})",
        scale__size="Lon(64),Lat(48)",
    )  # fmt: skip
    with rasterio.MemoryFile(subset.content) as memory, memory.open() as image:
        assert np.array_equal(image.read(1), cut, equal_nan=True)


def test_height_at_a_point(ask: Ask, rasters: Path) -> None:
    """The height at the middle of a pixel is that pixel's, in metres; beside the data it is a 404."""
    with rasterio.open(rasters / "dem" / "srtm_41_19_4326.tif") as source:
        lon, lat = map(float, source.xy(300, 400))
        expected = float(source.read(1)[300, 400])
    found = ask(f"/ogc/collections/{HEIGHTS}/position", coords=f"POINT({lon!r} {lat!r})").json()["properties"]["values"]
    assert found[0]["value"] == pytest.approx(expected, abs=0.01) and found[0]["unit"] == "m"
    assert ask(f"/ogc/collections/{HEIGHTS}/position", coords="POINT(0 0)").status_code == 404
    assert ask(f"/ogc/collections/{HEIGHTS}/position", coords="POINT(0)").status_code == 400


@pytest.mark.parametrize("style", ["relief", "hillshade", "slope", "image"])
def test_shape_of_the_ground(ask: Ask, style: str, rasters: Path) -> None:
    """Relief, shade, slope and grey of a DEM without overviews: drawn where it has heights, with many tones."""
    with rasterio.open(rasters / "dem" / "srtm_41_19_4326.tif") as source:
        west, south, east, north = source.bounds
    drawn = picture(
        ask(f"/ogc/collections/{HEIGHTS}/map", bbox=f"{west},{south},{east},{north}", width="300", style=style)
    )
    assert len(np.unique(drawn[..., :3])) > 60 and (drawn[..., 3] > 0).mean() > 0.5


def test_relief_as_a_layer_of_a_map(gallery: Gallery, rasters: Path) -> None:
    """``base:relief`` of compositions is the shade of the heights that the caller may see; none where there are none."""
    with rasterio.open(rasters / "dem" / "srtm_41_19_4326.tif") as source:
        box = Box(*source.bounds)

    def drawn(place: Box) -> np.ndarray:
        principal = principal_of(User.objects.get(username="g-steward"))
        data = draw_map(principal, [DrawnLayer("base:relief")], place, 4490, 200, 200)
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))

    assert len(np.unique(drawn(box)[..., :3])) > 60
    assert not drawn(Box(-120, -40, -119, -39))[..., 3].any()


@pytest.mark.parametrize(
    ("path", "query"),
    [("map", {"width": "99999", "height": "99999"}), ("coverage", {"width": "99999", "height": "99999"}),
     ("map", {"width": "0"}), ("map", {"width": "-5"}), ("map", {"bbox": "1,2,3"}), ("map", {"bbox": "3,2,1,nan"}),
     ("map", {"bands": "77"}), ("map", {"rescale": "9,1"}), ("map", {"colormap": "../../etc"}), ("map", {"gamma": "1e9"}),
     ("map", {"style": "x"}), ("map", {"f": "exe"}), ("map", {"bgcolor": "red"}), ("map", {"unknown": "1"}),
     ("map", {"bands": "1", "expression": "b1"}), ("coverage", {"subset": "Time(1:2)"}), ("coverage", {"crs": "EPSG:1"}),
     ("coverage", {"scale-size": "Lon(5)"}), ("coverage", {"properties": "none"}),
     ("map/tiles/WebMercatorQuad/99/0/0", {}), ("map/tiles/Nothing/1/0/0", {})],
)  # fmt: skip
def test_what_is_refused(ask: Ask, path: str, query: dict[str, str]) -> None:
    """Absurd sizes and unreadable parameters are 4xx with a sentence."""
    answer = ask(f"/ogc/collections/{IMAGES}/{path}", **query)
    assert answer.status_code in (400, 404) and answer.json()["detail_zh"], answer.content


def test_documents(ask: Ask) -> None:
    """Tile sets of both matrices, with the address template and the extent."""
    listed = ask(f"/ogc/collections/{IMAGES}/map/tiles").json()["tilesets"]
    assert [one["dataType"] for one in listed] == ["map", "map"] and "boundingBox" in listed[0]
    assert ask(f"/ogc/collections/{IMAGES}/map/tiles/CGCS2000Quad").json()["crs"].endswith("4490")
    assert ask(f"/ogc/collections/{IMAGES}/map/tiles", f="html").status_code == 200
