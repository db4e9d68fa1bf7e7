"""The door: sign-in page, second step, and the addresses its script asks."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from kunyu.engines.security import certificates_login, passkeys, second_factors, sign_in
from kunyu.engines.security.national_identity.services import is_offered
from kunyu.engines.security.sign_in_errors import SignInRefused
from kunyu.kernel.errors import KunyuError, UsageError

LARGEST_BODY = 64 * 1024


class BadSignInBody(UsageError):
    """The script's message is no JSON object."""

    code = "bad_sign_in_body"


@require_http_methods(["GET", "POST"])
def door(request: HttpRequest) -> HttpResponseBase:
    """The sign-in page. A refusal names nothing; every attempt is on record."""
    target = sign_in.safe_next(request, request.POST.get("next") or request.GET.get("next") or "/")
    if request.method == "GET":
        return _door(request, target)
    username = request.POST.get("username", "")[: sign_in.NAME_LONG]
    try:
        step = sign_in.with_password(request, username, request.POST.get("password", ""))
    except KunyuError as error:
        return _door(request, target, error, username)
    if step is sign_in.Step.SECOND:
        request.session["next"] = target
        return redirect("/login/second")
    return redirect(target)


def _door(request: HttpRequest, target: str, error: KunyuError | None = None, username: str = "") -> HttpResponse:
    values = {
        "next": target, "error": error, "username": username, "kept": "next" in request.GET, "identity": is_offered(),
        "national_next": "/hall/" if target == "/" else target,
    }  # fmt: skip
    return render(request, "login.html", values, status=error.http_status if error else 200)


@require_http_methods(["GET", "POST"])
def second(request: HttpRequest) -> HttpResponseBase:
    """The second step: code, recovery code or passkey."""
    target = sign_in.safe_next(request, request.session.get("next", "/"))
    user = sign_in.pending_user(request)
    if user is None:
        return redirect("/login")
    error: KunyuError | None = None
    if request.method == "POST":
        try:
            sign_in.with_code(request, request.POST.get("code", ""))
            return redirect(target)
        except KunyuError as refusal:
            error = refusal
    values = {"factors": second_factors.of(user.pk), "error": error, "next": target}
    return render(request, "identity/second.html", values, status=error.http_status if error else 200)


@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser needs to prove a passkey."""
    return JsonResponse(passkeys.proof_options(request, sign_in.pending_user(request)))


@require_POST
def passkey(request: HttpRequest) -> HttpResponse:
    """The browser's proof; answers with the page to go to."""
    said = body_of(request)
    target = sign_in.safe_next(request, str(said.get("next", "/")))
    return _answered(request, target, lambda: sign_in.with_passkey(request, _object(said.get("credential"))))


@require_POST
def certificate_challenge(request: HttpRequest) -> HttpResponse:
    """The message to sign."""
    return JsonResponse({"message": certificates_login.begin(request).decode("ascii")})


@require_POST
def certificate(request: HttpRequest) -> HttpResponse:
    """Certificate and signature; answers with the page to go to."""
    said = body_of(request)
    target = sign_in.safe_next(request, str(said.get("next", "/")))
    shown, signed = str(said.get("certificate", "")), str(said.get("signature", ""))
    return _answered(request, target, lambda: sign_in.with_certificate(request, shown, signed))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    sign_in.sign_out(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that a script sent."""
    try:
        found = json.loads(request.body) if len(request.body) <= LARGEST_BODY else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadSignInBody("请求内容不是 JSON 对象。", "The request's body is no JSON object.")
    return found


def problem(error: KunyuError) -> HttpResponse:
    """A problem document for the script."""
    return JsonResponse(error.problem(), status=error.http_status, content_type="application/problem+json")


def _answered(request: HttpRequest, target: str, act: Any) -> HttpResponse:
    try:
        act()
    except KunyuError as error:
        return problem(error)
    return JsonResponse({"next": target})


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SignInRefused("请求缺少通行密钥的应答。", "The request lacks the passkey's answer.")
    return value
