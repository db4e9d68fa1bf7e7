"""Images: GeoTIFF and ENVI → COG, footprint and STAC item (R-071)."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rio_cogeo.cogeo import cog_validate

from kunyu.engines.ingest.errors import BadRaster
from kunyu.engines.ingest.models import RasterItem
from kunyu.engines.ingest.process import process
from kunyu.engines.ingest.publish import publish
from kunyu.engines.ingest.storage import object_store
from kunyu.engines.ingest.tests.delivered_files import OPERATOR, accepted, hand_in

IMAGES = "10102-901@990101"
Sql = Callable[..., list[tuple[Any, ...]]]


def write_image(path: Path, *, crs: str | None = "EPSG:4526", size: int = 600, value: int = 7) -> Path:
    pixels = np.full((2, size, size), value, np.uint8)
    pixels[0, :, 0] = 1
    place = {"crs": crs, "transform": from_origin(38_500_000, 3_820_000, 2.0, 2.0)} if crs else {}
    with rasterio.open(path, "w", driver="GTiff", width=size, height=size, count=2, dtype="uint8", **place) as image:
        image.write(pixels)
    return path


def test_geotiff_becomes_cog_item_and_footprint(node: None, sql: Sql, tmp_path: Path) -> None:
    path = write_image(tmp_path / "survey_20240615.tif")
    done = publish(accepted(path, dataset=IMAGES).pk, OPERATOR)

    item = RasterItem.objects.get()
    cog = tmp_path / "stored.tif"
    object_store().copy_to(item.sm3, cog)
    valid, problems, _ = cog_validate(cog)
    with rasterio.open(path) as before, rasterio.open(cog) as after:
        assert (before.read() == after.read()).all() and after.crs == before.crs
    assert valid and problems == [] and done.status == "published" and item.is_published
    assert (item.epsg, item.width, len(item.bands)) == (4526, 600, 2)
    assert (item.bands[0]["min"], item.bands[0]["max"], item.bands[1]["min"]) == (1.0, 7.0, 7.0)
    assert item.gsd_m == pytest.approx(2.0, abs=0.002)
    assert item.taken_at == datetime.datetime(2024, 6, 15, tzinfo=datetime.UTC)
    ((name, stored, area),) = sql('SELECT "NAME", "OBJECT", area_m2 FROM onemap.imagery_kunyu_open_2026_current')
    assert (name, stored) == ("survey_20240615.tif", item.sm3) and area == pytest.approx(1200.0**2, rel=1e-3)


def test_a_second_image_is_added_and_the_same_one_replaced(node: None, sql: Sql, tmp_path: Path) -> None:
    for value in (7, 8, 7):
        path = write_image(tmp_path / "one.tif", value=value)
        publish(accepted(path, dataset=IMAGES).pk, OPERATOR)
    ((count,),) = sql("SELECT count(*) FROM onemap.imagery_kunyu_open_2026_current")
    assert count == 2


def test_image_without_place_is_refused(node: None, tmp_path: Path) -> None:
    delivery = hand_in(write_image(tmp_path / "nowhere.tif", crs=None), dataset=IMAGES)
    with pytest.raises(BadRaster) as refused:
        process(delivery.pk)
    assert "坐标系" in refused.value.detail_zh and delivery.events.latest("id").status == "failed"


def test_landsat_pair_of_nanjing(node: None, sql: Sql, shared_data: Path) -> None:
    done = publish(accepted(shared_data / "raster" / "landsat_pair_nanjing.zip", dataset=IMAGES).pk, OPERATOR)
    days = sorted(item.taken_at.date() for item in RasterItem.objects.all() if item.taken_at)
    assert days == [datetime.date(2000, 5, 3), datetime.date(2002, 7, 12)]
    assert {(i.width, i.height, len(i.bands)) for i in RasterItem.objects.all()} == {(800, 800, 6)}
    assert all(118 < i.west < i.east < 119.5 and 31 < i.south < i.north < 33 for i in RasterItem.objects.all())
    ((count, nanjing),) = sql(
        "SELECT count(*), bool_and(ST_Intersects(geom, ST_SetSRID(ST_MakePoint(118.8, 31.95), 4490)))"
        " FROM onemap.imagery_kunyu_open_2026_current"
    )
    assert (count, nanjing) == (2, True)
    assert done.summary["unmatched"] == ["change.bmp", "unchanged.bmp"]
