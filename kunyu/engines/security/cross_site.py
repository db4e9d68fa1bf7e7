"""Requests that other sites make a browser send. 跨站请求伪造.

Django lets a view exempt itself from the check, and the house API does. Here nothing is exempt that comes with a
session cookie: every unsafe method on every route, also those written tomorrow. A request with an access token needs no
check, because no browser adds a token by itself, and its cookie then counts for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render

from kunyu.engines.security.session import bearer_token
from kunyu.kernel.errors import Refused

PROGRAMS = ("/api/", "/ogc/", "/stac/")


class CrossSiteRefused(Refused):
    """An unsafe request with a session cookie that does not come from a page of this node."""

    code = "cross_site_refused"
    title_zh, title_en = "跨站请求被拒绝", "Cross-site request refused"


class CrossSiteMiddleware(CsrfViewMiddleware):
    """Django's check without its exemptions for whoever comes with a session cookie."""

    def process_view(
        self, request: HttpRequest, callback: Callable[..., Any], callback_args: Any, callback_kwargs: Any
    ) -> Any:
        if bearer_token(request):
            return None
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            return super().process_view(
                request,
                _nothing_exempt,  # type: ignore[arg-type]
                callback_args,
                callback_kwargs,
            )
        return super().process_view(request, callback, callback_args, callback_kwargs)


def _nothing_exempt() -> None:
    """Stands for the view in Django's check: it bears no exemption."""


def refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's ``CSRF_FAILURE_VIEW``: a problem document for programs, a page for people."""
    error = CrossSiteRefused(
        "请求缺少页面校验（CSRF）标记，或页面已过期。请刷新页面重试；程序请使用访问令牌。",
        "The request lacks the page's CSRF token, or the page is too old. Reload it; programs use an access token.",
    )
    if request.path.startswith(PROGRAMS) or not hasattr(request, "principal"):
        body = json.dumps(error.problem(), ensure_ascii=False)
        return HttpResponse(body, status=error.http_status, content_type="application/problem+json")
    return render(request, "problem.html", {"error": error}, status=error.http_status)
