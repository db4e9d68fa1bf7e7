"""Forged licences, each told with a sentence; nothing that is in a file raises (R-133; issue: a forged licence)."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from kunyu.engines.documents import signing
from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seals import services
from kunyu.engines.documents.seals.identities import identity_of
from kunyu.engines.documents.seals.makers import seal_maker
from kunyu.engines.documents.seals.tests import forging
from kunyu.engines.documents.seals.tests.made import DECIDER, SECURITY, SYSTEM, active_seal, paper
from kunyu.engines.documents.seals.tests.signed_papers import sealed, signed_behind_the_service
from kunyu.engines.documents.signatures.suites import SM2, SUITES
from kunyu.engines.documents.signatures.tests import identities
from kunyu.engines.documents.verdicts import Verdict

pytestmark = pytest.mark.django_db
PROFILES = pytest.mark.parametrize("profile", ["sm2", "ecdsa"])


def refused(pdf: bytes, said_zh: str) -> Verdict:
    """The verdict is no, and says this."""
    answer = signing.verify_pdf(pdf)
    assert not answer.is_valid
    assert said_zh in answer.why_zh, answer.why_zh
    assert answer.why_en
    return answer


@PROFILES
def test_an_altered_byte(profile: str) -> None:
    pdf = bytearray(sealed(active_seal(), profile))
    place = pdf.index(b"endstream") - 40
    pdf[place] ^= 1
    assert refused(bytes(pdf), "与文件内容不符").signatures[0].changed_after


def test_any_altered_byte_is_told_and_nothing_raises() -> None:
    """A hundred places outside the signature's own hexadecimal digits, one bit each; never valid, never an error."""
    pdf, draw = sealed(active_seal(), "sm2"), random.Random(13)
    hexadecimal = forging.contents_span(pdf, 0)
    for _ in range(100):
        place = draw.randrange(len(pdf))
        if place in hexadecimal:
            continue
        forged = bytearray(pdf)
        forged[place] ^= 1 << draw.randrange(8)
        assert not signing.verify_pdf(bytes(forged)).is_valid, place


@PROFILES
@pytest.mark.parametrize(
    "change", [forging.page_rewritten, forging.note_laid_over, forging.catalogue_touched], ids=lambda one: one.__name__
)
def test_an_update_nobody_signed(profile: str, change) -> None:  # type: ignore[no-untyped-def]
    """Incremental saving and shadow attacks: the signed bytes are intact, the document shows something else."""
    answer = refused(forging.updated(sealed(active_seal(), profile), change), "之后文件又被追加或改动")
    (signature,) = answer.signatures
    assert signature.is_intact and signature.changed_after and not signature.covers_whole_file and not answer.is_whole


def test_an_update_between_two_signatures() -> None:
    """Signed, changed, signed again by a genuine seal: the first signature does not stand for the second content."""
    one, other = active_seal(), active_seal("坤舆县行政审批局")
    first = sealed(one, "sm2")
    forged = sealed(other, "ecdsa", forging.updated(first, forging.page_rewritten))
    answer = refused(forged, "签名“KunyuSeal1”之后文件又被追加或改动")
    assert [signature.is_valid for signature in answer.signatures] == [False, True]


def test_an_altered_second_update() -> None:
    """A byte of the second signature's update is changed: the first still holds, the file does not."""
    both = bytearray(signing.seal_pdf(DECIDER, paper(), active_seal(), subject="x"))
    place = both.rindex(b"/Reason")
    both[place + 10] ^= 1
    answer = refused(bytes(both), "签名“KunyuSeal2”与文件内容不符")
    assert answer.signatures[0].is_intact


@PROFILES
def test_a_swapped_certificate(profile: str) -> None:
    """Another seal's certificate beside the same signature: its digest is in the signed attributes."""
    one, other = active_seal(), active_seal("坤舆县行政审批局")
    pdf = sealed(one, profile)
    forged = forging.with_certificate(
        forging.contents(pdf)[0].rstrip(b"\0"), identity_of(other, SUITES[profile]).certificate
    )
    refused(forging.with_contents(pdf, 0, forged), "与文件内容不符")


@PROFILES
def test_a_signature_copied_from_another_document(profile: str) -> None:
    one = active_seal()
    giver, taker = sealed(one, profile), sealed(one, profile, paper("另一份意见书"))
    refused(forging.with_contents(taker, 0, forging.contents(giver)[0].rstrip(b"\0")), "与文件内容不符")


@PROFILES
def test_a_seal_of_the_same_name_by_another_issuer(profile: str) -> None:
    """The forger has an issuer, a clock and a seal with the same name and code."""
    one = active_seal()
    forger = (
        identities.sm2_signers(one.name_zh, one.code)
        if profile == "sm2"
        else identities.ecdsa_signers(one.name_zh, one.code)
    )
    pdf = signed_behind_the_service(one, profile, timezone.now(), identity=forger.seal, clock=forger.clock)
    (signature,) = refused(pdf, "签名证书不可信").signatures
    assert signature.is_intact and not signature.is_trusted and signature.seal_code == ""
    assert signature.time_source == "claimed"


@PROFILES
def test_a_clock_by_another_issuer(profile: str) -> None:
    """Genuine keys, stolen after the seal was stopped, with a clock of the thief's own set back."""
    one = active_seal()
    services.suspend(SYSTEM, one.code, "私钥疑似泄露")
    forger = identities.signers(profile)
    pdf = signed_behind_the_service(one, profile, one.valid_from + timedelta(minutes=70), clock=forger.clock)
    answer = refused(pdf, "时间戳证书不可信")
    assert answer.signatures[0].time_source == "claimed"


@PROFILES
def test_a_signature_without_a_time_stamp(profile: str) -> None:
    pdf = sealed(active_seal(), profile)
    bare = forging.without_time_stamp(forging.contents(pdf)[0].rstrip(b"\0"))
    answer = refused(forging.with_contents(pdf, 0, bare), "签名没有时间戳")
    assert answer.signatures[0].is_intact


@PROFILES
def test_a_time_stamp_of_another_signature(profile: str) -> None:
    one = active_seal()
    first, second = sealed(one, profile), sealed(one, profile, paper("另一份意见书"))
    mixed = forging.with_time_stamp_of(
        forging.contents(first)[0].rstrip(b"\0"), forging.contents(second)[0].rstrip(b"\0")
    )
    refused(forging.with_contents(first, 0, mixed), "时间戳属于另一签名")


@PROFILES
def test_the_state_of_the_seal_when_it_signed_counts(profile: str) -> None:
    """Sealed before it was stopped: valid for ever. Signed with its keys afterwards: not, and told why."""
    one = active_seal()
    before = sealed(one, profile)
    services.suspend(SYSTEM, one.code, "机构改革")
    assert signing.verify_pdf(before).is_valid
    after = signed_behind_the_service(one, profile, timezone.now() + timedelta(minutes=2))
    (signature,) = refused(after, f"（{one.code}）停用。").signatures
    assert signature.seal_state == "suspended" and signature.is_intact
    services.destroy(SECURITY, one.code, "机构撤并")
    assert signing.verify_pdf(before).is_valid


@PROFILES
def test_outside_the_certificates_validity(profile: str) -> None:
    one = active_seal()
    early = signed_behind_the_service(one, profile, one.valid_from - timedelta(minutes=5))
    answer = refused(early, "证书")
    assert not answer.signatures[0].is_trusted


def test_a_clocks_key_is_no_seal() -> None:
    """The node's own clock certificate has the node's issuer, yet may not sign documents."""
    one = active_seal()
    pdf = signed_behind_the_service(one, "sm2", timezone.now(), identity=seal_maker().clock(SM2))
    refused(pdf, "证书用途不符")


def test_a_makers_key_is_no_seal() -> None:
    one = active_seal()
    pdf = signed_behind_the_service(one, "sm2", timezone.now(), identity=seal_maker().identity())
    refused(pdf, "签名证书不是本节点任何印章的证书")


def test_unsigned_broken_and_empty_files() -> None:
    assert refused(paper(), "文件没有签名。").signatures == ()
    for junk in (b"", b"PK\x03\x04", b"%PDF-1.7\n%%EOF", sealed(active_seal(), "sm2")[:-2000]):
        assert not signing.verify_pdf(junk).is_valid
    pdf = sealed(active_seal(), "sm2")
    refused(forging.with_contents(pdf, 0, b"\x30\x03\x02\x01\x01"), "签名数据无法读取")


def test_a_seal_of_another_node_that_is_trusted_here(tmp_path, settings) -> None:  # type: ignore[no-untyped-def]
    """R-311: the owner put the other maker's root into trust/seals; the seal's state there is said to be unchecked."""
    from kunyu.kernel.crypto.certificates import read_certificate

    one = active_seal()
    other = identities.sm2_signers("邻县自然资源局", "KYNEIGHBOUR")
    pdf = signed_behind_the_service(one, "sm2", timezone.now(), identity=other.seal, clock=other.clock)
    refused(pdf, "签名证书不可信")
    folder = settings.KUNYU_HOME / "trust" / "seals"
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "neighbour.pem"
    root.write_bytes(read_certificate(other.root).pem())
    try:
        answer = signing.verify_pdf(pdf)
    finally:
        root.unlink()
    (signature,) = answer.signatures
    assert answer.is_valid and signature.seal_state == "not_checked"
    assert answer.why_zh == "印章由其他机构管理，其启停状态未核验。"
    assert not Seal.objects.filter(code="KYNEIGHBOUR").exists()
