"""Programs that people use read the running node: GDAL (two builds). QGIS has a module of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kunyu.engines.maps.tests.county import PARCELS
from tests.conformance.conftest import Node

pytestmark = pytest.mark.django_db
ZONE = "EPSG:4526"


def _run(command: list[str], node: Node, **environment: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **_gdal(node), **environment}
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _gdal(node: Node) -> dict[str, str]:
    # older GDAL takes the token as a header; newer GDAL sends its own headers only, but knows bearer tokens
    token = node.county.steward
    return {
        "GDAL_HTTP_HEADERS": f"Authorization: Bearer {token}",
        "GDAL_HTTP_AUTH": "BEARER",
        "GDAL_HTTP_BEARER": token,
    }


@pytest.fixture
def ogrinfo() -> str:
    path = shutil.which("ogrinfo")
    if path is None:
        pytest.skip("ogrinfo is not installed (Debian package gdal-bin)")
    return path


def test_ogrinfo_lists_and_counts(node: Node, ogrinfo: str) -> None:
    """Issue part 7: GDAL (OAPIF:) reads the node: layers, feature count, extent, fields."""
    said = _run([ogrinfo, "-ro", f"OAPIF:{node.root}/ogc"], node)
    assert PARCELS in said and "地类图斑" in said
    summary = _run([ogrinfo, "-ro", "-so", f"OAPIF:{node.root}/ogc", PARCELS], node)
    assert "Feature Count: 401" in summary
    assert "DLBM: String" in summary and "TBMJ: Real" in summary


def test_ogr2ogr_pages_through_everything_in_place(node: Node, ogrinfo: str) -> None:
    """All pages, coordinates lon/lat, nothing twice; a box is answered by the node."""
    ogr2ogr = str(Path(ogrinfo).with_name("ogr2ogr"))
    source = [f"OAPIF:{node.root}/ogc", PARCELS, "-oo", "PAGE_SIZE=150"]
    everything = json.loads(_run([ogr2ogr, "-f", "GeoJSON", "/vsistdout/", *source], node))["features"]
    assert len({one["properties"]["TBBH"] for one in everything}) == 401 - 1  # parcel 1 of both counties is "1"
    assert len(everything) == 401
    first = next(one for one in everything if one["properties"]["BSM"] == "990101211000000003")
    assert min(first["geometry"]["coordinates"][0][0]) == pytest.approx([113.004, 34.5])
    some = json.loads(
        _run(
            [ogr2ogr, "-f", "GeoJSON", "/vsistdout/", *source, "-spat", "113.0021", "34.5021", "113.0059", "34.5059"],
            node,
        )
    )
    assert len(some["features"]) == 4


READ_ONE = """
import sys, pyogrio, shapely
_, _, geometry, _ = pyogrio.raw.read(sys.argv[1], layer=sys.argv[2], CRS=sys.argv[3], where="BSM = '990101211000000003'")
print(len(geometry), *shapely.from_wkb(geometry[0]).bounds)
"""


@pytest.mark.parametrize(
    ("crs", "low", "high"),
    [("EPSG:4326", (113.0, 34.5), (113.05, 34.55)), (ZONE, (38.40e6, 3.81e6), (38.42e6, 3.83e6))],
)
def test_newer_gdal_puts_axes_of_other_crs_right(
    node: Node, crs: str, low: tuple[float, float], high: tuple[float, float]
) -> None:
    """The GDAL of the pyogrio wheel asks for a CRS by URI and reads its axis order (OGC 18-058r1)."""
    said = _run([sys.executable, "-c", READ_ONE, f"OAPIF:{node.root}/ogc", PARCELS, crs], node)
    found, west, south, east, north = map(float, said.split())
    assert found == 1
    assert low[0] <= west <= east <= high[0] and low[1] <= south <= north <= high[1]


def test_gdal_opens_a_tile(node: Node, ogrinfo: str, tmp_path: Path) -> None:
    """GDAL's MVT driver decodes a tile as the node writes it."""
    tile = tmp_path / "6516.pbf"
    tile.write_bytes(node.open(f"/ogc/collections/{PARCELS}/tiles/WebMercatorQuad/14/6516/13335").read())
    said = _run([ogrinfo, "-ro", "-so", "-al", f"MVT:{tile}"], node)
    assert f"Layer name: {PARCELS}" in said and "Geometry: Polygon" in said
