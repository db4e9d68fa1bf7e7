"""Figures of the evidence per county, for the page and the API (R-187). 举证统计."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Substr

from kunyu.engines.reference.models import Division
from kunyu.engines.security.scope import QUERY, Principal
from kunyu.packs.field_evidence import access
from kunyu.packs.field_evidence.models import EvidencePhoto, EvidenceTask, Outcome, State

REVIEWING = (State.COUNTY, State.CITY, State.PROVINCE, State.NATION)


@dataclass(frozen=True)
class CountyFigures:
    """Counts of one county. ``returned_once`` are tasks that were returned at least once, whatever they are now.

    ``first_pass_percent`` is the share, in percent with one decimal, of the decided tasks that never were; None when
    none is decided.
    """

    county: str
    name_zh: str
    tasks: int
    pending: int
    evidenced: int
    county_review: int
    city_review: int
    province_review: int
    nation_review: int
    passed: int
    returned: int
    archived: int
    exempt: int
    doubtful: int
    returned_once: int
    photos_good: int
    photos_bad: int
    first_pass_percent: float | None


def per_county(principal: Principal) -> list[CountyFigures]:
    """Return the figures of every county whose tasks the person may query, by code; one statement for the tasks."""
    rows = EvidenceTask.objects.filter(access.reached(access.granted(principal, QUERY)))
    states = {f"n_{state}": Count("pk", filter=Q(state=state)) for state in State.values}
    counted = (
        rows.annotate(county=Substr("division_code", 1, 6)).values("county").order_by("county")
        .annotate(
            tasks=Count("pk"), exempt=Count("pk", filter=Q(outcome=Outcome.EXEMPT)),
            doubtful=Count("pk", filter=Q(outcome=Outcome.DOUBTFUL)), returned_once=Count("pk", filter=Q(round__gt=1)),
            good=Sum("photos_good"), bad=Sum("photos_bad"),
            first=Count("pk", filter=Q(state__in=[State.PASSED, State.ARCHIVED], round=1)), **states,
        )
    )  # fmt: skip
    names = dict(
        Division.objects.filter(code__in=[one["county"] for one in counted], valid_to=None).values_list(
            "code", "name_zh"
        )
    )
    return [_figures(dict(one), names.get(one["county"], "")) for one in counted]


def _figures(one: dict[str, Any], name: str) -> CountyFigures:
    decided = one["n_passed"] + one["n_archived"] + one["n_returned"]
    return CountyFigures(
        one["county"], name, one["tasks"], one["n_pending"], one["n_evidenced"], one["n_county"], one["n_city"],
        one["n_province"], one["n_nation"], one["n_passed"], one["n_returned"], one["n_archived"], one["exempt"],
        one["doubtful"], one["returned_once"], one["good"] or 0, one["bad"] or 0,
        round(100 * one["first"] / decided, 1) if decided else None,
    )  # fmt: skip


def failing_checks(principal: Principal) -> list[tuple[str, int]]:
    """Return how many photos fail each check, commonest first."""
    rows = EvidencePhoto.objects.filter(
        task__in=EvidenceTask.objects.filter(access.reached(access.granted(principal, QUERY)))
    )
    found = (
        rows.filter(checks__outcome="fail")
        .values(code=F("checks__check_code"))
        .order_by("code")
        .annotate(number=Count("pk"))
    )
    return sorted(((one["code"], one["number"]) for one in found), key=lambda pair: (-pair[1], pair[0]))


def as_document(principal: Principal) -> dict[str, Any]:
    """The figures, JSON-ready."""
    return {
        "counties": [asdict(one) for one in per_county(principal)],
        "failing_checks": [{"check": code, "photos": number} for code, number in failing_checks(principal)],
    }
