"""House API of acceptance: rounds, samples, plans, steps, decisions, accuracy, surveyors."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from django.http import HttpRequest
from ninja import File, Form, Router, Schema, UploadedFile

from kunyu.engines.security.scope import Principal
from kunyu.packs.survey_acceptance import queries, services, sheets
from kunyu.packs.survey_acceptance.measures import Rate
from kunyu.packs.survey_acceptance.rules.judging import Judgement
from kunyu.packs.survey_acceptance.rules.population import Wanted, prove

router = Router(tags=["acceptance"])
MOST = 200
Place = Literal["interior", "field"]


class PlanBody(Schema):
    place: Place
    method: Literal["simple", "class", "village", "surveyor"] = "simple"
    rate_percent: float | None = None
    seed: int | None = None


class JudgementBody(Schema):
    class_right: bool
    boundary_right: bool
    attributes_right: bool
    class_found: str = ""
    deviation_m: Decimal | None = None
    note: str = ""
    photos: list[str] = []


class StepBody(Schema):
    reason: str = ""


class DecisionBody(Schema):
    accept: bool
    reason: str = ""


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@router.get("/rounds")
def rounds(
    request: HttpRequest, state: str = "", division: str = "", before: int | None = None, limit: int = 50
) -> dict[str, Any]:
    """Rounds the caller may see, newest first; ``next`` is the ``before`` of the following page."""
    rows = queries.rounds(_principal(request)).order_by("-pk")
    if state:
        rows = rows.filter(state=state)
    if division:
        rows = rows.filter(division_code__startswith=division)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    limit = max(1, min(limit, MOST))
    found = list(rows[: limit + 1])
    return {
        "rounds": [queries.brief(one) for one in found[:limit]],
        "next": found[limit - 1].pk if len(found) > limit else None,
    }


@router.get("/accuracy")
def accuracy(request: HttpRequest) -> dict[str, Any]:
    """Error rates by county and by surveyor, with the numbers behind them and Wilson's 95 % interval."""
    principal = _principal(request)
    return {
        "by_county": [_row(one) for one in queries.accuracy_by_county(principal).order_by("county", "year")],
        "by_surveyor": [
            _row(one) for one in queries.accuracy_by_surveyor(principal).order_by("county", "year", "surveyor")
        ],
    }


def _row(one: dict[str, Any]) -> dict[str, Any]:
    rate = Rate(one["wrong"], one["checked"])
    return {**one, "error_rate": rate.value, "interval_95": rate.interval}


@router.post("/surveyors")
def surveyors(request: HttpRequest, year: Form[int], file: UploadedFile = File(...)) -> dict[str, Any]:
    """Upload who surveyed which village in a year."""
    return _taken(sheets.import_surveyors(_principal(request), year, file.name or "", file.read()))


def _taken(taken: sheets.Taken) -> dict[str, Any]:
    errors = [{"row": one.row, "zh": one.zh, "en": one.en} for one in taken.errors]
    return {"changed": taken.changed, "rows": taken.rows, "errors": errors}


@router.get("/{int:round_id}")
def one_round(request: HttpRequest, round_id: int) -> dict[str, Any]:
    """One round in full: score and what cost points, plans with figures, history."""
    return queries.detail(_principal(request), round_id)


@router.get("/{int:round_id}/samples")
def samples(request: HttpRequest, round_id: int, place: str = "", number: int | None = None) -> dict[str, Any]:
    """Samples as GeoJSON."""
    return queries.samples_geojson(_principal(request), round_id, place, number)


@router.post("/{int:round_id}/plans", response={201: dict[str, Any]})
def draw(request: HttpRequest, round_id: int, body: PlanBody) -> Any:
    """Draw the sample of one place."""
    services.draw_sample(_principal(request), round_id, Wanted(**body.dict()))
    return 201, queries.detail(_principal(request), round_id)


@router.get("/{int:round_id}/plans/{place}/proof")
def proof(request: HttpRequest, round_id: int, place: str) -> dict[str, Any]:
    """Draw the sample again from the delivery and its seed, and say whether the list is the same."""
    plan = queries.plan_of(queries.visible_round(_principal(request), round_id), place)
    found = prove(plan)
    return {
        "seed": plan.seed, "population": found.population, "population_sm3": found.population_sm3,
        "list_sm3": found.list_sm3, "same_population": found.is_same_population, "same_list": found.is_same_list,
    }  # fmt: skip


@router.post("/{int:round_id}/samples/{place}/{int:number}")
def judge(request: HttpRequest, round_id: int, place: str, number: int, body: JudgementBody) -> dict[str, Any]:
    """Write down what was found at one sample."""
    found = Judgement(**{**body.dict(), "photos": tuple(body.photos)})
    services.judge(_principal(request), round_id, place, number, found)
    return queries.samples_geojson(_principal(request), round_id, place, number)


@router.post("/{int:round_id}/results/{place}")
def results(request: HttpRequest, round_id: int, place: str, file: UploadedFile | None = File(None)) -> dict[str, Any]:
    """Take a sheet of results; rows that cannot be taken are told."""
    name, content = (file.name or "", file.read()) if file is not None else ("", b"")
    return _taken(sheets.import_results(_principal(request), round_id, place, name, content))


@router.post("/{int:round_id}/begin")
def begin(request: HttpRequest, round_id: int, body: StepBody) -> dict[str, Any]:
    """The sample is drawn: begin the check in the office."""
    return queries.brief(services.begin_checks(_principal(request), round_id, body.reason))


@router.post("/{int:round_id}/interior-done")
def interior_done(request: HttpRequest, round_id: int, body: StepBody) -> dict[str, Any]:
    """The check in the office is done."""
    return queries.brief(services.finish_interior(_principal(request), round_id, body.reason))


@router.post("/{int:round_id}/field-done")
def field_done(request: HttpRequest, round_id: int, body: StepBody) -> dict[str, Any]:
    """The check in the field is done."""
    return queries.brief(services.finish_field(_principal(request), round_id, body.reason))


@router.post("/{int:round_id}/decision")
def decision(request: HttpRequest, round_id: int, body: DecisionBody) -> dict[str, Any]:
    """Accept the delivery, or return it with a reason; by another person than those who checked."""
    return queries.brief(services.decide(_principal(request), round_id, body.accept, body.reason))
