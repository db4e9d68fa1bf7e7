"""The lists of the worklist, described for the page furniture."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from kunyu.engines.pages.listing import Badge, Cell, Column, Filter, Listing
from kunyu.engines.pages.words import pick
from kunyu.engines.reference.naming import DivisionNames
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist import incidents, queries
from kunyu.engines.worklist.kinds import kinds
from kunyu.engines.worklist.models import Incident, Message, Notification, Priority, Task

TASK_LISTS = ("mine", "claimable", "team", "closed")
_TITLES = {
    "mine": ("我的待办", "My tasks"),
    "claimable": ("可领取", "To claim"),
    "team": ("他人在办", "With others"),
    "closed": ("已办", "Closed"),
}
_EMPTY = {
    "mine": ("没有待办。到“可领取”中领取，或等待指派。", "Nothing to do. Claim a task, or wait until one is assigned."),
    "claimable": ("没有可领取的待办：您有权办理的事项都已有人在办。", "Nothing to claim: all you may take is in hand."),
    "team": ("同事手上没有您也能办的事项。", "Nobody has a task that you might take as well."),
    "closed": ("还没有办结的事项。", "Nothing closed yet."),
}
ACT_FORM = "task-act"


class Drawn(str):
    """Something drawn in a cell: HTML on the page, plain words in an export."""

    html: SafeString

    def __new__(cls, words: str, html: SafeString) -> Drawn:
        """Make the text with its other form."""
        made = super().__new__(cls, words)
        made.html = html
        return made

    def __str__(self) -> str:
        return self

    def __html__(self) -> SafeString:
        return self.html


def tasks(principal: Principal, which: str) -> Listing:
    """One of the four lists of tasks."""
    rows = {
        "mine": queries.my_tasks, "claimable": queries.claimable_tasks, "team": queries.team_tasks,
        "closed": queries.closed_tasks,
    }[which](principal)  # fmt: skip
    closed = which == "closed"
    last = Column("closed", ("结束", "Closed"), "closed_at", kind="time", sort="closed_at")
    state = Column("state", ("结果", "Outcome"), lambda one: Badge(_state(one), "plain"), kind="badge", sort="state")
    return Listing(
        name=f"worklist.tasks.{which}",
        title=_TITLES[which],
        rows=rows,
        columns=(
            Column("title", ("事项", "Matter"), _title, sort="title_zh"),
            Column("kind", ("类型", "Kind"), _kind, sort="kind", priority=2),
            Column("division", ("区划", "Division"), "division_code", say=DivisionNames(), sort="division_code", priority=3),
            Column("assignee", ("办理人", "With"), _assignee, kind="person", sort="assignee__name_zh",
                   shown=which == "team", priority=2),
            *((state, last) if closed else (Column("due", ("待办时限", "Task due"), due_cell, sort="due_on"),)),
            Column("created", ("产生", "Made"), "created_at", kind="time", sort="created_at", priority=3),
            *(() if closed else (Column("acts", ("办理", "Act"), lambda one: _acts(principal, one, which)),)),
        ),
        filters=(
            Filter("kind", ("类型", "Kind"), kind="choice", choices=_task_kinds),
            Filter("colour", ("时限", "Limit"), kind="choice", apply=_by_colour, choices=(
                ("red", "已超期", "past the limit"), ("yellow", "临近", "near the limit"))),
            Filter("division", ("区划", "Division"), apply="division_code__startswith"),
        ),
        search=("title_zh", "title_en", "object_id__exact"),
        search_hint=("事项名称或编号", "matter or number"),
        order=("-closed_at",) if closed else ("-priority", "due_on", "pk"),
        href=lambda one: f"/tasks/{one.pk}",
        empty=_EMPTY[which],
    )  # fmt: skip


def _title(one: Task) -> Cell:
    badges = (Badge(one.get_priority_display(), "warn"),) if one.priority > Priority.NORMAL else ()
    return Cell((one.title_zh, one.title_en), badges=badges)


def _kind(one: Task) -> tuple[str, str]:
    kind = queries.kind_of(one)
    return kind.name_zh, kind.name_en


def _state(one: Task) -> tuple[str, str]:
    return one.get_state_display(), one.state


def _assignee(one: Task) -> str:
    return str(one.assignee) if one.assignee else ""


def tasks_title(which: str) -> tuple[str, str]:
    """The name of one of the lists of tasks."""
    return _TITLES[which]


def due_cell(one: Task) -> Cell | None:
    """The day of the limit with the workdays left, coloured."""
    if one.due_on is None:
        return None
    brief = queries.task_brief(one)
    left = brief["remaining_workdays"]
    if brief["colour"] == "red":
        words = ("超期", "overdue") if left == 0 else (f"超期 {-left} 个工作日", f"{-left} workdays over")
    else:
        words = (f"剩 {left} 个工作日", f"{left} workdays left")
    tone = {"red": "danger", "yellow": "warn"}.get(brief["colour"], "accent")
    note = ("暂计：该年节假日安排未公布", "provisional: holidays not published") if one.due_is_provisional else ""
    return Cell(one.due_on, badges=(Badge(words, tone),), note=note)  # type: ignore[arg-type]


_ACT_WORDS = {
    "claim": ("领取", "Claim"), "complete": ("办结", "Done"), "hand_over": ("移交", "Hand over"),
}  # fmt: skip


def _acts(principal: Principal, one: Task, which: str) -> Drawn:
    """A button per act that needs no more than a click; a link where a reason or a person is asked for.

    The list itself says what may be claimed: asking for each row again would cost queries per row.
    """
    may = ["claim"] if which == "claimable" else queries.acts_on(principal, one) if which == "mine" else []
    acts = [act for act in may if act in _ACT_WORDS]
    parts = []
    if "hand_over" in acts and one.href:
        parts.append(
            format_html('<a class="btn btn-sm btn-primary" href="{}">{}</a>', one.href, pick(("去办理", "Open")))
        )
    for act in acts:
        words = pick(_ACT_WORDS[act])
        if act == "hand_over":
            parts.append(
                format_html(
                    '<a class="btn btn-sm btn-outline-primary" href="/tasks/{}#hand-over">{}</a>', one.pk, words
                )
            )
        else:
            parts.append(format_html(
                '<button class="btn btn-sm {}" type="submit" form="{}" formaction="/tasks/{}/{}">{}'
                '<span class="visually-hidden"> {}</span></button>',
                "btn-primary" if act == "claim" else "btn-outline-primary", ACT_FORM, one.pk, act, words,
                pick((one.title_zh, one.title_en))))  # fmt: skip
    html = format_html('<div class="ky-acts">{}</div>', format_html_join("", "{}", ((part,) for part in parts)))
    return Drawn("、".join(pick(_ACT_WORDS[act]) for act in acts), html if parts else format_html("{}", ""))


def _task_kinds() -> list[tuple[str, str, str]]:
    return [(one.code, one.name_zh, one.name_en) for one in kinds().tasks.values()]


def _by_colour(rows: Any, value: str) -> Any:
    """Red is past its day; yellow is decided by each kind's own number of workdays, so it is asked of the rows."""
    wanted = [one.pk for one in rows.exclude(due_on=None)[:10_000] if queries.task_colour(one) == value]
    return rows.filter(pk__in=wanted)


def notifications(principal: Principal) -> Listing:
    """The person's notifications, newest first; a click opens the matter and marks it as read."""
    return Listing(
        name="worklist.notifications",
        title=("通知", "Notifications"),
        rows=queries.notifications(principal).prefetch_related("messages"),
        columns=(
            Column("title", ("内容", "What"), _notification),
            Column("kind", ("类型", "Kind"), _notice_kind, sort="kind", priority=2),
            Column("outside", ("站外", "Outside"), _outside, priority=2),
            Column("at", ("时间", "At"), "created_at", kind="time", sort="pk"),
        ),
        filters=(
            Filter("unread", ("只看未读", "Unread only"), kind="bool", apply=lambda rows, _: rows.filter(read_at=None)),
            Filter("kind", ("类型", "Kind"), kind="choice", choices=_notice_kinds),
        ),
        search=("title_zh", "title_en", "body_zh"),
        order=("-pk",),
        href=lambda one: f"/notifications/{one.pk}",
        empty=("还没有通知。", "Nothing to tell you yet."),
        exports=(),
    )


_LEVEL_TONES = {"info": "plain", "warning": "warn", "alarm": "danger"}


def _notification(one: Notification) -> Cell:
    badges = [] if one.read_at else [Badge(("未读", "unread"))]
    if one.level != Notification.Level.INFO:
        badges.append(Badge((one.get_level_display(), one.level), _LEVEL_TONES[one.level]))  # type: ignore[arg-type]
    return Cell((one.title_zh, one.title_en), badges=tuple(badges), note=(one.body_zh, one.body_en or one.body_zh))


def _notice_kind(one: Notification) -> tuple[str, str]:
    kind = kinds().notices.get(one.kind)
    return (kind.name_zh, kind.name_en) if kind else (one.kind, one.kind)


def _outside(one: Notification) -> str:
    """What became of mails and short messages; a simulated one is called so."""
    said = []
    for message in one.messages.all():
        words = message_words(message)
        said.append(pick((f"{message.get_channel_display()}：{words[0]}", f"{message.channel}: {words[1]}")))
    return "；".join(said)


def message_words(one: Message) -> tuple[str, str]:
    """The state of a message in words."""
    if one.state == Message.State.SENT and one.via == "simulator":
        return "模拟器已记录，未真正发出", "written by the simulator, not sent"
    if one.state == Message.State.DEAD:
        return f"未送达：{one.reason_zh}", f"not delivered: {one.reason_en}"
    return one.get_state_display(), one.state


def _notice_kinds() -> list[tuple[str, str, str]]:
    return [(one.code, one.name_zh, one.name_en) for one in kinds().notices.values()]


def messages(rows: Any) -> Listing:
    """Messages that did not leave, for system administrators."""
    return Listing(
        name="worklist.messages",
        title=("未送达的消息", "Messages not delivered"),
        rows=rows,
        columns=(
            Column("recipient", ("收件人", "To"), lambda one: str(one.notification.recipient), kind="person"),
            Column(
                "channel", ("渠道", "Channel"), lambda one: (one.get_channel_display(), one.channel), sort="channel"
            ),
            Column("kind", ("类型", "Kind"), lambda one: _notice_kind(one.notification), priority=2),
            Column("reason", ("原因", "Reason"), lambda one: (one.reason_zh, one.reason_en)),
            Column("attempts", ("次数", "Attempts"), kind="count", sort="attempts", priority=2),
            Column("at", ("最近", "Last try"), "started_at", kind="time", sort="started_at", priority=2),
            Column("acts", ("办理", "Act"), _message_acts),
        ),
        filters=(Filter("state", ("状态", "State"), kind="choice", choices=_message_states),),
        order=("-pk",),
        empty=("没有未送达的消息。", "Every message was delivered."),
    )


def _message_acts(one: Message) -> Drawn:
    if one.state != Message.State.DEAD:
        return Drawn("", format_html("{}", ""))
    words = pick(("重发", "Send again"))
    return Drawn(words, format_html(
        '<button class="btn btn-sm btn-outline-primary" type="submit" form="{}" '
        'formaction="/notifications/undelivered/{}/again">{}</button>', ACT_FORM, one.pk, words))  # fmt: skip


def _message_states() -> list[tuple[str, str, str]]:
    return [(value, str(label), value) for value, label in Message.State.choices]


_STATE_TONES = {"open": "danger", "acknowledged": "warn", "resolved": "plain", "closed": "plain"}


def incident_list(principal: Principal) -> Listing:
    """Incidents the person may know of; without a filter those that are not closed come first."""
    return Listing(
        name="worklist.incidents",
        title=("事件", "Incidents"),
        rows=incidents.visible(principal).annotate(is_closed=Q(state=Incident.State.CLOSED)),
        columns=(
            Column("title", ("事件", "Incident"), lambda one: Cell((one.title_zh, one.title_en), note=one.place)),
            Column("level", ("级别", "Level"), level_mark, sort="level"),
            Column("state", ("状态", "State"), state_badge, kind="badge", sort="state"),
            Column("source", ("来源", "Source"), sort="source", priority=2),
            Column(
                "division", ("区划", "Division"), "division_code", say=DivisionNames(), sort="division_code", priority=3
            ),
            Column("repeats", ("告警次数", "Alarms"), kind="count", sort="repeats", priority=2),
            Column("first", ("发生", "First"), "first_at", kind="time", sort="first_at", priority=3),
            Column("last", ("最近", "Last"), "last_at", kind="time", sort="last_at"),
        ),
        filters=(
            Filter("state", ("状态", "State"), kind="choice", choices=_incident_states),
            Filter("level", ("级别", "Level"), kind="choice", choices=_incident_levels),
            Filter("division", ("区划", "Division"), apply="division_code__startswith"),
            Filter("first_at", ("发生日期", "First day"), kind="date range", apply="first_at__date"),
        ),
        search=("title_zh", "title_en", "place", "source"),
        order=("is_closed", "level", "-last_at"),
        href=lambda one: f"/incidents/{one.pk}",
        empty=("没有事件。告警出现时在这里确认、指派和关闭。", "No incidents. Alarms appear here to be dealt with."),
    )


def level_mark(one: Incident) -> Drawn:
    """The level in words behind its colour: red, orange, yellow and blue are the law's, not the page's."""
    level = Incident.Level(one.level)
    words = pick((str(level.label), level.name.lower()))
    return Drawn(words, format_html('<span class="ky-level"><i class="l{}"></i>{}</span>', one.level, words))


def state_badge(one: Incident) -> Badge:
    """The state in words."""
    return Badge((one.get_state_display(), one.state), _STATE_TONES[one.state])  # type: ignore[arg-type]


def _incident_states() -> list[tuple[str, str, str]]:
    return [(value, str(label), value) for value, label in Incident.State.choices]


def _incident_levels() -> list[tuple[str, str, str]]:
    return [(str(one.value), str(one.label), one.name.lower()) for one in Incident.Level]
