"""Puts ``request.principal`` and ``request.user`` on every request, found when first asked for, and keeps the door.

The gate: whoever must change the password, or must enrol a second factor, can do that and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import SimpleLazyObject

from kunyu.engines.security import epochs, passwords
from kunyu.engines.security.models import SignInSession, User
from kunyu.engines.security.session import principal_of_request, signed_in_session, user_of_request
from kunyu.engines.security.session_store import SignedIn
from kunyu.engines.security.sign_in_errors import FactorNeeded, PasswordChangeNeeded
from kunyu.engines.security.sign_in_settings import sign_in_settings
from kunyu.kernel.errors import KunyuError

PASSWORD_PAGE, FACTORS_PAGE = "/account/password", "/account/factors"
ALWAYS_OPEN = ("/login", "/logout", "/i18n/", settings.STATIC_URL, "/healthz", "/readyz", PASSWORD_PAGE)
NATIONAL = str(SignInSession.Method.NATIONAL)
"""A way in that uses no password, so none need be changed; such an account may have none."""
PROGRAMS = ("/api/", "/ogc/", "/stac/", "/proxy/")

View = Callable[..., HttpResponse]


class PrincipalMiddleware:
    """Who acts, and whether he may go past the door."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        epochs.forget()
        request.principal = SimpleLazyObject(lambda: principal_of_request(request))  # type: ignore[attr-defined]
        request.user = SimpleLazyObject(lambda: _user(request))  # type: ignore[assignment]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: View, args: tuple[Any, ...], values: dict[str, Any]
    ) -> HttpResponse | None:
        """Stop whoever has something to do first."""
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or request.path.startswith(ALWAYS_OPEN):
            return None
        one = signed_in_session(request)
        if one is None:
            return None
        if one.method != NATIONAL and (one.must_change_password or passwords.is_too_old(one.password_changed_at)):
            return _held(request, PASSWORD_PAGE, PasswordChangeNeeded(
                "请先修改密码：密码由管理员设置，或已超过有效期。",
                "Change your password first: an administrator set it, or it is too old.",
            ))  # fmt: skip
        if must_enrol(one) and not request.path.startswith(FACTORS_PAGE):
            return _held(request, FACTORS_PAGE, FactorNeeded(
                "管理员须先启用第二验证方式。", "An administrator enrols a second factor before anything else."
            ))  # fmt: skip
        return None


def must_enrol(one: SignedIn) -> bool:
    """Is this an administrator's session without two factors, where the node insists on them?"""
    return bool(one.duty) and not one.two_factors and factors_enforced()


def factors_enforced() -> bool:
    """Does this node insist on a second factor for administrators? Production does; a demonstration only asks."""
    wanted = sign_in_settings().factor_required
    return wanted == "always" or (wanted == "production" and settings.PRODUCTION)


def _held(request: HttpRequest, page: str, error: KunyuError) -> HttpResponse:
    if request.path.startswith(PROGRAMS):
        return HttpResponse(
            json.dumps(error.problem(), ensure_ascii=False),
            status=error.http_status,
            content_type="application/problem+json",
        )
    return redirect(page)


def _user(request: HttpRequest) -> User | AnonymousUser:
    """Django's idea of the person; from what the session's statement brought, the rest is loaded when asked for."""
    one = signed_in_session(request)
    if one is None:
        return user_of_request(request) or AnonymousUser()
    names = ["id", "username", "name_zh", "division_code", "is_active"]
    return User.from_db("default", names, [one.user_id, one.username, one.name_zh, one.division_code, True])
