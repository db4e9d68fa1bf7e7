"""OGC API – Processes in the landing page, the conformance and the OpenAPI description of ``/ogc/``. 处理服务描述."""

from __future__ import annotations

from typing import Any

from kunyu.engines.analysis.process_schemas import processes

_CONF = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf"
CONFORMANCE = tuple(
    f"{_CONF}/{name}" for name in ("core", "ogc-process-description", "json", "oas30", "job-list", "dismiss")
)
LINKS = (
    ("processes", "http://www.opengis.net/def/rel/ogc/1.0/processes", "处理 / processes"),
    ("jobs", "http://www.opengis.net/def/rel/ogc/1.0/job-list", "作业 / jobs"),
)
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}


def _answers(*pairs: tuple[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, words in pairs:
        content = {"application/json": {"schema": {"type": "object"}}} if status < "300" else _PROBLEM
        found[status] = {"description": words, "content": content}
    return found


def _operation(name: str, summary: str, answers: dict[str, Any], *path: str, **more: Any) -> dict[str, Any]:
    kinds: dict[str, Any] = {
        "processId": {"type": "string", "enum": list(processes())},
        "jobId": {"type": "integer", "minimum": 1},
    }
    return {
        "tags": ["Processes"], "operationId": name, "summary": summary, "responses": answers,
        "parameters": [{"name": one, "in": "path", "required": True, "schema": kinds[one]} for one in path], **more,
    }  # fmt: skip


def paths() -> dict[str, Any]:
    """The paths of OpenAPI 3.0, relative to ``/ogc``."""
    bad, away, in_first = ("400", "请求错误 / bad request"), ("404", "不存在 / not there"), ("401", "请登录 / sign in")
    ok, body = ("200", "OK"), {
        "required": True,
        "content": {"application/json": {"schema": {
            "type": "object", "required": ["inputs"],
            "properties": {"inputs": {"type": "object"}, "outputs": {"type": "object"},
                           "response": {"type": "string", "enum": ["raw", "document"]}},
        }}},
    }  # fmt: skip
    execution = _answers(ok, ("201", "作业已建立 / job created"), bad, in_first, away, ("413", "过大 / too large"))
    return {
        "/processes": {"get": _operation("processes", "处理 / processes", _answers(ok, bad))},
        "/processes/{processId}": {"get": _operation("process", "一个处理 / one process", _answers(ok, bad, away), "processId")},
        "/processes/{processId}/execution": {
            "post": _operation("execute", "执行 / execute", execution, "processId", requestBody=body)
        },
        "/jobs": {"get": _operation("jobs", "我的作业 / my jobs", _answers(ok, bad, in_first))},
        "/jobs/{jobId}": {
            "get": _operation("job", "作业状态 / status", _answers(ok, bad, in_first, away), "jobId"),
            "delete": _operation("dismiss", "撤销 / dismiss", _answers(ok, in_first, away), "jobId"),
        },
        "/jobs/{jobId}/results": {"get": _operation("results", "结果 / results", _answers(ok, bad, in_first, away), "jobId")},
    }  # fmt: skip


PART: dict[str, Any] = {"conformance": CONFORMANCE, "links": LINKS, "paths": paths, "tag": "Processes"}
