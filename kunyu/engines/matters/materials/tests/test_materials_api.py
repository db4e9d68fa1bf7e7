"""The house API of materials: who sees what, files as attachments, pages as pictures, search."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from kunyu.engines.matters.materials.tests import samples

if TYPE_CHECKING:
    from kunyu.engines.matters.materials.tests.conftest import Desk

pytestmark = pytest.mark.django_db


def client(desk: Desk, who: str) -> Client:
    from kunyu.engines.security import scope
    from kunyu.engines.security.models import User
    from kunyu.engines.security.services import issue_token

    token = issue_token(User.objects.get(pk=desk.people[who].user_id), "tests", scope.operator("tests"))
    return Client(headers={"Authorization": f"Bearer {token}"})


def upload(desk: Desk, who: str, content: bytes, **form: str) -> Any:
    file = SimpleUploadedFile("申请 表.pdf", content, "text/html")  # what it says it is counts for nothing
    address = f"/api/cases/applications/{desk.application.pk}/materials"
    return client(desk, who).post(address, {"kind": "application", "file": file, **form})


def test_upload_list_and_download(desk: Desk) -> None:
    answer = upload(desk, "applicant", samples.form_pdf())
    assert answer.status_code == 201, answer.content
    found = answer.json()
    assert (found["media_type"], found["version"], found["existing"]) == ("application/pdf", 1, False)
    assert upload(desk, "applicant", samples.form_pdf()).status_code == 200
    listed = client(desk, "applicant").get(f"/api/cases/applications/{desk.application.pk}/materials").json()
    assert [(one["code"], len(one["versions"]), one["is_needed"]) for one in listed["kinds"]] == [
        ("application", 1, True), ("identity", 0, True), ("plot_file", 0, False), ("reply", 0, False),
    ]  # fmt: skip
    file = client(desk, "applicant").get(found["file"])
    assert b"".join(file.streaming_content) == samples.form_pdf()
    assert file.headers["Content-Disposition"].startswith("attachment;")
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in file.headers["Content-Security-Policy"]


def test_a_refusal_is_a_problem_document(desk: Desk) -> None:
    answer = upload(desk, "applicant", samples.script_pdf())
    assert answer.status_code == 422
    assert answer.json()["code"] == "matters.bad_material"
    assert answer.json()["context"]["why"] == "script"
    no_file = client(desk, "applicant").post(
        f"/api/cases/applications/{desk.application.pk}/materials", {"kind": "application"}
    )
    assert no_file.json()["context"]["why"] == "no_file"


def test_an_announced_length_over_the_limit_is_refused_unread(desk: Desk, limits: Any) -> None:
    limits(material_mb=1)
    answer = upload(desk, "applicant", bytes(3 << 20))
    assert answer.status_code == 422
    assert answer.json()["detail_zh"].startswith("材料 （上传的文件） 超过 1 MB")


def test_who_sees_what(desk: Desk) -> None:
    material = desk.take(samples.form_pdf())
    addresses = [
        f"/api/cases/applications/{desk.application.pk}/materials",
        f"/api/cases/applications/{desk.application.pk}/materials/search?q=临江",
        f"/api/cases/materials/{material.pk}",
        f"/api/cases/materials/{material.pk}/file",
        f"/api/cases/materials/{material.pk}/pages/1.png",
    ]
    for address in addresses:
        assert client(desk, "applicant").get(address).status_code == 200, address
        for who in ("clerk", "viewer", "somebody"):
            assert client(desk, who).get(address).status_code == 404, address
        assert Client().get(address).status_code == 401
    desk.open_case()
    for address in addresses:
        assert client(desk, "viewer").get(address).status_code == 200, address
        assert client(desk, "somebody").get(address).status_code == 404, address


def test_looking_at_others_papers_is_on_record(desk: Desk) -> None:
    from kunyu.engines.security.models import AuditEntry

    material = desk.take(samples.form_pdf())
    desk.open_case()
    client(desk, "applicant").get(f"/api/cases/materials/{material.pk}/file")
    client(desk, "viewer").get(f"/api/cases/materials/{material.pk}/file")
    client(desk, "viewer").get(f"/api/cases/materials/{material.pk}/pages/1.png")
    found = AuditEntry.objects.filter(object_kind="material", object_id=str(material.pk), actor="m-viewer")
    assert sorted(found.values_list("action", flat=True)) == ["material-downloaded", "material-looked-at"]
    assert not AuditEntry.objects.filter(action="material-downloaded", actor="m-applicant").exists()


def test_pages_as_pictures(desk: Desk) -> None:
    from PIL import Image

    material = desk.take(samples.form_pdf(pages=3))
    address = f"/api/cases/materials/{material.pk}/pages/2.png"
    answer = client(desk, "applicant").get(address)
    assert answer.headers["Content-Type"] == "image/png"
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert 1_798 <= max(picture.size) <= 1_800
    again = client(desk, "applicant").get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    for page in (0, 4):
        assert client(desk, "applicant").get(f"/api/cases/materials/{material.pk}/pages/{page}.png").status_code == 404


@pytest.mark.parametrize(
    ("make", "name"), [(samples.scan_png, "a.png"), (lambda: samples.ofd(["申请单位：临江市自然资源局"]), "a.ofd")]
)
def test_pictures_of_other_formats(desk: Desk, make: Any, name: str) -> None:
    material = desk.take(make(), name=name)
    answer = client(desk, "applicant").get(f"/api/cases/materials/{material.pk}/pages/1.png")
    assert (answer.status_code, answer.content[:4]) == (200, b"\x89PNG")


def test_pictures_are_kept_encrypted_and_within_their_room(desk: Desk, limits: Any) -> None:
    from kunyu.engines.matters.materials import pictures

    for one in pictures._folder().iterdir():
        one.unlink()
    material = desk.take(samples.form_pdf(pages=3))
    drawn = pictures.picture(material, 1)
    kept = list(pictures._folder().iterdir())
    assert len(kept) == 3, "the pages after it were drawn along"
    assert {one.read_bytes()[:4] for one in kept} == {b"KYF1"}
    assert pictures.picture(material, 1) == drawn
    kept[0].write_bytes(b"KYF1 damaged")
    assert all(pictures.picture(material, page)[:4] == b"\x89PNG" for page in (1, 2, 3))
    pictures._make_room(0)
    assert list(pictures._folder().iterdir()) == []


def test_search_in_materials(desk: Desk) -> None:
    material = desk.read(desk.take(samples.form_pdf()))
    address = f"/api/cases/applications/{desk.application.pk}/materials/search"
    hits = client(desk, "applicant").get(address, {"q": "９１３５０１００"}).json()["hits"]
    assert [(one["material"], one["page"], one["hit"]) for one in hits] == [(material.pk, 1, "91350100")]
    assert hits[0]["before"] == "统一社会信用代码\t"
    assert client(desk, "applicant").get(address, {"q": "二"}).json()["hits"] == []
    assert client(desk, "applicant").get(address, {"q": "19491231"}).json()["hits"] == [], "masked in what is stored"
