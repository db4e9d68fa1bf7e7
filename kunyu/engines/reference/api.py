"""House API: division tree and search."""

from datetime import date

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema

from kunyu.engines.reference import queries
from kunyu.engines.reference.models import Division

router = Router(tags=["reference"])


class DivisionOut(Schema):
    code: str
    name_zh: str
    level: int
    parent_code: str
    valid_from: date | None
    valid_to: date | None
    is_fictional: bool


@router.get("/divisions/{code}/children", response=list[DivisionOut])
def children(request: HttpRequest, code: str, valid_at: date | None = None) -> QuerySet[Division]:
    """Direct children; code 0 is the nation."""
    return queries.children(code, valid_at)


@router.get("/divisions/{code}", response=list[DivisionOut])
def path(request: HttpRequest, code: str, valid_at: date | None = None) -> list[Division]:
    """The division and its ancestors, nation first; an ended code answers with its successors."""
    if not queries.valid_at(valid_at).filter(code=code).exists():
        heirs = queries.successors(code, valid_at)
        return heirs or [queries.division(code, valid_at)]
    return queries.path(code, valid_at)


@router.get("/search", response=list[DivisionOut])
def search(request: HttpRequest, q: str, limit: int = Query(10, ge=1, le=50)) -> QuerySet[Division]:
    """Divisions by part of the name or start of the code."""
    return queries.search(q.strip(), limit)
