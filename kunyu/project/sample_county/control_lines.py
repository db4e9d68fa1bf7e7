"""Control lines and plan of one village: red line, permanent farmland, growth boundary, planned use, zones. 控制线与规划."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kunyu.engines.catalogue.standards import load_standard
from kunyu.kernel.tolerances import SQUARE_METRES_PER_MU
from kunyu.project.sample_county.attributes import class_names
from kunyu.project.sample_county.gathered import Gathered
from kunyu.project.sample_county.land_use import CULTIVATED, CZCSXM, DLBM, KINDS, NUMBER
from kunyu.project.sample_county.layout import COUNTY, COUNTY_NAME, Layout
from kunyu.project.sample_county.patches import Patch, cents_of, patch
from kunyu.project.sample_county.randomness import value_noise
from kunyu.project.sample_county.tables import CONTROL, Rows, padded, text_of
from kunyu.project.sample_county.terrain import Terrain
from kunyu.project.sample_county.village import Village

Ints = NDArray[np.int64]
_WILD = np.array([kind.name in ("woodland", "shrub", "grass", "reservoir", "rock") for kind in KINDS])
_URBAN = np.array([code in ("202", "202A") for code in CZCSXM.tolist()])
_RESERVE = np.array([kind.name in ("belt", "garden") for kind in KINDS])


def control_rows(
    village: Village, terrain: Terrain, layout: Layout, farmland: Patch, first_farmland: int
) -> Iterator[tuple[str, Rows]]:
    """Yield (layer of the control standard, rows without BSM) of one village.

    The three lines never meet: the red line takes wild land, permanent farmland fields, the growth boundary the town.
    """
    centre = village.lattice.centres()
    hill = terrain.hilliness(centre[..., 0], centre[..., 1])
    kind = village.cells.kind
    row, column = layout.cells[village.index]
    at = int(layout.township[row, column])
    where: dict[str, object] = {"XZQDM": layout.township_code[at], "XZQMC": layout.township_name[at]}
    wild = _WILD[kind] & (hill > terrain.forest_from + 0.12)
    red = patch(village, np.where(wild, 0, -1))
    if red.value.size:
        yield "STBHHX", _rows(red, "HXMJ", where | {"HXMC": "北山水源涵养生态保护红线", "HXLX": "水源涵养"})
    if farmland.value.size:
        yield "YJJBNT", _farmland_rows(farmland, where, first_farmland)
    town = village.index == layout.town
    growth = np.where(_URBAN[kind], 0, np.where(_RESERVE[kind], 1, -1)) if town else np.full(kind.shape, -1)
    bound = patch(village, growth)
    if bound.value.size:
        yield "CZKFBJ", _named_rows(bound, "MJ", where, "GHFQDM", "GHFQMC", "CZKFBJFQ", ("JZQ", "TXQ"))
    yield "GHYDYH", _used_rows(patch(village, planned_use()[kind]), where)
    zone = np.select([wild, farmland.cell >= 0, growth >= 0, _WILD[kind]], [0, 1, 2, 3], 4)
    zones = patch(village, zone)
    yield "GHFQ", _named_rows(zones, "MJ", where, "GHFQDM", "GHFQMC", "GHFQ", ("100", "300", "400", "200", "500"))
    if town:
        yield "XZYDYH", _present_rows(patch(village, kind), where)
    moved = _moved_farmland(village, farmland)
    if moved is not None:
        yield "YJJBNTBH", _moved_rows(moved, where)


def indicator_rows(gathered: Gathered) -> Rows:
    """Return the plan's indicator table: area of the red lines (I-01, 平方千米) and of permanent farmland (I-03, 万亩)."""
    red, farmland = gathered.red_line_area / 100, gathered.farmland_area / 100
    return Rows(
        {
            "XZQDM": COUNTY,
            "XZQMC": COUNTY_NAME,
            "ZBBM": ["I-01", "I-03"],
            "ZBMC": ["生态保护红线面积", "永久基本农田保护面积"],
            "ZBZ": np.array([round(red / 1e6, 4), round(farmland / SQUARE_METRES_PER_MU / 1e4, 4)]),
            "DW": ["平方千米", "万亩"],
        },
        2,
    )


def _named_rows(
    areas: Patch, area_field: str, where: dict[str, object], code: str, name: str, codelist: str,
    values: tuple[str, ...],
) -> Rows:  # fmt: skip
    """Return rows whose value is one of the codes ``values``, its name beside it."""
    names = load_standard(CONTROL).codelists[codelist].codes
    return _rows(
        areas,
        area_field,
        where
        | {
            code: text_of(np.array(values), areas.value),
            name: text_of(np.array([names[one] for one in values]), areas.value),
        },
    )


def _used_rows(plan: Patch, where: dict[str, object]) -> Rows:
    use_codes, use_names = planned_classes()
    use = {"YDYHFLDM": text_of(use_codes, plan.value), "YDYHFLMC": text_of(use_names, plan.value)}
    return _rows(plan, "YDYHMJ", where | use)


def _present_rows(areas: Patch, where: dict[str, object]) -> Rows:
    """Return present use (基数转换) of the town: the survey's class and what it converts to."""
    codes, names = present_classes()
    return _rows(
        areas,
        "YDYHMJ",
        where
        | {
            "DLBM": text_of(DLBM, areas.value),
            "DLMC": text_of(class_names(), areas.value),
            "YDYHFLDM": text_of(codes, areas.value),
            "YDYHFLMC": text_of(names, areas.value),
            "ZHFS": "直接转换",
        },
    )


def _moved_farmland(village: Village, farmland: Patch) -> Patch | None:
    """Return two areas of cultivated land outside permanent farmland, the smaller first; None where there are none."""
    kind = village.cells.kind
    left = patch(village, np.where(CULTIVATED[kind] & (farmland.cell < 0), kind, -1))
    if left.value.size < 2:
        return None
    order = np.argsort(cents_of(left.polygon).value, kind="stable")[[0, -1]]
    return Patch(left.value[order], left.polygon[order], left.cell)


def _moved_rows(areas: Patch, where: dict[str, object]) -> Rows:
    """Return what was occupied (the smaller area, grade 8) and what was added for it (grade 7)."""
    return _rows(
        areas,
        "MJ",
        where
        | {
            "BHLX": ["ZY", "BH"],
            "DLBM": text_of(DLBM, areas.value),
            "DLMC": text_of(class_names(), areas.value),
            "GDDB": np.array([8, 7]),
        },
    )


def permanent_farmland(village: Village, layout: Layout) -> Patch:
    """Return fields of slope class 3 or less outside the town, four fifths of them, by land kind."""
    cells = village.cells
    centre = village.lattice.centres()
    chosen = value_noise(centre[..., 0], centre[..., 1], 700.0, layout.seed * 19 + 1) > -0.45
    kept = CULTIVATED[cells.kind] & (cells.slope <= 3) & chosen & (village.index != layout.town)
    return patch(village, np.where(kept, cells.kind, -1))


def _rows(areas: Patch, area_field: str, columns: dict[str, object]) -> Rows:
    return Rows({**columns, area_field: cents_of(areas.polygon)}, areas.value.size, areas.polygon)


def _farmland_rows(areas: Patch, where: dict[str, object], first: int) -> Rows:
    size = cents_of(areas.polygon)
    return Rows(
        {
            **where,
            "JBNTTBBH": padded(first + np.arange(areas.value.size), 8),
            "DLBM": text_of(DLBM, areas.value),
            "DLMC": text_of(class_names(), areas.value),
            "TBMJ": size,
            "JBNTMJ": size,
        },
        areas.value.size,
        areas.polygon,
    )


@lru_cache(maxsize=1)
def planned_classes() -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return first-level codes and names of 用地用海 in use."""
    names = load_standard(CONTROL).codelists["YDYH"].codes
    codes = sorted({_first_level(kind.dlbm) for kind in KINDS})
    return np.array(codes), np.array([names[code] for code in codes])


@lru_cache(maxsize=1)
def planned_use() -> Ints:
    """Return per land kind the number of its planned class; idle town land becomes housing."""
    codes = planned_classes()[0].tolist()
    use = np.array([codes.index(_first_level(kind.dlbm)) for kind in KINDS])
    use[NUMBER["town_idle"]] = use[NUMBER["residence"]]
    return use


@lru_cache(maxsize=1)
def present_classes() -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return per land kind the 用地用海 class of today and its name, by the base conversion."""
    names = load_standard(CONTROL).codelists["YDYH"].codes
    codes = [_converted(kind.dlbm) for kind in KINDS]
    return np.array(codes), np.array([names[code] for code in codes])


def _converted(dlbm: str) -> str:
    rows = load_standard(CONTROL).conversions["DLBM_YDYH"].rows
    targets = {row.source: row.target for row in rows}
    return targets.get(dlbm) or targets[dlbm.rstrip("KA")]


def _first_level(dlbm: str) -> str:
    return _converted(dlbm)[:2]
