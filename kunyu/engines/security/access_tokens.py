"""Personal access tokens: what programs sign in with. 访问令牌."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from django.db import transaction

from kunyu.engines.security import audit, epochs, lockout, prepared
from kunyu.engines.security.errors import BadToken, NotAllowed, NotVisible
from kunyu.engines.security.models import AccessToken, User
from kunyu.engines.security.rights import rights_of
from kunyu.engines.security.scope import ACTIONS, Principal, Right
from kunyu.engines.security.sign_in_settings import sign_in_settings
from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.errors import UsageError

PREFIX = "ky_"
USED_EVERY = timedelta(minutes=5)

_LOAD = """
SELECT t.id, t.user_id, u.username, u.name_zh, t.actions, t.branch,
       CASE WHEN t.administration THEN coalesce(d.duty, '') ELSE '' END,
       CASE WHEN t.administration THEN coalesce(d.division_prefix, '') ELSE '' END,
       k.id, k.branches, k.per_minute, k.per_day, k.is_suspended,
       t.last_used_at, t.last_origin, n.rights_epoch, n.labels_epoch, n.data_epoch
FROM security_accesstoken t
LEFT JOIN api_keys_apikey k ON k.token_id = t.id
JOIN security_user u ON u.id = t.user_id
LEFT JOIN security_adminduty d ON d.user_id = t.user_id
LEFT JOIN security_nodestate n ON n.id = 1
WHERE t.digest = %s AND t.revoked_at IS NULL AND u.is_active AND (t.expires_at IS NULL OR t.expires_at > %s)
"""


class BadTokenRequest(UsageError):
    """A name, date, action or branch that a token cannot have."""

    code = "bad_token_request"
    http_status = 422


@dataclass(frozen=True)
class Bearer:
    """Whose token it is and what it is narrowed to: empty ``actions`` and ``branch`` narrow nothing.

    A key (``key_id`` is set) reaches collections under ``key_branches`` only, as often as its two limits allow.
    """

    token_id: int
    user_id: int
    username: str
    name_zh: str
    actions: tuple[str, ...]
    branch: str
    duty: str
    duty_division: str
    key_id: int | None = None
    key_branches: tuple[str, ...] = ()
    per_minute: int = 0
    per_day: int = 0
    is_suspended: bool = False

    def narrowed(self, rights: tuple[Right, ...]) -> tuple[Right, ...]:
        """What of the holder's rights the token carries."""
        reached = self.key_branches if self.key_id is not None else (self.branch,)
        if not self.actions and reached == ("",):
            return rights
        found = []
        for right in rights:
            if self.actions and right.action not in self.actions:
                continue
            for given in reached:
                branch = right.branch if right.branch.startswith(given) else given
                if branch.startswith(right.branch):
                    found.append(Right(branch, right.division_prefix, right.action, right.labels, right.reveals))
        return tuple(found)


def bearer_of(token: str, origin: str) -> Bearer:
    """Look a token up; its permission epochs are noted on the way.

    Raises
    ------
    BadToken
        Nobody holds it: unknown, revoked, expired, or its holder is disabled.
    TooManyAttempts
        So many unknown tokens came from this address.
    """
    now = datetime.now(UTC)
    row = prepared.fetch_one(_LOAD, [sm3_hex(token.encode()), now])
    if row is None:
        _refuse(origin)
    *found, used_at, used_from, rights, labels, data = row
    epochs.note(rights, labels, data)
    if used_at is None or now - used_at > USED_EVERY or used_from != origin[:80]:
        AccessToken.objects.filter(pk=found[0]).update(last_used_at=now, last_origin=origin[:80])
    found[4] = tuple(found[4])
    found[9] = tuple(found[9] or ())
    return Bearer(*found)


def _refuse(origin: str) -> NoReturn:
    if origin and origin != "cli" and not lockout.attempt(lockout.TOKEN, origin):
        raise lockout.too_many(timedelta(minutes=1))
    raise BadToken("访问令牌无效或已过期。", "The access token is unknown or has expired.")


@transaction.atomic
def issue(
    user: User, name: str, actor: Principal, expires_at: datetime | None = None, *, actions: Iterable[str] = (),
    branch: str = "", administration: bool = False,
) -> str:  # fmt: skip
    """A new token; it is returned once, only its digest is kept. Without an end it holds for the longest time allowed.

    The node's operator issues for anyone, a person only for himself: a token carries its holder's rights.

    Raises
    ------
    NotAllowed, BadTokenRequest
    """
    _require_own(user, actor)
    wanted = tuple(actions)
    _require_no_wider(user, actor, administration)
    expires_at = _end(expires_at)
    _require_sound(name, wanted, branch)
    token = PREFIX + secrets.token_urlsafe(32)
    AccessToken.objects.create(
        user=user, name=name, digest=sm3_hex(token.encode()), hint=token[-4:], expires_at=expires_at,
        actions=list(wanted), branch=branch, administration=administration,
    )  # fmt: skip
    audit.record(
        actor, "issue-token", "user", user.username, name=name, expires_at=expires_at.isoformat(), actions=list(wanted),
        branch=branch, administration=administration,
    )  # fmt: skip
    return token


def _require_no_wider(user: User, actor: Principal, administration: bool) -> None:
    """A narrowed token must not make itself a wider one."""
    if actor.is_operator or actor.session_id is not None:
        return
    if actor.entitlement != _whole(user).entitlement or (administration and not actor.duty):
        raise NotAllowed(
            "收窄的令牌不能签发权限更大的令牌，请登录后在“我的账号”中签发。",
            "A narrowed token issues no wider one; sign in and issue it on your account page.",
        )


def _whole(user: User) -> Principal:
    return Principal(user.username, user_id=user.pk, rights=rights_of(user.pk))


def _end(expires_at: datetime | None) -> datetime:
    latest = datetime.now(UTC) + timedelta(days=sign_in_settings().token_days)
    if expires_at is not None and expires_at > latest + timedelta(hours=1):
        days = sign_in_settings().token_days
        raise BadTokenRequest(f"令牌有效期不得超过 {days} 天。", f"A token holds {days} days at most.")
    return expires_at or latest


def _require_sound(name: str, actions: tuple[str, ...], branch: str) -> None:
    if not name.strip() or len(name) > 60:
        raise BadTokenRequest("请给令牌起 1–60 个字的名称。", "Name the token in 1 to 60 letters.")
    unknown = [one for one in actions if one not in ACTIONS]
    if unknown:
        raise BadTokenRequest(f"没有动作 {'、'.join(unknown)}。", f"There is no action {', '.join(unknown)}.")
    if len(branch) > 40 or not all(letter.isascii() and (letter.isalnum() or letter in "@.-") for letter in branch):
        raise BadTokenRequest("目录分支只能是目录代码的前几位。", "A branch is the beginning of a catalogue code.")


@transaction.atomic
def revoke(user: User, actor: Principal, *, name: str | None = None, token_id: int | None = None) -> int:
    """Revoke the tokens of ``user`` called ``name``, or one by its key; the next request fails. How many were there?"""
    _require_own(user, actor)
    rows = AccessToken.objects.filter(user=user, revoked_at=None)
    rows = rows.filter(name=name) if name is not None else rows.filter(pk=token_id or 0)
    names = list(rows.values_list("name", flat=True))
    count = rows.update(revoked_at=datetime.now(UTC))
    if token_id is not None and not count:
        raise NotVisible("没有这个令牌，或者它已撤销。", "There is no such token, or it was revoked.")
    audit.record(actor, "revoke-token", "user", user.username, name=name or ", ".join(names), count=count)
    return count


def _require_own(user: User, actor: Principal) -> None:
    if not actor.is_operator and actor.user_id != user.pk:
        raise NotAllowed(
            f"只能为自己签发或撤销令牌，{user.username} 的令牌请由本人或节点操作员处理。",
            f"Issue or revoke your own tokens only; those of {user.username} are his own or the operator's business.",
        )
