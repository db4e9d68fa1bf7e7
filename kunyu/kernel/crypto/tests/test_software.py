"""The software provider's secret keys: use, wrapping, derivation, destruction (R-131, R-132; T10)."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kunyu.kernel.crypto.errors import DecryptionFailed, MalformedKey, WrongKey
from kunyu.kernel.crypto.kdf import MINIMUM_ITERATIONS
from kunyu.kernel.crypto.provider import KeyHandle, KeyKind
from kunyu.kernel.crypto.secrets_in_memory import SecretBytes
from kunyu.kernel.crypto.software import SoftwareProvider

pytestmark = pytest.mark.quick

PROVIDER = SoftwareProvider()
SM4 = PROVIDER.generate(KeyKind.SM4, "sm4")
MAC = PROVIDER.generate(KeyKind.MAC, "mac")
NONCE = bytes(range(12))
IV = bytes(range(16))


@settings(deadline=None)
@given(st.binary(max_size=500), st.binary(max_size=50), st.data())
def test_gcm_round_trip_and_any_change_fails(plaintext: bytes, aad: bytes, data: st.DataObject):
    sealed = PROVIDER.seal(SM4, NONCE, plaintext, aad)
    changed = bytearray(sealed)
    changed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))

    assert PROVIDER.unseal(SM4, NONCE, sealed, aad) == plaintext
    for content, other_aad in ((bytes(changed), aad), (sealed, aad + b"x"), (sealed[:-1], aad), (b"", aad)):
        with pytest.raises(DecryptionFailed):
            PROVIDER.unseal(SM4, NONCE, content, other_aad)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_cbc_and_ctr_round_trips(plaintext: bytes):
    ciphertext = PROVIDER.encrypt_cbc(SM4, IV, plaintext)

    assert len(ciphertext) == len(plaintext) // 16 * 16 + 16
    assert PROVIDER.decrypt_cbc(SM4, IV, ciphertext) == plaintext
    assert PROVIDER.apply_ctr(SM4, IV, PROVIDER.apply_ctr(SM4, IV, plaintext)) == plaintext


@pytest.mark.parametrize("content", [b"", b"x" * 15, b"x" * 16, b"x" * 32])
def test_cbc_of_rubbish_fails_alike(content: bytes):
    with pytest.raises(DecryptionFailed):
        PROVIDER.decrypt_cbc(PROVIDER.take_secret(bytearray(16), KeyKind.SM4), IV, content)


def test_nonces_and_ivs_of_another_length_are_refused():
    with pytest.raises(WrongKey) as refusal:
        PROVIDER.seal(SM4, bytes(11), b"")
    assert refusal.value.context == {"length": 11, "limit": 12}
    with pytest.raises(WrongKey):
        PROVIDER.encrypt_cbc(SM4, bytes(12), b"")


def test_mac_is_compared_whole():
    mac = PROVIDER.mac(MAC, b"data")

    assert PROVIDER.verify_mac(MAC, b"data", mac)
    for wrong in (mac[:-1], b"", bytes((mac[0] ^ 1,)) + mac[1:]):
        assert not PROVIDER.verify_mac(MAC, b"data", wrong)
    assert not PROVIDER.verify_mac(MAC, b"datA", mac)


@pytest.mark.parametrize("kind", [KeyKind.SM4, KeyKind.MAC])
def test_a_wrapped_key_is_the_same_key(kind: KeyKind):
    key = PROVIDER.generate(kind)
    blob = PROVIDER.wrap(SM4, key, b"place")
    again = PROVIDER.unwrap(SM4, blob, kind, b"place")

    if kind is KeyKind.MAC:
        assert PROVIDER.mac(again, b"x") == PROVIDER.mac(key, b"x")
    else:
        assert PROVIDER.seal(again, NONCE, b"x") == PROVIDER.seal(key, NONCE, b"x")
    assert PROVIDER.wrap(SM4, key, b"place") != blob


def test_any_change_of_a_wrapped_key_fails():
    blob = PROVIDER.wrap(SM4, MAC, b"place")
    for at in range(len(blob)):
        changed = bytearray(blob)
        changed[at] ^= 1
        with pytest.raises(DecryptionFailed):
            PROVIDER.unwrap(SM4, bytes(changed), KeyKind.MAC, b"place")
    for content, kind, place in (
        (blob[:-1], KeyKind.MAC, b"place"),
        (blob, KeyKind.MAC, b"other"),
        (blob, KeyKind.SM4, b"place"),
    ):
        with pytest.raises(DecryptionFailed):
            PROVIDER.unwrap(SM4, content, kind, place)


def test_a_key_travels_in_an_sm2_envelope():
    holder = PROVIDER.generate(KeyKind.SM2)
    blob = PROVIDER.wrap_for(PROVIDER.public_key(holder), MAC)

    assert PROVIDER.mac(PROVIDER.unwrap_from(holder, blob, KeyKind.MAC), b"x") == PROVIDER.mac(MAC, b"x")
    with pytest.raises(DecryptionFailed):
        PROVIDER.unwrap_from(holder, blob, KeyKind.SM4)
    with pytest.raises(DecryptionFailed):
        PROVIDER.unwrap_from(PROVIDER.generate(KeyKind.SM2), blob, KeyKind.MAC)


def test_derived_keys_depend_on_context_and_kind():
    same = [PROVIDER.mac(PROVIDER.derive(MAC, b"a", KeyKind.MAC), b"x") for _ in range(2)]
    other = PROVIDER.mac(PROVIDER.derive(MAC, b"b", KeyKind.MAC), b"x")

    assert same[0] == same[1] != other
    assert other != PROVIDER.mac(MAC, b"x")
    assert PROVIDER.derive(MAC, b"a", KeyKind.SM4).kind is KeyKind.SM4


def test_passphrases():
    sealed = [
        PROVIDER.seal(PROVIDER.from_passphrase(word, salt, MINIMUM_ITERATIONS), NONCE, b"x")
        for word, salt in ((b"a", b"saltsalt"), (b"a", b"saltsalt"), (b"b", b"saltsalt"), (b"a", b"tlastlas"))
    ]

    assert sealed[0] == sealed[1]
    assert len(set(sealed)) == 3
    for word, salt, rounds in ((b"", b"saltsalt", 10_000), (b"a", b"salt", 10_000), (b"a", b"saltsalt", 9_999)):
        with pytest.raises(WrongKey):
            PROVIDER.from_passphrase(word, salt, rounds)


def test_keys_serve_their_kind_only():
    sm2 = PROVIDER.generate(KeyKind.SM2)
    for wrong in (
        lambda: PROVIDER.sign(SM4, b""),
        lambda: PROVIDER.seal(MAC, NONCE, b""),
        lambda: PROVIDER.mac(SM4, b""),
        lambda: PROVIDER.mac(sm2, b""),
        lambda: PROVIDER.wrap(MAC, SM4),
        lambda: PROVIDER.wrap(SM4, sm2),
        lambda: PROVIDER.derive(SM4, b"", KeyKind.MAC),
        lambda: PROVIDER.public_key(MAC),
    ):
        with pytest.raises(WrongKey):
            wrong()
    with pytest.raises(MalformedKey):
        PROVIDER.take_secret(bytearray(15), KeyKind.SM4)


@pytest.mark.parametrize("kind", KeyKind)
def test_a_destroyed_key_is_dead(kind: KeyKind):
    key = PROVIDER.generate(kind)
    PROVIDER.destroy(key)
    PROVIDER.destroy(key)

    with pytest.raises(WrongKey):
        {KeyKind.SM2: lambda: PROVIDER.sign(key, b""), KeyKind.SM4: lambda: PROVIDER.seal(key, NONCE, b"")}.get(
            kind, lambda: PROVIDER.mac(key, b"")
        )()


def test_destroying_overwrites_the_memory():
    content = bytearray(b"0123456789abcdef")
    key = PROVIDER.take_secret(content, KeyKind.SM4)
    PROVIDER.destroy(key)
    assert content == bytes(16)

    forgotten = bytearray(b"0123456789abcdef")
    key = PROVIDER.take_secret(forgotten, KeyKind.SM4)
    del key
    assert forgotten == bytes(16)


def test_handles_say_nothing_and_do_not_leave_the_process():
    text = repr(SM4)

    assert "sm4" in text and "token" not in text
    with pytest.raises(TypeError):
        pickle.dumps(SM4)
    with pytest.raises(WrongKey):
        SoftwareProvider().seal(SM4, NONCE, b"")
    with pytest.raises(WrongKey):
        PROVIDER.seal(KeyHandle("software", KeyKind.SM4, "sm4"), NONCE, b"")


def test_destruction_under_load_never_encrypts_under_zeros():
    """A key cleared while another thread starts to encrypt would leave data under the key of zeros."""
    zeros = PROVIDER.seal(PROVIDER.take_secret(bytearray(16), KeyKind.SM4), NONCE, b"text")

    def encrypt_until_dead(key: KeyHandle) -> set[bytes]:
        seen = set()
        try:
            while True:
                seen.add(PROVIDER.seal(key, NONCE, b"text"))
        except WrongKey:
            return seen

    with ThreadPoolExecutor(4) as threads:
        for _ in range(50):
            key = PROVIDER.generate(KeyKind.SM4)
            expected = PROVIDER.seal(key, NONCE, b"text")
            running = [threads.submit(encrypt_until_dead, key) for _ in range(3)]
            PROVIDER.destroy(key)
            seen = set().union(*(future.result() for future in running))
            assert seen <= {expected}
            assert zeros not in seen


def test_reading_a_wiped_secret_is_refused():
    secret = SecretBytes(bytearray(b"abc"))
    secret.wipe()

    with pytest.raises(WrongKey), secret.reading():
        pass


def test_random_bytes_differ():
    drawn = [PROVIDER.random(16) for _ in range(100)]

    assert all(len(one) == 16 for one in drawn)
    assert all(a != b for a, b in pairwise(sorted(drawn)))
