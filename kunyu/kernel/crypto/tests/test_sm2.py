"""SM2 behind the provider: round trips, refusals, threads, a machine without OpenSSL (R-131)."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kunyu.kernel.crypto import der, sm2_libcrypto, sm2_points
from kunyu.kernel.crypto.errors import DecryptionFailed, MalformedKey, MalformedSignature, WrongKey
from kunyu.kernel.crypto.provider import DEFAULT_USER_ID, CryptoProvider, KeyKind, SignatureForm
from kunyu.kernel.crypto.software import SoftwareProvider

PROVIDER = SoftwareProvider()
KEY = PROVIDER.generate(KeyKind.SM2, "test")
PUBLIC = PROVIDER.public_key(KEY)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000), st.binary(max_size=100), st.sampled_from(SignatureForm))
def test_what_is_signed_verifies_in_both_implementations(message: bytes, user_id: bytes, form: SignatureForm):
    signature = PROVIDER.sign(KEY, message, user_id, form)

    assert PROVIDER.verify(PUBLIC, message, signature, user_id, form)
    encoded = signature if form is SignatureForm.DER else der.signature_from_raw(signature)
    assert sm2_points.verify(PUBLIC, message, *der.read_signature(encoded), user_id)
    assert not PROVIDER.verify(PUBLIC, message + b"\x00", signature, user_id, form)
    assert not PROVIDER.verify(PUBLIC, message, signature, user_id + b"\x00", form)


@pytest.mark.parametrize("form", SignatureForm)
def test_any_flipped_byte_of_a_signature_fails(form: SignatureForm):
    signature = PROVIDER.sign(KEY, b"message", form=form)

    for at in range(len(signature)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(signature)
            changed[at] ^= flip
            assert not PROVIDER.verify(PUBLIC, b"message", bytes(changed), form=form)
    for wrong in (b"", signature[:-1], signature + b"\x00"):
        assert not PROVIDER.verify(PUBLIC, b"message", wrong, form=form)


def test_another_encoding_of_the_same_numbers_is_refused():
    """One value, one encoding: padded integers and long lengths would let a signature be rewritten."""
    r, s = der.read_signature(PROVIDER.sign(KEY, b"m"))
    padded = der.sequence(der.element(0x02, b"\x00\x00" + r.to_bytes(32, "big")), der.integer(s))
    body = der.integer(r) + der.integer(s)
    long_form = b"\x30\x81" + bytes((len(body),)) + body

    assert PROVIDER.verify(PUBLIC, b"m", der.sequence(der.integer(r), der.integer(s)))
    assert not PROVIDER.verify(PUBLIC, b"m", padded)
    assert not PROVIDER.verify(PUBLIC, b"m", long_form)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_rubbish_is_never_a_signature_and_never_an_error(rubbish: bytes):
    assert not PROVIDER.verify(PUBLIC, b"m", rubbish)
    assert not PROVIDER.verify(PUBLIC, b"m", rubbish, form=SignatureForm.RAW)
    assert not PROVIDER.verify(rubbish, b"m", PROVIDER.sign(KEY, b"m"))


@pytest.mark.parametrize(
    "public_key",
    [b"\x04" + bytes(64), b"\x04" + b"\xff" * 64, PUBLIC[:-1] + bytes((PUBLIC[-1] ^ 1,))],
    ids=["zero", "all-ones", "last-bit-flipped"],  # the key is new in every process: its bytes cannot name a test
)
def test_points_off_the_curve_are_refused(public_key: bytes):
    signature = PROVIDER.sign(KEY, b"m")

    assert not PROVIDER.verify(public_key, b"m", signature)
    with pytest.raises(MalformedKey):
        sm2_points.read_point(public_key)
    with pytest.raises(MalformedKey):
        PROVIDER.encrypt(public_key, b"secret")


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=sm2_libcrypto.PLAINTEXT_LIMIT))
def test_what_is_encrypted_decrypts(plaintext: bytes):
    ciphertext = PROVIDER.encrypt(PUBLIC, plaintext)

    assert PROVIDER.decrypt(KEY, ciphertext) == plaintext
    assert der.ciphertext_from_plain_c1c3c2(der.ciphertext_to_plain_c1c3c2(ciphertext)) == ciphertext


def test_any_flipped_byte_of_a_ciphertext_fails_and_tells_no_reason():
    ciphertext = PROVIDER.encrypt(PUBLIC, b"sixteen bytes ..")
    texts = set()

    for at in range(len(ciphertext)):
        changed = bytearray(ciphertext)
        changed[at] ^= 0x01
        with pytest.raises(DecryptionFailed) as refusal:
            PROVIDER.decrypt(KEY, bytes(changed))
        texts.add(str(refusal.value))
    assert len(texts) == 1


def test_another_key_does_not_decrypt():
    with pytest.raises(DecryptionFailed):
        PROVIDER.decrypt(PROVIDER.generate(KeyKind.SM2), PROVIDER.encrypt(PUBLIC, b"x"))


@pytest.mark.parametrize("length", [0, sm2_libcrypto.PLAINTEXT_LIMIT + 1])
def test_lengths_sm2_does_not_take(length: int):
    with pytest.raises(WrongKey) as refusal:
        PROVIDER.encrypt(PUBLIC, b"x" * length)

    assert refusal.value.context == {"length": length, "limit": 4096}


def test_user_id_limit():
    """The length of the id is two bytes of bits; OpenSSL takes 8190 bytes at most, so both implementations do."""
    signature = PROVIDER.sign(KEY, b"m", b"i" * 8190)

    assert PROVIDER.verify(PUBLIC, b"m", signature, b"i" * 8190)
    assert sm2_points.verify(PUBLIC, b"m", *der.read_signature(signature), b"i" * 8190)
    with pytest.raises(WrongKey):
        PROVIDER.sign(KEY, b"m", b"i" * 8191)
    with pytest.raises(WrongKey):
        sm2_points.verify(PUBLIC, b"m", 1, 1, b"i" * 8191)


def test_raw_signature_of_another_length_is_named():
    with pytest.raises(MalformedSignature) as refusal:
        der.signature_from_raw(bytes(63))

    assert "63" in refusal.value.detail_zh


def test_private_keys_out_of_range_are_refused():
    curve = der.element(0xA0, bytes.fromhex("06082a811ccf5501822d"))
    for number in (0, sm2_points.N - 1, sm2_points.N, (1 << 256) - 1):
        encoded = der.sequence(der.integer(1), der.octets(number.to_bytes(32, "big")), curve)
        with pytest.raises(MalformedKey):
            sm2_libcrypto.from_private_bytes(encoded)
    p256 = der.element(0xA0, bytes.fromhex("06082a8648ce3d030107"))
    with pytest.raises(MalformedKey):
        sm2_libcrypto.from_private_bytes(der.sequence(der.integer(1), der.octets(bytes(31) + b"\x05"), p256))


def test_many_threads_share_one_key():
    def work(number: int) -> bool:
        message = number.to_bytes(4, "big")
        signature = PROVIDER.sign(KEY, message)
        text = PROVIDER.decrypt(KEY, PROVIDER.encrypt(PUBLIC, message))
        return (
            PROVIDER.verify(PUBLIC, message, signature)
            and text == message
            and not PROVIDER.verify(PUBLIC, message + b"x", signature)
        )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(400)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_forked_processes_never_sign_with_the_same_k():
    """Two signatures with one k give the private key away: the generator must not be copied by fork."""
    reader, writer = os.pipe()
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            os.write(writer, PROVIDER.sign(KEY, b"same", form=SignatureForm.RAW))
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    os.close(writer)
    with os.fdopen(reader, "rb") as results:
        both = results.read()

    assert len(both) == 128
    assert both[:32] != both[64:96]


def test_the_software_provider_fulfils_the_interface():
    assert isinstance(PROVIDER, CryptoProvider)
    assert PROVIDER.certified is False


WITHOUT_OPENSSL = """
import sys
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.crypto.provider import KeyKind
from kunyu.kernel.crypto.errors import LibcryptoMissing
provider = SoftwareProvider()
public, message, signature = (bytes.fromhex(text) for text in sys.argv[1:4])
assert provider.verify(public, message, signature)
assert not provider.verify(public, message + b"x", signature)
assert not provider.verify(public, message, b"rubbish")
secret = provider.generate(KeyKind.SM4)
assert provider.unseal(secret, bytes(12), provider.seal(secret, bytes(12), b"text")) == b"text"
try:
    provider.generate(KeyKind.SM2)
except LibcryptoMissing as error:
    print(error.code, error.exit_code, error.detail_zh)
assert not {"django", "asn1crypto"} & set(sys.modules), "the check extra has neither"
"""


def test_without_openssl_verification_and_sm4_work_and_signing_says_what_is_missing():
    """As on a surveyor's laptop: only the packages of the extra ``check``, and no libcrypto (architecture §1)."""
    message = "土地".encode()
    arguments = [PUBLIC.hex(), message.hex(), PROVIDER.sign(KEY, message).hex()]
    environment = {**os.environ, "KUNYU_LIBCRYPTO": "/nowhere/libcrypto.so.3"}
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT_OPENSSL, *arguments], env=environment, capture_output=True, encoding="utf-8"
    )

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("crypto.libcrypto_missing 5 本机没有带SM2的OpenSSL 3")
    assert "/nowhere/libcrypto.so.3" in answer.stdout


def test_default_user_id_is_the_standards():
    assert DEFAULT_USER_ID == b"1234567812345678"
    signature = PROVIDER.sign(KEY, b"m")
    assert not PROVIDER.verify(PUBLIC, b"m", signature, b"")
