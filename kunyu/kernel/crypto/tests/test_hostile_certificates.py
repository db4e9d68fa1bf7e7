"""Bytes somebody made up, read as certificates and requests: a certificate or MalformedCertificate, and soon (T14)."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from kunyu.kernel.crypto import certificates, der
from kunyu.kernel.crypto.certificates import SIGNING, Issuer
from kunyu.kernel.crypto.errors import MalformedCertificate
from kunyu.kernel.crypto.provider import KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.crypto.strict_der import DEEPEST, whole_length
from kunyu.kernel.crypto.tests.mutating import Damage, mutated

PROVIDER = SoftwareProvider()
VALIDITY = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC))
SECONDS = 1.0
"""No single input may take longer, on a busy machine; one certificate is read in about a millisecond."""
DAMAGE = Damage((0, 1, 2, 8), (0, 1, 9, 60), letters=(0x80, 0x30, 0x31, 0xA0, 0x04, 0xFF), put_in=b"\x30\x80")


@pytest.fixture(scope="module")
def seeds() -> list[bytes]:
    """A root, an end certificate and a request with many extensions, DER."""
    key = PROVIDER.generate(KeyKind.SM2)
    root = certificates.self_signed(PROVIDER, key, {"country_name": "CN", "common_name": "根"}, VALIDITY)
    public = PROVIDER.public_key(key)
    end = certificates.issue(PROVIDER, Issuer(key, root), {"common_name": "张三"}, public, VALIDITY, SIGNING, ["a.cn"])
    return [root.der, end.der, certificates.make_request(PROVIDER, key, {"common_name": "甲"}, ["a.cn", "b.cn"])]


def read_all(encoded: bytes) -> None:
    """Every road bytes take; whatever else than MalformedCertificate comes out is a fault."""
    armoured = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(encoded) + b"-----END CERTIFICATE-----\n"
    roads: list[Callable[[], Any]] = [
        lambda: certificates.read_certificate(encoded), lambda: certificates.read_certificates(armoured),
        lambda: certificates.read_request(PROVIDER, encoded),
    ]  # fmt: skip
    for road in roads:
        try:
            road()
        except MalformedCertificate:
            continue


def fuzzed(seeds: list[bytes], rounds: int, seed: str) -> float:
    """The longest time one input took, in seconds."""
    chance, longest = random.Random(seed), 0.0
    for _ in range(rounds):
        encoded = mutated(chance.choice(seeds), chance, DAMAGE)
        begun = time.process_time()
        read_all(encoded)
        longest = max(longest, time.process_time() - begun)
    return longest


@pytest.mark.quick
def test_hostile_certificates(seeds: list[bytes]) -> None:
    assert fuzzed(seeds, 300, "daily") < SECONDS


@pytest.mark.long
def test_very_many_hostile_certificates(seeds: list[bytes]) -> None:
    assert fuzzed(seeds, 5_000, "long") < SECONDS


@pytest.mark.quick
def test_every_length_of_a_name_is_built_and_read_soon(seeds: list[bytes]) -> None:
    """Lengths that end in 0x80 somewhere in the structure (names of 1 to 300 letters pass all of them) cost no more."""
    key = PROVIDER.generate(KeyKind.SM2)
    longest = 0.0
    for letters in range(1, 300, 3):
        begun = time.process_time()
        made = certificates.self_signed(
            PROVIDER, key, {"organization_name": "a" * letters, "common_name": "b"}, VALIDITY
        )
        above = Issuer(key, made)
        end = certificates.issue(
            PROVIDER, above, {"common_name": "c" * 40}, PROVIDER.public_key(key), VALIDITY, SIGNING
        )
        assert certificates.read_certificate(end.der).issuer == made.subject
        longest = max(longest, time.process_time() - begun)
    assert longest < SECONDS


@pytest.mark.quick
def test_indefinite_lengths_inside_an_extension_are_refused(seeds: list[bytes]) -> None:
    """Forty nested ones in the value of an extension would be re-encoded for years; they are seen before anything parses."""
    bomb = b"\x30\x80" * 40 + b"\x00\x00" * 40
    extension = der.sequence(der.element(0x06, bytes.fromhex("551d23")), der.octets(bomb))
    with pytest.raises(ValueError, match="indefinite"):
        whole_length(der.sequence(extension))
    # an octet string that no object identifier names is bytes and nothing more: a key's identifier may begin like this
    assert whole_length(der.sequence(der.octets(bomb))) == len(der.sequence(der.octets(bomb)))


@pytest.mark.quick
def test_depth_size_and_endless_text_are_bounded(seeds: list[bytes]) -> None:
    deep = b""
    for _ in range(DEEPEST + 5):
        deep = der.sequence(deep)
    with pytest.raises(ValueError, match="too deep"):
        whole_length(deep)
    with pytest.raises(MalformedCertificate, match="65"):
        certificates.read_certificate(der.sequence(b"\x00" * 65_600))
    begun = time.process_time()
    assert certificates.read_certificates(b"-----BEGIN CERTIFICATE-----\n" * 100_000) == ()
    with pytest.raises(MalformedCertificate):
        certificates.read_certificates(b"-----BEGIN CERTIFICATE-----\n" * 200_000)
    assert time.process_time() - begun < 5 * SECONDS  # quadratic, it would take hours
