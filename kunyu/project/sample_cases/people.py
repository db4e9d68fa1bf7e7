"""Who acts in samples: the demonstration's accounts, by what stages ask for. 样例的经办人."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kunyu.engines.security import demo_organisation
from kunyu.engines.security.models import Appointment, User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of
from kunyu.kernel.errors import Refused

COUNTY = demo_organisation.COUNTY
_BY_ROLE = {"case-clerk": "clerk", "case-examiner": "examiner", "case-reviewer": "reviewer", "case-decider": "decider"}


@dataclass(frozen=True)
class Cast:
    """Who applies and who handles; ``since``: the first day on which all of them are in office."""

    applicant: Principal
    by_role: dict[str, Principal]
    since: date

    def of_role(self, role: str) -> Principal:
        """Who holds the posts of a role. Raises Refused for a role that the demonstration has nobody in."""
        if role not in self.by_role:
            raise Refused(f"演示单位没有“{role}”岗位的人员。", f"Nobody of the demonstration holds the role '{role}'.")
        return self.by_role[role]


def cast() -> Cast:
    """The demonstration's people. Raises Refused on a node that has none of them."""
    users = {
        one.username: one for one in User.objects.filter(is_active=True, username__in=["applicant", *_BY_ROLE.values()])
    }
    missing = sorted({"applicant", *_BY_ROLE.values()} - set(users))
    if missing:
        raise Refused(
            f"本节点没有演示账户 {'、'.join(missing)}；样例办件只在演示节点（make up）上生成。",
            f"This node has no demonstration account {', '.join(missing)}: samples are made on a demonstration node (make up).",
        )
    begun = [_in_office(users[name]) for name in _BY_ROLE.values()]
    return Cast(
        principal_of(users["applicant"], "sample"),
        {role: principal_of(users[name], "sample") for role, name in _BY_ROLE.items()},
        max(begun),
    )


def _in_office(user: User) -> date:
    first = Appointment.objects.filter(user=user, ends_on=None).order_by("starts_on").first()
    if first is None:
        raise Refused(
            f"演示账户 {user.username} 没有任职。", f"The demonstration account {user.username} holds no post."
        )
    return first.starts_on
