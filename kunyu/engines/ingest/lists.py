"""The list of deliveries. 汇交列表."""

from __future__ import annotations

from typing import Any

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.access import visible
from kunyu.engines.ingest.models import Delivery
from kunyu.engines.ingest.queries import SEVERITIES
from kunyu.engines.pages.listing import Action, Badge, Cell, Column, Filter, Listing
from kunyu.engines.reference.naming import DivisionNames
from kunyu.engines.security.scope import Principal

ATTENTION = (Delivery.Status.FAILED, Delivery.Status.RETURNED, Delivery.Status.REJECTED)


def _file(one: Delivery) -> Cell:
    badges = (Badge(("更新包", "change package")),) if one.is_incremental else ()
    return Cell(one.file_name, f"/deliveries/{one.pk}", badges)


def _state(one: Delivery) -> Badge:
    return Badge((one.get_status_display(), one.status), "warn" if one.status in ATTENTION else "accent")


def _records(one: Delivery) -> int:
    return int(sum(one.summary.get("layers", {}).values()))


def _findings(one: Delivery) -> str:
    counts = [one.summary.get(severity) for severity in SEVERITIES]
    return "" if counts[0] is None else " / ".join(f"{count:,}" for count in counts)


def _standards() -> list[tuple[str, str, str]]:
    found = Delivery.objects.order_by("standard_id").values_list("standard_id", flat=True).distinct()
    return [(one, load_standard(one).number, load_standard(one).number) for one in found]


def deliveries(principal: Principal, **more: Any) -> Listing:
    """Every delivery whose data the person may query, newest first."""
    return Listing(
        name="ingest.deliveries",
        title=("汇交", "Deliveries"),
        lead=(
            "成果交来后先映射、再检查；合格的由审核人发布到一张图。",
            "What is handed in is mapped, then checked; what passes is published to the map by an approver.",
        ),
        rows=visible(principal),
        columns=(
            Column("id", ("批次", "No."), kind="count", sort="pk"),
            Column("file", ("文件", "File"), _file, sort="file_name"),
            Column("standard", ("标准", "Standard"), lambda one: one.dataset_code or one.standard_id, sort="standard_id"),
            Column("division", ("区划", "Division"), "division_code", say=DivisionNames(), sort="division_code"),
            Column("valid_from", ("生效", "Valid from"), kind="date", sort="valid_from", priority=2),
            Column("status", ("状态", "Status"), _state, kind="badge", sort="status"),
            Column("records", ("记录", "Records"), _records, kind="count"),
            Column("findings", ("发现 严重/重/轻/提示", "Findings S/Z/Q/W"), _findings),
            Column("created_by", ("汇交人", "By"), kind="person", sort="created_by", priority=2),
            Column("created_at", ("时间", "At"), kind="time", sort="created_at", priority=2),
            Column("sm3", ("文件 SM3", "File SM3"), "input_sm3", kind="code", shown=False),
        ),
        filters=(
            Filter("status", ("状态", "Status"), kind="choice", choices=lambda: [
                (value, zh, value) for value, zh in Delivery.Status.choices]),
            Filter("division", ("区划", "Division"), apply="division_code__startswith"),
            Filter("standard", ("标准", "Standard"), kind="choice", apply="standard_id", choices=_standards),
            Filter("received", ("汇交日期", "Handed in"), kind="date range", apply="created_at__date"),
        ),
        search=("file_name", "created_by", "input_sm3__startswith"),
        search_hint=("文件名、汇交人、SM3", "File name, person, SM3"),
        order=("-pk",),
        href=lambda one: f"/deliveries/{one.pk}",
        actions=(Action(("检查例外", "Exceptions"), "/exceptions/"),),
        empty=(
            "还没有汇交批次。有汇交权限的人可以在上方交来第一份成果，或在节点上执行 kunyu deliver。",
            "No delivery yet. Whoever may deliver can hand one in above, or run kunyu deliver on the node.",
        ),
        **more,
    )  # fmt: skip
