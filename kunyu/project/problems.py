"""Every refusal leaves the node as an RFC 9457 problem document for programs, or as a plain page for people."""

import json
import sys
from collections.abc import Callable

from django.db import DataError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from kunyu.kernel.errors import Defect, KunyuError, NodeUnavailable, NotFound, UsageError

PROGRAM_PREFIXES = ("/ogc/", "/api/", "/stac/", "/proxy/", "/verify/")


def problem_response(error: KunyuError) -> HttpResponse:
    """The problem document of ``error`` with its HTTP status (contract.md, "Addresses")."""
    response = HttpResponse(
        json.dumps(error.problem(), ensure_ascii=False),
        status=error.http_status,
        content_type="application/problem+json",
    )
    return _with_wait(response, error)


def _with_wait(response: HttpResponse, error: KunyuError) -> HttpResponse:
    """Say when to ask again, where the refusal knows it."""
    if "retry_after" in error.context:
        response["Retry-After"] = str(error.context["retry_after"])
    return response


class UnstorableText(UsageError):
    """Text that no database column can hold, such as a zero byte."""

    code = "unstorable_text"
    http_status = 400


class NoSuchAddress(NotFound):
    """An address nobody serves."""

    code = "no_such_address"


def no_such_address(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's ``handler404``: no pattern fits the address."""
    return answer(request, NoSuchAddress("没有这个地址，或者您无权查看。", "No such address, or you may not see it."))


def broken(request: HttpRequest) -> HttpResponse:
    """Django's ``handler500``: the database is away, or we have a defect; Django has logged it."""
    error = sys.exc_info()[1]
    if isinstance(error, KunyuError):
        return answer(request, error)
    if isinstance(error, OperationalError):
        return answer(
            request, NodeUnavailable("数据库暂时无法使用，请稍后再试。", "The database is away; try again later.")
        )
    if isinstance(error, DataError):
        return answer(request, _unstorable())
    said = type(error).__name__ if error else ""
    return answer(
        request, Defect(f"程序出现缺陷（{said}），已记入日志。", f"Kunyu has a defect ({said}); it is in the log.")
    )


def _unstorable() -> UnstorableText:
    return UnstorableText(
        "请求中有不能存储的字符或数值（例如零字节），请改正后再试。",
        "The request holds a character or number that cannot be stored, such as a zero byte; correct it.",
    )


def answer(request: HttpRequest, error: KunyuError) -> HttpResponse:
    """A problem document for programs; for people a page, which itself may need the database that is away."""
    if not request.path.startswith(PROGRAM_PREFIXES) and "text/html" in request.headers.get("Accept", ""):
        try:
            return _with_wait(render(request, "problem.html", {"error": error}, status=error.http_status), error)
        except (OperationalError, AttributeError):  # no session, no principal: the request never got that far
            pass
    return problem_response(error)


class ProblemMiddleware:
    """Turns our errors into problem documents under the programs' addresses and into pages elsewhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return answer(request, _unstorable())
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Http404):
            exception = NoSuchAddress("没有这个地址，或者您无权查看。", "No such address, or you may not see it.")
        if not isinstance(exception, KunyuError):
            return None
        if request.path.startswith(PROGRAM_PREFIXES):
            return problem_response(exception)
        return _with_wait(
            render(request, "problem.html", {"error": exception}, status=exception.http_status), exception
        )
