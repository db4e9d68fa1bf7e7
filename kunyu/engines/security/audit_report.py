"""The monthly report of the audit: what was done, refused, done at night, exported, administered; and whether the log is whole.

审计月报. Counts are of entries whose time lies in the month (UTC+8). The node signs the figures: SM2 over their canonical
JSON, so that a printed report can be held against the data later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate

from kunyu.engines.security import audit_queries, keys
from kunyu.engines.security.audit.findings import Verdict
from kunyu.engines.security.audit.records import BEIJING, written_time
from kunyu.engines.security.audit.state import SealState, seal_state
from kunyu.engines.security.models import AuditEntry
from kunyu.kernel.digests import canonical_json, sm3_hex
from kunyu.kernel.errors import UsageError

SHOWN = 30


class BadMonth(UsageError):
    """A month that is none, or not begun yet."""

    code = "audit.bad_month"
    title_zh, title_en = "月份无效", "Bad month"


@dataclass(frozen=True)
class Tally:
    """A line of a table: what, and how many."""

    key: str
    count: int
    refused: int = 0


@dataclass(frozen=True)
class Report:
    """One month. Lists of entries hold at most 30, their totals stand beside."""

    month: str
    first_day: date
    last_day: date
    made_at: datetime
    node: str
    node_name: str
    entries: int
    refused: int
    failed: int
    night: int
    people: int
    by_action: tuple[Tally, ...]
    by_person: tuple[Tally, ...]
    by_day: tuple[tuple[date, int], ...]
    refusals: tuple[AuditEntry, ...]
    night_acts: tuple[AuditEntry, ...]
    exports: tuple[AuditEntry, ...]
    exports_total: int
    administrators: tuple[AuditEntry, ...]
    administrators_total: int
    seal: SealState
    verdict: Verdict | None
    text: str
    digest: str
    signature: str
    signer: str


def months_with_entries() -> list[str]:
    """Months that have entries, newest first, as ``2026-11``."""
    ends = [AuditEntry.objects.order_by(order).values_list("at", flat=True).first() for order in ("at", "-at")]
    first, last = (moment.astimezone(BEIJING) if moment else None for moment in ends)
    if first is None or last is None:
        return []
    count = (last.year - first.year) * 12 + last.month - first.month
    return [f"{(last.year * 12 + last.month - 1 - back) // 12}-{(last.year * 12 + last.month - 1 - back) % 12 + 1:02d}"
            for back in range(count + 1)]  # fmt: skip


def month_days(month: str) -> tuple[date, date]:
    """First and last day of ``2026-11``; BadMonth for anything else."""
    try:
        year, number = (int(part) for part in month.split("-"))
        first = date(year, number, 1)
        following = date(year + number // 12, number % 12 + 1, 1)
    except ValueError as error:
        raise BadMonth(f"“{month}”不是月份；请写成 2026-11。", f"'{month}' is no month; write 2026-11.") from error
    return first, date.fromordinal(following.toordinal() - 1)


def make(month: str, verdict: Verdict | None) -> Report:
    """The report of a month, with the outcome of a verification where one was made."""
    first, last = month_days(month)
    signer = keys.node_signer()
    rows = AuditEntry.objects.filter(at__gte=audit_queries.day_start(first), at__lte=audit_queries.day_end(last))
    exports = rows.filter(action__startswith="export", label__gt=0) | rows.filter(action="export-audit")
    administrators = rows.exclude(duty="")
    night_acts = rows.filter(audit_queries.night()).exclude(action="read")
    state = seal_state()
    by_action, by_person = _counts(rows, "action"), _counts(rows, "actor")
    figures: dict[str, Any] = {
        "kind": "kunyu.audit.report.1", "node": signer.node_id, "month": month, "entries": rows.count(),
        "refused": rows.filter(result="refused").count(), "failed": rows.filter(result="failed").count(),
        "night": night_acts.count(), "exports": exports.count(), "administrators": administrators.count(),
        "by_action": [[one.key, one.count, one.refused] for one in by_action],
        "by_person": [[one.key, one.count, one.refused] for one in by_person],
        "sealed": state.sealed, "link": state.link, "checkpoint": state.checkpoint,
        "verified": None if verdict is None else {"clean": verdict.clean, "last": verdict.last, "findings": verdict.count},
        "made_at": written_time(datetime.now(UTC)),
    }  # fmt: skip
    text = canonical_json(figures)
    return Report(
        month=month, first_day=first, last_day=last, made_at=datetime.now(UTC), node=signer.node_id,
        node_name=signer.name, entries=figures["entries"], refused=figures["refused"], failed=figures["failed"],
        night=figures["night"], people=rows.values("actor").distinct().count(), by_action=by_action[:SHOWN],
        by_person=by_person[:SHOWN],
        by_day=tuple(rows.annotate(day=TruncDate("at", tzinfo=BEIJING)).values_list("day").annotate(n=Count("pk"))
                     .order_by("day")),
        refusals=_some(rows.exclude(result="done")), night_acts=_some(night_acts), exports=_some(exports),
        exports_total=figures["exports"], administrators=_some(administrators),
        administrators_total=figures["administrators"], seal=state, verdict=verdict,
        text=text.decode("utf-8"), digest=sm3_hex(text),
        signature=signer.sign(text).hex(), signer=signer.certificate.fingerprint,
    )  # fmt: skip


def _counts(rows: QuerySet[AuditEntry], column: str) -> tuple[Tally, ...]:
    found = rows.values_list(column).annotate(n=Count("pk"), bad=Count("pk", filter=~Q(result="done")))
    return tuple(Tally(key, count, bad) for key, count, bad in found.order_by("-n", column))


def _some(rows: QuerySet[AuditEntry]) -> tuple[AuditEntry, ...]:
    return tuple(rows.order_by("-id")[:SHOWN])
