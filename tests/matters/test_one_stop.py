"""From the application to the sealed licence and its revocation, by the services on a real PostGIS, nothing by hand.

R-005 one stop, R-010 one definition, R-037 one case engine by configuration, R-302 standard elements, R-304 one form for
several matters, R-307 combined case with its right documents, R-308 rule hits with law and layer versions.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pypdfium2
import pytest
from django.test import Client
from django.utils import timezone

from kunyu.engines.documents.file_verifying import verify_file
from kunyu.engines.documents.models import Document, Licence
from kunyu.engines.documents.templates import content_of
from kunyu.engines.documents.verifying import verify
from kunyu.engines.matters.cases import services
from kunyu.engines.matters.definitions import editions
from kunyu.engines.matters.errors import OverrideNeeded
from kunyu.engines.matters.models import Case, Check, Decision
from kunyu.engines.matters.rules.checking import replay
from kunyu.engines.security import scope
from kunyu.kernel.digests import sm3_hex
from kunyu.registers.projects.queries import resolve
from tests.matters.journey import PROJECT, SCHOOL, answers, applied, area_of, deliver, go, of_state, token_of
from tests.matters.world import BUILT_PLOT, FARMLAND_PLOT, FIELD_PLOT, Bureau

pytestmark = pytest.mark.django_db
YEAR = timezone.localdate().year

REVIEW: dict[str, Any] = {
    "project_type": "urban", "is_major_project": False, "project_procedure": "approval", "project_authority": "county",
    "project_basis": "坤舆县教育设施规划（坤发改〔2026〕12号）", "construction_scale": "36个班，建筑面积18000平方米",
    "location": "坤舆县城关镇南关村", "use_code": "0804", "standard_area_m2": 40_000, "occupies_permanent_farmland": False,
    "occupies_red_line": False, "geohazard_report_id": "地灾评〔2026〕7号", "mineral_approval_id": "压覆〔2026〕3号",
}  # fmt: skip
PERMIT: dict[str, Any] = {
    "project_approval_number": "坤发改〔2026〕30号", "project_approval_date": "2099-01-01", "is_allocated": True,
    "supply_number": f"990101{YEAR}A00001", "supply_date": "2026-01-05", "land_approval_authority": "示范省人民政府",
    "land_approval_number": "示政地〔2026〕3号",
}  # fmt: skip


def granted(bureau: Bureau, case: Case, *middle: tuple[str, str], override: str = "") -> Case:
    """A case walked to its grant; ``middle`` are (person, stage) between examination and decision."""
    go(bureau.clerk, case, "acceptance", "accept")
    go(bureau.examiner, case, "examination", "agree")
    for person, stage in middle:
        go(getattr(bureau, person), case, stage, "agree")
    go(bureau.decider, case, "decision", "grant", "符合条件", override=override)
    case.refresh_from_db()
    return case


def text_of(pdf: bytes) -> str:
    """The text layer without spaces and line breaks: titles are set wide."""
    with pypdfium2.PdfDocument(pdf) as document:
        return "".join("".join(page.get_textpage().get_text_bounded() for page in document).split())


def test_one_form_for_two_matters_two_licences_one_chain(bureau: Bureau):
    """R-304, R-307: one application, S-001 decided first, S-006 stands on it; the licences verify, one is revoked."""
    form = {**REVIEW, **PERMIT, "declared_area_m2": area_of(BUILT_PLOT)}
    one = applied(
        bureau,
        ["S-001", "S-006"],
        BUILT_PLOT,
        form,
        ("application", "identity", "project_basis", "project_approval", "supply_document"),
    )
    review, permit = services.submit(bureau.applicant, one.pk)
    assert [review.matter.code, permit.matter.code] == ["S-001", "S-006"]
    assert of_state(review, "conflict") == {"LR-002"}  # built-up land already: a hint, no block
    assert of_state(review, "not_checked") == {"C-08", "C-09"}  # no layer of protected areas or water sources here
    assert answers(permit)["TO-01"] == "conflict"

    with pytest.raises(OverrideNeeded):
        granted(
            bureau,
            review,
            ("reviewer", "planning_review"),
            ("reviewer", "farmland_review"),
            ("reviewer", "verification"),
        )
    assert not Decision.objects.filter(case=review).exists()
    go(bureau.decider, review, "decision", "grant", "符合条件", override="本县无自然保护地和水源保护区，经核实图件")
    review.refresh_from_db()
    assert (review.state, review.licence_number) == ("granted", f"用字第990101{YEAR}XS0000001号")

    services.check_again(bureau.examiner, permit.pk)
    assert answers(permit)["TO-01"] == "clear"
    assert answers(permit)["CH-03"] == "clear"
    assert of_state(permit, "conflict") == set(), "the opinion's number could not be known when the form was filled in"
    assert answers(permit)["CH-01"] == "clear"
    permit = granted(bureau, permit, ("reviewer", "consultation"), override="本县没有该图层，已函询核实")
    assert permit.licence_number == f"地字第990101{YEAR}YG0000001号"

    chain = resolve(bureau.decider, PROJECT["code"])
    assert [one.number for one in chain.documents] == [review.licence_number, permit.licence_number]
    assert resolve(bureau.decider, permit.licence_number).project == chain.project

    _papers(bureau, permit)
    _revoked(bureau, permit)


def _papers(bureau: Bureau, permit: Case) -> None:
    """Applicant and officers take the letters and the licence from the case; the draft of the opinion is the officers'."""
    for who, seen in ((bureau.applicant, 404), (bureau.examiner, 200)):
        client = Client(headers={"Authorization": f"Bearer {token_of(who)}"})
        listed = client.get(f"/api/cases/{permit.number}/papers").json()["papers"]
        assert [one["kind"] for one in listed if one["media_type"] == "application/pdf"] == ["acceptance", "licence"]
        taken = client.get(f"/api/cases/{permit.number}/papers/{listed[0]['id']}")
        assert sm3_hex(b"".join(taken.streaming_content)) == listed[0]["sm3"]
        assert verify(listed[0]["code"]).answer == "genuine"
        assert client.get(f"/api/cases/{permit.number}/papers/999999").status_code == 404
        draft = client.get(f"/api/cases/{permit.number}/opinion")
        assert draft.status_code == seen
    assert "本县没有该图层，已函询核实" not in text_of(
        draft.content
    )  # an override is the decision's, not the opinion's
    assert "CH-03" in text_of(draft.content) and "会商" in text_of(draft.content)


def _revoked(bureau: Bureau, permit: Case) -> None:
    """The licence verifies by number and as a file, and says so when it is revoked."""
    licence = Licence.objects.get(number=permit.licence_number)
    assert licence.pdf is not None and licence.pdf.is_sealed
    pdf = content_of(licence.pdf)
    said = text_of(pdf)
    for words in (
        "建设用地规划许可证",
        permit.licence_number,
        SCHOOL,
        PROJECT["name"],
        "0804教育用地",
        "划拨",
        "坤舆县自然资源局",
    ):
        assert words in said
    assert verify(permit.licence_number).answer == "valid"
    assert (verify_file(pdf).answer, verify_file(pdf + b"\n% changed").answer) == ("valid", "altered")
    services.revoke(bureau.decider, permit.pk, "申请人以欺骗手段取得", "《行政许可法》第六十九条第二款")
    deliver()
    assert verify(permit.licence_number).answer == "revoked"
    assert verify(licence.identifier).answer == "revoked"
    permit.refresh_from_db()
    assert permit.state == "revoked"
    assert resolve(bureau.decider, permit.licence_number).documents[-1].state == "revoked"


def test_a_conversion_is_reviewed_by_three_offices_and_answered_by_a_reply(bureau: Bureau):
    """R-037: S-002 on the same engine, by its folder alone; the reply names the areas."""
    whole = area_of(FIELD_PLOT)
    form = {
        **{name: REVIEW[name] for name in ("project_type", "is_major_project", "location", "use_code",
                                           "occupies_permanent_farmland", "occupies_red_line")},
        "is_single_site": False, "plan_approved_by": "province", "approval_level": "province", "declared_area_m2": whole,
        "agricultural_m2": whole, "cultivated_m2": whole, "construction_m2": 0, "unused_m2": 0, "takes_cultivated_land": True,
        "balance_id": "占补〔2026〕9号",
    }  # fmt: skip
    one = applied(
        bureau, ["S-002"], FIELD_PLOT, form,
        ("request", "boundary_survey", "balance", "plan_map", "land_rights", "disposal_decision"),
    )  # fmt: skip
    (case,) = services.submit(bureau.applicant, one.pk)
    assert of_state(case, "conflict") == set()
    assert of_state(case, "not_checked") == {"C-13", "C-14"}  # the ledgers of quotas are not here yet
    reviews = [("reviewer", f"{name}_review") for name in ("planning", "farmland", "rights")]
    case = granted(bureau, case, *reviews, ("reviewer", "verification"), override="指标已由台账人工确认")
    assert case.licence_number == f"农转用〔{YEAR}〕990101第0001号"
    licence = Licence.objects.get(number=case.licence_number)
    assert licence.pdf is not None
    said = text_of(content_of(licence.pdf))
    assert f"农用地{whole / 10_000:,.4f}公顷" in said and "占补〔2026〕9号" in said


def test_a_plot_on_permanent_farmland_is_refused_with_reason_basis_and_remedies(bureau: Bureau):
    """R-308: the rule names article, area and version; the refusal bears number, reason, basis and remedies, sealed."""
    whole = area_of(FARMLAND_PLOT)
    form = {**REVIEW, "declared_area_m2": whole, "project_type": "rural"}
    one = applied(bureau, ["S-001"], FARMLAND_PLOT, form, ("application", "identity", "project_basis"))
    (case,) = services.submit(bureau.applicant, one.pk)
    check = Check.objects.get(case=case)
    hit = check.answers.get(rule="C-04")
    assert (hit.state, hit.weight, float(hit.measured)) == ("conflict", "block", whole)
    assert "第三十五条" in hit.clause
    assert {one["collection"] for one in hit.versions} == {"10502-001"}
    assert replay(check) == (check.digest, True)

    go(bureau.clerk, case, "acceptance", "accept")
    go(bureau.examiner, case, "examination", "refuse", "占用永久基本农田，不是重大建设项目")
    for stage in ("planning_review", "farmland_review", "verification"):
        go(bureau.reviewer, case, stage, "agree")
    go(bureau.decider, case, "decision", "refuse", "占用永久基本农田，项目不是重大建设项目", basis=["《土地管理法》第三十五条"],
       override="自然保护地、水源地图层缺失不影响本决定")  # fmt: skip
    case.refresh_from_db()
    assert (case.state, case.licence_number) == ("refused", "")
    assert not Licence.objects.filter(subject=f"case:{case.number}").exists()
    letters = {one.kind: one for one in Document.objects.filter(subject=f"case:{case.number}", is_sealed=True)}
    assert set(letters) == {"acceptance", "refusal"}
    said = text_of(content_of(letters["refusal"]))
    for words in (
        "不予行政许可决定书", case.number, "占用永久基本农田，项目不是重大建设项目", "《土地管理法》第三十五条",
        "六十日内依法申请行政复议", "六个月内依法向人民法院提起行政诉讼", "坤舆县自然资源局",
    ):  # fmt: skip
        assert words in said
    assert verify_file(content_of(letters["refusal"])).answer == "genuine"


def test_promised_days_of_a_division_hold_for_its_new_cases_only(bureau: Bureau):
    """R-302: an overlay of values changes what is due; the running case stays on its edition."""
    form = {**REVIEW, "declared_area_m2": area_of(BUILT_PLOT)}
    materials = ("application", "identity", "project_basis")
    (before,) = services.submit(bureau.applicant, applied(bureau, ["S-001"], BUILT_PLOT, form, materials).pk)
    shipped = editions.content_of(editions.edition_in_use("S-001", "990101"))
    editions.publish(
        scope.operator("tests"),
        replace(shipped.definition, promised_days=7),
        shipped.flow,
        shipped.tables,
        division="990101",
    )
    again = applied(bureau, ["S-001"], BUILT_PLOT, form, materials, key="second",
                    project={**PROJECT, "code": "2026-990101-83-01-000124"})  # fmt: skip
    (after,) = services.submit(bureau.applicant, again.pk)
    assert (before.promised_days, after.promised_days) == (15, 7)
    go(bureau.clerk, after, "acceptance", "accept")
    after.refresh_from_db()
    assert after.due_on is not None and after.due_on > date.today()
