"""The seal of a demonstration node's fictional bureau: made and approved by two of its administrators. 演示印章."""

from __future__ import annotations

from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seals import services
from kunyu.engines.documents.seals.services import SealEntry
from kunyu.engines.security.demo_organisation import COUNTY, UNITS
from kunyu.engines.security.models import User
from kunyu.engines.security.session import principal_of

MAKER, APPROVER = "system", "security"


def ensure() -> Seal | None:
    """Make it where the county has no seal yet; None where there is one, or the administrators are other people."""
    people = {user.username: user for user in User.objects.filter(username__in=(MAKER, APPROVER), is_active=True)}
    if len(people) < 2 or Seal.objects.filter(division_code=COUNTY).exists():
        return None
    maker, approver = (principal_of(people[name], "up") for name in (MAKER, APPROVER))
    if (maker.duty, approver.duty) != (MAKER, APPROVER):
        return None
    bureau = UNITS[0]
    entry = SealEntry(
        bureau.name_zh, COUNTY, name_en=bureau.name_en, organisation=bureau.code, second_line="行政审批专用章"
    )
    return services.approve(approver, services.make(maker, entry).code, "演示")
