"""Time stamps: a token says that a signature existed at a moment. RFC 3161; with SM2 and SM3 in the same form. 时间戳.

The node stamps its own signatures with a key of its own. A recognised time-stamp authority (GM/T 0033) takes its place
by giving another `Stamper`; that standard's own message forms were not at hand.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from asn1crypto import tsp, x509

from kunyu.engines.documents.signatures import signed_data
from kunyu.engines.documents.signatures.suites import BY_DIGEST, Identity
from kunyu.kernel.crypto import der

TST_INFO = "1.2.840.113549.1.9.16.1.4"
_SIGNED_DATA = "1.2.840.113549.1.7.2"
POLICY = "2.25.206918172347155637205117303718264370817"
"""A policy of this project, in the arc that needs no registration (ITU-T X.667): the node's clock, no accuracy claimed."""

Stamper = Callable[[bytes], bytes]
"""Takes a signature, gives a token over it."""


@dataclass(frozen=True)
class TimeStamp:
    """A token that holds for what it was asked about: when, and whose certificate (trust is decided elsewhere)."""

    at: datetime
    signed: signed_data.SignedContent = field(repr=False)


def stamper(identity: Identity, at: datetime) -> Stamper:
    """Return the act of stamping at ``at`` with the digest of the identity's suite."""
    suite = identity.suite
    return lambda signature: token(identity, suite.digest_oid, suite.digest(signature), at)


def token(identity: Identity, digest_oid: str, imprint: bytes, at: datetime, nonce: int | None = None) -> bytes:
    """Return a time-stamp token in DER over ``imprint``, a digest by ``digest_oid``."""
    owner = x509.Certificate.load(identity.certificate).subject.dump()
    content = der.sequence(
        der.integer(1), signed_data.oid(POLICY),
        der.sequence(signed_data.algorithm(digest_oid), der.octets(imprint)),
        der.integer(secrets.randbits(63)), _time(at),
        b"" if nonce is None else der.integer(nonce),
        der.element(0xA0, der.element(0xA4, owner)),
    )  # fmt: skip
    return signed_data.build(
        identity, identity.suite.digest(content), content_type=TST_INFO, content=content, signed_type=_SIGNED_DATA,
        version=3,
    )  # fmt: skip


def _time(at: datetime) -> bytes:
    """GeneralizedTime to the millisecond; RFC 3161 §2.4.2 allows fractions, without zeros at their end."""
    moment = at.astimezone(UTC)
    fraction = f".{moment.microsecond // 1000:03d}".rstrip("0").rstrip(".")
    return der.element(0x18, f"{moment:%Y%m%d%H%M%S}{fraction}Z".encode("ascii"))


def read(encoded: bytes, stamped: bytes) -> TimeStamp:
    """Read a token and see that it is about ``stamped`` and that its signature holds.

    Raises
    ------
    UnreadableSignature
        Malformed, about something else, or not signed by the certificate it names.
    """
    signed = signed_data.read(encoded)
    if signed.content_type != TST_INFO or signed.content is None:
        raise signed_data.unreadable("不是时间戳", "it is no time stamp")
    try:
        info = tsp.TSTInfo.load(signed.content, strict=True)
        imprint = info["message_imprint"]
        suite = BY_DIGEST.get(imprint["hash_algorithm"]["algorithm"].dotted)
        at = info["gen_time"].native
        about = suite is not None and imprint["hashed_message"].native == suite.digest(stamped)
    except (ValueError, KeyError, TypeError) as error:
        raise signed_data.unreadable(f"时间戳损坏（{error}）", f"its time stamp is damaged ({error})") from error
    if not about:
        raise signed_data.unreadable("时间戳属于另一签名", "its time stamp is of another signature")
    if not signed.is_authentic(signed.suite.digest(signed.content)):
        raise signed_data.unreadable("时间戳的签名不符", "the time stamp's own signature does not hold")
    return TimeStamp(at, signed)
