"""Rules about tables and keys: Q201 to Q204 of the land survey. 表结构与标识码.

Clauses name the standard's attribute tables; predicates marked unverified were recalled, not read in the printed
inspection rules (质量检查规则).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

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
    from kunyu.engines.ingest.source_layers import SourceField, SourceLayer

BSM_DIGITS = 18
"""Length of an identifier: county 6 + layer 4 + sequence 8."""

_FITS = {
    "Char": {"text"}, "VarChar": {"text"}, "Int": {"integer"}, "Float": {"real"}, "Date": {"date"},
    "DateTime": {"datetime", "date"},
}  # fmt: skip
_KIND_ZH = {
    "text": "文本", "integer": "整数", "real": "小数", "date": "日期", "datetime": "日期时间", "boolean": "布尔", "other": "其他",
}  # fmt: skip
_BYTES_PER_CHARACTER = 4
_WIDEST_DBF_TEXT = 254


@rule(
    "Q201", clause="TD/T 1057-2020 属性数据结构", severity="S", scope="T", general=True,
    name_zh="属性表结构与标准一致", name_en="Every table has every field of the standard with its type and length",
)  # fmt: skip
def tables_have_the_standards_fields(delivery: Delivered) -> Iterator[Finding]:
    """Each table has every field of the standard; name, type, length and decimals equal it, and so do the values.

    A length is compared where the format declares one. DBF counts bytes, so a text column may be up to four times as
    wide as the standard's characters. Under a mapping file only mandatory fields and values are asked for, since the
    delivered structure is another one on purpose.
    """
    for layer in delivery:
        report = Reporter(tables_have_the_standards_fields, delivery, layer)
        for spec in layer.spec.fields:
            if not layer.has(spec.code):
                if not delivery.mapped_by_file or spec.required == "M":
                    yield _missing(report, spec)
            elif not delivery.mapped_by_file:
                yield from _declared(report, spec)
            yield from _values(report, spec)


def _missing(report: Reporter, spec: Field) -> Finding:
    code = report.layer.code
    return report.table(
        measured="缺", limit=_wanted(spec), unit="",
        zh=f"{code}: 缺少字段 {text_of(spec)}, 标准为 {_wanted(spec)}",
        en=f"{code}: field {spec.code} is missing, the standard has {_wanted(spec)}",
        remedy=f"在 {code} 表中增加字段 {spec.code} {_wanted(spec)}",
    )  # fmt: skip


def _declared(report: Reporter, spec: Field) -> Iterator[Finding]:
    for part in report.layer.mapped.parts:
        given = next((one for one in part.source.fields if one.name == part.fields.get(spec.code)), None)
        if given is None:  # another file of the same layer has it
            yield _missing(report, spec)
            continue
        if _type_fits(given, spec) and _length_fits(given, spec, part.source):
            continue
        has = _given(given)
        yield report.table(
            measured=has, limit=_wanted(spec), unit="",
            zh=f"{report.layer.code}: 字段 {text_of(spec)} 为 {has}, 标准为 {_wanted(spec)}",
            en=f"{report.layer.code}: field {spec.code} is {has}, the standard has {_wanted(spec)}",
            remedy=f"把 {report.layer.code} 表字段 {spec.code} 改为 {_wanted(spec)}",
        )  # fmt: skip


def _values(report: Reporter, spec: Field) -> Iterator[Finding]:
    loss, layer = report.layer.mapped.loss, report.layer
    for bad, wrong_zh, wrong_en in (
        (loss.type_failures.get(spec.code), "不是", "is no"), (loss.truncated.get(spec.code), "超出", "does not fit"),
    ):  # fmt: skip
        if bad is None:
            continue
        rows = np.concatenate([one.to_numpy(zero_copy_only=False) for one in bad.rows]) - 1
        values = [str(value)[:60] for one in bad.values for value in one.to_pylist()]
        at = _row_positions(layer, rows)
        yield from report.rows(
            at, measured=values, limit=_wanted(spec), unit="",
            zh=[f"{layer.code} {layer.ids[row]}: {text_of(spec)} 的值 {value!r} {wrong_zh} {_wanted(spec)}"
                for row, value in zip(at, values, strict=True)],
            en=[f"{layer.code} {layer.ids[row]}: value {value!r} of {spec.code} {wrong_en} {_wanted(spec)}"
                for row, value in zip(at, values, strict=True)],
            remedy=f"更正 {spec.code} 的值",
        )  # fmt: skip


def _row_positions(layer: DeliveredLayer, rows: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where delivered rows stand in the mapped table: a mapping's ``where`` leaves rows out."""
    if layer.mapped.loss.rows_left_out == 0:
        return rows.astype(np.intp)
    return np.searchsorted(layer.mapped.loss.kept_rows(), rows + 1).astype(np.intp)


def _type_fits(given: SourceField, spec: Field) -> bool:
    if spec.type == "Float" and given.kind == "integer":
        # DBF writes a number without decimals as an integer; a Float(…, 0) would be one too
        return given.decimals is not None and spec.decimals == 0
    return given.kind in _FITS[spec.type]


def _length_fits(given: SourceField, spec: Field, source: SourceLayer) -> bool:
    if spec.type in ("Char", "VarChar"):
        if given.length is None or not spec.length:
            return True
        widest = min(spec.length * _BYTES_PER_CHARACTER, _WIDEST_DBF_TEXT) if source.counts_bytes else spec.length
        return spec.length <= given.length <= max(widest, spec.length)
    if spec.type in ("Int", "Float") and given.decimals is not None and given.length is not None:
        return given.decimals == spec.decimals and given.length >= spec.length
    return True


def _wanted(spec: Field) -> str:
    if spec.type == "Float":
        return f"Float({spec.length},{spec.decimals})"
    return f"{spec.type}({spec.length})" if spec.length else spec.type


def _given(given: SourceField) -> str:
    kind = _KIND_ZH[given.kind]
    if given.length is None:
        return kind
    return f"{kind}({given.length},{given.decimals})" if given.decimals else f"{kind}({given.length})"


@rule(
    "Q202", clause="TD/T 1057-2020 空间要素分层", severity="Q", scope="T", general=True,
    name_zh="没有标准之外的图层和字段", name_en="No layers or fields beyond the standard",
)  # fmt: skip
def nothing_beyond_the_standard(delivery: Delivered) -> Iterator[Finding]:
    """No illegal extra layers; extension fields are registered.

    A field is registered when the standard delivered against (or a local extension of it) has it. Under a mapping file
    this is not asked: leaving things out is what the mapping says.
    """
    if delivery.mapped_by_file:
        return
    for layer in delivery:
        report = Reporter(nothing_beyond_the_standard, delivery, layer)
        for part in layer.mapped.parts:
            used = set(part.fields.values())
            for name in sorted(set(part.source.field_names) - used - _BOOKKEEPING):
                yield report.table(
                    measured=name, limit=delivery.standard.number, unit="",
                    zh=f"{layer.code}: 字段 {name} 不在 {delivery.standard.number} 中, 也未登记为扩展",
                    en=f"{layer.code}: field {name} is neither in {delivery.standard.number} nor a registered extension",
                    remedy=f"删除字段 {name}, 或先登记为扩展字段",
                )  # fmt: skip
    yield from _extra_layers(delivery)


_BOOKKEEPING = frozenset({
    "OBJECTID", "FID", "Shape_Leng", "Shape_Length", "Shape_Area", "SHAPE_Leng", "SHAPE_Length", "SHAPE_Area", "fid",
    "OGC_FID", "ogc_fid",
})  # fmt: skip
"""Columns that formats add by themselves; nobody surveyed them."""


def _extra_layers(delivery: Delivered) -> Iterator[Finding]:
    layers = list(delivery)
    if not layers:
        return
    report = Reporter(nothing_beyond_the_standard, delivery, layers[0])
    for name in delivery.unmatched:
        one = report.table(
            measured=name, limit=delivery.standard.number, unit="",
            zh=f"图层 {name} 不在 {delivery.standard.number} 中", en=f"Layer {name} is not in {delivery.standard.number}",
            remedy=f"删除图层 {name}, 或改用标准图层名",
        )  # fmt: skip
        yield one.at_layer(name)


@rule(
    "Q203", clause="TD/T 1057-2020 属性数据结构 约束条件M", severity="Z", scope="F", general=True,
    name_zh="必填字段不为空", name_en="Mandatory fields are filled",
)  # fmt: skip
def mandatory_fields_are_filled(delivery: Delivered) -> Iterator[Finding]:
    """Mandatory fields are not null, not blank and not a "0" that stands for nothing.

    A zero is a placeholder only in text without a code list: FRDBS 0 and an area of 0 are values. A field that is
    missing altogether is Q201's finding, and a value that is no number is Q201's too.
    """
    for layer in delivery:
        report = Reporter(mandatory_fields_are_filled, delivery, layer)
        for spec in layer.spec.fields:
            if spec.required != "M" or not layer.has(spec.code) or (spec.name_of is not None and not len(layer)):
                continue
            blank = _blank(layer, spec)
            rows = np.flatnonzero(blank)
            shown = pc.fill_null(layer.arrow(spec.code).take(pa.array(rows)).cast(pa.string()), "空").to_pylist()
            yield from report.rows(
                rows, measured=shown, limit="非空", unit="",
                zh=[f"{layer.code} {layer.ids[row]}: 必填字段 {text_of(spec)} 为{value}" for row, value in
                    zip(rows, shown, strict=True)],
                en=[f"{layer.code} {layer.ids[row]}: mandatory field {spec.code} is "
                    f"{'empty' if value == '空' else value}" for row, value in zip(rows, shown, strict=True)],
                remedy=f"补填 {text_of(spec)}",
            )  # fmt: skip


def _blank(layer: DeliveredLayer, spec: Field) -> NDArray[np.bool_]:
    column = layer.arrow(spec.code)
    blank = column.is_null().to_numpy().copy()
    failed = layer.mapped.loss.type_failures.get(spec.code)
    if failed is not None:
        rows = np.concatenate([one.to_numpy(zero_copy_only=False) for one in failed.rows]) - 1
        blank[_row_positions(layer, rows)] = False
    if spec.type in ("Char", "VarChar") and spec.codelist is None:
        zeros = pc.match_substring_regex(column, r"^\s*0+\s*$")
        blank |= pc.fill_null(zeros, False).to_numpy()
    return blank


@rule(
    "Q204", clause="TD/T 1057-2020 标识码编制规则", severity="S", scope="F", general=True,
    name_zh="标识码唯一且符合编码规则", name_en="Identifiers are unique and well formed",
)  # fmt: skip
def identifiers_are_unique_and_well_formed(delivery: Delivered) -> Iterator[Finding]:
    """BSM is unique in the whole database and has 18 digits: county 6, layer code 4, sequence 8.

    Update layers repeat the identifiers of the layer they update, so uniqueness is asked among base layers together and
    in each update layer by itself. For a standard whose key is not an 18-digit BSM only uniqueness inside the layer is
    asked. Blank keys are Q203's finding.
    """
    for layer in delivery:
        if layer.has(layer.spec.key):
            yield from _badly_formed(Reporter(identifiers_are_unique_and_well_formed, delivery, layer))
    for group in _groups_of_keys(delivery):
        yield from _repeated(delivery, group)


def _has_bsm(layer: DeliveredLayer) -> bool:
    return layer.spec.key == "BSM" and layer.spec.field("BSM").length == BSM_DIGITS


def _badly_formed(report: Reporter) -> Iterator[Finding]:
    layer = report.layer
    if not _has_bsm(layer):
        return
    county, code = report.delivery.county or "", layer.spec.layer_code
    keys = layer.arrow("BSM")
    form = pc.match_substring_regex(keys, rf"^[0-9]{{{BSM_DIGITS}}}$")
    right = form
    if county:
        right = pc.and_(right, pc.starts_with(keys, county))
    if code:
        right = pc.and_(right, pc.equal(pc.utf8_slice_codeunits(keys, 6, 10), code))
    rows = np.flatnonzero(pc.fill_null(pc.invert(right), False).to_numpy())
    wanted = f"{county or '县代码6位'}+{code or '层代码4位'}+顺序号8位"
    given = keys.take(pa.array(rows)).to_pylist()
    yield from report.rows(
        rows, measured=given, limit=wanted, unit="",
        zh=[f"{layer.code}: 标识码 {key!r} 应为 {wanted}" for key in given],
        en=[f"{layer.code}: identifier {key!r} should be county {county} + layer {code} + 8 digits" for key in given],
        remedy="按编码规则重新编制标识码",
    )  # fmt: skip


def _groups_of_keys(delivery: Delivered) -> Iterator[list[DeliveredLayer]]:
    base = [one for one in delivery if one.spec.role == "base" and _has_bsm(one)]
    if base:
        yield base
    for one in delivery:
        if one not in base and one.spec.role in ("base", "update", "process") and one.has(one.spec.key):
            yield [one]


def _repeated(delivery: Delivered, layers: list[DeliveredLayer]) -> Iterator[Finding]:
    frames = []
    for at, layer in enumerate(layers):
        keys = layer.arrow(layer.spec.key).to_numpy()
        frames.append(pd.DataFrame({"key": keys, "layer": at, "row": np.arange(len(layer))}))
    every = pd.concat(frames, ignore_index=True).dropna(subset=["key"])
    twice = every[every.duplicated("key", keep=False)]
    for at, layer in enumerate(layers):
        rows = twice.loc[twice["layer"] == at, "row"].to_numpy(np.intp)
        if not len(rows):
            continue
        times = twice.groupby("key")["key"].transform("size")[twice["layer"] == at].tolist()
        yield from Reporter(identifiers_are_unique_and_well_formed, delivery, layer).rows(
            rows, measured=times, limit=1, unit="次",
            zh=[f"{layer.code}: 标识码 {layer.ids[row]} 出现 {count} 次" for row, count in zip(rows, times, strict=True)],
            en=[f"{layer.code}: identifier {layer.ids[row]} occurs {count} times"
                for row, count in zip(rows, times, strict=True)],
            remedy="重新编制重复的标识码",
        )  # fmt: skip
