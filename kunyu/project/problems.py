"""Every refusal leaves the node as an RFC 9457 problem document for programs, or as a plain page for people."""

import json
from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from kunyu.kernel.errors import KunyuError

PROGRAM_PREFIXES = ("/ogc/", "/api/", "/stac/")


def problem_response(error: KunyuError) -> HttpResponse:
    """The problem document of ``error`` with its HTTP status (contract.md, "Addresses")."""
    return HttpResponse(
        json.dumps(error.problem(), ensure_ascii=False),
        status=error.http_status,
        content_type="application/problem+json",
    )


class NoSuchAddress(KunyuError):
    """An address nobody serves."""

    code = "no_such_address"
    http_status = 404
    exit_code = 4


class ProblemMiddleware:
    """Turns our errors into problem documents under the programs' addresses and into pages elsewhere."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Http404):
            exception = NoSuchAddress("没有这个地址，或者您无权查看。", "No such address, or you may not see it.")
        if not isinstance(exception, KunyuError):
            return None
        if request.path.startswith(PROGRAM_PREFIXES):
            return problem_response(exception)
        return render(request, "problem.html", {"error": exception}, status=exception.http_status)
