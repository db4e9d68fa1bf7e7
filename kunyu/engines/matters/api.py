"""House API of cases: apply, list, one, its trace, the acts, statistics, messages to the national platform."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Literal

from django.http import FileResponse, HttpRequest
from ninja import Query, Router, Schema

from kunyu.engines.analysis.plots import read_plot
from kunyu.engines.documents.api import package_answer
from kunyu.engines.matters.cases import briefs, counting, people, queries, services, statistics, visibility
from kunyu.engines.matters.cases.archiving import archive_of
from kunyu.engines.matters.cases.clock import Colour
from kunyu.engines.matters.cases.people import unknown
from kunyu.engines.matters.cases.queries import Filter
from kunyu.engines.matters.errors import UnknownCase
from kunyu.engines.matters.models import Case, Check, NationalReconciliation
from kunyu.engines.matters.national import sending
from kunyu.engines.matters.rules.disclosure import told
from kunyu.engines.security import scope
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.scope import APPROVE, Principal
from kunyu.engines.security.services import find_user

router = Router(tags=["cases"])
Which = Literal["open", "todo", "mine", "closed", "all"]
By = Literal["matter", "office", "person"]


class ListQuery(Schema):
    which: Which = "open"
    state: str = ""
    matter: str = ""
    county: str = ""
    stage: str = ""
    q: str = ""
    project: str = ""
    colour: Colour | None = None
    since: date | None = None
    until: date | None = None
    after: str = ""
    limit: int = queries.PAGE


class BeginBody(Schema):
    matters: list[str]
    division: str
    key: str
    counter_for: str = ""
    counter_county: str = ""


class SaveBody(Schema):
    form: dict[str, Any] | None = None
    plot: dict[str, Any] | None = None
    plot_source: str = ""
    applicant: dict[str, Any] | None = None
    project: dict[str, Any] | None = None
    revision: int | None = None


class Revision(Schema):
    revision: int | None = None


class ActBody(Schema):
    """What an act needs; each act reads its own members."""

    stage: str | None = None
    outcome: str = ""
    text: str = ""
    basis: list[str] = []
    override: str = ""
    passed_over: list[str] | None = None
    asked: list[dict[str, Any]] = []
    answer_by: date | None = None
    kind: str = ""
    user: str = ""
    county: str = ""
    changes: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    revision: int | None = None


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def _officer(request: HttpRequest, number: str) -> Case:
    """A case that the caller sees by right; its applicant gets what is his elsewhere."""
    case = queries.case_of(_principal(request), number)
    if not briefs.is_officer(_principal(request), case):
        raise unknown(number)
    return case


# -- lists ------------------------------------------------------------------------------------------------------------


@router.get("")
def listed(request: HttpRequest, asked: Query[ListQuery]) -> dict[str, Any]:
    """Cases the caller may see; ``next`` is the ``after`` of the following page."""
    given = asked.dict()
    wanted = Filter(text=given.pop("q"), **{name: given[name] for name in given if name not in ("after", "limit")})
    page = queries.listed(_principal(request), wanted, asked.after, asked.limit)
    return {"cases": [briefs.case_brief(one) for one in page.cases], "next": page.next_key or None}


@router.get("/counts")
def counts(request: HttpRequest) -> dict[str, Any]:
    """Open cases by what is asked first, each counted up to ``counted_to``."""
    return {**counting.counts(_principal(request)), "counted_to": counting.COUNTED}


@router.get("/own")
def own(request: HttpRequest, before: int | None = None, limit: int = queries.PAGE) -> dict[str, Any]:
    """The caller's own cases as an applicant, newest first; ``next`` is the following ``before``."""
    rows = queries.own(_principal(request))
    if before is not None:
        rows = rows.filter(pk__lt=before)
    most = max(1, min(limit, queries.MOST))
    found = list(rows[: most + 1])
    cases = [briefs.case_brief(one) for one in found[:most]]
    return {"cases": cases, "next": found[most - 1].pk if len(found) > most else None}


_STATISTICS: dict[str, Callable[[Principal, date, date], list[Any]]] = {
    "matter": statistics.by_matter,
    "office": statistics.by_office,
    "person": statistics.by_person,
}


@router.get("/statistics")
def numbers(request: HttpRequest, since: date, until: date, by: By = "matter") -> dict[str, Any]:
    """Throughput, workdays used against promised, overdue: of cases received in a period (persons: acts in it)."""
    principal = _principal(request)
    rows = _STATISTICS[by](principal, since, until)
    return {"since": since, "until": until, "by": by, "rows": [one.values() for one in rows],
            "total": statistics.totals(principal, since, until).values()}  # fmt: skip


# -- applying ---------------------------------------------------------------------------------------------------------


@router.post("/applications")
def begin(request: HttpRequest, body: BeginBody) -> dict[str, Any]:
    """Open an application; the same key finds the one already open."""
    person = find_user(body.counter_for) if body.counter_for else None
    one = services.begin(
        _principal(request), body.matters, body.division, body.key, person, counter_county=body.counter_county
    )
    return briefs.application_detail(one)


@router.get("/applications/{int:application_id}")
def application(request: HttpRequest, application_id: int) -> dict[str, Any]:
    """One's own application, or one of one's counter."""
    return briefs.application_detail(services.application_of(_principal(request), application_id))


@router.put("/applications/{int:application_id}")
def save(request: HttpRequest, application_id: int, body: SaveBody) -> dict[str, Any]:
    """Keep what was filled in so far; ``plot`` is GeoJSON, longitude and latitude, CGCS2000."""
    principal = _principal(request)
    services.application_of(principal, application_id)
    plot = None if body.plot is None else read_plot(body.plot).geometry
    one = services.save(
        principal, application_id, form=body.form, plot=plot, plot_source=body.plot_source, applicant=body.applicant,
        project=body.project, revision=body.revision,
    )  # fmt: skip
    return briefs.application_detail(one)


@router.post("/applications/{int:application_id}/submit")
def submit(request: HttpRequest, application_id: int, body: Revision) -> dict[str, Any]:
    """Make the cases; submitted again it answers with the same ones."""
    cases = services.submit(_principal(request), application_id, body.revision)
    return {"cases": [briefs.case_brief(one) for one in cases]}


@router.post("/applications/{int:application_id}/discard")
def discard(request: HttpRequest, application_id: int) -> dict[str, Any]:
    """Give up a draft."""
    return briefs.application_detail(services.discard(_principal(request), application_id))


# -- messages to the national platform --------------------------------------------------------------------------------


@router.get("/national/errors")
def national_errors(request: HttpRequest, limit: int = queries.PAGE) -> dict[str, Any]:
    """Messages that were refused or did not arrive, of cases the caller decides about."""
    rows = sending.errors(_principal(request))[: max(1, min(limit, queries.MOST))]
    return {"messages": [briefs.message_brief(one) for one in rows]}


@router.post("/national/messages/{int:message_id}/again")
def national_again(request: HttpRequest, message_id: int) -> dict[str, Any]:
    """Queue a refused message anew."""
    return briefs.message_brief(sending.send_again(_principal(request), message_id))


@router.get("/national/reconciliation")
def reconciliation(request: HttpRequest) -> dict[str, Any]:
    """The last days' counts beside the platform's; for whoever decides about any matter."""
    principal = _principal(request)
    if not any(people.scope.clauses_of(principal, branch, APPROVE) for branch in visibility.branches()):
        raise _not_a_manager(principal)
    rows = NationalReconciliation.objects.all()[:31]
    return {
        "days": [{"day": one.day, "ours": one.ours, "theirs": one.theirs, "is_equal": one.is_equal} for one in rows]
    }


def _not_a_manager(principal: Principal) -> Exception:
    if principal.is_anonymous:
        return SignInNeeded("请先登录。", "Sign in first.")
    return UnknownCase("没有可查看的对账记录。", "There is no reconciliation to see.")


# -- one case ---------------------------------------------------------------------------------------------------------


@router.get("/{number}")
def one_case(request: HttpRequest, number: str) -> dict[str, Any]:
    """One case."""
    return briefs.case_detail(_principal(request), queries.case_of(_principal(request), number))


@router.get("/{number}/events")
def events(request: HttpRequest, number: str) -> dict[str, Any]:
    """Its trace, oldest first."""
    return {"events": briefs.event_briefs(_principal(request), queries.case_of(_principal(request), number))}


@router.get("/{number}/materials")
def materials(request: HttpRequest, number: str) -> dict[str, Any]:
    """What was handed in."""
    return {"materials": briefs.material_briefs(queries.case_of(_principal(request), number).application_id)}


@router.get("/{number}/opinions")
def opinions(request: HttpRequest, number: str) -> dict[str, Any]:
    """What officers said; for officers."""
    return {"opinions": briefs.opinion_briefs(_officer(request, number))}


@router.get("/{number}/checks")
def checks(request: HttpRequest, number: str) -> dict[str, Any]:
    """The newest check with its answers, as far as the caller may be told, and the earlier ones."""
    principal = _principal(request)
    found = list(Check.objects.filter(case=queries.case_of(principal, number)).order_by("-pk")[:20])
    answers = [briefs.answer_brief(one) for one in told(found[0], principal)] if found else []
    return {"checks": [briefs.check_brief(one) for one in found], "answers": answers}


@router.get("/{number}/archive")
def archive(request: HttpRequest, number: str) -> FileResponse:
    """The archive package of a closed case, for officers who may download there."""
    case = _officer(request, number)
    scope.require_division(scope.resolve(_principal(request), case.branch, scope.DOWNLOAD), case.division_code)
    found = archive_of(case)
    return package_answer(_principal(request), found, f"{case.number}.zip")


@router.post("/{number}/acts/{act}")
def do(request: HttpRequest, number: str, act: str, body: ActBody) -> dict[str, Any]:
    """An act: step, claim, assign, hand-over, correct, answer, pause, resume, decide, withdraw, revoke, move,
    supervise, correct-licence, check."""
    principal = _principal(request)
    case = queries.case_of(principal, number)
    if act not in _ACTS:
        raise UnknownCase(f"没有操作 {act[:40]}。", f"There is no act {act[:40]}.")
    _ACTS[act](principal, case.pk, body)
    return briefs.case_detail(principal, queries.case_of(principal, number))


_Act = Callable[[Principal, int, ActBody], object]


def _step(who: Principal, case_id: int, body: ActBody) -> object:
    facts = {**body.facts, "asked": body.asked, "answer_by": body.answer_by, "basis": body.basis,
             "override": body.override, "passed_over": body.passed_over}  # fmt: skip
    return services.act(who, case_id, body.stage or "", body.outcome, body.text, revision=body.revision, facts=facts)


_ACTS: dict[str, _Act] = {
    "step": _step,
    "claim": lambda who, one, body: services.claim(who, one, body.stage),
    "assign": lambda who, one, body: services.assign(who, one, body.user, body.text, stage=body.stage),
    "hand-over": lambda who, one, body: services.hand_over(who, one, body.user, body.text, stage=body.stage),
    "correct": lambda who, one, body: services.request_correction(
        who, one, body.asked, body.answer_by, revision=body.revision, stage=body.stage
    ),
    "answer": lambda who, one, body: services.answer_correction(who, one, revision=body.revision),
    "pause": lambda who, one, body: services.pause(
        who, one, body.kind, body.text, "；".join(body.basis), revision=body.revision
    ),
    "resume": lambda who, one, body: services.resume(who, one, body.text, revision=body.revision),
    "decide": lambda who, one, body: services.decide(
        who,
        one,
        body.outcome,
        body.text,
        body.basis,
        body.override,
        revision=body.revision,
        passed_over=body.passed_over,
    ),
    "withdraw": lambda who, one, body: services.withdraw(who, one, body.text, revision=body.revision),
    "revoke": lambda who, one, body: services.revoke(who, one, body.text, body.basis, revision=body.revision),
    "move": lambda who, one, body: services.move_to_office(who, one, body.county, body.text, revision=body.revision),
    "supervise": lambda who, one, body: services.supervise(who, one, body.text),
    "correct-licence": lambda who, one, body: services.correct_licence(
        who, one, body.changes, body.text, revision=body.revision
    ),
    "check": lambda who, one, body: services.check_again(who, one),
}
