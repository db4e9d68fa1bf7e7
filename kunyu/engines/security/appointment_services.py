"""Who holds which post, from which day to which. 任职管理."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from kunyu.engines.security import audit, managing
from kunyu.engines.security.models import AdminDuty, Appointment, Post, User
from kunyu.engines.security.organisation_errors import AlreadyDone, BadEntry, UnknownPost
from kunyu.engines.security.scope import Principal


@dataclass(frozen=True)
class Term:
    """From a day to a day, both included; ``ends_on`` None is open. ``is_acting`` marks 代理."""

    starts_on: date
    ends_on: date | None = None
    is_acting: bool = False


@transaction.atomic
def appoint(principal: Principal, user_id: int, post_id: int, term: Term, reason: str) -> Appointment:
    """Appoint a person to a post; with its first day the person has the post's roles.

    Raises
    ------
    UnknownAccount, UnknownPost
    BadEntry
        The person is disabled, an administrator, or holds the post in these days already.
    """
    user = managing.user(principal, user_id, lock=True)
    post = managing.post(principal, post_id, lock=True)
    why = managing.reason_of(reason)
    _require_able(user, post, term)
    made = Appointment.objects.create(
        user=user, post=post, starts_on=term.starts_on, ends_on=term.ends_on, is_acting=term.is_acting
    )
    audit.record(
        principal, "appoint", "user", user.username, post=str(post), post_id=post.pk, starts_on=term.starts_on.isoformat(),
        ends_on=term.ends_on.isoformat() if term.ends_on else None, acting=term.is_acting, reason=why,
    )  # fmt: skip
    return made


def _require_able(user: User, post: Post, term: Term) -> None:
    today = timezone.localdate()
    if not user.is_active:
        raise BadEntry(
            f"账号 {user.username} 已停用，不能任职。", f"Account {user.username} is disabled.", field="user"
        )
    if AdminDuty.objects.filter(user=user).exists():
        raise BadEntry(f"{user} 是管理员，不能同时任职（三员分立）。",
                       f"{user.username} is an administrator and holds no posts.", field="user")  # fmt: skip
    if post.closed_on is not None or post.organisation.closed_on is not None:
        raise BadEntry(f"岗位“{post}”已撤销。", f"Post “{post}” is closed.", field="post")
    if term.ends_on is not None and term.ends_on < max(term.starts_on, today):
        raise BadEntry(f"任职止日 {term.ends_on} 早于起日或今天。", f"The last day {term.ends_on} is before the first, or past.",
                       field="ends_on")  # fmt: skip
    overlapping = Appointment.objects.filter(user=user, post=post).filter(
        Q(ends_on=None) | Q(ends_on__gte=term.starts_on), **({"starts_on__lte": term.ends_on} if term.ends_on else {})
    )
    if overlapping.exists():
        raise BadEntry(f"{user} 在这段时间已任“{post}”。", f"{user.username} holds “{post}” in these days already.",
                       field="starts_on")  # fmt: skip


@transaction.atomic
def end(principal: Principal, appointment_id: int, last_day: date, reason: str) -> Appointment:
    """Set the last day of an appointment, today or later. To take a post away at once, see ``leaving``."""
    found = visible(principal, appointment_id, lock=True)
    why, today = managing.reason_of(reason), timezone.localdate()
    if last_day < max(found.starts_on, today):
        raise BadEntry(f"任职止日 {last_day} 早于起日或今天。", f"The last day {last_day} is before the first, or past.",
                       field="ends_on")  # fmt: skip
    if found.ends_on is not None and found.ends_on < today:
        raise AlreadyDone(f"该任职已于 {found.ends_on} 结束。", f"This appointment ended on {found.ends_on}.")
    found.ends_on = last_day
    found.save(update_fields=["ends_on"])
    audit.record(principal, "end-appointment", "user", found.user.username, post=str(found.post),
                 ends_on=last_day.isoformat(), reason=why)  # fmt: skip
    return found


def visible(principal: Principal, appointment_id: int, *, lock: bool = False) -> Appointment:
    """The appointment to a post under the administrator; :class:`UnknownPost` otherwise."""
    prefix, rows = managing.reach(principal), Appointment.objects.select_related("user", "post__organisation")
    found = (
        (rows.select_for_update(of=("self",)) if lock else rows)
        .filter(pk=appointment_id, post__organisation__division_code__startswith=prefix)
        .first()
    )
    if found is None:
        raise UnknownPost(
            f"没有任职记录 {appointment_id}，或者不在您的管理范围。",
            f"There is no appointment {appointment_id} under you.",
        )
    return found
