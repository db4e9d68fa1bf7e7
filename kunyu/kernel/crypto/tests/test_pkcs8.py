"""Private keys in files (R-132): round trips, refusals in production, changed files."""

from __future__ import annotations

import base64

import pytest

from kunyu.kernel.crypto import der, pkcs8
from kunyu.kernel.crypto.errors import DecryptionFailed, MalformedKey, PlainKeyRefused
from kunyu.kernel.crypto.kdf import MINIMUM_ITERATIONS
from kunyu.kernel.crypto.provider import KeyKind

pytestmark = pytest.mark.quick


@pytest.fixture
def key(provider):
    return provider.generate(KeyKind.SM2, "signer")


@pytest.mark.parametrize("prf", pkcs8.Prf)
def test_round_trip(provider, key, prf):
    content = pkcs8.write_private_key(provider, key, "口令".encode(), MINIMUM_ITERATIONS, prf)
    again = pkcs8.read_private_key(provider, content, "口令".encode(), production=True, label="again")

    assert content.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    assert max(map(len, content.splitlines())) <= 64
    assert provider.public_key(again) == provider.public_key(key)
    assert provider.verify(provider.public_key(key), b"m", provider.sign(again, b"m"))


def test_wrong_passphrases_give_one_answer(provider, key):
    """300 wrong ones: padding is right by chance now and then, and must not give another key or another error."""
    content = pkcs8.write_private_key(provider, key, b"right", 1, pkcs8.Prf.SM3)
    texts = set()
    for number in range(600):
        with pytest.raises(DecryptionFailed) as refusal:
            pkcs8.read_private_key(provider, content, str(number).encode(), production=True)
        texts.add(str(refusal.value))
    assert len(texts) == 1


def test_plain_keys_only_outside_production(provider, key):
    sec1 = pkcs8.pem("EC PRIVATE KEY", bytes(provider.private_bytes(key)))

    again = pkcs8.read_private_key(provider, sec1, None, production=False)
    assert provider.public_key(again) == provider.public_key(key)
    with pytest.raises(PlainKeyRefused) as refusal:
        pkcs8.read_private_key(provider, sec1, None, production=True)
    assert (refusal.value.code, refusal.value.exit_code) == ("crypto.plain_key_refused", 4)


def test_any_flipped_byte_never_gives_another_key(provider, key):
    content = pkcs8.write_private_key(provider, key, b"pw", 1, pkcs8.Prf.SM3)
    encoded = base64.b64decode(b"".join(content.splitlines()[1:-1]))
    for at in range(len(encoded)):
        changed = bytearray(encoded)
        changed[at] ^= 0x01
        try:
            again = pkcs8.read_private_key(
                provider, pkcs8.pem("ENCRYPTED PRIVATE KEY", bytes(changed)), b"pw", production=True
            )
        except (DecryptionFailed, MalformedKey):
            continue
        assert provider.public_key(again) == provider.public_key(key), at


@pytest.mark.parametrize(
    "content",
    [b"", b"-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----", pkcs8.pem("ENCRYPTED PRIVATE KEY", b"\x30\x00"),
     pkcs8.pem("PRIVATE KEY", b"\x30\x03\x02\x01\x00")],
)  # fmt: skip
def test_rubbish_is_named(provider, content):
    with pytest.raises(MalformedKey):
        pkcs8.read_private_key(provider, content, b"pw", production=False)


def test_iterations_that_would_block_the_machine_are_refused(provider, key):
    content = pkcs8.write_private_key(provider, key, b"pw", 1, pkcs8.Prf.SM3)
    encoded = base64.b64decode(b"".join(content.splitlines()[1:-1]))
    huge = encoded.replace(der.integer(1) + b"\x30", der.integer(0x7F) + b"\x30", 1)
    assert huge != encoded
    endless = der.integer(10_000_001)
    derivation = der.octets(bytes(16)) + endless + der.sequence(der.element(6, pkcs8._PRF_OIDS[pkcs8.Prf.SM3]))
    with pytest.raises(der.NotDer, match="10000001 iterations, at most 10000000"):
        pkcs8._read_derivation(der.element(6, pkcs8._PBKDF2) + der.sequence(derivation))
