"""Accounts of people: made with a one-time password or an invitation, disabled and enabled, never deleted. 账号管理."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from kunyu.engines.security import audit, ending, managing, passwords
from kunyu.engines.security.models import Invitation, User
from kunyu.engines.security.organisation_errors import AlreadyDone, BadEntry, BadInvitation
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import sm3_hex

USERNAME = re.compile(r"[a-z][a-z0-9._-]{1,39}")
INVITATION_DAYS = 7
# without letters and digits that look alike on paper
_LETTERS, _CAPITALS, _DIGITS = "abcdefghjkmnpqrstuvwxyz", "ABCDEFGHJKMNPQRSTUVWXYZ", "23456789"


@dataclass(frozen=True)
class AccountEntry:
    """What an account is told to be."""

    username: str
    name_zh: str
    division_code: str = ""


@dataclass(frozen=True)
class NewAccount:
    """An account just made or reset; ``password`` and ``invitation`` are shown once and kept by nobody."""

    user: User
    password: str = ""
    invitation: str = ""


def faults(entry: AccountEntry, prefix: str) -> list[tuple[str, str, str]]:
    """What is wrong with an entry taken alone: (field, Chinese, English); no query."""
    found = []
    if not USERNAME.fullmatch(entry.username):
        found.append(("username", f"账号“{entry.username}”应为 2 至 40 位小写字母、数字、点、横线，以字母开头。",
                      f"Account “{entry.username}” must be 2 to 40 small letters, digits, dots or dashes after a letter."))  # fmt: skip
    elif entry.username in managing.RESERVED_NAMES:
        found.append(("username", f"“{entry.username}”是系统保留的名称，请换一个。",
                      f"“{entry.username}” is a reserved name; choose another."))  # fmt: skip
    if not 2 <= len(entry.name_zh) <= 60:
        found.append(("name_zh", f"姓名“{entry.name_zh}”应为 2 至 60 字。", "The name must have 2 to 60 characters."))
    if entry.division_code and not re.fullmatch(r"\d{2}|\d{4}|\d{6}|\d{9}|\d{12}", entry.division_code):
        found.append(("division_code", f"区划代码“{entry.division_code}”应为 2、4、6、9 或 12 位数字。",
                      f"Division “{entry.division_code}” must have 2, 4, 6, 9 or 12 digits."))  # fmt: skip
    elif not entry.division_code.startswith(prefix):
        found.append(("division_code", f"区划 {entry.division_code or '全国'} 不在您的管理范围 {prefix} 内。",
                      f"Division {entry.division_code or 'nation'} is not under yours ({prefix})."))  # fmt: skip
    return found


def new_password() -> str:
    """A one-time password of 16 characters (about 75 bits) that the policy takes."""
    drawn = [secrets.choice(kind) for kind in (_LETTERS, _CAPITALS, _DIGITS)]
    drawn += [secrets.choice(_LETTERS + _CAPITALS + _DIGITS) for _ in range(13)]
    secrets.SystemRandom().shuffle(drawn)
    return "".join(drawn)


@transaction.atomic
def create(principal: Principal, given: AccountEntry, *, invite: bool = False) -> NewAccount:
    """Make an account without any right, with a one-time password or with an invitation link's token.

    Raises
    ------
    BadEntry
    """
    prefix = managing.reach(principal)
    entry = AccountEntry(given.username.strip(), given.name_zh.strip(), given.division_code.strip())
    for field, zh, en in faults(entry, prefix):
        raise BadEntry(zh, en, field=field)
    if User.objects.filter(username=entry.username).exists():
        raise BadEntry(f"账号 {entry.username} 已存在。", f"Account {entry.username} exists already.", field="username")
    password = "" if invite else new_password()
    user = User(username=entry.username, name_zh=entry.name_zh, division_code=entry.division_code)
    user.must_change_password = not invite
    user.set_unusable_password() if invite else user.set_password(password)
    user.save()
    audit.record(principal, "create", "user", user.username, division=user.division_code, invited=invite)
    return NewAccount(user, password, _invited(principal, user) if invite else "")


@transaction.atomic
def invite(principal: Principal, user_id: int) -> NewAccount:
    """A fresh invitation; older ones of the person stop working."""
    user = _mine(principal, user_id)
    _require_active(user)
    token = _invited(principal, user)
    audit.record(principal, "invite", "user", user.username)
    return NewAccount(user, invitation=token)


def _invited(principal: Principal, user: User) -> str:
    token = secrets.token_urlsafe(24)
    Invitation.objects.filter(user=user, used_at=None).delete()
    Invitation.objects.create(
        user=user, digest=sm3_hex(token.encode()), made_by=principal.name,
        expires_at=timezone.now() + timedelta(days=INVITATION_DAYS),
    )  # fmt: skip
    return token


def invitation_of(token: str) -> Invitation:
    """The open invitation of that token; :class:`BadInvitation` for every other."""
    found = Invitation.objects.select_related("user").filter(
        digest=sm3_hex(token.encode()), used_at=None, expires_at__gt=timezone.now(), user__is_active=True
    )  # fmt: skip
    invitation = found.first()
    if invitation is None:
        raise BadInvitation("邀请链接无效、已使用或已过期，请找管理员重新邀请。",
                            "The link is unknown, used or too old; ask the administrator for another.")  # fmt: skip
    return invitation


@transaction.atomic
def accept(token: str, password: str, origin: str) -> User:
    """The person invited sets the first password; the link is used up, whoever clicks twice.

    Raises
    ------
    BadInvitation, PasswordTooWeak
    """
    user = User.objects.select_for_update(of=("self",)).get(pk=invitation_of(token).user_id)
    invitation = invitation_of(token)  # again under the lock: of two clicks one waited here
    passwords.require_good(password, user)
    user.set_password(password)
    user.must_change_password, user.password_changed_at = False, timezone.now()
    user.save(update_fields=["password", "must_change_password", "password_changed_at"])
    invitation.used_at = timezone.now()
    invitation.save(update_fields=["used_at"])
    actor = Principal(user.username, user.name_zh, user.pk, origin=origin)
    audit.record(actor, "accept-invitation", "user", user.username)
    return user


@transaction.atomic
def update(principal: Principal, user_id: int, name_zh: str, division_code: str, reason: str) -> User:
    """Correct a person's name or division; both divisions are under the administrator."""
    user, why = _mine(principal, user_id), managing.reason_of(reason)
    entry = AccountEntry(user.username, name_zh.strip(), division_code.strip())
    for field, zh, en in faults(entry, managing.reach(principal)):
        raise BadEntry(zh, en, field=field)
    before = f"{user.name_zh} {user.division_code}"
    user.name_zh, user.division_code = entry.name_zh, entry.division_code
    user.save(update_fields=["name_zh", "division_code"])
    audit.record(principal, "update", "user", user.username, before=before,
                 after=f"{user.name_zh} {user.division_code}", reason=why)  # fmt: skip
    return user


@transaction.atomic
def reset(principal: Principal, user_id: int, reason: str) -> NewAccount:
    """A new one-time password; sessions and invitations of the person end."""
    user, why = _mine(principal, user_id), managing.reason_of(reason)
    _require_active(user)
    password = new_password()
    passwords.set_by_administrator(user, password, principal)
    Invitation.objects.filter(user=user, used_at=None).delete()
    audit.record(principal, "reset", "user", user.username, reason=why)
    return NewAccount(user, password)


@transaction.atomic
def disable(principal: Principal, user_id: int, reason: str) -> User:
    """The account stops everywhere with the next request: sessions, tokens, invitations. Posts held stay on record."""
    user, why = _mine(principal, user_id), managing.reason_of(reason)
    if user.pk == principal.user_id:
        raise BadEntry("不能停用自己的账号。", "Nobody disables his own account.", field="username")
    _require_active(user)
    user.is_active = False
    user.save(update_fields=["is_active"])
    ended = ending.end_access(user, "disabled")
    audit.record(principal, "disable", "user", user.username, reason=why, tokens=ended.tokens, sessions=ended.sessions)
    return user


@transaction.atomic
def enable(principal: Principal, user_id: int, reason: str) -> User:
    """The account works again; its tokens stay revoked and its password stays."""
    user, why = _mine(principal, user_id), managing.reason_of(reason)
    if user.is_active:
        raise AlreadyDone(f"账号 {user.username} 没有停用。", f"Account {user.username} is not disabled.")
    user.is_active = True
    user.save(update_fields=["is_active"])
    audit.record(principal, "enable", "user", user.username, reason=why)
    return user


def _mine(principal: Principal, user_id: int) -> User:
    user = managing.user(principal, user_id, lock=True)
    managing.require_not_administrator(principal, user)
    return user


def _require_active(user: User) -> None:
    if not user.is_active:
        raise AlreadyDone(f"账号 {user.username} 已停用。", f"Account {user.username} is disabled.")
