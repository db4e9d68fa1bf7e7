"""The three separate administrators: who may run what. 系统、安全、审计三员分立."""

from __future__ import annotations

from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.models import AdminDuty
from kunyu.engines.security.scope import Principal

SYSTEM, SECURITY, AUDIT = AdminDuty.Duty.SYSTEM.value, AdminDuty.Duty.SECURITY.value, AdminDuty.Duty.AUDIT.value


def has(principal: Principal, duty: str) -> bool:
    """Does the principal hold this duty, in any division?"""
    return principal.duty == duty


def require(principal: Principal, duty: str, division: str | None = None) -> None:
    """Refuse unless the principal holds ``duty`` and, where named, ``division`` lies under his own.

    Raises
    ------
    SignInNeeded
        Nobody is signed in.
    NotVisible
        Another duty or none: administration pages do not exist for others.
    NotAllowed
        The division is not under his.
    """
    if principal.is_anonymous:
        raise SignInNeeded("请先登录。", "Sign in first.")
    if principal.duty != duty:
        raise NotVisible("没有这个页面，或者您无权查看。", "There is no such page, or you may not see it.")
    if division is not None and not division.startswith(principal.duty_division):
        raise NotAllowed(
            f"区划 {division or '全国'} 不在您的管理范围（{principal.duty_division}）内。",
            f"Division {division or 'nation'} is not under yours ({principal.duty_division}).",
            division=division,
        )
