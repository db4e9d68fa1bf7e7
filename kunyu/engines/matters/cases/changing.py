"""The frame of every act: lock, compare, change, put on record, tell — in one transaction. 办件变更.

Used by the modules of acts and by nothing else. An act locks the row of its case first, so acts on one case follow one
another; what it writes (columns, trace, tasks, audit, event) stands or falls together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Max
from django.utils import timezone

from kunyu.engines.matters.cases import people
from kunyu.engines.matters.cases.clock import Clock
from kunyu.engines.matters.errors import StaleRevision
from kunyu.engines.matters.models import Case, CaseEvent, Check
from kunyu.engines.security import audit
from kunyu.engines.security.scope import Principal
from kunyu.kernel.outbox.services import emit

CHANGED_TOPIC = "matters.case_changed"
DECIDED_TOPIC = "matters.decided"


@dataclass
class Change:
    """One act under way on a locked case."""

    case: Case
    principal: Principal
    before: str
    now: datetime

    @property
    def today(self) -> date:
        """The day in the time zone of the node."""
        return timezone.localtime(self.now).date()


def begun(principal: Principal, case_id: int, revision: int | None = None, *, hidden: bool = True) -> Change:
    """Lock the case; refuse who may not know of it and whoever looked at an older state.

    Must run inside a transaction. ``hidden=False`` for the node itself.

    Raises
    ------
    UnknownCase, StaleRevision
    """
    case = Case.objects.select_for_update(of=("self",)).select_related("matter", "edition").filter(pk=case_id).first()
    if case is None:
        raise people.unknown(case_id)
    if hidden:
        people.require_see(principal, case)
    require_revision(case.number, case.revision, revision)
    return Change(case, principal, case.state, _moment(case))


def _moment(case: Case) -> datetime:
    """Now; after a clock set back, just after what was last written of the case, so that nothing ends before it began.

    A correction that seemed older than the check before it would leave that check standing for what was handed in since.
    """
    written = [
        CaseEvent.objects.filter(case=case).aggregate(last=Max("at"))["last"],
        Check.objects.filter(case=case).aggregate(last=Max("made_at"))["last"],
    ]
    last = max((one for one in written if one is not None), default=None)
    now = timezone.now()
    return now if last is None or now > last else last + timedelta(microseconds=1)


def require_revision(number: str, current: int, revision: int | None) -> None:
    """Refuse an act on a state that has changed since. Raises StaleRevision."""
    if revision is not None and revision != current:
        raise StaleRevision(
            f"{number} 在您打开之后已有变化（版次 {revision} → {current}），请刷新后再办理。",
            f"{number} changed since you opened it (revision {revision} → {current}); load it again.",
            revision=current,
        )


def recorded(
    change: Change, act: str, *, stage: str = "", outcome: str = "", reason: str = "", **detail: Any
) -> CaseEvent:
    """Save the case with its next revision; write trace, audit entry and event. The last thing an act does."""
    change.case.revision += 1
    change.case.save()
    return traced(change, act, next_sequence(change.case), stage, outcome, reason, **detail)


def traced(
    change: Change, act: str, sequence: int, stage: str = "", outcome: str = "", reason: str = "", **detail: Any
) -> CaseEvent:
    """Write trace, audit entry and event of a case that is saved already: :func:`recorded`, or a new case's first act."""
    case, principal = change.case, change.principal
    event = CaseEvent.objects.create(
        case=case, sequence=sequence, act=act, before=change.before, state=case.state, stage=stage,
        outcome=outcome, at=change.now, actor=principal.name, actor_zh=principal.name_zh, reason=reason.strip(),
        detail=detail,
    )  # fmt: skip
    known = {"stage": stage, "outcome": outcome, "reason": reason.strip(), "state": case.state}
    audit.record(
        principal, f"case-{act.replace('_', '-')}", "case", case.number, object_label=case.label,
        **{name: value for name, value in known.items() if value},
    )  # fmt: skip
    emit(CHANGED_TOPIC, {"case": case.pk, "sequence": event.sequence, "act": act})
    return event


def next_sequence(case: Case) -> int:
    """The number the next event of a locked case will bear."""
    last = CaseEvent.objects.filter(case=case).order_by("-sequence").values_list("sequence", flat=True).first()
    return (last or 0) + 1


def set_clock(case: Case, clock: Clock) -> None:
    """Take over what the clock says into the columns lists read."""
    case.days_used, case.clock_from = clock.days_used, clock.clock_from
    case.due_on, case.yellow_on, case.red_on = clock.due_on, clock.yellow_on, clock.red_on
    case.due_is_provisional = clock.is_provisional
