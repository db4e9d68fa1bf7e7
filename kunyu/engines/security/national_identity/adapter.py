"""The way to an identity provider: a protocol, and the adapter that speaks this product's dialect of it. 统一身份认证适配.

A platform that speaks another dialect (OAuth 2.0 with tickets, the recalled shape of the national one) gets another
class with these two methods. Here: the browser is sent to ``{url}?client=&nonce=&back=`` and comes back with
``ticket``; ``POST {assertion_url}`` with ``{"ticket"}`` answers ``{"assertion"}``, once. So no personal data stands in
an address, where logs and histories would keep it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

from kunyu.engines.security.national_identity.assertion import Claims, Expected, read
from kunyu.engines.security.national_identity.settings import NationalIdentitySettings
from kunyu.engines.security.sign_in_errors import NationalIdentityAway, NationalIdentityRefused
from kunyu.kernel.crypto.errors import MalformedCertificate
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.errors import KunyuError
from kunyu.kernel.outbound import Answer, ask

LONGEST_TICKET = 200


class IdentityProvider(Protocol):
    """What says who somebody is."""

    def address(self, nonce: str, back: str) -> str:
        """Where to send the browser; ``back`` is the address it returns to, with ``ticket``."""

    def claims(self, ticket: str, nonce: str) -> Claims:
        """What is asserted for a ticket. Raises NationalIdentityRefused, NationalIdentityAway."""


class SignedAssertions:
    """The provider of the settings."""

    def __init__(self, settings: NationalIdentitySettings) -> None:
        self._settings = settings

    def address(self, nonce: str, back: str) -> str:
        """See :class:`IdentityProvider`."""
        return f"{self._settings.url}?{urlencode({'client': self._settings.client, 'nonce': nonce, 'back': back})}"

    def claims(self, ticket: str, nonce: str) -> Claims:
        """See :class:`IdentityProvider`."""
        if not 0 < len(ticket) <= LONGEST_TICKET:
            raise _no_ticket()
        now = self._settings
        try:
            signers = now.signers()
        except (OSError, MalformedCertificate):
            raise _away("本节点没有可读的签发者证书", "this node has no readable certificate of the signer") from None
        expected = Expected(
            signers, now.issuer, now.client, nonce, datetime.now(UTC), timedelta(seconds=now.clock_seconds)
        )
        return read(SoftwareProvider(), self._fetched(ticket), expected)

    def _fetched(self, ticket: str) -> str:
        token = {"Authorization": f"Bearer {self._settings.token}"} if self._settings.token else {}
        sent = {"Content-Type": "application/json", "Accept": "application/json", **token}
        try:
            answer = ask(
                self._settings.assertion_url,
                self._settings.reach,
                sent,
                "POST",
                json.dumps({"ticket": ticket}).encode(),
            )
        except KunyuError as error:
            raise _away("身份平台没有应答", f"the provider does not answer ({error.detail_en})") from None
        if answer.status in (400, 404, 410):
            raise _no_ticket()
        return _assertion_of(answer)


def _assertion_of(answer: Answer) -> str:
    try:
        said = json.loads(answer.body) if answer.status == 200 else None
    except ValueError:
        said = None
    found = said.get("assertion") if isinstance(said, dict) else None
    if not isinstance(found, str):
        raise _away(
            f"身份平台没有正常应答（HTTP {answer.status}）", f"it did not answer properly (HTTP {answer.status})"
        )
    return found


def _no_ticket() -> NationalIdentityRefused:
    return NationalIdentityRefused(
        "身份平台不认这张票据，它可能已用过或已过期，请重新登录。",
        "The provider does not know the ticket: it may be used up or too old. Sign in again.",
        reason="ticket",
    )


def _away(zh: str, en: str) -> NationalIdentityAway:
    return NationalIdentityAway(f"{zh}，请稍后再试，或用密码登录。", f"{en}; try later, or use a password.")
