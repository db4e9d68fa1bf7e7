"""A person's SM2 key in an encrypted file: made, used for signing in, certified by a test issuer. 软证书.

Not a certified device: whoever copies the file and learns the passphrase is the person. Meant for tests,
demonstrations and places where a device has not come yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kunyu.kernel.crypto.certificates import (
    SIGNING,
    Certificate,
    Issuer,
    issue,
    make_request,
    read_certificate,
    read_request,
    self_signed,
)
from kunyu.kernel.crypto.pkcs8 import Prf, pem, read_private_key, write_private_key
from kunyu.kernel.crypto.provider import KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.errors import UsageError

SHORTEST_PASSPHRASE = 10
CERTIFICATE_DAYS = 365
ISSUER_NAME = {"common_name": "Kunyu test issuer 仅供测试", "organization_name": "Kunyu"}


class PassphraseTooShort(UsageError):
    """A passphrase that would protect nothing."""

    code = "passphrase_too_short"


@dataclass(frozen=True)
class NewToken:
    """Both texts are PEM; ``request`` (PKCS#10) goes to a certificate authority."""

    key: bytes
    request: bytes


def create(name: str, organisation: str, passphrase: bytes) -> NewToken:
    """Make a key and a certificate request for a person.

    The key file uses PBKDF2 with HMAC-SHA-256, which browsers derive natively; the kernel's own files use HMAC-SM3.

    Raises
    ------
    PassphraseTooShort
    """
    if len(passphrase.decode("utf-8", "replace")) < SHORTEST_PASSPHRASE:
        raise PassphraseTooShort(
            f"口令至少 {SHORTEST_PASSPHRASE} 个字符。", f"The passphrase has {SHORTEST_PASSPHRASE} characters or more."
        )
    provider = SoftwareProvider()
    key = provider.generate(KeyKind.SM2, "soft token")
    subject = {"common_name": name} | ({"organization_name": organisation} if organisation else {})
    request = make_request(provider, key, subject)
    return NewToken(write_private_key(provider, key, passphrase, prf=Prf.SHA256), pem("CERTIFICATE REQUEST", request))


def sign(key: bytes, passphrase: bytes, message: bytes) -> bytes:
    """Sign what a sign-in page shows: SM2 with SM3, DER.

    Raises
    ------
    DecryptionFailed, MalformedKey
    """
    provider = SoftwareProvider()
    handle = read_private_key(provider, key, passphrase, production=True, label="soft token")
    try:
        return provider.sign(handle, message)
    finally:
        provider.destroy(handle)


def make_test_issuer(passphrase: bytes) -> tuple[bytes, Certificate]:
    """Make a root for tests and demonstrations: its key (PEM, encrypted) and certificate."""
    provider = SoftwareProvider()
    key = provider.generate(KeyKind.SM2, "test issuer")
    now = datetime.now(UTC)
    root = self_signed(provider, key, ISSUER_NAME, (now - timedelta(hours=1), now + timedelta(days=3650)))
    return write_private_key(provider, key, passphrase), root


def certify(issuer_key: bytes, passphrase: bytes, root: Certificate, request: bytes) -> Certificate:
    """Issue a certificate for signing to whoever made the request."""
    provider = SoftwareProvider()
    wanted = read_request(provider, request)
    handle = read_private_key(provider, issuer_key, passphrase, production=True, label="test issuer")
    now = datetime.now(UTC)
    moments = (now - timedelta(minutes=5), now + timedelta(days=CERTIFICATE_DAYS))
    return issue(provider, Issuer(handle, root), wanted.name, wanted.public_key, moments, SIGNING)


__all__ = ["NewToken", "certify", "create", "make_test_issuer", "read_certificate", "sign"]
