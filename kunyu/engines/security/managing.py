"""How far an administrator reaches: organisations, posts and accounts in divisions under his own. 管理范围.

What lies outside is not there (404): every service begins with a look-up from here. The node's owner on the command
line reaches everything.
"""

from __future__ import annotations

from django.db.models import QuerySet

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import duties
from kunyu.engines.security.models import Post, User
from kunyu.engines.security.organisation_errors import (
    BadEntry,
    OtherAdministrator,
    UnknownAccount,
    UnknownPost,
    UnknownUnit,
)
from kunyu.engines.security.scope import ANONYMOUS, OPERATOR, Principal

# names that stand for somebody else than an account (scope.py, row security)
RESERVED_NAMES = frozenset({OPERATOR, ANONYMOUS.name, "public", "nobody", "root", "admin", "up", "cli"})
LONGEST_REASON = 300


def is_operator(principal: Principal) -> bool:
    """The node's owner: bears a reserved name and no account."""
    return principal.is_operator


def reach(principal: Principal, *wanted: str) -> str:
    """The division prefix under which the principal administers; one of the ``wanted`` duties (system if none named).

    Raises
    ------
    SignInNeeded, NotVisible
    """
    if is_operator(principal):
        return ""
    held = principal.duty if principal.duty in (wanted or (duties.SYSTEM,)) else (wanted or (duties.SYSTEM,))[0]
    duties.require(principal, held)
    return principal.duty_division


def units(principal: Principal, *wanted: str) -> QuerySet[Organisation]:
    return Organisation.objects.filter(division_code__startswith=reach(principal, *wanted))


def unit(principal: Principal, unit_id: int, *wanted: str, lock: bool = False) -> Organisation:
    """One organisation under the administrator; :class:`UnknownUnit` otherwise."""
    rows = units(principal, *wanted)
    found = (rows.select_for_update() if lock else rows).filter(pk=unit_id).first()
    if found is None:
        raise UnknownUnit(
            f"没有单位 {unit_id}，或者不在您的管理范围。", f"There is no organisation {unit_id} under you."
        )
    return found


def posts(principal: Principal, *wanted: str) -> QuerySet[Post]:
    prefix = reach(principal, *wanted)
    return Post.objects.filter(organisation__division_code__startswith=prefix).select_related("organisation")


def post(principal: Principal, post_id: int, *wanted: str, lock: bool = False) -> Post:
    rows = posts(principal, *wanted)
    found = (rows.select_for_update(of=("self",)) if lock else rows).filter(pk=post_id).first()
    if found is None:
        raise UnknownPost(f"没有岗位 {post_id}，或者不在您的管理范围。", f"There is no post {post_id} under you.")
    return found


def users(principal: Principal, *wanted: str) -> QuerySet[User]:
    return User.objects.filter(division_code__startswith=reach(principal, *wanted)).select_related("admin_duty")


def user(principal: Principal, user_id: int, *wanted: str, lock: bool = False) -> User:
    rows = users(principal, *wanted)
    found = (rows.select_for_update(of=("self",)) if lock else rows).filter(pk=user_id).first()
    if found is None:
        raise UnknownAccount(f"没有账号 {user_id}，或者不在您的管理范围。", f"There is no account {user_id} under you.")
    return found


def require_not_administrator(principal: Principal, account: User) -> None:
    """The account of an administrator is nobody's but a superior's of the same duty: no duty takes over another.

    Raises
    ------
    OtherAdministrator
    """
    held = getattr(account, "admin_duty", None)
    if held is None or is_operator(principal):
        return
    above = held.division_prefix != principal.duty_division and held.division_prefix.startswith(principal.duty_division)
    if held.duty == principal.duty and above:
        return
    raise OtherAdministrator(
        f"{account} 是{held.get_duty_display()}，其账号只能由同类的上级管理员处理。",
        f"{account.username} is a {held.duty} administrator; only a superior of the same duty may act on that account.",
        duty=held.duty,
    )


def reason_of(text: str) -> str:
    """A reason that says something; it goes on record."""
    reason = " ".join(text.split())
    if len(reason) < 2 or len(reason) > LONGEST_REASON:
        raise BadEntry(
            f"请写明原因（2 至 {LONGEST_REASON} 字）。",
            f"Give a reason of 2 to {LONGEST_REASON} characters.",
            field="reason",
        )
    return reason
