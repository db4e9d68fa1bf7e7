"""Clearances of people for state secrets: set by the security administrator of their division, on record. 涉密等级."""

from __future__ import annotations

from django.db import transaction

from kunyu.engines.security import audit, duties, epochs
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.models import Clearance, User
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import UsageError

LONGEST_REASON = 200


class BadClearance(UsageError):
    """A grade that does not exist, or no reason for it."""

    code = "bad_clearance"


@transaction.atomic
def set_clearance(user: User, level: int, reason: str, actor: Principal) -> bool:
    """Give ``user`` the clearance ``level`` (0 none to 3 绝密); tell whether it changed.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed
        The actor is no security administrator of the user's division, or means himself or another administrator.
    BadClearance
        The level does not exist, or no reason is given.
    """
    duties.require(actor, duties.SECURITY, user.division_code)
    if user.pk == actor.user_id or hasattr(user, "admin_duty"):
        raise NotAllowed(
            "管理员没有数据权限，也就没有涉密等级；不能为自己或其他管理员设定。",
            "Administrators have no rights on data and so no clearance; set none for yourself or another one.",
        )
    if level not in Clearance.values:
        names = "、".join(f"{value} {name}" for value, name in Clearance.choices)
        raise BadClearance(f"没有涉密等级 {level}；可用：{names}。", f"There is no clearance {level}; use 0 to 3.")
    if not reason.strip():
        raise BadClearance("请写明设定涉密等级的依据。", "Say on what ground the clearance is set.")
    held = User.objects.select_for_update().get(pk=user.pk)
    before = held.clearance
    if before == level:
        return False
    held.clearance = level
    held.save(update_fields=["clearance"])
    audit.record(
        actor, "set-clearance", "user", user.username, before=before, after=level,
        reason=reason.strip()[:LONGEST_REASON],
    )  # fmt: skip
    epochs.forget()
    user.clearance = level
    return True
