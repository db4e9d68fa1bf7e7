"""The other layers of the survey: divisions, boundary lines, slope classes, built-up areas, tables. 调查其他图层."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from kunyu.engines.catalogue.standards import load_standard
from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.attributes import RIDGE_COEFFICIENT, YEAR
from kunyu.project.sample_county.coarse import Coarse
from kunyu.project.sample_county.gathered import Gathered
from kunyu.project.sample_county.land_use import CZCSXM, DLBM
from kunyu.project.sample_county.layout import COUNTY, COUNTY_NAME, EPSG, Layout
from kunyu.project.sample_county.ownership import owner_units
from kunyu.project.sample_county.tables import SURVEY, Cents, Rows, bsm, survey_layer

SUMMARY_KEYS: dict[str, tuple[str, ...]] = {
    "YJFLMJB": ("YJLBM",), "EJFLMJB": ("DLBM",), "GDPDB": ("GDPDJB", "GDLX"), "GDZZLXB": ("ZZSXDM",),
    "CZCMJB": ("CZCSXM", "DLBM"), "KTZDLB": ("DLBM",),
}  # fmt: skip
"""Summary tables and the codes that name their rows."""


def survey_tables(layout: Layout, coarse: Coarse, gathered: Gathered) -> Iterator[tuple[str, Rows]]:
    """Yield (layer code, rows) of the survey layers that follow from the county as a whole."""
    yield "XZQ", _townships(layout, coarse, gathered)
    yield "XZQJX", _lines("XZQJX", coarse.township_lines, coarse.township_line_outer, "660200")
    yield "CJDCQ", _villages(layout, gathered)
    yield "CJDCQJX", _lines("CJDCQJX", coarse.village_lines, coarse.village_line_outer, "670500")
    yield "QSDWDMB", _owners(layout, gathered)
    yield "TKXSB", _coefficients()
    yield "KZMJB", _control(layout, gathered)
    for code, keys in SUMMARY_KEYS.items():
        yield code, _summary(code, keys, gathered)


def _cents(area_m2: np.ndarray) -> Cents:
    return Cents(np.floor(area_m2 * 100 + 0.5).astype(np.int64))


def _ids(layer: str, count: int) -> pa.Array:
    return bsm(survey_layer(layer).layer_code, 1, count)


def _townships(layout: Layout, coarse: Coarse, gathered: Gathered) -> Rows:
    owner = layout.township[layout.cells[:, 0], layout.cells[:, 1]]
    total = np.zeros(len(layout.township_code), dtype=np.int64)
    np.add.at(total, owner, np.array(gathered.village_area))
    polygon = coarse.townships.polygon
    return Rows(
        {
            "BSM": _ids("XZQ", total.size),
            "XZQDM": list(layout.township_code),
            "XZQMC": list(layout.township_name),
            "DCMJ": Cents(total),
            "JSMJ": _cents(ellipsoidal_area(polygon, EPSG)),
            "MSSM": "00",
        },
        total.size,
        polygon,
    )


def _villages(layout: Layout, gathered: Gathered) -> Rows:
    polygon = np.array(gathered.village_polygon, dtype=object)
    count = polygon.size
    return Rows(
        {
            "BSM": _ids("CJDCQ", count),
            "ZLDWDM": [layout.zldwdm(k) for k in range(count)],
            "ZLDWMC": list(layout.village_name),
            "DCMJ": Cents(np.array(gathered.village_area)),
            "JSMJ": _cents(ellipsoidal_area(polygon, EPSG)),
            "MSSM": "00",
        },
        count,
        polygon,
    )


def _lines(layer: str, lines: np.ndarray, outer: np.ndarray, inner_type: str) -> Rows:
    kind = np.where(outer, "650200", inner_type)
    return Rows({"BSM": _ids(layer, lines.size), "JXLX": kind, "JXXZ": "600001"}, lines.size, lines)


def _owners(layout: Layout, gathered: Gathered) -> Rows:
    units = [unit for k, groups in enumerate(gathered.village_groups) for unit in owner_units(layout, k, groups)]
    return Rows({"QSDWDM": [code for code, _ in units], "QSDWMC": [name for _, name in units]}, len(units))


def _coefficients() -> Rows:
    items = sorted(RIDGE_COEFFICIENT.items())
    return Rows(
        {
            "XH": np.arange(1, len(items) + 1),
            "XZQDM": COUNTY,
            "GDLX": [k[0] for k, _ in items],
            "GDPDJB": [str(k[1]) for k, _ in items],
            "KCXS": np.array([v / 1e4 for _, v in items]),
        },
        len(items),
    )


def _control(layout: Layout, gathered: Gathered) -> Rows:
    total = np.array([sum(gathered.village_area)])
    return Rows({"XZQDM": COUNTY, "XZQMC": COUNTY_NAME, "KZMJ": Cents(total)}, 1)


def first_level(code: str) -> str:
    """Return the first-level class of a class by the standard's code list; wetland classes keep their old numbers."""
    parents = {one.code: one.parent for one in load_standard(SURVEY).codelists["DLBM"].rows}
    while (above := parents.get(code)) and above != code:
        code = above
    return code


def hundredths_of_hectare(cents: int) -> int:
    """Round hundredths of m² half up to hundredths of a hectare."""
    return (cents + 5_000) // 10_000


def summary_sums(gathered: Gathered) -> dict[tuple[str, ...], int]:
    """Return the sums behind the summary tables: cents by (table, key, key …); 田坎 1203 from the deductions."""
    sums: dict[tuple[str, ...], int] = {}

    def add(cents: int, *key: str) -> None:
        if cents:
            sums[key] = sums.get(key, 0) + cents

    for kind, cents in gathered.class_area.items():
        code = "1203" if kind < 0 else str(DLBM[kind])
        add(cents, "YJFLMJB", first_level(code))
        add(cents, "EJFLMJB", code)
        if code.endswith("K"):
            add(cents, "KTZDLB", code)
        if kind >= 0 and CZCSXM[kind]:
            add(cents, "CZCMJB", str(CZCSXM[kind]), code)
    for (slope, form), cents in gathered.slope_area.items():
        add(cents, "GDPDB", slope, form)
    for planting, cents in gathered.planting_area.items():
        add(cents, "GDZZLXB", planting)
    return sums


def _summary(code: str, keys: tuple[str, ...], gathered: Gathered) -> Rows:
    """Rows of one summary table, in hectares with two decimals; sums that round to nothing have no row."""
    found = {key[1:]: hundredths_of_hectare(cents) for key, cents in summary_sums(gathered).items() if key[0] == code}
    chosen = sorted(key for key, area in found.items() if area)
    return Rows(
        {
            "XH": np.arange(1, len(chosen) + 1),
            "SJNF": YEAR,
            "XZQDM": COUNTY,
            "XZQMC": COUNTY_NAME,
            **{field: [key[at] or None for key in chosen] for at, field in enumerate(keys)},
            "MJ": np.array([found[key] for key in chosen], dtype=float) / 100,
        },
        len(chosen),
    )
