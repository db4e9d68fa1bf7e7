"""The identity of an account, for administrators: the system administrator lets in and throws out, the security
administrator resets factors and binds certificates. Neither can do the other's. 账号的身份鉴别.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from kunyu.engines.security import certificates_login, clearances, duties, lockout, second_factors, sessions
from kunyu.engines.security.account_reading import METHOD_WORDS, agent
from kunyu.engines.security.errors import NotVisible, SignInNeeded
from kunyu.engines.security.models import Clearance, User
from kunyu.engines.security.profile import shown
from kunyu.engines.security.rights_words import CLEARANCE
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import KunyuError


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


def _administered(principal: Principal, user_id: int, *wanted: str) -> User:
    """The account, for an administrator with one of the duties in its division; it does not exist for others."""
    if principal.is_anonymous:
        raise SignInNeeded("请先登录。", "Sign in first.")
    user = User.objects.filter(pk=user_id, division_code__startswith=principal.duty_division).first()
    if principal.duty not in wanted or user is None:
        raise NotVisible("没有这个页面，或者您无权查看。", "There is no such page, or you may not see it.")
    return user


@require_GET
def identity(request: HttpRequest, user_id: int) -> HttpResponse:
    """Factors, certificates, sessions and lock of one account."""
    return _shown(request, _administered(_principal(request), user_id, duties.SYSTEM, duties.SECURITY))


def _shown(request: HttpRequest, user: User, error: KunyuError | None = None) -> HttpResponse:
    duty = _principal(request).duty
    open_now = [
        {"one": one, "agent": agent(one), "words": METHOD_WORDS.get(one.method, ("", ""))}
        for one in sessions.open_of(user.pk).order_by("-seen_at")
    ]
    ended = user.sign_in_sessions.filter(ended_at__isnull=False).order_by("-ended_at")[:10]
    values = {
        "person": user, "factors": second_factors.of(user.pk), "certificates": user.certificates.order_by("bound_at"),
        "sessions": open_now, "ended": [(one, sessions.REASONS.get(one.end_reason, ("", ""))) for one in ended],
        "locked_until": lockout.locked_until(user), "is_system": duty == duties.SYSTEM,
        "is_security": duty == duties.SECURITY, "error": error, "clearance": CLEARANCE[user.clearance],
        "clearances": list(zip(Clearance.values, CLEARANCE, strict=True)), "is_administrator": hasattr(user, "admin_duty"), "phone": shown(user, "phone"),
        "mail": shown(user, "mail"), "document": shown(user, "document"),
    }  # fmt: skip
    return render(request, "identity/administered.html", values, status=error.http_status if error else 200)


def _back(user: User) -> HttpResponseBase:
    return redirect("identity-of", user.pk)


@require_POST
def unlock(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """Let an account in again."""
    user = _administered(_principal(request), user_id, duties.SYSTEM)
    lockout.unlock(user, _principal(request))
    return _back(user)


@require_POST
def end_sessions(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """End one session, or all of them."""
    user, one = _administered(_principal(request), user_id, duties.SYSTEM), request.POST.get("session", "")
    sessions.end_others(
        _principal(request), user, int(one) if one.isascii() and one.isdigit() and len(one) < 18 else None
    )
    return _back(user)


@require_POST
def reset_factors(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """A person lost the second factor."""
    user = _administered(_principal(request), user_id, duties.SECURITY)
    try:
        second_factors.reset(user, _principal(request), request.POST.get("reason", ""))
    except KunyuError as error:
        return _shown(request, user, error)
    return _back(user)


@require_POST
def set_clearance(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """Give the person a clearance for state secrets, or take it away."""
    user = _administered(_principal(request), user_id, duties.SECURITY)
    level = request.POST.get("clearance", "")
    try:
        clearances.set_clearance(
            user, int(level) if level.isascii() and level.isdigit() and len(level) == 1 else -1,
            request.POST.get("reason", ""), _principal(request),
        )  # fmt: skip
    except KunyuError as error:
        return _shown(request, user, error)
    return _back(user)


@require_POST
def bind_certificate(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """Bind a certificate to the account."""
    user = _administered(_principal(request), user_id, duties.SECURITY)
    try:
        certificates_login.bind(user, request.POST.get("certificate", ""), _principal(request))
    except KunyuError as error:
        return _shown(request, user, error)
    return _back(user)


@require_POST
def unbind_certificate(request: HttpRequest, user_id: int, certificate_id: int) -> HttpResponseBase:
    """Take a certificate away, and refuse it on this node where asked."""
    user = _administered(_principal(request), user_id, duties.SECURITY)
    certificates_login.unbind(
        user, certificate_id, _principal(request), revoke=request.POST.get("revoke") == "1",
        reason=request.POST.get("reason", ""),
    )  # fmt: skip
    return _back(user)
