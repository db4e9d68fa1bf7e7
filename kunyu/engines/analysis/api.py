"""House API of the analyses: what a plot overlaps, its land classes, its history, what is near. 空间分析."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from kunyu.engines.analysis import jobs, keeping, plot_files, services
from kunyu.engines.analysis.bodies import read_json
from kunyu.engines.analysis.models import AnalysisJob
from kunyu.engines.analysis.process_schemas import house_body
from kunyu.engines.analysis.questions import BUFFER, HISTORY, LAND_CLASSES, NEAREST, OVERLAP, read_question
from kunyu.engines.catalogue.served.moments import instant_text
from kunyu.engines.security.scope import Principal

router = Router(tags=["analysis"])


def principal_of(request: HttpRequest) -> Principal:
    """Who asks."""
    return request.principal  # type: ignore[attr-defined, no-any-return]


def _ask(request: HttpRequest, kind: str) -> HttpResponse:
    document = services.answer(principal_of(request), read_question(kind, read_json(request)))
    return _private(document, 202 if document.get("job") else 200)


def _private(document: Any, status: int = 200) -> HttpResponse:
    response = JsonResponse(
        document, status=status, safe=False, json_dumps_params={"ensure_ascii": False, "separators": (",", ":")}
    )
    response["Cache-Control"] = "private, no-store"
    return response


@router.post("/overlap", summary="冲突检测 / what a plot overlaps", openapi_extra=house_body(OVERLAP))
def overlap(request: HttpRequest) -> HttpResponse:
    """Each layer: conflict, clear, or not checked with a reason; areas on the ellipsoid; a digest to replay."""
    return _ask(request, OVERLAP)


@router.post("/land-classes", summary="地类统计 / land-class table", openapi_extra=house_body(LAND_CLASSES))
def land_classes(request: HttpRequest) -> HttpResponse:
    """Areas of a plot by land class."""
    return _ask(request, LAND_CLASSES)


@router.post("/history", summary="地块历史 / history of a place", openapi_extra=house_body(HISTORY))
def history(request: HttpRequest) -> HttpResponse:
    """Every state a place was believed to be in, and what each version changed."""
    return _ask(request, HISTORY)


@router.post("/nearest", summary="最近要素 / nearest records", openapi_extra=house_body(NEAREST))
def nearest(request: HttpRequest) -> HttpResponse:
    """The nearest records of each layer, in true metres."""
    return _ask(request, NEAREST)


@router.post("/buffer", summary="缓冲区 / buffer", openapi_extra=house_body(BUFFER))
def buffer(request: HttpRequest) -> HttpResponse:
    """A buffer of true metres around a geometry."""
    return _ask(request, BUFFER)


@router.post("/plot", summary="读取地块文件 / read a plot from a file", openapi_extra=plot_files.BODY)
def plot(request: HttpRequest) -> HttpResponse:
    """Plots of an uploaded file or coordinate text, in longitude, latitude; nothing is stored."""
    return _private(plot_files.read_upload(request))


@router.get("/results/{result_id}", summary="留存的结果 / a stored result")
def result(request: HttpRequest, result_id: int) -> HttpResponse:
    """One's own result as it was answered, without geometries."""
    stored = keeping.find(principal_of(request), result_id)
    return _private({**stored.document, "result": stored.pk, "software": stored.software})


@router.post("/results/{result_id}/replay", summary="复算 / replay")
def replay(request: HttpRequest, result_id: int) -> HttpResponse:
    """Run one's own result again at the instant it spoke of: equal or not, and why perhaps not."""
    document = services.replay(principal_of(request), result_id)
    return _private(document, 202 if document.get("job") else 200)


@router.get("/jobs", summary="我的分析作业 / my analysis jobs")
def job_list(request: HttpRequest) -> HttpResponse:
    """One's own jobs, newest first."""
    return _private([job_document(one) for one in jobs.jobs_of(principal_of(request))])


@router.get("/jobs/{job_id}", summary="分析作业 / an analysis job")
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    """Where one's own job stands; with its result when done."""
    found = jobs.job_of(principal_of(request), job_id)
    document = job_document(found)
    if found.result is not None:
        document["answer"] = keeping.find(principal_of(request), found.result.pk).document
    return _private(document)


@router.delete("/jobs/{job_id}", summary="撤销作业 / dismiss a job")
def dismiss(request: HttpRequest, job_id: int) -> HttpResponse:
    """Stop one's own job."""
    return _private(job_document(jobs.dismiss(principal_of(request), job_id)))


def job_document(job: AnalysisJob) -> dict[str, Any]:
    """A job as the house API answers it."""
    return {
        "id": job.pk, "kind": job.kind, "state": job.state, "done": job.done, "total": job.total,
        "message_zh": job.message_zh, "message_en": job.message_en, "result": job.result_id,
        "created_at": instant_text(job.created_at),
        "finished_at": instant_text(job.finished_at) if job.finished_at else None,
    }  # fmt: skip
