"""The other layers of the survey: divisions, boundary lines, slope classes, built-up areas, tables. 调查其他图层."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.attributes import RIDGE_COEFFICIENT, YEAR
from kunyu.project.sample_county.coarse import Coarse
from kunyu.project.sample_county.gathered import Gathered
from kunyu.project.sample_county.land_use import DLBM
from kunyu.project.sample_county.layout import COUNTY, COUNTY_NAME, EPSG, Layout
from kunyu.project.sample_county.ownership import owner_units
from kunyu.project.sample_county.tables import Cents, Rows, bsm, survey_layer


def survey_tables(layout: Layout, coarse: Coarse, gathered: Gathered) -> Iterator[tuple[str, Rows]]:
    """Yield (layer code, rows) of the survey layers that follow from the county as a whole."""
    yield "XZQ", _townships(layout, coarse, gathered)
    yield "XZQJX", _lines("XZQJX", coarse.township_lines, coarse.township_line_outer, "660200")
    yield "CJDCQ", _villages(layout, gathered)
    yield "CJDCQJX", _lines("CJDCQJX", coarse.village_lines, coarse.village_line_outer, "670500")
    yield "QSDWDMB", _owners(layout, gathered)
    yield "TKXSB", _coefficients()
    yield "KZMJB", _control(layout, gathered)
    yield "YJFLMJB", _class_areas(gathered, 2, "YJLBM")
    yield "EJFLMJB", _class_areas(gathered, 5, "DLBM")


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


def _class_areas(gathered: Gathered, digits: int, code_field: str) -> Rows:
    """Sum net areas by class code (田坎 1203 from the deductions), in hectares."""
    total: dict[str, int] = {}
    for kind, cents in gathered.class_area.items():
        code = ("1203" if kind < 0 else str(DLBM[kind]))[:digits]
        if digits == 2 and kind >= 0 and DLBM[kind] == "1106":
            code = "00"  # wetland classes keep their old numbers but count as 湿地
        total[code] = total.get(code, 0) + cents
    codes = sorted(total)
    hectares = np.array([total[code] for code in codes]) / 1e6
    return Rows(
        {
            "XH": np.arange(1, len(codes) + 1),
            "SJNF": YEAR,
            "XZQDM": COUNTY,
            "XZQMC": COUNTY_NAME,
            code_field: codes,
            "MJ": np.floor(hectares * 100 + 0.5) / 100,
        },
        len(codes),
    )
