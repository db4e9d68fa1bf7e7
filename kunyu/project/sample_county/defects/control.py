"""Defects of the control file: lines that cross, holes in the plan, areas and indicators that are off. 控制线与规划缺陷."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.defects.kinds import Seeded
from kunyu.project.sample_county.defects.sheet import NoRoom, Sheet
from kunyu.project.sample_county.defects.spots import inner_spot, inner_square
from kunyu.project.sample_county.layout import COUNTY, EPSG
from kunyu.project.sample_county.randomness import stream
from kunyu.project.sample_county.shelf import Shelf
from kunyu.project.sample_county.tables import GEOMETRY, control_layer

AREA_FIELD = {"STBHHX": "HXMJ", "CZKFBJ": "MJ", "GHYDYH": "YDYHMJ", "YJJBNT": "TBMJ", "XZYDYH": "YDYHMJ"}
_BUILDING = tuple(f"{number:02d}" for number in range(6, 17))
_FIRST_SERIAL = 90_000_001


class ControlBench:
    """The layers of the control file that carry defects, each whole on a ``Sheet``; ``finish`` puts them back."""

    def __init__(self, shelf: Shelf, seed: int) -> None:
        self._shelf, self._seed = shelf, seed
        self._sheets: dict[str, Sheet] = {}
        self._serial = _FIRST_SERIAL

    def sheet(self, code: str) -> Sheet:
        """Return a layer's rows.

        Raises
        ------
        NoRoom
            This county's control file has no such layer.
        """
        if code not in self._sheets:
            if code not in self._shelf.codes():
                raise NoRoom
            batch = pa.Table.from_batches(self._shelf.read(code)[1]).combine_chunks().to_batches()[0]
            rng = stream(self._seed, 12, list(self._shelf.layers).index(code))
            self._sheets[code] = _sheet(batch, rng)
            if code == "GHYDYH":  # moved over a field, planned construction would be a finding of its own
                building = np.char.startswith(self._sheets[code].values("YDYHFLDM").astype(str)[:, None], _BUILDING)
                self._sheets[code].used.update(np.flatnonzero(building.any(axis=1)).tolist())
        return self._sheets[code]

    def append(self, code: str, source: int, shape: shapely.Polygon, **values: Any) -> str:
        """Add a copy of a row with another shape, its own BSM and area; return the BSM."""
        bsm = f"{COUNTY}{control_layer(code).layer_code}{self._serial:08d}"
        self._serial += 1
        row = self.sheet(code).append(source, bsm, shape)
        for field, value in {AREA_FIELD[code]: _area(shape), **values}.items():
            self.sheet(code).set(row, field, value)
        return bsm

    def finish(self) -> None:
        """Put the spoiled layers on the shelf."""
        for code, sheet in self._sheets.items():
            self._shelf.replace(code, [sheet.result()])

    def empty(self, code: str) -> None:
        """Leave a layer without rows."""
        schema, _ = self._shelf.read(code)
        self._shelf.replace(code, [pa.RecordBatch.from_pylist([], schema=schema)])


def _sheet(batch: pa.RecordBatch, rng: np.random.Generator) -> Sheet:
    if GEOMETRY not in batch.schema.names:  # a table: no shape is looked at
        shapes = pa.array([shapely.to_wkb(shapely.Polygon())] * batch.num_rows, pa.binary())
        batch = batch.append_column(GEOMETRY, shapes)
        sheet = Sheet(batch, shapely.Polygon(), rng)
        sheet.batch = batch.drop_columns([GEOMETRY])
        return sheet
    return Sheet(batch, shapely.Polygon(), rng)


ControlKind = Callable[[ControlBench], Seeded]


def _area(shape: shapely.Geometry) -> float:
    return round(float(ellipsoidal_area(np.array([shape], dtype=object), EPSG)[0]), 2)


def _found(rule: str, layer: str, ids: tuple[str, ...], place: shapely.Geometry | None) -> Seeded:
    return Seeded((rule,), ids, place, layer=layer, file="control")


def _point(sheet: Sheet, row: int) -> shapely.Geometry | None:
    shape = sheet.polygon[row]
    return None if shapely.is_empty(shape) else shapely.point_on_surface(shape)


def cell(
    rule: str, layer: str, spoil: Callable[[Sheet, int], dict[str, Any]],
    where: Callable[[Sheet], NDArray[np.bool_]] | None = None,
) -> ControlKind:  # fmt: skip
    """Return the kind that writes what ``spoil`` says into one row of those that ``where`` says."""

    def seed(bench: ControlBench) -> Seeded:
        sheet = bench.sheet(layer)
        row = sheet.take(where(sheet) if where is not None else np.ones(sheet.polygon.size, bool))
        for code, value in spoil(sheet, row).items():
            sheet.set(row, code, value)
        return _found(rule, layer, (str(sheet.get(row, "BSM")),), _point(sheet, row))

    return seed


def _more(field: str, by: float) -> Callable[[Sheet, int], dict[str, Any]]:
    return lambda sheet, row: {field: round(float(sheet.get(row, field)) + by, 2)}


def missing_layer(bench: ControlBench) -> Seeded:
    """CZKFBJ holds no record."""
    bench.empty("CZKFBJ")
    return _found("P101", "CZKFBJ", (), None)


def multipart(bench: ControlBench) -> Seeded:
    """Two areas of farmland that do not touch stand in one record."""
    sheet = bench.sheet("YJJBNT")
    row = sheet.take(np.ones(sheet.polygon.size, bool))
    other = sheet.take(shapely.distance(sheet.polygon, sheet.polygon[row]) > 1)
    sheet.reshape(row, shapely.MultiPolygon([sheet.polygon[row], sheet.polygon[other]]))
    for field in ("TBMJ", "JBNTMJ"):
        sheet.set(row, field, round(float(sheet.get(row, field)) + float(sheet.get(other, field)), 2))
    sheet.remove(other)
    return _found("P302", "YJJBNT", (str(sheet.get(row, "BSM")),), _point(sheet, row))


def _bulge(bench: ControlBench, rule: str, sign: int) -> Seeded:
    """Move the middle of an edge of planned use outward (1) or inward (-1), by at most 2.5 m and 50 m²."""
    sheet = bench.sheet("GHYDYH")
    spot = inner_spot(sheet)
    apex = spot.at(0, sign * min(2.5, 100 / spot.length))
    sheet.reshape(spot.row, spot.insert(sheet.polygon[spot.row], [apex]))
    ids = sorted(str(sheet.get(one, "BSM")) for one in (spot.row, spot.neighbour))
    return _found(rule, "GHYDYH", tuple(ids), shapely.Polygon([spot.a, spot.b, apex]))


def plan_overlap(bench: ControlBench) -> Seeded:
    """Planned use reaches 2.5 m into its neighbour."""
    return _bulge(bench, "P303", 1)


def plan_hole(bench: ControlBench) -> Seeded:
    """Planned use leaves 2.5 m to its neighbour bare."""
    return _bulge(bench, "P304", -1)


def sliver(bench: ControlBench) -> Seeded:
    """Present use of 2 m by 2 m."""
    return _shrunk(bench, "P306", 2.0, lambda square: square)


def sharp_corner(bench: ControlBench) -> Seeded:
    """Present use with a corner of 8.8 degrees."""
    return _shrunk(bench, "P307", 20.0, _needle)


def _needle(square: shapely.Polygon) -> shapely.Polygon:
    west, south, _, _ = square.bounds
    return shapely.Polygon([(west, south), (west + 3, south), (west + 1.5, south + 19.5)])


def _shrunk(
    bench: ControlBench, rule: str, side_m: float, shape_of: Callable[[shapely.Polygon], shapely.Polygon]
) -> Seeded:
    sheet = bench.sheet("XZYDYH")
    row, square = inner_square(sheet, side_m)
    shape = shape_of(square)
    sheet.reshape(row, shape)
    sheet.set(row, "YDYHMJ", _area(shape))
    return _found(rule, "XZYDYH", (str(sheet.get(row, "BSM")),), shape)


def crossing(rule: str, line: str, other: str, **values: str) -> ControlKind:
    """Return the kind that adds 6 m by 6 m of ``line`` (with these values) inside a polygon of ``other``."""

    def seed(bench: ControlBench) -> Seeded:
        bench.sheet(line)
        row, square = inner_square(bench.sheet(other), 6.0)
        added = bench.append(line, 0, square, **values)
        return _found(rule, line, tuple(sorted((added, str(bench.sheet(other).get(row, "BSM"))))), square)

    return seed


def planned_on_farmland(bench: ControlBench) -> Seeded:
    """Housing is planned where permanent farmland lies."""
    sheet, fields = bench.sheet("GHYDYH"), bench.sheet("YJJBNT")
    held = np.zeros(sheet.polygon.size, bool)
    inside = shapely.point_on_surface(fields.polygon)
    held[sheet.tree.query(inside, predicate="within")[1]] = True
    row = sheet.take(held & (sheet.values("YDYHFLDM").astype(str) == "01"))
    sheet.set(row, "YDYHFLDM", "07")
    sheet.set(row, "YDYHFLMC", "居住用地")
    return _found("P404", "GHYDYH", (str(sheet.get(row, "BSM")),), _point(sheet, row))


def duplicate_number(bench: ControlBench) -> Seeded:
    """Two areas of farmland of one township bear one number."""
    sheet = bench.sheet("YJJBNT")
    row = sheet.take(np.ones(sheet.polygon.size, bool))
    other = sheet.take(sheet.values("XZQDM").astype(str) == sheet.get(row, "XZQDM"))
    sheet.set(row, "JBNTTBBH", sheet.get(other, "JBNTTBBH"))
    ids = sorted(str(sheet.get(one, "BSM")) for one in (row, other))
    return _found("F104", "YJJBNT", tuple(ids), _point(sheet, row))


def too_little_added(bench: ControlBench) -> Seeded:
    """The largest additions are booked as occupied, until what is added is less; one addition stays."""
    sheet = bench.sheet("YJJBNTBH")
    area = sheet.values("MJ").astype(float)
    added = sheet.values("BHLX").astype(str) == "BH"
    order = sorted(np.flatnonzero(added).tolist(), key=lambda one: -area[one])
    turned: list[int] = []
    while order and (not turned or (area[order].sum() >= area.sum() - area[order].sum() and len(order) > 1)):
        turned.append(order.pop(0))
        sheet.set(turned[-1], "BHLX", "ZY")
    if not turned:
        raise NoRoom
    sheet.used.update(turned)
    return _found("F105", "YJJBNTBH", tuple(sorted(str(sheet.get(one, "BSM")) for one in turned)), None)


def worse_added(bench: ControlBench) -> Seeded:
    """Every addition that is left is of the worst grade."""
    sheet = bench.sheet("YJJBNTBH")
    rows = [row for row in range(sheet.polygon.size) if sheet.get(row, "BHLX") == "BH"]
    if not rows:
        raise NoRoom
    for row in rows:
        sheet.set(row, "GDDB", 15)
    return _found("F106", "YJJBNTBH", tuple(sorted(str(sheet.get(row, "BSM")) for row in rows)), None)


def _class_is(field: str, *prefixes: str) -> Callable[[Sheet], NDArray[np.bool_]]:
    def where(sheet: Sheet) -> NDArray[np.bool_]:
        values = sheet.values(field).astype(str)
        return np.any([np.char.startswith(values, one) for one in prefixes], axis=0)

    return where


CONTROL_KINDS: dict[str, dict[str, ControlKind]] = {
    "P101": {"empty_line": missing_layer},
    "P201": {"other_county": cell("P201", "GHYDYH", lambda _s, _r: {"XZQDM": "990202001"})},
    "P302": {"farmland_in_two_parts": multipart},
    "P303": {"plan_overlap": plan_overlap},
    "P304": {"plan_hole": plan_hole},
    "P306": {"plan_sliver": sliver},
    "P307": {"plan_spike": sharp_corner},
    "P401": {"red_line_on_farmland": crossing("P401", "STBHHX", "YJJBNT")},
    "P402": {"growth_on_red_line": crossing("P402", "CZKFBJ", "STBHHX", GHFQDM="TXQ", GHFQMC="城镇弹性发展区")},
    "P403": {"growth_on_farmland": crossing("P403", "CZKFBJ", "YJJBNT", GHFQDM="JZQ", GHFQMC="城镇集中建设区")},
    "P404": {"planned_on_farmland": planned_on_farmland},
    "P405": {
        "wrong_conversion": cell(
            "P405", "XZYDYH", lambda _s, _r: {"YDYHFLDM": "1001", "YDYHFLMC": "工业用地"}, _class_is("DLBM", "07", "08")
        )
    },
    "P501": {
        f"stated_{layer.lower()}": cell("P501", layer, _more(AREA_FIELD[layer], 500.0))
        for layer in ("STBHHX", "CZKFBJ", "GHYDYH", "YJJBNT")
    },
    "P502": {"indicator": cell("P502", "GHZB", lambda sheet, row: {"ZBZ": round(float(sheet.get(row, "ZBZ")) + 1, 4)})},
    "F101": {"woodland_as_farmland": cell("F101", "YJJBNT", lambda _s, _r: {"DLBM": "0301", "DLMC": "乔木林地"})},
    "F103": {"more_than_the_parcel": cell("F103", "YJJBNT", _more("JBNTMJ", 5.0))},
    "F104": {"number_twice": duplicate_number},
    "F105": {"too_little_added": too_little_added},
    "F106": {"worse_added": worse_added},
}
"""Kinds seeded in the control file, by the rule they are named for, in the order they are seeded."""
CONTROL_MOST = {"P101": 1, "P401": 2, "P502": 2, "F103": 10, "F105": 1, "F106": 1}
ALONE = frozenset({"P101"})
"""Rules whose defect takes away what others are seeded in: not among ``all``."""


def seed_control(shelf: Shelf, wanted: list[tuple[str, str]], seed: int) -> tuple[list[Seeded], list[tuple[str, str]]]:
    """Seed the control file; return the defects in the order asked for, and (rule, kind) of those without a place."""
    bench = ControlBench(shelf, seed)
    order = list(CONTROL_KINDS)
    found: dict[int, Seeded] = {}
    for number, (rule, kind) in sorted(enumerate(wanted), key=lambda one: (order.index(one[1][0]), one[0])):
        try:
            found[number] = replace(CONTROL_KINDS[rule][kind](bench), kind=kind)
        except NoRoom:
            continue
    bench.finish()
    return [found[number] for number in sorted(found)], [one for at, one in enumerate(wanted) if at not in found]
