"""Licences: issued once, sealed before they are valid, followed through every state."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction

from kunyu.engines.documents import licence_states, licences, ofd_copies, queries, signing
from kunyu.engines.documents.errors import ReasonNeeded, SealUnusable, UnknownLicence, WrongLicenceState
from kunyu.engines.documents.models import Document, Licence, LicenceEvent, Seal, SealUse
from kunyu.engines.documents.ofd import verifying as ofd_verifying
from kunyu.engines.documents.seals import services as seals
from kunyu.engines.documents.seals.tests.made import SECURITY, active_seal
from kunyu.engines.documents.templates import content_of
from kunyu.engines.documents.tests.requests import CITIZEN, DAY, PLOT, USCC, request
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.scope import Principal, operator
from kunyu.kernel.errors import UsageError
from kunyu.kernel.identifiers import parse_certificate_id
from kunyu.kernel.outbox.models import Event

pytestmark = pytest.mark.django_db
DECIDER = Principal("decider", "决定人", origin="tests")
WHY = ("申请人隐瞒情况", "《行政许可法》第六十九条")


@pytest.fixture
def seal() -> Seal:
    return active_seal()


def told() -> list[tuple[str, str]]:
    return [
        (one.payload["act"], one.payload["state"])
        for one in Event.objects.filter(topic=licence_states.CHANGED_TOPIC).order_by("pk")
    ]


def test_a_licence_is_numbered_identified_sealed_and_valid(tmp_path: Path, seal: Seal) -> None:
    """R-134: issue. The number after its scheme, the identifier after GB/T 36904, the file under seal."""
    one = licences.issue(DECIDER, request(tmp_path, seal))
    assert (one.number, one.version, one.state) == ("用字第9901012026XS0000001号", 1, "valid")
    parsed = parse_certificate_id(one.identifier)
    assert (parsed.certificate_type, parsed.authority, parsed.serial, parsed.version) == (
        "11100000MB03271699901", "990101", "20260000001", "001",
    )  # fmt: skip
    assert one.pdf is not None and one.pdf.is_sealed and one.pdf.media_type == "application/pdf"
    verdict = signing.verify_pdf(content_of(one.pdf))
    assert verdict.is_valid and {each.profile for each in verdict.signatures} == {"pdf-sm2", "pades-ecdsa"}
    assert told() == [("issued", "valid")]
    assert [(event.act, event.before, event.state, event.actor) for event in one.events.all()] == [
        ("issued", "issuing", "valid", "decider")
    ]
    assert licences.plot_of(one).equals(PLOT)  # type: ignore[union-attr]
    assert AuditEntry.objects.filter(action="licence-issued", object_id=one.number).count() == 1


def test_issued_again_it_is_the_same_licence(tmp_path: Path, seal: Seal) -> None:
    one = licences.issue(DECIDER, request(tmp_path, seal))
    again = licences.issue(DECIDER, request(tmp_path, seal))
    assert (again.pk, again.pdf_id) == (one.pk, one.pdf_id)
    assert Licence.objects.count() == 1 and SealUse.objects.count() == 2 and told() == [("issued", "valid")]
    other = licences.issue(DECIDER, request(tmp_path, seal, key="case:T2:licence", subject="case:T2"))
    assert other.number == "用字第9901012026XS0000002号"


def test_without_a_seal_it_is_not_in_force(tmp_path: Path, seal: Seal) -> None:
    """Never valid without a seal; the same call with one takes up where it stopped, under the same number."""
    waiting = licences.issue(DECIDER, request(tmp_path, None))
    assert (waiting.state, waiting.pdf.is_sealed, told()) == ("issuing", False, [])  # type: ignore[union-attr]
    done = licences.issue(DECIDER, request(tmp_path, seal))
    assert (done.pk, done.number, done.state, done.pdf.is_sealed) == (waiting.pk, waiting.number, "valid", True)  # type: ignore[union-attr]


def test_a_suspended_seal_leaves_it_issuing(tmp_path: Path, seal: Seal) -> None:
    seals.suspend(SECURITY, seal.code, "换发")
    with pytest.raises(SealUnusable):
        licences.issue(DECIDER, request(tmp_path, Seal.objects.get(pk=seal.pk)))
    one = Licence.objects.get()
    assert (one.state, one.number, told()) == ("issuing", "用字第9901012026XS0000001号", [])


def test_a_failing_template_gives_the_number_to_the_same_licence(tmp_path: Path, seal: Seal) -> None:
    """The row keeps its number; mended, the same call finishes it: no gap and no second."""
    broken = request(tmp_path, seal)
    broken.template.write_text("{% load x %}", encoding="utf-8")
    with pytest.raises(UsageError):
        licences.issue(DECIDER, broken)
    one = licences.issue(DECIDER, request(tmp_path, seal))
    assert (Licence.objects.count(), one.number) == (1, "用字第9901012026XS0000001号")


def test_facts_stand_in_the_order_they_were_given(tmp_path: Path, seal: Seal) -> None:
    """jsonb sorts keys by length; on paper and on pages the order of the request holds."""
    licences.issue(DECIDER, request(tmp_path, seal, facts={"用地面积（公顷）": 6.1, "用途": "医疗"}))
    assert Licence.objects.get().ordered_facts == [("用地面积（公顷）", 6.1), ("用途", "医疗")]


def test_the_holders_code_is_encrypted_and_found(tmp_path: Path, seal: Seal) -> None:
    one = licences.issue(DECIDER, request(tmp_path, seal))
    person = licences.Holder("张三", "person", CITIZEN)
    two = licences.issue(DECIDER, request(tmp_path, seal, key="b", holder=person))
    assert (one.holder_code_masked, two.holder_code_masked) == ("913***********0Y43", "110***********002X")
    stored = Licence.objects.filter(pk=one.pk).values_list("holder_code", flat=True)[0]
    assert stored.startswith("kf1.") and USCC not in stored
    assert list(queries.held_by(USCC.lower())) == [one] and list(queries.held_by(CITIZEN)) == [two]
    assert CITIZEN not in str(Document.objects.get(key=f"licence:{two.pk}:plain").filled_with)


def test_it_is_suspended_resumed_and_revoked(tmp_path: Path, seal: Seal) -> None:
    one = licences.issue(DECIDER, request(tmp_path, seal))
    assert licence_states.suspend(DECIDER, one.pk, *WHY).state == "suspended"
    assert licence_states.resume(DECIDER, one.pk, *WHY).state == "valid"
    assert licence_states.revoke(DECIDER, one.pk, *WHY).state == "revoked"
    assert licence_states.revoke(DECIDER, one.pk, *WHY).state == "revoked"
    assert told() == [("issued", "valid"), ("suspended", "suspended"), ("resumed", "valid"), ("revoked", "revoked")]
    last = one.events.last()
    assert last is not None and (last.reason, last.basis) == WHY


@pytest.mark.parametrize("act", ["suspend", "resume", "revoke"])
def test_what_takes_it_out_of_force_says_why(tmp_path: Path, seal: Seal, act: str) -> None:
    one = licences.issue(DECIDER, request(tmp_path, seal))
    for reason, basis in (("", "x"), ("x", " ")):
        with pytest.raises(ReasonNeeded, match="请写明理由和法律依据"):
            getattr(licence_states, act)(DECIDER, one.pk, reason, basis)
    assert Licence.objects.get(pk=one.pk).state == "valid" and len(told()) == 1


def test_a_wrong_step_writes_nothing(tmp_path: Path, seal: Seal) -> None:
    one = licences.issue(DECIDER, request(tmp_path, seal))
    with pytest.raises(WrongLicenceState) as refused:
        licence_states.resume(DECIDER, one.pk, *WHY)
    assert refused.value.detail_zh == "证照 用字第9901012026XS0000001号 的状态是“有效”，不能恢复。"
    with pytest.raises(UnknownLicence):
        licence_states.suspend(DECIDER, 999_999, *WHY)
    assert LicenceEvent.objects.count() == 1


def test_it_expires_after_its_last_day(tmp_path: Path, seal: Seal) -> None:
    last = licences.issue(DECIDER, request(tmp_path, seal, valid_to=date(2026, 11, 20)))
    other = licences.issue(DECIDER, request(tmp_path, seal, key="b", valid_to=None))
    assert licence_states.expire_due(date(2026, 11, 20)) == 0
    assert licence_states.expire_due(date(2026, 11, 21)) == 1
    assert licence_states.expire_due(date(2026, 11, 21)) == 0
    assert [Licence.objects.get(pk=one.pk).state for one in (last, other)] == ["expired", "valid"]
    with pytest.raises(UsageError, match="早于发证日期"):
        licences.issue(DECIDER, request(tmp_path, seal, key="c", valid_to=date(2026, 11, 1)))


def test_a_correction_is_the_next_version_and_keeps_the_old(tmp_path: Path, seal: Seal) -> None:
    """更正: same number, version 2, the wrong one is replaced in the moment the right one comes into force."""
    old = licences.issue(DECIDER, request(tmp_path, seal))
    right = request(tmp_path, seal, key="case:T1:correction:1", facts={"项目名称": "坤舆县中医院迁建"})
    new = licences.correct(DECIDER, old.pk, right, "项目名称有误")
    again = licences.correct(DECIDER, old.pk, right, "项目名称有误")
    old.refresh_from_db()
    assert (new.number, new.version, new.state, new.previous_id, again.pk) == (old.number, 2, "valid", old.pk, new.pk)
    assert old.state == "replaced" and [event.act for event in old.events.all()] == ["issued", "corrected"]
    parsed = parse_certificate_id(new.identifier)
    assert (parsed.serial, parsed.version) == ("20260000001", "002")
    with pytest.raises(WrongLicenceState):
        licences.correct(DECIDER, old.pk, replace(right, key="another"), "再改")
    assert Licence.objects.count() == 2


def test_a_replacement_is_a_version_or_a_new_number_as_its_kind_says(tmp_path: Path, seal: Seal) -> None:
    opinion = licences.issue(DECIDER, request(tmp_path, seal))
    follows = licences.replace(DECIDER, opinion.pk, request(tmp_path, seal, key="b"), "换发")
    assert (follows.number, follows.version) == (opinion.number, 2)
    approval = licences.issue(DECIDER, request(tmp_path, seal, key="c", kind="land_conversion_approval"))
    other = licences.replace(
        DECIDER, approval.pk, request(tmp_path, seal, key="d", kind="land_conversion_approval"), "换发"
    )
    assert (other.version, other.previous_id) == (1, approval.pk) and other.number != approval.number
    assert [Licence.objects.get(pk=one.pk).state for one in (opinion, approval)] == ["replaced", "replaced"]


def test_one_revoked_before_its_successor_was_sealed_is_not_followed(tmp_path: Path, seal: Seal) -> None:
    old = licences.issue(DECIDER, request(tmp_path, seal))
    waiting = licences.correct(DECIDER, old.pk, request(tmp_path, None, key="b"), "更正")
    licence_states.revoke(DECIDER, old.pk, *WHY)
    with pytest.raises(WrongLicenceState):
        licences.correct(DECIDER, old.pk, request(tmp_path, seal, key="b"), "更正")
    waiting.refresh_from_db()
    assert waiting.state == "issuing"


def test_events_and_licences_are_kept(tmp_path: Path, seal: Seal) -> None:
    licences.issue(DECIDER, request(tmp_path, seal))
    for statement in (
        "DELETE FROM documents_licenceevent", "UPDATE documents_licenceevent SET reason = 'x'", "DELETE FROM documents_licence",
    ):  # fmt: skip
        with pytest.raises((InternalError, ProgrammingError), match="只增不删"), transaction.atomic():
            connection.cursor().execute(statement)


def test_the_ofd_follows_through_the_outbox(tmp_path: Path, seal: Seal) -> None:
    one = licences.issue(DECIDER, request(tmp_path, seal))
    event = Event.objects.get(topic=licence_states.CHANGED_TOPIC)
    ofd_copies.licence_changed(event)
    ofd_copies.licence_changed(event)
    one.refresh_from_db()
    assert one.ofd is not None and ofd_verifying.verify(content_of(one.ofd)).is_valid
    assert Document.objects.filter(media_type="application/ofd").count() == 1


def test_who_sees_it(tmp_path: Path, seal: Seal) -> None:
    """By the branch and division it was issued under; operator sees all, a stranger nothing."""
    one = licences.issue(DECIDER, request(tmp_path, seal))
    assert queries.licence_of(operator(), one.pk) == one
    with pytest.raises(UnknownLicence):
        queries.licence_of(DECIDER, one.pk)
    assert one.issued_on == DAY
