"""Control lines and plan of one village: red line, permanent farmland, growth boundary, planned use. 控制线与规划."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kunyu.engines.catalogue.standards import load_standard
from kunyu.project.sample_county.attributes import class_names
from kunyu.project.sample_county.land_use import CULTIVATED, CZCSXM, DLBM, KINDS, NUMBER
from kunyu.project.sample_county.layout import Layout
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
    red = patch(village, np.where(_WILD[kind] & (hill > terrain.forest_from + 0.12), 0, -1))
    if red.value.size:
        yield "STBHHX", _rows(red, "HXMJ", where | {"HXMC": "北山水源涵养生态保护红线", "HXLX": "水源涵养"})
    if farmland.value.size:
        yield "YJJBNT", _farmland_rows(farmland, where, first_farmland)
    town = village.index == layout.town
    growth = np.where(_URBAN[kind], 0, np.where(_RESERVE[kind], 1, -1)) if town else np.full(kind.shape, -1)
    bound = patch(village, growth)
    if bound.value.size:
        names = load_standard(CONTROL).codelists["CZKFBJFQ"].codes
        zone = np.array(["JZQ", "TXQ"])
        yield (
            "CZKFBJ",
            _rows(
                bound,
                "MJ",
                where
                | {
                    "GHFQDM": text_of(zone, bound.value),
                    "GHFQMC": text_of(np.array([names[z] for z in zone.tolist()]), bound.value),
                },
            ),
        )
    use_codes, use_names = planned_classes()
    plan = patch(village, planned_use()[kind])
    yield (
        "GHYDYH",
        _rows(
            plan,
            "YDYHMJ",
            where
            | {
                "YDYHFLDM": text_of(use_codes, plan.value),
                "YDYHFLMC": text_of(use_names, plan.value),
            },
        ),
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


def _first_level(dlbm: str) -> str:
    rows = load_standard(CONTROL).conversions["DLBM_YDYH"].rows
    targets = {row.source: row.target for row in rows}
    return (targets.get(dlbm) or targets[dlbm.rstrip("KA")])[:2]
