"""The list of verifications. 印证列表."""

from __future__ import annotations

from typing import Any

from kunyu.engines.ingest.models import Verification
from kunyu.engines.ingest.verification import access
from kunyu.engines.pages.listing import Badge, Column, Filter, Listing
from kunyu.engines.security.scope import Principal

STATES = (("running", "进行中", "Running"), ("done", "已完成", "Done"), ("failed", "失败", "Failed"))
_WORDS = {value: (zh, en) for value, zh, en in STATES}


def state_of(one: Verification) -> Badge:
    """The state as a badge."""
    return Badge(_WORDS[one.status], "warn" if one.status == Verification.Status.FAILED else "accent")


def listing(principal: Principal, **more: Any) -> Listing:
    """Every verification of data the person may query, newest first. Figures depend on who asks: they stand inside."""
    return Listing(
        name="ingest.verifications",
        title=("数据相互印证", "Mutual verification"),
        lead=(
            "把一张图上的图层互相比较，列出矛盾之处与可信度；不退回任何成果。发布后自动运行，也可随时发起。",
            "Layers of the one map are compared with each other; contradictions are listed with their confidence, nothing is "
            "refused. It runs after publication, and whenever it is started.",
        ),
        rows=access.visible(principal),
        columns=(
            Column("id", ("编号", "No."), kind="count", sort="pk"),
            Column("division", ("区划", "Division"), "division_code", kind="code", sort="division_code"),
            Column("status", ("状态", "Status"), state_of, kind="badge", sort="status"),
            Column("rules", ("运行规则", "Rules run"), lambda one: len(one.rules_run), kind="count"),
            Column("started_by", ("发起人", "Started by"), kind="person", sort="started_by"),
            Column("started_at", ("发起时间", "Started"), kind="time", sort="started_at"),
            Column("ended_at", ("结束时间", "Ended"), kind="time", sort="ended_at", priority=2),
            Column("digest", ("结果 SM3", "Result SM3"), lambda one: one.digest[:16], kind="code", priority=3),
        ),
        filters=(
            Filter("status", ("状态", "Status"), kind="choice", choices=STATES),
            Filter("division", ("区划", "Division"), apply="division_code__startswith"),
            Filter("started", ("发起日期", "Started"), kind="date range", apply="started_at__date"),
        ),
        search=("division_code__startswith", "started_by", "digest__startswith"),
        search_hint=("区划、发起人、摘要", "Division, person, digest"),
        order=("-pk",),
        href=lambda one: f"/verifications/{one.pk}/",
        empty=("还没有印证。在上方选择区划发起。", "No verification yet. Choose a division above to start one."),
        **more,
    )  # fmt: skip
