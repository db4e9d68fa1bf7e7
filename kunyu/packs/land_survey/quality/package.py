"""Rules about a delivery as a whole: Q102 to Q104. 成果的图层、坐标系与交换文件."""

from __future__ import annotations

from collections.abc import Iterator

from kunyu.engines.ingest.checks.delivered import Delivered, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.rule import rule

CHANGE_LAYERS = ("DLTBGX", "DLTBGXGC")
"""Layers without which a package of changes says nothing: the parcels after, and what became of those before."""


def _one_dataset(delivery: Delivered) -> str | None:
    if delivery.only is None:
        return None
    named = " / ".join(sorted(delivery.only))
    return f"只汇交 {named}，不代表整套成果; only {named} is delivered, not the whole standard"


def _mandatory(delivery: Delivered) -> tuple[str, ...]:
    """Layers that must be there: those of the base, or of a change package when nothing but changes is delivered."""
    roles = {layer.spec.role for layer in delivery.spatial()}
    if roles and roles <= {"update", "process"}:
        return CHANGE_LAYERS
    return tuple(
        code for code, one in delivery.standard.layers.items()
        if one.presence == "M" and one.role == "base" and one.spatial
    )  # fmt: skip


@rule(
    "Q102", clause="TD/T 1057-2020 空间要素分层 约束条件M", severity="S", scope="D", declines=_one_dataset,
    name_zh="必选图层齐全", name_en="Every mandatory layer is delivered",
)  # fmt: skip
def mandatory_layers_are_delivered(delivery: Delivered) -> Iterator[Finding]:
    """Every spatial layer the standard marks M is there (it may be empty), one finding for each that is missing.

    A delivery of update and process layers alone is a change package: it must have DLTBGX and DLTBGXGC. Not asked of a
    delivery to a node that names one dataset. Mandatory tables and documents are asked of packages (Q101).
    """
    missing = [code for code in _mandatory(delivery) if code not in delivery.layers]
    for layer in list(delivery)[:1]:  # a finding needs one layer to speak through; it names the missing one
        report = Reporter(mandatory_layers_are_delivered, delivery, layer)
        for code in missing:
            spec = delivery.standard.layers[code]
            yield report.table(
                measured="缺", limit="必选", unit="",
                zh=f"缺少必选图层 {code} {spec.name_zh}", en=f"The mandatory layer {code} ({spec.name_en}) is missing",
                remedy=f"补充图层 {code}; 没有要素时交空图层",
            ).at_layer(code)  # fmt: skip
