"""The public list of matters: found, grouped, counted in SQL, a page at a time. 事项列表.

A node of a province may hold ten thousand matters; no definition is read whole for the list. What is bound to another
network zone is not shown here at all (R-310).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, IntegerField, JSONField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Left

from kunyu.engines.matters.definitions.matter import KINDS, LEVELS
from kunyu.engines.matters.models import Matter, MatterEdition
from kunyu.engines.pages.words import Pair
from kunyu.engines.security import zones

PER_PAGE = 60
LONGEST_QUERY = 80
AREAS: Mapping[str, Pair] = {
    "304": ("土地与规划", "Land and planning"), "302": ("不动产登记", "Real-property registration"),
    "303": ("自然资源确权", "Titles of natural resources"), "305": ("地质与矿产", "Geology and mining"),
    "306": ("海洋与海岛", "Sea and islands"), "307": ("测绘与地图", "Surveying and maps"),
    "308": ("生态修复", "Restoration"), "301": ("自然资源资产", "Assets"),
}  # fmt: skip
"""Business areas in the order people ask for them, by the first three digits of a matter's catalogue branch."""
OTHER: Pair = ("综合服务", "General services")
APPLICANTS: Mapping[str, Pair] = {"person": ("个人", "Citizens"), "organisation": ("企业和单位", "Firms and bodies")}
"""服务对象, where ``extra.applicants`` of a definition names it."""


@dataclass(frozen=True)
class Asked:
    """What is looked for: words, business area, kind, whom it is for, what can be applied for here; and the page."""

    text: str = ""
    area: str = ""
    kind: str = ""
    applicant: str = ""
    is_open: bool = False
    page: int = 1

    @property
    def is_narrowed(self) -> bool:
        """Is anything asked for besides the whole?"""
        return bool(self.text or self.area or self.kind or self.applicant or self.is_open)


@dataclass(frozen=True)
class Group:
    """A heading of the list with how many matters stand under it in all."""

    code: str
    title: Pair
    count: int


def asked_of(given: Mapping[str, str]) -> Asked:
    """What an address asks for; what is not offered is not applied."""
    page = given.get("page", "")
    return Asked(
        " ".join(given.get("q", "").replace("\0", "").split())[:LONGEST_QUERY],
        area if (area := given.get("area", "")) in (*AREAS, "other") else "",
        kind if (kind := given.get("kind", "")) in KINDS else "",
        applicant if (applicant := given.get("for", "")) in APPLICANTS else "",
        given.get("open", "") == "1",
        min(int(page), 100_000) if page.isdigit() and len(page) < 7 and int(page) else 1,
    )  # fmt: skip


def shown() -> QuerySet[Matter]:
    """Every matter that is in use and handled on this network."""
    elsewhere = _shipped().filter(definition__has_key="zones").exclude(
        definition__zones__contains=[zones.current_zone().code]
    )  # fmt: skip
    in_use = _shipped().values("matter_id")
    return Matter.objects.filter(pk__in=in_use).exclude(pk__in=elsewhere.values("matter_id"))


def _shipped() -> QuerySet[MatterEdition]:
    return MatterEdition.objects.filter(state="published", division_code="")


def found(asked: Asked) -> QuerySet[Matter]:
    """What is looked for, by area, open ones first, by code."""
    rows = shown().annotate(area=_AREA, place=_PLACE)
    for word in asked.text.split(" ") if asked.text else ():
        rows = rows.filter(
            Q(name_zh__icontains=word) | Q(name_en__icontains=word) | Q(code__icontains=word)
            | Q(basic_code__startswith=word)
        )  # fmt: skip
    if asked.area:
        rows = rows.exclude(area__in=list(AREAS)) if asked.area == "other" else rows.filter(area=asked.area)
    if asked.kind:
        rows = rows.filter(kind=asked.kind)
    if asked.applicant:
        rows = rows.filter(pk__in=_for(asked.applicant).values("matter_id"))
    if asked.is_open:
        rows = rows.filter(is_open=True)
    return rows.order_by("place", "-is_open", "code")


_AREA = Left("branch", 3)
_PLACE = Case(
    *(When(branch__startswith=code, then=Value(place)) for place, code in enumerate(AREAS)),
    default=Value(len(AREAS)), output_field=IntegerField(),
)  # fmt: skip


def _for(applicant: str) -> QuerySet[MatterEdition]:
    return _shipped().filter(definition__extra__applicants__contains=[applicant])


def page_of(rows: QuerySet[Matter], number: int) -> list[Matter]:
    """One page with what a line shows; the limits and levels are those of the edition as shipped."""
    edition = _shipped().filter(matter=OuterRef("pk"))
    wanted = rows.annotate(
        statutory=Subquery(edition.values("statutory_days")[:1]),
        promised=Subquery(edition.values("promised_days")[:1]),
        levels=Subquery(edition.values("definition__levels")[:1], output_field=JSONField()),
        statutory_said=Subquery(edition.values("definition__extra__statutory_zh")[:1], output_field=JSONField()),
    )
    start = (number - 1) * PER_PAGE
    return list(wanted[start : start + PER_PAGE])


def groups(asked: Asked) -> list[Group]:
    """Business areas with how many of what is looked for lie in each; the area asked for does not narrow them."""
    whole = found(Asked(asked.text, "", asked.kind, asked.applicant, asked.is_open)).order_by()
    counted = dict.fromkeys((*AREAS, "other"), 0)
    for row in whole.values(heading=_AREA).annotate(number=Count("pk")):
        counted[row["heading"] if row["heading"] in AREAS else "other"] += row["number"]
    return [Group(code, AREAS.get(code, OTHER), number) for code, number in counted.items() if number]


def applicants_known() -> list[tuple[str, Pair]]:
    """Whom matters are for, as far as definitions of this node say."""
    return [(code, words) for code, words in APPLICANTS.items() if _for(code).exists()]


def area_of(matter: Any) -> Pair:
    """The heading a matter stands under."""
    return AREAS.get(matter.branch[:3], OTHER)


def levels_words(levels: object) -> Pair:
    """Levels of administration in words."""
    named = [LEVELS[one] for one in levels if one in LEVELS] if isinstance(levels, list) else []
    return ("、".join(zh for zh, _ in named), ", ".join(en for _, en in named))


def limit_words(matter: Any) -> Pair:
    """The time limit in words: what is promised, else what the law says, else ''."""
    if matter.promised is not None:
        return (f"承诺 {matter.promised} 个工作日", f"{matter.promised} workdays promised")
    if matter.statutory is not None:
        return (f"法定 {matter.statutory} 个工作日", f"{matter.statutory} workdays by law")
    said = matter.statutory_said if isinstance(matter.statutory_said, str) else ""
    return (said, said)
