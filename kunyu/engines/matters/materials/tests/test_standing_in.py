"""Earlier documents and licences stand in for papers, of the same applicant only (免提交, R-308)."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kunyu.engines.matters.errors import BadMaterial
from kunyu.engines.matters.materials.access import UnknownMaterial
from kunyu.engines.matters.materials.standing_in import earlier_materials, licences_for, reuse, stand_in
from kunyu.engines.matters.materials.tests import samples

if TYPE_CHECKING:
    from kunyu.engines.matters.materials.tests.conftest import Desk

pytestmark = pytest.mark.django_db


def another(desk: Desk, who: str = "applicant", code: str = samples.CREDIT_CODE) -> Any:
    from kunyu.engines.matters.models import Application

    return Application.objects.create(
        key=str(uuid.uuid4()), division_code="990101", matters=["T-001"], applicant_id=desk.people[who].user_id,
        applicant_kind="organisation", applicant_code=code, created_by=who,
    )  # fmt: skip


def test_an_earlier_document_is_handed_in_again_with_what_was_read(desk: Desk) -> None:
    first = desk.read(desk.take(samples.form_pdf()))
    later = another(desk)
    assert [one.pk for one in earlier_materials(desk.people["applicant"], later.pk)] == [first.pk]
    again = reuse(desk.people["applicant"], later.pk, "identity", first.pk)
    assert (again.application_id, again.kind, again.version, again.source) == (later.pk, "identity", 1, "earlier")
    assert (again.sm3, again.reading, again.facts) == (first.sm3, "text", first.facts)


def test_another_persons_document_does_not_exist(desk: Desk) -> None:
    """Also with the other's code typed into one's own form."""
    first = desk.take(samples.form_pdf())
    theirs = another(desk, "somebody")
    with pytest.raises(UnknownMaterial):
        reuse(desk.people["somebody"], theirs.pk, "application", first.pk)
    assert earlier_materials(desk.people["somebody"], theirs.pk) == []
    assert theirs.materials.count() == 0


def test_a_format_the_other_kind_does_not_take(desk: Desk) -> None:
    first = desk.take(samples.docx(), name="a.docx")
    later = another(desk)
    with pytest.raises(BadMaterial) as caught:
        reuse(desk.people["applicant"], later.pk, "identity", first.pk)
    assert caught.value.context["why"] == "format"


def licence(desk: Desk, **more: Any) -> Any:
    from kunyu.engines.documents.models import Document, Licence
    from kunyu.engines.security.protection import object_store

    stored = object_store().put_bytes(samples.form_pdf(), protect=True)
    pdf = Document.objects.create(
        key=str(uuid.uuid4()), kind="licence", subject="x", title_zh="营业执照", template="t", template_sm3="0" * 64,
        media_type="application/pdf", sm3=stored.sm3, size=stored.size, pages=1, made_by="tests",
    )  # fmt: skip
    values = {
        "key": str(uuid.uuid4()), "number": "照-1", "identifier": str(uuid.uuid4()), "kind": "business_licence",
        "type_code": "1" * 21, "issuer_code": "1" * 18, "issuer_zh": "市场监管局", "holder_name": "临江市城市建设投资有限公司",
        "holder_kind": "organisation", "holder_code": samples.CREDIT_CODE, "subject": "x", "division_code": "990101",
        "state": "valid", "issued_on": date(2026, 1, 1), "pdf": pdf, **more,
    }  # fmt: skip
    return Licence.objects.create(**values)


def verify(desk: Desk, code: str = samples.CREDIT_CODE) -> None:
    from django.utils import timezone

    from kunyu.engines.security.models import ApplicantAccount

    user = desk.people["applicant"].user_id
    assert user is not None
    ApplicantAccount.objects.create(
        user_id=user, kind="organisation", name="临江市城市建设投资有限公司", code=code,
        code_masked=code, standing="verified", verified_by="tests", verified_at=timezone.now(),
    )  # fmt: skip


def test_a_licence_stands_in_for_a_paper(desk: Desk) -> None:
    licence(desk)
    verify(desk)
    assert [one.number for one in licences_for(desk.people["applicant"], desk.application.pk, "identity")] == ["照-1"]
    material = stand_in(desk.people["applicant"], desk.application.pk, "identity", " 照-1 ")
    assert (material.source, material.licence_number, material.file_name) == ("licence", "照-1", "照-1.pdf")
    assert desk.read(material).reading == "text"


@pytest.mark.parametrize("code", [None, samples.OTHER_CODE], ids=["nobody verified", "verified with another code"])
def test_a_code_that_was_only_typed_opens_no_licence(desk: Desk, code: str | None) -> None:
    """Codes of firms are public: the licence neither shows nor stands in, and the refusal is that of one not there."""
    licence(desk)
    if code:
        verify(desk, code)
    assert licences_for(desk.people["applicant"], desk.application.pk, "identity") == []
    with pytest.raises(BadMaterial, match="不是申请人名下有效的"):
        stand_in(desk.people["applicant"], desk.application.pk, "identity", "照-1")
    assert desk.application.materials.count() == 0


def test_what_was_issued_in_a_case_of_ones_own_stands_in_unverified(desk: Desk) -> None:
    from django.utils import timezone

    from kunyu.engines.matters.models import Case, Matter, MatterEdition

    licence(desk)
    matter = Matter.objects.get(code="T-001")
    Case.objects.create(
        number="990101202601010001", application=another(desk), matter=matter, division_code="990101", county="990101",
        edition=MatterEdition.objects.filter(matter=matter).earliest("pk"), branch=matter.branch, state="granted",
        applicant_account_id=desk.people["applicant"].user_id, applicant_name="甲", submitted_at=timezone.now(),
        closed_at=timezone.now(), licence_number="照-1",
    )  # fmt: skip
    assert [one.number for one in licences_for(desk.people["applicant"], desk.application.pk, "identity")] == ["照-1"]


@pytest.mark.parametrize(
    "more",
    [
        {"holder_code": samples.OTHER_CODE},
        {"state": "revoked"},
        {"state": "suspended"},
        {"valid_to": date.today() - timedelta(days=2)},
        {"kind": "land_review_opinion"},
        {"number": "照-2"},
    ],
)
def test_a_licence_that_does_not(desk: Desk, more: dict[str, Any]) -> None:
    """Another's, revoked, suspended, over, of another kind, of another number: one answer for all."""
    licence(desk, **more)
    verify(desk)
    with pytest.raises(BadMaterial) as caught:
        stand_in(desk.people["applicant"], desk.application.pk, "identity", "照-1")
    assert caught.value.detail_zh == (
        "材料 照-1 不是申请人名下有效的“主体资格证明”电子证照。请核对证照编号与申请人证件号码，或上传文件。"
    )
    assert desk.application.materials.count() == 0


def test_a_kind_that_takes_no_licence(desk: Desk) -> None:
    licence(desk)
    with pytest.raises(BadMaterial) as caught:
        stand_in(desk.people["applicant"], desk.application.pk, "application", "照-1")
    assert "该项不接收电子证照" in caught.value.detail_zh
