"""Send what waits, keep receipts, try again later, list what was refused, compare the day's counts. 报送、回执、对账."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from kunyu.engines.matters.cases.visibility import visible
from kunyu.engines.matters.errors import NationalRefused, NationalUnreachable, UnknownCase
from kunyu.engines.matters.models import NationalMessage, NationalReconciliation
from kunyu.engines.matters.national.adapter import HttpPlatform, Platform
from kunyu.engines.matters.national.messages import with_code
from kunyu.engines.matters.settings import matters_settings
from kunyu.engines.security import audit, scope
from kunyu.engines.security.scope import Principal

State = NationalMessage.State
FIRST_RETRY_S, LONGEST_RETRY_S = 30, 6 * 3600
BATCH = 200


def platform() -> Platform | None:
    """The platform of this node; None: none is set, messages wait."""
    settings = matters_settings()
    return HttpPlatform(settings) if settings.national_url else None


def send_waiting(to: Platform | None = None, most: int = BATCH) -> tuple[int, int]:
    """Send up to ``most`` messages that are due, oldest first; answers with (delivered, not delivered).

    Messages of one case go in their order: while one waits for another attempt, the later ones of that case wait too.
    """
    to = to or platform()
    if to is None:
        return 0, 0
    delivered = failed = 0
    held: set[int] = set()
    for pk, case_id in _due(most):
        if case_id in held:
            continue
        if _send_one(pk, to):
            delivered += 1
        else:
            failed += 1
            held.add(case_id)
    return delivered, failed


def _due(most: int) -> list[tuple[int, int]]:
    now = timezone.now()
    waiting = NationalMessage.objects.filter(state=State.WAITING)
    later = waiting.filter(due_at__gt=now).values_list("case_id", flat=True)
    return list(
        waiting.filter(due_at__lte=now).exclude(case_id__in=later).order_by("case_id", "sequence").values_list("pk", "case_id")[:most]
    )  # fmt: skip


@transaction.atomic
def _send_one(pk: int, to: Platform) -> bool:
    """One message under its lock: a second sender skips it. False: it did not arrive, or was refused."""
    found = (
        NationalMessage.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("case__application").filter(pk=pk, state=State.WAITING).first()
    )  # fmt: skip
    if found is None:
        return True
    found.attempts += 1
    try:
        found.receipt = to.send(with_code(found), f"{found.case.number}:{found.sequence}")[:100]
    except NationalRefused as error:
        found.state, found.error = State.REFUSED, error.detail_zh
    except NationalUnreachable as error:
        wait_s = min(FIRST_RETRY_S * 2 ** min(found.attempts - 1, 16), LONGEST_RETRY_S)
        found.error, found.due_at = error.detail_zh, timezone.now() + timedelta(seconds=wait_s)
    else:
        found.state, found.error, found.sent_at = State.SENT, "", timezone.now()
    found.save(update_fields=["attempts", "receipt", "state", "error", "due_at", "sent_at"])
    return found.state == State.SENT


def errors(principal: Principal) -> QuerySet[NationalMessage]:
    """Messages that were refused or did not arrive yet, of cases the principal decides about; newest first."""
    seen = visible(principal, scope.APPROVE).values("pk")
    rows = NationalMessage.objects.select_related("case__matter").filter(case__in=seen).exclude(error="")
    return rows.exclude(state=State.SENT).order_by("-pk")


@transaction.atomic
def send_again(principal: Principal, message_id: int) -> NationalMessage:
    """Queue a refused message anew, after what was wrong is mended. Raises UnknownCase."""
    found = NationalMessage.objects.select_for_update(of=("self",)).filter(
        pk=message_id, pk__in=errors(principal).values("pk")
    ).first()  # fmt: skip
    if found is None:
        raise UnknownCase(f"没有待处理的消息 {message_id}。", f"There is no message {message_id} to send again.")
    found.state, found.due_at = State.WAITING, timezone.now()
    found.save(update_fields=["state", "due_at"])
    audit.record(principal, "national-message-again", "national-message", found.pk, case=found.case.number)
    return found


def reconcile(day: date, to: Platform | None = None) -> NationalReconciliation | None:
    """Compare what was delivered on a day with what the platform counted; None: no platform is set.

    Raises
    ------
    NationalUnreachable
    """
    to = to or platform()
    if to is None:
        return None
    ours, theirs = delivered_on(day), to.counts(day)
    found, _ = NationalReconciliation.objects.update_or_create(
        day=day, defaults={"ours": ours, "theirs": theirs, "is_equal": ours == theirs}
    )
    return found


def delivered_on(day: date) -> dict[str, int]:
    """Messages with a receipt of that day (this node's time zone), by kind."""
    begin = timezone.make_aware(datetime.combine(day, time.min))
    sent = NationalMessage.objects.filter(state=State.SENT, sent_at__gte=begin, sent_at__lt=begin + timedelta(days=1))
    return dict(Counter(sent.values_list("kind", flat=True)))
