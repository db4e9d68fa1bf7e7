"""The lists of the audit: every act, and every act of one person. 审计列表."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import quote

from django.db.models import QuerySet
from django.utils import timezone

from kunyu.engines.pages.listing import Action, Badge, Cell, Column, Filter, Listing
from kunyu.engines.pages.words import Pair, person
from kunyu.engines.security import audit_queries, audit_words, labels
from kunyu.engines.security.models import AuditEntry, User
from kunyu.engines.security.scope import Principal

TONES = {"refused": "warn", "failed": "danger"}


def entries(principal: Principal) -> Listing:
    """Every act that ``principal`` may read, newest first."""
    whole = not principal.duty_division
    return _listing(
        "security.audit", ("审计", "Audit"), audit_queries.visible(principal),
        lead=("谁、何时、从哪里、对什么做了什么、结果如何。记录不能修改，已按国密算法链接并签名。",
              "Who did what to what, when, from where, with which result. Nothing here can be changed; it is chained and "
              "signed."),
        actions=(
            Action(("月度报告", "Monthly report"), "/audit/report/"),
            Action(("封存与导出", "Seal and export"), "/audit/seal/", "primary"),
        ) if whole else (),
    )  # fmt: skip


def of_person(principal: Principal, actor: str) -> Listing:
    """Every act of one person in every application, newest first."""
    rows = audit_queries.visible(principal).filter(actor=actor)
    return _listing("security.audit-person", (f"{actor} 的全部操作", f"All acts of {actor}"), rows, person=False,
                    lead=("跨所有应用的统一视图。", "One view across all applications."))  # fmt: skip


def person_address(actor: str) -> str:
    """Where the acts of a person are."""
    return f"/audit/people/{quote(actor, safe='')}/"


def _listing(
    name: str, title: Pair, rows: QuerySet[AuditEntry], *, lead: Pair, person: bool = True,
    actions: tuple[Action, ...] = (),
) -> Listing:  # fmt: skip
    who = Column("actor", ("人员", "Person"), _person, sort="actor")
    return Listing(
        name=name,
        title=title,
        rows=audit_queries.with_seal(rows),
        columns=(
            Column("at", ("时间", "Time"), _time, sort="at"),
            *((who,) if person else ()),
            Column("action", ("操作", "Act"), lambda one: Cell(audit_words.action(one.action)), sort="action"),
            Column("object", ("对象", "Object"), _object),
            Column("result", ("结果", "Result"), _result, kind="badge"),
            Column("origin", ("来源", "From"), "origin", kind="code", priority=2),
            Column("label", ("标记", "Label"), _label, priority=3),
            Column("duty", ("职责", "Duty"), lambda one: audit_words.duty(one.duty), priority=3, shown=False),
            Column("organisation", ("单位", "Unit"), "organisation", priority=3, shown=False),
            Column("session", ("会话", "Session"), "session", kind="code", priority=3, shown=False),
            Column("seq", ("链上序号", "Number in chain"), _seq, kind="code", priority=2),
        ),
        filters=(
            *((Filter("person", ("人员", "Person"), apply=_is_person, hint=("账号或姓名", "account or name")),) if person else ()),
            Filter("action", ("操作", "Act"), kind="choice", choices=_actions),
            Filter("result", ("结果", "Result"), kind="choice",
                   choices=[(code, *pair) for code, pair in audit_words.RESULTS.items()]),
            Filter("day", ("日期", "Day"), kind="date range", apply=_between),
            Filter("object", ("对象编号", "Object"), apply="object_id__startswith"),
            Filter("origin", ("来源", "From"), apply="origin"),
            Filter("labelled", ("涉标记数据", "Labelled data"), kind="bool", apply=lambda rows, _: rows.filter(label__gt=0)),
        ),
        search=("actor__startswith", "object_id__startswith", "action__startswith", "origin__startswith"),
        search_hint=("账号、对象编号、操作或来源的开头", "beginning of account, object, act or origin"),
        order=("-id",),
        href=lambda one: f"/audit/{one.pk}/",
        lead=lead,
        actions=actions,
        empty=("还没有记录。任何操作都会在这里留下一条。", "No entries yet; every act leaves one here."),
    )  # fmt: skip


def _time(one: AuditEntry) -> str:
    return timezone.localtime(one.at).strftime("%Y-%m-%d %H:%M:%S")


def _person(one: AuditEntry) -> Cell:
    return Cell(one.actor, person_address(one.actor), note=person(one.actor_zh) if one.actor_zh != one.actor else "")


def _object(one: AuditEntry) -> Cell:
    return Cell(one.object_id[:60], note=one.object_kind)


def _result(one: AuditEntry) -> Badge:
    return Badge(audit_words.result(one.result), TONES.get(one.result, "plain"))  # type: ignore[arg-type]


def _label(one: AuditEntry) -> object:
    if one.label is None:
        return ""
    label = labels.label_of_code(one.label)
    return (label.name_zh, label.name_en)


def _seq(one: Any) -> object:
    return str(one.seq) if one.seq else ("待封存", "waiting")


def _actions() -> list[tuple[str, str, str]]:
    return [(code, *audit_words.action(code)) for code in audit_queries.known_actions()]


def _is_person(rows: QuerySet[AuditEntry], value: str) -> QuerySet[AuditEntry]:
    """By account or by name; names are looked up among the accounts, whose column has an index here."""
    accounts = User.objects.filter(name_zh=value).values_list("username", flat=True)[:100]
    return rows.filter(actor__in=[value, *accounts])


def _between(rows: QuerySet[AuditEntry], days: tuple[date | None, date | None]) -> QuerySet[AuditEntry]:
    first, last = days
    if first:
        rows = rows.filter(at__gte=audit_queries.day_start(first))
    return rows.filter(at__lte=audit_queries.day_end(last)) if last else rows
