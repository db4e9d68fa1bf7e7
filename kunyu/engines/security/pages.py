"""Signing in and out."""

from django.contrib.auth import authenticate, login, logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from kunyu.engines.security import audit
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page. A wrong password says so and names nothing else; every attempt is on record."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    target = wanted if url_has_allowed_host_and_scheme(wanted, {request.get_host()}) else "/"
    if request.method == "GET":
        return render(request, "login.html", {"next": target})
    origin = request.META.get("REMOTE_ADDR", "")
    username = request.POST.get("username", "")[:60]
    user = authenticate(request, username=username, password=request.POST.get("password", ""))
    if user is None:
        with transaction.atomic():
            audit.record(Principal(username or "?", origin=origin), "sign-in", "session", username, "refused")
        return render(request, "login.html", {"next": target, "failed": True, "username": username}, status=401)
    with transaction.atomic():
        login(request, user)
        audit.record(principal_of(user, origin), "sign-in", "session", username)  # type: ignore[arg-type]
    return redirect(target)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("/login")
