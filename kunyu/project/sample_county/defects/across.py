"""Defects between layers and against tables: Q102, Q401 to Q409, Q504, Q508, Q509. 图层之间与汇总表的缺陷."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from kunyu.project.sample_county.defects.kinds import Bench, Kind, Seeded, unmarked
from kunyu.project.sample_county.defects.sheet import NoRoom, Sheet
from kunyu.project.sample_county.layout import COUNTY
from kunyu.project.sample_county.patches import cents_of
from kunyu.project.sample_county.shelf import Shelf
from kunyu.project.sample_county.tables import GEOMETRY, Cents, Rows, survey_layer

ALONE_M, BESIDE_M, OFF_M = 20.0, 1_000.0, 0.0018
"""Side of a square, how far it lies outside the county, and how far an outline leaves a parcel's edge: 1.8 mm is more
than the 1 mm of Q403, while the triangle it cuts off is 0.9 mm wide on average, which no rule about areas may find."""


def _point(sheet: Sheet, row: int) -> shapely.Geometry:
    return shapely.point_on_surface(sheet.polygon[row])


def wrong_village(sheet: Sheet, bench: Bench) -> Seeded:
    """A parcel names the next village as its place; the sums of both villages are off."""
    own = str(sheet.get(0, "ZLDWDM"))
    codes = [code for code, _ in bench.villages]
    if len(codes) < 2:
        raise NoRoom
    at = codes.index(own)
    other = (at + 1) % len(codes)
    row = sheet.take(np.ones(sheet.polygon.size, dtype=bool))
    for code, value in zip(("ZLDWDM", "ZLDWMC", "TBBH"), (*bench.villages[other], str(90_000_000 + row)), strict=True):
        sheet.set(row, code, value)
    layer_code = survey_layer("CJDCQ").layer_code
    sums = tuple(f"{COUNTY}{layer_code}{one + 1:08d}" for one in (at, other))
    follow = Seeded(("Q508",), sums, None, "village_sums", "CJDCQ")
    return Seeded(("Q401",), (str(sheet.get(row, "BSM")),), _point(sheet, row), also=(follow,))


def mark_outside(sheet: Sheet, bench: Bench) -> Seeded:
    """A parcel outside every settlement bears a settlement's mark."""
    row = sheet.take(unmarked(sheet))
    sheet.set(row, "CZCSXM", "203")
    return Seeded(("Q404",), (str(sheet.get(row, "BSM")),), _point(sheet, row))


def other_coefficient(sheet: Sheet, bench: Bench) -> Seeded:
    """A field's ridge coefficient is a hundredth too high; its areas follow it."""
    row = sheet.take(np.asarray(np.nan_to_num(sheet.values("KCXS").astype(float)) > 0))
    factor = round(float(sheet.get(row, "KCXS")) + 0.01, 4)
    area = round(float(sheet.get(row, "TBMJ")) * 100)
    ridge = (area * round(factor * 10_000) + 5_000) // 10_000
    for code, value in (("KCXS", factor), ("KCMJ", ridge / 100), ("TBDLMJ", (area - ridge) / 100)):
        sheet.set(row, code, value)
    return Seeded(("Q504",), (str(sheet.get(row, "BSM")),), _point(sheet, row))


ACROSS_PARCEL_KINDS: dict[str, dict[str, Kind]] = {
    "Q401": {"wrong_village": wrong_village},
    "Q404": {"mark_outside": mark_outside},
    "Q504": {"other_coefficient": other_coefficient},
}
"""Kinds seeded in DLTB rows, by the rule they are named for."""


def missing_layer(shelf: Shelf, turn: int) -> Seeded:
    """GDDB is not delivered."""
    shelf.remove("GDDB")
    return Seeded(("Q102",), (), None, layer="GDDB")


def outline_off(shelf: Shelf, turn: int) -> Seeded:
    """The outline of a built-up area leaves the parcel's edge by 1.8 mm in the middle of its longest edge."""
    table, shapes = _read(shelf, "CZCDYD")
    if turn >= len(shapes):
        raise NoRoom
    row = len(shapes) - 1 - turn
    shell = shapely.get_coordinates(shapes[row].exterior)
    step = np.diff(shell, axis=0)
    at = int(np.hypot(*step.T).argmax())
    along = step[at] / np.hypot(*step[at])
    tip = np.round((shell[at] + shell[at + 1]) / 2 + OFF_M * np.array([-along[1], along[0]]), 4)
    holes = [shapely.get_coordinates(ring) for ring in shapes[row].interiors]
    shapes[row] = shapely.Polygon(np.insert(shell, at + 1, tip, axis=0), holes)
    _write(shelf, "CZCDYD", table, shapes)
    return Seeded(("Q403",), (table.column("BSM")[row].as_py(),), shapely.Point(tip), layer="CZCDYD")


def use_outside_the_county(shelf: Shelf, turn: int) -> Seeded:
    """An approved plot lies a kilometre outside the county."""
    west, south, *_ = shapely.total_bounds(_read(shelf, "XZQ")[1])
    x, y = np.round([west - BESIDE_M, south + turn * 2 * ALONE_M], 1)
    square = shapely.box(x, y, x + ALONE_M, y + ALONE_M)
    size = cents_of(np.array([square], dtype=object))
    values = {
        "TBBH": "9999", "XMMC": "县外项目", "PZWH": "坤政土〔2023〕99号", "PZMJ": size, "TBMJ": size,
        "PZRQ": datetime.date(2023, 6, 30),
    }  # fmt: skip
    return Seeded(("Q405",), (_add(shelf, "PZWJSTD", values, square),), None, layer="PZWJSTD")


def farmland_on_built_up_land(shelf: Shelf, turn: int) -> Seeded:
    """Four metres of permanent farmland lie in a settlement."""
    square = _inside(_read(shelf, "CZCDYD")[1], turn, 4.0)
    return Seeded(("Q407",), (_add(shelf, "YJJBNTTB", _farmland(square), square),), square, layer="YJJBNTTB")


def farmland_on_red_line(shelf: Shelf, turn: int) -> Seeded:
    """A red line of eight metres lies in permanent farmland."""
    square = _inside(_read(shelf, "YJJBNTTB")[1], turn, 8.0)
    values = {"HXMC": "样例红线", "HXLX": "水源涵养", "HXMJ": cents_of(np.array([square], dtype=object))}
    return Seeded(("Q408",), (_add(shelf, "STBHHX", values, square),), square, layer="STBHHX")


def _farmland(square: shapely.Polygon) -> dict[str, object]:
    size = cents_of(np.array([square], dtype=object))
    return {"JBNTTBBH": "99999999", "DLBM": "0103", "TBMJ": size, "JBNTMJ": size}


def control_area(shelf: Shelf, turn: int) -> Seeded:
    """The county's control area is a square metre less than its townships."""
    batch = pa.Table.from_batches(shelf.read("KZMJB")[1]).combine_chunks().to_batches()[0]
    values = [one - (Decimal(1) if isinstance(one, Decimal) else 1.0) for one in batch.column("KZMJ").to_pylist()]
    at = batch.schema.get_field_index("KZMJ")
    columns = [pa.array(values, c.type) if k == at else c for k, c in enumerate(batch.columns)]
    shelf.replace("KZMJB", [pa.RecordBatch.from_arrays(columns, schema=batch.schema)])
    ids = _read(shelf, "XZQ")[0].column("BSM").to_pylist()
    return Seeded(("Q508",), tuple(ids), None, layer="XZQ")


def table_cell(shelf: Shelf, turn: int) -> Seeded:
    """A class has half a hectare too much in the table of classes."""
    batch = pa.Table.from_batches(shelf.read("EJFLMJB")[1]).combine_chunks().to_batches()[0]
    if turn >= batch.num_rows:
        raise NoRoom
    at = batch.schema.get_field_index("MJ")
    values = batch.column(at).to_pylist()
    values[turn] += Decimal("0.5") if isinstance(values[turn], Decimal) else 0.5
    columns = [pa.array(values, c.type) if k == at else c for k, c in enumerate(batch.columns)]
    shelf.replace("EJFLMJB", [pa.RecordBatch.from_arrays(columns, schema=batch.schema)])
    return Seeded(("Q509",), (str(batch.column("XH")[turn].as_py()),), None, layer="EJFLMJB")


ACROSS_LAYER_KINDS: dict[str, dict[str, Callable[[Shelf, int], Seeded]]] = {
    "Q102": {"missing_layer": missing_layer},
    "Q403": {"outline_off": outline_off},
    "Q405": {"use_outside_the_county": use_outside_the_county},
    "Q407": {"farmland_on_built_up_land": farmland_on_built_up_land},
    "Q408": {"farmland_on_red_line": farmland_on_red_line},
    "Q509": {"table_cell": table_cell},
}
"""Kinds seeded in other layers, by the rule they are named for."""
ACROSS_MOST = {"Q102": 1}
"""How many of a rule's kinds a package can bear at all."""


def _inside(shapes: np.ndarray, turn: int, side: float) -> shapely.Polygon:
    """A square of this side well inside one of the polygons, another one at each turn."""
    order = np.argsort(-shapely.area(shapes), kind="stable")[turn::1]
    for row in order.tolist():
        x, y = np.round(shapely.get_coordinates(shapely.point_on_surface(shapes[row]))[0], 1)
        half = side / 2
        square = shapely.box(x - half, y - half, x + half, y + half)
        if shapely.contains_properly(shapes[row], square.buffer(0.5)):
            return square
    raise NoRoom


def _read(shelf: Shelf, code: str) -> tuple[pa.Table, np.ndarray]:
    schema, batches = shelf.read(code)
    table = pa.Table.from_batches(batches, schema=schema)
    return table, shapely.from_wkb(table.column(GEOMETRY).to_numpy(zero_copy_only=False))


def _write(shelf: Shelf, code: str, table: pa.Table, shapes: np.ndarray) -> None:
    wkb = pa.array(shapely.to_wkb(shapes), pa.binary())
    changed = table.set_column(table.schema.get_field_index(GEOMETRY), table.schema.field(GEOMETRY), wkb)
    shelf.replace(code, changed.combine_chunks().to_batches())


def _add(shelf: Shelf, code: str, values: dict[str, Any], shape: shapely.Polygon) -> str:
    """Add one row to a layer, after those it has; return its BSM."""
    columns = {key: value if isinstance(value, Cents) else [value] for key, value in values.items()}
    row = shelf.row(code, Rows(columns, 1, np.array([shape], dtype=object)))
    earlier = list(shelf.read(code)[1]) if code in shelf.codes() else []
    shelf.replace(code, [*(one for one in earlier if one.num_rows), row])
    return str(row.column("BSM")[0].as_py())
