"""The other layers of the survey: divisions, boundary lines, slope classes, built-up areas, tables. 调查其他图层."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kunyu.engines.catalogue.standards import load_standard
from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.attributes import RIDGE_COEFFICIENT, YEAR
from kunyu.project.sample_county.coarse import Coarse
from kunyu.project.sample_county.land_use import DLBM
from kunyu.project.sample_county.layout import COUNTY, COUNTY_NAME, EPSG, Layout
from kunyu.project.sample_county.patches import BUILT
from kunyu.project.sample_county.tables import SURVEY, Cents, Rows, bsm, survey_layer, text_of

if TYPE_CHECKING:
    from kunyu.project.sample_county.generate import Gathered


def survey_tables(layout: Layout, coarse: Coarse, gathered: Gathered) -> Iterator[tuple[str, Rows]]:
    """Yield (layer code, rows) of every survey layer except DLTB."""
    yield "XZQ", _townships(layout, coarse, gathered)
    yield "XZQJX", _lines("XZQJX", coarse.township_lines, coarse.township_line_outer, "660200")
    yield "CJDCQ", _villages(layout, gathered)
    yield "CJDCQJX", _lines("CJDCQJX", coarse.village_lines, coarse.village_line_outer, "670500")
    yield "PDT", _slopes(gathered)
    yield "CZCDYD", _built(layout, gathered)
    yield "QSDWDMB", _owners(layout)
    yield "TKXSB", _coefficients()
    yield "KZMJB", _control(layout, gathered)


def _cents(area_m2: np.ndarray) -> Cents:
    return Cents(np.floor(area_m2 * 100 + 0.5).astype(np.int64))


def _ids(layer: str, count: int) -> pa.Array:
    return bsm(survey_layer(layer).layer_code, 1, count)


def _townships(layout: Layout, coarse: Coarse, gathered: Gathered) -> Rows:
    owner = layout.township[layout.cells[:, 0], layout.cells[:, 1]]
    total = np.zeros(len(layout.township_code), dtype=np.int64)
    np.add.at(total, owner, np.array(gathered.village_area))
    polygon = coarse.townships.polygon
    return Rows({
        "BSM": _ids("XZQ", total.size), "XZQDM": list(layout.township_code), "XZQMC": list(layout.township_name),
        "DCMJ": Cents(total), "JSMJ": _cents(ellipsoidal_area(polygon, EPSG)), "MSSM": "00",
    }, total.size, polygon)


def _villages(layout: Layout, gathered: Gathered) -> Rows:
    polygon = np.array(gathered.village_polygon, dtype=object)
    count = polygon.size
    return Rows({
        "BSM": _ids("CJDCQ", count), "ZLDWDM": [layout.zldwdm(k) for k in range(count)],
        "ZLDWMC": list(layout.village_name), "DCMJ": Cents(np.array(gathered.village_area)),
        "JSMJ": _cents(ellipsoidal_area(polygon, EPSG)), "MSSM": "00",
    }, count, polygon)


def _lines(layer: str, lines: np.ndarray, outer: np.ndarray, inner_type: str) -> Rows:
    kind = np.where(outer, "650200", inner_type)
    return Rows({"BSM": _ids(layer, lines.size), "JXLX": kind, "JXXZ": "600001"}, lines.size, lines)


def _slopes(gathered: Gathered) -> Rows:
    value = np.concatenate([p.slope.value for p in gathered.patches])
    polygon = np.concatenate([p.slope.polygon for p in gathered.patches])
    return Rows({"BSM": _ids("PDT", value.size), "PDJB": text_of(np.array(list(" 12345")), value)}, value.size, polygon)


def _built(layout: Layout, gathered: Gathered) -> Rows:
    value = np.concatenate([p.built.value for p in gathered.patches])
    village = np.repeat([p.village for p in gathered.patches], [p.built.value.size for p in gathered.patches])
    polygon = np.concatenate([p.built.polygon for p in gathered.patches])
    codes = np.array([layout.zldwdm(k) for k in range(len(layout.village_code))])
    names = np.array([name.replace("村民委员会", "村").replace("社区居民委员会", "镇") for name in layout.village_name])
    return Rows({
        "BSM": _ids("CZCDYD", value.size), "CZCLX": text_of(np.array(BUILT), value), "CZCDM": text_of(codes, village),
        "CZCMC": text_of(names, village), "CZCMJ": _cents(ellipsoidal_area(polygon, EPSG)),
    }, value.size, polygon)


def _owners(layout: Layout) -> Rows:
    count = len(layout.village_code)
    return Rows({"QSDWDM": [layout.zldwdm(k) for k in range(count)], "QSDWMC": list(layout.village_name)}, count)


def _coefficients() -> Rows:
    items = sorted(RIDGE_COEFFICIENT.items())
    return Rows({
        "XH": np.arange(1, len(items) + 1), "XZQDM": COUNTY, "GDLX": [k[0] for k, _ in items],
        "GDPDJB": [str(k[1]) for k, _ in items], "KCXS": np.array([v / 1e4 for _, v in items]),
    }, len(items))


def _control(layout: Layout, gathered: Gathered) -> Rows:
    total = np.array([sum(gathered.village_area)])
    return Rows({"XZQDM": COUNTY, "XZQMC": COUNTY_NAME, "KZMJ": Cents(total)}, 1)
