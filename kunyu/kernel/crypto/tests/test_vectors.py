"""Known answers from the standards (R-131, R-132; domain/security.md §4).

The SM2 values are those of GB/T 32918.5-2017 Annex A and C (also in GM/T 0003.5-2012), written down from memory and
confirmed by computation: Z, e, (r, s), C1, C2 and C3 all follow from the key and k by the standard's formulas, which
a value remembered wrongly could not. SM4-GCM is RFC 8998 §A.1.
"""

from __future__ import annotations

import pytest

from kunyu.kernel.crypto import der, kdf, sm2_libcrypto, sm2_points, sm4
from kunyu.kernel.crypto.provider import DEFAULT_USER_ID, KeyKind, SignatureForm
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.digests import Sm3

pytestmark = pytest.mark.quick

PRIVATE = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
PUBLIC = bytes.fromhex(
    "04"
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
MESSAGE = b"message digest"
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
PLAINTEXT = b"encryption standard"
CIPHERTEXT = bytes.fromhex(
    "04"
    "04EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73"
    "E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0"
    "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766"
    "21886CA989CA9C7D58087307CA93092D651EFA"
)
SM4_KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")


def standard_key() -> sm2_libcrypto.Sm2Key:
    curve = der.element(0xA0, bytes.fromhex("06082a811ccf5501822d"))
    private = der.octets(PRIVATE.to_bytes(32, "big"))
    return sm2_libcrypto.from_private_bytes(der.sequence(der.integer(1), private, curve))


def test_the_standards_private_key_has_the_standards_public_key():
    assert standard_key().public_key == PUBLIC


def test_identity_digest_and_e_of_the_standard():
    z = sm2_points.identity_digest(PUBLIC, DEFAULT_USER_ID)

    assert z.hex().upper() == "B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3"
    assert Sm3(z + MESSAGE).hexdigest().upper() == "F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640"


def test_both_verifiers_accept_the_standards_signature_and_nothing_beside_it():
    signature = der.sequence(der.integer(R), der.integer(S))

    assert sm2_libcrypto.verify(PUBLIC, MESSAGE, signature, DEFAULT_USER_ID)
    assert sm2_points.verify(PUBLIC, MESSAGE, R, S)
    for r, s, message in ((R + 1, S, MESSAGE), (R, S - 1, MESSAGE), (R, S, b"message digesT"), (S, R, MESSAGE)):
        assert not sm2_points.verify(PUBLIC, message, r, s)
        encoded = der.sequence(der.integer(r), der.integer(s))
        assert not sm2_libcrypto.verify(PUBLIC, message, encoded, DEFAULT_USER_ID)


def test_raw_form_of_the_standards_signature(provider: SoftwareProvider):
    raw = R.to_bytes(32, "big") + S.to_bytes(32, "big")

    assert provider.verify(PUBLIC, MESSAGE, raw, form=SignatureForm.RAW)
    assert der.signature_to_raw(der.signature_from_raw(raw)) == raw


def test_the_standards_ciphertext_decrypts():
    assert standard_key().decrypt(der.ciphertext_from_plain_c1c3c2(CIPHERTEXT)) == PLAINTEXT


def test_plain_and_asn1_ciphertext_are_the_same_value():
    assert der.ciphertext_to_plain_c1c3c2(der.ciphertext_from_plain_c1c3c2(CIPHERTEXT)) == CIPHERTEXT


def test_kdf_gives_the_standards_mask():
    """C2 of the example is the plaintext XOR KDF(x2 || y2); C3 is SM3(x2 || M || y2)."""
    k = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
    x2, y2 = multiple(k, sm2_points.read_point(PUBLIC))
    mask = kdf.sm3_kdf(x2 + y2, len(PLAINTEXT))

    assert bytes(a ^ b for a, b in zip(mask, PLAINTEXT, strict=True)) == CIPHERTEXT[97:]
    assert Sm3(x2 + PLAINTEXT + y2).digest() == CIPHERTEXT[65:97]


def multiple(k: int, point: tuple[int, int]) -> tuple[bytes, bytes]:
    """k·point by the schoolbook's affine formulas: independent of the code under test."""
    p, total, addend = sm2_points.P, None, point
    while k:
        if k & 1:
            total = addend if total is None else affine_sum(total, addend)
        addend = affine_sum(addend, addend)
        k >>= 1
    assert total is not None and p > total[0]
    return total[0].to_bytes(32, "big"), total[1].to_bytes(32, "big")


def affine_sum(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    p = sm2_points.P
    slope = (3 * a[0] ** 2 + sm2_points.A) * pow(2 * a[1], -1, p) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, p)
    x = (slope * slope - a[0] - b[0]) % p
    return x, (slope * (a[0] - x) - a[1]) % p


def test_kdf_is_counted_in_blocks_of_32():
    long = kdf.sm3_kdf(b"z", 70)

    assert len(long) == 70
    assert long[:32] == Sm3(b"z\x00\x00\x00\x01").digest()
    assert long[64:] == Sm3(b"z\x00\x00\x00\x03").digest()[:6]
    assert kdf.sm3_kdf(b"z", 0) == b""


def test_sm4_block_of_the_standard():
    context = sm4.cbc_encryptor(SM4_KEY, bytes(16))

    assert context.update(SM4_KEY).hex() == "681edf34d206965e86b3e94f536e4246"


def test_sm4_a_million_times():
    """GB/T 32907 A.2: the key encrypted 1,000,000 times. CBC over zeros with that IV is the same chain."""
    context, last = sm4.cbc_encryptor(SM4_KEY, SM4_KEY), b""
    for _ in range(100):
        last = context.update(bytes(16 * 10_000))[-16:]

    assert last.hex() == "595298c7c6fd271f0402f804c33d3f66"


def test_sm4_gcm_of_rfc_8998(provider: SoftwareProvider):
    key = provider.take_secret(bytearray(SM4_KEY), KeyKind.SM4)
    nonce = bytes.fromhex("00001234567800000000abcd")
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plaintext = bytes.fromhex("aa" * 8 + "bb" * 8 + "cc" * 8 + "dd" * 8 + "ee" * 8 + "ff" * 8 + "ee" * 8 + "aa" * 8)
    sealed = bytes.fromhex(
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )

    assert provider.seal(key, nonce, plaintext, aad) == sealed
    assert provider.unseal(key, nonce, sealed, aad) == plaintext


def test_hmac_sm3_follows_rfc_2104():
    """HMAC built here from SM3 alone, for keys shorter than, equal to and longer than the block of 64 bytes."""
    for key in (b"", b"k" * 32, b"k" * 64, b"k" * 65, b"k" * 200):
        block = (Sm3(key).digest() if len(key) > 64 else key).ljust(64, b"\x00")
        inner = Sm3(bytes(b ^ 0x36 for b in block) + b"text").digest()
        outer = Sm3(bytes(b ^ 0x5C for b in block) + inner).hexdigest()

        assert kdf.hmac_sm3(key, b"text").hex() == outer


def test_pbkdf2_follows_rfc_8018():
    """The first block written out: U1 xor U2 xor ... from HMAC-SM3."""
    running = kdf.hmac_sm3(b"pass", b"saltsalt" + b"\x00\x00\x00\x01")
    total = int.from_bytes(running, "big")
    for _ in range(kdf.MINIMUM_ITERATIONS - 1):
        running = kdf.hmac_sm3(b"pass", running)
        total ^= int.from_bytes(running, "big")

    made = kdf.from_passphrase(b"pass", b"saltsalt", kdf.MINIMUM_ITERATIONS, 16)
    assert bytes(made) == total.to_bytes(32, "big")[:16]
