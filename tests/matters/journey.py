"""One case walked through its flow by the services, and its events delivered. 办件全程."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import shapely

from kunyu.engines.matters import handlers
from kunyu.engines.matters.cases import services
from kunyu.engines.matters.cases.changing import CHANGED_TOPIC, DECIDED_TOPIC
from kunyu.engines.matters.materials.reading import read
from kunyu.engines.matters.materials.taking import take
from kunyu.engines.matters.materials.tests.samples import CREDIT_CODE, Said, form_pdf, other
from kunyu.engines.matters.models import Application, Case, Check
from kunyu.engines.security import scope
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.services import issue_token
from kunyu.kernel.geodesy import area_of_lonlat
from kunyu.kernel.outbox.services import declared_handlers, dispatch
from tests.matters.world import COUNTY, Bureau

SCHOOL = "坤舆县第一中学"
PROJECT = {"code": "2026-990101-83-01-000123", "name": "坤舆县第一中学迁建工程"}
APPLICANT = {"kind": "organisation", "name": SCHOOL, "code": CREDIT_CODE}
CONTACT = {"contact_name": "李老师", "contact_phone": "13800000000"}


def applied(
    bureau: Bureau, matters: list[str], plot: shapely.Geometry, form: Mapping[str, Any], materials: tuple[str, ...],
    *, project: Mapping[str, str] = PROJECT, applicant: Mapping[str, str] = APPLICANT, key: str = "journey",
) -> Application:  # fmt: skip
    """An application filled in, with one PDF for each kind of material, read; not yet submitted."""
    one = services.begin(bureau.applicant, matters, COUNTY, key)
    services.save(
        bureau.applicant,
        one.pk,
        form={**CONTACT, **form},
        plot=plot,
        plot_source="drawn",
        applicant=applicant,
        project=project,
    )
    paper = form_pdf(_said(plot, project, applicant))
    for kind in materials:  # each file another: the same twice would be a finding
        material = take(bureau.applicant, one.pk, kind, f"{kind}.pdf", io.BytesIO(paper + f"%{kind}\n".encode()))
        read(material.pk)
    return one


def _said(plot: shapely.Geometry, project: Mapping[str, str], applicant: Mapping[str, str]) -> Said:
    """What the papers say: the same as the application."""
    area = area_of(plot)
    own = {"citizen": applicant["code"]} if applicant["kind"] == "person" else {"code": applicant["code"]}
    return other(
        applicant=applicant["name"], project=project["name"], project_code=project["code"], hectares=f"{area / 10_000:.4f}",
        square_metres=f"{area:,.2f}", **own,
    )  # fmt: skip


def token_of(who: Principal) -> str:
    """An access token of a person."""
    return issue_token(User.objects.get(pk=who.user_id), "tests", scope.operator("tests"))


def area_of(plot: shapely.Geometry) -> float:
    """Ellipsoidal area of a plot in m², to the cent."""
    return round(float(area_of_lonlat([plot])[0]), 2)


def go(who: Principal, case: Case, stage: str, outcome: str, text: str = "同意", **facts: Any) -> Case:
    """One act at a stage, with the events it left delivered."""
    done = services.act(who, case.pk, stage, outcome, text, facts=facts)
    deliver()
    return done


def deliver() -> None:
    """Deliver every event that is due; none may fail."""
    listed = dict(declared_handlers())
    listed.setdefault(CHANGED_TOPIC, [handlers.case_changed])
    listed.setdefault(DECIDED_TOPIC, [handlers.decided])
    while True:
        done = dispatch(100, listed)
        assert done.failed == 0
        if not done.delivered:
            return


def answers(case: Case) -> dict[str, str]:
    """What each rule answered in the newest check: rule → state, with the reason where it was not checked."""
    check = Check.objects.filter(case=case).order_by("-pk").first()
    assert check is not None
    return {
        one.rule: f"{one.state}:{one.reason}" if one.reason else one.state for one in check.answers.order_by("rule")
    }


def of_state(case: Case, state: str) -> set[str]:
    """Rules that answered one state."""
    return {rule for rule, answered in answers(case).items() if answered.startswith(state)}
