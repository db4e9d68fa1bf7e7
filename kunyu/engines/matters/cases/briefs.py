"""Cases as the API and pages show them: in a list, whole, their trace, their materials. 办件表示.

Applicants see what concerns them: states, days, what they were told; not what officers said to one another.
"""

from __future__ import annotations

import json
from typing import Any

import shapely
from django.utils import timezone

from kunyu.engines.matters.cases import machine, people, routing
from kunyu.engines.matters.cases.queries import colour_of
from kunyu.engines.matters.models import Application, Case, CaseEvent, Check, Decision, Material, NationalMessage
from kunyu.engines.matters.rules.disclosure import Told
from kunyu.engines.security.scope import SEE, Principal
from kunyu.engines.worklist.limits import remaining_workdays

TOLD_APPLICANT = frozenset({"not_accepted", "correction_asked", "paused", "decided", "closed", "lapsed", "withdrawn",
                            "revoked", "licence_corrected"})  # fmt: skip
"""Acts whose reason is the applicant's to read."""
OFFICE_ONLY = frozenset({"assigned", "claimed", "handed_over", "supervised"})


def is_officer(principal: Principal, case: Case) -> bool:
    """Does the principal see the case by right, not only as its applicant?"""
    return people.holds(principal, case, SEE)


def case_brief(case: Case) -> dict[str, Any]:
    """One line of a list. ``days_left``: workdays to the limit, negative past it, null while the clock stands."""
    today = timezone.localdate()
    left = None if case.due_on is None or case.decided_at else remaining_workdays(today, case.due_on)
    return {
        "id": case.pk, "number": case.number, "matter": case.matter.code, "matter_zh": case.matter.name_zh,
        "matter_en": case.matter.name_en, "state": case.state, "state_zh": case.get_state_display(), "stage": case.stage,
        "county": case.county, "division": case.division_code, "applicant": case.applicant_name,
        "project_code": case.project_code, "project_name": case.project_name, "area_m2": case.plot_area_m2,
        "submitted_at": case.submitted_at, "accepted_at": case.accepted_at, "due_on": case.due_on,
        "due_is_provisional": case.due_is_provisional, "days_left": left, "days_used": case.days_used,
        "promised_days": case.promised_days, "colour": colour_of(case, today).name.lower(),
        "assignee": str(case.assignee) if case.assignee_id else None, "closed_at": case.closed_at,
        "licence_number": case.licence_number, "revision": case.revision,
    }  # fmt: skip


def case_detail(principal: Principal, case: Case) -> dict[str, Any]:
    """One case: its line, its decision, what waits, what may be done."""
    decision = Decision.objects.filter(case=case).first()
    pause = case.pauses.filter(ended_at=None).first()
    stages = {one.code: one for one in routing.definition(case).stages}
    return {
        **case_brief(case),
        "edition": case.edition.number,
        "application": case.application_id,
        "waiting": [{"stage": code, "name_zh": stages[code].name_zh, "name_en": stages[code].name_en,
                     "outcomes": list(stages[code].outcomes)} for code in routing.waiting(case) if code in stages],
        "may": list(machine.allowed(case)),
        "pause": None if pause is None else {
            "kind": pause.kind, "reason": pause.reason, "basis": pause.basis, "asked": pause.asked,
            "answer_by": pause.answer_by, "started_at": pause.started_at,
        },
        "decision": None if decision is None else _decision(decision, is_officer(principal, case)),
        "partner_county": case.partner_county,
        "is_with_partner": case.is_with_partner,
    }  # fmt: skip


def _decision(one: Decision, officer: bool) -> dict[str, Any]:
    found = {"outcome": one.outcome, "reason": one.reason, "basis": one.basis, "decided_at": one.decided_at,
             "sealed_at": one.sealed_at}  # fmt: skip
    inside = {"decided_by": one.decided_by, "override": one.override, "override_by": one.override_by,
              "passed_over": one.passed_over, "check": one.check_run_id}  # fmt: skip
    return found | (inside if officer else {})


def event_briefs(principal: Principal, case: Case) -> list[dict[str, Any]]:
    """The trace of a case, oldest first."""
    officer = is_officer(principal, case)
    rows = CaseEvent.objects.filter(case=case).order_by("sequence")
    return [_event(one, officer) for one in rows if officer or one.act not in OFFICE_ONLY]


def told_events(case: Case) -> list[dict[str, Any]]:
    """The trace of a case as its applicant may know it, oldest first: whoever reads, and whatever rights he holds."""
    return [_event(one, False) for one in CaseEvent.objects.filter(case=case).order_by("sequence")
            if one.act not in OFFICE_ONLY]  # fmt: skip


def _event(one: CaseEvent, officer: bool) -> dict[str, Any]:
    told = officer or one.act in TOLD_APPLICANT
    zh, en = machine.EVENTS.get(one.act, (one.act, one.act))
    found = {
        "sequence": one.sequence, "act": one.act, "act_zh": zh, "act_en": en, "before": one.before, "state": one.state,
        "stage": one.stage, "outcome": one.outcome if told else "", "at": one.at, "reason": one.reason if told else "",
        "office": one.detail.get("office", ""),
    }  # fmt: skip
    return found | ({"actor": one.actor, "actor_zh": one.actor_zh, "detail": one.detail} if officer else {})


def opinion_briefs(case: Case) -> list[dict[str, Any]]:
    """What officers said, oldest first; for officers."""
    return [
        {"stage": one.stage, "outcome": one.outcome, "text": one.text, "suggested": one.suggested, "author": one.author,
         "author_zh": one.author_zh, "office_zh": one.office_zh, "at": one.at, "check": one.check_run_id}
        for one in case.opinions.all()
    ]  # fmt: skip


def material_briefs(application_id: int) -> list[dict[str, Any]]:
    """What was handed in, by kind, newest version first."""
    return [
        {"id": one.pk, "kind": one.kind, "version": one.version, "source": one.source, "file_name": one.file_name,
         "media_type": one.media_type, "size": one.size, "sm3": one.sm3, "pages": one.pages, "reading": one.reading,
         "faults": one.faults, "licence_number": one.licence_number, "is_withdrawn": one.is_withdrawn,
         "uploaded_at": one.uploaded_at}
        for one in Material.objects.filter(application_id=application_id).order_by("kind", "-version")
    ]  # fmt: skip


def check_brief(one: Check) -> dict[str, Any]:
    """One run of the rules, without its answers."""
    return {
        "id": one.pk, "matter": one.matter_code, "conflicts": one.conflicts, "not_checked": one.not_checked,
        "clear": one.clear, "digest": one.digest, "valid_at": one.valid_at, "known_at": one.known_at,
        "made_at": one.made_at, "milliseconds": one.milliseconds,
    }  # fmt: skip


def answer_brief(one: Told) -> dict[str, Any]:
    """One answer of a rule as its reader may be told it; ``place`` is GeoJSON, longitude and latitude, CGCS2000."""
    place = None if one.place is None else json.loads(shapely.to_geojson(one.place))
    return {**{name: value for name, value in vars(one).items() if name != "place"}, "place": place}


def application_detail(one: Application) -> dict[str, Any]:
    """An application as its applicant sees it; the code masked."""
    return {
        "id": one.pk, "key": one.key, "matters": one.matters, "division": one.division_code, "state": one.state,
        "applicant": {"kind": one.applicant_kind, "name": one.applicant_name, "code": one.applicant_code_masked},
        "project": {"code": one.project_code, "name": one.project_name}, "form": one.form, "area_m2": one.plot_area_m2,
        "plot_source": one.plot_source, "revision": one.revision, "submitted_at": one.submitted_at,
        "cases": list(one.cases.order_by("pk").values_list("number", flat=True)),
    }  # fmt: skip


def message_brief(one: NationalMessage) -> dict[str, Any]:
    """A message to the national platform that did not arrive."""
    return {
        "id": one.pk, "case": one.case.number, "sequence": one.sequence, "kind": one.kind, "state": one.state,
        "attempts": one.attempts, "error": one.error, "due_at": one.due_at, "made_at": one.made_at,
    }  # fmt: skip
