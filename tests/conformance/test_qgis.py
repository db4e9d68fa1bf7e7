"""QGIS itself, headless, reads the running node: features, a filter, vector tiles, WMTS. R-168, R-170.

Only in the long run, which installs QGIS (``tools/system_packages.sh test-long``).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kunyu.engines.maps.tests.county import PARCELS
from tests.conformance.conftest import Node

pytestmark = [pytest.mark.django_db, pytest.mark.long]
PYTHON = "/usr/bin/python3"  # QGIS's bindings belong to the system's interpreter
BEGIN = """
import sys
from qgis.core import (QgsApplication, QgsVectorLayer, QgsRasterLayer, QgsVectorTileLayer, QgsRectangle, QgsMapSettings,
                       QgsMapRendererSequentialJob, QgsCoordinateReferenceSystem, QgsAuthMethodConfig, QgsFeatureRequest,
                       QgsDataSourceUri)
from qgis.PyQt.QtCore import QSize
root, parcels, token = sys.argv[1:4]
QgsApplication.setPrefixPath("/usr", True)
app = QgsApplication([], False)
app.initQgis()
# QGIS of Debian 12 (3.22) knows no bearer tokens: the token is the password of HTTP Basic, as a person sets it up
keeper = QgsApplication.authManager()
keeper.setMasterPassword("tests", True)
config = QgsAuthMethodConfig("Basic")
config.setName("kunyu")
config.setConfig("username", "token")
config.setConfig("password", token)
assert keeper.storeAuthenticationConfig(config)[0]
auth = config.id()

def drawn(layer):
    '''The share of pixels that the layer draws over the county.'''
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    settings.setExtent(QgsRectangle(12579102, 4093500, 12583554, 4098900))
    settings.setOutputSize(QSize(256, 256))
    settings.setBackgroundColor(settings.backgroundColor().fromRgb(255, 255, 255))
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    picture = job.renderedImage()
    seen = sum(picture.pixelColor(x, y).name() != "#ffffff" for x in range(0, 256, 8) for y in range(0, 256, 8))
    return seen / 1024
"""
# without taking QGIS down: its bindings are known to crash when a layer outlives the application
END = "\nimport os\nsys.stdout.flush()\nos._exit(0)"


@pytest.fixture(scope="module")
def qgis() -> None:
    found = Path(PYTHON).exists() and subprocess.run(
        [PYTHON, "-c", "import qgis.core"], check=False, capture_output=True
    ).returncode == 0  # fmt: skip
    if not found:
        pytest.skip("QGIS is not installed (Debian packages qgis-providers and python3-qgis)")


def run(node: Node, script: str, tmp_path: Path) -> list[str]:
    """What a script of QGIS prints last, as words."""
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [PYTHON, "-c", BEGIN + script + END, node.root, PARCELS, node.county.steward],
        capture_output=True, text=True, timeout=120, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split()


def test_features_and_a_filter(node: Node, qgis: None, tmp_path: Path) -> None:
    """The OAPIF provider pages through all parcels, and asks for a box."""
    script = """
source = QgsDataSourceUri()
source.setParam("url", f"{root}/ogc")
source.setParam("typename", parcels)
source.setAuthConfigId(auth)
layer = QgsVectorLayer(source.uri(False), "p", "OAPIF")
assert layer.isValid(), layer.dataProvider().error().message()
box = QgsFeatureRequest(QgsRectangle(113.0021, 34.5021, 113.0059, 34.5059))
print(len(list(layer.getFeatures())), len(list(layer.getFeatures(box))), layer.fields().indexOf("DLBM") >= 0)
"""
    assert run(node, script, tmp_path)[-3:] == ["401", "4", "True"]


def test_vector_tiles_are_drawn(node: Node, qgis: None, tmp_path: Path) -> None:
    """A vector tile layer by its XYZ template shows the county."""
    script = """
from urllib.parse import quote
template = quote(f"{root}/ogc/collections/{parcels}/tiles/WebMercatorQuad/{{z}}/{{y}}/{{x}}", safe="{}")
layer = QgsVectorTileLayer(f"type=xyz&url={template}&zmin=0&zmax=16&authcfg={auth}", "t")
assert layer.isValid()
print(drawn(layer))
"""
    assert float(run(node, script, tmp_path)[-1]) > 0.4


def test_wmts_is_drawn(node: Node, qgis: None, tmp_path: Path) -> None:
    """The WMTS provider reads the capabilities and draws the layer."""
    script = """
address = (f"contextualWMSLegend=0&crs=EPSG:3857&format=image/png&layers={parcels}&styles=default"
           f"&tileMatrixSet=WebMercatorQuad&url={root}/ogc/wmts%3Fservice%3DWMTS%26request%3DGetCapabilities"
           f"&authcfg={auth}")
layer = QgsRasterLayer(address, "w", "wms")
assert layer.isValid(), layer.error().message()
print(drawn(layer))
"""
    assert float(run(node, script, tmp_path)[-1]) > 0.4
