"""The lists of acceptance: rounds, samples of a round, accuracy, surveyors. 验收列表."""

from __future__ import annotations

from typing import Any

from django.db.models import F, FloatField, Q
from django.db.models.functions import Cast

from kunyu.engines.pages.listing import Action, Badge, Column, Filter, Listing
from kunyu.engines.pages.record import Tab
from kunyu.engines.reference.naming import DivisionNames
from kunyu.engines.security.scope import EDIT, Principal
from kunyu.packs.survey_acceptance import queries, sheets
from kunyu.packs.survey_acceptance.measures import Rate
from kunyu.packs.survey_acceptance.models import AcceptanceRound, SampleItem, SamplingPlan, SurveyorAssignment

State = AcceptanceRound.State
_TONES = {State.ACCEPTED: "accent", State.RETURNED: "danger", State.CLOSED: "warn"}
_HERE = "/acceptance/"
STATES_EN = {
    "sampling": "to sample", "interior": "interior check", "field": "field check", "decision": "to decide",
    "accepted": "accepted", "returned": "returned", "closed": "ended without acceptance",
}  # fmt: skip
PLACES = {"interior": ("内业", "interior"), "field": ("外业", "field")}
METHODS = {
    "simple": ("简单随机", "simple random"), "class": ("按地类分层", "by land class"),
    "village": ("按村分层", "by village"), "surveyor": ("按作业员分层", "by surveyor"),
}  # fmt: skip


def tabs(current: str) -> tuple[Tab, ...]:
    """The parts of acceptance."""
    parts = (
        (_HERE, ("质检轮次", "Rounds")),
        (f"{_HERE}accuracy/", ("县级精度", "Accuracy by county")),
        (f"{_HERE}accuracy/surveyors/", ("作业员精度", "Accuracy by surveyor")),
        (f"{_HERE}surveyors/", ("作业分工", "Surveyors")),
    )
    return tuple(Tab(title, href, href == current) for href, title in parts)


def state_badge(one: AcceptanceRound) -> Badge:
    """The state of a round; only a return is red."""
    return Badge((one.get_state_display(), STATES_EN[one.state]), _TONES.get(State(one.state), "plain"))  # type: ignore[arg-type]


def score_text(one: AcceptanceRound) -> object:
    """Score and grade in words."""
    grade = queries.grade_of(one)
    return "" if grade is None else (f"{one.score} {grade.zh}", f"{one.score} {grade.en}")


def rounds(principal: Principal) -> Listing:
    """Every round whose parcels the person may query, newest first."""
    return Listing(
        name="acceptance.rounds",
        title=("质检验收", "Acceptance"),
        lead=(
            "每批国土调查成果自动检查后成为一轮：抽样、内业检查、外业检查，由另一人决定通过或退回；各轮都保留。",
            "Every land survey delivery becomes a round once it is checked: sample, office check, field check, and "
            "another person's decision. All rounds are kept.",
        ),
        rows=queries.rounds(principal).select_related("delivery"),
        columns=(
            Column("round", ("轮次", "Round"), lambda one: (f"{one.year} 年第 {one.number} 轮", f"{one.year}, no. {one.number}"),
                   sort="number"),
            Column("division", ("区划", "Division"), "division_code", say=DivisionNames(), sort="division_code"),
            Column("state", ("状态", "State"), state_badge, kind="badge", sort="state"),
            Column("score", ("得分", "Score"), score_text, sort="score"),
            Column("parcels", ("图斑", "Parcels"), kind="count", sort="parcels", priority=2),
            Column("delivery", ("批次", "Delivery"), "delivery_id", kind="code", sort="delivery_id"),
            Column("delivered_by", ("汇交人", "By"), kind="person", sort="delivered_by", priority=2),
            Column("unit", ("汇交单位", "Unit"), "delivering_unit", sort="delivering_unit", priority=3),
            Column("opened_at", ("开始", "Opened"), kind="time", sort="opened_at", priority=2),
            Column("decided_by", ("决定人", "Decided by"), kind="person", sort="decided_by", priority=3),
            Column("standard", ("标准", "Standard"), "standard_id", sort="standard_id", shown=False),
        ),
        filters=(
            Filter("state", ("状态", "State"), kind="choice", choices=[
                (value, zh, STATES_EN[value]) for value, zh in State.choices]),
            Filter("division", ("区划", "Division"), apply="division_code__startswith"),
            Filter("year", ("年度", "Year"), apply=lambda rows, text: rows.filter(year=text) if text.isdigit() and len(text) < 5 else rows.none()),
            Filter("opened", ("开始日期", "Opened"), kind="date range", apply="opened_at__date"),
        ),
        search=("delivered_by", "delivering_unit", "delivery__file_name"),
        search_hint=("汇交人、单位、文件名", "Person, unit, file name"),
        order=("-pk",),
        href=lambda one: f"{_HERE}{one.pk}",
        empty=(
            "还没有质检轮次。国土调查成果汇交并完成自动检查后，这里自动出现一轮。",
            "No rounds yet: one appears by itself once a land survey delivery has been checked.",
        ),
    )  # fmt: skip


def _right(name: str) -> Any:
    """是/否 as a sheet of results writes it, '' where nothing is judged: an exported list is filled in and imported."""

    def shown(item: SampleItem) -> object:
        value = getattr(item, name)
        return "" if value is None else ("是", "yes") if value else ("否", "no")

    return shown


def samples(principal: Principal, one: AcceptanceRound) -> Listing:
    """The samples of a round; its export is the sheet that results are filled into."""
    return Listing(
        name="acceptance.samples",
        title=(f"第 {one.number} 轮样本", f"Samples of round {one.number}"),
        lead=(
            "导出的表格填好“正确”各列后，可在轮次页面导入。", "Export the sheet, fill in what is right, and import it on the page of the round."
        ),
        rows=queries.items(principal, one),
        columns=(
            Column("number", ("序号", "No."), kind="count", sort="number"),
            Column("place", ("检查", "Check"), lambda item: Badge(PLACES[item.plan.place], "plain"), kind="badge", sort="plan__place"),
            Column("bsm", ("标识码", "Identifier"), kind="code", sort="bsm"),
            Column("tbbh", ("图斑编号", "Parcel no."), kind="code", sort="tbbh", priority=2),
            Column("village", ("坐落村", "Village"), kind="code", sort="village", priority=2),
            Column("class_delivered", ("成果地类", "Delivered class"), kind="code", sort="class_delivered"),
            Column("class_right", ("地类正确", "Class right"), _right("class_right"), sort="class_right"),
            Column("class_found", ("实际地类", "Actual class"), kind="code", sort="class_found"),
            Column("boundary_right", ("边界正确", "Boundary right"), _right("boundary_right"), sort="boundary_right"),
            Column("deviation_m", ("边界偏差 (m)", "Deviation (m)"), sort="deviation_m"),
            Column("attributes_right", ("属性正确", "Attributes right"), _right("attributes_right"), sort="attributes_right"),
            Column("note", ("说明", "Note"), priority=2),
            Column("photos", ("照片", "Photos"), lambda item: " ".join(map(str, item.photos)), priority=3, shown=False),
            Column("checker", ("检查人", "Checker"), kind="person", sort="checker", priority=2),
            Column("checked_at", ("时间", "At"), kind="time", sort="checked_at", priority=3, shown=False),
            Column("stratum", ("层", "Stratum"), sort="stratum", shown=False),
        ),
        filters=(
            Filter("place", ("检查", "Check"), kind="choice", apply="plan__place", choices=[
                (value, zh, value) for value, zh in SamplingPlan.Place.choices]),
            Filter("result", ("结果", "Result"), kind="choice", apply=_by_result, choices=[
                ("open", "待判定", "to judge"), ("wrong", "有错", "wrong"), ("right", "正确", "right")]),
            Filter("village", ("村", "Village"), apply="village__startswith"),
        ),
        search=("bsm", "tbbh__startswith", "note", "checker"),
        search_hint=("标识码、编号、说明", "Identifier, number, note"),
        order=("-plan__place", "number"),
        href=lambda item: f"{_HERE}{one.pk}/{item.plan.place}/{item.number}",
        actions=(Action(("返回轮次", "Back to the round"), f"{_HERE}{one.pk}"),),
        empty=("还没有抽样。", "No sample is drawn yet."),
    )  # fmt: skip


def _by_result(rows: Any, value: str) -> Any:
    if value == "open":
        return rows.filter(checked_at=None)
    judged = rows.exclude(checked_at=None)
    return judged.filter(queries.WRONG) if value == "wrong" else judged.exclude(queries.WRONG)


def _rate(row: dict[str, Any]) -> str:
    return Rate(row["wrong"], row["checked"]).text


def _get(name: str) -> Any:
    return lambda row: row[name]


_SHARE = Cast(F("wrong"), FloatField()) / Cast(F("checked"), FloatField())
_FIGURES = (
    Column("checked", ("已查图斑", "Checked"), _get("checked"), kind="count", sort="checked"),
    Column("wrong", ("有错图斑", "Wrong"), _get("wrong"), kind="count", sort="wrong"),
    Column("class_wrong", ("地类错", "Class"), _get("class_wrong"), kind="count", sort="class_wrong", priority=2),
    Column(
        "boundary_wrong",
        ("边界错", "Boundary"),
        _get("boundary_wrong"),
        kind="count",
        sort="boundary_wrong",
        priority=2,
    ),
    Column(
        "attributes_wrong",
        ("属性错", "Attributes"),
        _get("attributes_wrong"),
        kind="count",
        sort="attributes_wrong",
        priority=2,
    ),
    Column("rate", ("错误率（95 % 置信区间）", "Error rate (95 % interval)"), _rate, sort=_SHARE),
)
_AREA = (
    Column("county", ("区划", "Division"), _get("county"), kind="code", sort="county"),
    Column("year", ("年度", "Year"), _get("year"), kind="code", sort="year"),
)
_AREA_FILTERS = (
    Filter("county", ("区划", "Division"), apply="county__startswith"),
    Filter(
        "year",
        ("年度", "Year"),
        apply=lambda rows, text: rows.filter(year=text) if text.isdigit() and len(text) < 5 else rows.none(),
    ),
)
_NOTHING = (
    "还没有检查结果。您有审核权限的区划中，样本判定后这里给出错误率。",
    "No results yet: once samples are judged where you may approve, error rates stand here.",
)


def by_county(principal: Principal) -> Listing:
    """Error rates by county and year over all rounds."""
    return Listing(
        name="acceptance.by_county", title=("县级精度", "Accuracy by county"), rows=queries.accuracy_by_county(principal),
        columns=(*_AREA, *_FIGURES), filters=_AREA_FILTERS, order=("county", "year"), empty=_NOTHING,
        lead=("各轮内业、外业样本合计；区间为 Wilson 95 % 置信区间。", "All samples of all rounds; the interval is Wilson's at 95 %."),
    )  # fmt: skip


def by_surveyor(principal: Principal) -> Listing:
    """Error rates by surveyor."""
    return Listing(
        name="acceptance.by_surveyor", title=("作业员精度", "Accuracy by surveyor"),
        rows=queries.accuracy_by_surveyor(principal),
        columns=(
            Column("surveyor", ("作业员", "Surveyor"), lambda row: row["surveyor"] or ("未分工", "not assigned"), sort="surveyor"),
            Column("unit", ("单位", "Unit"), _get("unit"), sort="unit", priority=2),
            *_AREA, *_FIGURES,
        ),
        filters=(Filter("surveyor", ("作业员", "Surveyor"), apply="surveyor__icontains"), *_AREA_FILTERS),
        order=("county", "year", "surveyor"), empty=_NOTHING,
        lead=(
            "作业员按“作业分工”中所列的村确定；样本少时区间宽，不宜据此评价个人。",
            "By the villages listed under Surveyors. With few samples the interval is wide: judge nobody by it.",
        ),
    )  # fmt: skip


def surveyors(principal: Principal) -> Listing:
    """Who surveyed which village, where the person may query parcels."""
    allowed = Q(pk__in=[])
    for collection in sheets.parcel_collections():
        for prefix in principal.divisions(collection, EDIT):
            allowed |= Q(village__startswith=prefix)
    may_add = any(principal.divisions(one, EDIT) for one in sheets.parcel_collections())
    return Listing(
        name="acceptance.surveyors",
        title=("作业分工", "Surveyors"),
        lead=("谁调查了哪个村，由有汇交权限的人上传。", "Who surveyed which village, uploaded by whoever may deliver."),
        rows=SurveyorAssignment.objects.filter(allowed, superseded_at=None),
        columns=(
            Column("village", ("坐落单位代码", "ZLDWDM"), kind="code", sort="village"),
            Column("year", ("年度", "Year"), kind="code", sort="year"),
            Column("surveyor", ("作业员", "Surveyor"), kind="person", sort="surveyor"),
            Column("unit", ("单位", "Unit"), sort="unit"),
            Column("uploaded_by", ("上传人", "Uploaded by"), kind="person", sort="uploaded_by", priority=2),
            Column("uploaded_at", ("时间", "At"), kind="time", sort="uploaded_at", priority=2),
        ),
        filters=(
            Filter("village", ("村", "Village"), apply="village__startswith"),
            Filter("surveyor", ("作业员", "Surveyor"), apply="surveyor__icontains"),
        ),
        order=("village", "-year"),
        actions=(Action(("上传作业分工", "Upload a list"), f"{_HERE}surveyors/new", "primary"),) if may_add else (),
        empty=(
            "还没有作业分工。上传一份 CSV 或 XLSX：坐落单位代码、作业员、单位。",
            "Nothing yet: upload a CSV or XLSX with ZLDWDM, surveyor, unit.",
        ),
    )  # fmt: skip
