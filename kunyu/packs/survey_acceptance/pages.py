"""Pages of acceptance: rounds, one round with its map, one sample on a phone, accuracy, surveyors. 质检验收页面.

The generic screens give lists and forms; a round (score, plans, map, steps) and a sample (three judgements, next and
previous) are pages of their own.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from kunyu.engines.pages import forms as pageforms
from kunyu.engines.pages import rendering
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.listing import Action, Cell
from kunyu.engines.pages.record import Crumb, Event, Fact, Record
from kunyu.engines.pages.words import both, pick
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed
from kunyu.packs.survey_acceptance import lists, queries, services, sheets
from kunyu.packs.survey_acceptance.measures import bars
from kunyu.packs.survey_acceptance.models import AcceptanceRound, SampleItem, SamplingPlan
from kunyu.packs.survey_acceptance.rules.policy import policy
from kunyu.packs.survey_acceptance.rules.population import Wanted, prove

State, Place = AcceptanceRound.State, SamplingPlan.Place
SHOWN = 200
MOST_BARS = 30
_HOME = Crumb(("质检验收", "Acceptance"), "/acceptance/")
_RIGHT = [("1", both("正确", "right")), ("0", both("错误", "wrong"))]
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
    return render(request, "survey_acceptance/round.html", {
        "record": Record(
            title=(f"{one.division_code} {one.year} 年第 {one.number} 轮质检", f"Round {one.number} of {one.division_code}, {one.year}"),
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
    if one.is_open:
        style = "primary" if one.state == State.DECISION else "secondary"
        found.append(
            Action(
                ("验收决定", "Decide") if one.state == State.DECISION else ("退回", "Return"), f"{here}/decide", style
            )
        )  # type: ignore[arg-type]
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


class PlanForm(PageForm):
    """How a sample is drawn."""

    place = forms.ChoiceField(label=both("检查", "Check"), choices=[(k, both(*v)) for k, v in lists.PLACES.items()])
    method = forms.ChoiceField(
        label=both("抽样方法", "Method"), choices=[(k, both(*v)) for k, v in lists.METHODS.items()]
    )
    size_by = forms.ChoiceField(
        label=both("样本量", "Size"),
        choices=[("table", both("按批量查表", "by the table of lot sizes")), ("rate", both("按比例", "by rate"))],
    )
    rate = forms.FloatField(
        label=both("比例（%）", "Rate (%)"), required=False, min_value=0.001, max_value=100,
        help_text=both("按比例抽样时填写。", "Needed for a sample by rate."),
    )  # fmt: skip
    seed = forms.IntegerField(
        label=both("随机种子", "Seed"), required=False, min_value=0,
        help_text=both("不填由系统产生；公开抽签时填写抽得的数。种子会保存，任何人都可以重抽验证。",
                       "Empty: the node draws one. It is kept, so that anybody can draw the sample again."),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """A rate where the size goes by rate."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("size_by") == "rate" and found.get("rate") is None and "rate" not in self.errors:
            self.add_error("rate", pick(("请填写比例。", "Give the rate.")))
        return found


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


class StepForm(PageForm):
    """A step's remark."""

    reason = forms.CharField(
        label=both("说明", "Remark"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )


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


class DecisionForm(PageForm):
    """Accept or return."""

    decision = forms.ChoiceField(
        label=both("决定", "Decision"), widget=forms.RadioSelect,
        choices=[("accept", both("通过：成果可以发布", "Accept: may be published")),
                 ("return", both("退回：成果被拒绝，须更正后重新汇交", "Return: rejected, to be corrected and delivered again"))],
    )  # fmt: skip
    reason = forms.CharField(
        label=both("意见（退回时必填，汇交人会看到）", "Opinion (needed for a return; whoever delivered reads it)"),
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
    )  # fmt: skip


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


class ItemForm(PageForm):
    """What was found at one parcel."""

    class_right = forms.ChoiceField(label=both("地类", "Class"), choices=_RIGHT, widget=forms.RadioSelect)
    class_found = forms.CharField(
        label=both("实际地类（判错时填写）", "Actual class (when wrong)"), required=False, max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )  # fmt: skip
    boundary_right = forms.ChoiceField(label=both("边界", "Boundary"), choices=_RIGHT, widget=forms.RadioSelect)
    deviation_m = forms.DecimalField(
        label=both("边界偏差（m）", "Boundary deviation (m)"), required=False, min_value=0, max_digits=7, decimal_places=2,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "0.01"}),
    )  # fmt: skip
    attributes_right = forms.ChoiceField(
        label=both("其他属性", "Other attributes"), choices=_RIGHT, widget=forms.RadioSelect
    )
    note = forms.CharField(
        label=both("说明", "Note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )
    photos = forms.CharField(
        label=both("举证照片编号（空格分开）", "Numbers of evidence photos (between spaces)"),
        required=False,
        max_length=500,
    )


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


def _judgement(said: dict[str, Any]) -> services.Judgement:
    return services.Judgement(
        class_right=said["class_right"] == "1", boundary_right=said["boundary_right"] == "1",
        attributes_right=said["attributes_right"] == "1", class_found=said["class_found"],
        deviation_m=said["deviation_m"], note=said["note"], photos=tuple(said["photos"].split()),
    )  # fmt: skip


class SheetForm(PageForm):
    """A sheet of results."""

    file = forms.FileField(label=both("CSV 或 XLSX 文件", "CSV or XLSX file"))


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


class SurveyorsForm(PageForm):
    """A list of villages and surveyors."""

    year = forms.IntegerField(label=both("年度", "Year"), min_value=2009, max_value=2200)
    file = forms.FileField(
        label=both("CSV 或 XLSX 文件", "CSV or XLSX file"),
        help_text=both(
            "表头：坐落单位代码、作业员、单位（可不填）。", "Headings: ZLDWDM, surveyor, unit (may be blank)."
        ),
    )


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
