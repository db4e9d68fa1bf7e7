"""Leaving posts: at once and everywhere. 离岗交接.

Ends the appointments, the sessions, the tokens and the invitations of the person in one transaction, keeps the
handover on record, and tells the worklist (event ``security.left_post``) to hand the open tasks to the successor.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from kunyu.engines.security import audit, ending, managing
from kunyu.engines.security.models import Appointment, Handover, User
from kunyu.engines.security.organisation_errors import BadEntry, OtherAdministrator
from kunyu.engines.security.scope import Principal
from kunyu.kernel.outbox.services import emit

LEFT_POST_TOPIC = "security.left_post"


@transaction.atomic
def leave(
    principal: Principal, user_id: int, reason: str, *, successor: str = "", disable: bool = True,
    post_ids: frozenset[int] | None = None,
) -> Handover:  # fmt: skip
    """Take posts from a person now; without ``post_ids`` all of them.

    Parameters
    ----------
    successor : user name of who takes over the open tasks; '' gives them back to all who may claim them.
    disable : the person leaves the bureau: the account is disabled too.

    Raises
    ------
    UnknownAccount, OtherAdministrator
    BadEntry
        The successor is unknown, disabled or the leaver; or there is nothing to leave.
    """
    user = managing.user(principal, user_id, lock=True)
    managing.require_not_administrator(principal, user)
    why = managing.reason_of(reason)
    heir = _successor(principal, user, successor)
    if user.pk == principal.user_id:
        raise OtherAdministrator("不能为自己办理离岗。", "Nobody lets himself go.")
    left = _held(principal, user, post_ids)
    if not left and not disable:
        raise BadEntry(f"{user} 没有在任的岗位。", f"{user.username} holds no post.", field="posts")
    sessions = ending.open_sessions(user)
    for one in left:
        _end_now(one)
    if disable and user.is_active:
        user.is_active = False
        user.save(update_fields=["is_active"])
    ended = ending.end_access(user, "left_post", sessions_before=sessions)
    handover = Handover.objects.create(
        user=user, successor=heir, posts=[{"id": one.post_id, "name": str(one.post)} for one in left], reason=why,
        account_disabled=disable, tokens_revoked=ended.tokens, sessions_ended=ended.sessions, made_by=principal.name,
    )  # fmt: skip
    audit.record(
        principal, "leave-post", "user", user.username, posts=[one["name"] for one in handover.posts],
        successor=heir.username if heir else "", disabled=disable, tokens=ended.tokens, sessions=ended.sessions, reason=why,
    )  # fmt: skip
    emit(LEFT_POST_TOPIC, {
        "user_id": user.pk, "successor_id": heir.pk if heir else None, "handover_id": handover.pk,
        "post_ids": [one.post_id for one in left], "by": principal.name, "reason": why,
    })  # fmt: skip
    return handover


def _successor(principal: Principal, leaver: User, username: str) -> User | None:
    name = username.strip()
    if not name:
        return None
    found = managing.users(principal).filter(username=name, is_active=True).exclude(pk=leaver.pk).first()
    if found is None or hasattr(found, "admin_duty"):
        raise BadEntry(f"接替人 {name} 不存在、已停用、是管理员或是本人。",
                       f"The successor {name} is unknown, disabled, an administrator or the leaver.", field="successor")  # fmt: skip
    return found


def _held(principal: Principal, user: User, post_ids: frozenset[int] | None) -> list[Appointment]:
    """Appointments of now and later. A post outside the administrator's divisions is not his to take away."""
    running = Appointment.objects.select_for_update(of=("self",)).select_related("post__organisation").filter(
        Q(ends_on=None) | Q(ends_on__gte=timezone.localdate()), user=user
    )  # fmt: skip
    if post_ids is not None:
        running = running.filter(post_id__in=post_ids)
    found, prefix = list(running.order_by("pk")), managing.reach(principal)
    outside = [str(one.post) for one in found if not one.post.organisation.division_code.startswith(prefix)]
    if outside:
        raise BadEntry(f"岗位 {'、'.join(outside)} 不在您的管理范围，请由上级管理员办理。",
                       f"Posts {', '.join(outside)} are not under you; a superior must do it.", field="posts")  # fmt: skip
    return found


def _end_now(one: Appointment) -> None:
    """Days are included to the last, so what shall end now ended yesterday; what had not begun before is struck."""
    yesterday = timezone.localdate() - timedelta(days=1)
    if one.starts_on > yesterday:
        one.delete()
        return
    one.ends_on = yesterday
    one.save(update_fields=["ends_on"])
