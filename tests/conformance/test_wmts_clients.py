"""GDAL's WMTS driver reads the node: both matrix sets, right place, right colour, under the token's rights (R-092)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio

from kunyu.engines.maps.tests.county import PARCELS
from tests.conformance.conftest import Node

pytestmark = pytest.mark.django_db


def _run(command: list[str], token: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GDAL_HTTP_USERPWD": f"kunyu:{token}", "GDAL_ENABLE_WMS_CACHE": "NO"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


needs_gdal = pytest.mark.skipif(
    shutil.which("gdalinfo") is None, reason="gdalinfo is not installed (Debian package gdal-bin)"
)


@needs_gdal
@pytest.mark.parametrize(("grid", "epsg"), [("WebMercatorQuad", 3857), ("CGCS2000Quad", 4490)])
def test_gdal_draws_from_wmts(node: Node, tmp_path: Path, grid: str, epsg: int) -> None:
    """gdalinfo finds the layer and its CRS; a window of parcels has the colour of their class where they lie."""
    address = f"{node.root}/ogc/wmts?SERVICE=WMTS&REQUEST=GetCapabilities"
    source = f"WMTS:{address},layer={PARCELS},tilematrixset={grid}"
    said = _run(["gdalinfo", "-json", source], node.county.steward)
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert f'"EPSG",{epsg}]' in found["coordinateSystem"]["wkt"].replace(" ", "")
    corner = found["wgs84Extent"]["coordinates"][0][0]
    assert corner[0] == pytest.approx(113.0, abs=0.01) or corner[0] < 113.0
    out = tmp_path / "window.tif"
    window = ["-projwin_srs", "EPSG:4326", "-projwin", "113.0105", "34.5115", "113.0115", "34.5105"]
    drawn = _run(["gdal_translate", "-q", *window, "-outsize", "8", "8", source, str(out)], node.county.steward)
    assert drawn.returncode == 0, drawn.stderr
    with rasterio.open(out) as picture:
        middle = picture.read()[:, 4, 4].astype(int)
    assert np.abs(middle[:3] - (255, 255, 200)).max() <= 4 and middle[3] > 150


@needs_gdal
def test_gdal_without_rights_gets_nothing(node: Node) -> None:
    said = _run(
        ["gdalinfo", f"WMTS:{node.root}/ogc/wmts?REQUEST=GetCapabilities,layer={PARCELS}"], node.county.stranger
    )
    assert said.returncode != 0
