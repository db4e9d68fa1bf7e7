"""Signed data and time stamps of both suites, and what OpenSSL says of them (R-133, R-311)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import x509

from kunyu.engines.documents.seal_errors import UnreadableSignature
from kunyu.engines.documents.seals.tests import forging
from kunyu.engines.documents.signatures import ses, signed_data, time_stamps
from kunyu.engines.documents.signatures.suites import ECDSA, SM2
from kunyu.engines.documents.signatures.tests.identities import NOW, Signers, ecdsa_signers, signers, sm2_signers
from kunyu.kernel.crypto import p256_certificates
from kunyu.kernel.crypto.pkcs8 import pem
from kunyu.kernel.crypto.sm2_libcrypto import subject_public_key_info

CONTENT = "用字第990101202600001号".encode()
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
with_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no `openssl` command on this machine")


@pytest.fixture
def openssl(tmp_path: Path) -> Run:
    def run(*arguments: str, ok: bool = True) -> subprocess.CompletedProcess[bytes]:
        answer = subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True)
        assert (answer.returncode == 0) is ok, (answer.stdout + answer.stderr).decode()
        return answer

    return run


def signed(by: Signers, content: bytes = CONTENT) -> bytes:
    suite = by.seal.suite
    return signed_data.build(
        by.seal,
        suite.digest(content),
        claimed_at=NOW,
        stamp=time_stamps.stamper(by.clock, NOW + timedelta(seconds=5, milliseconds=70)),
    )


@pytest.mark.parametrize("suite", ["sm2", "ecdsa"])
def test_what_was_built_is_read_and_holds(suite: str) -> None:
    by = signers(suite)
    found = signed_data.read(signed(by) + bytes(100))
    assert found.suite.name == suite
    assert found.certificate == by.seal.certificate and found.others == (by.root,)
    assert found.is_authentic(by.seal.suite.digest(CONTENT))
    assert not found.is_authentic(by.seal.suite.digest(CONTENT + b"!"))
    assert found.claimed_at == NOW and found.content is None
    assert found.time_stamp is not None
    stamp = time_stamps.read(found.time_stamp, found.signature)
    assert stamp.at == NOW + timedelta(seconds=5, milliseconds=70)
    assert stamp.signed.certificate == by.clock.certificate


@pytest.mark.parametrize("suite", ["sm2", "ecdsa"])
def test_another_signer_with_the_same_issuer_and_serial_is_not_taken(suite: str) -> None:
    """The certificate is exchanged, its issuer and serial written into the signer: the digest in the attributes differs."""
    by, forger = signers(suite), signers(suite)
    found = signed_data.read(forging.with_certificate(signed(by), forger.seal.certificate))
    assert found.certificate == forger.seal.certificate and not found.names_certificate
    assert not found.is_authentic(by.seal.suite.digest(CONTENT))


@pytest.mark.parametrize("suite", ["sm2", "ecdsa"])
def test_a_time_stamp_of_another_signature_is_refused(suite: str) -> None:
    by = signers(suite)
    one, two = (signed_data.read(signed(by, content)) for content in (b"1", b"2"))
    assert one.time_stamp is not None
    with pytest.raises(UnreadableSignature, match="its time stamp is of another signature"):
        time_stamps.read(one.time_stamp, two.signature)


def test_a_changed_time_stamp_is_refused() -> None:
    found = signed_data.read(signed(sm2_signers()))
    assert found.time_stamp is not None
    year = NOW.strftime("%Y%m%d").encode()
    changed = found.time_stamp.replace(year, b"20200101", 1)
    assert changed != found.time_stamp
    with pytest.raises(UnreadableSignature, match="own signature does not hold"):
        time_stamps.read(changed, found.signature)


@pytest.mark.parametrize("encoded", [b"", b"\x30\x03abc", b"junk" * 10, bytes(500)])
def test_junk_is_refused(encoded: bytes) -> None:
    with pytest.raises(UnreadableSignature):
        signed_data.read(encoded)


def test_bytes_behind_the_signature_and_oversize_are_refused() -> None:
    encoded = signed(ecdsa_signers())
    with pytest.raises(UnreadableSignature, match="bytes follow the signature"):
        signed_data.read(encoded + b"x")
    with pytest.raises(UnreadableSignature, match="larger than 524288 bytes"):
        signed_data.read(bytes(signed_data.LARGEST + 1))


def test_two_signers_are_refused() -> None:
    with pytest.raises(UnreadableSignature, match="2 signers, one expected"):
        signed_data.read(forging.rebuilt(signed(ecdsa_signers()), signers=2))


def test_indefinite_lengths_are_refused_at_once() -> None:
    """Forty nested ones would keep the parsing library busy for years."""
    nested = b"\x30\x80" * 60 + b"\x00\x00" * 60
    for read in (signed_data.read, ses.read_sealed):
        with pytest.raises(UnreadableSignature, match="indefinite length"):
            read(nested)
    deep = b"\x05\x00"
    for _ in range(60):
        deep = b"\x30" + bytes((len(deep),)) + deep if len(deep) < 128 else b"\x30\x81" + bytes((len(deep),)) + deep
    with pytest.raises(UnreadableSignature, match="nested too deep"):
        signed_data.read(deep)


def test_the_types_are_those_of_the_standards() -> None:
    """GB/T 35275 (numbers from public implementations) for SM2; RFC 5652 for ECDSA."""
    outer = signed_data._Outer.load(signed(sm2_signers()))
    assert outer["content_type"].native == "1.2.156.10197.6.1.4.2.2"
    assert outer["content"]["encap_content_info"]["content_type"].dotted == "1.2.156.10197.6.1.4.2.1"
    signer = outer["content"]["signer_infos"][0]
    assert signer["digest_algorithm"]["algorithm"].dotted == "1.2.156.10197.1.401"
    assert signer["signature_algorithm"]["algorithm"].dotted == "1.2.156.10197.1.301.1"
    assert signed_data._Outer.load(signed(ecdsa_signers()))["content_type"].native == "1.2.840.113549.1.7.2"


@with_openssl
def test_openssl_verifies_the_ecdsa_signature_and_its_chain(openssl: Run, tmp_path: Path) -> None:
    by = ecdsa_signers()
    (tmp_path / "s.der").write_bytes(signed(by))
    (tmp_path / "content").write_bytes(CONTENT)
    (tmp_path / "root.pem").write_text(p256_certificates.pem(by.root))
    arguments = ["cms", "-verify", "-inform", "DER", "-in", "s.der", "-content", "content", "-binary", "-CAfile", "root.pem",
                 "-purpose", "any", "-out", "out"]  # fmt: skip
    assert b"Verification successful" in openssl(*arguments).stderr
    (tmp_path / "content").write_bytes(CONTENT + b"!")
    openssl(*arguments, ok=False)


@with_openssl
def test_openssl_verifies_the_ecdsa_time_stamp(openssl: Run, tmp_path: Path) -> None:
    by = ecdsa_signers()
    found = signed_data.read(signed(by))
    assert found.time_stamp is not None
    (tmp_path / "token.der").write_bytes(found.time_stamp)
    (tmp_path / "signature").write_bytes(found.signature)
    (tmp_path / "root.pem").write_text(p256_certificates.pem(by.root))
    said = openssl("ts", "-verify", "-in", "token.der", "-token_in", "-data", "signature", "-CAfile", "root.pem")
    assert b"Verification: OK" in said.stdout + said.stderr


@with_openssl
def test_openssl_verifies_the_sm2_signature(openssl: Run, tmp_path: Path) -> None:
    """The signed attributes and the signature value are taken out; OpenSSL judges them with the certificate's key."""
    by = sm2_signers()
    found = signed_data.read(signed(by))
    (tmp_path / "attributes").write_bytes(found.attributes)
    (tmp_path / "signature").write_bytes(found.signature)
    (tmp_path / "seal.pem").write_bytes(pem("CERTIFICATE", found.certificate))
    (tmp_path / "public.pem").write_bytes(openssl("x509", "-in", "seal.pem", "-noout", "-pubkey").stdout)
    arguments = [
        "dgst",
        "-sm3",
        "-verify",
        "public.pem",
        "-signature",
        "signature",
        "-sigopt",
        "distid:1234567812345678",
    ]
    assert b"Verified OK" in openssl(*arguments, "attributes").stdout
    (tmp_path / "attributes").write_bytes(found.attributes[:-1] + bytes((found.attributes[-1] ^ 1,)))
    openssl(*arguments, "attributes", ok=False)


@with_openssl
def test_openssl_verifies_the_signature_of_a_sealed_datum(openssl: Run, tmp_path: Path) -> None:
    """GB/T 38540: the signature over TBS_Sign."""
    by, maker = sm2_signers(), sm2_signers("制章人")
    facts = ses.SealFacts("KY1", "章", NOW, NOW, NOW + timedelta(days=9), by.seal.certificate, b"\x89PNG", 42, 42)
    sealed = ses.read_sealed(
        ses.seal_data(by.seal, ses.make_seal(maker.seal, facts), SM2.digest(CONTENT), "/Doc_0/x.xml", NOW, None)
    )
    assert sealed.is_authentic(SM2.digest(CONTENT)) and not sealed.is_authentic(SM2.digest(b""))
    assert sealed.seal_is_its_makers and sealed.about == "/Doc_0/x.xml" and sealed.seal == facts
    (tmp_path / "tbs").write_bytes(sealed.signed)
    (tmp_path / "signature").write_bytes(sealed.signature)
    public = subject_public_key_info(point_of(sealed.certificate))
    (tmp_path / "public.pem").write_bytes(pem("PUBLIC KEY", public))
    arguments = [
        "dgst",
        "-sm3",
        "-verify",
        "public.pem",
        "-signature",
        "signature",
        "-sigopt",
        "distid:1234567812345678",
    ]
    assert b"Verified OK" in openssl(*arguments, "tbs").stdout


def test_a_seal_signed_by_nobody_is_told() -> None:
    by, maker, other = sm2_signers(), sm2_signers("制章人"), sm2_signers("别人")
    facts = ses.SealFacts("KY1", "章", NOW, NOW, NOW + timedelta(days=9), by.seal.certificate, b"\x89PNG", 42, 42)
    liar = replace(maker.seal, sign=other.seal.sign)
    sealed = ses.read_sealed(ses.seal_data(by.seal, ses.make_seal(liar, facts), b"h" * 32, "/x", NOW, None))
    assert not sealed.seal_is_its_makers and sealed.is_authentic(b"h" * 32)
    with pytest.raises(UnreadableSignature):
        ses.read_sealed(b"\x30\x80")
    assert ECDSA.digest(b"") != SM2.digest(b"")


def point_of(certificate: bytes) -> bytes:
    """The 65 bytes of the key in a certificate."""
    return bytes(x509.Certificate.load(certificate).public_key["public_key"].native)
