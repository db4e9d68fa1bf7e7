"""A checkpoint: the node's signature under one link of the chain. 检查点.

The signed text is canonical JSON. It names the node, its own number and its predecessor's digest (so that none can be
taken out), the sequence number and the link it vouches for, the time, and the signer's certificate by fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from kunyu.engines.security.audit.chain import digest
from kunyu.kernel.crypto.certificates import Certificate
from kunyu.kernel.digests import canonical_json

KIND = "kunyu.audit.checkpoint.1"


class Signer(Protocol):
    """Who signs for the node: `sign` gives an SM2 signature in DER, `certificate` holds the public key."""

    @property
    def certificate(self) -> Certificate:
        """The certificate of the signing key."""

    def sign(self, message: bytes) -> bytes:
        """SM2 over SM3(Z || message), DER."""


@dataclass(frozen=True)
class Checkpoint:
    """What the node vouches for.

    Attributes
    ----------
    node : str
        Identifier of the node.
    number : int
        From 1, without gaps.
    seq : int
        Sequence number of the last entry covered.
    link : str
        ``link_seq``, hexadecimal.
    time : str
        RFC 3339, UTC+8.
    previous : str
        SM3 of the text of checkpoint ``number - 1``; empty for the first.
    signer : str
        Fingerprint of the signer's certificate (SM3 of its DER), hexadecimal.
    """

    node: str
    number: int
    seq: int
    link: str
    time: str
    previous: str
    signer: str

    def text(self) -> bytes:
        """The bytes that are signed."""
        return canonical_json({"kind": KIND, **vars(self)})

    def digest(self) -> str:
        """SM3 of the text, hexadecimal: what the next checkpoint names as ``previous``."""
        return digest(self.text()).hex()


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint's text as signed, and the signature (DER)."""

    text: bytes
    signature: bytes


class NotACheckpoint(ValueError):
    """Bytes that are not the text of a checkpoint."""


def read_checkpoint(text: bytes) -> Checkpoint:
    """Read a checkpoint's text; NotACheckpoint unless it is exactly what `Checkpoint.text` writes."""
    try:
        fields: dict[str, Any] = json.loads(text)
        if fields.pop("kind") != KIND:
            raise NotACheckpoint("another kind of text")
        found = Checkpoint(**fields)
        same = found.text() == text and isinstance(found.number, int) and isinstance(found.seq, int)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotACheckpoint(str(error)) from error
    if not same:
        raise NotACheckpoint("not in canonical form")
    return found


def sign_checkpoint(
    signer: Signer, node: str, seq: int, link: str, time: str, before: Checkpoint | None
) -> SignedCheckpoint:
    """Make and sign the checkpoint after ``before``."""
    number, previous = (before.number + 1, before.digest()) if before else (1, "")
    text = Checkpoint(node, number, seq, link, time, previous, signer.certificate.fingerprint).text()
    return SignedCheckpoint(text, signer.sign(text))


def by_fingerprint(certificates: Iterable[Certificate]) -> dict[str, Certificate]:
    """Certificates by the name under which checkpoints call them."""
    return {certificate.fingerprint: certificate for certificate in certificates}
