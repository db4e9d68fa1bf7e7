"""Rules about field values: Q205 to Q208. 字段取值."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kunyu.engines.ingest.checks.delivered import (
    Delivered,
    DeliveredLayer,
    Reporter,
    text_of,
)
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import rule

if TYPE_CHECKING:
    from kunyu.engines.catalogue.standards import Field

FIRST_YEAR = 1984
"""The first national land survey began in 1984: no survey datum is older. 第一次全国土地调查."""
YEAR_SHARE, YEAR_ROWS = 0.01, 50
"""A year borne by fewer rows than this is a slip of the pen, not the year of the survey. [design]"""


@rule(
    "Q205", clause="TD/T 1057-2020 要素代码与名称描述表", severity="Z", scope="F", general=True,
    name_zh="要素代码与图层一致", name_en="The feature code is the layer's",
)  # fmt: skip
def feature_code_is_the_layers(delivery: Delivered) -> Iterator[Finding]:
    """YSDM equals the ten-digit code the standard gives the layer; layers whose code is unknown are passed over."""
    for layer in delivery:
        wanted = layer.spec.ysdm
        if not wanted or not layer.has("YSDM"):
            continue
        codes = layer.arrow("YSDM")
        rows = np.flatnonzero(pc.fill_null(pc.not_equal(codes, wanted), False).to_numpy())
        given = codes.take(pa.array(rows)).to_pylist()
        yield from Reporter(feature_code_is_the_layers, delivery, layer).rows(
            rows, measured=given, limit=wanted, unit="",
            zh=[f"{layer.code} {layer.ids[row]}: 要素代码 {code} 应为 {wanted}" for row, code in
                zip(rows, given, strict=True)],
            en=[f"{layer.code} {layer.ids[row]}: feature code {code} should be {wanted}" for row, code in
                zip(rows, given, strict=True)],
            remedy=f"把 YSDM 改为 {wanted}",
        )  # fmt: skip


@rule(
    "Q206", clause="TD/T 1057-2020 属性值代码表", severity="Z", scope="F", general=True,
    name_zh="代码在值域之内", name_en="Codes are in their list",
)  # fmt: skip
def codes_are_in_their_list(delivery: Delivered) -> Iterator[Finding]:
    """Every field with a code list (DLBM, QSXZ, GDLX, GDPDJB, TBXHDM, ZZSXDM, CZCSXM, FRDBS, MSSM …) holds its codes."""
    for layer in delivery:
        report = Reporter(codes_are_in_their_list, delivery, layer)
        for spec in layer.spec.fields:
            if spec.codelist is not None and layer.has(spec.code):
                yield from _unknown_codes(report, spec, delivery.standard.codelists[spec.codelist].codes)


def _unknown_codes(report: Reporter, spec: Field, known: object) -> Iterator[Finding]:
    layer = report.layer
    codes = layer.arrow(spec.code).cast(pa.string())
    inside = pc.is_in(codes, value_set=pa.array(list(known), pa.string()))  # type: ignore[call-overload]
    rows = np.flatnonzero(pc.and_(pc.invert(inside), pc.is_valid(codes)).to_numpy())
    given = codes.take(pa.array(rows)).to_pylist()
    table = f"{spec.codelist} 代码表"
    yield from report.rows(
        rows, measured=given, limit=table, unit="",
        zh=[f"{layer.code} {layer.ids[row]}: {text_of(spec)} {code} 不在 {report.delivery.standard.number} 表中"
            for row, code in zip(rows, given, strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: {spec.code} {code} is not in the list {spec.codelist} of "
            f"{report.delivery.standard.number}" for row, code in zip(rows, given, strict=True)],
        remedy=f"改为 {table}中的代码",
    )  # fmt: skip


@rule(
    "Q207", clause="TD/T 1057-2020 属性值代码表", severity="Z", scope="F", general=True,
    name_zh="名称与代码对应", name_en="Names belong to their codes",
)  # fmt: skip
def names_belong_to_their_codes(delivery: Delivered) -> Iterator[Finding]:
    """DLMC is the list's name of DLBM, TBXHMC of TBXHDM, ZZSXMC of ZZSXDM.

    A name without a code is a finding too; a code without a name is not this rule's business, and a code that is not
    in the list is Q206's.
    """
    for layer in delivery:
        report = Reporter(names_belong_to_their_codes, delivery, layer)
        for spec in layer.spec.fields:
            if spec.name_of is not None and layer.has(spec.code) and layer.has(spec.name_of):
                yield from _wrong_names(report, spec, layer.spec.field(spec.name_of))


def _wrong_names(report: Reporter, spec: Field, coded: Field) -> Iterator[Finding]:
    layer = report.layer
    assert coded.codelist is not None
    known = report.delivery.standard.codelists[coded.codelist].codes
    codes, names = layer.arrow(coded.code).cast(pa.string()), layer.arrow(spec.code)
    at = pc.index_in(codes, value_set=pa.array(list(known), pa.string()))
    wanted = pc.take(pa.array(list(known.values()), pa.string()), at.combine_chunks())
    wanted = pa.chunked_array([wanted])
    names = pa.chunked_array([names.combine_chunks()])
    differs = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(names), wanted), False)
    homeless = pc.and_(pc.is_valid(names), pc.is_null(pa.chunked_array([codes.combine_chunks()])))
    rows = np.flatnonzero(pc.or_(differs, homeless).to_numpy())
    taken = pa.array(rows)
    given, right = names.take(taken).to_pylist(), wanted.take(taken).to_pylist()
    of = codes.take(taken).to_pylist()
    yield from report.rows(
        rows, measured=given, limit=[name or "空" for name in right], unit="",
        zh=[f"{layer.code} {layer.ids[row]}: {text_of(spec)} {name} 与 {coded.code} {code or '空'} 不符, 应为 {want or '空'}"
            for row, name, code, want in zip(rows, given, of, right, strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: {spec.code} {name} does not belong to {coded.code} {code or 'empty'}; "
            f"it should be {want or 'empty'}" for row, name, code, want in zip(rows, given, of, right, strict=True)],
        remedy=f"按代码表改正 {spec.code} 或 {coded.code}",
    )  # fmt: skip


@rule(
    "Q208", clause="TD/T 1057-2020 属性数据结构 值域", severity="Z", scope="F", general=True,
    name_zh="数值在值域之内", name_en="Numbers are in their range",
)  # fmt: skip
def numbers_are_in_their_range(delivery: Delivered) -> Iterator[Finding]:
    """TBMJ > 0, 0 ≤ KCXS < 1, KCMJ ≥ 0, TBDLMJ ≥ 0, 1 ≤ GDDB ≤ 15, and every range the standard gives a number.

    SJNF is the survey year or earlier: the year that was told (``--year``), else that of the delivery's own summary
    tables, else the latest year that at least 1 % of the layer's rows, or 50 of them, bear.
    """
    told = delivery.year or _year_of_tables(delivery)
    for layer in delivery:
        report = Reporter(numbers_are_in_their_range, delivery, layer)
        for spec in layer.spec.fields:
            if spec.type in ("Int", "Float") and layer.has(spec.code):
                low, high = spec.minimum, spec.maximum
                if spec.code == "SJNF":
                    low, high = FIRST_YEAR, told or _year_of_rows(layer)
                if low is not None or high is not None:
                    yield from _out_of_range(report, spec, low, high)


def _year_of_tables(delivery: Delivered) -> int | None:
    """The year of production that every summary table bears; None without tables, or when they differ."""
    years: set[int] = set()
    for layer in delivery:
        if layer.spec.role == "table" and layer.has("SJNF"):
            years |= set(layer.arrow("SJNF").drop_null().to_pylist())
    return years.pop() if len(years) == 1 else None


def _year_of_rows(layer: DeliveredLayer) -> int | None:
    years, counts = np.unique(layer.arrow("SJNF").drop_null().to_numpy(), return_counts=True)
    enough = (counts >= YEAR_ROWS) | (counts >= YEAR_SHARE * len(layer))
    return int(years[enough].max()) if enough.any() else None


def _out_of_range(report: Reporter, spec: Field, low: float | None, high: float | None) -> Iterator[Finding]:
    layer = report.layer
    values = layer.numbers(spec.code)
    with np.errstate(invalid="ignore"):  # NaN stands for null and is in no range's way
        outside = (values < (-np.inf if low is None else low)) | (values > (np.inf if high is None else high))
    rows = np.flatnonzero(outside)
    limit = _limit_text(low, high)
    given = [_number(value, spec) for value in values[rows]]
    yield from report.rows(
        rows, measured=values[rows].tolist(), limit=limit, unit=spec.unit,
        zh=[f"{layer.code} {layer.ids[row]}: {text_of(spec)} {value} 超出 {limit}" for row, value in
            zip(rows, given, strict=True)],
        en=[f"{layer.code} {layer.ids[row]}: {spec.code} {value} is outside {limit}" for row, value in
            zip(rows, given, strict=True)],
        remedy=f"更正 {text_of(spec)}",
    )  # fmt: skip


def _limit_text(low: float | None, high: float | None) -> str:
    return f"[{'' if low is None else f'{low:g}'}, {'' if high is None else f'{high:g}'}]"


def _number(value: float, spec: Field) -> str:
    return f"{value:.0f}" if spec.type == "Int" else f"{value:.{spec.decimals}f}"
