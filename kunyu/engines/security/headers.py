"""Headers that tell browsers what a page of this node may do. 安全响应头.

Scripts and workers come from the node itself and are never written into a page. Styles too, but for ``style``
attributes: map markers, progress bars and class colours are placed by them, and no attribute can run a script.
Pages connect to the node itself, and on a node without nginx to its events process beside it.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

POLICY = "; ".join((
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
))  # fmt: skip
DOCUMENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
"""For whole documents that carry their own look, such as a check report: nothing in them runs or loads."""
YEAR = 365 * 24 * 3600
NOT_KEPT = ("/login", "/account")


def policy_for(request: HttpRequest) -> str:
    """The policy of a page: where the events process has a port of its own, the page may listen to it."""
    origin = events_origin(request)
    return POLICY.replace("connect-src 'self'", f"connect-src 'self' {origin}") if origin else POLICY


def events_origin(request: HttpRequest) -> str:
    """Scheme, host and port of the events process as this browser reaches it; '' where it is behind the same address.

    A page that came over https cannot open a plain address beside it: nginx offers one, or the page asks by itself.
    """
    if settings.KUNYU_EVENTS_ADDRESS or not settings.KUNYU_EVENTS_PORT or request.is_secure():
        return ""
    try:
        host = request.get_host()
    except DisallowedHost:
        return ""
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return f"http://{name}:{settings.KUNYU_EVENTS_PORT}"


class HeadersMiddleware:
    """Adds the headers to every answer that has none of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy_for(request))
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=(self)")
        if request.path.startswith(NOT_KEPT):
            response.headers["Cache-Control"] = "no-store"
        if settings.PRODUCTION:
            response.headers.setdefault("Strict-Transport-Security", f"max-age={YEAR}")
        return response
