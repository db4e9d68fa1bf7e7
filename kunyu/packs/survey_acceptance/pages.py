"""Pages of acceptance: rounds, one round with its map, one sample on a phone, accuracy, surveyors. 质检验收页面.

The generic screens give lists and forms; a round (score, plans, map, steps) and a sample (three judgements, next and
previous) are pages of their own.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from kunyu.engines.pages import forms as pageforms
from kunyu.engines.pages import rendering
from kunyu.engines.pages.listing import Action, Cell
from kunyu.engines.pages.record import Crumb, Event, Fact, Record
from kunyu.engines.pages.words import pick
from kunyu.engines.reference.naming import DivisionNames
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed
from kunyu.packs.survey_acceptance import lists, queries, services, sheets
from kunyu.packs.survey_acceptance.forms import (
    DecisionForm,
    ItemForm,
    PlanForm,
    SheetForm,
    StepForm,
    SurveyorsForm,
)
from kunyu.packs.survey_acceptance.measures import bars
from kunyu.packs.survey_acceptance.models import AcceptanceRound, SampleItem, SamplingPlan
from kunyu.packs.survey_acceptance.rules.judging import Judgement
from kunyu.packs.survey_acceptance.rules.policy import policy
from kunyu.packs.survey_acceptance.rules.population import Wanted, prove

State, Place = AcceptanceRound.State, SamplingPlan.Place
SHOWN = 200
MOST_BARS = 30
_HOME = Crumb(("质检验收", "Acceptance"), "/acceptance/")
ACTS = {
    "opened": ("自动检查有结论，轮次开始", "checked by the rules, round opened"), "drawn": ("抽样", "sample drawn"),
    "sampled": ("抽样完成", "sampling done"), "judged": ("判定样本", "sample judged"),
    "imported": ("导入检查结果", "results imported"), "interior_done": ("内业检查完成", "office check done"),
    "field_done": ("外业检查完成", "field check done"), "decided": ("验收决定", "decision"),
    "delivery_returned": ("成果被退回", "delivery returned"), "delivery_rejected": ("成果被拒绝", "delivery rejected"),
    "delivery_published": ("成果已发布", "delivery published"),
}  # fmt: skip


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def _address(one: AcceptanceRound) -> str:
    return f"/acceptance/{one.pk}"


def _crumbs(one: AcceptanceRound, *more: Crumb) -> tuple[Crumb, ...]:
    return (_HOME, Crumb((f"{one.division_code} {one.year} 第 {one.number} 轮", f"{one.division_code} {one.year} no. {one.number}"),
                         _address(one)), *more)  # fmt: skip


# -- lists ----------------------------------------------------------------------------------------------------------


@require_safe
@login_needed
def rounds(request: HttpRequest) -> HttpResponseBase:
    """Every round the person may see."""
    return rendering.render(request, lists.rounds(_principal(request)), tabs=lists.tabs("/acceptance/"))


@require_safe
@login_needed
def by_county(request: HttpRequest) -> HttpResponseBase:
    """Accuracy by county."""
    listing = lists.by_county(_principal(request))
    return _accuracy(request, listing, "county", "/acceptance/accuracy/")


@require_safe
@login_needed
def by_surveyor(request: HttpRequest) -> HttpResponseBase:
    """Accuracy by surveyor."""
    listing = lists.by_surveyor(_principal(request))
    return _accuracy(request, listing, "surveyor", "/acceptance/accuracy/surveyors/")


def _accuracy(request: HttpRequest, listing: Any, name: str, here: str) -> HttpResponseBase:
    drawn = bars(queries.named_rates(listing.rows, name)[:MOST_BARS])
    return rendering.render(
        request, listing, "survey_acceptance/accuracy.html", tabs=lists.tabs(here), chart=drawn, most=MOST_BARS
    )


@require_safe
@login_needed
def samples(request: HttpRequest, round_id: int) -> HttpResponseBase:
    """Samples of a round as a list, and as the sheet that results are filled into."""
    one = queries.visible_round(_principal(request), round_id)
    crumbs = _crumbs(one, Crumb(("样本", "Samples")))
    return rendering.render(request, lists.samples(_principal(request), one), crumbs=crumbs)


@require_safe
@login_needed
def surveyors(request: HttpRequest) -> HttpResponseBase:
    """Who surveyed which village."""
    return rendering.render(request, lists.surveyors(_principal(request)), tabs=lists.tabs("/acceptance/surveyors/"))


# -- one round ------------------------------------------------------------------------------------------------------


@require_safe
@login_needed
def one_round(request: HttpRequest, round_id: int) -> HttpResponse:
    """One round: where it stands, score, samples on the map, what is to be done, history."""
    principal = _principal(request)
    one = queries.visible_round(principal, round_id)
    plans = [(plan, queries.plan_figures(plan), _advice(plan)) for plan in one.plans.order_by("-place")]
    place = DivisionNames()(one.division_code)
    return render(request, "survey_acceptance/round.html", {
        "record": Record(
            title=(f"{place[0]} {one.year} 年第 {one.number} 轮质检", f"Round {one.number} of {place[1]}, {one.year}"),
            crumbs=(_HOME, Crumb((f"第 {one.number} 轮", f"Round {one.number}"))),
            facts=_facts(one), history=_history(one),
            actions=_actions(one, {plan.place for plan, _, _ in plans}) if queries.may_work_on(principal, one) else (),
        ),
        "round": one, "steps": _steps(one), "grade": queries.grade_of(one), "costs": queries.costs(principal, one),
        "plans": plans, "items": queries.items(principal, one).order_by("-plan__place", "number")[:SHOWN],
        "shown": SHOWN, "rules": policy(),
        "next_item": _next_item(one, principal) if queries.may_work_on(principal, one) else None,
    })  # fmt: skip


def _facts(one: AcceptanceRound) -> tuple[Fact, ...]:
    decided: tuple[Fact, ...] = ()
    if one.decided_by:
        decided = (
            Fact(("决定人", "Decided by"), one.decided_by, "person"),
            Fact(("决定时间", "Decided"), one.decided_at, "time"),
            Fact(("决定意见", "Opinion"), one.decision_reason or "—"),
        )
    return (
        Fact(("状态", "State"), lists.state_badge(one), "badge"),
        Fact(
            ("汇交批次", "Delivery"),
            Cell(f"{one.delivery_id} {one.delivery.file_name}", f"/deliveries/{one.delivery_id}"),
        ),
        Fact(("标准", "Standard"), one.standard_id),
        Fact(("汇交人", "Delivered by"), Cell(one.delivered_by, note=one.delivering_unit), "person"),
        Fact(("图斑", "Parcels"), one.parcels, "count"),
        Fact(("得分", "Score"), lists.score_text(one) or "—"),
        *decided,
    )


def _history(one: AcceptanceRound) -> tuple[Event, ...]:
    """Steps of the round; single judgements are counted, not listed (the samples show them)."""
    found = []
    for event in one.events.exclude(act="judged").order_by("id"):
        detail = event.reason
        if event.act == "drawn":
            place, method = lists.PLACES[event.detail["place"]][0], lists.METHODS[event.detail["method"]][0]
            detail = f"{place} {method} {event.detail['size']} / {event.detail['population']}"
        if event.act == "imported":
            detail = f"{event.detail['rows']} 行"
        what = ACTS.get(event.act, (event.act, event.act))
        if event.before and event.before != event.state:
            zh, en = State(event.state).label, lists.STATES_EN[event.state]
            what = f"{what[0]} → {zh}", f"{what[1]} → {en}"
        found.append(Event(event.at, event.actor, what, detail))
    return tuple(found)


def _steps(one: AcceptanceRound) -> list[dict[str, object]]:
    """The way of a round: done, now, ahead."""
    path = [State.SAMPLING, State.INTERIOR, State.FIELD, State.DECISION]
    end = State(one.state) if not one.is_open else State.ACCEPTED
    reached = {event.state for event in one.events.all()}
    if not one.is_open:
        path = [step for step in path if step in reached]
    return [
        {"state": step, "zh": step.label, "en": lists.STATES_EN[step], "done": step in reached, "now": step == one.state,
         "bad": step == State.RETURNED}
        for step in (*path, end)
    ]  # fmt: skip


def _actions(one: AcceptanceRound, drawn: set[str]) -> tuple[Action, ...]:
    """Links to what may be done now."""
    here, found = _address(one), list[Action]()
    if one.state in (State.SAMPLING, State.INTERIOR) and drawn != {Place.INTERIOR, Place.FIELD}:
        found.append(Action(("抽样", "Draw a sample"), f"{here}/plan", "primary" if not drawn else "secondary"))
    if one.state == State.SAMPLING and Place.INTERIOR in drawn:
        found.append(Action(("开始内业检查", "Begin the office check"), f"{here}/step/begin", "primary"))
    if one.state == State.INTERIOR:
        found.append(Action(("完成内业检查", "Finish the office check"), f"{here}/step/interior-done", "primary"))
    if one.state == State.FIELD:
        found.append(Action(("完成外业检查", "Finish the field check"), f"{here}/step/field-done", "primary"))
    if one.state in (State.INTERIOR, State.FIELD):
        found.append(Action(("导入结果", "Import results"), f"{here}/{one.state}/import"))
    if one.state == State.DECISION:
        found.append(Action(("验收决定", "Decide"), f"{here}/decide", "primary"))
    elif one.is_open:
        found.append(Action(("退回", "Return"), f"{here}/decide"))
    return tuple(found)


def _advice(plan: SamplingPlan) -> dict[str, object]:
    """What the required agreement says of the figures so far; a person decides."""
    figures, least = queries.plan_figures(plan), policy().least_right_percent[plan.place]
    if figures["left"] or not figures["checked"]:
        return {"least": least, "met": None}
    return {"least": least, "met": 100 * (1 - figures["wrong"] / figures["checked"]) >= least}


def _next_item(one: AcceptanceRound, principal: Principal) -> SampleItem | None:
    place = {State.INTERIOR: Place.INTERIOR, State.FIELD: Place.FIELD}.get(State(one.state))
    left = queries.items(principal, one).filter(plan__place=place, checked_at=None)
    return left.order_by("number").first() if place else None


# -- sampling and steps ---------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def plan(request: HttpRequest, round_id: int) -> HttpResponse:
    """Draw the sample of one place."""
    one = queries.round_to_work_on(_principal(request), round_id)
    drawn = set(one.plans.values_list("place", flat=True))
    first = {
        "place": "field" if "interior" in drawn else "interior",
        "size_by": "table",
        "rate": policy().default_rate_percent,
    }

    def do(found: dict[str, Any]) -> str:
        rate = found["rate"] if found["size_by"] == "rate" else None
        services.draw_sample(_principal(request), one.pk, Wanted(found["place"], found["method"], rate, found["seed"]))
        return _address(one)

    table = policy().size_by_table(one.parcels) if one.parcels else 0
    return pageforms.handle(
        request, PlanForm(request.POST or None, initial=first), do, ("抽样", "Draw a sample"), ("抽取样本", "Draw it"),
        back=_address(one), crumbs=_crumbs(one, Crumb(("抽样", "Sample"))),
        lead=(f"{one.parcels:,} 个图斑；查表样本量 {table}（{policy().source}，未核对原文）。每处只抽一次。",
              f"{one.parcels:,} parcels; the table gives {table} ({policy().source}, not verified). Drawn once for each place."),
    )  # fmt: skip


_STEPS = {
    "begin": (("开始内业检查", "Begin the office check"), ("抽样完成，开始内业检查。", "Sampling is done; the office check begins.")),
    "interior-done": (
        ("完成内业检查", "Finish the office check"),
        ("内业样本全部判定后进入外业检查；没有外业样本时须写明理由，直接进入验收。",
         "Once every sample is judged the field check begins; without a field sample say why, and it goes to the decision."),
    ),
    "field-done": (("完成外业检查", "Finish the field check"), ("外业样本全部判定后进入验收。", "Once every sample is judged it goes to the decision.")),
}  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def step(request: HttpRequest, round_id: int, step: str) -> HttpResponse:
    """Take the round one step on."""
    one = queries.round_to_work_on(_principal(request), round_id)
    if step not in _STEPS:
        raise queries.unknown(step)
    title, lead = _STEPS[step]

    def do(found: dict[str, Any]) -> str:
        services.STEPS[step](_principal(request), one.pk, found["reason"])
        return _address(one)

    return pageforms.handle(
        request, StepForm(request.POST or None), do, title, title, back=_address(one), lead=lead, crumbs=_crumbs(one)
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def decide(request: HttpRequest, round_id: int) -> HttpResponse:
    """The decision; 通过 publishes nothing by itself."""
    one = queries.round_to_work_on(_principal(request), round_id)

    def do(found: dict[str, Any]) -> str:
        services.decide(_principal(request), one.pk, found["decision"] == "accept", found["reason"])
        return _address(one)

    return pageforms.handle(
        request, DecisionForm(request.POST or None), do, ("验收决定", "Decision"), ("确认", "Confirm"), back=_address(one),
        crumbs=_crumbs(one, Crumb(("验收决定", "Decision"))),
        lead=("检查人和汇交人不能作验收决定。通过后仍由有权限的人发布。",
              "Who checked or delivered does not decide. Publishing remains an act of its own."),
    )  # fmt: skip


@require_safe
@login_needed
def proof(request: HttpRequest, round_id: int, place: str) -> HttpResponse:
    """Draw the sample again and show whether it is the same."""
    one = queries.visible_round(_principal(request), round_id)
    plan = queries.plan_of(one, place)
    found = prove(plan)
    same = found.is_same_list and found.is_same_population
    return render(request, "pages/record.html", {"record": Record(
        title=("抽样复核", "Proof of the sample"),
        crumbs=_crumbs(one, Crumb(("抽样复核", "Proof"))),
        lead=("按保存的种子从汇交成果重新抽取：" + ("与原样本完全一致。" if same else "与原样本不一致！"),
              "Drawn again from the delivery and the kept seed: " + ("the very same sample." if same else "NOT the same sample!")),
        facts=(
            Fact(("检查", "Check"), lists.PLACES[plan.place]), Fact(("方法", "Method"), lists.METHODS[plan.method]),
            Fact(("样本量依据", "Size by"), plan.size_by), Fact(("种子", "Seed"), str(plan.seed), "code"),
            Fact(("总体 SM3（原）", "Population SM3, then"), plan.population_sm3, "code"),
            Fact(("总体 SM3（今）", "Population SM3, now"), found.population_sm3, "code"),
            Fact(("样本 SM3（原）", "List SM3, then"), plan.list_sm3, "code"),
            Fact(("样本 SM3（今）", "List SM3, now"), found.list_sm3, "code"),
        ),
    )})  # fmt: skip


# -- samples --------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def item(request: HttpRequest, round_id: int, place: str, number: int) -> HttpResponse:
    """One sample: seen by who may see the round, judged by who may work on it, then on to the next one."""
    principal = _principal(request)
    if request.method == "POST":
        queries.round_to_work_on(principal, round_id)
    one = queries.visible_round(principal, round_id)
    found = queries.item_of(one, place, number, principal)

    def do(said: dict[str, Any]) -> str:
        services.judge(principal, one.pk, place, number, _judgement(said))
        following = _next_item(one, principal)
        return f"{_address(one)}/{place}/{following.number}" if following else _address(one)

    may = queries.may_work_on(principal, one) and one.state == place and principal.name != one.delivered_by
    around = queries.items(principal, one).filter(plan__place=place)
    form = ItemForm(_given(request), initial=_initial(found))
    more: dict[str, Any] = {
        "crumbs": _crumbs(one, Crumb((f"样本 {number}", f"Sample {number}"))), "round": one, "item": found, "may": may,
        "previous": around.filter(number__lt=number).order_by("-number").values_list("number", flat=True).first(),
        "following": around.filter(number__gt=number).order_by("number").values_list("number", flat=True).first(),
        "done": around.exclude(checked_at=None).count(), "size": found.plan.size, "limit_m": policy().boundary_limit_m,
    }  # fmt: skip
    title = (f"{lists.PLACES[place][0]}样本 {number}", f"{lists.PLACES[place][1].capitalize()} sample {number}")
    return pageforms.handle(
        request, form, do, title, ("保存，下一个", "Save, next"), back=_address(one),
        template="survey_acceptance/item.html", **more,
    )  # fmt: skip


def _given(request: HttpRequest) -> Any:
    """What was sent; the button “all right” fills in the three judgements."""
    if request.method != "POST":
        return None
    given = request.POST.copy()
    if given.get("all_right"):
        for name in ("class_right", "boundary_right", "attributes_right"):
            given[name] = "1"
        given["class_found"] = ""
    return given


def _initial(found: SampleItem) -> dict[str, Any]:
    def shown(value: bool | None) -> str | None:
        return None if value is None else str(int(value))

    return {
        "class_right": shown(found.class_right), "class_found": found.class_found,
        "boundary_right": shown(found.boundary_right), "deviation_m": found.deviation_m,
        "attributes_right": shown(found.attributes_right), "note": found.note, "photos": " ".join(map(str, found.photos)),
    }  # fmt: skip


def _judgement(said: dict[str, Any]) -> Judgement:
    return Judgement(
        class_right=said["class_right"] == "1", boundary_right=said["boundary_right"] == "1",
        attributes_right=said["attributes_right"] == "1", class_found=said["class_found"],
        deviation_m=said["deviation_m"], note=said["note"], photos=tuple(said["photos"].split()),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def import_sheet(request: HttpRequest, round_id: int, place: str) -> HttpResponse:
    """Take a sheet of results; rows that could not be taken are told."""
    one = queries.round_to_work_on(_principal(request), round_id)
    queries.plan_of(one, place)

    def do(found: dict[str, Any]) -> str:
        file = found["file"]
        _tell(request, sheets.import_results(_principal(request), one.pk, place, file.name, file.read()))
        return _address(one)

    return pageforms.handle(
        request, SheetForm(request.POST or None, request.FILES or None), do, ("导入检查结果", "Import results"), ("导入", "Import"),
        back=_address(one), crumbs=_crumbs(one, Crumb(("导入结果", "Import"))),
        lead=("先从样本列表导出表格，填好“地类正确、边界正确、属性正确”（是/否）等列；标识码列须为文本。",
              "Export the list of samples, fill in what is right (yes/no); the identifier column must stay text."),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def new_surveyors(request: HttpRequest) -> HttpResponse:
    """Upload who surveyed which village."""
    here = "/acceptance/surveyors/"

    def do(found: dict[str, Any]) -> str:
        file = found["file"]
        _tell(request, sheets.import_surveyors(_principal(request), found["year"], file.name, file.read()))
        return here

    first = {"year": timezone.localdate().year}
    return pageforms.handle(
        request, SurveyorsForm(request.POST or None, request.FILES or None, initial=first), do,
        ("上传作业分工", "Upload surveyors"), ("上传", "Upload"), back=here,
        crumbs=(_HOME, Crumb(("作业分工", "Surveyors"), here), Crumb(("上传", "Upload"))),
    )  # fmt: skip


def _tell(request: HttpRequest, taken: sheets.Taken) -> None:
    """What became of a sheet, the first bad rows by name."""
    messages.info(
        request,
        pick(
            (f"取用 {taken.rows} 行，更新 {taken.changed} 行。", f"{taken.rows} rows taken, {taken.changed} changed.")
        ),
    )
    for one in taken.errors[:20]:
        messages.error(request, pick(one.words), extra_tags="danger")
    if len(taken.errors) > 20:
        left = len(taken.errors) - 20
        messages.error(request, pick((f"另有 {left} 行有误。", f"{left} more rows are wrong.")), extra_tags="danger")
