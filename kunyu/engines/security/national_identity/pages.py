"""Two addresses: to the provider, and back from it. 统一身份认证登录页."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kunyu.engines.security import sign_in
from kunyu.engines.security.national_identity import services
from kunyu.kernel.errors import KunyuError

NEXT = "national_next"
HOME = "/hall/"


@require_safe
@never_cache
def begin(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider. It changes nothing here but this browser's own challenge."""
    target = sign_in.safe_next(request, request.GET.get("next") or HOME)
    try:
        address = services.begin(request)
    except KunyuError as error:
        return _said(request, error)
    request.session[NEXT] = target
    return redirect(address)


@require_safe
@never_cache
def back(request: HttpRequest) -> HttpResponse:
    """The browser comes back with a ticket; the challenge of this browser is what makes this safe to answer."""
    target = sign_in.safe_next(request, str(request.session.get(NEXT, HOME)))
    try:
        step = services.finish(request, request.GET.get("ticket", ""))
    except KunyuError as error:
        return _said(request, error)
    if step is sign_in.Step.SECOND:
        request.session["next"] = target
        return redirect("/login/second")
    return redirect(target)


def _said(request: HttpRequest, error: KunyuError) -> HttpResponse:
    return render(
        request, "identity/national.html", {"error": error, "identity": services.is_offered()}, status=error.http_status
    )
