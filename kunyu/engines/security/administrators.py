"""The three administrators, appointed down the tree of divisions by their own kind. 三员的委派.

An administrator appoints others of the same duty in his own division (a deputy, a successor) and below it, and
dismisses those strictly below. The node's owner may make the first administrator of a duty, and none after that.
"""

from __future__ import annotations

import re

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from kunyu.engines.security import audit, duties, ending, managing
from kunyu.engines.security.models import AdminDuty, Appointment, Grant, User
from kunyu.engines.security.organisation_errors import BadEntry, DutyHeld, LastAdministrator, UnknownAccount
from kunyu.engines.security.scope import Principal

ALL = (duties.SYSTEM, duties.SECURITY, duties.AUDIT)
_LOCK = 0x6B796164  # one appointment at a time: two could both be the last to go


def visible(principal: Principal) -> QuerySet[AdminDuty]:
    """Administrators of one's own duty in one's own division and below."""
    prefix = managing.reach(principal, *ALL)
    found = AdminDuty.objects.filter(division_prefix__startswith=prefix).select_related("user")
    return found if managing.is_operator(principal) else found.filter(duty=principal.duty)


def one(principal: Principal, duty_id: int, *, lock: bool = False) -> AdminDuty:
    """An administrator that the principal sees; :class:`UnknownAccount` otherwise."""
    rows = visible(principal)
    found = (rows.select_for_update(of=("self",)) if lock else rows).filter(pk=duty_id).first()
    if found is None:
        raise UnknownAccount(
            f"没有管理员 {duty_id}，或者不在您的管理范围。", f"There is no administrator {duty_id} under you."
        )
    return found


@transaction.atomic
def appoint(principal: Principal, username: str, duty: str, division: str, reason: str) -> AdminDuty:
    """Make an account an administrator of ``duty`` for the divisions under ``division``.

    Raises
    ------
    NotVisible
        The principal has another duty.
    DutyHeld
        The node's owner asks although the duty has somebody.
    UnknownAccount, BadEntry
    """
    if duty not in ALL:
        raise BadEntry(f"没有职责“{duty}”。", f"There is no duty “{duty}”.", field="duty")
    prefix, why = managing.reach(principal, duty), managing.reason_of(reason)
    _lock()
    if managing.is_operator(principal) and held(duty):
        raise DutyHeld(
            f"已有{AdminDuty.Duty(duty).label}，请由其委派；节点操作员只能任命第一位。",
            f"The duty {duty} has an administrator, who appoints the others; the operator makes the first one only.",
            duty=duty,
        )
    division = division.strip()
    if not re.fullmatch(r"\d{0,12}", division) or not division.startswith(prefix):
        raise BadEntry(f"区划 {division or '全国'} 不在您的管理范围 {prefix} 内。",
                       f"Division {division or 'nation'} is not under yours ({prefix}).", field="division")  # fmt: skip
    user = _account(username, prefix)
    _require_free(user)
    made = AdminDuty.objects.create(user=user, duty=duty, division_prefix=division, appointed_by=principal.name)
    # a session or token from before carries no duty but was opened by an ordinary person
    ending.end_access(user, "duty_changed")
    audit.record(principal, "appoint-administrator", "user", user.username, duty=duty, division=division, reason=why)
    return made


def held(duty: str) -> bool:
    """Is there anybody active with this duty?"""
    return AdminDuty.objects.filter(duty=duty, user__is_active=True).exists()


def _account(username: str, prefix: str) -> User:
    found = User.objects.select_for_update(of=("self",)).filter(
        username=username.strip(), is_active=True, division_code__startswith=prefix
    ).first()  # fmt: skip
    if found is None:
        raise UnknownAccount(
            f"您的管理范围内没有账号 {username}，或已停用。", f"There is no active account {username} under you."
        )
    return found


def _require_free(user: User) -> None:
    """No grants, no posts, no other duty; the database refuses too."""
    today = timezone.localdate()
    posts = Appointment.objects.filter(Q(ends_on=None) | Q(ends_on__gte=today), user=user).exists()
    if posts or Grant.objects.filter(user=user).exists():
        raise BadEntry(f"{user} 还有岗位或授权；管理员不得持有业务权限，请先收回。",
                       f"{user.username} holds posts or grants; an administrator holds none: take them back first.",
                       field="username")  # fmt: skip
    if AdminDuty.objects.filter(user=user).exists():
        raise BadEntry(
            f"{user} 已是管理员；一人只任一员。", f"{user.username} is an administrator already.", field="username"
        )


@transaction.atomic
def dismiss(principal: Principal, duty_id: int, reason: str) -> User:
    """Take the duty from an administrator below, or give up one's own. The account stays without any right.

    Raises
    ------
    LastAdministrator
        Nobody active would have the duty afterwards.
    OtherAdministrator
    """
    found = one(principal, duty_id, lock=True)
    why = managing.reason_of(reason)
    _lock()
    user, duty, division = found.user, found.duty, found.division_prefix
    if user.pk != principal.user_id:
        user.admin_duty = found
        managing.require_not_administrator(principal, user)
    if not AdminDuty.objects.filter(duty=duty, user__is_active=True).exclude(pk=duty_id).exists():
        raise LastAdministrator(
            f"{user} 是最后一位{found.get_duty_display()}，请先委派另一位。",
            f"{user.username} is the last {duty} administrator; appoint another first.",
        )
    found.delete()
    ending.end_access(user, "duty_changed")
    audit.record(principal, "dismiss-administrator", "user", user.username, duty=duty, division=division, reason=why)
    return user


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
