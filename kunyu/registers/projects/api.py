"""House API of projects: list, the chain of any number with its consistency, plots, approvals of other systems."""

from __future__ import annotations

from datetime import date
from typing import Any

import shapely
from django.http import HttpRequest
from ninja import Router, Schema

from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import UsageError
from kunyu.kernel.identifiers import parse_project_code
from kunyu.registers.projects import queries, rules, services
from kunyu.registers.projects.models import ProjectDocument

router = Router(tags=["projects"])
MOST = 200
LONGEST_PLOT = 2_000_000


class ApprovalBody(Schema):
    """An approval of another system. ``plot``: WKT in longitude, latitude (CGCS2000)."""

    kind: str
    number: str
    issued_on: date
    division: str
    issuer: str = ""
    area_m2: float | None = None
    use: str = ""
    previous_number: str = ""
    plot: str = ""
    project_name: str = ""


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@router.get("/")
def projects(request: HttpRequest, before: int | None = None, limit: int = 50) -> dict[str, Any]:
    """Projects in the caller's reach, newest first; ``next`` is the ``before`` of the following page."""
    rows = queries.projects(_principal(request)).order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    limit = max(1, min(limit, MOST))
    found = list(rows[: limit + 1])
    shown = found[:limit]
    return {"projects": [queries.brief(one) for one in shown], "next": shown[-1].pk if len(found) > limit else None}


@router.get("/{number}")
def chain(request: HttpRequest, number: str) -> dict[str, Any]:
    """The chain of a project code, or of any number, identifier, case or feature that belongs to it, with its report."""
    found = queries.resolve(_principal(request), number)
    answers = rules.report(found.documents, queries.plots_of(found.documents))
    return {
        "project": queries.brief(found.project) if found.project else None,
        "documents": [queries.document_json(one) for one in found.documents],
        "consistency": [one.plain() for one in answers],
    }


@router.get("/{number}/plots")
def plots(request: HttpRequest, number: str) -> dict[str, Any]:
    """The plots of a chain as GeoJSON."""
    return queries.plots_geojson(queries.resolve(_principal(request), number))


@router.post("/{number}/documents", response={201: dict[str, Any]})
def add(request: HttpRequest, number: str, body: ApprovalBody) -> Any:
    """Enter an approval that another system gave; the project of the code is entered with it."""
    principal = _principal(request)
    code = parse_project_code(number).code
    queries.require_entering(principal, code, body.division)
    approval = services.Approval(
        key=f"entered:{body.kind}:{body.number}"[:160], kind=body.kind, number=body.number, issued_on=body.issued_on,
        division=body.division, project_code=code, issuer_zh=body.issuer, area_m2=body.area_m2, use_zh=body.use,
        previous_number=body.previous_number, plot=_shape(body.plot),
    )  # fmt: skip
    made: ProjectDocument = services.add_approval(principal, approval, body.project_name)
    return 201, queries.document_json(made)


def _shape(text: str) -> shapely.Geometry | None:
    if not text:
        return None
    if len(text) > LONGEST_PLOT:
        raise UsageError("地块的坐标过多。", "The plot has too many coordinates.")
    try:
        return shapely.from_wkt(text)
    except shapely.errors.ShapelyError as error:
        raise UsageError("地块不是可读的 WKT。", "The plot is no readable WKT.") from error
