"""OGC API – Processes Part 1 (OGC 18-062r2) under ``/ogc/``: list, description, execution, jobs, results, dismiss.

Inputs are the members of the house API's bodies; the one output ``result`` is its answer. Without ``Prefer:
respond-async`` an execution is answered at once, unless too many records are concerned: then it is a job (201), as the
standard allows a server to decide.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from kunyu.engines.analysis import jobs, keeping, services
from kunyu.engines.analysis.bodies import read_json
from kunyu.engines.analysis.errors import BadRequest, MethodNotAllowed, NoSuchProcess, ResultNotReady
from kunyu.engines.analysis.models import AnalysisJob
from kunyu.engines.analysis.process_schemas import Input, Process, processes
from kunyu.engines.analysis.questions import read_question
from kunyu.engines.catalogue.served.moments import instant_text
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.scope import Principal

View = Callable[..., HttpResponse]
VERSION = "1.0.0"


def answering(*methods: str, signed_in: bool = False) -> Callable[[View], View]:
    """A view for some methods; the rest is 405. ``signed_in`` asks nobody in particular to sign in first."""

    def dressed(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in methods:
                listed = "、".join(methods)
                raise MethodNotAllowed(f"这里可用的方法：{listed}。", f"Methods of this address: {', '.join(methods)}.")
            if signed_in and (_principal(request).is_anonymous):
                raise SignInNeeded(
                    "请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request."
                )
            if request.method == "GET":
                _require_known(request)
            return view(request, *args, **kwargs)

        # whoever comes with a session cookie is checked all the same (security.cross_site)
        guarded.csrf_exempt = True  # type: ignore[attr-defined]
        return guarded

    return dressed


def _require_known(request: HttpRequest) -> None:
    unknown = [name for name in request.GET if name not in ("f", "limit")]
    if unknown or request.GET.get("f", "json") != "json" or not request.GET.get("limit", "1").isdecimal():
        name = (unknown or ["f"])[0][:60]
        raise BadRequest(f"参数 {name!r} 不可用；这里可用：f=json、limit。", f"Parameter {name!r} is not offered here.")


def _principal(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined, no-any-return]


def _root(request: HttpRequest) -> str:
    return request.build_absolute_uri("/ogc")


def _json(document: Any, status: int = 200, **headers: str) -> HttpResponse:
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    response = HttpResponse(content, content_type="application/json", status=status)
    response["Cache-Control"] = "private, no-store"
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    return response


def _link(href: str, rel: str, title: str = "") -> dict[str, str]:
    return {"href": href, "rel": rel, "type": "application/json", **({"title": title} if title else {})}


def _summary(one: Process, root: str) -> dict[str, Any]:
    return {
        "id": one.id, "version": VERSION, "title": f"{one.title_zh} / {one.title_en}",
        "description": f"{one.description_zh} {one.description_en}",
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"], "outputTransmission": ["value"],
        "links": [_link(f"{root}/processes/{one.id}", "self")],
    }  # fmt: skip


def _input(one: Input) -> dict[str, Any]:
    return {
        "title": f"{one.title_zh} / {one.title_en}", "minOccurs": 1 if one.required else 0, "maxOccurs": 1,
        "schema": one.schema,
    }  # fmt: skip


def _found(process_id: str) -> Process:
    one = processes().get(process_id)
    if one is None:
        raise NoSuchProcess(
            f"没有处理 {process_id[:60]!r}；可用：{'、'.join(processes())}。",
            f"There is no process {process_id[:60]!r}.",
        )
    return one


@answering("GET", "HEAD")
def process_list(request: HttpRequest) -> HttpResponse:
    """``/ogc/processes``"""
    root = _root(request)
    listed = [_summary(one, root) for one in processes().values()][: _limit(request)]
    return _json({"processes": listed, "links": [_link(f"{root}/processes", "self")]})


def _limit(request: HttpRequest) -> int:
    return max(1, min(int(request.GET.get("limit", "200")[:9]), 1_000))


@answering("GET", "HEAD")
def process(request: HttpRequest, process_id: str) -> HttpResponse:
    """``/ogc/processes/{processId}``"""
    one, root = _found(process_id), _root(request)
    description = _summary(one, root)
    description["inputs"] = {name: _input(each) for name, each in one.inputs.items()}
    description["outputs"] = {"result": {"title": "结果 / result", "schema": {"type": "object"}}}
    description["links"].append(
        _link(
            f"{root}/processes/{one.id}/execution", "http://www.opengis.net/def/rel/ogc/1.0/execute", "执行 / execute"
        )
    )
    return _json(description)


@answering("POST", signed_in=True)
def execution(request: HttpRequest, process_id: str) -> HttpResponse:
    """``/ogc/processes/{processId}/execution``"""
    one = _found(process_id)
    body = read_json(request)
    asked = read_question(one.id, _inputs(body))
    raw = body.get("response", "raw")
    if "respond-async" in request.headers.get("Prefer", ""):
        return _accepted(request, jobs.queue(_principal(request), asked), preferred=True)
    document = services.answer(_principal(request), asked)
    if document.get("job"):
        return _accepted(request, jobs.job_of(_principal(request), document["job"]), preferred=False)
    return _json(document if raw == "raw" else {"result": document})


def _inputs(body: Any) -> dict[str, Any]:
    """The inputs of an execute request, inline values only (OGC 18-062r2, 7.11.2)."""
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), dict):
        raise BadRequest('请求体应为 {"inputs": {…}}。', 'The body must be {"inputs": {…}}.')
    unknown = [name for name in body if name not in ("inputs", "outputs", "response", "subscriber")]
    if unknown or body.get("response", "raw") not in ("raw", "document"):
        raise BadRequest("请求体只能有 inputs、outputs、response。", "Only inputs, outputs and response are read.")
    if "subscriber" in body:
        raise BadRequest("不支持 subscriber。", "subscriber is not supported.")
    wanted = body.get("outputs", {})
    if not isinstance(wanted, dict) or set(wanted) - {"result"}:
        raise BadRequest("只有一个输出 result。", "The only output is result.")
    return {name: _inline(name, value) for name, value in body["inputs"].items()}


def _inline(name: str, value: Any) -> Any:
    if isinstance(value, dict) and "href" in value:
        raise BadRequest(
            f"{name}：不读取外部地址，请直接给出值。", f"{name}: addresses are not fetched; give the value."
        )
    if isinstance(value, dict) and set(value) <= {"value", "mediaType", "encoding", "schema"} and "value" in value:
        return value["value"]
    return value


def _accepted(request: HttpRequest, job: AnalysisJob, *, preferred: bool) -> HttpResponse:
    headers = {"Location": f"{_root(request)}/jobs/{job.pk}"}
    if preferred:
        headers["Preference_Applied"] = "respond-async"
    return _json(_status(job, _root(request)), 201, **headers)


def _status(job: AnalysisJob, root: str) -> dict[str, Any]:
    address = f"{root}/jobs/{job.pk}"
    links = [_link(address, "self")]
    if job.state == AnalysisJob.State.SUCCESSFUL:
        links.append(_link(f"{address}/results", "http://www.opengis.net/def/rel/ogc/1.0/results"))
    said: dict[str, Any] = {
        "jobID": str(job.pk), "processID": job.kind, "type": "process", "status": job.state,
        "created": instant_text(job.created_at), "updated": instant_text(job.updated_at),
        "progress": 100 if job.state == "successful" else min(99, int(100 * job.done / job.total)) if job.total else 0,
    }  # fmt: skip
    for name, value in (("started", job.started_at), ("finished", job.finished_at)):
        if value is not None:
            said[name] = instant_text(value)
    if job.message_zh:
        said["message"] = f"{job.message_zh} {job.message_en}"
    return said | {"links": links}


@answering("GET", "HEAD", signed_in=True)
def job_list(request: HttpRequest) -> HttpResponse:
    """``/ogc/jobs``: one's own."""
    root = _root(request)
    listed = [_status(one, root) for one in jobs.jobs_of(_principal(request))][: _limit(request)]
    return _json({"jobs": listed, "links": [_link(f"{root}/jobs", "self")]})


@answering("GET", "HEAD", "DELETE", signed_in=True)
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    """``/ogc/jobs/{jobId}``: status, or dismiss."""
    if request.method == "DELETE":
        return _json(_status(jobs.dismiss(_principal(request), job_id), _root(request)))
    return _json(_status(jobs.job_of(_principal(request), job_id), _root(request)))


@answering("GET", "HEAD", signed_in=True)
def results(request: HttpRequest, job_id: int) -> HttpResponse:
    """``/ogc/jobs/{jobId}/results``"""
    found = jobs.job_of(_principal(request), job_id)
    if found.result is None:
        raise ResultNotReady(
            f"作业 {job_id} 没有结果，状态：{found.get_state_display()}。{found.message_zh}",
            f"Job {job_id} has no results; it is {found.state}. {found.message_en}",
            status=found.state,
        )
    return _json({"result": keeping.find(_principal(request), found.result.pk).document})
