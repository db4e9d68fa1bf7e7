"""People of a province, a city and a county, with rights on evidence and nothing else."""

from __future__ import annotations

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import epochs, scope
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of
from kunyu.packs.field_evidence import services
from kunyu.packs.field_evidence.access import COLLECTION
from kunyu.packs.field_evidence.samples.simulate import Simulated

SURVEYOR = (scope.SEE, scope.QUERY, scope.DOWNLOAD, scope.EDIT)
REVIEWER = (scope.SEE, scope.QUERY, scope.APPROVE)


def person(name: str, division: str, actions: tuple[str, ...], branch: str = COLLECTION) -> Principal:
    user = User.objects.create_user(name, "a-long-password-2026", name_zh=f"{name}（试验）")
    for action in actions:
        user.grants.create(action=action, division_prefix=division, branch=branch)
    epochs.forget()
    return principal_of(User.objects.get(pk=user.pk))


def surveyor(name: str = "surveyor", division: str = "990101") -> Principal:
    return person(name, division, SURVEYOR)


def reviewer(name: str, division: str) -> Principal:
    return person(name, division, REVIEWER)


def bureau(division: str = "990101") -> Organisation:
    return Organisation.objects.get_or_create(
        code=f"KY{division}", defaults={"name_zh": "试验局", "kind": "bureau", "division_code": division}
    )[0]


def register(made: Simulated, principal: Principal, division: str = "990101") -> None:
    for number, key in made.devices.items():
        services.register_device(principal, number, key.hex(), bureau(division).code)
