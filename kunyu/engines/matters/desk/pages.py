"""Pages of officers and managers: the list across matters, a case on one page, its acts, statistics. 办件页面."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from kunyu.engines.documents import queries as document_queries
from kunyu.engines.documents.api import document_answer
from kunyu.engines.documents.lists import state_badge as licence_badge
from kunyu.engines.documents.models import Archive, Document
from kunyu.engines.matters.cases import briefs, overriding, people, queries, services, shown, statistics, visibility
from kunyu.engines.matters.cases.applying import plot_of
from kunyu.engines.matters.cases.machine import refuse
from kunyu.engines.matters.cases.words import Names, outcome_words
from kunyu.engines.matters.desk import figures, lists, showing
from kunyu.engines.matters.desk.acts import ACTS, Given, form_of, stage_code, step_form, suggestion
from kunyu.engines.matters.desk.available import Available, available, doubts, require_right
from kunyu.engines.matters.desk.forms import StepForm
from kunyu.engines.matters.errors import UnknownCase
from kunyu.engines.matters.models import Case, CaseEvent
from kunyu.engines.pages import asked as questions
from kunyu.engines.pages import export, once, rendering
from kunyu.engines.pages import forms as pageforms
from kunyu.engines.pages.listing import Action
from kunyu.engines.pages.record import Crumb, Record, Tab
from kunyu.engines.pages.words import pick
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed

_HOME = Crumb(("办件", "Cases"), lists.HERE)
_AT_THE_CASE = (
    "correct",
    "pause",
    "resume",
    "answer",
    "check",
    "move",
    "supervise",
    "correct-licence",
    "withdraw",
    "revoke",
)
_PERIOD_DAYS = 90
_FIRST_YEAR, _LAST_YEAR = 1950, 2200
"""Days outside are mistyped: no office has cases there."""
_MOST_URGED = 50


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def _officers_case(request: HttpRequest, number: str) -> Case:
    """A case that the person sees by right; its applicant has a page of his own. Raises UnknownCase."""
    principal = _principal(request)
    found = queries.case_of(principal, number)
    if not briefs.is_officer(principal, found):
        raise people.unknown(number)
    return found


def _address(case: Case) -> str:
    return f"{lists.HERE}{case.number}"


# -- lists ------------------------------------------------------------------------------------------------------------


@require_safe
@login_needed
def cases(request: HttpRequest, which: str = "open") -> HttpResponseBase:
    """Cases the person may see: open, in his hands, to claim, closed, all."""
    principal, names = _principal(request), Names()
    listing = lists.listing(principal, which, names)
    asked = questions.read(listing, request.GET)
    wanted = lists.wanted(principal, which, asked)
    form = request.GET.get("format", "")
    if form in listing.exports:
        return export.answer(request, listing, asked, wanted.rows.order_by(*listing.order), form)
    page = queries.paged(wanted.rows, wanted.filter, lists.key_of(request.GET.get("after", "")))
    names.read(page.cases)
    return rendering.render_keyed(
        request, listing, asked, page.cases, page.next_key, "matters/desk/cases.html",
        tabs=lists.tabs(principal, which),
    )  # fmt: skip


# -- one case ---------------------------------------------------------------------------------------------------------


@require_safe
@login_needed
def case(request: HttpRequest, number: str) -> HttpResponse:
    """One case: head, clock, flow, map, checks, form and materials, opinions, earlier cases, letters, trace."""
    principal, names = _principal(request), Names()
    one = _officers_case(request, number)
    names.read([one])
    may = available(principal, one)
    return render(request, "matters/desk/case.html", {
        "record": _record(principal, one, names, may), "case": one, "clock": shown.clock(one), "may": may,
        "picture": shown.flow_picture(one), "plot": _plot(principal, one), "form_facts": shown.form_facts(one),
        "materials": showing.materials(one), "opinions": showing.opinions(one, names),
        "earlier": showing.earlier_cases(principal, one), "stages": _stages(one, names, may),
        **_checks(principal, one), **_papers(principal, one), **_step(request, one, may),
    })  # fmt: skip


def _record(principal: Principal, one: Case, names: Names, may: Available) -> Record:
    actions = [
        Action(ACTS[act].title, f"{_address(one)}/{act}", ACTS[act].style) for act in _AT_THE_CASE if may.has(act)
    ]
    return Record(
        title=(f"{one.matter.name_zh}", one.matter.name_en or one.matter.name_zh), lead=one.number,
        crumbs=(_HOME, Crumb(one.number)), facts=showing.facts(principal, one, names),
        history=showing.history(one, names), actions=tuple(actions),
    )  # fmt: skip


def _plot(principal: Principal, one: Case) -> dict[str, Any] | None:
    plot = plot_of(one.application_id)
    if plot is None:
        return None
    underlay = showing.underlay(principal, one)
    return {"link": showing.workbench_link(plot, underlay), "source": one.application.plot_source, "underlay": underlay}


def _stages(one: Case, names: Names, may: Available) -> list[dict[str, Any]]:
    """Stages that wait, in whose hands, and what the person may do about them."""
    today = timezone.localdate()
    return [
        {"waiting": waiting, "name": names.stage(one, waiting.stage.code), "task": waiting.task,
         "is_late": bool(waiting.task and waiting.task.due_on and waiting.task.due_on < today),
         "may_assign": may.has("assign") and waiting.may_assign,
         "may_hand_over": may.has("hand-over") and waiting.is_mine}
        for waiting in may.waiting
    ]  # fmt: skip


def _checks(principal: Principal, one: Case) -> dict[str, Any]:
    check, answers = showing.newest_answers(principal, one)
    return {"check": check, "groups": showing.groups(answers), "doubts": doubts(one),
            "suggestion": suggestion(principal, one) if check else None}  # fmt: skip


def _papers(principal: Principal, one: Case) -> dict[str, Any]:
    licence, decision = services.licence_of(one), shown.decision(one)
    seen = licence is not None and document_queries.licences(principal).filter(pk=licence.pk).exists()
    return {
        "letters": shown.letters(one), "licence": licence if seen else None, "decision": decision,
        "licence_state": licence_badge(licence) if licence is not None and seen else None,
        # who leant on an override is who decided (cases.deciding)
        "override_by": decision and (decision.decided_by_zh or decision.override_by),
        "decision_words": outcome_words(decision.outcome) if decision else ("", ""),
        "passed_over": overriding.of_decision(decision.passed_over) if decision else [],
        "may_download": _may_download(principal, one),
        "archive": Archive.objects.filter(subject=f"case:{one.number}").first(),
    }  # fmt: skip


def _may_download(principal: Principal, one: Case) -> bool:
    return people.holds(principal, one, scope.DOWNLOAD)


def _step(request: HttpRequest, one: Case, may: Available) -> dict[str, Any]:
    """The form of the stage that is the person's to do, in place."""
    mine = may.at(stage_code(request))
    if mine is None or not mine.may_act:
        return {"form": None}
    form = step_form(request, one, mine.stage, with_suggestion=request.GET.get("suggest") == "1")
    return {"form": form, "once": once.new_token(request), "mine": mine}


@require_safe
@login_needed
def places(request: HttpRequest, number: str) -> JsonResponse:
    """Plot and overlaps for the map of the page."""
    one = _officers_case(request, number)
    answer = JsonResponse(showing.places(_principal(request), one), content_type="application/geo+json")
    answer["Cache-Control"] = "private, no-store"
    return answer


@require_safe
@login_needed
def letter(request: HttpRequest, number: str, document_id: int) -> FileResponse:
    """A letter of the case as a download, for whoever handles the case or may download there."""
    principal, one = _principal(request), _officers_case(request, number)
    found = next((each["document"] for each in shown.letters(one) if each["document"].pk == document_id), None)
    if found is None:
        raise UnknownCase(f"办件 {number} 没有文书 {document_id}。", f"Case {number} has no letter {document_id}.")
    if not _may_download(principal, one):
        people.require(principal, one, scope.EDIT, "下载文书", "download letters of")
    return document_answer(principal, found, _file_name(one, found))


def _file_name(one: Case, document: Document) -> str:
    return f"{one.number}-{document.kind}.{'ofd' if 'ofd' in document.media_type else 'pdf'}"


# -- acts -------------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def act(request: HttpRequest, number: str, act: str) -> HttpResponse:
    """One act: its form, its confirmation, and doing it once."""
    principal, one = _principal(request), _officers_case(request, number)
    require_right(principal, one, act)
    may, what, here = available(principal, one), ACTS[act], _address(one)
    if request.method != "POST" and not may.has(act):
        refuse(one, what.title[0], what.title[1].lower())

    def do(given: Given) -> str:
        what.do(principal, one, {"stage": stage_code(request), **given})
        messages.success(request, pick(what.done))
        return here

    form = form_of(request, act, one, may)
    more: dict[str, Any] = {"crumbs": (_HOME, Crumb(one.number, here), Crumb(what.title)), "lead": _lead(one, act)}
    if isinstance(form, StepForm):
        more |= {"template": "matters/desk/step.html", "doubts": form.doubts, "here": here}
    return pageforms.handle(
        request, form, do, _title(one, what.title, may, request), what.button, back=here, losses=what.losses or None,
        **more,
    )  # fmt: skip


def _title(one: Case, title: tuple[str, str], may: Available, request: HttpRequest) -> tuple[str, str]:
    at = may.at(stage_code(request)) if stage_code(request) else None
    name = (f"：{at.stage.name_zh}", f": {at.stage.name_en or at.stage.code}") if at else ("", "")
    return f"{title[0]}{name[0]}", f"{title[1]}{name[1]}"


def _lead(one: Case, act: str) -> tuple[str, str]:
    zh, en = ACTS[act].lead
    return f"{one.matter.name_zh} {one.number}。{zh}", f"{one.matter.name_en or one.matter.code} {one.number}. {en}"


# -- statistics -------------------------------------------------------------------------------------------------------


@require_safe
@login_needed
def figures_page(request: HttpRequest) -> HttpResponse:
    """Throughput, time used against promised, overdue by matter, office and person; supervision."""
    principal = _principal(request)
    by = request.GET.get("by", "matter")
    by = by if by in figures.BY and (by != "person" or lists.is_manager(principal)) else "matter"
    today = timezone.localdate()
    until = _day(request.GET.get("until", "")) or today
    since = min(_day(request.GET.get("since", "")) or _before(until), until)
    tabs = tuple(
        Tab(title, figures.here(key, since, until), key == by)
        for key, title in figures.BY.items()
        if key != "person" or lists.is_manager(principal)
    )
    return render(request, "matters/desk/statistics.html", {
        "tabs": tabs, "since": since, "until": until, "by": by, "crumbs": (_HOME, Crumb(("统计", "Statistics"))),
        "urged": _urged(principal, since, until), **_figures(principal, by, since, until),
    })  # fmt: skip


def _figures(principal: Principal, by: str, since: date, until: date) -> dict[str, Any]:
    common = {"tiles": figures.tiles(statistics.totals(principal, since, until), since, until)}
    if by == "person":
        rows = statistics.by_person(principal, since, until)
        return {**common, "columns": figures.PERSON_COLUMNS, "lines": figures.person_lines(rows, since, until)}
    found = (statistics.by_matter if by == "matter" else statistics.by_office)(principal, since, until)
    return {**common, "columns": figures.COLUMNS, "lines": figures.lines(found, by, since, until),
            "throughput": figures.throughput(found), "time_used": figures.time_used(found)}  # fmt: skip


def _urged(principal: Principal, since: date, until: date) -> list[CaseEvent]:
    """Supervision notices of the period, newest first."""
    seen = visibility.visible(principal, scope.APPROVE)
    rows = CaseEvent.objects.filter(act="supervised", case__in=seen, at__date__gte=since, at__date__lte=until)
    return list(rows.select_related("case__matter").order_by("-at")[:_MOST_URGED])


def _before(day: date) -> date:
    return day - timedelta(days=_PERIOD_DAYS)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return day if _FIRST_YEAR <= day.year <= _LAST_YEAR else None
