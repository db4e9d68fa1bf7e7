"""What becomes of a licence after its issue: suspended, resumed, expired, replaced, revoked. 证照状态.

The one place that moves a state: row locked, event, audit and outbox event with it, all or none. Who may do so is for the
caller to decide; this engine knows no law.
"""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from kunyu.engines.documents.errors import ReasonNeeded, UnknownLicence, WrongLicenceState
from kunyu.engines.documents.models import Licence, LicenceEvent
from kunyu.engines.security import audit, scope
from kunyu.engines.security.scope import Principal
from kunyu.kernel.outbox.services import emit

CHANGED_TOPIC = "documents.licence_changed"
State = Licence.State
IN_FORCE = (State.VALID, State.SUSPENDED)

_FROM: dict[str, tuple[str, ...]] = {
    "issued": (State.ISSUING,),
    "suspended": (State.VALID,),
    "resumed": (State.SUSPENDED,),
    "expired": (State.VALID, State.SUSPENDED),
    "replaced": (State.VALID, State.SUSPENDED, State.EXPIRED),
    "corrected": (State.VALID, State.SUSPENDED, State.EXPIRED),
    "revoked": (State.VALID, State.SUSPENDED, State.EXPIRED),
}
_TO: dict[str, str] = {
    "issued": State.VALID, "suspended": State.SUSPENDED, "resumed": State.VALID, "expired": State.EXPIRED,
    "replaced": State.REPLACED, "corrected": State.REPLACED, "revoked": State.REVOKED,
}  # fmt: skip
_ZH = {"issued": "发证", "suspended": "挂起", "resumed": "恢复", "expired": "到期", "replaced": "换发", "corrected": "更正",
       "revoked": "撤销"}  # fmt: skip


@transaction.atomic
def suspend(principal: Principal, licence_id: int, reason: str, basis: str) -> Licence:
    """Put a licence out of force for a time. Raises UnknownLicence, WrongLicenceState, ReasonNeeded."""
    _require_reason(reason, basis)
    return move(principal, locked(licence_id), "suspended", reason, basis)


@transaction.atomic
def resume(principal: Principal, licence_id: int, reason: str, basis: str) -> Licence:
    """Put a suspended licence into force again; one whose last day has passed meanwhile expires instead."""
    _require_reason(reason, basis)
    licence = locked(licence_id)
    if licence.valid_to is not None and licence.valid_to < timezone.localdate():
        return move(principal, licence, "expired", reason, basis)
    return move(principal, licence, "resumed", reason, basis)


@transaction.atomic
def revoke(principal: Principal, licence_id: int, reason: str, basis: str) -> Licence:
    """Revoke a licence for good; revoking again changes nothing."""
    _require_reason(reason, basis)
    licence = locked(licence_id)
    if licence.state == State.REVOKED:
        return licence
    return move(principal, licence, "revoked", reason, basis)


def expire_due(today: date | None = None, limit: int = 1000) -> int:
    """Expire the licences whose last day has passed; each in a transaction of its own. Returns how many."""
    day = today or timezone.localdate()
    due = Licence.objects.filter(state__in=IN_FORCE, valid_to__lt=day).order_by("valid_to").values_list("pk", flat=True)
    clock = scope.operator("periodic")
    done = 0
    for licence_id in list(due[:limit]):
        with transaction.atomic():
            licence = locked(licence_id)
            if licence.state in IN_FORCE and licence.valid_to is not None and licence.valid_to < day:
                move(clock, licence, "expired", f"有效期至 {licence.valid_to}", "")
                done += 1
    return done


def locked(licence_id: int) -> Licence:
    """The licence, its row locked until the caller's transaction ends."""
    found = Licence.objects.select_for_update(of=("self",)).filter(pk=licence_id).first()
    if found is None:
        raise UnknownLicence(f"没有证照 {licence_id}。", f"There is no licence {licence_id}.")
    return found


def move(principal: Principal, licence: Licence, act: str, reason: str = "", basis: str = "") -> Licence:
    """Move a locked licence by an act; who listens is told.

    Raises
    ------
    WrongLicenceState
        The act does not begin where the licence stands; nothing was written.
    """
    before = licence.state
    if before not in _FROM[act]:
        raise WrongLicenceState(
            f"证照 {licence.number} 的状态是“{licence.get_state_display()}”，不能{_ZH[act]}。",
            f"Licence {licence.number} is {before}; it cannot be {act}.",
            number=licence.number,
            state=before,
        )
    licence.state = _TO[act]
    licence.save(update_fields=["state"])
    note(principal, licence, act, before, reason, basis)
    return licence


def note(principal: Principal, licence: Licence, act: str, before: str, reason: str = "", basis: str = "") -> None:
    """Event, audit and message of a change that the caller made."""
    LicenceEvent.objects.create(
        licence=licence, act=act, before=before, state=licence.state, reason=reason, basis=basis[:300],
        actor=principal.name,
    )  # fmt: skip
    audit.record(
        principal, f"licence-{act}", "licence", licence.number, version=licence.version, division=licence.division_code,
        reason=reason[:400],
    )  # fmt: skip
    emit(CHANGED_TOPIC, {
        "licence": licence.pk, "number": licence.number, "version": licence.version, "act": act, "before": before,
        "state": licence.state, "subject": licence.subject,
    })  # fmt: skip


def _require_reason(reason: str, basis: str) -> None:
    if not reason.strip() or not basis.strip():
        raise ReasonNeeded(
            "请写明理由和法律依据。", "Give the reason and the basis in law.",
            field="basis" if reason.strip() else "reason",
        )  # fmt: skip
