"""Rules about the flow of land between classes: Q606, Q607, Q609. 地类流量."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import base
from kunyu.engines.ingest.checks.rule import Part, rule
from kunyu.kernel.tolerances import SQUARE_METRES_PER_HECTARE
from kunyu.packs.land_survey.quality.history import NEEDS, History, Rows, history_of, texts
from kunyu.packs.land_survey.quality.history_evidence import CONSTRUCTION, MARKS, Evidence, three_classes

_FLOWS = Path(__file__).with_name("suspicious_flows.toml")
TOWN_DIGITS = 9
RIDGES = "1203"
_HALF_CELL_HA = 0.005
"""A cell of the flow table is rounded to 0.01 ha."""


@dataclass(frozen=True)
class Flow:
    """A flow between classes that needs evidence; classes by their first digits or one of the three classes."""

    code: str
    name_zh: str
    name_en: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@lru_cache(maxsize=1)
def suspicious_flows() -> tuple[Flow, ...]:
    """Return the table of flows that need evidence (``suspicious_flows.toml``)."""
    read = tomllib.loads(_FLOWS.read_text("utf-8"))["flow"]
    return tuple(
        Flow(one["code"], one["name_zh"], one["name_en"], tuple(one["before"]), tuple(one["after"])) for one in read
    )


@rule(
    "Q606", clause="国土变更调查技术规程 流量汇总", severity="S", scope="H", unit="m²", needs=NEEDS,
    name_zh="各地类年初面积加减流量等于年末面积", name_en="Classes at year end equal year start plus and minus flows",
    optional_parts=(Part("flow_table", ("LLB",)),),
)  # fmt: skip
def classes_balance(delivery: Delivered) -> Iterator[Finding]:
    """Per township and class: the parcels' area after less that before equals what the records say came and went (±0.01 m²).

    Records: Σ TBBGMJ by BGHDLBM less Σ TBBGMJ by BGQDLBM, in the townships of BGHZLDWDM and BGQZLDWDM. Parcels: TBMJ of
    DLTBGX less TBMJ of the stored parcels named; those that nobody names cancel. Where the delivery has the flow table
    (LLB, ha), its increase less decrease per unit and class is asked too, to 0.005 ha per cell: of net areas, ridges
    (1203) being a class, where the table has 1203; else of parcel areas. What the cells contain is from memory.
    """
    history = history_of(delivery)
    needed = ("TBBGMJ", "BGQDLBM", "BGHDLBM", "BGQZLDWDM", "BGHZLDWDM")
    if not all(history.process.has(one) for one in needed):
        return
    stated, true = _recorded(history), _parcels(history, net=False)
    both = pd.DataFrame({"stated": stated, "true": true}).fillna(0.0)
    off = both[(both["stated"] - both["true"]).abs() > 1.0 + 1e-6]
    where = [_records_of(history, town, code) for town, code in off.index]
    yield from Reporter(classes_balance, delivery, history.process).groups(
        [tuple(sorted(str(one) for one in history.process.ids[rows])) for rows in where],
        np.array([*(_together(history, rows) for rows in where), None], object)[:-1],
        measured=(off["stated"] / 100).round(2).tolist(), limit=(off["true"] / 100).round(2).tolist(),
        zh=[f"{town} 地类 {code}: 变更记录的增减 {a / 100:.2f} m², 图斑年末减年初 {b / 100:.2f} m², 相差 {(a - b) / 100:.2f} m²"
            for (town, code), a, b in zip(off.index, off["stated"], off["true"], strict=True)],
        en=[f"{town} class {code}: records add {a / 100:.2f} m², parcels {b / 100:.2f} m² from year start to year end, off "
            f"by {(a - b) / 100:.2f} m²" for (town, code), a, b in zip(off.index, off["stated"], off["true"], strict=True)],
        remedy="核对变更记录的变更前后地类与 TBBGMJ",
    )  # fmt: skip
    if "LLB" in delivery.layers:
        yield from _flow_table(delivery, history)


def _recorded(history: History) -> pd.Series:
    """Increase less decrease by (township, class) in hundredths, as the records say."""
    process = history.process
    piece = np.rint(np.nan_to_num(process.numbers("TBBGMJ")) * 100)
    came = _by_class(texts(process.arrow("BGHZLDWDM")), texts(process.arrow("BGHDLBM")), piece)
    went = _by_class(texts(process.arrow("BGQZLDWDM")), texts(process.arrow("BGQDLBM")), piece)
    return came.sub(went, fill_value=0.0)


def _parcels(history: History, net: bool) -> pd.Series:
    """Year end less year start by (township, class) in hundredths, of the parcels that change."""
    return _of_rows(history.update.rows, net).sub(
        _of_rows(history.stored.rows.take(pa.array(history.claimed)), net), fill_value=0.0
    )


def _of_rows(rows: pa.Table, net: bool) -> pd.Series:
    units, classes = texts(rows.column("ZLDWDM")), texts(rows.column("DLBM"))
    own = _by_class(units, classes, _cents(rows, "TBDLMJ" if net else "TBMJ"))
    if not net:
        return own
    ridges = _by_class(units, np.full(len(units), RIDGES, object), _cents(rows, "KCMJ"))
    return own.add(ridges, fill_value=0.0)


def _cents(rows: pa.Table, field: str) -> NDArray[np.float64]:
    return np.asarray(np.rint(np.nan_to_num(rows.column(field).cast(pa.float64()).to_numpy()) * 100))


def _by_class(units: NDArray[np.object_], classes: NDArray[np.object_], cents: NDArray[np.float64]) -> pd.Series:
    towns = pd.Series(units).str.slice(0, TOWN_DIGITS)
    sums = pd.Series(cents).groupby([towns.to_numpy(), classes]).sum()
    return sums[[bool(code) for _, code in sums.index]] if len(sums) else sums


def _records_of(history: History, town: str, code: str) -> Rows:
    """Records that touch a class in a township: those whose copy is not the parcel's class, else all."""
    touching = np.zeros(len(history.process), bool)
    wrong = touching.copy()
    for prefix, parcel, rows in (
        ("BGQ", history.before, history.stored.rows), ("BGH", history.after, history.update.rows)
    ):  # fmt: skip
        stated = texts(history.process.arrow(f"{prefix}DLBM"))
        true = np.full(len(stated), "", object)
        true[parcel >= 0] = texts(rows.column("DLBM").take(pa.array(parcel[parcel >= 0])))
        units = texts(history.process.arrow(f"{prefix}ZLDWDM")).astype(str)
        here = np.char.startswith(units, town) & ((stated == code) | (true == code))
        touching |= here
        wrong |= here & (stated != true)
    return np.flatnonzero(wrong if wrong.any() else touching)


def _together(history: History, rows: Rows) -> shapely.Geometry | None:
    parts = shapely.get_parts(history.process.on_earth[rows])
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return shapely.multipolygons(parts) if len(parts) else None


def _flow_table(delivery: Delivered, history: History) -> Iterator[Finding]:
    table = delivery.layers["LLB"]
    if not all(table.has(one) for one in ("XZQDM", "BGQDLBM", "BGHDLBM", "BHMJ")):
        return
    units, area = texts(table.arrow("XZQDM")), np.nan_to_num(table.numbers("BHMJ"))
    before, after = texts(table.arrow("BGQDLBM")), texts(table.arrow("BGHDLBM"))
    true = _parcels(history, net=bool(((before == RIDGES) | (after == RIDGES)).any())) / (
        100 * SQUARE_METRES_PER_HECTARE
    )
    for unit in sorted(set(units) - {""}):
        here = units == unit
        own = true[[town.startswith(unit[:TOWN_DIGITS]) for town, _ in true.index]].groupby(level=1).sum()
        came = pd.Series(area[here]).groupby(after[here]).agg(["sum", "size"])
        went = pd.Series(area[here]).groupby(before[here]).agg(["sum", "size"])
        stated = came["sum"].sub(went["sum"], fill_value=0.0)
        cells = came["size"].add(went["size"], fill_value=0.0)
        every = pd.DataFrame({"stated": stated, "true": own, "cells": cells}).fillna(0.0)
        off = every[(every["stated"] - every["true"]).abs() > _HALF_CELL_HA * every["cells"].clip(lower=1) + 1e-6]
        for code, one in off.iterrows():
            yield Reporter(classes_balance, delivery, table).table(
                measured=round(one["stated"], 2), limit=round(one["true"], 4), unit="ha", ids=(unit,),
                zh=f"LLB {unit} 地类 {code}: 流量表增减 {one['stated']:.2f} ha, 图斑年末减年初 {one['true']:.4f} ha",
                en=f"LLB {unit} class {code}: the flow table adds {one['stated']:.2f} ha, parcels {one['true']:.4f} ha",
                remedy="由变更记录重新汇总流量表",
            )  # fmt: skip


def _classes(history: History) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Class before and after of each record: the parcels' own, the copies' where a parcel is missing."""
    found = []
    for prefix, parcel, rows in (
        ("BGQ", history.before, history.stored.rows), ("BGH", history.after, history.update.rows)
    ):  # fmt: skip
        classes = texts(history.process.arrow(f"{prefix}DLBM"))
        classes[parcel >= 0] = texts(rows.column("DLBM").take(pa.array(parcel[parcel >= 0])))
        found.append(classes.astype(str))
    return found[0], found[1]


def _within(classes: NDArray[np.str_], group: tuple[str, ...], three: dict[str, str]) -> NDArray[np.bool_]:
    """Whether classes belong to a group named by first digits or by one of the three classes."""
    hit = {one: three.get(one) in group or one.startswith(group) for one in np.unique(classes).tolist()}
    return np.array([hit[one] for one in classes.tolist()], bool)


@rule(
    "Q607", clause="国土变更调查县级数据库质量检查规则 可疑流向", severity="W", scope="H", needs=NEEDS,
    name_zh="可疑地类流向有佐证", name_en="Suspicious flows between classes have evidence",
)  # fmt: skip
def suspicious_flows_have_evidence(delivery: Delivered) -> Iterator[Finding]:
    """A flow of ``suspicious_flows.toml`` (construction or river to cultivated land, fields to orchards …) has evidence.

    Evidence: a check passed or waived (HCJL, by BSM before or after), a photograph whose file bears the BSM, an approval
    number in the remarks (known to the node where the reference has approvals), approved or temporary land.
    """
    history = history_of(delivery)
    evidence, three = Evidence(delivery, history), three_classes(delivery, history)
    before, after = _classes(history)
    for flow in suspicious_flows():
        rows = np.flatnonzero(_within(before, flow.before, three) & _within(after, flow.after, three))
        rows = rows[~evidence.confirms(rows)]
        rows = rows[~evidence.on_approved_land(rows)]
        rows = rows[[not evidence.is_known(evidence.numbers(one)) for one in evidence.remarks(rows)]]
        ids = history.process.ids
        yield from Reporter(suspicious_flows_have_evidence, delivery, history.process).rows(
            rows, measured=[f"{before[row]}→{after[row]}" for row in rows], limit="有佐证", unit="",
            geometry=np.asarray(history.process.on_earth[rows], object),
            zh=[f"DLTBGXGC {ids[row]}: {flow.name_zh} ({before[row]}→{after[row]}), 没有举证记录或批准项目" for row in rows],
            en=[f"DLTBGXGC {ids[row]}: {flow.name_en} ({before[row]}→{after[row]}) without evidence or approval"
                for row in rows],
            remedy="补充举证照片与核查记录, 或在备注中填写批准文号",
        )  # fmt: skip


@rule(
    "Q609", clause="国土变更调查技术规程 新增建设用地", severity="W", scope="H", needs=NEEDS,
    name_zh="新增建设用地有批准文号或标注", name_en="New construction land has an approval or is marked",
    optional_parts=(Part("known_approval", ("ref:approvals",)),), reads=(base("PZWJSTD"),),
)  # fmt: skip
def new_construction_is_approved_or_marked(delivery: Delivered) -> Iterator[Finding]:
    """Land that becomes construction land has an approval number, or is marked 未批先建, 临时 or 设施农用地.

    Number and mark stand in the remarks of the record or of its parcel; land in LSYD, or covered by approved land
    (PZWJSTD, delivered or stored), counts as approved. Where the reference has approvals, the number must be one.
    """
    history = history_of(delivery)
    evidence, three = Evidence(delivery, history), three_classes(delivery, history)
    before, after = _classes(history)
    new = ~_within(before, (CONSTRUCTION,), three) & _within(after, (CONSTRUCTION,), three)
    rows = np.flatnonzero(new)
    rows = rows[~evidence.on_approved_land(rows)]
    remarks = evidence.remarks(rows)
    unmarked = np.array([not any(mark in one for mark in MARKS) for one in remarks], bool)
    numbers = [evidence.numbers(one) for one in remarks]
    report = Reporter(new_construction_is_approved_or_marked, delivery, history.process)
    ids = history.process.ids
    without = rows[unmarked & np.array([not one for one in numbers], bool)]
    yield from report.rows(
        without, measured="无批准文号", limit="批准文号或标注", geometry=np.asarray(history.process.on_earth[without], object),
        zh=[f"DLTBGXGC {ids[row]}: 新增建设用地 ({before[row]}→{after[row]}) 没有批准文号, 也没有标注未批先建、临时或设施农用地"
            for row in without],
        en=[f"DLTBGXGC {ids[row]}: new construction land ({before[row]}→{after[row]}) has no approval number and no mark"
            for row in without],
        remedy="在备注中填写批准文号, 或标注未批先建、临时用地、设施农用地",
    )  # fmt: skip
    unknown = np.array([bool(one) and not evidence.is_known(one) for one in numbers], bool) & unmarked
    at = np.flatnonzero(unknown)
    given = ["、".join(numbers[one]) for one in at]
    yield from report.rows(
        rows[at], measured=given, limit="已登记的批准文号", geometry=np.asarray(history.process.on_earth[rows[at]], object),
        zh=[f"DLTBGXGC {ids[row]}: 新增建设用地的批准文号 {number} 未登记" for row, number in zip(rows[at], given, strict=True)],
        en=[f"DLTBGXGC {ids[row]}: approval {number} of new construction land is not known" for row, number in
            zip(rows[at], given, strict=True)],
        remedy="核对批准文号",
    )  # fmt: skip
