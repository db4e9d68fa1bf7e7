"""What somebody is told of a check: decided by his own rights, not by whoever made it. 核验结果的告知 (decision 0021).

Three measures, the least where nothing says more:

* **whole**: who may query every layer behind an answer in its county (and, for answers about other approvals, see the
  cases of that matter there) is told everything;
* **own overlap**: layers up to 内部 whose data are 一般: state, area and geometry of the overlap with the plot itself;
* **yes or no**: everything else: conflict, clear or not checked, what to do about it, and of which day the data are.

No measure shows a record of a layer, and no sentence of a rule names one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import shapely
from django.db import connection

from kunyu.engines.matters.errors import UnknownRule
from kunyu.engines.matters.models import Check, CheckAnswer
from kunyu.engines.matters.rules.reader import COUNTY_DIGITS
from kunyu.engines.matters.rules.registry import Rule, find_rule
from kunyu.engines.matters.rules.remedies import remedy_of
from kunyu.engines.security import label_registry, labels, scope
from kunyu.engines.security.scope import Principal

Measure = Literal["whole", "own_overlap", "yes_or_no"]
WHOLE: Measure = "whole"
OWN_OVERLAP: Measure = "own_overlap"
YES_OR_NO: Measure = "yes_or_no"
HIDING_REASONS = ("hidden_records", "not_permitted", "not_shown", "timeout", "failed")
"""Reasons that would say something about records, rights or this node: told as ``not_available``."""


@dataclass(frozen=True)
class Told:
    """One answer as one person is told it. ``place`` in EPSG:4490; ``measured`` and ``limit`` in ``unit``."""

    rule: str
    name_zh: str
    name_en: str
    clause: str
    weight: str
    state: str
    reason: str
    message_zh: str
    message_en: str
    remedy_zh: str
    remedy_en: str
    measured: Decimal | None
    limit: Decimal | None
    unit: str
    place: shapely.Geometry | None
    versions: tuple[Mapping[str, Any], ...]
    measure: Measure
    is_verified: bool = False
    """Was the clause compared with the printed text, or is it this house's own?"""


def told(check: Check, viewer: Principal) -> list[Told]:
    """Every answer of a check as ``viewer`` may be told it, sorted by rule.

    Whether he may see the application or case at all is the caller's to know (:mod:`cases.queries`).
    """
    places = _places(check)
    sees_cases = _sees_cases(check, viewer)
    listed = sorted(check.answers.all(), key=lambda one: one.rule)
    return [_told(one, places.get(one.pk), viewer, check, sees_cases=sees_cases) for one in listed]


def _told(
    row: CheckAnswer, place: shapely.Geometry | None, viewer: Principal, check: Check, *, sees_cases: bool
) -> Told:
    rule = _rule_of(row)
    measure = measure_of(rule, row, viewer, check.asked["division"], sees_cases=sees_cases)
    name = (rule.name_zh, rule.name_en) if rule else (row.rule, row.rule)
    said = Told(
        row.rule, *name, row.clause, row.weight, row.state, row.reason, row.message_zh, row.message_en, row.remedy_zh,
        row.remedy_en, row.measured, row.limit, row.unit, place, tuple(row.versions), measure,
        rule is not None and rule.verified and rule.clause == row.clause,
    )  # fmt: skip
    return said if measure != YES_OR_NO else _reduced(said)


def measure_of(rule: Rule | None, row: CheckAnswer, viewer: Principal, division: str, *, sees_cases: bool) -> Measure:
    """How much of an answer somebody is told; an answer whose rule is gone is told as yes or no."""
    if rule is None or (rule.needs_earlier and not sees_cases):
        return YES_OR_NO
    behind = {(name, division[:COUNTY_DIGITS]) for name in rule.collections}
    behind |= {(str(one["collection"]), str(one["county"])) for one in row.versions}
    if all(_may_know(viewer, name, county) for name, county in behind):
        return WHOLE
    if all(_is_ordinary(name) for name, _ in behind):
        return OWN_OVERLAP
    return YES_OR_NO


def _may_know(viewer: Principal, collection: str, county: str) -> bool:
    """Whether the viewer may query every record of a collection in a county, labelled ones too."""
    strictest = label_registry.strictest_of(collection)
    if strictest.is_open:
        return True
    return any(
        county.startswith(one.prefix) and labels.holds(one.row_labels, strictest)
        for one in scope.clauses_of(viewer, collection, scope.QUERY)
    )


def _is_ordinary(collection: str) -> bool:
    """Up to 内部 and 一般: the overlap with one's own plot may be told. A collection nobody labelled is not."""
    strictest = label_registry.strictest_of(collection)
    return strictest.secrecy <= labels.INTERNAL and strictest.grading == labels.GENERAL


def _sees_cases(check: Check, viewer: Principal) -> bool:
    """Whether the viewer handles or sees cases of the matters checked, in their county."""
    from kunyu.engines.matters.models import Matter

    county = str(check.asked["division"])[:COUNTY_DIGITS]
    codes = [one["code"] for one in check.asked["matters"]]
    branches = set(Matter.objects.filter(code__in=codes).values_list("branch", flat=True))
    return bool(branches) and all(
        branch and any(county.startswith(one.prefix) for one in scope.clauses_of(viewer, branch, scope.SEE))
        for branch in branches
    )


def _reduced(said: Told) -> Told:
    zh, en = {
        "conflict": ("与该项要求不符；所涉数据限制公开，不告知位置和面积。",
                     "Does not meet this requirement; the data behind it are restricted: no place and no area is told."),
        "clear": ("符合该项要求。", "Meets this requirement."),
        "not_checked": ("该项未能核验，由审查人员处理。", "This could not be checked; the examiners deal with it."),
    }[said.state]  # fmt: skip
    remedy, reason = (said.remedy_zh, said.remedy_en), said.reason
    if said.reason in HIDING_REASONS:
        reason = "not_available"
        remedy = remedy_of(reason)
    return Told(
        said.rule, said.name_zh, said.name_en, said.clause, said.weight, said.state, reason,
        f"{said.name_zh}：{zh}", f"{said.name_en}: {en}", *remedy, None, None, "", None,
        tuple({"collection": one["collection"], "valid_from": one["valid_from"]} for one in said.versions), YES_OR_NO,
        said.is_verified,
    )  # fmt: skip


def _rule_of(row: CheckAnswer) -> Rule | None:
    try:
        return find_rule(row.rule)
    except UnknownRule:
        return None


def _places(check: Check) -> dict[int, shapely.Geometry]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, ST_AsBinary(place) FROM matters_checkanswer WHERE check_run_id = %s AND place IS NOT NULL",
            [check.pk],
        )
        return {int(key): shapely.from_wkb(bytes(place)) for key, place in cursor.fetchall()}
