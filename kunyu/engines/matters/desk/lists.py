"""The list of cases across matters: tabs, filters, columns; pages by key. 办件列表.

Filters of statistics (``measure``, ``actor`` …) ask exactly what the figures count, so each figure opens its list.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from kunyu.engines.matters.cases import counting, queries, statistics, visibility
from kunyu.engines.matters.cases.clock import Colour
from kunyu.engines.matters.cases.people import STEP_ACTS
from kunyu.engines.matters.cases.words import STATES_EN, Names, state_badge, time_left
from kunyu.engines.matters.models import Case, CaseEvent, Matter
from kunyu.engines.pages.asked import Asked
from kunyu.engines.pages.listing import Action, Badge, Cell, Column, Filter, Listing
from kunyu.engines.pages.record import Tab
from kunyu.engines.pages.words import Pair
from kunyu.engines.security import applicant_resets
from kunyu.engines.security.scope import APPROVE, Principal

HERE = "/cases/"
WHICH: dict[str, Pair] = {
    "open": ("在办", "Open"), "mine": ("我手里的", "In my hands"), "todo": ("待领取", "To claim"),
    "closed": ("已办结", "Closed"), "all": ("全部", "All"),
}  # fmt: skip
MEASURES: dict[str, Pair] = {
    "accepted": ("已受理", "accepted"), "not_accepted": ("不予受理", "not accepted"), "granted": ("准予", "granted"),
    "refused": ("不予许可", "refused"), "withdrawn": ("撤回", "withdrawn"), "open": ("未办结", "open"),
    "overdue": ("超期（含已决定的）", "overdue, decided ones too"),
}  # fmt: skip
_COLOURS = (
    (Colour.OVERDUE, "超期", "overdue"), (Colour.RED, "红牌", "red"), (Colour.YELLOW, "黄牌", "yellow"),
    (Colour.GREEN, "正常", "in time"), (Colour.NONE, "不计时", "clock stands"),
)  # fmt: skip
_KEY = re.compile(r"(\d{4}-\d{2}-\d{2})?/\d{1,18}|\d{1,18}")


def address(which: str) -> str:
    """Address of one of the lists."""
    return HERE if which == "open" else f"{HERE}{which}/"


def tabs(principal: Principal, current: str) -> tuple[Tab, ...]:
    """The lists and, for whoever decides anywhere, the statistics."""
    counted = counting.counts(principal)
    found = [
        Tab(
            title, address(which), which == current, min(counted[which], counting.COUNTED) if which in counted else None
        )
        for which, title in WHICH.items()
    ]
    if is_manager(principal):
        found.append(Tab(("统计", "Statistics"), f"{HERE}statistics/", current == "statistics"))
    return tuple(found)


def is_manager(principal: Principal) -> bool:
    """Does the person decide about cases of any matter anywhere?"""
    return visibility.reach(principal, "county", APPROVE) != visibility.NOTHING


def listing(principal: Principal, which: str, names: Names) -> Listing:
    """Cases the person may see, narrowed to one of :data:`WHICH`."""
    return Listing(
        name=f"cases.{which}",
        title=("办件", "Cases"),
        lead=(
            "各事项的办件在一处：按时限先后排列，剩余工作日以颜色和文字标出。",
            "Cases of all matters in one place, what is due first; workdays left by colour and in words.",
        ),
        rows=queries.officer(principal, queries.Filter(which)),
        columns=_columns(names),
        filters=_filters(which),
        search=("number",),
        search_hint=("办件编号、申请人、项目名称或代码", "Number, applicant, project"),
        order=("due_on", "pk") if which in ("open", "mine", "todo") else ("-pk",),
        href=lambda case: f"{HERE}{case.number}",
        actions=_actions(principal),
        empty=(
            "没有办件。有新申请提交、或有办件指派给您时，会列在这里。",
            "No cases. New applications, and what is assigned to you, will stand here.",
        ),
    )  # fmt: skip


def _actions(principal: Principal) -> tuple[Action, ...]:
    tasks = Action(("我的待办", "My tasks"), "/tasks/")
    if not applicant_resets.may_issue(principal):
        return (tasks,)
    return tasks, Action(("申请人忘记密码", "Applicant forgot password"), f"{HERE}reset-code")


def _columns(names: Names) -> tuple[Column, ...]:
    def place(case: Case) -> Cell:
        return Cell(names.county(case), note="" if case.division_code == case.county else case.division_code)

    def stage(case: Case) -> Cell:
        return Cell(state_badge(case), note=names.stage(case))

    return (
        Column("number", ("办件编号", "Number"), kind="code"),
        Column(
            "matter", ("事项", "Matter"), lambda one: (one.matter.name_zh, one.matter.name_en or one.matter.name_zh)
        ),
        Column("applicant", ("申请人", "Applicant"), lambda one: Cell(one.applicant_name, note=one.project_name)),
        Column("place", ("地点", "Place"), place, priority=2),
        Column("stage", ("状态与环节", "State and stage"), stage),
        Column("assignee", ("在谁手里", "With"), _holder, "person"),
        Column("left", ("办件剩余时间", "Case time left"), time_left),
        Column("due_on", ("承诺办结", "Promised by"), kind="date", priority=3, shown=False),
        Column("submitted_at", ("提交", "Submitted"), kind="date", priority=3, shown=False),
        Column("area", ("用地面积", "Area"), "plot_area_m2", kind="area", priority=3, shown=False),
        Column("project_code", ("项目代码", "Project"), kind="code", priority=3, shown=False),
        Column("licence_number", ("证照编号", "Licence"), priority=3, shown=False),
    )


def _holder(case: Case) -> object:
    """Whoever has it; what waits for a taker says so."""
    if case.assignee_id:
        return str(case.assignee)
    waits = case.stage and case.state in (Case.State.SUBMITTED, Case.State.IN_REVIEW)
    return Badge(("待领取", "to claim"), "plain") if waits else None


def _filters(which: str) -> tuple[Filter, ...]:
    states = [(value, zh, STATES_EN[Case.State(value)]) for value, zh in Case.State.choices]
    colours = [(str(int(value)), zh, en) for value, zh, en in _COLOURS]
    timed = () if which == "closed" else (Filter("colour", ("时限", "Time"), kind="choice", choices=colours),)
    return (
        Filter("matter", ("事项", "Matter"), kind="choice", choices=_matters),
        Filter("state", ("状态", "State"), kind="choice", choices=states),
        *timed,
        Filter("county", ("区划", "County"), hint=("六位代码", "six digits"), folded=True),
        Filter("submitted", ("提交", "Submitted"), kind="date range", folded=True),
        Filter("measure", ("结果", "Result"), kind="choice", folded=True,
               choices=[(key, zh, en) for key, (zh, en) in MEASURES.items()]),
        Filter("assignee", ("在谁手里（账号）", "With (account)"), folded=True),
        Filter("actor", ("谁办理过（账号）", "Handled by (account)"), folded=True),
        Filter("acted", ("办理时间", "Handled"), kind="date range", folded=True),
        Filter("decider", ("谁决定的（账号）", "Decided by (account)"), folded=True),
    )  # fmt: skip


def _matters() -> list[tuple[str, str, str]]:
    rows = Matter.objects.filter(is_open=True).order_by("code").values_list("code", "name_zh", "name_en")
    return [(code, zh, en or zh) for code, zh, en in rows]


# -- what is asked ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """A question to the list: the filter of cases, and the conditions of statistics beside it."""

    filter: queries.Filter
    rows: QuerySet[Case]


def wanted(principal: Principal, which: str, asked: Asked) -> Wanted:
    """What the address asks for, applied."""
    values = asked.values
    since, until = values.get("submitted", (None, None))
    one = queries.Filter(
        which, state=values.get("state", ""), matter=values.get("matter", ""), county=values.get("county", "")[:6],
        text=asked.words, colour=int(values["colour"]) if values.get("colour") else None, since=since, until=until,
    )  # fmt: skip
    rows = queries.narrowed(queries.officer(principal, one), one)
    for key, narrow in _NARROWING.items():
        if key in values:
            rows = narrow(principal, rows, values[key], values.get("acted", (None, None)))
    return Wanted(one, rows)


def key_of(text: str) -> str:
    """The key of a page as the address gives it, '' when it is none."""
    return text if _KEY.fullmatch(text) and _is_dated(text) else ""


def _is_dated(key: str) -> bool:
    day = key.partition("/")[0]
    try:
        return "/" not in key or not day or bool(date.fromisoformat(day))
    except ValueError:
        return False


Days = tuple[date | None, date | None]
_Narrow = Callable[[Principal, QuerySet[Case], Any, Days], QuerySet[Case]]


def _by_measure(principal: Principal, rows: QuerySet[Case], value: str, days: Days) -> QuerySet[Case]:
    return rows.filter(statistics.conditions()[value])


def _by_assignee(principal: Principal, rows: QuerySet[Case], value: str, days: Days) -> QuerySet[Case]:
    return rows.filter(assignee__username=value)


def _by_actor(principal: Principal, rows: QuerySet[Case], value: str, days: Days) -> QuerySet[Case]:
    return _acted(principal, rows, days, actor=value, act__in=STEP_ACTS)


def _by_decider(principal: Principal, rows: QuerySet[Case], value: str, days: Days) -> QuerySet[Case]:
    return _acted(principal, rows, days, actor=value, act="decided")


def _acted(principal: Principal, rows: QuerySet[Case], days: Days, **event: Any) -> QuerySet[Case]:
    """Cases somebody acted in; who did what is a manager's to ask, and everybody's of himself."""
    if event["actor"] != principal.name:
        rows = rows.filter(visibility.reach(principal, "county", APPROVE))
    since, until = days
    within = {"at__date__gte": since, "at__date__lte": until}
    events = CaseEvent.objects.filter(
        case=OuterRef("pk"), **event, **{name: day for name, day in within.items() if day}
    )
    return rows.filter(Exists(events))


_NARROWING: dict[str, _Narrow] = {
    "measure": _by_measure, "assignee": _by_assignee, "actor": _by_actor, "decider": _by_decider,
}  # fmt: skip
