"""Parcels that should not be mapped as they are: slivers, needles, short edges, neighbours that are one. 图形与归并缺陷."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.defects.kinds import Bench, Kind, Seeded
from kunyu.project.sample_county.defects.sheet import NoRoom, Sheet
from kunyu.project.sample_county.defects.spots import DEPTH_M, Spot, inner_spot, inner_square
from kunyu.project.sample_county.layout import EPSG

STRIP_M, SHORT_M, NEEDLE_M = 0.5, 0.1, 0.12
"""Width of a sliver, length of a short edge, half the foot of a needle (3 m long: 4.6°)."""
_KEPT = ("DLBM", "QSXZ", "CZCSXM", "ZLDWDM", "GDPDJB", "GDLX", "KCXS", "ZZSXDM", "GDDB", "TBXHDM")
"""With QSDWDM, all in which two parcels of a village can differ, numbers and areas left out."""


def sliver(sheet: Sheet, bench: Bench) -> Seeded:
    """A strip half a metre wide along an edge is a parcel of its own."""
    spot = inner_spot(sheet)
    reach = spot.length / 2 - 1.0
    corners = [spot.at(-reach, 0), spot.at(-reach, -STRIP_M), spot.at(reach, -STRIP_M), spot.at(reach, 0)]
    shape = shapely.Polygon(corners[::-1])
    sheet.reshape(spot.row, spot.insert(sheet.polygon[spot.row], corners))
    new = _part_off(sheet, bench, spot.row, shape)
    _give_own_owner(sheet, new)
    return Seeded(("Q306",), (str(sheet.get(new, "BSM")),), shape)


def small_parcel(sheet: Sheet, bench: Bench) -> Seeded:
    """Eighty-one square metres in the middle of a parcel are one of their own: below the minimum mapped area."""
    row, square = inner_square(sheet, 9.0)
    rings = [*(shapely.get_coordinates(ring) for ring in sheet.polygon[row].interiors)]
    hole = shapely.get_coordinates(square.exterior)[::-1]
    sheet.reshape(row, shapely.Polygon(shapely.get_coordinates(sheet.polygon[row].exterior), [*rings, hole]))
    new = _part_off(sheet, bench, row, square)
    _give_own_owner(sheet, new)
    return Seeded(("Q306",), (str(sheet.get(new, "BSM")),), square)


def short_edge(sheet: Sheet, bench: Bench) -> Seeded:
    """Two vertices stand ten centimetres apart on an edge."""
    spot = inner_spot(sheet)
    points = [spot.at(-SHORT_M / 2, 0), spot.at(SHORT_M / 2, 0)]
    sheet.reshape(spot.row, spot.insert(sheet.polygon[spot.row], points))
    return Seeded(("Q307",), (str(sheet.get(spot.row, "BSM")),), shapely.LineString(points))


def needle(sheet: Sheet, bench: Bench) -> Seeded:
    """A needle of less than five degrees reaches into the neighbour, which leaves it room."""
    spot, back = _edge_of_both(sheet)
    points = [spot.at(-NEEDLE_M, 0), spot.at(0, DEPTH_M), spot.at(NEEDLE_M, 0)]
    sheet.reshape(spot.row, spot.insert(sheet.polygon[spot.row], points))
    sheet.reshape(spot.neighbour, back.insert(sheet.polygon[spot.neighbour], points[::-1]))
    return Seeded(("Q307",), (str(sheet.get(spot.row, "BSM")),), shapely.Point(points[1]))


def cut_parcel(sheet: Sheet, bench: Bench) -> Seeded:
    """A parcel is cut in two that agree in every attribute."""
    shapes = sheet.polygon
    wanted = (shapely.get_num_coordinates(shapes) < 400) & (shapely.area(shapes) > 3_000)
    wanted &= (shapely.get_num_interior_rings(shapes) == 0) & _not_linear(sheet)
    for row in sheet.free(wanted):
        found = _cut(shapes[row])
        if found is None:
            continue
        sheet.used.add(row)
        kept, parted, line = found
        sheet.reshape(row, kept)
        new = _part_off(sheet, bench, row, parted)
        ids = sorted(str(sheet.get(k, "BSM")) for k in (row, new))
        return Seeded(("Q310",), tuple(ids), line)
    raise NoRoom


def equal_owner(sheet: Sheet, bench: Bench) -> Seeded:
    """Two neighbours that differed in their owner only have the same."""
    same = np.array([_key(sheet, row) for row in range(sheet.polygon.size)])
    owners = sheet.values("QSDWDM").astype(str)
    for row in sheet.free(_not_linear(sheet)):
        near = sheet.tree.query(sheet.polygon[row], predicate="intersects")
        near = near[(near != row) & (same[near] == same[row])]
        shared = shapely.intersection(sheet.polygon[near], sheet.polygon[row])
        beside = near[shapely.length(shared) > 2.0]
        for other in beside.tolist():
            if other in sheet.used or (owners[beside] == owners[other]).sum() > 1 or owners[other] == owners[row]:
                continue
            if sheet.polygon[row].area + sheet.polygon[other].area > 500_000:
                continue
            sheet.used.update({row, other})
            for code in ("QSDWDM", "QSDWMC"):
                sheet.set(row, code, sheet.get(other, code))
            ids = sorted(str(sheet.get(k, "BSM")) for k in (row, other))
            return Seeded(("Q310",), tuple(ids), shapely.line_merge(shared[near == other][0]))
    raise NoRoom


def _key(sheet: Sheet, row: int) -> str:
    return "/".join(str(sheet.get(row, code)) for code in _KEPT)


def _not_linear(sheet: Sheet) -> NDArray[np.bool_]:
    return np.asarray(np.isnan(sheet.values("XZDWKD").astype(float)))


def _part_off(sheet: Sheet, bench: Bench, row: int, shape: shapely.Polygon) -> int:
    """Give ``shape`` a row of its own and take its area from ``row``; the village's sum stays."""
    new = sheet.append(row, bench.next_bsm(), shape)
    size = round(float(ellipsoidal_area(np.array([shape], dtype=object), EPSG)[0]), 2)
    for at, area in ((row, round(float(sheet.get(row, "TBMJ")) - size, 2)), (new, size)):
        ridge = sheet.get(row, "KCMJ")
        if ridge is not None:
            ridge = float(np.floor(area * float(sheet.get(row, "KCXS")) * 100 + 0.5) / 100)
        sheet.set(at, "TBMJ", area)
        sheet.set(at, "KCMJ", ridge)
        sheet.set(at, "TBDLMJ", round(area - (ridge or 0.0), 2))
    return new


def _give_own_owner(sheet: Sheet, row: int) -> None:
    """Name a villagers' group that no other parcel belongs to: the row is not one with its neighbours (Q310)."""
    code = str(sheet.get(row, "ZLDWDM"))[:12]
    sheet.set(row, "QSDWDM", f"{code}8{row:06d}")
    sheet.set(row, "QSDWMC", f"{sheet.get(row, 'ZLDWMC')}第{row}村民小组")


def _edge_of_both(sheet: Sheet) -> tuple[Spot, Spot]:
    """Find an edge that both neighbours have, where no built-up area or farmland ends; reserve both rows."""
    tried: set[int] = set()
    fields = np.char.startswith(sheet.values("DLBM").astype(str), "01")
    while True:
        before = set(sheet.used)
        try:
            spot = inner_spot(sheet)
        except NoRoom:
            sheet.used -= tried
            raise
        back = _reversed_edge(sheet, spot)
        alike = sheet.get(spot.row, "CZCSXM") == sheet.get(spot.neighbour, "CZCSXM")
        if back is not None and alike and fields[spot.row] == fields[spot.neighbour]:
            sheet.used -= tried
            return spot, back
        sheet.used = before | {spot.row}
        tried.add(spot.row)


def _reversed_edge(sheet: Sheet, spot: Spot) -> Spot | None:
    """Return the same edge as the neighbour's shell has it, None where it has another."""
    shell = shapely.get_coordinates(sheet.polygon[spot.neighbour].exterior)
    at = np.flatnonzero((shell[:-1] == spot.b).all(axis=1) & (shell[1:] == spot.a).all(axis=1))
    if not at.size:
        return None
    return Spot(spot.neighbour, spot.row, int(at[0]), spot.b, spot.a, -spot.along, -spot.outward)


def _cut(shape: shapely.Polygon) -> tuple[shapely.Polygon, shapely.Polygon, shapely.LineString] | None:
    """Cut a polygon between two of its vertices into halves of some size whose corners are blunt."""
    shell = shapely.get_coordinates(shape.exterior)[:-1]
    count = len(shell)
    for first in range(0, count, max(1, count // 12)):
        last = (first + count // 2) % count
        low, high = min(first, last), max(first, last)
        line = shapely.LineString(shell[[low, high]])
        halves = (
            shapely.Polygon(shell[low : high + 1]),
            shapely.Polygon(np.roll(shell, -high, axis=0)[: count - high + low + 1]),
        )
        if not shapely.covers(shape, line) or shapely.intersection(line, shape.boundary).geom_type != "MultiPoint":
            continue
        if all(half.is_valid and half.area > 1_200 and _blunt(half) for half in halves):
            return halves[0], halves[1], line
    return None


def _blunt(shape: shapely.Polygon) -> bool:
    """Whether every corner of the shell is wider than 15°."""
    step = np.diff(shapely.get_coordinates(shape.exterior), axis=0)
    after = np.roll(step, -1, axis=0)
    dot = -(step * after).sum(axis=1) / np.sqrt((step**2).sum(axis=1) * (after**2).sum(axis=1))
    return bool((dot < 0.9659).all())


SHAPE_KINDS: dict[str, dict[str, Kind]] = {
    "Q306": {"sliver": sliver, "small_parcel": small_parcel},
    "Q307": {"short_edge": short_edge, "needle": needle},
    "Q310": {"cut_parcel": cut_parcel, "equal_owner": equal_owner},
}
"""Kinds seeded in DLTB, by the rule they are named for."""
