"""Who certifies seals and signs their data: an interface, and the node's own test issuer. 制章人.

By law a seal is made by a certified maker with certificates of a licensed authority (《电子签名法》; GB/T 38540). The node's
issuer is for demonstration and test: its root is known to this node alone. A certified maker takes its place by the setting
``KUNYU_SEALS_MAKER``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol, runtime_checkable

from django.utils.module_loading import import_string

from kunyu.engines.documents.seals.keys import PublicKeys
from kunyu.engines.documents.seals.settings import seals_settings
from kunyu.engines.documents.signatures.suites import ECDSA, SM2, Identity, Suite
from kunyu.engines.security import key_pairs, keys
from kunyu.kernel.crypto import certificates, p256_certificates
from kunyu.kernel.crypto.keyring_state import exclusive

Validity = tuple[datetime, datetime]
ISSUER, MAKER, CLOCK = "seal-issuer", "seal-maker", "seal-clock"
YEARS = 20


def _own_name(what: str) -> dict[str, str]:
    said = f"坤舆节点{what} 仅供演示 (demonstration)"
    return {"country_name": "CN", "organization_name": "Kunyu", "common_name": said}


_ISSUER_NAME, _MAKER_NAME, _CLOCK_NAME = _own_name("印章证书签发"), _own_name("制章"), _own_name("时间戳")
_TIME_STAMPING = certificates.Profile(
    frozenset({"digital_signature", "non_repudiation"}), extended_key_usage=("time_stamping",)
)


@runtime_checkable
class SealMaker(Protocol):
    """What a maker of seals must do."""

    certified: bool

    def certify(self, subject: Mapping[str, str], public: PublicKeys, validity: Validity) -> tuple[bytes, bytes]:
        """Return the SM2 and the ECDSA certificate (DER) of a new seal."""

    def roots(self, suite: Suite) -> tuple[bytes, ...]:
        """Certificates (DER) that a reader must trust to trust this maker's seals and time stamps."""

    def identity(self) -> Identity:
        """Who signs the data of seals (SM2)."""

    def clock(self, suite: Suite) -> Identity:
        """Who signs time stamps."""


class NodeMaker:
    """The node's own issuer: a root and a clock, in key pairs of the node, made at first use."""

    certified = False

    def certify(self, subject: Mapping[str, str], public: PublicKeys, validity: Validity) -> tuple[bytes, bytes]:
        """Issue both certificates."""
        return _certify(_issuer(), subject, public, validity)

    def roots(self, suite: Suite) -> tuple[bytes, ...]:
        """The issuer's self-signed certificate."""
        return (_certificate(_issuer(), suite),)

    def identity(self) -> Identity:
        """A key of its own below the issuer."""
        issuer = _issuer()
        pair = _ready(MAKER, lambda made: _certify_own(issuer, made, _MAKER_NAME))
        return Identity(SM2, _certificate(pair, SM2), (_certificate(issuer, SM2),), pair.sign_sm2)

    def clock(self, suite: Suite) -> Identity:
        """A key of its own, so that the one that issues is not used for every document."""
        pair, root = _clock(), _certificate(_issuer(), suite)
        return Identity(suite, _certificate(pair, suite), (root,), pair.sign_sm2 if suite is SM2 else pair.sign_ecdsa)


@lru_cache(maxsize=1)
def seal_maker() -> SealMaker:
    """The maker that the settings name."""
    made: SealMaker = import_string(seals_settings().maker)()
    return made


def _issuer() -> key_pairs.KeyPair:
    return _ready(ISSUER, lambda pair: _attach(pair, *_roots(pair)))


def _clock() -> key_pairs.KeyPair:
    issuer = _issuer()
    return _ready(CLOCK, lambda pair: _certify_own(issuer, pair, _CLOCK_NAME, time_stamping=True))


def _ready(name: str, certify: Callable[[key_pairs.KeyPair], key_pairs.KeyPair]) -> key_pairs.KeyPair:
    """The pair with its certificates; two processes at once make one, one that stopped half-way is completed."""
    if key_pairs.exists(name) and (pair := key_pairs.open_pair(name)).certificates:
        return pair
    keys.node_ring()  # makes the folder
    with exclusive(keys.home_folder() / keys.FOLDER / "pairs-setup"):
        pair = key_pairs.open_pair(name) if key_pairs.exists(name) else key_pairs.make(name)
        return pair if pair.certificates else certify(pair)


def _roots(pair: key_pairs.KeyPair) -> tuple[bytes, bytes]:
    validity = _years()
    sm2 = certificates.self_signed(pair.provider, pair.sm2, _ISSUER_NAME, validity)
    return sm2.der, p256_certificates.self_signed(pair.ecdsa, _ISSUER_NAME, validity)


def _certify_own(
    issuer: key_pairs.KeyPair, pair: key_pairs.KeyPair, subject: Mapping[str, str], *, time_stamping: bool = False
) -> key_pairs.KeyPair:
    public = PublicKeys(pair.sm2_public, pair.ecdsa.public_key())
    return _attach(pair, *_certify(issuer, subject, public, _years(), time_stamping=time_stamping))


def _certify(
    issuer: key_pairs.KeyPair, subject: Mapping[str, str], public: PublicKeys, validity: Validity, *,
    time_stamping: bool = False,
) -> tuple[bytes, bytes]:  # fmt: skip
    above = certificates.Issuer(issuer.sm2, certificates.read_certificate(_certificate(issuer, SM2)))
    profile = _TIME_STAMPING if time_stamping else certificates.SIGNING
    sm2 = certificates.issue(issuer.provider, above, subject, public.sm2, validity, profile)
    ecdsa = p256_certificates.issue(
        issuer.ecdsa, _certificate(issuer, ECDSA), subject, public.ecdsa, validity,
        p256_certificates.TIME_STAMPING if time_stamping else p256_certificates.SIGNING,
    )  # fmt: skip
    return sm2.der, ecdsa


def _attach(pair: key_pairs.KeyPair, sm2: bytes, ecdsa: bytes) -> key_pairs.KeyPair:
    text = certificates.read_certificate(sm2).pem().decode("ascii")
    return key_pairs.attach(pair.name, {SM2.name: text, ECDSA.name: p256_certificates.pem(ecdsa)})


def _certificate(pair: key_pairs.KeyPair, suite: Suite) -> bytes:
    return _der(pair.certificates[suite.name], suite)


@lru_cache(maxsize=64)
def _der(text: str, suite: Suite) -> bytes:
    return certificates.read_certificate(text.encode()).der if suite is SM2 else p256_certificates.read_pem(text)


def _years() -> Validity:
    # an hour back: the clock of whoever verifies may be a little behind
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    return start, start + timedelta(days=365 * YEARS)
