"""Real data that nobody here made, delivered through the mapping files kept in the project and published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyogrio
import pytest

from kunyu.engines.ingest.models import Delivery
from kunyu.engines.ingest.publish import publish
from kunyu.engines.ingest.tests.delivered_files import OPERATOR, accepted
from kunyu.engines.ingest.uploads import mapping_path

Sql = Callable[..., list[tuple[Any, ...]]]


def count(path: str, layer: str) -> int:
    """Features that the source itself counts."""
    return int(pyogrio.read_info(path, layer=layer, force_feature_count=True)["features"])


def go_through(path: Path, mapping: str) -> Delivery:
    delivery = accepted(path, mapping=mapping_path(mapping))
    assert delivery.status == "accepted", delivery.events.latest("id").reason_en
    return publish(delivery.pk, OPERATOR)


def stored(sql: Sql, layer: str) -> tuple[int, int, float]:
    """Rows of a layer believed now, those with a geometry in the right reference system, and the least area."""
    ((rows, placed, least),) = sql(
        f"SELECT count(*), count(*) FILTER (WHERE ST_SRID(geom) = 4490 AND ST_GeometryType(geom) = 'ST_MultiPolygon'"
        f" AND ST_XMax(geom) <= 180 AND ST_YMax(geom) <= 90), min(area_m2) FROM onemap.{layer.lower()}_kunyu_open_2026_current"
    )
    return rows, placed, least


def test_finnish_terrain_polygons(node: None, sql: Sql, shared_data: Path) -> None:
    path = shared_data / "parcels" / "finland_topo_L4132R.zip"
    layers = [name for name, _ in pyogrio.list_layers(f"/vsizip/{path}")]
    expected = sum(count(f"/vsizip/{path}", name) for name in layers if name.startswith("m_") and name.endswith("_p"))
    assert expected == 4304
    go_through(path, "finland_terrain")
    rows, placed, least = stored(sql, "LANDCOVER")
    assert (rows, placed) == (expected, expected) and least > 0


def test_zoning_file_geodatabase(node: None, sql: Sql, shared_data: Path) -> None:
    path = shared_data / "parcels" / "trpa_zoning.gdb.zip"
    expected = sum(count(f"/vsizip/{path}", name) for name in ("area_plans", "zoning_local_plan_pas"))
    go_through(path, "trpa_zoning")
    assert stored(sql, "ZONING")[:2] == (expected, expected) == (385, 385)


def test_slovenian_geopackage(node: None, sql: Sql, shared_data: Path) -> None:
    path = shared_data / "parcels" / "slovenia_lulc" / "LULC.gpkg"
    done = go_through(path, "slovenia_lulc")
    assert stored(sql, "LULC")[:2] == (88, 88)
    assert done.layers.get().crs == "EPSG:32633"


def test_gbk_shapefile_without_prj(node: None, sql: Sql, shared_data: Path) -> None:
    """GBK text without .cpg comes out as Chinese, and the mapping gives the coordinate system."""
    go_through(shared_data / "parcels" / "cn_gbk_shapefile" / "chinese_encoding.shp", "anhui_counties")
    assert stored(sql, "BOUNDARY")[:2] == (78, 78)
    names = {row[0] for row in sql('SELECT "NAME" FROM onemap.boundary_kunyu_open_2026_current')}
    assert any("县" in name for name in names) and not any("\ufffd" in (name or "") for name in names)


def test_openstreetmap_extract(node: None, sql: Sql, shared_data: Path) -> None:
    path = shared_data / "parcels" / "osm_extracts" / "andorra.osm.pbf"
    done = go_through(path, "osm_landuse")
    polygons = pyogrio.read_arrow(path, layer="multipolygons", read_geometry=False)[1]
    for layer, tag in (("LANDUSE", "landuse"), ("NATURAL", "natural"), ("BUILDING", "building")):
        expected = polygons.num_rows - polygons.column(tag).null_count
        assert expected and stored(sql, layer)[:2] == (expected, expected)
    assert done.layers.get(layer_code="LANDUSE").loss["rows_left_out"] > 0  # said, not hidden


@pytest.mark.parametrize("name", ["raster/misc/corrupt.tif"])
def test_corrupt_image_is_refused_with_a_sentence(
    node: None, sql: Sql, shared_data: Path, map_digest: Callable[[], str], name: str
) -> None:
    from kunyu.engines.ingest.errors import BadRaster
    from kunyu.engines.ingest.models import RasterItem
    from kunyu.engines.ingest.process import process
    from kunyu.engines.ingest.tests.delivered_files import hand_in

    before = map_digest()
    delivery = hand_in(shared_data / name, dataset="10102-901@990101")
    with pytest.raises(BadRaster) as refused:
        process(delivery.pk)
    assert "corrupt.tif" in refused.value.detail_zh and "damaged" in refused.value.detail_en
    assert delivery.events.latest("id").code == "delivery.bad_raster"
    assert map_digest() == before and not RasterItem.objects.exists() and not delivery.layers.exists()
