"""What the public learns: by number, identifier, code and file; forged, altered, revoked, replaced told apart (R-134)."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pypdf
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from kunyu.engines.documents import file_verifying, licence_states, licences, proofs, templates
from kunyu.engines.documents.errors import BadUpload
from kunyu.engines.documents.models import Licence
from kunyu.engines.documents.seals.tests.made import active_seal
from kunyu.engines.documents.templates import content_of
from kunyu.engines.documents.tests.requests import CITIZEN, request, template
from kunyu.engines.documents.verifying import plain_number, verify
from kunyu.engines.security import labels
from kunyu.engines.security.scope import Principal

pytestmark = pytest.mark.django_db
DECIDER = Principal("decider", "决定人", origin="tests")
WHY = ("隐瞒情况", "《行政许可法》第六十九条")


@pytest.fixture
def issued(tmp_path: Path) -> Licence:
    return licences.issue(DECIDER, request(tmp_path, active_seal()))


def page(address: str) -> tuple[int, str]:
    answer = Client().get(address, headers={"Accept": "text/html"})
    return answer.status_code, answer.content.decode()


def test_a_number_an_identifier_and_a_spelling_find_it(issued: Licence) -> None:
    for text in (issued.number, issued.identifier, "用字第 9901012026ＸＳ0000001 号"):
        found = verify(text)
        assert (found.answer, found.number, found.holder, found.facts) == (
            "valid", issued.number, "坤舆县人民医院", ((("项目名称", "Project"), "坤舆县医院迁建"),),
        ), text  # fmt: skip
    assert plain_number(" 京（2024）第１号 ") == "京（2024）第1号"


def test_the_page_needs_no_account_and_says_the_state_first(issued: Licence) -> None:
    status, text = page(f"/verify/{quote(issued.number)}")
    assert status == 200 and "<h1>有效</h1>" in text and issued.number in text
    assert 'class="ky-outline"' in text and "<path" in text and "坤舆县人民医院" in text
    licence_states.revoke(DECIDER, issued.pk, *WHY)
    status, text = page(f"/verify/{issued.identifier}")
    assert status == 200 and "<h1>已撤销，本证无效</h1>" in text and 'class="dv-answer bad"' in text
    today = timezone.localdate()
    assert verify(issued.number).changed_on == today and f"<dt>状态变更日期</dt><dd>{today.isoformat()}</dd>" in text


def test_a_wrong_check_digit_is_told_from_a_number_nobody_bears(issued: Licence) -> None:
    wrong = issued.identifier[:-1] + ("0" if issued.identifier[-1] != "0" else "1")
    assert verify(wrong).answer == "wrong_check"
    assert page(f"/verify/{wrong}")[1].count("号码校验位不符") >= 1
    assert verify("用字第9901012026XS0009999号").answer == "not_found"
    nobodys = f"/verify/{quote('用字第9901012026XS0009999号')}"
    assert page(nobodys)[0] == 404
    refused = Client().get(nobodys, headers={"Accept": "*/*"})
    assert (refused.status_code, refused["Content-Type"]) == (404, "application/problem+json")
    assert refused.json()["code"] == "documents.unknown"


def test_a_program_reads_the_printed_address_as_json(issued: Licence) -> None:
    address = f"/verify/{quote(issued.number)}"
    answer = Client().get(address, headers={"Accept": "application/json"})
    assert answer.json()["answer"] == "valid" and answer["Cache-Control"] == "no-store"
    assert answer.json()["number"] == issued.number


def test_what_is_hidden_is_answered_as_what_is_not_there(issued: Licence, tmp_path: Path) -> None:
    secret = labels.ORDINARY.code
    Licence.objects.filter(pk=issued.pk).update(label=secret)
    waiting = licences.issue(DECIDER, request(tmp_path, None, key="b"))
    nobody = verify("用字第9901012026XS0009999号")
    for one in (issued, waiting):
        assert (verify(one.number).answer, verify(one.number).advice) == ("not_found", nobody.advice)
    hidden, absent = page(f"/verify/{quote(issued.number)}"), page(f"/verify/{quote('用字第9901012026XS0009999号')}")
    assert hidden[0] == absent[0] == 404 and "坤舆县人民医院" not in hidden[1]


def test_a_persons_name_is_masked(tmp_path: Path) -> None:
    holder = licences.Holder("欧阳修", "person", CITIZEN)
    one = licences.issue(DECIDER, request(tmp_path, active_seal(), holder=holder))
    assert verify(one.number).holder == "欧**"
    assert "欧阳修" not in page(f"/verify/{quote(one.number)}")[1]


def test_a_licence_past_its_last_day_is_expired_before_the_night(tmp_path: Path) -> None:
    one = licences.issue(DECIDER, request(tmp_path, active_seal(), valid_to=date(2026, 11, 10)))
    assert (one.state, verify(one.number).answer) == ("valid", "expired")


def test_a_replaced_one_leads_to_its_successor(issued: Licence, tmp_path: Path) -> None:
    new = licences.correct(DECIDER, issued.pk, request(tmp_path, issued_seal(issued), key="b"), "更正")
    assert (verify(issued.identifier).answer, verify(issued.identifier).successor) == ("replaced", new.identifier)
    assert (verify(issued.number).answer, verify(issued.number).version) == ("valid", 2)
    assert f"/verify/{new.identifier}" in page(f"/verify/{issued.identifier}")[1]


def issued_seal(one: Licence):  # type: ignore[no-untyped-def]
    from kunyu.engines.documents.models import SealUse

    return SealUse.objects.filter(subject=f"licence:{one.pk}").first().seal  # type: ignore[union-attr]


def test_the_api_answers_the_same(issued: Licence) -> None:
    answer = Client().get(f"/api/verify/{quote(issued.number)}")
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    found = json.loads(answer.content)
    assert (found["answer"], found["identifier"], found["facts"]) == (
        "valid",
        issued.identifier,
        {"项目名称": "坤舆县医院迁建"},
    )
    assert found["sm3"] == [issued.pdf.sm3]  # type: ignore[union-attr]


def test_other_documents_are_verified_by_their_code(tmp_path: Path) -> None:
    paper = templates.render(
        DECIDER,
        template(tmp_path),
        {},
        key="case:T1:acceptance",
        kind="acceptance",
        subject="case:T1",
        title_zh="受理通知书",
    )
    assert proofs.is_right(paper.proof)
    found = verify(paper.proof.lower())
    assert (found.answer, found.title[0], found.sm3) == ("genuine", "受理通知书", (paper.sm3,))
    wrong = paper.proof[:-1] + ("0" if paper.proof[-1] != "0" else "1")
    assert verify(wrong).answer == "wrong_check"
    assert verify(proofs.new_code()).answer == "not_found"


# -- files ------------------------------------------------------------------------------------------------------------


def test_the_file_itself_is_valid_until_it_is_revoked(issued: Licence) -> None:
    content = content_of(issued.pdf)  # type: ignore[arg-type]
    verdict = file_verifying.verify_file(content)
    assert (verdict.answer, verdict.licence.number, len(verdict.signatures)) == ("valid", issued.number, 2)  # type: ignore[union-attr]
    assert all("有效" in one[0] for one in verdict.signatures)
    licence_states.revoke(DECIDER, issued.pk, *WHY)
    assert file_verifying.verify_file(content).answer == "revoked"


def test_an_altered_file_is_told(issued: Licence) -> None:
    content = content_of(issued.pdf)  # type: ignore[arg-type]
    assert file_verifying.verify_file(content + b"\n% one more line\n").answer == "altered"
    place = content.index(b"stream") + 20
    turned = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    verdict = file_verifying.verify_file(turned)
    assert verdict.answer == "altered"
    assert all("KunyuSeal" not in said for pair in verdict.signatures for said in pair)


def test_the_answer_to_an_altered_file_tells_the_original_from_it(issued: Licence) -> None:
    """The facts shown are the register's, and the page says so: nobody takes them for those of the file."""
    content = content_of(issued.pdf)  # type: ignore[arg-type]
    original = "以下是登记簿中的原证，不是所交的文件。原证现时状态：<strong>有效</strong>"
    for given, is_told in ((content, False), (content + b"\n% one more line\n", True)):
        answer = Client().post("/verify/", {"file": SimpleUploadedFile("licence.pdf", given, "application/pdf")})
        assert (original in " ".join(answer.content.decode().split())) is is_told


def test_figures_and_names_of_facts_stand_in_both_languages(issued: Licence) -> None:
    Licence.objects.filter(pk=issued.pk).update(
        facts={"用地面积（公顷）|Plot area (ha)": 1234.5, "用途": "医疗"}, facts_order=[]
    )
    found = verify(issued.number)
    assert sorted(found.facts) == [(("用地面积（公顷）", "Plot area (ha)"), "1,234.5"), (("用途", "用途"), "医疗")]


def test_a_forged_one_is_told(issued: Licence, tmp_path: Path) -> None:
    """The same words without a seal, and with the signatures cut off: forged."""
    from kunyu.engines.documents.models import Document

    plain = content_of(Document.objects.get(key=f"licence:{issued.pk}:plain"))
    assert file_verifying.verify_file(plain).answer == "forged"
    copy = tmp_path / "copy.pdf"
    writer = pypdf.PdfWriter()
    writer.append(pypdf.PdfReader(__import__("io").BytesIO(plain)))
    writer.add_metadata({"/Title": "x"})
    writer.write(str(copy))
    verdict = file_verifying.verify_file(copy.read_bytes())
    assert (verdict.answer, verdict.licence.number) == ("forged", issued.number)  # type: ignore[union-attr]


def test_a_foreign_file_is_unknown_and_other_things_are_refused() -> None:
    import weasyprint

    foreign = weasyprint.HTML(string="<p>hello</p>").write_pdf()
    assert file_verifying.verify_file(foreign).answer == "unknown"
    for content in (b"", b"not a pdf", b"\x89PNG"):
        with pytest.raises(BadUpload):
            file_verifying.verify_file(content)


def test_a_posted_file_is_answered_and_not_kept(issued: Licence) -> None:
    content = content_of(issued.pdf)  # type: ignore[arg-type]
    before = set(__import__("kunyu.engines.security.protection", fromlist=["x"]).object_store().names())
    answer = Client().post("/verify/", {"file": SimpleUploadedFile("a.pdf", content)})
    assert answer.status_code == 200 and "<h1>有效</h1>" in answer.content.decode()
    told = json.loads(Client().post("/api/verify/", {"file": SimpleUploadedFile("a.pdf", content + b"x")}).content)
    assert (told["answer"], told["licence"]["number"]) == ("altered", issued.number)
    after = set(__import__("kunyu.engines.security.protection", fromlist=["x"]).object_store().names())
    assert before == after
    assert Client().post("/verify/", {"file": SimpleUploadedFile("a.txt", b"hello")}).status_code == 422
