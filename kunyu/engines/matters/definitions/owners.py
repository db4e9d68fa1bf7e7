"""Who may change what a matter is. 事项管理权限.

Two things together: the right ``approve`` on the matter's branch in the division whose edition is changed, and a post
with the role ``matter-owner`` in an office of that division or above it. Deciding cases alone does not let anybody
change the rules they are decided by. The node's owner on the command line may, and is on record as operator.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils import timezone

from kunyu.engines.matters.errors import UnknownMatter
from kunyu.engines.matters.models import Matter
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.models import Appointment
from kunyu.engines.security.scope import Principal

ROLE = "matter-owner"


def visible(principal: Principal) -> QuerySet[Matter]:
    """Matters whose editions a person may look at: staff that may see data of their branch anywhere."""
    found = Q(pk__in=[])
    for branch in principal.branches(scope.SEE):
        found |= Q(branch__startswith=branch)
    return Matter.objects.filter(found)


def visible_matter(principal: Principal, code: str) -> Matter:
    """The matter of a code. Raises UnknownMatter, also for those who may not look."""
    found = visible(principal).filter(code=code).first()
    if found is None:
        raise unknown(code)
    return found


def unknown(code: str) -> UnknownMatter:
    """There is none, or none for this person."""
    return UnknownMatter(
        f"没有事项 {code}，或者您无权查看。", f"There is no matter {code}, or you may not see it.", matter=code
    )


def may_change(principal: Principal, branch: str, division: str) -> bool:
    """May the principal publish editions of matters of this branch for the division ('' is as shipped)?"""
    if principal.is_operator:
        return True
    clauses = scope.clauses_of(principal, branch, scope.APPROVE) if branch else ()
    return any(division.startswith(one.prefix) for one in clauses) and _owns(principal, division)


def divisions_of(principal: Principal, branch: str) -> tuple[str, ...]:
    """Divisions in which the principal may change matters of a branch: those of his offices that the right reaches."""
    if principal.is_operator:
        return ("",)
    return tuple(one for one in _offices(principal) if may_change(principal, branch, one))


def require_change(principal: Principal, branch: str, division: str) -> None:
    """Refuse whoever may not change the matter there.

    Raises
    ------
    NotAllowed
    """
    if not may_change(principal, branch, division):
        where_zh, where_en = division or "全国（随系统发布的版本）", division or "the nation (the edition as shipped)"
        raise NotAllowed(
            f"您不能改动 {where_zh} 的事项：需要该区划 {branch or '全部目录'} 的审核发布权限，并任“事项管理”岗位。",
            f"You cannot change matters of {where_en}: it takes the right to approve on {branch or 'the catalogue'} there, "
            "and a post with the role matter-owner.",
            division=division,
        )


def _owns(principal: Principal, division: str) -> bool:
    return any(division.startswith(one) for one in _offices(principal))


def _offices(principal: Principal) -> list[str]:
    """Divisions of the offices in which the principal holds a post with the role, now."""
    if principal.user_id is None:
        return []
    day = timezone.localdate()
    held = Appointment.objects.filter(
        Q(ends_on=None) | Q(ends_on__gte=day), starts_on__lte=day, user_id=principal.user_id,
        post__roles__code=ROLE, post__closed_on=None,
    )  # fmt: skip
    return sorted(set(held.values_list("post__organisation__division_code", flat=True)))
