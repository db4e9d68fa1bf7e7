"""Signing in with an SM2 certificate: challenge, signature, trust, binding. 数字证书登录 (R-071, T14).

The key lies in a device or in an encrypted file and is opened by a passphrase: possession and knowledge, two factors.
What signs is told by :class:`CertificateDevice`; a browser component and a command line for software tokens exist, a
certified device has not been at hand.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Protocol

from django.db import transaction
from django.http import HttpRequest

from kunyu.engines.security import audit, certificate_trust, challenges, duties
from kunyu.engines.security.errors import NotAllowed, NotVisible
from kunyu.engines.security.models import BoundCertificate, RevokedCertificate, User
from kunyu.engines.security.passkeys import host_of
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.sign_in_errors import FactorRefused, SignInRefused
from kunyu.kernel.crypto.certificates import Certificate, read_certificate
from kunyu.kernel.crypto.errors import MalformedCertificate
from kunyu.kernel.crypto.software import SoftwareProvider

PURPOSE = "certificate"
LARGEST = 16 * 1024


class CertificateDevice(Protocol):
    """What a USB key (SKF: GB/T 35291-2017) or another holder of a person's key must do to sign in here.

    A local helper program of the device's maker offers the two to the page; the page passes ``message`` and sends what
    comes back. Not tried with any device.
    """

    def certificate(self) -> bytes:
        """The signing certificate in DER."""

    def sign(self, message: bytes, pin: str) -> bytes:
        """SM2 signature with SM3 in DER, user id 1234567812345678, over ``message``."""


def message(host: str, challenge: bytes) -> bytes:
    """What is signed: it names its purpose and the host, so that no other page can pass it on."""
    return f"kunyu sign-in 1\n{host}\n{challenge.hex()}".encode()


def begin(request: HttpRequest) -> bytes:
    """A challenge for this browser, as the message to sign."""
    return message(host_of(request), challenges.issue(request, PURPOSE))


def proven(request: HttpRequest, certificate: str, signature: str) -> User:
    """Whose certificate signed this browser's challenge.

    Raises
    ------
    CertificateRefused
        Untrusted, out of time, revoked: the text says which.
    SignInRefused
        No challenge, wrong signature, or bound to nobody who may sign in: the text does not say which.
    """
    challenge = challenges.consume(request, PURPOSE)
    found, signed = _read(certificate), _base64(signature)
    if challenge is None or found is None or signed is None:
        raise _refused()
    if not SoftwareProvider().verify(found.public_key, message(host_of(request), challenge), signed):
        raise _refused()
    certificate_trust.require_trusted(found)
    bound = BoundCertificate.objects.select_related("user").filter(fingerprint=found.fingerprint).first()
    if bound is None or not bound.user.is_active:
        raise _refused()
    BoundCertificate.objects.filter(pk=bound.pk).update(last_used_at=datetime.now(UTC))
    return bound.user


def _read(certificate: str) -> Certificate | None:
    if len(certificate) > LARGEST:
        return None
    try:
        return read_certificate(certificate.encode("ascii", "replace"))
    except MalformedCertificate:
        return None


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _refused() -> SignInRefused:
    return SignInRefused(
        "证书登录未通过：挑战已失效、签名不符，或证书没有绑定到可用账号。请重新开始；证书由本人或安全管理员绑定。",
        "The certificate did not sign you in: the challenge is over, the signature does not fit, or the certificate is "
        "bound to no account. Start again; you or the security administrator bind it.",
    )


@transaction.atomic
def bind(user: User, certificate: str, actor: Principal) -> BoundCertificate:
    """Bind a trusted certificate to an account: the person himself, or the security administrator of his division.

    Raises
    ------
    FactorRefused, CertificateRefused, NotAllowed
    """
    if actor.user_id != user.pk:
        duties.require(actor, duties.SECURITY, user.division_code)
    elif actor.session_id is None:
        raise NotAllowed("请登录后绑定证书。", "Sign in to bind a certificate.")
    found = _read(certificate)
    if found is None:
        raise FactorRefused("不是可读的 SM2 证书（PEM）。", "Not a readable SM2 certificate (PEM).")
    certificate_trust.require_trusted(found)
    if BoundCertificate.objects.filter(fingerprint=found.fingerprint).exists():
        raise FactorRefused("这张证书已绑定到一个账号。", "This certificate is bound to an account already.")
    made = BoundCertificate.objects.create(
        user=user, fingerprint=found.fingerprint, subject=found.subject[:300], issuer=found.issuer[:300],
        serial=f"{found.serial:x}", not_after=found.not_after, bound_by=actor.name,
    )  # fmt: skip
    audit.record(actor, "bind-certificate", "user", user.username, fingerprint=found.fingerprint)
    return made


@transaction.atomic
def unbind(user: User, certificate_id: int, actor: Principal, *, revoke: bool = False, reason: str = "") -> None:
    """Take a certificate from an account; ``revoke`` also refuses it on this node for ever (security administrator)."""
    if actor.user_id != user.pk or revoke:
        duties.require(actor, duties.SECURITY, user.division_code)
    one = BoundCertificate.objects.filter(pk=certificate_id, user=user).first()
    if one is None:
        raise NotVisible("没有这张证书。", "There is no such certificate.")
    if revoke:
        RevokedCertificate.objects.get_or_create(
            issuer=one.issuer, serial=one.serial, defaults={"reason": reason[:200], "revoked_by": actor.name}
        )
    one.delete()
    audit.record(actor, "unbind-certificate", "user", user.username, fingerprint=one.fingerprint, revoked=revoke)
