"""The list of exceptions. 检查例外列表."""

from __future__ import annotations

from typing import Any

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.exceptions import visible
from kunyu.engines.ingest.models import FindingException
from kunyu.engines.pages.listing import Badge, Cell, Column, Filter, Listing
from kunyu.engines.reference.naming import DivisionNames
from kunyu.engines.security.scope import Principal

STATES = (
    ("proposed", "待确认", "Proposed"), ("confirmed", "已确认", "Confirmed"), ("refused", "不予确认", "Refused"),
    ("withdrawn", "已撤回", "Withdrawn"),
)  # fmt: skip
_WORDS = {value: (zh, en) for value, zh, en in STATES}
_TONES: dict[str, Any] = {"proposed": "warn", "confirmed": "accent", "refused": "plain", "withdrawn": "plain"}


def state_of(one: FindingException) -> Badge:
    """The state as a badge."""
    return Badge(_WORDS[one.status], _TONES[one.status])


def _standards() -> list[tuple[str, str, str]]:
    found = FindingException.objects.order_by("standard_id").values_list("standard_id", flat=True).distinct()
    return [(one, load_standard(one).number, load_standard(one).number) for one in found]


def _rules() -> list[tuple[str, str, str]]:
    found = FindingException.objects.order_by("rule").values_list("rule", flat=True).distinct()
    return [(one, one, one) for one in found]


def listing(principal: Principal, **more: Any) -> Listing:
    """Every exception of data the person may query, newest first."""
    return Listing(
        name="ingest.exceptions",
        title=("检查例外", "Exceptions of checks"),
        lead=(
            "确属实际情况的检查发现，一人提出、另一人确认后，以后的检查不再计入；几何变动 1 厘米即重新发现。",
            "Findings that are right as they are: proposed by one person, confirmed by another, then no longer counted. A "
            "geometry moved by 1 cm is found again.",
        ),
        rows=visible(principal).select_related("delivery"),
        columns=(
            Column("id", ("编号", "No."), kind="count", sort="pk"),
            Column("rule", ("规则", "Rule"), lambda one: Cell(one.rule, badges=(Badge(one.severity, "plain"),) if one.severity else ()), sort="rule"),
            Column("layer", ("图层", "Layer"), sort="layer"),
            Column("message", ("发现", "Finding"), lambda one: (one.message_zh, one.message_en)),
            Column("reason", ("理由", "Reason"), "reason"),
            Column("state", ("状态", "State"), state_of, kind="badge", sort="status"),
            Column("division", ("区划", "Division"), "division_code", say=DivisionNames(), sort="division_code"),
            Column("proposed_by", ("提出人", "Proposed by"), kind="person", sort="proposed_by", priority=2),
            Column("proposed_at", ("提出时间", "Proposed"), kind="time", sort="proposed_at", priority=2),
            Column("decided_by", ("确认人", "Decided by"), kind="person", sort="decided_by", priority=2),
            Column("decided_at", ("确认时间", "Decided"), kind="time", sort="decided_at", priority=3),
            Column("standard", ("标准", "Standard"), "standard_id", shown=False),
            Column("ids", ("标识码", "Identifiers"), lambda one: " ".join(one.ids), kind="code", shown=False),
            Column("fingerprint", ("指纹", "Fingerprint"), kind="code", shown=False),
        ),
        filters=(
            Filter("status", ("状态", "State"), kind="choice", choices=STATES),
            Filter("rule", ("规则", "Rule"), kind="choice", choices=_rules),
            Filter("division", ("区划", "Division"), apply="division_code__startswith"),
            Filter("standard", ("标准", "Standard"), kind="choice", apply="standard_id", choices=_standards),
            Filter("proposed", ("提出日期", "Proposed"), kind="date range", apply="proposed_at__date"),
        ),
        search=("message_zh", "reason", "proposed_by", "fingerprint__startswith"),
        search_hint=("发现、理由、提出人、指纹", "Finding, reason, person, fingerprint"),
        order=("-pk",),
        href=lambda one: f"/exceptions/{one.pk}/",
        empty=(
            "还没有检查例外。在汇交批次页面的问题表中选择“标为例外”提出。",
            "No exception yet. Propose one with “Mark as exception” in the table of findings of a delivery.",
        ),
        **more,
    )  # fmt: skip
