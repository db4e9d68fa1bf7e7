"""A seal in use, made and approved by two administrators."""

from __future__ import annotations

from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seals.services import SealEntry, approve, make
from kunyu.engines.matters.cases.tests.world import HERE, office
from kunyu.engines.security import epochs
from kunyu.engines.security.models import AdminDuty, User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of


def seal_in_use(county: str = HERE) -> Seal:
    """Make and approve a seal of a county's bureau."""
    made = make(
        _administrator("seal-maker", "system"), SealEntry("试验自然资源局", county, organisation=office(county).code)
    )
    return approve(_administrator("seal-approver", "security"), made.code)


def _administrator(name: str, duty: str) -> Principal:
    user = User.objects.filter(username=name).first()
    if user is None:
        user = User.objects.create(username=name, password="!", name_zh=name)
        AdminDuty.objects.create(user=user, duty=duty, appointed_by="operator")
    epochs.forget()
    return principal_of(user, "test")
