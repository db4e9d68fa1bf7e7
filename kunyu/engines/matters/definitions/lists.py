"""Lists of matters and of what their guides lack. 事项清单."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery

from kunyu.engines.matters.definitions import owners
from kunyu.engines.matters.definitions.matter import KINDS
from kunyu.engines.matters.models import Matter, MatterEdition
from kunyu.engines.pages.listing import Badge, Cell, Column, Filter, Listing
from kunyu.engines.pages.record import Tab
from kunyu.engines.pages.words import Pair
from kunyu.engines.security.scope import Principal

HERE = "/matters/"
STATES: dict[str, tuple[Pair, Any]] = {
    "draft": (("草稿", "draft"), "warn"), "published": (("在用", "in use"), "accent"), "retired": (("停用", "retired"), "plain"),
}  # fmt: skip


def tabs(current: str) -> tuple[Tab, ...]:
    """The parts of the catalogue of matters."""
    parts = (
        (HERE, ("事项", "Matters")), (f"{HERE}completeness/", ("要素完整性", "Completeness")),
        (f"{HERE}comparison/", ("四级一致性", "Consistency of levels")),
    )  # fmt: skip
    return tuple(Tab(title, href, href == current) for href, title in parts)


def state_of(one: MatterEdition) -> Badge:
    """The state of an edition as a badge."""
    words, tone = STATES[one.state]
    return Badge(words, tone)


def kind_of(code: str) -> Pair:
    """The kind of a matter in words."""
    return KINDS.get(code, (code, code))


def open_badge(one: Matter) -> Badge:
    """Are applications taken?"""
    return Badge(("可办", "open")) if one.is_open else Badge(("目录条目", "guide only"), "plain")


def _shipped(field: str) -> Subquery:
    rows = MatterEdition.objects.filter(matter=OuterRef("pk"), division_code="", state="published")
    return Subquery(rows.values(field)[:1], output_field=IntegerField())


def rows(principal: Principal) -> QuerySet[Matter]:
    """Matters the person may look at, with the limits and the number of the edition as shipped."""
    local = Q(editions__state="published") & ~Q(editions__division_code="")
    return owners.visible(principal).annotate(
        edition=_shipped("number"), statutory=_shipped("statutory_days"), promised=_shipped("promised_days"),
        overlays=Count("editions", filter=local),
    )  # fmt: skip


def matters(principal: Principal) -> Listing:
    """Every matter the person may look at."""
    return Listing(
        name="matters",
        title=("政务服务事项", "Matters of government service"),
        lead=(
            "四级统一的事项目录：要素、表单、流程和各区划的差异；每次改动成为新版本，在办的仍按原版本办理。",
            "One catalogue for all levels: elements, forms, flows, and what divisions do differently. Every change is a new "
            "edition; running cases stay on theirs.",
        ),
        rows=rows(principal),
        columns=(
            Column("code", ("编码", "Code"), kind="code", sort="code"),
            Column("name", ("事项", "Matter"), lambda one: Cell((one.name_zh, one.name_en or one.name_zh)), sort="name_zh"),
            Column("kind", ("类型", "Kind"), lambda one: kind_of(one.kind), sort="kind", priority=2),
            Column("open", ("办理", "Applications"), open_badge, kind="badge", sort="is_open"),
            Column("statutory", ("法定时限", "By law"), "statutory", kind="count", sort="statutory", priority=2),
            Column("promised", ("承诺时限", "Promised"), "promised", kind="count", sort="promised", priority=2),
            Column("edition", ("版本", "Edition"), "edition", kind="count", sort="edition", priority=3),
            Column("overlays", ("区划差异", "Divisions"), "overlays", kind="count", sort="overlays", priority=3),
        ),
        filters=(
            Filter("kind", ("类型", "Kind"), kind="choice", choices=[(code, *words) for code, words in KINDS.items()]),
            Filter("open", ("可办的", "Open"), kind="bool", apply="is_open"),
        ),
        search=("code", "name_zh", "name_en"),
        search_hint=("编码或名称", "Code or name"),
        order=("code",),
        href=lambda one: f"{HERE}{one.code}/",
        empty=("没有您可以查看的事项：需要事项所属数据分支的查看权限。", "No matter you may see: it takes the right to see its branch."),
    )  # fmt: skip
