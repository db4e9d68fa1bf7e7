"""From a browser to a verified account: sent to the provider, back with a ticket, signed in. 统一身份认证登录."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from kunyu.engines.security import applicants, audit, challenges, lockout, sign_in
from kunyu.engines.security.applicants import Applicant
from kunyu.engines.security.models import User
from kunyu.engines.security.national_identity.adapter import IdentityProvider, SignedAssertions
from kunyu.engines.security.national_identity.assertion import Claims
from kunyu.engines.security.national_identity.settings import national_identity_settings
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.sign_in_errors import NationalIdentityAway, NationalIdentityRefused, NoNationalIdentity
from kunyu.kernel.errors import KunyuError

PURPOSE = "national"
RETURN = "/login/national/return"
MINUTES = 10
"""How long the person may take at the provider: fetching a phone, scanning, typing a code."""


def is_offered() -> bool:
    """Is there a provider to offer on pages?"""
    return national_identity_settings().is_configured


def provider() -> IdentityProvider:
    """The provider of this node.

    Raises
    ------
    NoNationalIdentity
        None is configured.
    NationalIdentityAway
        A production node would send people over a plain connection.
    """
    found = national_identity_settings()
    if not found.is_configured:
        raise NoNationalIdentity("本节点没有接入国家政务服务平台统一身份认证。",
                                   "This node is not connected to the national identity platform.")  # fmt: skip
    if settings.PRODUCTION and not (found.url.startswith("https://") and found.assertion_url.startswith("https://")):
        raise NationalIdentityAway("生产环境的身份平台地址必须是 https://。",
                                   "In production the provider's addresses must be https://.")  # fmt: skip
    return SignedAssertions(found)


def begin(request: HttpRequest) -> str:
    """The address to send this browser to. Raises NoNationalIdentity, NationalIdentityAway."""
    asked = provider()
    nonce = challenges.issue(request, PURPOSE, MINUTES * 60).hex()
    return asked.address(nonce, request.build_absolute_uri(RETURN))


def finish(request: HttpRequest, ticket: str) -> sign_in.Step:
    """Sign this browser in for a ticket; one answer to one beginning, whatever comes of it.

    A person of the public who is signed in already stays so, and is verified.

    Raises
    ------
    NoNationalIdentity, NationalIdentityRefused, NationalIdentityAway, SignInRefused, BadEntry, TooManyAttempts
    """
    origin = lockout.origin_of(request)
    lockout.refuse_busy(lockout.ORIGIN, origin)
    asked, nonce = provider(), challenges.consume(request, PURPOSE)
    try:
        if nonce is None:
            raise NationalIdentityRefused(
                "这次登录已用过、超时或不是从这个浏览器开始的，请重新登录。",
                "This sign-in was used, took too long, or was not begun in this browser. Begin again.",
                reason="nonce",
            )
        claims = asked.claims(ticket, nonce.hex())
    except KunyuError as error:
        lockout.attempt(lockout.ORIGIN, origin)
        _on_record(origin, str(error.context.get("reason", error.code)))
        raise
    return _taken_in(request, claims, origin)


def _taken_in(request: HttpRequest, claims: Claims, origin: str) -> sign_in.Step:
    own = _own(request)
    actor = Principal(own.username if own else "?", origin=origin)
    given = Applicant(claims.kind, claims.name, claims.code, claims.agent)
    user = applicants.verified(actor, given, claims.iss, own)
    return sign_in.Step.DONE if own is not None else sign_in.with_national_identity(request, user)


def _own(request: HttpRequest) -> User | None:
    """The account signed in at this browser, when it is one of the public."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    found = applicants.account_of(principal.user_id) if principal.session_id is not None else None
    return None if found is None else found.user


def _on_record(origin: str, reason: str) -> None:
    with transaction.atomic():
        audit.record(
            Principal("?", origin=origin), "sign-in", "session", "?", "refused", method="national", reason=reason
        )
