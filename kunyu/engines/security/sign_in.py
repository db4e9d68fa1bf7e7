"""Signing in, whatever the proof: one way in, one way to refuse, on record. 登录.

Every refusal of a name and a password is the same answer after the same work: unknown, wrong, locked and disabled
cannot be told apart by text, status or time (T3).
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils.http import url_has_allowed_host_and_scheme

from kunyu.engines.security import (
    applicants,
    audit,
    certificates_login,
    lockout,
    passkeys,
    passwords,
    second_factors,
    sessions,
)
from kunyu.engines.security.models import SignInSession, User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of
from kunyu.engines.security.session_store import SessionStore
from kunyu.engines.security.sign_in_errors import ConfirmationNeeded, PasswordTooWeak, SignInRefused
from kunyu.engines.security.sign_in_settings import sign_in_settings
from kunyu.kernel.errors import KunyuError

_PENDING = "second_step"
NAME_LONG, PASSWORD_LONG = 60, 1024


class Step(StrEnum):
    """What comes after a proof."""

    DONE = "done"
    SECOND = "second"


def safe_next(request: HttpRequest, wanted: str) -> str:
    """The page to go to afterwards: of this host only."""
    host = {request.get_host()}
    sound = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, host, require_https=request.is_secure())
    return wanted if sound else "/"


def with_password(request: HttpRequest, username: str, password: str) -> Step:
    """Name and password; an applicant types the code of his citizen or firm as name.

    Raises
    ------
    SignInRefused, TooManyAttempts
    """
    username, origin = username.strip()[:NAME_LONG].replace("\0", ""), lockout.origin_of(request)
    _count_origin(origin)
    username = applicants.name_of_code(username)
    weighed = lockout.attempt(lockout.ACCOUNT, username)
    user = User.objects.filter(username=username).first()
    right = passwords.fits(user, password[:PASSWORD_LONG])
    if user is None or not (right and weighed and user.is_active):
        _on_record(user, origin, SignInSession.Method.PASSWORD, "refused")
        raise _refused()
    lockout.taken_back(lockout.ORIGIN, origin, everything=False)
    if second_factors.of(user.pk).any:
        lockout.taken_back(lockout.ACCOUNT, username, everything=False)
        _await_second(request, user)
        return Step.SECOND
    _complete(request, user, SignInSession.Method.PASSWORD, two_factors=False)
    return Step.DONE


def pending_user(request: HttpRequest) -> User | None:
    """Whose password was right at this browser a moment ago; None when nobody's, or too long ago."""
    pending: dict[str, Any] = request.session.get(_PENDING) or {}
    if not pending or pending["until"] < datetime.now(UTC).timestamp():
        return None
    return User.objects.filter(pk=pending["user"], is_active=True).first()


def with_code(request: HttpRequest, code: str) -> None:
    """The second step: a code of the app, or a recovery code. Wrong ones count against the account as passwords do."""
    user, origin = _require_pending(request), lockout.origin_of(request)
    _count_origin(origin)
    weighed = lockout.attempt(lockout.ACCOUNT, user.username)
    plain = code.strip()[:40]
    if not weighed or not (second_factors.check_code(user, plain) or second_factors.use_recovery_code(user, plain)):
        _on_record(user, origin, "code", "refused")
        raise _refused()
    lockout.taken_back(lockout.ORIGIN, origin, everything=False)
    _complete(request, user, SignInSession.Method.PASSWORD, two_factors=True)


def with_passkey(request: HttpRequest, answer: dict[str, Any]) -> None:
    """A passkey: as second step, or alone: it asks for PIN, finger or face itself and so is two factors."""
    origin = lockout.origin_of(request)
    _count_origin(origin)
    try:
        user = passkeys.proven(request, answer, pending_user(request))
    except KunyuError:
        _on_record(None, origin, SignInSession.Method.PASSKEY, "refused")
        raise
    lockout.taken_back(lockout.ORIGIN, origin, everything=False)
    _complete(request, user, SignInSession.Method.PASSKEY, two_factors=True)


def with_certificate(request: HttpRequest, certificate: str, signature: str) -> None:
    """An SM2 certificate and the signature of this browser's challenge."""
    origin = lockout.origin_of(request)
    _count_origin(origin)
    try:
        user = certificates_login.proven(request, certificate, signature)
    except KunyuError as error:
        _on_record(None, origin, SignInSession.Method.CERTIFICATE, "refused", reason=error.context.get("reason", ""))
        raise
    lockout.taken_back(lockout.ORIGIN, origin, everything=False)
    _complete(request, user, SignInSession.Method.CERTIFICATE, two_factors=True)


def with_national_identity(request: HttpRequest, user: User) -> Step:
    """An identity asserted by the national platform (:mod:`national_identity`) for this browser.

    Who enrolled a second factor here shows it after this proof as after any other.

    Raises
    ------
    SignInRefused
        The account is disabled.
    """
    if not user.is_active:
        _on_record(user, lockout.origin_of(request), SignInSession.Method.NATIONAL, "refused")
        raise SignInRefused(
            "该账号已停用，请联系系统管理员。", "The account is disabled; ask the system administrator."
        )
    if second_factors.of(user.pk).any:
        _await_second(request, user)
        return Step.SECOND
    _complete(request, user, SignInSession.Method.NATIONAL, two_factors=False)
    return Step.DONE


def confirm(request: HttpRequest, password: str, code: str) -> None:
    """A fresh proof before a sensitive change (step-up): password, and the app's code where there is one.

    The session's key changes with it.
    """
    principal: Principal = request.principal  # type: ignore[attr-defined]
    user = User.objects.get(pk=principal.user_id or 0)
    weighed = lockout.attempt(lockout.ACCOUNT, user.username)
    right = passwords.fits(user, password[:PASSWORD_LONG])
    if right and weighed and second_factors.of(user.pk).authenticator:
        right = second_factors.check_code(user, code.strip()[:40])
    with transaction.atomic():
        audit.record(principal, "confirm", "session", principal.session_id, "done" if right and weighed else "refused")
    if not (right and weighed):
        raise _refused()
    lockout.taken_back(lockout.ACCOUNT, user.username, everything=True)
    store: SessionStore = request.session  # type: ignore[assignment]
    store.rekey()
    rotate_token(request)


def require_fresh(request: HttpRequest) -> None:
    """Refuse a sensitive change without a recent proof of identity.

    Raises
    ------
    ConfirmationNeeded
    """
    store: SessionStore = request.session  # type: ignore[assignment]
    one = store.signed_in
    limit = sign_in_settings().confirm_minutes * 60
    if one is None or one.confirmed_at is None or (datetime.now(UTC) - one.confirmed_at).total_seconds() > limit:
        raise ConfirmationNeeded("请再次验证身份后继续。", "Prove your identity again to go on.")


def sign_out(request: HttpRequest) -> None:
    """End this browser's session."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    if not principal.is_anonymous:
        with transaction.atomic():
            audit.record(principal, "sign-out", "session", principal.session_id or "")
    request.session.flush()
    rotate_token(request)


def change_password(request: HttpRequest, user: User, old: str, new: str) -> None:
    """Change the password and start one session anew for this browser, proven as the former was.

    Wrong old passwords count like those at the door: a stolen session must not be a place to guess.

    Raises
    ------
    SignInRefused, PasswordTooWeak
    """
    principal: Principal = request.principal  # type: ignore[attr-defined]
    store: SessionStore = request.session  # type: ignore[assignment]
    one = store.signed_in
    if not lockout.attempt(lockout.ACCOUNT, user.username):
        raise _refused()
    try:
        passwords.change(user, old[:PASSWORD_LONG], new[:PASSWORD_LONG], principal)
    except PasswordTooWeak:
        lockout.taken_back(lockout.ACCOUNT, user.username, everything=False)
        raise
    lockout.taken_back(lockout.ACCOUNT, user.username, everything=True)
    method, two = (one.method, one.two_factors) if one is not None else (SignInSession.Method.PASSWORD, False)
    sessions.begin(request, user, method, two_factors=two)
    rotate_token(request)


def _complete(request: HttpRequest, user: User, method: str, *, two_factors: bool) -> None:
    origin = lockout.origin_of(request)
    with transaction.atomic():
        lockout.taken_back(lockout.ACCOUNT, user.username, everything=True)
        row = sessions.begin(request, user, method, two_factors=two_factors)
        audit.record(
            principal_of(user, origin), "sign-in", "session", user.username, method=str(method),
            two_factors=two_factors, session=row,
        )  # fmt: skip
    rotate_token(request)


def _await_second(request: HttpRequest, user: User) -> None:
    """Remember, under a new key, whose password was right. The person is not signed in."""
    store: SessionStore = request.session  # type: ignore[assignment]
    store.end("replaced")
    until = datetime.now(UTC).timestamp() + sign_in_settings().pending_minutes * 60
    store[_PENDING] = {"user": user.pk, "until": until}
    store.create()


def _require_pending(request: HttpRequest) -> User:
    user = pending_user(request)
    if user is None:
        raise SignInRefused("第二步已超时，请重新登录。", "The second step took too long; sign in again.")
    return user


def _count_origin(origin: str) -> None:
    lockout.refuse_busy(lockout.ORIGIN, origin)
    if not lockout.attempt(lockout.ORIGIN, origin):
        lockout.refuse_busy(lockout.ORIGIN, origin)


def _on_record(user: User | None, origin: str, method: str, result: str, **detail: object) -> None:
    """Names that no account bears are not written down: people type passwords into the wrong field."""
    name = user.username if user is not None else "?"
    with transaction.atomic():
        audit.record(Principal(name, origin=origin), "sign-in", "session", name, result, method=str(method), **detail)


def _refused() -> SignInRefused:
    return SignInRefused(
        "账号或密码不对，或账号已停用、暂时锁定。请核对后再试；连续失败会锁定 "
        f"{sign_in_settings().lock_minutes} 分钟，忘记密码请找本单位系统管理员重置。",
        "Wrong account or password, or the account is disabled or locked for now. Check and try again; failures in a row "
        f"lock it for {sign_in_settings().lock_minutes} minutes. Your system administrator can reset a password.",
    )
