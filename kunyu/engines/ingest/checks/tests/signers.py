"""A signer as a node is one, for tests of reference packs: a fresh SM2 key and its self-signed certificate."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from kunyu.kernel.crypto.certificates import SIGNING, Certificate, self_signed
from kunyu.kernel.crypto.provider import KeyHandle, KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider

ISSUED = datetime(2026, 11, 23, 8, tzinfo=UTC)


@dataclass(frozen=True)
class TestSigner:
    """Stands for one node's signing key."""

    node_id: str
    name: str
    certificate: Certificate
    _provider: SoftwareProvider = field(repr=False)
    _key: KeyHandle = field(repr=False)

    __test__ = False

    @classmethod
    def make(cls, node_id: str = "node-1", name: str = "坤舆县节点") -> TestSigner:
        """Draw a key."""
        provider = SoftwareProvider()
        key = provider.generate(KeyKind.SM2)
        subject = {"country_name": "CN", "organization_name": name, "common_name": node_id}
        validity = (ISSUED - timedelta(days=30), ISSUED + timedelta(days=365))
        return cls(node_id, name, self_signed(provider, key, subject, validity, SIGNING), provider, key)

    def sign(self, message: bytes) -> bytes:
        """SM2 with SM3, DER."""
        return self._provider.sign(self._key, message)
