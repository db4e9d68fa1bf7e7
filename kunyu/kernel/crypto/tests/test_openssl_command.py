"""Interchange with the real ``openssl`` command, both ways (issue bar: OpenSSL command line both ways; R-131)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kunyu.kernel.crypto import certificates, chains, pkcs8
from kunyu.kernel.crypto.errors import CertificateRefused, DecryptionFailed, PlainKeyRefused
from kunyu.kernel.crypto.kdf import MINIMUM_ITERATIONS
from kunyu.kernel.crypto.provider import DEFAULT_USER_ID, KeyHandle, KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider

NOW = datetime.now(UTC)
YEAR = (NOW - timedelta(hours=1), NOW + timedelta(days=365))
ID = f"distid:{DEFAULT_USER_ID.decode()}"
MESSAGE = "不动产权证书\n".encode()
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def _has_sm2() -> bool:
    program = shutil.which("openssl")
    if program is None:
        return False
    listing = subprocess.run([program, "list", "-public-key-algorithms"], capture_output=True, text=True).stdout
    return "SM2" in listing


pytestmark = pytest.mark.skipif(not _has_sm2(), reason="no `openssl` command with SM2 (OpenSSL 3) on this machine")


@pytest.fixture
def openssl(tmp_path: Path) -> Run:
    def run(*arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        answer = subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert (answer.returncode == 0) is ok, answer.stderr + answer.stdout
        return answer

    return run


@pytest.fixture
def ours(provider: SoftwareProvider) -> KeyHandle:
    return provider.generate(KeyKind.SM2, "ours")


@pytest.fixture
def our_files(provider: SoftwareProvider, ours: KeyHandle, tmp_path: Path) -> Path:
    """``ours.pem`` (encrypted), ``ours.pub`` and ``message`` in the folder where openssl runs."""
    encrypted = pkcs8.write_private_key(provider, ours, b"pw", MINIMUM_ITERATIONS, pkcs8.Prf.SHA256)
    (tmp_path / "ours.pem").write_bytes(encrypted)
    public = certificates.subject_public_key_info(provider.public_key(ours))
    (tmp_path / "ours.pub").write_bytes(pkcs8.pem("PUBLIC KEY", public))
    (tmp_path / "message").write_bytes(MESSAGE)
    return tmp_path


@pytest.mark.parametrize("user_id", [DEFAULT_USER_ID, b"ALICE123@YAHOO.COM"])
def test_openssl_verifies_our_signature(openssl, provider, ours, our_files, user_id):
    (our_files / "signature").write_bytes(provider.sign(ours, MESSAGE, user_id))
    command = ("pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pubin", "-inkey", "ours.pub", "-in", "message",
               "-sigfile", "signature", "-pkeyopt")  # fmt: skip

    openssl(*command, f"distid:{user_id.decode()}")
    openssl(*command, "distid:somebody else", ok=False)
    (our_files / "message").write_bytes(MESSAGE + b"x")
    openssl(*command, f"distid:{user_id.decode()}", ok=False)


@pytest.mark.parametrize("user_id", [DEFAULT_USER_ID, b"ALICE123@YAHOO.COM"])
def test_we_verify_openssls_signature_with_our_key_file(openssl, provider, ours, our_files, user_id):
    """Also proves that openssl reads our encrypted PKCS#8."""
    openssl("pkeyutl", "-sign", "-rawin", "-digest", "sm3", "-inkey", "ours.pem", "-passin", "pass:pw", "-in",
            "message", "-out", "signature", "-pkeyopt", f"distid:{user_id.decode()}")  # fmt: skip
    signature, public = (our_files / "signature").read_bytes(), provider.public_key(ours)

    assert provider.verify(public, MESSAGE, signature, user_id)
    assert not provider.verify(public, MESSAGE, signature, b"somebody else")
    assert not provider.verify(public, MESSAGE + b"x", signature, user_id)


def test_openssl_decrypts_what_we_encrypt(openssl, provider, ours, our_files):
    (our_files / "sealed").write_bytes(provider.encrypt(provider.public_key(ours), MESSAGE))

    openssl("pkeyutl", "-decrypt", "-inkey", "ours.pem", "-passin", "pass:pw", "-in", "sealed", "-out", "opened")
    assert (our_files / "opened").read_bytes() == MESSAGE


def test_we_decrypt_what_openssl_encrypts(openssl, provider, ours, our_files):
    openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", "ours.pub", "-in", "message", "-out", "sealed")

    assert provider.decrypt(ours, (our_files / "sealed").read_bytes()) == MESSAGE


def test_we_read_openssls_private_keys(openssl, provider, tmp_path):
    """SEC 1 and PKCS#8 in the clear (not in production), and PKCS#8 under SM4-CBC."""
    openssl("ecparam", "-name", "SM2", "-genkey", "-noout", "-out", "sec1.pem")
    openssl("pkcs8", "-topk8", "-nocrypt", "-in", "sec1.pem", "-out", "plain.pem")
    openssl("pkcs8", "-topk8", "-v2", "sm4-cbc", "-in", "sec1.pem", "-out", "sealed.pem", "-passout", "pass:pw")
    openssl("pkey", "-in", "sec1.pem", "-pubout", "-outform", "DER", "-out", "public")
    public = (tmp_path / "public").read_bytes()[-65:]

    for name, passphrase in (("sec1.pem", None), ("plain.pem", None), ("sealed.pem", b"pw")):
        key = pkcs8.read_private_key_file(provider, tmp_path / name, passphrase, production=False)
        assert provider.public_key(key) == public
    pkcs8.read_private_key_file(provider, tmp_path / "sealed.pem", b"pw", production=True)
    for name in ("sec1.pem", "plain.pem"):
        with pytest.raises(PlainKeyRefused):
            pkcs8.read_private_key_file(provider, tmp_path / name, None, production=True)
    for passphrase in (None, b"wrong", b""):
        with pytest.raises(DecryptionFailed):
            pkcs8.read_private_key_file(provider, tmp_path / "sealed.pem", passphrase, production=False)


@pytest.mark.parametrize("mode", ["cbc", "ctr"])
def test_sm4_both_ways(openssl, provider, tmp_path, mode):
    key_bytes, iv = provider.random(16), provider.random(16)
    key = provider.take_secret(bytearray(key_bytes), KeyKind.SM4)
    plaintext = provider.random(1000)
    (tmp_path / "plain").write_bytes(plaintext)
    openssl("enc", f"-sm4-{mode}", "-K", key_bytes.hex(), "-iv", iv.hex(), "-in", "plain", "-out", "sealed")
    theirs = (tmp_path / "sealed").read_bytes()

    assert theirs == (provider.encrypt_cbc if mode == "cbc" else provider.apply_ctr)(key, iv, plaintext)
    assert (provider.decrypt_cbc if mode == "cbc" else provider.apply_ctr)(key, iv, theirs) == plaintext


def test_hmac_sm3_is_openssls(openssl, provider, tmp_path):
    key_bytes = provider.random(32)
    key = provider.take_secret(bytearray(key_bytes), KeyKind.MAC)
    (tmp_path / "text").write_bytes(MESSAGE)
    answer = openssl("mac", "-digest", "SM3", "-macopt", f"hexkey:{key_bytes.hex()}", "-in", "text", "HMAC")

    assert provider.mac(key, MESSAGE).hex() == answer.stdout.strip().lower()


def test_openssl_verifies_our_certificates(openssl, provider, tmp_path):
    """Link by link: ``openssl verify`` of 3.0 hands ``-vfyopt distid`` to the first certificate of a chain only."""
    root_key, middle_key, leaf_key = (provider.generate(KeyKind.SM2) for _ in range(3))
    root = certificates.self_signed(provider, root_key, {"country_name": "CN", "common_name": "坤舆根"}, YEAR)
    middle = certificates.issue(
        provider, certificates.Issuer(root_key, root), {"common_name": "坤舆中间"}, provider.public_key(middle_key), YEAR,
        certificates.Profile(certificates.AUTHORITY.key_usage, is_ca=True, path_length=0),
    )  # fmt: skip
    leaf = certificates.issue(
        provider, certificates.Issuer(middle_key, middle), {"common_name": "张三"}, provider.public_key(leaf_key), YEAR,
        certificates.SIGNING,
    )  # fmt: skip
    for name, certificate in (("root", root), ("middle", middle), ("leaf", leaf)):
        (tmp_path / f"{name}.pem").write_bytes(certificate.pem())

    (tmp_path / "tbs").write_bytes(root.signed_bytes)
    (tmp_path / "signature").write_bytes(root.signature)
    openssl("x509", "-in", "root.pem", "-noout", "-pubkey", "-out", "root.pub")
    openssl("pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pubin", "-inkey", "root.pub", "-in", "tbs",
            "-sigfile", "signature", "-pkeyopt", ID)  # fmt: skip
    openssl("verify", "-x509_strict", "-vfyopt", ID, "-CAfile", "root.pem", "middle.pem")
    openssl("verify", "-partial_chain", "-vfyopt", ID, "-CAfile", "middle.pem", "leaf.pem")
    openssl("verify", "-partial_chain", "-vfyopt", ID, "-CAfile", "root.pem", "leaf.pem", ok=False)
    text = openssl("x509", "-in", "middle.pem", "-noout", "-text").stdout
    assert "SM2-with-SM3" in text and "CA:TRUE, pathlen:0" in text and "Certificate Sign, CRL Sign" in text


def test_openssl_verifies_our_request(openssl, provider, ours, tmp_path):
    request = certificates.make_request(provider, ours, {"common_name": "节点一"}, ["node1.example"])
    (tmp_path / "request.der").write_bytes(request)

    openssl("req", "-inform", "DER", "-in", "request.der", "-verify", "-noout", "-vfyopt", ID)
    text = openssl("req", "-inform", "DER", "-in", "request.der", "-noout", "-text").stdout
    assert "DNS:node1.example" in text


def test_openssl_issues_on_our_request_and_we_verify_the_chain(openssl, provider, ours, tmp_path):
    openssl("req", "-x509", "-newkey", "sm2", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-sm3", "-sigopt", ID,
            "-subj", "/C=CN/O=Test/CN=CA", "-days", "30")  # fmt: skip
    request = certificates.make_request(provider, ours, {"common_name": "节点一"}, ["node1.example"])
    (tmp_path / "request.der").write_bytes(request)
    openssl("x509", "-req", "-inform", "DER", "-in", "request.der", "-CA", "ca.pem", "-CAkey", "ca.key", "-sm3",
            "-sigopt", ID, "-vfyopt", ID, "-days", "10", "-copy_extensions", "copy", "-out", "issued.pem")  # fmt: skip
    issuer = certificates.read_certificate((tmp_path / "ca.pem").read_bytes())
    issued = certificates.read_certificate((tmp_path / "issued.pem").read_bytes())
    moment = datetime.now(UTC) + timedelta(minutes=1)

    assert issued.public_key == provider.public_key(ours)
    assert issued.alternative_names == ("node1.example",)
    assert chains.verify_chain(provider, issued, [issuer], at=moment) == (issued, issuer)
    with pytest.raises(CertificateRefused) as refusal:
        chains.verify_chain(provider, issued, [issuer], at=moment + timedelta(days=11))
    assert refusal.value.context["reason"] == "expired"


def test_we_read_openssls_request(openssl, provider, tmp_path):
    openssl("req", "-new", "-newkey", "sm2", "-nodes", "-keyout", "k.key", "-sm3", "-sigopt", ID, "-subj",
            "/C=CN/O=Bureau/CN=node2", "-addext", "subjectAltName=DNS:node2.example", "-out", "r.pem")  # fmt: skip
    request = certificates.read_request(provider, (tmp_path / "r.pem").read_bytes())

    assert request.name == {"country_name": "CN", "organization_name": "Bureau", "common_name": "node2"}
    assert request.alternative_names == ("node2.example",)
