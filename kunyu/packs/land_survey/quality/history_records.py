"""Rules about the records of a change package: Q602 to Q605 and Q610. 变更记录.

Each record of DLTBGXGC says: this piece of that stored parcel is now part of this parcel of DLTBGX.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import RETIRED
from kunyu.engines.ingest.checks.rule import Part, rule
from kunyu.packs.land_survey.quality.areas import CENT_M2
from kunyu.packs.land_survey.quality.history import (
    AFTER_KEY,
    AREAS,
    ATTRIBUTES,
    BEFORE_KEY,
    GAINED,
    GONE,
    LOST,
    NEEDS,
    NEW,
    NUMBERS,
    RECODED,
    SHAPE,
    History,
    Rows,
    history_of,
    keys,
    places,
    unlike,
)

_CLAUSE = "国土调查数据库更新数据规范"
_FLOAT_NOISE = 1e-6


@rule(
    "Q602", clause=f"{_CLAUSE} 更新过程层", severity="S", scope="H", needs=NEEDS,
    name_zh="变更前图斑在库中, 变更后图斑在更新层中", name_en="The parcel before is stored, the parcel after delivered",
)  # fmt: skip
def both_ends_exist(delivery: Delivered) -> Iterator[Finding]:
    """Each DLTBGXGC record's BGQTBBSM exists in the stored state, its BGHTBBSM in DLTBGX.

    Only new land (BGXW 3, XZQTZLX 1 or 3) has no parcel before, only land that is gone (BGXW 0, XZQTZLX 2 or 4) none
    after. A parcel of DLTBGX that no record leads to is found too: nobody could say what it was.
    """
    history = history_of(delivery)
    process = history.process
    report = Reporter(both_ends_exist, delivery, process)
    if process.has(BEFORE_KEY):
        excused = _is(history, "BGXW", NEW) | _is(history, "XZQTZLX", *GAINED)
        yield from _missing(report, history, BEFORE_KEY, history.before, history.before_key, excused,
                            "变更前", "before", "库中现状", "in the stored state")  # fmt: skip
    if process.has(AFTER_KEY):
        excused = _is(history, "BGXW", GONE) | _is(history, "XZQTZLX", *LOST)
        yield from _missing(report, history, AFTER_KEY, history.after, history.after_key, excused,
                            "变更后", "after", "DLTBGX", "in DLTBGX")  # fmt: skip
        yield from _without_record(delivery, history)


def _missing(
    report: Reporter, history: History, field: str, found: Rows, key: NDArray[np.object_], excused: NDArray[np.bool_],
    zh: str, en: str, where_zh: str, where_en: str,
) -> Iterator[Finding]:  # fmt: skip
    blank = key == ""
    rows = np.flatnonzero((found < 0) & ~(blank & excused))
    ids = history.process.ids
    yield from report.rows(
        rows, measured=[key[row] or "空" for row in rows], limit=f"{where_zh}中存在", geometry=_shapes(history.process, rows),
        zh=[f"DLTBGXGC {ids[row]}: {field} 为空, 缺{zh}图斑" if blank[row] else
            f"DLTBGXGC {ids[row]}: {zh}图斑 {key[row]} 在{where_zh}中不存在" for row in rows],
        en=[f"DLTBGXGC {ids[row]}: {field} is empty, the parcel {en} is missing" if blank[row] else
            f"DLTBGXGC {ids[row]}: the parcel {en}, {key[row]}, does not exist {where_en}" for row in rows],
        remedy=f"改正 {field}, 或以库中最新版本为基础重新制作更新包",
    )  # fmt: skip


def _without_record(delivery: Delivered, history: History) -> Iterator[Finding]:
    update = history.update
    named = np.zeros(len(update), bool)
    named[history.after[history.after >= 0]] = True
    known = places(keys(update.arrow("BSM")), keys(history.process.arrow(AFTER_KEY))) >= 0
    rows = np.flatnonzero(~(named | known))
    yield from Reporter(both_ends_exist, delivery, update).rows(
        rows, measured="无过程记录", limit="≥ 1", geometry=_shapes(update, rows),
        zh=[f"DLTBGX {update.ids[row]}: 更新过程层没有以它为变更后图斑的记录" for row in rows],
        en=[f"DLTBGX {update.ids[row]}: no record of DLTBGXGC leads to this parcel" for row in rows],
        remedy="在 DLTBGXGC 中补充该图斑的变更记录, 或从更新层删除",
    )  # fmt: skip


@rule(
    "Q603", clause=f"{_CLAUSE} 图斑变更面积", severity="S", scope="H", unit="m²", needs=NEEDS,
    name_zh="变更面积与变更前后图斑面积平衡", name_en="Changed areas add up to the parcels before and after",
)  # fmt: skip
def changed_areas_balance(delivery: Delivered) -> Iterator[Finding]:
    """Σ TBBGMJ by BGQTBBSM = TBMJ of the stored parcel; by BGHTBBSM = TBMJ of DLTBGX; each within 0.01 m²."""
    history = history_of(delivery)
    if not history.process.has("TBBGMJ"):
        return
    piece = np.rint(np.nan_to_num(history.process.numbers("TBBGMJ")) * 100)
    before = _cents(history.stored.rows.column("TBMJ"))
    yield from _unbalanced(
        delivery, history, piece, history.before, before, history.stored_key, history.plane, "变更前", "before"
    )
    after = _cents(history.update.arrow("TBMJ"))
    yield from _unbalanced(
        delivery, history, piece, history.after, after, lambda rows: history.update.ids[rows],
        lambda rows: history.update.on_earth[rows], "变更后", "after",
    )  # fmt: skip


def _cents(column: pa.ChunkedArray) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.rint(column.cast(pa.float64()).to_numpy() * 100)
    return found


def _unbalanced(
    delivery: Delivered, history: History, piece: NDArray[np.float64], parcel: Rows, whole: NDArray[np.float64],
    name: Callable[[Rows], NDArray[np.object_]], shape: Callable[[Rows], NDArray[np.object_]], zh: str, en: str,
) -> Iterator[Finding]:  # fmt: skip
    known = parcel >= 0
    sums = pd.Series(piece[known]).groupby(parcel[known]).sum()
    rows = sums.index.to_numpy()
    total, stated = sums.to_numpy(), np.nan_to_num(whole[rows])
    bad = np.abs(total - stated) > CENT_M2 * 100 + _FLOAT_NOISE
    rows, total, stated = rows[bad], total[bad] / 100, stated[bad] / 100
    ids = name(rows)
    yield from Reporter(changed_areas_balance, delivery, history.process).groups(
        [(str(one),) for one in ids], shape(rows), measured=total.tolist(), limit=stated.tolist(),
        zh=[f"{zh}图斑 {one}: 变更面积之和 {a:.2f} m², 图斑面积 {b:.2f} m², 相差 {a - b:.2f} m²"
            for one, a, b in zip(ids, total, stated, strict=True)],
        en=[f"Parcel {en} {one}: changed areas add up to {a:.2f} m², the parcel has {b:.2f} m², off by {a - b:.2f} m²"
            for one, a, b in zip(ids, total, stated, strict=True)],
        remedy="补齐漏记的变更记录, 并对 TBBGMJ 重新平差",
    )  # fmt: skip


@rule(
    "Q604", clause=f"{_CLAUSE} 变更行为", severity="Z", scope="H", needs=NEEDS, needs_crs=True,
    name_zh="变更行为与变更前后一致", name_en="The kind of change agrees with what changed",
)  # fmt: skip
def kind_of_change_holds(delivery: Delivered) -> Iterator[Finding]:
    """BGXW 3 (new): the fields before are empty; 0 (gone): those after; 1: equal geometry, at least one attribute differs.

    The copies before and after say what the stored parcel and DLTBGX say (areas are Q603's). Attributes are the fields
    of DLTB without numbers, year, remarks and areas. BGXW 2 with equal geometry is listed only: its meaning is from
    memory.
    """
    history = history_of(delivery)
    report = Reporter(kind_of_change_holds, delivery, history.process)
    if history.process.has("BGXW"):
        yield from _not_empty(report, history, _is(history, "BGXW", NEW), "BGQ", "新增", "new", "变更前", "before")
        gone = _is(history, "BGXW", GONE) | _is(history, "XZQTZLX", *LOST)
        yield from _not_empty(report, history, gone, "BGH", "灭失", "gone", "变更后", "after")
        yield from _not_attributes(report, history)
    yield from _wrong_copies(report, history)


def _is(history: History, field: str, *codes: str) -> NDArray[np.bool_]:
    if not history.process.has(field):
        return np.zeros(len(history.process), bool)
    return np.isin(history.kind(field).astype(str), codes)


def _shapes(layer: DeliveredLayer, rows: Rows) -> NDArray[np.object_]:
    return np.asarray(layer.on_earth[rows], object)


def _not_empty(
    report: Reporter,
    history: History,
    kind: NDArray[np.bool_],
    prefix: str,
    zh: str,
    en: str,
    side_zh: str,
    side_en: str,
) -> Iterator[Finding]:
    process = history.process
    filled = np.full(len(process), "", object)
    for spec in process.spec.fields:
        if spec.code.startswith(prefix) and process.has(spec.code):
            column = process.arrow(spec.code)
            given = pc.is_valid(column)
            if spec.type not in ("Int", "Float"):
                given = pc.and_(given, pc.not_equal(pc.utf8_trim_whitespace(column.cast(pa.string())), ""))
            else:
                given = pc.and_(given, pc.not_equal(column.cast(pa.float64()), 0.0))
            hit = kind & np.asarray(pc.fill_null(given, False)) & (filled == "")
            filled[hit] = spec.code
    rows = np.flatnonzero(filled != "")
    ids = process.ids
    yield from report.rows(
        rows, measured=filled[rows].tolist(), limit="空", geometry=_shapes(process, rows),
        zh=[f"DLTBGXGC {ids[row]}: 变更行为为{zh}, 但{side_zh}字段 {filled[row]} 不为空" for row in rows],
        en=[f"DLTBGXGC {ids[row]}: the change says {en}, but the field {side_en}, {filled[row]}, is filled" for row in rows],
        remedy=f"清空{side_zh}字段, 或改正 BGXW",
    )  # fmt: skip


def _not_attributes(report: Reporter, history: History) -> Iterator[Finding]:
    both = (history.before >= 0) & (history.after >= 0)
    named = _is(history, "BGXW", ATTRIBUTES) & both
    same, differs = history.same_shape, history.differs()
    places = ~_lacks_shape(history)
    ids = history.process.ids
    moved = np.flatnonzero(named & ~same & places)
    yield from report.rows(
        moved, measured="图形不同", limit="图形相同", geometry=_shapes(history.process, moved),
        zh=[f"DLTBGXGC {ids[row]}: 变更行为为属性变更, 但 {history.before_key[row]} 与 {history.after_key[row]} 图形不同"
            for row in moved],
        en=[f"DLTBGXGC {ids[row]}: the change says attributes, but the shapes of {history.before_key[row]} and "
            f"{history.after_key[row]} differ" for row in moved],
        remedy="图形有变化的, BGXW 改为 2 (图形变更)",
    )  # fmt: skip
    idle = np.flatnonzero(named & ~differs)
    yield from report.rows(
        idle, measured=0, limit=1, unit="", geometry=_shapes(history.process, idle),
        zh=[f"DLTBGXGC {ids[row]}: 变更行为为属性变更, 但 {history.before_key[row]} 变更前后属性完全相同" for row in idle],
        en=[f"DLTBGXGC {ids[row]}: the change says attributes, but no attribute of {history.before_key[row]} differs"
            for row in idle],
        remedy="没有变化的图斑不进入更新层: 删除该记录",
    )  # fmt: skip
    listed = np.flatnonzero(_is(history, "BGXW", SHAPE) & both & same)
    yield from Reporter(replace(report.rule, severity="W"), report.delivery, report.layer).rows(
        listed, measured="图形相同", limit="图形不同", geometry=_shapes(history.process, listed),
        zh=[f"DLTBGXGC {ids[row]}: 变更行为为图形变更, 但 {history.before_key[row]} 变更前后图形相同" for row in listed],
        en=[f"DLTBGXGC {ids[row]}: the change says geometry, but the shape of {history.before_key[row]} stays" for row in
            listed],
        remedy="只有属性变化的, BGXW 改为 1 (属性变更)",
    )  # fmt: skip


def _lacks_shape(history: History) -> NDArray[np.bool_]:
    """Records one side of which has no geometry to compare: other rules speak of that."""
    return np.asarray(shapely.is_missing(history.before_geometry) | shapely.is_missing(history.after_geometry))


def _wrong_copies(report: Reporter, history: History) -> Iterator[Finding]:
    process = history.process
    wrong: dict[int, tuple[str, str]] = {}
    sides = (
        ("BGQ", history.before, history.stored.rows, "库中"),
        ("BGH", history.after, history.update.rows, "DLTBGX"),
    )
    for prefix, parcel, table, where in sides:
        rows = np.flatnonzero(parcel >= 0)
        for spec in history.update.spec.fields:
            copy = prefix + spec.code
            if spec.code in (*NUMBERS, *AREAS) or not process.has(copy) or spec.code not in table.column_names:
                continue
            stated = process.arrow(copy).take(pa.array(rows))
            true = table.column(spec.code).take(pa.array(parcel[rows]))
            for row in rows[unlike(stated, true, spec)].tolist():
                wrong.setdefault(row, (copy, where))
    rows = np.array(sorted(wrong), np.intp)
    stated = [process.arrow(wrong[row][0])[row].as_py() for row in rows.tolist()]
    yield from report.rows(
        rows, measured=["空" if one is None else one for one in stated], limit=[wrong[row][1] for row in rows.tolist()],
        geometry=_shapes(process, rows),
        zh=[f"DLTBGXGC {process.ids[row]}: {wrong[row][0]} 与{wrong[row][1]}图斑的值不同" for row in rows.tolist()],
        en=[f"DLTBGXGC {process.ids[row]}: {wrong[row][0]} is not the value of the parcel "
            f"{'stored' if wrong[row][1] == '库中' else 'in DLTBGX'}" for row in rows.tolist()],
        remedy="按库中图斑与更新层图斑重新填写变更前、变更后字段",
    )  # fmt: skip


@rule(
    "Q605", clause=f"{_CLAUSE} 更新内容", severity="Z", scope="H", needs=NEEDS, needs_crs=True,
    name_zh="仅单位代码变化的图斑不进入更新层", name_en="Parcels whose unit code alone changed stay out",
)  # fmt: skip
def recoding_is_no_change(delivery: Delivered) -> Iterator[Finding]:
    """A parcel of equal geometry that differs only in ZLDWDM or QSDWDM (and their names) does not enter the package."""
    history = history_of(delivery)
    others = history.differs(history.differing.keys() - RECODED)
    rows = np.flatnonzero(history.differs(RECODED) & ~others & history.same_shape)
    codes = sorted(RECODED & history.differing.keys())
    what = ["、".join(code for code in codes if history.differing[code][row]) for row in rows]
    ids = history.process.ids
    yield from Reporter(recoding_is_no_change, delivery, history.process).rows(
        rows, measured=what, limit="另有变化", geometry=_shapes(history.process, rows),
        zh=[f"DLTBGXGC {ids[row]}: 图斑 {history.before_key[row]} 只有 {one} 变化" for row, one in
            zip(rows, what, strict=True)],
        en=[f"DLTBGXGC {ids[row]}: only {one} of parcel {history.before_key[row]} changed" for row, one in
            zip(rows, what, strict=True)],
        remedy="从更新层和更新过程层删除该图斑; 单位代码的变化由行政区更新处理",
    )  # fmt: skip


@rule(
    "Q610", clause=f"{_CLAUSE} 标识码", severity="Z", scope="H", needs=NEEDS, needs_crs=True,
    name_zh="未变图斑标识码不变, 已用标识码不再使用", name_en="Unchanged parcels keep their BSM, ended ones are not reused",
    optional_parts=(Part("retired", ("ref:retired",)),),
)  # fmt: skip
def identifiers_are_kept(delivery: Delivered) -> Iterator[Finding]:
    """An unchanged parcel keeps its BSM; a BSM that ended, or belongs to another parcel, is not given again.

    Found: a record whose parcel is the same before and after but for its BSM; a parcel of DLTBGX with the BSM of a
    stored parcel that no record leads from to it; a BSM of any update layer that the stored history has retired.
    """
    history = history_of(delivery)
    ids = history.process.ids
    renamed = history.same_shape & ~history.differs() & (history.before_key != history.after_key)
    rows = np.flatnonzero(renamed)
    yield from Reporter(identifiers_are_kept, delivery, history.process).rows(
        rows, measured=history.after_key[rows].tolist(), limit=history.before_key[rows].tolist(),
        geometry=_shapes(history.process, rows),
        zh=[f"DLTBGXGC {ids[row]}: 未变化的图斑 {history.before_key[row]} 标识码改为 {history.after_key[row]}" for row in rows],
        en=[f"DLTBGXGC {ids[row]}: unchanged parcel {history.before_key[row]} is renamed {history.after_key[row]}"
            for row in rows],
        remedy="没有变化的图斑保持原标识码, 不进入更新层",
    )  # fmt: skip
    yield from _taken_from_others(delivery, history)
    yield from _retired(delivery)


def _taken_from_others(delivery: Delivered, history: History) -> Iterator[Finding]:
    update = history.update
    own = np.zeros(len(update), bool)
    continues = (history.before_key == history.after_key) & (history.after >= 0) & (history.before >= 0)
    own[history.after[continues]] = True
    stored = places(keys(update.arrow("BSM")), keys(history.stored.rows.column("BSM")))
    rows = np.flatnonzero((stored >= 0) & ~own)
    yield from Reporter(identifiers_are_kept, delivery, update).rows(
        rows, measured=update.ids[rows].tolist(), limit="未使用过的标识码", geometry=_shapes(update, rows),
        zh=[f"DLTBGX {update.ids[row]}: 标识码属于库中另一图斑, 没有由它变更而来的记录" for row in rows],
        en=[f"DLTBGX {update.ids[row]}: the BSM belongs to a stored parcel that no record leads from" for row in rows],
        remedy="给新图斑编新的标识码",
    )  # fmt: skip


def _retired(delivery: Delivered) -> Iterator[Finding]:
    if delivery.reference is None or not delivery.reference.has(RETIRED):
        return
    ended = delivery.reference.rows(RETIRED)
    for layer in delivery:
        if layer.spec.role != "update" or not layer.has("BSM"):
            continue
        own = ended.filter(pc.equal(ended.column("layer").cast(pa.string()), layer.spec.base))
        rows = np.flatnonzero(places(keys(layer.arrow("BSM")), keys(own.column("BSM"))) >= 0)
        yield from Reporter(identifiers_are_kept, delivery, layer).rows(
            rows, measured=layer.ids[rows].tolist(), limit="未使用过的标识码", geometry=_shapes(layer, rows),
            zh=[f"{layer.code} {layer.ids[row]}: 标识码已随灭失的记录注销, 不得再用" for row in rows],
            en=[f"{layer.code} {layer.ids[row]}: this BSM ended with an earlier record and must not be used again"
                for row in rows],
            remedy="给该记录编新的标识码",
        )  # fmt: skip
