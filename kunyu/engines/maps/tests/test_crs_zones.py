"""Every offered CRS against pyproj: all CGCS2000 zones, three and six degrees wide, with and without prefix (Part 2)."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import CRS, Transformer

from kunyu.engines.maps import crs
from kunyu.kernel.errors import KunyuError


def test_all_zones_of_cgcs2000_are_offered() -> None:
    """6 degrees: zones 13–23 with prefix and by meridian 75E–135E; 3 degrees: zones 25–45 and 75E–135E; nothing else."""
    from pyproj.database import query_crs_info

    named = {
        int(one.code)
        for one in query_crs_info(auth_name="EPSG", pj_types=["PROJECTED_CRS"])
        if one.name.startswith("CGCS2000 / ") and "Gauss" in one.name and not one.deprecated
    }
    assert named == set(crs.ZONES), sorted(named ^ set(crs.ZONES))
    assert {4490, 4326, 3857} < set(crs.OFFERED)


@pytest.mark.parametrize("epsg", crs.OFFERED)
def test_axis_order_and_way_back(epsg: int) -> None:
    """Coordinates in the order the CRS declares come back to longitude, latitude within a tenth of a millimetre."""
    definition = CRS.from_epsg(epsg)
    offered = crs.offered(crs.EPSG_URI.format(epsg))
    first = definition.axis_info[0].direction
    assert offered.is_swapped == (first == "north")
    area = definition.area_of_use
    assert area is not None
    lon = (area.west + area.east) / 2 if area.west < area.east else 105.0
    lat = max(min((area.south + area.north) / 2, 50), 20)
    box = np.array([(lon, lat), (lon + 0.01, lat), (lon + 0.01, lat + 0.01), (lon, lat + 0.01)])
    forward = Transformer.from_crs(CRS.from_epsg(4490), definition)  # both in their declared order
    given = np.column_stack(forward.transform(box[:, 1], box[:, 0]))
    found = crs.lonlat_geometry(shapely.Polygon(given), offered)
    assert np.abs(shapely.get_coordinates(found)[:4] - box).max() < 1e-9
    by_box = [*given.min(axis=0), *given.max(axis=0)]
    bounds = np.array(crs.bbox_polygon(by_box, offered).bounds)
    assert (bounds[:2] <= box.min(axis=0) + 1e-9).all() and (bounds[2:] >= box.max(axis=0) - 1e-9).all()


def test_prefix_of_the_zone_is_in_the_easting() -> None:
    """Zone 38 of three degrees: 4526 writes 38 in front, 4547 (114E) does not; both are the same place."""
    with_prefix, without = (Transformer.from_crs(4490, epsg).transform(34.5, 113.5) for epsg in (4526, 4547))
    assert with_prefix[1] - without[1] == pytest.approx(38_000_000)
    points = [
        crs.lonlat_geometry(shapely.Point(place), crs.offered(f"EPSG:{epsg}"))
        for place, epsg in ((with_prefix, 4526), (without, 4547))
    ]
    assert points[0].distance(points[1]) < 1e-10


@pytest.mark.parametrize("wrong", [(34.5, 113.5), (1e9, 1e9), (float("inf"), 0)])
def test_coordinates_of_another_crs_are_refused_or_far(wrong: tuple[float, float]) -> None:
    """Degrees given as metres lie near the origin of the zone, never in the county; nonsense is refused."""
    try:
        found = crs.lonlat_geometry(shapely.Point(wrong), crs.offered("EPSG:4526"))
    except KunyuError as error:
        assert error.http_status == 400
    else:
        assert abs(found.y) < 1
