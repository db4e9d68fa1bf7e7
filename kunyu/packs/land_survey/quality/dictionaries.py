"""Rules about unit codes, names and parcel numbers: Q209 to Q211. 单位代码、名称与图斑编号.

The dictionary is the delivery's own: village survey areas (CJDCQ), administrative areas (XZQ) and the table of owner
units (QSDWDMB) where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import UNITS
from kunyu.engines.ingest.checks.rule import Part, rule

VILLAGE_DIGITS, TOWN_DIGITS, COUNTY_DIGITS = 12, 9, 6


def _names(layer: DeliveredLayer | None, code: str, name: str) -> dict[str, str]:
    """Code → name of a table; empty without the table."""
    if layer is None or not layer.has(code):
        return {}
    names = layer.arrow(name) if layer.has(name) else pa.nulls(len(layer), pa.string())
    pairs = zip(layer.arrow(code).to_pylist(), names.to_pylist(), strict=True)
    return {key: value or "" for key, value in pairs if key}


def _villages(delivery: Delivered) -> dict[str, str]:
    return _names(delivery.layers.get("CJDCQ"), "ZLDWDM", "ZLDWMC")


def _owners(delivery: Delivered) -> dict[str, str]:
    return _names(delivery.layers.get("QSDWDMB"), "QSDWDM", "QSDWMC")


@rule(
    "Q209", clause="TD/T 1057-2020 行政区代码、坐落单位代码、权属单位代码", severity="Z", scope="F", needs=("CJDCQ",),
    name_zh="单位代码在字典中", name_en="Unit codes are in the dictionary",
    optional_parts=(Part("outside_county", ("ref:units",)),),
)  # fmt: skip
def unit_codes_are_in_the_dictionary(delivery: Delivered) -> Iterator[Finding]:
    """XZQDM, ZLDWDM and QSDWDM exist in the code dictionary; XZQDM and ZLDWDM begin with the county's code.

    ZLDWDM must equal a village survey area of the delivery; a village's first nine digits must be a township of XZQ.
    QSDWDM of this county must share its first twelve digits with a village, or stand in the table of owner units. Owner
    units of other counties stand in the reference's dictionary (``ref:units``); without it they are passed over.
    """
    villages, owners = set(_villages(delivery)), set(_owners(delivery))
    towns = {code[:TOWN_DIGITS] for code in _names(delivery.layers.get("XZQ"), "XZQDM", "XZQMC")}
    known = {
        "XZQDM": towns, "ZLDWDM": villages,
        "QSDWDM": {code[:VILLAGE_DIGITS] for code in villages} | {code[:VILLAGE_DIGITS] for code in owners},
    }  # fmt: skip
    digits = {"XZQDM": TOWN_DIGITS, "ZLDWDM": None, "QSDWDM": VILLAGE_DIGITS}
    for layer in delivery:
        if layer.code == "QSDWDMB":
            continue
        for code in ("XZQDM", "ZLDWDM", "QSDWDM"):
            if code in layer.rows.schema.names and layer.has(code):
                yield from _unknown(delivery, layer, code, _dictionary(layer, code, known, towns), digits[code])
        if "QSDWDM" in layer.rows.schema.names and layer.has("QSDWDM"):
            yield from _unknown_outside(delivery, layer)


def _unknown_outside(delivery: Delivered, layer: DeliveredLayer) -> Iterator[Finding]:
    """Owner units of other counties that the reference's dictionary does not hold."""
    county = delivery.county or ""
    if delivery.reference is None or not delivery.reference.has(UNITS) or not county:
        return
    column = pc.utf8_trim_whitespace(layer.arrow("QSDWDM"))
    held = pc.utf8_slice_codeunits(delivery.reference.rows(UNITS).column("QSDWDM").cast(pa.string()), 0, VILLAGE_DIGITS)
    known = pc.is_in(pc.utf8_slice_codeunits(column, 0, VILLAGE_DIGITS), value_set=held.combine_chunks())
    foreign = pc.and_(pc.invert(pc.starts_with(column, county)), pc.not_equal(column, ""))
    rows = np.flatnonzero(pc.fill_null(pc.and_(foreign, pc.invert(known)), False).to_numpy())
    given = column.take(pa.array(rows)).to_pylist()
    yield from Reporter(unit_codes_are_in_the_dictionary, delivery, layer).rows(
        rows, measured=given, limit="参考包 units", unit="",
        zh=[f"{layer.code} {layer.ids[row]}: QSDWDM {value} 属于外县, 但不在参考包的单位字典中"
            for row, value in zip(rows, given, strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: QSDWDM {value} is of another county and not in the reference's dictionary"
            for row, value in zip(rows, given, strict=True)],
        remedy="改正 QSDWDM, 或请上级更新单位字典",
    )  # fmt: skip


def _dictionary(layer: DeliveredLayer, code: str, known: dict[str, set[str]], towns: set[str]) -> set[str] | None:
    """None where the layer is the dictionary itself and only the county is asked."""
    if layer.code == "XZQ" and code == "XZQDM":
        return None
    if layer.code == "CJDCQ" and code == "ZLDWDM":
        return towns or None
    return known[code] or None


def _unknown(
    delivery: Delivered, layer: DeliveredLayer, code: str, known: set[str] | None, digits: int | None
) -> Iterator[Finding]:
    column = layer.arrow(code)
    county = delivery.county or ""
    inside = pc.starts_with(column, county)
    if known is None:
        right = inside
    else:
        head = TOWN_DIGITS if layer.code == "CJDCQ" and code == "ZLDWDM" else digits
        compared = column if head is None else pc.utf8_slice_codeunits(column, 0, head)
        right = pc.is_in(compared, value_set=pa.array(sorted(known), pa.string()))
        if code == "XZQDM":  # tables of the whole county carry its own code
            right = pc.or_(right, pc.equal(column, county))
        # a foreign owner can only be judged with a reference pack; a foreign location is wrong
        right = pc.or_(right, pc.invert(inside)) if code == "QSDWDM" else pc.and_(right, inside)
    rows = np.flatnonzero(pc.fill_null(pc.invert(right), False).to_numpy())
    given = column.take(pa.array(rows)).to_pylist()
    where = "XZQ" if code == "XZQDM" or layer.code == "CJDCQ" else "CJDCQ"
    limit = f"{where} 中 {county} 开头的代码"
    yield from Reporter(unit_codes_are_in_the_dictionary, delivery, layer).rows(
        rows, measured=given, limit=limit, unit="",
        zh=[f"{layer.code} {layer.ids[row]}: {code} {value} 不是 {limit}" for row, value in zip(rows, given, strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: {code} {value} is not a code of {where} that begins with {county}"
            for row, value in zip(rows, given, strict=True)],
        remedy=f"改正 {code}, 或在 {where} 中补充该单位",
    )  # fmt: skip


@rule(
    "Q210", clause="TD/T 1057-2020 坐落单位名称、权属单位名称", severity="Q", scope="F", needs=("CJDCQ",),
    name_zh="单位名称与代码对应", name_en="Unit names belong to their codes",
)  # fmt: skip
def unit_names_belong_to_their_codes(delivery: Delivered) -> Iterator[Finding]:
    """ZLDWMC is the village's name of ZLDWDM; QSDWMC the owner table's name of QSDWDM, else the village's.

    Codes the dictionary does not hold in full (groups below a village) have no name to compare with.
    """
    villages = _villages(delivery)
    owners = villages | _owners(delivery)
    for layer in delivery:
        if layer.code in ("CJDCQ", "QSDWDMB"):
            continue
        for code, name, known in (("ZLDWDM", "ZLDWMC", villages), ("QSDWDM", "QSDWMC", owners)):
            if {code, name} <= set(layer.rows.schema.names) and layer.has(code) and layer.has(name):
                yield from _misnamed(delivery, layer, code, name, known)


def _misnamed(
    delivery: Delivered, layer: DeliveredLayer, code: str, name: str, known: dict[str, str]
) -> Iterator[Finding]:
    codes, names = layer.arrow(code).combine_chunks(), layer.arrow(name).combine_chunks()
    wanted = pc.take(
        pa.array(list(known.values()), pa.string()), pc.index_in(codes, value_set=pa.array(list(known), pa.string()))
    )
    rows = np.flatnonzero(pc.fill_null(pc.not_equal(names, wanted), False).to_numpy(zero_copy_only=False))
    taken = pa.array(rows)
    given, right, of = (one.take(taken).to_pylist() for one in (names, wanted, codes))
    yield from Reporter(unit_names_belong_to_their_codes, delivery, layer).rows(
        rows, measured=given, limit=right, unit="",
        zh=[f"{layer.code} {layer.ids[row]}: {name} {value} 与 {code} {key} 不符, 应为 {want}"
            for row, value, key, want in zip(rows, given, of, right, strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: {name} {value} does not belong to {code} {key}; it should be {want}"
            for row, value, key, want in zip(rows, given, of, right, strict=True)],
        remedy=f"把 {name} 改为字典中的名称",
    )  # fmt: skip


@rule(
    "Q211", clause="TD/T 1057-2020 图斑编号编制", severity="Z", scope="F", needs=("DLTB|DLTBGX",),
    name_zh="图斑编号在坐落单位内唯一", name_en="Parcel numbers are unique inside their village",
)  # fmt: skip
def parcel_numbers_are_unique(delivery: Delivered) -> Iterator[Finding]:
    """TBBH is a whole number from 1, without blanks, and unique inside the same ZLDWDM (0012 and 12 are the same)."""
    for code in ("DLTB", "DLTBGX"):
        layer = delivery.layers.get(code)
        if layer is not None and layer.has("TBBH"):
            report = Reporter(parcel_numbers_are_unique, delivery, layer)
            numbers = _numbers(layer)
            yield from _no_numbers(report, numbers)
            if layer.has("ZLDWDM"):
                yield from _repeated(report, numbers)


def _numbers(layer: DeliveredLayer) -> pa.Array:
    """Parcel numbers as int64; null where the text is none, or less than 1."""
    texts = layer.arrow("TBBH").combine_chunks()
    texts = pc.if_else(pc.match_substring_regex(texts, r"^[0-9]{1,18}$"), texts, None)
    numbers = texts.cast(pa.int64())
    return pc.if_else(pc.greater_equal(numbers, 1), numbers, None)


def _no_numbers(report: Reporter, numbers: pa.Array) -> Iterator[Finding]:
    layer = report.layer
    given = layer.arrow("TBBH").combine_chunks()
    rows = np.flatnonzero(pc.and_(pc.is_null(numbers), pc.is_valid(given)).to_numpy(zero_copy_only=False))
    texts = given.take(pa.array(rows)).to_pylist()
    yield from report.rows(
        rows, measured=texts, limit="≥ 1", unit="",
        zh=[f"{layer.code} {layer.ids[row]}: 图斑编号 {text!r} 不是从 1 起的整数" for row, text in
            zip(rows, texts, strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: parcel number {text!r} is not a whole number from 1"
            for row, text in zip(rows, texts, strict=True)],
        remedy="按自左到右、自上到下从 1 起重新编号",
    )  # fmt: skip


def _repeated(report: Reporter, numbers: pa.Array) -> Iterator[Finding]:
    layer = report.layer
    frame = pd.DataFrame({
        "village": layer.arrow("ZLDWDM").to_numpy(), "number": numbers.to_numpy(zero_copy_only=False),
    })  # fmt: skip
    frame = frame.dropna()
    twice = frame[frame.duplicated(keep=False)]
    ids, places, counts, texts = [], [], [], []
    for (village, number), group in twice.groupby(["village", "number"], sort=True):
        rows = group.index.to_numpy(np.intp)
        ids.append(tuple(sorted(str(one) for one in layer.ids[rows])))
        places.append(layer.points(rows))
        counts.append(len(rows))
        texts.append((village, int(number)))
    yield from report.groups(
        ids, _multipoints(places), measured=counts, limit=1, unit="次",
        zh=[f"{layer.code}: 坐落单位 {village} 内图斑编号 {number} 出现 {count} 次 ({'、'.join(some[:5])})"
            for (village, number), count, some in zip(texts, counts, ids, strict=True)],
        en=[f"{layer.code}: parcel number {number} occurs {count} times in village {village} ({', '.join(some[:5])})"
            for (village, number), count, some in zip(texts, counts, ids, strict=True)],
        remedy="给重复的图斑重新编号",
    )  # fmt: skip


def _multipoints(places: list[np.ndarray]) -> np.ndarray:
    import shapely

    found = np.full(len(places), None, object)
    for at, some in enumerate(places):
        found[at] = shapely.multipoints([one for one in some if one is not None])
    return found
