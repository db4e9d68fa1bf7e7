"""Materials at the wizard: upload, versions, withdraw, reuse, refusals, and what is compared beside each."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from kunyu.engines.matters.cases import services
from kunyu.engines.matters.cases.tests.world import COMPANY, World, code_of_company
from kunyu.engines.matters.hall.tests.browsing import EVERYTHING, PROJECT
from kunyu.engines.matters.materials.tests.samples import SAID, form_pdf
from kunyu.engines.matters.models import Application, Material

pytestmark = pytest.mark.django_db


@pytest.fixture
def one(at: Any, hall: World) -> Application:
    made = at("applicant").begin(EVERYTHING)
    services.save(hall.as_("applicant"), made.pk, applicant={**COMPANY, "name": SAID.applicant, "code": code_of_company()},
                  project={"code": PROJECT, "name": SAID.project}, form={"purpose": "厂房"})  # fmt: skip
    return Application.objects.get(pk=made.pk)


def address(one: Application) -> str:
    return f"/hall/applications/{one.pk}/materials"


def pdf(name: str = "申请表.pdf", pages: int = 1) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, form_pdf(pages=pages), "application/pdf")


def card(page: str, kind: str) -> str:
    """The part of a page that is about one kind."""
    found = re.search(rf'<section class="hl-card hl-material[^>]*id="kind-{kind}".*?</section>', page, re.S)
    assert found, page
    return found[0]


def test_kinds_say_whether_they_are_needed(at: Any, one: Application) -> None:
    page = at("applicant").get(address(one))
    assert "必交" in card(page, "sheet") and 'href="#kind-sheet"' in page
    assert "本次不需要" in card(page, "reply") and "表单“已有批复”填“是”时必须提交" in card(page, "reply")
    assert "可不交" in card(page, "proof") and "免提交" in card(page, "proof")
    assert 'capture="environment"' in card(page, "sheet")
    assert re.search(r'name="file-sheet" accept="\.pdf,\.ofd,\.jpg,\.png,application/pdf', card(page, "sheet"))
    services.save(at("applicant").principal(), one.pk, form={"has_reply": True})
    assert "必交" in card(at("applicant").get(address(one)), "reply")


def test_several_files_are_uploaded_at_once_and_again_as_versions(at: Any, one: Application) -> None:
    me = at("applicant")
    answer = me.post(address(one), act="upload", **{"file-sheet": pdf(), "file-proof": pdf("证明.pdf", 2)})
    assert answer.headers["Location"] == f"{address(one)}#kind-sheet"
    me.post(address(one), act="upload", **{"file-sheet": pdf("新申请表.pdf", 3)})
    me.post(address(one), act="upload", **{"file-sheet": pdf("新申请表.pdf", 3)})
    assert list(Material.objects.order_by("kind", "version").values_list("kind", "version", "pages")) == [
        ("proof", 1, 2), ("sheet", 1, 1), ("sheet", 2, 3),
    ]  # fmt: skip
    shown = card(me.get(address(one)), "sheet")
    assert "新申请表.pdf" in shown and "以前的版本" in shown and "已交" in shown
    newest = Material.objects.get(kind="sheet", version=2)
    me.post(address(one), act=f"withdraw:{newest.pk}")
    newest.refresh_from_db()
    assert newest.is_withdrawn
    assert "申请表.pdf" in card(me.get(address(one)), "sheet")


def test_a_refused_file_says_why_at_its_kind_and_the_others_are_kept(at: Any, one: Application) -> None:
    bad = SimpleUploadedFile("假.pdf", b"MZ not a pdf", "application/pdf")
    page = at("applicant").post(address(one), 422, act="upload", **{"file-sheet": bad, "file-proof": pdf("证明.pdf")})
    assert "假.pdf" in card(page.content.decode(), "sheet") and 'class="hl-fault"' in card(
        page.content.decode(), "sheet"
    )
    assert list(Material.objects.values_list("kind", flat=True)) == ["proof"]


def test_a_script_is_answered_in_json(at: Any, one: Application) -> None:
    client = at("applicant").client
    bad = SimpleUploadedFile("空.pdf", b"x", "application/pdf")
    answer = client.post(address(one), {"act": "upload", "file-sheet": bad}, headers={"Accept": "application/json"})
    assert answer.status_code == 422 and "空.pdf" in answer.json()["refused"]["sheet"]
    answer = client.post(address(one), {"act": "upload", "file-sheet": pdf()}, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()) == (200, {"refused": {}})


def test_an_earlier_material_is_used_again(at: Any, hall: World, one: Application) -> None:
    me = at("applicant")
    me.post(address(one), act="upload", **{"file-sheet": pdf()})
    earlier = Material.objects.get()
    two = me.begin(EVERYTHING)
    assert f'<option value="{earlier.pk}">申请表.pdf' in card(me.get(address(two)), "sheet")
    me.post(address(two), act="reuse:sheet", **{"earlier-sheet": str(earlier.pk)})
    assert Material.objects.filter(application=two, kind="sheet", source="earlier", sm3=earlier.sm3).count() == 1
    other = at("other").begin(EVERYTHING)
    page = at("other").post(address(other), 422, act="reuse:sheet", **{"earlier-sheet": str(earlier.pk)})
    assert f"没有材料 {earlier.pk}" in card(page.content.decode(), "sheet")


@pytest.mark.parametrize(
    ("given", "said"),
    [({"act": "upload:sheet"}, "请先选择文件，再上传。"), ({"act": "reuse:sheet"}, "请先选择以前交过的材料"),
     ({"act": "licence:proof", "licence-proof": "X-1"}, "不是申请人名下有效的"), ({"act": "withdraw:99999999999"}, "没有材料"),
     ({"act": "upload", "file-other": None}, "不在本申请的清单中")],
)  # fmt: skip
def test_what_cannot_be_done_is_a_sentence(at: Any, one: Application, given: dict[str, Any], said: str) -> None:
    sent = {key: pdf() if value is None else value for key, value in given.items()}
    page = at("applicant").post(address(one), 422, **sent)
    assert said in page.content.decode()
    assert not Material.objects.exists()


def test_what_a_material_says_is_compared_beside_it(at: Any, one: Application) -> None:
    from kunyu.engines.matters.materials.reading import read

    me = at("applicant")
    me.post(address(one), act="upload", **{"file-sheet": pdf()})
    assert "正在读取文件内容" in card(me.get(address(one)), "sheet")
    read(Material.objects.get().pk)
    shown = card(me.get(address(one)), "sheet")
    assert re.search(r'<p class="is-good"><strong>一致</strong> 申请人名称</p>', shown), shown
    assert re.search(r'<p class="is-danger"><strong>不一致</strong> 投资项目代码不一致：', shown), shown
    assert SAID.project_code in shown and SAID.citizen not in shown


def test_going_on_leaves_what_is_missing_to_the_last_page(at: Any, one: Application) -> None:
    answer = at("applicant").post(address(one), next="1", **{"file-sheet": pdf()})
    assert answer.headers["Location"] == f"/hall/applications/{one.pk}/submit"
    assert Material.objects.get().kind == "sheet"
