"""Whom a security administrator may name: people of his divisions. 人员选择."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from kunyu.engines.security.grant_services import require_administrator
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal

SUGGESTED = 300


def of(principal: Principal) -> QuerySet[User]:
    """Active people whose home division is under the administrator's, administrators left out."""
    require_administrator(principal)
    return User.objects.filter(
        division_code__startswith=principal.duty_division, is_active=True, admin_duty=None
    ).order_by("name_zh", "username")  # fmt: skip


def suggested(principal: Principal) -> list[tuple[str, str]]:
    """Account and name, for the box that suggests."""
    return list(of(principal).values_list("username", "name_zh")[:SUGGESTED])


def named(principal: Principal, text: str) -> list[User]:
    """The person with this account, or those with this name."""
    return list(of(principal).filter(Q(username=text) | Q(name_zh=text))[:6])
