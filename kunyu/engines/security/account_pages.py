""" "My account": who I am, what I may do, how I prove it, where I am signed in, my programs. 我的账号.

Fields are read one by one by name: what a form sends besides changes nothing (mass assignment).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from kunyu.engines.security import (
    access_tokens,
    account_reading,
    certificates_login,
    passkeys,
    passwords,
    profile,
    second_factors,
    sessions,
    sign_in,
)
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.middleware import factors_enforced
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import sign_in_address, user_of_request
from kunyu.engines.security.session_store import SessionStore
from kunyu.engines.security.sign_in_errors import ConfirmationNeeded
from kunyu.engines.security.sign_in_pages import body_of, problem
from kunyu.engines.security.sign_in_settings import sign_in_settings
from kunyu.kernel.errors import KunyuError

View = Callable[..., HttpResponseBase]


def own(view: View) -> View:
    """Pages of one's own account: a person at a browser, never a program with a token."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **values: Any) -> HttpResponseBase:
        principal: Principal = request.principal  # type: ignore[attr-defined]
        if principal.is_anonymous:
            return redirect(sign_in_address(request))
        if principal.session_id is None:
            raise NotAllowed(
                "账号页面只供本人登录使用，令牌不能打开。", "Account pages are for people, not for tokens."
            )
        return view(request, *args, **values)

    return guarded


def fresh(view: View) -> View:
    """Sensitive changes: a proof of identity not older than ``confirm_minutes``."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **values: Any) -> HttpResponseBase:
        try:
            sign_in.require_fresh(request)
        except ConfirmationNeeded as error:
            if request.content_type == "application/json":
                return problem(error)
            return redirect("/account/confirm")
        return view(request, *args, **values)

    return own(guarded)


def _user(request: HttpRequest) -> User:
    user = user_of_request(request)
    assert user is not None
    return user


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@own
def account(request: HttpRequest) -> HttpResponse:
    """Who I am and what I may do."""
    return _account(request)


def _account(
    request: HttpRequest, error: KunyuError | None = None, where: str = "", **more: object
) -> HttpResponse:  # fmt: skip
    values = account_reading.of(_principal(request), _user(request))
    values |= {"error": error, "where": where, "token_days": sign_in_settings().token_days} | more
    return render(request, "identity/account.html", values, status=error.http_status if error else 200)


@own
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest) -> HttpResponseBase:
    """A fresh proof of identity; then back to the account."""
    error: KunyuError | None = None
    if request.method == "POST":
        try:
            sign_in.confirm(request, request.POST.get("password", ""), request.POST.get("code", ""))
            return redirect("/account/")
        except KunyuError as refusal:
            error = refusal
    values = {"error": error, "factors": second_factors.of(_user(request).pk)}
    return render(request, "identity/confirm.html", values, status=error.http_status if error else 200)


@own
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponseBase:
    """Change the password: by wish, at the first sign-in, or because of its age. Other sessions end."""
    user, error = _user(request), None
    if request.method == "POST":
        try:
            if request.POST.get("new") != request.POST.get("again"):
                raise passwords.PasswordTooWeak("两次输入的新密码不同。", "The two new passwords differ.")
            sign_in.change_password(request, user, request.POST.get("old", ""), request.POST.get("new", ""))
            return redirect("/account/")
        except KunyuError as refusal:
            error = refusal
    forced = user.must_change_password or passwords.is_too_old(user.password_changed_at)
    values = {
        "error": error, "forced": forced, "set_by_other": user.must_change_password, "shortest": passwords.SHORTEST,
        "passphrase": passwords.PASSPHRASE, "history": sign_in_settings().password_history,
        "days": sign_in_settings().password_days,
    }  # fmt: skip
    return render(request, "identity/password.html", values, status=error.http_status if error else 200)


@own
def factors(request: HttpRequest) -> HttpResponse:
    """Second factors: what there is, what can be added."""
    return _factors(request)


def _factors(request: HttpRequest, error: KunyuError | None = None, **more: object) -> HttpResponse:
    user, principal = _user(request), _principal(request)
    pending = second_factors.pending_authenticator(user)
    values: dict[str, object] = {
        "factors": second_factors.of(user.pk), "passkeys": list(user.passkeys.order_by("made_at")), "error": error,
        "host": passkeys.host_of(request), "duty": principal.duty, "enforced": factors_enforced(),
    }  # fmt: skip
    if pending is not None:
        address = second_factors.provisioning_address(pending)
        values |= {"pending": pending, "qr": second_factors.qr_svg(address), "secret": pending.secret}
    return render(request, "identity/factors.html", values | more, status=error.http_status if error else 200)


@require_POST
@fresh
def begin_authenticator(request: HttpRequest) -> HttpResponseBase:
    """Show a new secret as a QR code."""
    try:
        second_factors.begin_authenticator(_user(request))
    except KunyuError as error:
        return _factors(request, error)
    return redirect("/account/factors")


@require_POST
@fresh
def confirm_authenticator(request: HttpRequest) -> HttpResponseBase:
    """The first code puts the app in force; recovery codes are shown this once."""
    try:
        codes = second_factors.confirm_authenticator(
            _user(request), request.POST.get("code", "")[:20], _principal(request)
        )
    except KunyuError as error:
        return _factors(request, error)
    _proved_twice(request)
    return _factors(request, codes=codes)


@require_POST
@fresh
def remove_authenticator(request: HttpRequest) -> HttpResponseBase:
    """Give the app up."""
    second_factors.remove_authenticator(_user(request), _principal(request))
    return redirect("/account/factors")


@require_POST
@fresh
def recovery_codes(request: HttpRequest) -> HttpResponseBase:
    """Ten new recovery codes; the former are dead."""
    return _factors(request, codes=second_factors.make_recovery_codes(_user(request), _principal(request)))


@require_POST
@fresh
def passkey_options(request: HttpRequest) -> HttpResponse:
    """What the browser needs to make a passkey."""
    return JsonResponse(passkeys.registration_options(request, _user(request)))


@require_POST
@fresh
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Keep the passkey that the browser made."""
    said = body_of(request)
    credential = said.get("credential")
    try:
        passkeys.register(
            request, _user(request), credential if isinstance(credential, dict) else {}, str(said.get("name", ""))[:60],
            _principal(request),
        )  # fmt: skip
    except KunyuError as error:
        return problem(error)
    _proved_twice(request)
    return JsonResponse({"next": "/account/factors"})


def _proved_twice(request: HttpRequest) -> None:
    """Password before, new factor now: the session has two, under a new key."""
    store: SessionStore = request.session  # type: ignore[assignment]
    store.rekey(two_factors=True)


@require_POST
@fresh
def remove_passkey(request: HttpRequest, passkey_id: int) -> HttpResponseBase:
    """Give a passkey up."""
    passkeys.remove(_user(request), passkey_id, _principal(request))
    return redirect("/account/factors")


@require_POST
@fresh
def bind_certificate(request: HttpRequest) -> HttpResponseBase:
    """Bind an SM2 certificate: pasted, or a file."""
    upload = request.FILES.get("file")
    text = upload.read(certificates_login.LARGEST).decode("ascii", "replace") if upload else ""
    try:
        certificates_login.bind(_user(request), text or request.POST.get("certificate", ""), _principal(request))
    except KunyuError as error:
        return _account(request, error, "certificates")
    return redirect("/account/#certificates")


@require_POST
@fresh
def remove_certificate(request: HttpRequest, certificate_id: int) -> HttpResponseBase:
    """Take a certificate from one's account."""
    certificates_login.unbind(_user(request), certificate_id, _principal(request))
    return redirect("/account/#certificates")


@require_POST
@own
def end_session(request: HttpRequest, session_id: int) -> HttpResponseBase:
    """End one of one's sessions."""
    sessions.end_own(_principal(request), session_id)
    return redirect("/account/#sessions")


@require_POST
@own
def end_other_sessions(request: HttpRequest) -> HttpResponseBase:
    """End all but this one."""
    sessions.end_own_others(_principal(request))
    return redirect("/account/#sessions")


@require_POST
@fresh
def make_token(request: HttpRequest) -> HttpResponseBase:
    """A new access token, shown this once."""
    days = request.POST.get("days", "90")
    try:
        if not (days.isascii() and days.isdigit() and 0 < int(days) <= sign_in_settings().token_days):
            most = sign_in_settings().token_days
            raise access_tokens.BadTokenRequest(f"有效天数为 1–{most}。", f"Days are 1 to {most}.")
        token = access_tokens.issue(
            _user(request), request.POST.get("name", "").strip(), _principal(request),
            datetime.now(UTC) + timedelta(days=int(days)), actions=request.POST.getlist("actions"),
            branch=request.POST.get("branch", "").strip(), administration=request.POST.get("administration") == "1",
        )  # fmt: skip
    except KunyuError as error:
        return _account(request, error, "tokens")
    return _account(request, token=token)


@require_POST
@own
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponseBase:
    """Revoke a token: the program's next request fails."""
    access_tokens.revoke(_user(request), _principal(request), token_id=token_id)
    return redirect("/account/#tokens")


@require_POST
@own
def save_profile(request: HttpRequest) -> HttpResponseBase:
    """One's own phone and mail; nothing else of the account can be changed here."""
    try:
        profile.change_own(
            _user(request), _principal(request), request.POST.get("phone", ""), request.POST.get("mail", "")
        )
    except KunyuError as error:
        return _account(request, error, "profile")
    return redirect("/account/#profile")
