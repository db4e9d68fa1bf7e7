"""Rules about the package and its tables: P101, P102, P201. 成果包."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kunyu.engines.ingest.checks.delivered import Delivered, Reporter
from kunyu.engines.ingest.checks.finding import Finding, fingerprint
from kunyu.engines.ingest.checks.rule import rule
from kunyu.kernel.crs import read_crs

_NAMES = ("china 2000", "china_2000", "cgcs2000", "china geodetic coordinate system 2000")


def _one_dataset(delivery: Delivered) -> str | None:
    if delivery.only is None:
        return None
    return "只汇交了一个数据集; one dataset was delivered, not the package"


@rule(
    "P101", clause="市级国土空间总体规划数据库规范(试行) 成果内容", severity="S", scope="D", declines=_one_dataset,
    name_zh="必备图层齐全", name_en="Every mandatory layer is there and holds records",
)  # fmt: skip
def mandatory_layers_are_there(delivery: Delivered) -> Iterator[Finding]:
    """Each layer the standard marks M is in the package and is not empty. Which are mandatory was recalled."""
    for spec in delivery.standard.layers.values():
        layer = delivery.layers.get(spec.code)
        if spec.presence != "M" or (layer is not None and len(layer)):
            continue
        zh, en = ("没有记录", "is empty") if layer is not None else ("缺少", "is missing")
        yield Finding(
            "P101", mandatory_layers_are_there.clause, "S", spec.code, (), None, zh, "有记录", "",
            f"{spec.code} {spec.name_zh}: 必备图层{zh}", f"{spec.code}: the mandatory layer {en}",
            f"补交 {spec.code} {spec.name_zh}", fingerprint("P101", (spec.code,), None),
        )  # fmt: skip


@rule(
    "P102", clause="市级国土空间总体规划数据库规范(试行) 数学基础", severity="S", scope="D",
    name_zh="坐标系为 CGCS2000 且各图层一致", name_en="All layers are in one system of CGCS2000",
)  # fmt: skip
def layers_are_in_one_system(delivery: Delivered) -> Iterator[Finding]:
    """Every spatial layer says its coordinate system, it is CGCS2000, and all layers share one.

    Longitude and latitude of CGCS2000 are taken too: which projection a plan uses was not confirmed.
    """
    first: str | None = None
    for layer in delivery.spatial():
        report = Reporter(layers_are_in_one_system, delivery, layer)
        given = layer.crs or "未知"
        if layer.crs is None or not _is_cgcs2000(layer.crs):
            yield report.table(
                measured=given, limit="CGCS2000", unit="", remedy="转换到 CGCS2000 并写明坐标系",
                zh=f"{layer.code}: 坐标系为 {given}, 应为 CGCS2000",
                en=f"{layer.code}: the coordinate system is {layer.crs or 'unknown'}, it should be CGCS2000",
            )  # fmt: skip
            continue
        first = first or layer.crs
        if layer.crs != first:
            yield report.table(
                measured=given, limit=first, unit="", remedy=f"把 {layer.code} 转换到 {first}",
                zh=f"{layer.code}: 坐标系 {given} 与其他图层的 {first} 不一致",
                en=f"{layer.code}: the coordinate system {given} differs from {first} of the others",
            )  # fmt: skip


def _is_cgcs2000(crs: str) -> bool:
    geographic = read_crs(crs).geodetic_crs
    names = (geographic.name, geographic.datum.name if geographic.datum else "") if geographic else ()
    return any(known in name.lower() for name in names for known in _NAMES)


@rule(
    "P201", clause="市级国土空间总体规划数据库规范(试行) 行政区代码", severity="Z", scope="F",
    name_zh="行政区代码属于本县", name_en="Division codes belong to the county",
)  # fmt: skip
def division_codes_belong_to_the_county(delivery: Delivered) -> Iterator[Finding]:
    """XZQDM begins with the county's six digits (the division told, else the commonest of the identifiers)."""
    county = delivery.county
    if county is None:
        return
    for layer in delivery:
        if not layer.has("XZQDM"):
            continue
        codes = layer.arrow("XZQDM")
        rows = np.flatnonzero(pc.fill_null(pc.invert(pc.starts_with(codes, county)), False).to_numpy())
        given = codes.take(pa.array(rows)).to_pylist()
        yield from Reporter(division_codes_belong_to_the_county, delivery, layer).rows(
            rows, measured=given, limit=county, unit="", remedy="改正行政区代码, 或移出本县成果",
            zh=[f"{layer.code} {layer.ids[row]}: 行政区代码 {code} 不属于 {county}" for row, code in
                zip(rows, given, strict=True)],
            en=[f"{layer.code} {layer.ids[row]}: division code {code} is not in {county}" for row, code in
                zip(rows, given, strict=True)],
        )  # fmt: skip
