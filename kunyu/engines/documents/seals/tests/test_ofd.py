"""OFD written, read back, sealed and judged; forged ones told (R-133, R-311)."""

from __future__ import annotations

import io
import zipfile
from datetime import date, timedelta

import pytest
from django.utils import timezone
from fontTools.ttLib import TTFont
from lxml import etree

from kunyu.engines.documents import ofd
from kunyu.engines.documents.errors import SealUnusable
from kunyu.engines.documents.models import SealUse
from kunyu.engines.documents.ofd import fonts, package
from kunyu.engines.documents.ofd.layout import Line, Paper, Rule, Sheet
from kunyu.engines.documents.seal_errors import BadOfd
from kunyu.engines.documents.seals import services
from kunyu.engines.documents.seals.tests.made import DECIDER, SECURITY, SYSTEM, active_seal, prepared_seal
from kunyu.engines.documents.signatures import ses
from kunyu.engines.security.models import AuditEntry
from kunyu.kernel.digests import sm3_hex

NAMES = package.NAMES
LICENCE = Paper(
    title="建设项目用地预审与选址意见书",
    created_on=date(2026, 11, 23),
    sheets=(
        Sheet(
            lines=(
                Line(105, 40, "建设项目用地预审与选址意见书", 7.4, "centre"),
                Line(30, 70, "用字第990101202600001号"),
                Line(180, 240, "坤舆县自然资源局", align="right"),
            ),
            rules=(Rule(25, 50, 185, 50),),
        ),
        Sheet(lines=(Line(30, 40, "附图 Annex 1"),)),
    ),
    facts={"number": "用字第990101202600001号"},
)


@pytest.fixture(scope="module")
def plain() -> bytes:
    return ofd.write(LICENCE)


def repacked(content: bytes, **changes: bytes | None) -> bytes:
    """The package with files replaced, added or (None) taken out."""
    files = package.read(content)
    for name, value in changes.items():
        if value is None:
            del files[name]
        else:
            files[name] = value
    return package.packed(files)


def test_the_same_paper_gives_the_same_bytes(plain: bytes) -> None:
    fonts._cut.cache_clear()
    assert ofd.write(LICENCE) == plain
    assert ofd.write(LICENCE, embed_font=False) != plain


def test_structure_of_the_package(plain: bytes) -> None:
    files = ofd.read(plain)
    assert sorted(files) == [
        "Doc_0/Document.xml", "Doc_0/Pages/Page_0/Content.xml", "Doc_0/Pages/Page_1/Content.xml", "Doc_0/PublicRes.xml",
        "Doc_0/Res/font_1.otf", "OFD.xml",
    ]  # fmt: skip
    root = etree.fromstring(files["OFD.xml"])
    assert root.tag == "{http://www.ofdspec.org/2016}OFD" and dict(root.attrib) == {"Version": "1.1", "DocType": "OFD"}
    assert package.text_of(root, "ofd:DocBody/ofd:DocRoot") == "Doc_0/Document.xml"
    assert package.text_of(root, "ofd:DocBody/ofd:DocInfo/ofd:CreationDate") == "2026-11-23"
    assert len(package.text_of(root, "ofd:DocBody/ofd:DocInfo/ofd:DocID")) == 32
    document = etree.fromstring(files["Doc_0/Document.xml"])
    assert package.text_of(document, "ofd:CommonData/ofd:PageArea/ofd:PhysicalBox") == "0 0 210 297"
    ids = [
        int(one.get("ID"))
        for name in files
        if name.endswith(".xml")
        for one in etree.fromstring(files[name]).iter()
        if one.get("ID")
    ]
    assert len(ids) == len(set(ids)) and max(ids) == int(package.text_of(document, "ofd:CommonData/ofd:MaxUnitID"))


def test_text_stands_where_it_was_put(plain: bytes) -> None:
    page = etree.fromstring(ofd.read(plain)["Doc_0/Pages/Page_0/Content.xml"])
    texts = page.findall(".//ofd:TextObject", NAMES)
    assert [one.findtext("ofd:TextCode", namespaces=NAMES) for one in texts] == [
        line.text for line in LICENCE.sheets[0].lines
    ]
    left, top, width, _ = (float(part) for part in texts[2].get("Boundary").split())
    assert left + width == pytest.approx(180, abs=0.01) and width == pytest.approx(8 * 4.23, abs=0.01)
    code = texts[2].find("ofd:TextCode", NAMES)
    assert top + float(code.get("Y")) == pytest.approx(240, abs=0.01)
    assert [float(step) for step in code.get("DeltaX").split()] == [4.23] * 7


def test_the_embedded_font_holds_every_letter_and_little_else(plain: bytes) -> None:
    content = ofd.read(plain)["Doc_0/Res/font_1.otf"]
    letters = {letter for sheet in LICENCE.sheets for line in sheet.lines for letter in line.text}
    assert letters <= {chr(one) for one in TTFont(io.BytesIO(content)).getBestCmap()}
    assert len(content) < 60_000


@pytest.mark.django_db
def test_a_sealed_package_is_valid_and_on_record(plain: bytes) -> None:
    one = active_seal()
    sealed = ofd.seal(DECIDER, plain, one, subject="licence:7")
    said = ofd.verify(sealed)
    assert said.is_valid and said.is_whole, said.why_en
    assert said.why_zh == "签名有效，文件未被改动。"
    (signature,) = said.signatures
    assert (signature.profile, signature.seal_code, signature.seal_state, signature.time_source) == (
        "ofd-sm2", one.code, "active", "time_stamp",
    )  # fmt: skip
    assert signature.covers_whole_file and signature.is_intact and signature.is_trusted
    use = SealUse.objects.get()
    assert (use.document_sm3, use.source_sm3, use.subject) == (sm3_hex(sealed), sm3_hex(plain), "licence:7")
    assert AuditEntry.objects.filter(action="seal-used", object_id=one.code).count() == 1


@pytest.mark.django_db
def test_what_stands_in_the_signature_files(plain: bytes) -> None:
    one = active_seal()
    files = ofd.read(ofd.seal(DECIDER, plain, one, subject="x", page=0, at=(-60, 62)))
    signature = etree.fromstring(files["Doc_0/Signs/Sign_0/Signature.xml"])
    assert package.text_of(signature, "ofd:SignedInfo/ofd:SignatureMethod") == "1.2.156.10197.1.501"
    assert signature.find("ofd:SignedInfo/ofd:References", NAMES).get("CheckMethod") == "1.2.156.10197.1.401"
    stamp = signature.find("ofd:SignedInfo/ofd:StampAnnot", NAMES)
    assert stamp.get("Boundary") == "129 214 42 42"
    protected = {one.get("FileRef") for one in signature.findall(".//ofd:Reference", NAMES)}
    assert protected == {f"/{name}" for name in files} - {
        "/Doc_0/Signs/Signatures.xml", "/Doc_0/Signs/Sign_0/Signature.xml", "/Doc_0/Signs/Sign_0/SignedValue.dat",
    }  # fmt: skip
    sealed = ses.read_sealed(files["Doc_0/Signs/Sign_0/SignedValue.dat"])
    assert sealed.about == "/Doc_0/Signs/Sign_0/Signature.xml"
    assert sealed.seal_data == files["Doc_0/Signs/Sign_0/Seal.esl"]


@pytest.mark.django_db
def test_two_seals_both_hold(plain: bytes) -> None:
    first, second = active_seal(), active_seal("坤舆县行政审批局")
    twice = ofd.seal(DECIDER, ofd.seal(DECIDER, plain, first, subject="x"), second, subject="x", at=(60, 62))
    said = ofd.verify(twice)
    assert said.is_valid, said.why_en
    assert [one.seal_code for one in said.signatures] == [first.code, second.code]


@pytest.mark.django_db
def test_a_changed_page_is_told(plain: bytes) -> None:
    sealed = ofd.seal(DECIDER, plain, active_seal(), subject="x")
    page = ofd.read(sealed)["Doc_0/Pages/Page_0/Content.xml"].replace("00001号".encode(), "00009号".encode())
    said = ofd.verify(repacked(sealed, **{"Doc_0/Pages/Page_0/Content.xml": page}))
    assert not said.is_valid and said.signatures[0].changed_after
    assert said.why_zh == "签章后“Doc_0/Pages/Page_0/Content.xml”被改动或删除。"
    said = ofd.verify(repacked(sealed, **{"Doc_0/Pages/Page_1/Content.xml": None}))
    assert not said.is_valid and "Changed or removed after sealing" in said.why_en


@pytest.mark.django_db
def test_an_added_file_is_told(plain: bytes) -> None:
    sealed = ofd.seal(DECIDER, plain, active_seal(), subject="x")
    said = ofd.verify(repacked(sealed, **{"Doc_0/Annots/Page_0.xml": b"<x/>"}))
    assert not said.is_valid and not said.is_whole and said.signatures[0].changed_after
    assert said.why_en == "Added after sealing: Doc_0/Annots/Page_0.xml."


@pytest.mark.django_db
def test_a_seal_moved_to_another_paper_is_told(plain: bytes) -> None:
    one = active_seal()
    sealed = ofd.seal(DECIDER, plain, one, subject="x")
    other = ofd.write(Paper("伪造", LICENCE.created_on, LICENCE.sheets))
    signs = {name: value for name, value in ofd.read(sealed).items() if "/Signs/" in name}
    signs["OFD.xml"] = ofd.read(sealed)["OFD.xml"]
    said = ofd.verify(repacked(other, **signs, **{"Doc_0/Pages/Page_1/Content.xml": b"<x/>"}))
    assert not said.is_valid and said.signatures[0].changed_after


@pytest.mark.django_db
def test_a_description_rewritten_to_fit_is_told(plain: bytes) -> None:
    """The forger changes the page and its digest; the signature is over the file of digests."""
    sealed = ofd.seal(DECIDER, plain, active_seal(), subject="x")
    files = ofd.read(sealed)
    files["Doc_0/Pages/Page_0/Content.xml"] = files["Doc_0/Pages/Page_0/Content.xml"].replace(b"00001", b"00009")
    place = "Doc_0/Signs/Sign_0/Signature.xml"
    root = etree.fromstring(files[place])
    for one in root.findall(".//ofd:Reference", NAMES):
        if one.get("FileRef") == "/Doc_0/Pages/Page_0/Content.xml":
            import base64

            digest = bytes.fromhex(sm3_hex(files["Doc_0/Pages/Page_0/Content.xml"]))
            one.find("ofd:CheckValue", NAMES).text = base64.b64encode(digest).decode()
    files[place] = package.written(root)
    said = ofd.verify(package.packed(files))
    assert not said.is_valid and "does not fit the file" in said.why_en


@pytest.mark.django_db
def test_another_seal_file_beside_it_is_told(plain: bytes) -> None:
    sealed = ofd.seal(DECIDER, plain, active_seal(), subject="x")
    said = ofd.verify(repacked(sealed, **{"Doc_0/Signs/Sign_0/Seal.esl": b"other"}))
    assert not said.is_valid


@pytest.mark.django_db
def test_a_suspended_seal_seals_nothing_and_what_it_sealed_before_holds(plain: bytes) -> None:
    one = active_seal()
    sealed = ofd.seal(DECIDER, plain, one, subject="x")
    services.suspend(SYSTEM, one.code, "停")
    with pytest.raises(SealUnusable):
        ofd.seal(DECIDER, plain, one, subject="x")
    with pytest.raises(SealUnusable):
        ofd.seal(DECIDER, plain, prepared_seal(), subject="x")
    assert ofd.verify(sealed).is_valid
    event = one.events.get(act="suspended")
    assert event.at > timezone.now() - timedelta(minutes=1) and SealUse.objects.count() == 1
    services.destroy(SECURITY, one.code, "毁")
    assert ofd.verify(sealed).is_valid


def test_an_unsealed_package_says_so(plain: bytes) -> None:
    said = ofd.verify(plain)
    assert not said.is_valid and said.why_zh == "文件没有签名。" and said.signatures == ()


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("OFD.xml", b"<a/>")
        archive.writestr("Doc_0/big", bytes(20 << 20))
    return out.getvalue()


def with_name(name: str, content: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("OFD.xml", b"<a/>")
        archive.writestr(name, content)
    return out.getvalue()


def many() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(package.MOST_FILES + 1):
            archive.writestr(f"f{number}", b"")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is no sound zip"),
        (b"%PDF-1.7", "it is no sound zip"),
        (bomb(), "packed more tightly than documents are"),
        (with_name("../../etc/passwd"), "leads outside"),
        (with_name("/etc/passwd"), "leads outside"),
        (many(), "2001 files, at most 2000"),
    ],
    ids=["empty", "pdf", "bomb", "dots", "absolute", "many"],
)
def test_what_is_no_package_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(BadOfd, match=said):
        ofd.read(content)
    answer = ofd.verify(content)
    assert not answer.is_valid and said in answer.why_en


def test_xml_with_entities_is_refused(plain: bytes) -> None:
    evil = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><ofd:OFD xmlns:ofd="http://www.ofdspec.org/2016">&b;</ofd:OFD>'
    answer = ofd.verify(repacked(plain, **{"OFD.xml": evil}))
    assert not answer.is_valid and "holds a document type" in answer.why_en
    billion = (
        b'<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx">'
        + b"".join(b'<!ENTITY x%d "%s">' % (n, b"&x%d;" % (n - 1) * 10 if n else b"&x;" * 10) for n in range(9))
        + b"]><a>&x8;</a>"
    )
    assert not ofd.verify(repacked(plain, **{"OFD.xml": billion})).is_valid
