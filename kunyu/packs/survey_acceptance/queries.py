"""Questions about rounds, samples and accuracy: each limited to parcels the caller may query. 验收查询."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Count, F, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Substr
from django.utils.timezone import localtime

from kunyu.engines.ingest import access
from kunyu.engines.ingest.checks.score import Grade, scoring_of
from kunyu.engines.security import scope
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.scope import APPROVE, QUERY, Principal
from kunyu.packs.survey_acceptance.errors import UnknownRound
from kunyu.packs.survey_acceptance.measures import Rate
from kunyu.packs.survey_acceptance.models import (
    AcceptanceRound,
    SampleItem,
    SamplingPlan,
    SurveyorAssignment,
)

WRONG = Q(class_right=False) | Q(boundary_right=False) | Q(attributes_right=False)


def rounds(principal: Principal, action: str = QUERY) -> QuerySet[AcceptanceRound]:
    """Rounds of parcels on which the caller may do ``action``, in the divisions of the grant."""
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    allowed = Q(pk__in=[])
    for collection in AcceptanceRound.objects.order_by().values_list("collection", flat=True).distinct():
        allowed |= _reach(principal, collection, action)
    return AcceptanceRound.objects.filter(allowed)


def _reach(principal: Principal, collection: str, action: str) -> Q:
    found = Q(pk__in=[])
    for prefix in principal.divisions(collection, action):
        found |= Q(collection=collection, division_code__startswith=prefix)
    return found


def visible_round(principal: Principal, round_id: int) -> AcceptanceRound:
    """The round, or the same answer as for a number that does not exist."""
    one = rounds(principal).select_related("delivery", "run").filter(pk=round_id).first()
    if one is None:
        raise unknown(round_id)
    return one


def unknown(what: object) -> UnknownRound:
    """The answer for what is not there or not to be seen."""
    return UnknownRound(
        f"没有质检轮次 {what}，或者您无权查看。请回到“质检验收”列表。",
        f"There is no round {what}, or you may not see it. Go back to the list of rounds.",
    )


def round_to_work_on(principal: Principal, round_id: int) -> AcceptanceRound:
    """The round, once the caller may see it and approve its parcels there."""
    one = visible_round(principal, round_id)
    scope.require_division(scope.resolve(principal, one.collection, APPROVE), one.division_code)
    return one


def may_work_on(principal: Principal, one: AcceptanceRound) -> bool:
    """Would :func:`round_to_work_on` let the caller? For buttons."""
    return any(one.division_code.startswith(prefix) for prefix in principal.divisions(one.collection, APPROVE))


def items(principal: Principal, one: AcceptanceRound) -> QuerySet[SampleItem]:
    """Samples of a round, those of records labelled above the caller's rights left out."""
    found = SampleItem.objects.filter(plan__round=one).select_related("plan")
    unseen = access.hidden(principal, one.delivery)
    return found.exclude(bsm__in=unseen.keys) if unseen.keys else found


def item_of(one: AcceptanceRound, place: str, number: int, principal: Principal) -> SampleItem:
    """One sample by its number, or :class:`UnknownRound`."""
    found = items(principal, one).filter(plan__place=place, number=number).first()
    if found is None:
        raise UnknownRound(
            f"第 {one.number} 轮没有{place}样本 {number}，或者您无权查看。",
            f"Round {one.number} has no {place} sample {number}, or you may not see it.",
        )
    return found


def plan_of(one: AcceptanceRound, place: str) -> SamplingPlan:
    """The plan of one place, or :class:`UnknownRound`."""
    found = one.plans.filter(place=place).first()
    if found is None:
        raise UnknownRound(f"第 {one.number} 轮没有{place}抽样方案。", f"Round {one.number} has no plan for {place}.")
    return found


def grade_of(one: AcceptanceRound) -> Grade | None:
    """The grade of a round in words; None where its standard has no scoring."""
    scoring = scoring_of(one.standard_id)
    return scoring.grade_of(one.grade) if scoring and one.grade else None


# -- figures --------------------------------------------------------------------------------------------------------

_COUNTED: dict[str, Any] = {
    "checked": Count("id"),
    "wrong": Count("id", filter=WRONG),
    "class_wrong": Count("id", filter=Q(class_right=False)),
    "boundary_wrong": Count("id", filter=Q(boundary_right=False)),
    "attributes_wrong": Count("id", filter=Q(attributes_right=False)),
}

_KEY = {"pk": Min("id")}
"""Lists break ties by ``pk``: were it the row's own, every sample would be a group by itself."""


def plan_figures(plan: SamplingPlan) -> dict[str, Any]:
    """How far a plan is and what was found: counts, and the error rate with its interval."""
    judged = plan.items.exclude(checked_at=None).aggregate(**_COUNTED)
    return {
        **judged,
        "size": plan.size,
        "left": plan.size - judged["checked"],
        "rate": Rate(judged["wrong"], judged["checked"]),
    }


def accuracy_by_county(principal: Principal) -> QuerySet[Any, dict[str, Any]]:
    """One row for each county and year with samples judged in any round the caller may approve."""
    return _judged(principal).values("county", "year").annotate(**_COUNTED, **_KEY)


def accuracy_by_surveyor(principal: Principal) -> QuerySet[Any, dict[str, Any]]:
    """The same by surveyor, as the list of surveyors says now; '' where it names nobody for the village."""
    assigned = SurveyorAssignment.objects.filter(
        village=OuterRef("village"), year=OuterRef("plan__round__year"), superseded_at=None
    )
    rows = _judged(principal).annotate(
        surveyor=Coalesce(Subquery(assigned.values("surveyor")[:1]), Value("")),
        unit=Coalesce(Subquery(assigned.values("unit")[:1]), "plan__round__delivering_unit"),
    )
    return rows.values("county", "year", "surveyor", "unit").annotate(**_COUNTED, **_KEY)


def _judged(principal: Principal) -> Any:  # its annotations are names that no model has
    rows = SampleItem.objects.exclude(checked_at=None).filter(plan__round__in=rounds(principal, APPROVE))
    return rows.order_by().annotate(county=Substr("plan__round__division_code", 1, 6), year=F("plan__round__year"))


def named_rates(rows: Iterable[dict[str, Any]], name: str) -> list[tuple[str, Rate]]:
    """Rates added up by one column, the worst first, for drawing; '' is said in words."""
    found: dict[str, list[int]] = {}
    for row in rows:
        sums = found.setdefault(str(row[name]) or "未分工 not assigned", [0, 0])
        sums[0] += row["wrong"]
        sums[1] += row["checked"]
    rates = [(key, Rate(*sums)) for key, sums in found.items()]
    return sorted(rates, key=lambda one: (-(one[1].value or 0), one[0]))


# -- JSON -----------------------------------------------------------------------------------------------------------


def brief(one: AcceptanceRound) -> dict[str, Any]:
    """One row of the list."""
    return {
        "id": one.pk, "delivery": one.delivery_id, "standard": one.standard_id, "division": one.division_code,
        "year": one.year, "number": one.number, "state": one.state, "state_zh": one.get_state_display(),
        "parcels": one.parcels, "score": None if one.score is None else str(one.score), "grade": one.grade,
        "delivered_by": one.delivered_by, "opened_at": localtime(one.opened_at).isoformat(),
        "decided_by": one.decided_by, "decided_at": localtime(one.decided_at).isoformat() if one.decided_at else None,
        "decision_reason": one.decision_reason,
    }  # fmt: skip


def detail(principal: Principal, round_id: int) -> dict[str, Any]:
    """One round in full: what cost points, plans with their figures, history."""
    one = visible_round(principal, round_id)
    return {
        **brief(one),
        "costs": costs(principal, one),
        "plans": [_plan(plan) for plan in one.plans.order_by("place")],
        "events": [
            {
                "act": event.act, "before": event.before, "state": event.state, "at": localtime(event.at).isoformat(),
                "actor": event.actor, "reason": event.reason,
            }
            for event in one.events.order_by("id")
        ],
    }  # fmt: skip


def costs(principal: Principal, one: AcceptanceRound) -> list[dict[str, Any]]:
    """What cost points, layers the caller may not see left out; the score itself is of the whole delivery."""
    unseen = access.hidden(principal, one.delivery)
    return [cost for cost in one.costs if cost["layer"] not in unseen.layers]


def _plan(plan: SamplingPlan) -> dict[str, Any]:
    figures = plan_figures(plan)
    rate = figures.pop("rate")
    return {
        "place": plan.place, "method": plan.method, "size_by": plan.size_by, "seed": plan.seed,
        "population": plan.population, "population_sm3": plan.population_sm3, "list_sm3": plan.list_sm3,
        "strata": plan.strata, "drawn_by": plan.drawn_by, "drawn_at": localtime(plan.drawn_at).isoformat(), **figures,
        "error_rate": rate.value, "interval_95": rate.interval,
    }  # fmt: skip


def samples_geojson(principal: Principal, round_id: int, place: str = "", number: int | None = None) -> dict[str, Any]:
    """Samples as GeoJSON (longitude, latitude): outline where there is one, else the point.

    The properties are those of a finding on the map (``fingerprint``, ``severity``, ``message_zh``): wrong ones are
    drawn as S, those still to judge as Q, right ones as W.
    """
    one = visible_round(principal, round_id)
    wanted = items(principal, one).order_by("plan__place", "number")
    if place:
        wanted = wanted.filter(plan__place=place)
    if number is not None:
        wanted = wanted.filter(number=number)
    found = list(wanted)
    return {"type": "FeatureCollection", "features": [_feature(item, shape) for item, shape in _shaped(found)]}


def _shaped(found: list[SampleItem]) -> Iterable[tuple[SampleItem, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, ST_AsGeoJSON(coalesce(outline, point), 9) FROM survey_acceptance_sampleitem WHERE id = ANY(%s)",
            [[item.pk for item in found]],
        )
        shapes = dict(cursor.fetchall())
    return ((item, json.loads(shapes[item.pk]) if shapes[item.pk] else None) for item in found)


def _feature(item: SampleItem, shape: Any) -> dict[str, Any]:
    zh, en, severity = "待判定", "to be judged", "Q"
    if item.is_judged:
        zh, en, severity = ("有错", "wrong", "S") if item.is_wrong else ("正确", "right", "W")
    return {
        "type": "Feature", "id": item.pk, "geometry": shape,
        "properties": {
            "fingerprint": f"{item.plan.place}-{item.number}", "rule": f"#{item.number}", "severity": severity,
            "layer": item.plan.place, "ids": [item.bsm],
            "message_zh": f"{item.plan.get_place_display()}样本 {item.number}：{item.bsm} {item.class_delivered} {zh}",
            "message_en": f"{item.plan.place} sample {item.number}: {item.bsm} {item.class_delivered} {en}",
            "place": item.plan.place, "number": item.number, "class_delivered": item.class_delivered,
            "class_right": item.class_right, "class_found": item.class_found, "boundary_right": item.boundary_right,
            "attributes_right": item.attributes_right, "deviation_m": _number(item.deviation_m), "note": item.note,
            "checker": item.checker,
        },
    }  # fmt: skip


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
