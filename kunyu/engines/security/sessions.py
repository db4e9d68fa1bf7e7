"""Sessions of people: begun, listed, ended by the person, by an administrator, or with the reason for them. 登录会话 (T4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from kunyu.engines.security import audit, lockout
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.models import Appointment, SignInSession, User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session_store import SEEN_EVERY, SessionStore
from kunyu.engines.security.sign_in_settings import sign_in_settings

REASONS = {
    "signed_out": ("退出登录", "signed out"),
    "replaced": ("重新登录", "signed in anew"),
    "password_changed": ("密码已修改", "password changed"),
    "disabled": ("账号停用", "account disabled"),
    "left_post": ("离任", "left a post"),
    "duty_changed": ("管理职责变更", "administrator's duty changed"),
    "factor_reset": ("验证方式已重置", "second factor reset"),
    "too_many": ("会话数超过上限", "too many sessions"),
    "by_owner": ("本人结束", "ended by the person"),
    "by_administrator": ("管理员结束", "ended by an administrator"),
    "taken_over": ("账号已由实名本人接管", "the verified owner took the account over"),
    "restored": ("节点从备份恢复", "the node was restored from a backup"),
    "expired": ("超时", "ran out"),
}


def begin(request: HttpRequest, user: User, method: str, *, two_factors: bool) -> int:
    """Sign ``user`` in at this browser under a new key; the oldest sessions over the limit end."""
    store: SessionStore = request.session  # type: ignore[assignment]
    agent = request.headers.get("User-Agent", "")
    row = store.begin(user.pk, method, two_factors=two_factors, origin=lockout.origin_of(request), agent=agent)
    over = list(
        open_of(user.pk).order_by("-started_at", "-pk").values_list("pk", flat=True)
        [sign_in_settings().sessions_per_person :]
    )  # fmt: skip
    _end(SignInSession.objects.filter(pk__in=over), "too_many")
    User.objects.filter(pk=user.pk).update(last_login=datetime.now(UTC))
    return row


def open_of(user_id: int) -> QuerySet[SignInSession]:
    """Sessions of a person that still hold, the idle ones left out."""
    now = datetime.now(UTC)
    idle = now - timedelta(minutes=sign_in_settings().idle_minutes)
    return SignInSession.objects.filter(user_id=user_id, ended_at=None, ends_at__gt=now, seen_at__gt=idle)


def end_all(user: User, reason: str, *, but: int | None = None) -> int:
    """End every open session of ``user`` (but one); returns how many. The caller records its own act.

    ``reason`` is a key of :data:`REASONS`.
    """
    rows = SignInSession.objects.filter(user=user, ended_at=None)
    return _end(rows.exclude(pk=but) if but is not None else rows, reason)


@transaction.atomic
def end_own(principal: Principal, session_id: int) -> None:
    """End one of one's own sessions; another's does not exist."""
    if not _end(SignInSession.objects.filter(pk=session_id, user_id=principal.user_id or 0, ended_at=None), "by_owner"):
        raise _unknown()
    audit.record(principal, "end-session", "session", session_id)


@transaction.atomic
def end_own_others(principal: Principal) -> int:
    """End all of one's sessions but the present one; returns how many."""
    rows = SignInSession.objects.filter(user_id=principal.user_id or 0, ended_at=None)
    rows = rows.exclude(pk=principal.session_id or 0)
    count = _end(rows, "by_owner")
    audit.record(principal, "end-session", "user", principal.name, count=count)
    return count


@transaction.atomic
def end_others(principal: Principal, user: User, session_id: int | None = None) -> int:
    """The system administrator of the person's division ends one or all of his sessions; returns how many."""
    from kunyu.engines.security import duties

    duties.require(principal, duties.SYSTEM, user.division_code)
    rows = SignInSession.objects.filter(user=user, ended_at=None)
    count = _end(rows if session_id is None else rows.filter(pk=session_id), "by_administrator")
    if session_id is not None and not count:
        raise _unknown()
    audit.record(principal, "end-session", "user", user.username, count=count)
    return count


def touch(store: SessionStore) -> None:
    """Move the idle end on, at most once a minute."""
    now = datetime.now(UTC)
    if store.row is not None and store.seen_at is not None and now - store.seen_at > SEEN_EVERY:
        SignInSession.objects.filter(pk=store.row, ended_at=None).update(seen_at=now)


def prune() -> int:
    """Hourly work: mark what ran out, end sessions of people whose post ran out, forget what is old.

    Returns
    -------
    int
        How many rows were removed.
    """
    now, limits = datetime.now(UTC), sign_in_settings()
    idle = now - timedelta(minutes=limits.idle_minutes)
    over = SignInSession.objects.filter(Q(ends_at__lte=now) | Q(seen_at__lte=idle), ended_at=None)
    _end(over.exclude(user=None), "expired")
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    left = Appointment.objects.filter(ends_on=midnight.date() - timedelta(days=1)).values("user_id")
    _end(SignInSession.objects.filter(user__in=left, started_at__lt=midnight, ended_at=None), "left_post")
    old = Q(user=None, ends_at__lte=now) | Q(ended_at__lte=now - timedelta(days=limits.kept_days))
    count, _ = SignInSession.objects.filter(old).delete()
    return count + lockout.prune()


def _end(rows: QuerySet[SignInSession], reason: str) -> int:
    return rows.update(ended_at=datetime.now(UTC), end_reason=reason, data={})


def _unknown() -> NotVisible:
    return NotVisible("没有这个会话，或者它已经结束。", "There is no such session, or it has ended.")
