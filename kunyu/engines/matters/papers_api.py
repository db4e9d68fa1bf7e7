"""House API of the papers of a case: letters and licence for whoever sees the case, a draft of the opinion for officers."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from ninja import Router

from kunyu.engines.documents.api import document_answer
from kunyu.engines.matters.cases import briefs, papers, queries
from kunyu.engines.matters.cases.people import unknown
from kunyu.engines.security.scope import Principal

router = Router(tags=["cases"])
_SUFFIX = {"application/pdf": ".pdf", "application/ofd": ".ofd"}


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@router.get("/{number}/papers")
def listed(request: HttpRequest, number: str) -> dict[str, Any]:
    """What went out in a case: letters and licence, oldest first; ``code`` verifies a letter at ``/verify/``."""
    found = papers.sent(queries.case_of(_principal(request), number))
    return {
        "papers": [
            {
                "id": one.pk, "kind": one.kind, "title_zh": one.title_zh, "number": one.number, "code": one.proof,
                "made_at": one.made_at.isoformat(), "media_type": one.media_type, "size": one.size, "sm3": one.sm3,
            }
            for one in found
        ]
    }  # fmt: skip


@router.get("/{number}/papers/{int:paper_id}")
def one_paper(request: HttpRequest, number: str, paper_id: int) -> FileResponse:
    """The sealed file of a letter or licence."""
    principal = _principal(request)
    paper = papers.sent(queries.case_of(principal, number)).filter(pk=paper_id).first()
    if paper is None:
        raise unknown(f"{number} / {paper_id}")
    return document_answer(principal, paper, f"{number}-{paper.kind}{_SUFFIX.get(paper.media_type, '')}")


@router.get("/{number}/opinion")
def opinion(request: HttpRequest, number: str) -> HttpResponse:
    """A draft of the opinion, filled in as far as the case goes; for officers of the case."""
    principal = _principal(request)
    case = queries.case_of(principal, number)
    if not briefs.is_officer(principal, case):
        raise unknown(number)
    name, made = papers.draft_of_opinion(case, principal)
    answer = HttpResponse(made.content, content_type=made.media_type)
    answer["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    answer["Cache-Control"] = "private, no-store"
    return answer
