"""House API and pages of deliveries: rights, paging, problem documents, a constant number of queries (R-024)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kunyu.engines.ingest.models import Delivery, Finding
from kunyu.engines.ingest.process import process
from kunyu.engines.ingest.tests.delivered_files import OPERATOR, SURVEY, Cover, accepted, write_cover
from kunyu.engines.security.models import User
from kunyu.engines.security.services import grant, issue_token

Enter = Callable[..., "Person"]


class Person:
    """Somebody with a session and a token."""

    def __init__(self, user: User, token: str) -> None:
        self.user, self.token = user, token
        self.client = Client(enforce_csrf_checks=True)
        self.client.force_login(user)

    def get(self, path: str) -> Any:
        return self.client.get(path)

    def post(self, path: str, data: Any = None, **more: Any) -> Any:
        return self.client.post(path, data, headers={"Authorization": f"Bearer {self.token}"}, **more)


@pytest.fixture
def enter(node: None) -> Enter:
    def make(name: str, *actions: str, division: str = "", branch: str = "") -> Person:
        user = User.objects.create_user(name, "a-long-password", name_zh=name)
        grant(user, actions, actor=OPERATOR, division_prefix=division, branch=branch)
        return Person(user, issue_token(user, "test", OPERATOR))

    return make


@pytest.fixture
def steward(enter: Enter) -> Person:
    return enter("steward", "see", "query", "download", "edit", "approve")


def upload(person: Person, path: Path, **more: str) -> Any:
    file = SimpleUploadedFile(path.name, path.read_bytes())
    return person.post("/api/deliveries", {"file": file, "division": "990101", "standard": "KUNYU-OPEN-2026", **more})


def test_upload_queues_and_a_second_click_is_told(steward: Person, tmp_path: Path) -> None:
    path = write_cover(tmp_path / "a.gpkg")
    first, second = upload(steward, path), upload(steward, path)
    assert (first.status_code, first.json()["status"], first.json()["existing"]) == (202, "received", False)
    assert second.json()["existing"] and second.json()["id"] == first.json()["id"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'ingest.process_delivery'"
                       " AND args = jsonb_build_object('delivery_id', %s::bigint)", [first.json()["id"]])  # fmt: skip
        assert cursor.fetchone()[0] == 1
    assert Delivery.objects.get().created_by == "steward"


def test_reading_needs_the_right_and_the_division(steward: Person, enter: Enter, tmp_path: Path) -> None:
    delivery = accepted(write_cover(tmp_path / "a.gpkg"))
    path = f"/api/deliveries/{delivery.pk}"
    elsewhere = enter("elsewhere", "see", "query", division="990102")
    other_branch = enter("roads", "see", "query", branch="30")
    near = enter("near", "see", "query", division="9901")

    assert Client().get(path).status_code == 401
    for person in (elsewhere, other_branch):
        unseen = person.get(path)
        assert unseen.status_code == 404 and unseen.json()["code"] == "delivery.unknown"
        assert person.get("/api/deliveries").json()["deliveries"] == []
        assert person.get(f"{path}/findings").status_code == person.get(f"{path}/report.json").status_code == 404
    assert near.get(path).json()["layers"][0]["records"] == 60
    assert steward.get(f"{path}/report.json").status_code == 200


def test_acting_needs_the_right(enter: Enter, tmp_path: Path) -> None:
    viewer = enter("viewer", "see", "query")
    path = write_cover(tmp_path / "a.gpkg")
    refused = upload(viewer, path)
    assert refused.status_code == 403 and refused.json()["detail_zh"] and refused.json()["detail_en"]
    delivery = accepted(path)
    assert viewer.post(f"/api/deliveries/{delivery.pk}/publish").status_code == 403
    answer = viewer.post(f"/api/deliveries/{delivery.pk}/reject", {"why": "x"}, content_type="application/json")
    assert answer.status_code == 403 and Delivery.objects.get().status == "accepted"


def test_a_session_without_the_page_token_may_not_write(steward: Person, tmp_path: Path) -> None:
    delivery = accepted(write_cover(tmp_path / "a.gpkg"))
    forged = steward.client.post(f"/api/deliveries/{delivery.pk}/publish")
    assert forged.status_code == 403


def test_publish_is_queued_and_reject_keeps_the_reason(steward: Person, tmp_path: Path) -> None:
    one, two = accepted(write_cover(tmp_path / "a.gpkg")), accepted(write_cover(tmp_path / "b.gpkg", Cover(rows=5)))
    assert steward.post(f"/api/deliveries/{one.pk}/publish").status_code == 202
    reject = f"/api/deliveries/{two.pk}/reject"
    assert steward.post(reject, {"why": " "}, content_type="application/json").status_code == 400
    assert steward.post(reject, {"why": "范围不全"}, content_type="application/json").json()["status"] == "rejected"
    assert two.events.latest("id").reason_zh == "范围不全"
    again = steward.post(f"/api/deliveries/{two.pk}/publish")
    assert again.status_code == 409 and again.json()["code"] == "delivery.wrong_status"


def test_list_is_filtered_and_paged_by_key(steward: Person, tmp_path: Path) -> None:
    made = [accepted(write_cover(tmp_path / f"{n}.gpkg", Cover(rows=n))).pk for n in (3, 4, 5)]
    page = steward.get("/api/deliveries?limit=2").json()
    assert [one["id"] for one in page["deliveries"]] == made[:0:-1]
    rest = steward.get(f"/api/deliveries?limit=2&before={page['next']}").json()
    assert ([one["id"] for one in rest["deliveries"]], rest["next"]) == ([made[0]], None)
    assert steward.get("/api/deliveries?status=published").json()["deliveries"] == []
    assert len(steward.get("/api/deliveries?division=9901&status=accepted").json()["deliveries"]) == 3


def test_queries_do_not_grow_with_the_list(steward: Person, tmp_path: Path) -> None:
    accepted(write_cover(tmp_path / "a.gpkg", Cover(rows=3)))
    with CaptureQueriesContext(connection) as few:
        steward.get("/api/deliveries")
    for rows in (4, 5, 6):
        accepted(write_cover(tmp_path / f"{rows}.gpkg", Cover(rows=rows)))
    with CaptureQueriesContext(connection) as more:
        assert len(steward.get("/api/deliveries").json()["deliveries"]) == 4
    assert len(more) <= len(few) <= 12  # the rights of the person are kept from the first request on


@pytest.fixture
def returned(node: None, tmp_path: Path) -> Delivery:
    from kunyu.project.sample_county.generate import generate_county

    generate_county(tmp_path / "county", 200, 5, defects="Q303:3,Q206:2")
    return accepted(tmp_path / "county" / "county.gpkg", standard=SURVEY, valid_from=None)


def test_findings_are_geojson_by_rule_and_page(steward: Person, returned: Delivery) -> None:
    path = f"/api/deliveries/{returned.pk}/findings"
    total = Finding.objects.filter(run__delivery=returned).count()
    found, after = [], 0
    while after is not None:
        page = steward.get(f"{path}?limit=2&after={after}").json()
        assert page["type"] == "FeatureCollection" and len(page["features"]) <= 2
        found += page["features"]
        after = page["next"]
    assert len(found) == total == len({one["id"] for one in found})
    overlaps = steward.get(f"{path}?rule=Q303").json()["features"]
    assert len(overlaps) == 3 and {one["properties"]["severity"] for one in overlaps} == {"S"}
    assert all(one["geometry"]["type"] in ("Polygon", "MultiPolygon") for one in overlaps)
    assert len(overlaps[0]["properties"]["ids"]) == 2 and overlaps[0]["properties"]["message_en"]


@pytest.mark.parametrize(
    ("form", "start"),
    [("json", b'{"crs"'), ("html", b"<!"), ("gpkg", b"SQLite format 3"), ("docx", b"PK"), ("pdf", b"%PDF-")],
)
def test_reports_download(steward: Person, returned: Delivery, form: str, start: bytes) -> None:
    answer = steward.get(f"/api/deliveries/{returned.pk}/report.{form}")
    assert b"".join(answer.streaming_content).lstrip().startswith(start)
    assert "sandbox" in answer["Content-Security-Policy"]


def test_unknown_report_form_is_a_problem_document(steward: Person, returned: Delivery) -> None:
    answer = steward.get(f"/api/deliveries/{returned.pk}/report.exe")
    assert answer.status_code == 404 and answer["Content-Type"] == "application/problem+json"


def test_pages_show_list_and_report(steward: Person, returned: Delivery) -> None:
    listed = steward.get("/deliveries/")
    assert listed.status_code == 200 and "county.gpkg" in listed.content.decode()
    page = steward.get(f"/deliveries/{returned.pk}").content.decode()
    assert f'findings-url="/api/deliveries/{returned.pk}/findings' in page
    assert "Q303" in page and "已退回" in page and "质检报告" in page
    steward.client.cookies["django_language"] = "en"
    assert "Quality report" in steward.get(f"/deliveries/{returned.pk}").content.decode()


def test_page_hands_in_and_rejects_with_its_forms(steward: Person, tmp_path: Path) -> None:
    browser = Client()
    browser.force_login(steward.user)
    path = write_cover(tmp_path / "a.gpkg")
    form = {"file": SimpleUploadedFile("a.gpkg", path.read_bytes()), "target": "dataset:10302-901@990101",
            "division": "990101", "valid_from": "2024-12-31", "mapping": ""}  # fmt: skip
    answer = browser.post("/deliveries/", form)
    delivery = Delivery.objects.get()
    assert answer.status_code == 302 and answer["Location"].startswith(f"/deliveries/{delivery.pk}")
    assert process(delivery.pk).status == "accepted"
    browser.post(f"/deliveries/{delivery.pk}/publish")
    browser.post(f"/deliveries/{delivery.pk}/reject", {"why": "改用新版"})
    assert Delivery.objects.get().status == "rejected"
    bad = browser.post("/deliveries/", {"target": "dataset:10302-901@990101", "division": "990101"}, follow=True)
    assert "请选择要汇交的文件" in bad.content.decode()


def test_viewer_sees_no_forms(enter: Enter, tmp_path: Path) -> None:
    delivery = accepted(write_cover(tmp_path / "a.gpkg"))
    viewer = enter("viewer", "see", "query")
    assert 'id="hand-in"' not in viewer.get("/deliveries/").content.decode()
    page = viewer.get(f"/deliveries/{delivery.pk}").content.decode()
    assert f"/deliveries/{delivery.pk}/publish" not in page and f"/deliveries/{delivery.pk}/reject" not in page
