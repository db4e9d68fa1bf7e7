"""A county with its officers, two matters and applicants, for the tests of cases; committed or not as the caller is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely
from django.utils import timezone

from kunyu.engines.matters.cases import services
from kunyu.engines.matters.definitions.editions import publish
from kunyu.engines.matters.definitions.reading import read_matter_folder
from kunyu.engines.matters.models import Case
from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import epochs, roles
from kunyu.engines.security import services as security
from kunyu.engines.security.models import Appointment, Post, Role, User
from kunyu.engines.security.scope import Principal, operator
from kunyu.engines.security.session import principal_of
from kunyu.kernel.outbox.services import Handlers, declared_handlers

FOLDER = Path(__file__).parent / "sample_matter"
PACK = "kunyu.engines.matters.cases.tests.sample_matter"
HERE, THERE = "990101", "990102"
SITE, NOTICE = "T-001", "T-002"
PLOT = shapely.box(113.0, 34.5, 113.002, 34.502)
COMPANY = {"kind": "organisation", "name": "试验建设有限公司", "code": ""}
HANDLING = ("see", "query", "edit")
OFFICERS = {
    "clerk": ("case-clerk", HANDLING),
    "clerk2": ("case-clerk", HANDLING),
    "examiner": ("case-examiner", HANDLING),
    "reviewer": ("case-reviewer", HANDLING),
    "decider": ("case-decider", (*HANDLING, "approve")),
    "decider2": ("case-decider", (*HANDLING, "approve")),
}


def code_of_company() -> str:
    """A unified social credit code whose check character is right."""
    from kunyu.kernel.identifiers import credit_code_check

    first = "91110000100000009"
    return first + credit_code_check(first)


@dataclass
class World:
    """Who there is; ``as_`` gives the principal with the rights that hold now."""

    users: dict[str, User] = field(default_factory=dict)
    keys: int = 0

    def as_(self, name: str) -> Principal:
        """The principal of a user."""
        epochs.forget()
        return principal_of(User.objects.get(pk=self.users[name].pk), "test")

    def person(self, name: str, *, county: str = HERE, role: str = "", actions: tuple[str, ...] = (),
               branch: str = "304") -> User:  # fmt: skip
        """Make an account, with a post of a role and grants in a county."""
        user = User.objects.create(username=name, password="!", name_zh=f"{name}同志", division_code=county)
        if role:
            post, _ = Post.objects.get_or_create(organisation=office(county), name_zh=f"{role}岗")
            post.roles.set(Role.objects.filter(code=role))
            Appointment.objects.create(user=user, post=post, starts_on=timezone.localdate())
        if actions:
            security.grant(user, actions, actor=operator(), branch=branch, division_prefix=county)
        self.users[name] = user
        epochs.forget()
        return user

    def application(self, matters: tuple[str, ...] = (SITE,), who: str = "applicant", **form: Any) -> Any:
        """An application that is filled in."""
        self.keys += 1
        me = self.as_(who)
        one = services.begin(me, list(matters), HERE, f"key-{who}-{self.keys}")
        filled = {"purpose": "厂房", **({"joint": False} if SITE in matters else {}), **form}
        if NOTICE in matters:
            filled.setdefault("remark", "无")
        applicant = {**COMPANY, "code": code_of_company()}
        return services.save(me, one.pk, form=filled, plot=PLOT, plot_source="画", applicant=applicant)

    def submitted(self, matters: tuple[str, ...] = (SITE,), **form: Any) -> Case:
        """The first case of a submitted application."""
        return services.submit(self.as_("applicant"), self.application(matters, **form).pk)[0]

    def accepted(self, **form: Any) -> Case:
        """A case in review, at examination."""
        return services.act(self.as_("clerk"), self.submitted(**form).pk, "acceptance", "accept", "材料齐全")

    def to_decide(self, **form: Any) -> Case:
        """A case that waits for its decision."""
        case = self.accepted(**form)
        return services.act(self.as_("examiner"), case.pk, "examination", "agree", "符合规划")


def handlers_of_cases() -> Handlers:
    """The node's list, with what registers and packs do on their topics left out: they need layers of their own."""
    known = declared_handlers()
    return {topic: found if topic.startswith("matters.") else [] for topic, found in known.items()}


def office(county: str) -> Organisation:
    """The bureau of a county."""
    made, is_new = Organisation.objects.get_or_create(
        code=f"{county}-ZR", defaults={"name_zh": f"{county}自然资源局", "kind": "bureau", "division_code": county}
    )
    if is_new:
        made.path = f"{made.pk}/"
        made.save(update_fields=["path"])
    return made


def build() -> World:
    """Roles, offices, officers of one county, an applicant, a clerk next door, the two matters."""
    roles.load_built_in(operator())
    folder = read_matter_folder(FOLDER)
    for one in folder.definitions.values():
        publish(operator(), one, folder.flow, folder.decisions, reason="试验", pack=FOLDER.name)
    world = World()
    for name, (role, actions) in OFFICERS.items():
        world.person(name, role=role, actions=actions)
    world.person("neighbour", county=THERE, role="case-clerk", actions=HANDLING)
    world.person("stranger", county=THERE, role="case-examiner", actions=HANDLING)
    world.person("applicant")
    world.person("other")
    return world
