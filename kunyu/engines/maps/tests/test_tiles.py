"""Vector tiles against brute force: nothing missing at edges, coordinates within a unit, time, rights, errors."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import mapbox_vector_tile
import numpy as np
import pytest
import shapely

from kunyu.engines.maps.grids import BUFFER_SHARE, CGCS2000_QUAD, MVT_EXTENT, WEB_MERCATOR_QUAD, TileMatrixSet
from kunyu.engines.maps.tests import county as truth
from kunyu.engines.maps.tests.county import PARCELS, County
from kunyu.engines.maps.tiles import TileAddress

Ask = Callable[..., Any]
TILES = f"/ogc/collections/{PARCELS}/tiles"


def address_of(grid: TileMatrixSet, zoom: int, lon: float, lat: float) -> TileAddress:
    """The tile that holds a point, by the textbook formula rather than by the code under test."""
    if grid is CGCS2000_QUAD:
        side = 180 / 2**zoom
        return TileAddress(grid, zoom, int((90 - lat) // side), int((lon + 180) // side))
    row = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**zoom
    return TileAddress(grid, zoom, int(row), int((lon + 180) / 360 * 2**zoom))


def path_of(address: TileAddress) -> str:
    return f"{TILES}/{address.grid.id}/{address.zoom}/{address.row}/{address.column}"


def decode(data: bytes, layer: str = PARCELS) -> list[dict[str, Any]]:
    return mapbox_vector_tile.decode(data, default_options={"y_coord_down": True})[layer]["features"]


def parcels_today() -> dict[str, shapely.Geometry]:
    """Number of each parcel of county 990101 valid today, as the module county.py describes them."""
    squares = {}
    for number in (1, *range(3, 402)):
        column, row = (number - 1) % truth.ACROSS, (number - 1) // truth.ACROSS
        west, south = truth.WEST + truth.SIDE * column, truth.SOUTH + truth.SIDE * row
        squares[str(number)] = shapely.box(west, south, west + truth.SIDE, south + truth.SIDE)
    return squares


def around(address: TileAddress) -> Iterator[TileAddress]:
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            yield TileAddress(address.grid, address.zoom, address.row + row, address.column + column)


@pytest.mark.parametrize("grid", [WEB_MERCATOR_QUAD, CGCS2000_QUAD], ids=lambda grid: grid.id)
@pytest.mark.parametrize("zoom", [12, 13, 14, 15, 17])
def test_no_feature_is_missing_from_a_buffered_tile(ask: Ask, grid: TileMatrixSet, zoom: int) -> None:
    """Every parcel that reaches into the tile with its buffer is in it, and no other."""
    squares = parcels_today()
    checked = 0
    for address in around(address_of(grid, zoom, 113.0213, 34.5187)):
        plane = address.plane.buffered(BUFFER_SHARE)
        reach = grid.lonlat(plane)
        tile = shapely.box(reach.x_min, reach.y_min, reach.x_max, reach.y_max)
        unit = (reach.x_max - reach.x_min) / MVT_EXTENT
        # a sliver thinner than one unit vanishes when coordinates become whole numbers
        certain = {n for n, square in squares.items() if _thickness(square, tile) > 2 * unit}
        possible = {n for n, square in squares.items() if square.intersects(tile)}
        answer = ask(path_of(address), properties="TBBH")
        found = {one["properties"]["TBBH"] for one in decode(answer.content)} if answer.status_code == 200 else set()
        assert certain <= found <= possible, address
        checked += len(certain)
    assert checked > (3 if zoom == 17 else 100)


def _thickness(square: shapely.Geometry, tile: shapely.Geometry) -> float:
    west, south, east, north = square.intersection(tile).bounds or (0, 0, 0, 0)
    return min(east - west, north - south)


def test_unprojected_tiles_are_within_one_unit_of_projected_ones(ask: Ask) -> None:
    """architecture.md §6: from zoom 12 the lon/lat bounds stand in for the projection, within 1 of 4096 units."""
    address = address_of(WEB_MERCATOR_QUAD, 12, 113.02, 34.52)
    squares, plane = parcels_today(), address.plane
    worst = 0.0
    for one in decode(ask(path_of(address), properties="TBBH").content):
        ring = np.array(one["geometry"]["coordinates"][0], dtype=float)
        if ring.min() < 0 or ring.max() > MVT_EXTENT:
            continue
        lonlat = np.array(squares[one["properties"]["TBBH"]].exterior.coords)
        x = 6378137.0 * np.radians(lonlat[:, 0])
        y = 6378137.0 * np.arcsinh(np.tan(np.radians(lonlat[:, 1])))
        exact = np.column_stack([x - plane.x_min, plane.y_max - y]) / (plane.x_max - plane.x_min) * MVT_EXTENT
        gaps = np.abs(exact[:, None, :] - ring[None, :, :]).max(axis=2).min(axis=1)
        worst = max(worst, float(gaps.max()))
    assert 0 < worst <= 1.5  # one unit, and half a unit of rounding


def test_default_attributes_and_choice(ask: Ask) -> None:
    """A tile carries key, class and area as numbers and text; ``properties`` replaces the list."""
    address = address_of(WEB_MERCATOR_QUAD, 15, 113.0101, 34.5101)
    first = next(one for one in decode(ask(path_of(address)).content) if "BSM" in one["properties"])
    assert first["properties"] == {"BSM": first["properties"]["BSM"], "DLBM": "0103", "TBMJ": 37000.25}
    assert isinstance(first["id"], int)
    assert decode(ask(path_of(address), properties="").content)[0]["properties"] == {}
    assert ask(path_of(address), properties="NOPE").status_code == 400


def test_time_of_a_tile(ask: Ask) -> None:
    """The class of parcel 1 in the tile is that of the day and of the knowledge asked for."""
    address = address_of(WEB_MERCATOR_QUAD, 16, 113.001, 34.501)

    def classes(**query: str) -> dict[str, str]:
        found = decode(ask(path_of(address), properties="BSM,DLBM", **query).content)
        return {one["properties"]["BSM"]: one["properties"]["DLBM"] for one in found}

    assert classes()[County.bsm(1)] == "0701"
    assert County.bsm(2) not in classes()
    past = classes(valid_at="2025-12-30")
    assert past[County.bsm(1)] == "0103" and County.bsm(2) in past
    assert classes(known_at="2026-03-01T00:00:00Z") == past


def test_headers_and_conditional_requests(ask: Ask) -> None:
    """ETag, both times, private cache rules; 304 for an unchanged tile, 204 for an empty one."""
    path = path_of(address_of(WEB_MERCATOR_QUAD, 14, 113.02, 34.52))
    first = ask(path)
    assert first["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert first["Kunyu-Known-At"] == "2026-06-01T08:00:00.000000Z" and first["Kunyu-Valid-At"]
    assert first["Cache-Control"] == "private, no-cache"
    assert ask(path, headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert ask(path, who="neighbour")["ETag"] != first["ETag"]
    empty = ask(path_of(address_of(WEB_MERCATOR_QUAD, 14, 0, 0)))
    assert empty.status_code == 204 and empty.content == b"" and empty["ETag"]


def test_row_comes_before_column(ask: Ask) -> None:
    """OGC order: swapping row and column does not find the county."""
    address = address_of(WEB_MERCATOR_QUAD, 12, 113.02, 34.52)
    assert ask(path_of(address)).status_code == 200
    swapped = TileAddress(address.grid, 12, address.column, address.row)
    assert ask(path_of(swapped)).status_code == 204


def test_rights_in_tiles(ask: Ask) -> None:
    """A division's officer gets that division's features only; others get what the contract says."""
    path = path_of(address_of(WEB_MERCATOR_QUAD, 14, 113.02, 34.52))
    assert ask(path, who="neighbour").status_code == 204
    east = path_of(address_of(WEB_MERCATOR_QUAD, 14, 114.001, 34.501))
    assert len(decode(ask(east, who="neighbour").content)) == 1
    assert [ask(path, who=who).status_code for who in ("stranger", "onlooker", None)] == [404, 403, 401]


@pytest.mark.parametrize("place", ["12/4096/0", "12/0/4096", "25/0/0"])
def test_tiles_outside_the_matrix(ask: Ask, place: str) -> None:
    """404 with a sentence, not an empty tile."""
    assert ask(f"{TILES}/WebMercatorQuad/{place}").status_code == 404


def test_small_scale_says_what_it_leaves_out(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below zoom 12: sub-pixel features are left out under ``Kunyu-Generalised``; a limit shows in ``Kunyu-Truncated``."""
    whole = ask(path_of(address_of(WEB_MERCATOR_QUAD, 10, 113.02, 34.52)))
    assert whole["Kunyu-Generalised"] == "smaller-than-pixel" and "Kunyu-Truncated" not in whole
    assert len(decode(whole.content)) == 400
    tiny = ask(path_of(address_of(WEB_MERCATOR_QUAD, 5, 113.02, 34.52)))
    assert tiny.status_code == 204 and tiny["Kunyu-Generalised"]

    from kunyu.engines.maps import tiles
    from kunyu.engines.maps.settings import MapsSettings

    monkeypatch.setattr(tiles, "maps_settings", lambda: MapsSettings(small_scale_features=30))
    cut = ask(path_of(address_of(WEB_MERCATOR_QUAD, 10, 113.02, 34.52)), valid_at="2026-01-01")
    assert cut["Kunyu-Truncated"] == "largest 30"
    assert len(decode(cut.content)) == 30


def test_small_scale_is_projected_and_geographic_grid_is_not(ask: Ask) -> None:
    """At zoom 10 a parcel's corner lies where the projection puts it, to a unit of 1024."""
    for grid in (WEB_MERCATOR_QUAD, CGCS2000_QUAD):
        address = address_of(grid, 10, 113.02, 34.52)
        tile = mapbox_vector_tile.decode(
            ask(path_of(address), properties="TBBH").content, default_options={"y_coord_down": True}
        )[PARCELS]
        assert tile["extent"] == 1024
        one = next(f for f in tile["features"] if f["properties"]["TBBH"] == "211")
        square, plane = parcels_today()["211"], address.plane
        lon, lat = square.bounds[0], square.bounds[3]
        x, y = (lon, lat) if grid.is_geographic else (
            6378137.0 * math.radians(lon), 6378137.0 * math.asinh(math.tan(math.radians(lat)))
        )  # fmt: skip
        expected = np.array([x - plane.x_min, plane.y_max - y]) / (plane.x_max - plane.x_min) * 1024
        ring = np.array(one["geometry"]["coordinates"][0])
        assert np.abs(ring - expected).max(axis=1).min() <= 1


def test_statement_timeout_becomes_a_503_problem(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query nobody should wait for ends with a sentence that says what to do."""
    from kunyu.engines.catalogue.served import serving
    from kunyu.engines.catalogue.served.settings import ServingSettings

    serving.close_pools()
    monkeypatch.setattr(serving, "serving_settings", lambda: ServingSettings(statement_timeout_ms=1))
    answers = [ask(f"/ogc/collections/{PARCELS}/items", limit=1000, crs="EPSG:4526") for _ in range(5)]
    serving.close_pools()
    slow = [one for one in answers if one.status_code == 503]
    assert slow, "one millisecond should not suffice for 401 transformed features"
    assert slow[0].json()["code"] == "maps-too-slow" and "bbox" in slow[0].json()["detail_zh"]


@pytest.mark.parametrize("zoom", [12, 14, 16])
def test_thinned_lines_stay_within_one_unit(ask: Ask, zoom: int) -> None:
    """A winding line of 2,000 vertices: fewer in the tile, none of them, nor of the line, more than a unit apart."""
    line = next(c for c in ask("/ogc/collections").json()["collections"] if c["layer"] == "XZQJX")
    address = address_of(WEB_MERCATOR_QUAD, zoom, 113.02, 34.51)
    path = f"/ogc/collections/{line['id']}/tiles/WebMercatorQuad/{zoom}/{address.row}/{address.column}"
    drawn = shapely.from_geojson(json.dumps(decode(ask(path).content, line["id"])[0]["geometry"]))
    plane = address.plane
    side = plane.x_max - plane.x_min

    def to_units(lonlat: np.ndarray) -> np.ndarray:
        x = 6378137.0 * np.radians(lonlat[:, 0])
        y = 6378137.0 * np.arcsinh(np.tan(np.radians(lonlat[:, 1])))
        return np.column_stack([x - plane.x_min, plane.y_max - y]) / side * MVT_EXTENT

    exact = shapely.transform(truth.LINE, to_units)
    inside = shapely.intersection(exact, shapely.box(-64, -64, MVT_EXTENT + 64, MVT_EXTENT + 64))
    # half a unit of thinning, half a diagonal of rounding, and the curve of the projection at zoom 12
    assert shapely.hausdorff_distance(drawn, inside, densify=0.01) < 1.5
    if zoom == 12:
        assert shapely.get_num_coordinates(drawn) < shapely.get_num_coordinates(inside) / 2
