"""PDFs sealed and judged, and what independent libraries say of them (R-133, R-311).

Independent: pyHanko validates the whole ECDSA signature; OpenSSL's ``cms -verify`` the extracted one with its chain;
OpenSSL's ``dgst -verify`` the extracted SM2 one; poppler's ``pdfsig`` where it is installed.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pypdfium2
import pytest
from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext

from kunyu.engines.documents import signing
from kunyu.engines.documents.errors import SealUnusable
from kunyu.engines.documents.models import SealUse
from kunyu.engines.documents.seal_errors import NotSealable
from kunyu.engines.documents.seals import services
from kunyu.engines.documents.seals.makers import seal_maker
from kunyu.engines.documents.seals.tests import forging
from kunyu.engines.documents.seals.tests.made import DECIDER, NAME, SYSTEM, active_seal, paper, prepared_seal
from kunyu.engines.documents.seals.tests.signed_papers import sealed
from kunyu.engines.documents.signatures import signed_data
from kunyu.engines.documents.signatures.suites import ECDSA
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.scope import ANONYMOUS
from kunyu.kernel.crypto import p256_certificates
from kunyu.kernel.crypto.pkcs8 import pem
from kunyu.kernel.digests import sm3_hex

pytestmark = pytest.mark.django_db
with_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no `openssl` command on this machine")
with_pdfsig = pytest.mark.skipif(shutil.which("pdfsig") is None, reason="no `pdfsig` (poppler-utils) on this machine")


def run(folder: Path, *arguments: str) -> str:
    answer = subprocess.run(arguments, cwd=folder, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr + answer.stdout
    return answer.stdout + answer.stderr


def byte_range(pdf: bytes, at: int = 0) -> bytes:
    """The bytes that the ``at``-th signature covers."""
    reader = PdfFileReader(io.BytesIO(pdf))
    _, value, _ = list(enumerate_sig_fields(reader, filled_status=True))[at]
    start, first, second, rest = (int(one) for one in value.get_object().raw_get("/ByteRange"))
    return pdf[start : start + first] + pdf[second : second + rest]


@pytest.mark.parametrize("profile", ["sm2", "ecdsa"])
def test_a_sealed_paper_is_valid(profile: str) -> None:
    one = active_seal()
    said = signing.verify_pdf(sealed(one, profile))
    assert said.is_valid and said.is_whole, said.why_en
    assert said.why_zh == "签名有效，文件未被改动。"
    (signature,) = said.signatures
    assert (signature.profile, signature.seal_code, signature.seal_name, signature.seal_state) == (
        signing.PROFILES[profile], one.code, NAME, "active",
    )  # fmt: skip
    assert signature.time_source == "time_stamp" and signature.covers_whole_file and not signature.changed_after
    assert NAME in signature.signer and signature.field == "KunyuSeal1"


def test_both_profiles_in_one_paper() -> None:
    one = active_seal()
    both = signing.seal_pdf(DECIDER, paper(), one, subject="licence:9")
    assert both.startswith(paper()), "signatures are appended, the document stays as it was"
    said = signing.verify_pdf(both)
    assert said.is_valid and said.is_whole, said.why_en
    first, last = said.signatures
    assert (first.profile, last.profile) == ("pdf-sm2", "pades-ecdsa")
    assert (first.covers_whole_file, last.covers_whole_file) == (False, True)
    assert not first.changed_after
    assert [use.profile for use in SealUse.objects.order_by("id")] == ["pdf-sm2", "pades-ecdsa"]
    newest, oldest = SealUse.objects.all()
    assert oldest.source_sm3 == sm3_hex(paper()) and newest.source_sm3 == oldest.document_sm3
    assert newest.document_sm3 == sm3_hex(both) and newest.subject == "licence:9"
    entries = AuditEntry.objects.filter(action="seal-used", object_id=one.code)
    assert entries.count() == 2 and {entry.actor for entry in entries} == {"a-decider"}


def test_the_picture_is_seen_where_it_was_put_once() -> None:
    """Red where the seal stands, and only there; a second signature shows no second picture."""
    one = active_seal()
    pdf = signing.seal_pdf(DECIDER, paper(), one, subject="x", at=(60, 100))
    document = pypdfium2.PdfDocument(pdf)
    document.init_forms()
    picture = document[0].render(scale=2, may_draw_forms=True).to_pil().convert("RGB")
    red = [
        (x, y) for x in range(0, picture.width, 4) for y in range(0, picture.height, 4)
        if (c := picture.getpixel((x, y)))[0] > 180 and c[1] < 90 and c[2] < 90
    ]  # fmt: skip
    assert len(red) > 100
    per_mm = 2 * 72 / 25.4
    xs, ys = [x / per_mm for x, _ in red], [(picture.height - y) / per_mm for _, y in red]
    assert min(xs) >= 60 - 22 and max(xs) <= 60 + 22 and min(ys) >= 100 - 22 and max(ys) <= 100 + 22


@pytest.mark.parametrize("order", [("ecdsa",), ("sm2", "ecdsa"), ("ecdsa", "sm2")])
def test_pyhanko_validates_the_ecdsa_signature(order: tuple[str, ...]) -> None:
    one, pdf = active_seal(), paper()
    for profile in order:
        pdf = sealed(one, profile, pdf)
    reader = PdfFileReader(io.BytesIO(pdf))
    name, _, reference = list(enumerate_sig_fields(reader, filled_status=True))[order.index("ecdsa")]
    embedded = EmbeddedPdfSignature(reader, reference.get_object(), name)
    root = x509.Certificate.load(seal_maker().roots(ECDSA)[0])
    status = validate_pdf_signature(embedded, ValidationContext(trust_roots=[root]))
    assert status.bottom_line and status.intact and status.valid and status.trusted, status.pretty_print_details()
    assert status.timestamp_validity is not None and status.timestamp_validity.trusted
    assert embedded.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"


@with_openssl
def test_openssl_verifies_the_ecdsa_signature_taken_out(tmp_path: Path) -> None:
    pdf = sealed(active_seal(), "ecdsa")
    (tmp_path / "s.der").write_bytes(forging.contents(pdf)[0])
    (tmp_path / "covered").write_bytes(byte_range(pdf))
    (tmp_path / "root.pem").write_text(p256_certificates.pem(seal_maker().roots(ECDSA)[0]))
    said = run(tmp_path, "openssl", "cms", "-verify", "-inform", "DER", "-in", "s.der", "-content", "covered", "-binary",
               "-CAfile", "root.pem", "-purpose", "any", "-out", "out")  # fmt: skip
    assert "Verification successful" in said


@with_openssl
def test_openssl_verifies_the_sm2_signature_taken_out(tmp_path: Path) -> None:
    """The attributes hold the SM3 of what the signature covers, by OpenSSL too; the signature over them is verified."""
    pdf = sealed(active_seal(), "sm2")
    found = signed_data.read(forging.contents(pdf)[0])
    (tmp_path / "covered").write_bytes(byte_range(pdf))
    digest = run(tmp_path, "openssl", "dgst", "-sm3", "-hex", "covered").rpartition("= ")[2].strip()
    assert found.message_digest.hex() == digest and bytes.fromhex(digest) in found.attributes
    (tmp_path / "attributes").write_bytes(found.attributes)
    (tmp_path / "signature").write_bytes(found.signature)
    (tmp_path / "seal.pem").write_bytes(pem("CERTIFICATE", found.certificate))
    (tmp_path / "public.pem").write_text(run(tmp_path, "openssl", "x509", "-in", "seal.pem", "-noout", "-pubkey"))
    said = run(tmp_path, "openssl", "dgst", "-sm3", "-verify", "public.pem", "-signature", "signature",
               "-sigopt", "distid:1234567812345678", "attributes")  # fmt: skip
    assert "Verified OK" in said


BOTH_WAYS = pytest.mark.parametrize("order", [("sm2", "ecdsa"), ("ecdsa", "sm2")])


def in_order(order: tuple[str, ...]) -> bytes:
    one, pdf = active_seal(), paper()
    for profile in order:
        pdf = sealed(one, profile, pdf)
    return pdf


@with_pdfsig
@BOTH_WAYS
def test_poppler_validates_the_ecdsa_signature(order: tuple[str, ...], tmp_path: Path) -> None:
    """In either order; of the SM2 one it says that it does not know how it is signed, and goes on."""
    (tmp_path / "a.pdf").write_bytes(in_order(order))
    answer = subprocess.run(["pdfsig", "-nocert", "a.pdf"], cwd=tmp_path, capture_output=True, text=True)
    parts = dict(zip(order, answer.stdout.split("Signature #")[1:], strict=True))
    assert "ETSI.CAdES.detached" in parts["ecdsa"] and "Signature is Valid." in parts["ecdsa"]
    assert ("Total document signed" in parts["ecdsa"]) == (order[-1] == "ecdsa")
    assert "adbe.pkcs7.detached" in parts["sm2"] and "Signature is Valid." not in parts["sm2"]
    assert "Signature is Invalid." not in parts["sm2"], "not understood is not the same as forged"


@BOTH_WAYS
def test_ours_is_valid_and_pyhanko_alone_is_stopped_by_the_sm2_field(order: tuple[str, ...]) -> None:
    """What the documentation says of plain pyHanko: its list of all signatures stops, the field asked for does not."""
    pdf = in_order(order)
    said = signing.verify_pdf(pdf)
    assert said.is_valid and said.is_whole, said.why_en
    assert [one.profile for one in said.signatures] == [signing.PROFILES[one] for one in order]
    reader = PdfFileReader(io.BytesIO(pdf))
    with pytest.raises((TypeError, ValueError)):
        list(reader.embedded_signatures)


def test_only_a_seal_in_use_seals_and_a_refusal_leaves_nothing() -> None:
    waiting, used = prepared_seal(), active_seal()
    with pytest.raises(SealUnusable, match="is waiting and seals nothing"):
        sealed(waiting, "sm2")
    services.suspend(SYSTEM, used.code, "停")
    with pytest.raises(SealUnusable, match="is suspended and seals nothing"):
        sealed(used, "ecdsa")
    with pytest.raises(SignInNeeded):
        signing.sign_pdf(ANONYMOUS, paper(), active_seal(), profile="sm2", subject="x")
    with pytest.raises(SealUnusable, match="There is no profile rsa"):
        sealed(active_seal(), "rsa")
    assert not SealUse.objects.exists() and not AuditEntry.objects.filter(action="seal-used").exists()


def test_what_could_change_is_not_sealed() -> None:
    one = active_seal()
    with pytest.raises(NotSealable, match="an action on opening"):
        sealed(one, "sm2", forging.updated(paper(), forging.catalogue_touched))
    with pytest.raises(NotSealable, match=r"annotations \(/FreeText\)"):
        sealed(one, "ecdsa", forging.updated(paper(), forging.note_laid_over))
    with pytest.raises(NotSealable):
        sealed(one, "ecdsa", b"%PDF-1.7 nonsense")
    assert not SealUse.objects.exists()
