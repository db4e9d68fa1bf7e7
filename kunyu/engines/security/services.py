"""Accounts, grants and tokens."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from kunyu.engines.security import access_tokens, audit
from kunyu.engines.security.errors import UnknownUser
from kunyu.engines.security.models import Grant, User
from kunyu.engines.security.scope import Principal


@dataclass(frozen=True)
class DemoAccount:
    """An account of a demonstration node; never made in production.

    With a duty it is one of the three administrators; without duty and post it is a member of the public, who applies.
    """

    username: str
    name_zh: str
    name_en: str
    duty: str = ""


DEMO_ACCOUNTS = (
    DemoAccount("steward", "数据管理员", "data steward"),
    DemoAccount("checker", "检查员", "checker"),
    DemoAccount("surveyor", "作业单位", "survey team"),
    DemoAccount("viewer", "业务人员", "officer who looks"),
    DemoAccount("clerk", "窗口人员", "clerk at the counter"),
    DemoAccount("examiner", "审查人员", "case examiner"),
    DemoAccount("reviewer", "会审人员", "case reviewer"),
    DemoAccount("decider", "审批领导", "case decider"),
    DemoAccount("owner", "事项管理员", "owner of matters"),
    DemoAccount("applicant", "申请人", "applicant"),
    DemoAccount("system", "系统管理员", "system administrator", "system"),
    DemoAccount("security", "安全管理员", "security administrator", "security"),
    DemoAccount("audit", "审计管理员", "audit administrator", "audit"),
)


@transaction.atomic
def ensure_demo_accounts(password: str, actor: Principal) -> list[dict[str, str]]:
    """Make the demonstration accounts that are missing, and answer with all of them as ``up`` prints them.

    Their rights come from posts in the fictional county's bureau (:mod:`kunyu.engines.security.demo_organisation`).
    """
    from kunyu.engines.security import demo_organisation

    posts = demo_organisation.ensure(actor)
    for account in DEMO_ACCOUNTS:
        if User.objects.filter(username=account.username).exists():
            continue
        user = User.objects.create_user(
            account.username, password, name_zh=account.name_zh, division_code=demo_organisation.COUNTY
        )
        if account.duty:
            demo_organisation.administer(user, account.duty, actor)
        elif account.username in posts:
            demo_organisation.appoint(user, posts[account.username], actor)
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


def issue_token(user: User, name: str, actor: Principal, expires_at: datetime | None = None) -> str:
    """A new personal access token with all rights of its holder (:func:`access_tokens.issue`); shown once."""
    return access_tokens.issue(user, name, actor, expires_at)


def revoke_token(user: User, name: str, actor: Principal) -> int:
    """Revoke the tokens of ``user`` called ``name``; returns how many there were."""
    return access_tokens.revoke(user, actor, name=name)
