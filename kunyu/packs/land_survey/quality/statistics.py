"""Rules that compare parcels with tables and samples: Q504, Q509, Q702. 系数、汇总表与解译抽样."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import COEFFICIENTS, INTERPRETATION
from kunyu.engines.ingest.checks.rule import rule
from kunyu.packs.land_survey.quality.areas import division, parcels_with
from kunyu.packs.land_survey.quality.thresholds import threshold

CULTIVATED, RIDGE = "01", "1203"
SLOPES_WITH_RIDGES = ("2", "3", "4", "5")
TERRACE_OR_SLOPE = ("TT", "PD")
LAST_DECIMAL_OF_A_COEFFICIENT = 0.0001
CENTS_PER_HUNDREDTH_HA = 10_000
"""0.01 ha is 100 m², and areas are summed in hundredths of m²."""


@rule(
    "Q504", clause="TD/T 1055-2019 田坎系数", severity="Z", scope="F", needs=("DLTB|DLTBGX", "TKXSB|ref:coefficients"),
    name_zh="扣除系数等于县田坎系数", name_en="The ridge coefficient is the county's",
)  # fmt: skip
def coefficient_is_the_countys(delivery: Delivered) -> Iterator[Finding]:
    """KCXS of a field with GDPDJB 2 to 5 and GDLX TT or PD equals the county's coefficient for both.

    The reference's coefficients go before the delivered table TKXSB. An empty KCXS counts as 0. Where a table gives
    coefficients for several divisions, the longest code that ZLDWDM begins with counts. A pair that the table lacks is
    one finding, not one for each parcel.
    """
    known = _coefficients(delivery)
    for layer in parcels_with(delivery, "DLBM", "GDLX", "GDPDJB", "KCXS"):
        form, slope = _clean(layer, "GDLX"), _clean(layer, "GDPDJB")
        asked = (
            _clean(layer, "DLBM").str.startswith(CULTIVATED)
            & form.isin(TERRACE_OR_SLOPE)
            & slope.isin(SLOPES_WITH_RIDGES)
        ).to_numpy(bool)
        rows = np.flatnonzero(asked)
        pairs = (form + "|" + slope).iloc[rows].reset_index(drop=True)
        places = _clean(layer, "ZLDWDM").iloc[rows].reset_index(drop=True)
        wanted = _wanted(known, places, pairs)
        report = Reporter(coefficient_is_the_countys, delivery, layer)
        yield from _wrong_coefficients(report, rows, wanted, pairs)
        for pair in sorted(set(pairs[np.isnan(wanted)])):
            name = pair.replace("|", " ")
            yield report.table(
                measured=name, limit="系数表", unit="", zh=f"{layer.code}: 系数表中没有 {name} 的系数",
                en=f"{layer.code}: the table has no coefficient for {name}", remedy="补全田坎系数表",
            )  # fmt: skip


def _coefficients(delivery: Delivered) -> pd.Series:
    """Coefficient by ``division|GDLX|GDPDJB``; the division is empty in the reference."""
    reference = delivery.reference
    if reference is not None and reference.has(COEFFICIENTS):
        rows = reference.rows(COEFFICIENTS).select(["GDLX", "GDPDJB", "KCXS"]).to_pandas()
        rows["XZQDM"] = ""
    else:
        table = delivery.layers["TKXSB"].rows
        rows = table.select(["XZQDM", "GDLX", "GDPDJB", "KCXS"]).to_pandas()
        rows["XZQDM"] = rows["XZQDM"].fillna("").str.strip().map(division)
    keys = rows["XZQDM"] + "|" + rows["GDLX"].fillna("") + "|" + rows["GDPDJB"].fillna("").astype(str)
    found = pd.Series(rows["KCXS"].astype(float).to_numpy(), index=keys).dropna()
    return found[~found.index.duplicated()]


def _wanted(known: pd.Series, places: pd.Series, pairs: pd.Series) -> NDArray[np.float64]:
    """The coefficient of each row: of the longest division that its place begins with; NaN where there is none."""
    wanted = pd.Series(np.nan, index=pairs.index)
    for digits in sorted({len(str(key).split("|")[0]) for key in known.index}, reverse=True):
        wanted = wanted.fillna((places.str.slice(0, digits) + "|" + pairs).map(known))
    return wanted.to_numpy(float)


def _wrong_coefficients(
    report: Reporter, rows: NDArray[np.intp], wanted: NDArray[np.float64], pairs: pd.Series
) -> Iterator[Finding]:
    layer = report.layer
    given = layer.numbers("KCXS", missing=0.0)
    off = np.flatnonzero(np.nan_to_num(np.abs(given[rows] - wanted)) > LAST_DECIMAL_OF_A_COEFFICIENT / 2)
    bad, right = rows[off], wanted[off]
    told = [(row, pairs[at].replace("|", " "), value) for row, at, value in zip(bad, off, right, strict=True)]
    yield from report.rows(
        bad, measured=given[bad].tolist(), limit=right.tolist(), unit="",
        zh=[f"{layer.code} {layer.ids[row]}: 扣除系数 {given[row]:.4f}, {pair} 的县系数为 {value:.4f}"
            for row, pair, value in told],
        en=[f"{layer.code} {layer.ids[row]}: coefficient {given[row]:.4f}, the county's for {pair} is {value:.4f}"
            for row, pair, value in told],
        remedy="按田坎系数表改正 KCXS, 并重新计算 KCMJ 与 TBDLMJ",
    )  # fmt: skip


def _clean(layer: DeliveredLayer, field: str) -> pd.Series:
    if not layer.has(field):
        return pd.Series("", index=range(len(layer)), dtype="string[pyarrow]")
    return layer.texts(field).astype("string[pyarrow]").fillna("").str.strip()


@dataclass(frozen=True)
class _Summary:
    """A summary table and what its rows stand for: keys of the parcels, which of them, which area.

    ``area`` is ``net`` (TBDLMJ, with ridges as class 1203) or ``gross`` (TBMJ); ``optional`` keys count only where some
    row of the table fills them.
    """

    code: str
    keys: tuple[str, ...]
    area: str = "net"
    optional: tuple[str, ...] = ()
    among: tuple[str, str] | None = None


SUMMARIES = (
    _Summary("YJFLMJB", ("YJLBM",)),
    _Summary("EJFLMJB", ("DLBM",)),
    _Summary("JCTJB", ("QSDWDM", "QSXZ", "DLBM"), optional=("QSXZ",)),
    _Summary("CZCMJB", ("CZCSXM", "DLBM"), among=("CZCSXM", r".")),
    _Summary("GDPDB", ("GDPDJB", "GDLX"), optional=("GDLX",), among=("DLBM", r"^01")),
    _Summary("GDZZLXB", ("ZZSXDM",), among=("ZZSXDM", r".")),
    _Summary("KTZDLB", ("DLBM",), among=("DLBM", r"K$")),
    _Summary("FRDB", ("QSDWDM", "ZLDWDM"), area="gross", among=("FRDBS", r"^1$")),
)  # fmt: skip
WITH_RIDGES = ("YJFLMJB", "EJFLMJB", "JCTJB", "CZCMJB")
"""Tables by land class, where the deducted ridges are area of class 1203."""


@rule(
    "Q509", clause="TD/T 1055-2019 面积汇总", severity="S", scope="X", unit="ha",
    needs=("DLTB", "|".join(one.code for one in SUMMARIES)),
    name_zh="汇总表与图斑重新汇总一致", name_en="Summary tables equal what the parcels add up to",
)  # fmt: skip
def summaries_equal_the_parcels(delivery: Delivered) -> Iterator[Finding]:
    """Every cell of a delivered summary table equals its recomputation from DLTB, in hectares with two decimals.

    Class areas are Σ TBDLMJ, the area of 1203 is Σ KCMJ (and TBDLMJ of parcels that are 1203 themselves); FRDB adds up
    TBMJ of parcels with FRDBS 1. Sums are exact in hundredths of m² and rounded once, half up, cell by cell: a table
    whose cells were adjusted so that rounded figures add up differs. A class with area that has no row in a division
    of the table is found too. XZQDM of six, nine or twelve digits is the part of ZLDWDM; LLB belongs to Q606.
    """
    parcels = delivery.layers["DLTB"]
    if not all(parcels.has(one) for one in ("DLBM", "TBDLMJ", "ZLDWDM")):
        return
    for summary in SUMMARIES:
        table = delivery.layers.get(summary.code)
        if table is None or not len(table) or not table.has("MJ") or not table.has("XZQDM"):
            continue
        keys = tuple(one for one in summary.keys if one not in summary.optional or _any(table, one))
        if all(table.has(one) for one in keys) and all(one == "YJLBM" or parcels.has(one) for one in keys):
            yield from _cells(delivery, table, summary, keys)


def _any(table: DeliveredLayer, field: str) -> bool:
    return table.has(field) and bool((_clean(table, field) != "").any())


def _cells(delivery: Delivered, table: DeliveredLayer, summary: _Summary, keys: tuple[str, ...]) -> Iterator[Finding]:
    given = pd.DataFrame({key: _clean(table, key) for key in keys})
    given.insert(0, "XZQDM", _clean(table, "XZQDM").map(division).astype("string[pyarrow]"))
    given["cell"] = np.rint(table.numbers("MJ") * 100)
    given["row"] = np.arange(len(table))
    given = given[given["cell"].notna()]
    by = ["XZQDM", *keys]
    cells = given.groupby(by, sort=False).agg(cell=("cell", "sum"), row=("row", "first"))
    right = _recomputed(delivery, summary, keys, sorted(set(given["XZQDM"])))
    both = cells.join(right, how="outer").fillna({"cell": 0, "right": 0})
    wrong = both[both["cell"] != both["right"]]
    report = Reporter(summaries_equal_the_parcels, delivery, table)
    for key, cell, row, wanted in wrong.sort_index().itertuples():
        yield _cell_finding(report, dict(zip(by, key, strict=True)), cell, row, wanted)


def _cell_finding(report: Reporter, key: dict[str, str], cell: float, row: float, wanted: float) -> Finding:
    code = report.layer.code
    named = " ".join(one for one in key.values() if one)
    has_row = not np.isnan(row)
    shown, limit = cell / 100, wanted / 100
    return report.table(
        measured=shown if has_row else "缺", limit=limit, ids=(str(report.layer.ids[int(row)]),) if has_row else (),
        zh=f"{code} {named}: 面积 {shown:.2f} ha, 由 DLTB 汇总为 {limit:.2f} ha" if has_row else
           f"{code} {named}: 缺少该行, 由 DLTB 汇总为 {limit:.2f} ha",
        en=f"{code} {named}: {shown:.2f} ha, DLTB adds up to {limit:.2f} ha" if has_row else
           f"{code} {named}: no such row, DLTB adds up to {limit:.2f} ha",
        remedy="由 DLTB 重新汇总该表",
    )  # fmt: skip


def _recomputed(delivery: Delivered, summary: _Summary, keys: tuple[str, ...], divisions: list[str]) -> pd.DataFrame:
    """Hundredths of a hectare by division and keys."""
    rows = _parcel_areas(delivery, summary)
    if summary.among is not None:
        field, pattern = summary.among
        rows = rows.filter(pc.match_substring_regex(rows.column(field), pattern))
    found = []
    for digits in sorted({len(one) for one in divisions}):
        named = pa.array([one for one in divisions if len(one) == digits], pa.string())
        place = pc.utf8_slice_codeunits(rows.column("ZLDWDM"), 0, digits)
        here = rows.append_column("XZQDM", place).filter(pc.is_in(place, value_set=named))
        found.append(here.group_by(["XZQDM", *keys]).aggregate([("cents", "sum")]).to_pandas())
    right = pd.concat(found, ignore_index=True)
    right = right[(right[list(keys)] != "").any(axis=1)]
    right["right"] = (right["cents_sum"] + CENTS_PER_HUNDREDTH_HA // 2) // CENTS_PER_HUNDREDTH_HA
    right = right[right["right"] > 0].astype(dict.fromkeys(("XZQDM", *keys), "string[pyarrow]"))
    return right.set_index(["XZQDM", *keys])[["right"]]


def _parcel_areas(delivery: Delivered, summary: _Summary) -> pa.Table:
    """Keys of the parcels as clean text, and areas in hundredths of m²; ridges as rows of class 1203 where they count."""
    parcels = delivery.layers["DLTB"]
    fields = ["ZLDWDM", "DLBM", *(one for one in summary.keys if one != "YJLBM")]
    if summary.among is not None:
        fields.append(summary.among[0])
    columns = {one: _arrow(parcels, one) for one in dict.fromkeys(fields)}
    area = "TBDLMJ" if summary.area == "net" else "TBMJ"
    rows = pa.table({**columns, "cents": _cents(parcels, area)})
    if summary.code in WITH_RIDGES and parcels.has("KCMJ"):
        ridges = pa.table({**columns, "cents": _cents(parcels, "KCMJ")})
        at = ridges.column_names.index("DLBM")
        ridges = ridges.set_column(at, "DLBM", pa.repeat(pa.scalar(RIDGE), ridges.num_rows))
        rows = pa.concat_tables([rows, ridges.filter(pc.greater(ridges.column("cents"), 0))]).combine_chunks()
    return rows.append_column("YJLBM", _first_level(delivery, rows)) if "YJLBM" in summary.keys else rows


def _arrow(layer: DeliveredLayer, field: str) -> pa.Array:
    if not layer.has(field):
        return pa.repeat(pa.scalar(""), len(layer))
    return pc.utf8_trim_whitespace(pc.fill_null(layer.arrow(field).cast(pa.string()), "")).combine_chunks()


def _cents(layer: DeliveredLayer, field: str) -> pa.Array:
    if not layer.has(field):
        return pa.repeat(pa.scalar(0, pa.int64()), len(layer))
    return pa.array(np.rint(layer.numbers(field, missing=0.0) * 100).astype(np.int64))


def _first_level(delivery: Delivered, rows: pa.Table) -> pa.Array:
    """First-level class of each row's DLBM by the standard's code list; wetland classes keep their old numbers."""
    parents = {one.code: one.parent for one in delivery.standard.codelists["DLBM"].rows}
    tops = {code: _top(code, parents) for code in parents}
    at = pc.index_in(rows.column("DLBM"), value_set=pa.array(list(tops), pa.string()))
    return pc.fill_null(pc.take(pa.array(list(tops.values()), pa.string()), at), "")


def _top(code: str, parents: dict[str, str]) -> str:
    while (above := parents.get(code)) and above != code:
        code = above
    return code


@rule(
    "Q702", clause="国家内业核查 (比例待核对)", severity="W", scope="D", unit="%", needs=("DLTB", "ref:interpretation"),
    name_zh="图斑地类与解译抽样一致", name_en="Parcels agree with an interpreted sample",
)  # fmt: skip
def sample_agrees_with_interpretation(delivery: Delivered) -> Iterator[Finding]:
    """Of the sampled parcels of the reference, the required share (95 %) bears the interpreted class.

    A class agrees when it begins with the interpreted code, so that 01 confirms every field and 0301 a 0301K. One finding
    for each parcel that does not agree or is not in the delivery, one more for the rate when it is below; the rate counts
    sampled parcels that are in the delivery.
    """
    layer, reference = delivery.layers["DLTB"], delivery.reference
    assert reference is not None  # the rule's needs
    sample = reference.rows(INTERPRETATION).select(["BSM", "DLBM"]).to_pandas().dropna().drop_duplicates("BSM")
    rows = pd.Series(np.arange(len(layer)), index=layer.ids.astype(str))
    at = sample["BSM"].astype(str).map(rows[~rows.index.duplicated()])
    report = Reporter(sample_agrees_with_interpretation, delivery, layer)
    yield from _not_delivered(report, sample["BSM"][at.isna()].astype(str).tolist())
    there = at.notna().to_numpy()
    row = at[there].to_numpy(np.intp)
    read = sample["DLBM"][there].astype(str).tolist()
    given = _clean(layer, "DLBM").iloc[row].tolist()
    off = np.array([not one.startswith(want) for one, want in zip(given, read, strict=True)], bool)
    least = threshold("interpretation", "least_agreement")
    if len(row) and (len(row) - off.sum()) < least * len(row) - 1e-9:
        yield _rate(report, len(row), int(off.sum()), least)
    told = [(row[one], given[one], read[one]) for one in np.flatnonzero(off)]
    yield from report.rows(
        row[off], measured=[one for _, one, _ in told], limit=[one for _, _, one in told], unit="",
        zh=[f"DLTB {layer.ids[where]}: 地类 {mine}, 解译为 {theirs}" for where, mine, theirs in told],
        en=[f"DLTB {layer.ids[where]}: class {mine}, interpreted as {theirs}" for where, mine, theirs in told],
        remedy="核对影像与举证, 改正地类或说明理由",
    )  # fmt: skip


def _not_delivered(report: Reporter, keys: list[str]) -> Iterator[Finding]:
    for key in keys:
        yield report.table(
            measured="缺", limit=key, unit="", ids=(key,), zh=f"DLTB: 抽样图斑 {key} 不在成果中",
            en=f"DLTB: the sampled parcel {key} is not in the delivery", remedy="核对抽样清单与标识码",
        )  # fmt: skip


def _rate(report: Reporter, sampled: int, off: int, least: float) -> Finding:
    rate = 100 * (sampled - off) / sampled
    return report.table(
        measured=round(rate, 2), limit=100 * least,
        zh=f"DLTB: 抽样 {sampled} 个图斑, {sampled - off} 个与解译一致, 一致率 {rate:.2f}%, 应不低于 {100 * least:g}%",
        en=f"DLTB: {sampled - off} of {sampled} sampled parcels agree with the interpretation, {rate:.2f}%; at least "
           f"{100 * least:g}% is required",
        remedy="核对不一致的图斑",
    )  # fmt: skip
