"""What an image says of how it was taken (R-093: sensor, time and cloud cover are searched by)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from kunyu.engines.ingest.errors import BadRaster
from kunyu.engines.ingest.models import RasterItem
from kunyu.engines.ingest.process import process
from kunyu.engines.ingest.publish import publish
from kunyu.engines.ingest.raster_metadata import Taken, read_taken
from kunyu.engines.ingest.tests.delivered_files import OPERATOR, accepted, hand_in
from kunyu.engines.ingest.tests.test_raster import IMAGES, write_image

HEIGHTS = "10104-901@990101"


def test_names_of_scenes() -> None:
    """Landsat and Sentinel-2 names say satellite and sensor; another name says nothing."""
    assert read_taken("LT52240631988227CUB02_B1.TIF", {}) == Taken("LANDSAT_5", "TM")
    assert read_taken("LE07_L1TP_120038_20020712.tif", {}) == Taken("LANDSAT_7", "ETM")
    assert read_taken("S2A_MSIL2A_20200101.tif", {}) == Taken("SENTINEL-2A", "MSI")
    assert read_taken("village.tif", {}) == Taken()


def test_tags_beside_and_limits(tmp_path: Path) -> None:
    """A STAC item beside the image is believed before its tags; a cloud cover beyond 100 % is not."""
    item = tmp_path / "scene.json"
    item.write_text(json.dumps({"properties": {
        "datetime": "2024-06-15T02:30:00Z", "platform": "gf-2", "instruments": ["pms"], "eo:cloud_cover": 3.5,
        "view:off_nadir": 12}}))  # fmt: skip
    told = read_taken("scene.tif", {"CLOUD_COVER": "40", "SPACECRAFT_ID": "X"}, [item])
    assert told == Taken("gf-2", "pms", 3.5, off_nadir=12.0, taken_at=datetime(2024, 6, 15, 2, 30, tzinfo=UTC))
    assert read_taken("scene.tif", {"cloud_cover": "140", "SENSORID": "PMS1"}).cloud_cover is None
    item.write_text("[1]")
    assert read_taken("scene.tif", {"CLOUDCOVER": "7"}, [item]) == Taken(cloud_cover=7.0)


def test_landsat_with_its_description(node: None, shared_data: Path, tmp_path: Path) -> None:
    """Seven bands and the MTL of a real Landsat 5 scene, delivered as a zip."""
    folder = shared_data / "raster" / "landsat5_tm_bands"
    bundle = tmp_path / "scene.zip"
    with ZipFile(bundle, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    publish(accepted(bundle, dataset=IMAGES).pk, OPERATOR)
    items = list(RasterItem.objects.all())
    assert len(items) == 7
    assert {(one.platform, one.sensor, one.cloud_cover) for one in items} == {("LANDSAT_5", "TM", 0.0)}
    assert {one.taken_at for one in items} == {datetime(1988, 8, 14, 13, 0, 47, tzinfo=UTC)}
    assert items[0].details["sun_azimuth"] == pytest.approx(61.96724978)


def test_heights_go_where_the_dataset_says(node: None, sql: Callable[..., Any], shared_data: Path) -> None:
    """A DEM whose nodata is 3.4e38 is filed under the grid of heights, its range without the nodata."""
    done = publish(accepted(shared_data / "raster" / "dem" / "srtm_41_19_4326.tif", dataset=HEIGHTS).pk, OPERATOR)
    ((count, name),) = sql('SELECT count(*), max("NAME") FROM onemap.elevation_kunyu_open_2026_current')
    item = RasterItem.objects.get()
    assert (count, name, item.dataset_code, done.status) == (1, "srtm_41_19_4326.tif", HEIGHTS, "published")
    assert item.bands[0]["max"] < 3_000 and item.details["transform"][0] == pytest.approx(0.00083883)


def test_a_reference_to_other_files_is_no_image(node: None, tmp_path: Path) -> None:
    """A VRT under the name of an image could read any file of this machine: it is refused."""
    secret = write_image(tmp_path / "secret.tif")
    trap = tmp_path / "trap.tif"
    trap.write_text(
        '<VRTDataset rasterXSize="600" rasterYSize="600"><SRS>EPSG:4526</SRS><GeoTransform>38500000,2,0,3820000,0,-2'
        '</GeoTransform><VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename relativeToVRT="0">'
        f"{secret}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(BadRaster):
        process(hand_in(trap, dataset=IMAGES).pk)
    assert not RasterItem.objects.exists()
