"""Accounts, grants and tokens."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from kunyu.engines.security import audit
from kunyu.engines.security.errors import NotAllowed, UnknownUser
from kunyu.engines.security.models import AccessToken, Grant, User
from kunyu.engines.security.scope import APPROVE, DOWNLOAD, EDIT, OPERATOR, QUERY, SEE, Principal
from kunyu.kernel.digests import sm3_hex


@dataclass(frozen=True)
class DemoAccount:
    """An account of a demonstration node; never made in production."""

    username: str
    name_zh: str
    name_en: str
    actions: tuple[str, ...]


DEMO_ACCOUNTS = (
    DemoAccount("steward", "数据管理员", "data steward", (SEE, QUERY, DOWNLOAD, EDIT, APPROVE)),
    DemoAccount("checker", "检查员", "checker", (SEE, QUERY, DOWNLOAD, APPROVE)),
    DemoAccount("surveyor", "作业单位", "survey team", (SEE, QUERY, EDIT)),
    DemoAccount("viewer", "业务人员", "officer who looks", (SEE, QUERY)),
)


@transaction.atomic
def ensure_demo_accounts(password: str, actor: Principal) -> list[dict[str, str]]:
    """Make the demonstration accounts that are missing, and answer with all of them as ``up`` prints them."""
    for account in DEMO_ACCOUNTS:
        user = User.objects.filter(username=account.username).first()
        if user is None:
            user = User.objects.create_user(account.username, password, name_zh=account.name_zh)
            grant(user, account.actions, actor=actor)
    return [
        {"username": a.username, "password": password, "name_zh": a.name_zh, "name_en": a.name_en}
        for a in DEMO_ACCOUNTS
    ]


@transaction.atomic
def grant(
    user: User,
    actions: Iterable[str],
    *,
    actor: Principal,
    branch: str = "",
    division_prefix: str = "",
    expires_at: datetime | None = None,
) -> None:
    """Grant ``actions`` on the catalogue branch in the division subtree, on record."""
    for action in actions:
        Grant.objects.create(
            user=user, branch=branch, division_prefix=division_prefix, action=action, expires_at=expires_at
        )
        audit.record(actor, "grant", "user", user.username, branch=branch, division=division_prefix, granted=action)


def find_user(username: str) -> User:
    """The active user of that name; :class:`UnknownUser` when there is none."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise UnknownUser(f"没有账号 {username}，或已停用。", f"There is no account {username}, or it is disabled.")
    return user


@transaction.atomic
def issue_token(user: User, name: str, actor: Principal, expires_at: datetime | None = None) -> str:
    """A new personal access token; it is shown once, only its digest is kept.

    The node's operator issues for anyone, a person only for himself: a token carries its holder's rights.
    """
    _require_own(user, actor)
    token = "ky_" + secrets.token_urlsafe(32)
    AccessToken.objects.create(user=user, name=name, digest=sm3_hex(token.encode()), expires_at=expires_at)
    audit.record(actor, "issue-token", "user", user.username, name=name)
    return token


@transaction.atomic
def revoke_token(user: User, name: str, actor: Principal) -> int:
    """Delete the tokens of ``user`` called ``name``; returns how many there were."""
    _require_own(user, actor)
    count, _ = AccessToken.objects.filter(user=user, name=name).delete()
    audit.record(actor, "revoke-token", "user", user.username, name=name, count=count)
    return count


def _require_own(user: User, actor: Principal) -> None:
    if actor.name not in (OPERATOR, user.username):
        raise NotAllowed(
            f"只能为自己签发或撤销令牌，{user.username} 的令牌请由本人或节点操作员处理。",
            f"Issue or revoke your own tokens only; those of {user.username} are his own or the operator's business.",
        )
