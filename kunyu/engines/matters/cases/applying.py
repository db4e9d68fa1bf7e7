"""From the first click to cases: begin, fill in, submit once for several matters. 申报、提交 (一网申报, R-304)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import shapely
from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.analysis.plots import judge
from kunyu.engines.matters.cases import desk, people, routing, telling
from kunyu.engines.matters.cases.applicants import COLUMNS, fault, set_applicant
from kunyu.engines.matters.cases.changing import Change, require_revision, traced
from kunyu.engines.matters.cases.checks import check_unchecked
from kunyu.engines.matters.cases.numbers import next_number
from kunyu.engines.matters.cases.places import require_here
from kunyu.engines.matters.cases.ready import applied_for, require_ready
from kunyu.engines.matters.errors import UnknownCase, WrongStep
from kunyu.engines.matters.models import Application, Case, MatterEdition
from kunyu.engines.security import audit
from kunyu.engines.security.applicants import standing_for
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal

State = Application.State
FIRST = 1
"""Number of a case's first event."""


@transaction.atomic
def begin(
    principal: Principal, matters: list[str], division: str, key: str, counter_for: User | None = None,
    *, counter_county: str = "",
) -> Application:  # fmt: skip
    """Open an application; the same ``key`` of the same person finds the one already open.

    Parameters
    ----------
    matters
        Codes of one matter or several, each open for applications in ``division`` (6, 9 or 12 digits).
    key
        Named by the client: a second click makes no second application.
    counter_for, counter_county
        Taken at a counter: the account applied for (None: the applicant has none) and the county of the counter,
        which may be another than the land's (异地受理), and is the land's when left out. Needs ``edit`` on every matter's branch at the counter.

    Raises
    ------
    SignInNeeded, UnknownMatter, WrongStep, NotYourStep, UnknownCase
        Nobody signed in; no such matter; not open here; no right at this counter; the key is another person's.
    """
    if principal.user_id is None:
        raise SignInNeeded("请先登录再申请。", "Sign in to apply.")
    codes = list(dict.fromkeys(matters))
    editions = applied_for(codes, division)
    if counter_for is not None and not counter_county:
        counter_county = division[:6]
    if counter_county:
        people.require_counter(principal, [one.matter for one in editions], counter_county)
    account = counter_for.pk if counter_for else (None if counter_county else principal.user_id)
    found, made = Application.objects.get_or_create(
        key=key,
        defaults={"matters": codes, "division_code": division, "applicant_id": account, "created_by": principal.name,
                  "counter_county": counter_county},
    )  # fmt: skip
    if not made and found.created_by != principal.name:
        raise _unknown(key)
    if made:
        audit.record(principal, "application-begun", "application", found.pk, matters=codes, division=division)
    return found


@transaction.atomic
def save(
    principal: Principal, application_id: int, *, form: Mapping[str, Any] | None = None,
    plot: shapely.Geometry | None = None, plot_source: str = "", applicant: Mapping[str, Any] | None = None,
    project: Mapping[str, Any] | None = None, revision: int | None = None,
) -> Application:  # fmt: skip
    """Keep what was filled in so far; only what is given changes. A draft, or while a correction is asked for.

    Parameters
    ----------
    plot
        Polygon or multipolygon in EPSG:4490, longitude, latitude; its ellipsoidal area is computed here. One that lies
        wholly outside the county applied for is refused (:mod:`cases.places`).
    project
        ``{"code": 投资项目代码, "name": …}``.

    Raises
    ------
    UnknownCase, StaleRevision, WrongStep, BadForm, BadPlot, PlotTooLarge
    """
    one = _mine(principal, application_id)
    require_revision(f"申请 {one.pk}", one.revision, revision)
    _require_open(one)
    if form is not None:
        one.form = dict(form)
    if applicant is not None:
        set_applicant(one, applicant)
        one.applicant_standing = _standing(one) if one.state == State.SUBMITTED else ""
    if project is not None:
        one.project_code = str(project.get("code", one.project_code)).strip()[:40]
        one.project_name = str(project.get("name", one.project_name)).strip()[:300]
    if plot is not None:
        _set_plot(one, plot, plot_source)
    one.revision += 1
    one.save(update_fields=["form", "project_code", "project_name", "plot_area_m2", "plot_source", "revision",
                            "changed_at", "applicant_standing", *COLUMNS])  # fmt: skip
    return one


@transaction.atomic
def discard(principal: Principal, application_id: int) -> Application:
    """Give up a draft. Raises UnknownCase, WrongStep."""
    one = _mine(principal, application_id)
    if one.state != State.DRAFT:
        raise _submitted_already(one)
    one.state = State.DISCARDED
    one.revision += 1
    one.save(update_fields=["state", "revision", "changed_at"])
    audit.record(principal, "application-discarded", "application", one.pk)
    return one


def submit(principal: Principal, application_id: int, revision: int | None = None) -> list[Case]:
    """Make one case of each matter and have it checked; submitted again it answers with the same cases.

    The checks follow the transaction: a rule that takes long locks nobody, and one that fails loses no case. What a
    crash left unchecked is checked by the handler of the event.

    Raises
    ------
    UnknownCase, StaleRevision, WrongStep
    BadForm
        ``faults``: fields, materials, plot, applicant that are missing or wrong.
    """
    cases = _submit(principal, application_id, revision)
    for case in cases:
        check_unchecked(case.pk, principal)
    return cases


@transaction.atomic
def _submit(principal: Principal, application_id: int, revision: int | None) -> list[Case]:
    one = _mine(principal, application_id)
    if one.state == State.SUBMITTED:
        return list(Case.objects.filter(application=one).select_related("matter", "edition").order_by("pk"))
    require_revision(f"申请 {one.pk}", one.revision, revision)
    if one.state == State.DISCARDED:
        raise WrongStep(f"申请 {one.pk} 已放弃，请重新申请。", f"Application {one.pk} was discarded; begin anew.")
    editions = applied_for(list(one.matters), one.division_code)
    require_ready(one, editions)
    one.state, one.submitted_at, one.applicant_standing = State.SUBMITTED, timezone.now(), _standing(one)
    one.revision += 1
    one.save(update_fields=["state", "submitted_at", "revision", "changed_at", "applicant_standing"])
    return [_open_case(principal, one, edition) for edition in editions]


def _standing(one: Application) -> str:
    """Is the applicant's identity verified, as far as the node knows; '' where a counter sees the documents."""
    return "" if one.counter_county else standing_for(one.applicant_id, one.applicant_code)


def _open_case(principal: Principal, one: Application, edition: MatterEdition) -> Case:
    county = one.division_code[:6]
    assert one.submitted_at is not None
    elsewhere = one.counter_county if one.counter_county and one.counter_county != county else ""
    case = Case(
        number=next_number(county, timezone.localdate()), application=one, matter=edition.matter, edition=edition,
        branch=edition.matter.branch, division_code=one.division_code, county=county, partner_county=elsewhere,
        is_with_partner=bool(elsewhere), applicant_account_id=one.applicant_id, applicant_name=one.applicant_name,
        project_code=one.project_code, project_name=one.project_name, plot_area_m2=one.plot_area_m2,
        submitted_at=one.submitted_at, promised_days=edition.promised_days, revision=1,
    )  # fmt: skip
    flow, stages = routing.begun(case, routing.facts_of(case, one.form, None))
    case.stage = stages[0] if stages else ""
    case.save(force_insert=True)
    flow.case = case
    flow.save(force_insert=True)
    if one.plot_area_m2 is not None:
        copy_plot(case)
    desk.open_stages(case, stages, FIRST, principal)
    taken = {"counter_county": one.counter_county} if one.counter_county else {}
    traced(Change(case, principal, "", one.submitted_at), "submitted", FIRST, **taken)
    telling.tell_applicant(case, FIRST, "已提交，等待受理", "submitted, waiting for acceptance")
    return case


def copy_plot(case: Case) -> None:
    """Take the application's plot over into the case."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE matters_case SET plot = a.plot FROM matters_application a "
            "WHERE a.id = matters_case.application_id AND matters_case.id = %s",
            [case.pk],
        )


def plot_of(application_id: int) -> shapely.Geometry | None:
    """The plot of an application, EPSG:4490, longitude, latitude."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_AsBinary(plot) FROM matters_application WHERE id = %s", [application_id])
        found = cursor.fetchone()
    return None if found is None or found[0] is None else shapely.from_wkb(bytes(found[0]))


def _set_plot(one: Application, plot: shapely.Geometry, source: str) -> None:
    judged = judge(plot)
    if not judged.is_area:
        raise fault("plot", "用地范围应为面，不是点或线。", "The plot must be an area, neither points nor lines.")
    require_here(judged.geometry, one.division_code)
    one.plot_area_m2, one.plot_source = judged.area_m2, source[:300]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE matters_application SET plot = ST_Multi(%s::geometry) WHERE id = %s", [judged.wkb, one.pk]
        )


def _mine(principal: Principal, application_id: int) -> Application:
    """The locked application of whoever applies, or of the counter that took it. Raises UnknownCase."""
    one = Application.objects.select_for_update().filter(pk=application_id).first()
    if one is None or not is_mine(principal, one):
        raise _unknown(application_id)
    return one


def is_mine(principal: Principal, one: Application) -> bool:
    """Is it the principal's own, or taken at a counter where he handles such matters?"""
    if principal.user_id is None:
        return False
    if one.applicant_id == principal.user_id or one.created_by == principal.name:
        return True
    return bool(one.counter_county) and people.may_serve_counter(principal, list(one.matters), one.counter_county)


def application_of(principal: Principal, application_id: int) -> Application:
    """One's own application, or one of one's counter. Raises UnknownCase."""
    one = Application.objects.filter(pk=application_id).first()
    if one is None or not is_mine(principal, one):
        raise _unknown(application_id)
    return one


def _unknown(given: object) -> UnknownCase:
    return UnknownCase(f"没有申请 {given}，或者它不是您的。", f"There is no application {given}, or it is not yours.")


def _require_open(one: Application) -> None:
    if one.state == State.DRAFT:
        return
    correcting = Case.objects.filter(application=one, state=Case.State.CORRECTING).exists()
    if one.state == State.SUBMITTED and correcting:
        return
    raise _submitted_already(one)


def _submitted_already(one: Application) -> WrongStep:
    return WrongStep(
        f"申请 {one.pk}“{one.get_state_display()}”，不能再改；需要改正时由受理人员告知补正。",
        f"Application {one.pk} is {one.state} and cannot be changed; the office asks for a correction where needed.",
        application=one.pk,
        state=one.state,
    )
