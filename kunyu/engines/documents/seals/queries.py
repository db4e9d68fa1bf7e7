"""Which seals there are, for whom, and in which state one was at a moment. 印章查询."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Length
from django.utils import timezone

from kunyu.engines.documents.errors import SealUnusable
from kunyu.engines.documents.models import Seal, SealEvent
from kunyu.engines.documents.seal_errors import UnknownSeal
from kunyu.engines.security import duties, managing
from kunyu.engines.security.scope import Principal

READERS = (duties.SYSTEM, duties.SECURITY, duties.AUDIT)
STATES: dict[str, tuple[str, str]] = {
    "prepared": ("待启用", "waiting"), "active": ("在用", "in use"), "suspended": ("停用", "suspended"),
    "destroyed": ("已销毁", "destroyed"),
}  # fmt: skip


def moment_now() -> datetime:
    """The time to the millisecond, as time stamps carry it: acts on seals and stamps are then in their true order."""
    now = timezone.now()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def visible(principal: Principal, *wanted: str) -> QuerySet[Seal]:
    """Seals of divisions under the administrator; NotVisible for everybody else."""
    return Seal.objects.filter(division_code__startswith=managing.reach(principal, *(wanted or READERS)))


def seal(principal: Principal, code: str, *wanted: str, lock: bool = False) -> Seal:
    """One seal under the administrator.

    Raises
    ------
    UnknownSeal
    """
    rows = visible(principal, *wanted)
    found = (rows.select_for_update() if lock else rows).filter(code=code).first()
    if found is None:
        raise UnknownSeal(f"没有印章 {code}，或者不在您的管理范围。", f"There is no seal {code} under you.", code=code)
    return found


def seal_for(division_code: str, organisation_id: int | None = None) -> Seal:
    """The seal a decision of this division is sealed with: in use, of the organisation where named, the nearest above.

    Raises
    ------
    SealUnusable
        None is in use: says who makes one.
    """
    now = timezone.now()
    prefixes = [division_code[:length] for length in range(len(division_code) + 1)]
    rows = Seal.objects.filter(
        state=Seal.State.ACTIVE, valid_from__lte=now, valid_to__gt=now, division_code__in=prefixes
    )
    if organisation_id is not None:
        rows = rows.filter(Q(organisation_id=organisation_id) | Q(organisation=None))
    found = rows.annotate(depth=Length("division_code")).order_by("-depth", "code").first()
    if found is None:
        raise SealUnusable(
            f"区划 {division_code} 没有在用的印章。请系统管理员制作、安全管理员启用后重试。",
            f"Division {division_code} has no seal in use. The system administrator makes one, the security "
            "administrator approves it; then try again.",
            division=division_code,
        )
    return found


def require_usable(one: Seal, at: datetime) -> None:
    """Refuse a seal not in use now; holds it in use until the transaction ends, so that no one suspends it meanwhile.

    Raises
    ------
    SealUnusable
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM documents_seal WHERE id = %s FOR SHARE", [one.pk])
        row = cursor.fetchone()
    state = row[0] if row else "destroyed"
    if state != Seal.State.ACTIVE:
        zh, en = STATES[state]
        raise SealUnusable(
            f"印章“{one.name_zh}”（{one.code}）{zh}，不能用印。请安全管理员启用，或改用在用的印章。",
            f"Seal '{one.name_zh}' ({one.code}) is {en} and seals nothing. Have it approved, or use one in use.",
            code=one.code,
        )
    if not one.valid_from <= at < one.valid_to:
        span = f"{one.valid_from:%Y-%m-%d} – {one.valid_to:%Y-%m-%d}"
        raise SealUnusable(
            f"印章“{one.name_zh}”（{one.code}）有效期 {span}，{at:%Y-%m-%d} 不在其中。请制作新印章。",
            f"Seal '{one.name_zh}' ({one.code}) is valid {span}, not on {at:%Y-%m-%d}. Have a new one made.",
            code=one.code,
        )


def state_at(one: Seal, at: datetime) -> str:
    """The state the seal was in at a moment; '' before it was made."""
    last = SealEvent.objects.filter(seal=one, at__lte=at).order_by("-at", "-id").first()
    return last.state if last else ""
