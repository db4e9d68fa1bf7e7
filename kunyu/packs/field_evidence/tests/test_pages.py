"""The office: queue, review page, photos under permission and audit, uploads, statistics; and the API (R-186, R-187)."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from kunyu.engines.pages import once
from kunyu.engines.security.models import AuditEntry, User
from kunyu.engines.security.scope import operator
from kunyu.kernel.digests import sm3_hex
from kunyu.packs.field_evidence import imports, services
from kunyu.packs.field_evidence.models import Device, EvidenceImport, EvidencePhoto, EvidenceTask, State
from kunyu.packs.field_evidence.samples.simulate import Simulated, write_task_list
from kunyu.packs.field_evidence.tests import people
from kunyu.packs.field_evidence.tests.test_imports import listed

pytestmark = pytest.mark.django_db


def client_of(principal: people.Principal) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(pk=principal.user_id))
    return client


def post(client: Client, page: str, address: str, **values: object):
    """Send a form as its page does: with the token that the page carries."""
    text = client.get(page).content.decode()
    token = text.split(f'name="{once.FIELD}" value="')[1].split('"')[0]
    return client.post(address, {once.FIELD: token, **values}), token


@pytest.fixture
def world(tmp_path: Path, seeded: Simulated) -> tuple[people.Principal, EvidenceTask]:
    me = people.surveyor()
    people.register(seeded, me)
    listed(tmp_path, seeded.parcels, me)
    imports.import_package(seeded.path, "包.zip", me)
    return me, EvidenceTask.objects.get(number=seeded.parcels[0].number)


def test_the_queue_by_state_division_and_person(world: tuple[people.Principal, EvidenceTask]) -> None:
    me, task = world
    services.submit(me, task.pk)
    county, city = (
        client_of(people.reviewer(name, division)) for name, division in (("county", "990101"), ("city", "9901"))
    )
    assert f"/evidence/{task.pk}" in county.get("/evidence/?mine=1").content.decode()
    assert f"/evidence/{task.pk}" not in city.get("/evidence/?mine=1").content.decode()
    assert f"/evidence/{task.pk}" in city.get("/evidence/?state=county&division=9901").content.decode()
    answer = county.get("/evidence/?state=county&format=csv")
    assert b"".join(answer.streaming_content if answer.streaming else [answer.content]).count(task.number.encode()) == 1
    theirs = client_of(people.reviewer("neighbour", "990102"))
    assert task.number not in theirs.get("/evidence/").content.decode()
    assert theirs.get(f"/evidence/{task.pk}").status_code == 404


def test_the_page_shows_photos_with_verdicts(world: tuple[people.Principal, EvidenceTask]) -> None:
    me, task = world
    bad = task.photos.get(is_good=False)
    text = client_of(me).get(f"/evidence/{task.pk}?photo={bad.pk}").content.decode()
    assert f'src="/evidence/photos/{bad.pk}.jpg"' in text
    check = bad.checks.get(outcome="fail")
    assert check.text_zh in text and check.text_zh.startswith("距图斑")
    assert 'data-key="ArrowLeft"' in text and 'data-key="s"' in text
    assert "<script>" not in text and " onclick=" not in text


def test_pictures_go_through_permission_and_audit(world: tuple[people.Principal, EvidenceTask]) -> None:
    """No public address: nobody without the right gets a byte, and every look is on record (R-186)."""
    me, task = world
    photo = task.photos.first()
    address = f"/evidence/photos/{photo.pk}.jpg"
    answer = client_of(me).get(address)
    assert sm3_hex(b"".join(answer.streaming_content)) == photo.image_sm3
    assert answer["Cache-Control"] == "private, no-store" and answer["Content-Type"] == "image/jpeg"
    looks = AuditEntry.objects.filter(action="read-photo", object_id=str(photo.pk))
    assert [one.actor for one in looks] == ["surveyor"]
    assert Client().get(address).status_code == 302
    for name, division in (("neighbour", "990102"), ("nobody", "")):
        other = people.person(name, division, ("see", "query") if division else ())
        assert client_of(other).get(address).status_code == 404
    EvidenceTask.objects.filter(pk=task.pk).update(label=2 * 9 + 3)  # stricter than the grant's ceiling
    assert client_of(me).get(address).status_code == 404
    assert looks.count() == 1


def test_deciding_on_the_page(world: tuple[people.Principal, EvidenceTask]) -> None:
    """Submit, approve and return by forms; a double click acts once; a missing reason says so on the page."""
    me, task = world
    page = f"/evidence/{task.pk}"
    surveyor, county, city = (
        client_of(me),
        client_of(people.reviewer("county", "990101")),
        people.reviewer("city", "9901"),
    )
    assert post(surveyor, page, f"{page}/submit")[0].status_code == 302
    answer, token = post(county, page, f"{page}/approve")
    assert answer.status_code == 302
    again = county.post(f"{page}/approve", {once.FIELD: token})
    assert (again.status_code, again["Location"]) == (302, answer["Location"])
    task.refresh_from_db()
    assert (task.state, task.county_by) == (State.CITY, "county")
    judge = client_of(city)
    post(judge, page, f"{page}/return", reason=" ")
    assert "请写明原因" in judge.get(page).content.decode()
    post(judge, page, f"{page}/return", reason="方向不对")
    task.refresh_from_db()
    assert (task.state, task.round) == (State.RETURNED, 2)
    assert surveyor.post(f"{page}/approve", {}).status_code == 403
    assert county.get(f"{page}/approve").status_code == 405


def test_uploading_a_list_and_a_package(tmp_path: Path, honest: Simulated) -> None:
    me = people.surveyor()
    client = client_of(me)
    write_task_list(tmp_path / "list.gpkg", honest.parcels)
    file = SimpleUploadedFile("list.gpkg", (tmp_path / "list.gpkg").read_bytes())
    assert post(client, "/evidence/lists/new", "/evidence/lists/new", file=file)[0]["Location"] == "/evidence/"
    assert EvidenceTask.objects.count() == 4
    for _ in range(2):  # the second click leads to the same entry
        file = SimpleUploadedFile("包.zip", honest.path.read_bytes())
        answer = post(client, "/evidence/imports/new", "/evidence/imports/new", file=file)[0]
        entry = EvidenceImport.objects.get()
        assert answer["Location"] == f"/evidence/imports/{entry.pk}"
    text = client.get(f"/evidence/imports/{entry.pk}").content.decode()
    assert "设备未登记" in text and honest.parcels[0].number in text
    refused = post(client, "/evidence/imports/new", "/evidence/imports/new", file=SimpleUploadedFile("x.zip", b"x"))[0]
    assert refused.status_code in (200, 422) and "已损坏" in refused.content.decode()
    said = AuditEntry.objects.filter(action="import-evidence").latest("id")
    assert (said.result, said.object_id) == ("refused", "x.zip")  # the refusal stays on record
    assert client_of(people.reviewer("reader", "990101")).get("/evidence/imports/new").status_code == 403


def test_devices_on_the_page(honest: Simulated) -> None:
    client = client_of(people.surveyor())
    people.bureau()
    key = next(iter(honest.devices.values())).hex()
    page = "/evidence/devices/new"
    wrong = post(client, page, page, number="D1", public_key="04ff", organisation="KY990101")[0]
    assert "公钥不是" in wrong.content.decode()
    assert post(client, page, page, number="D1", public_key=key, organisation="KY990101")[0].status_code == 302
    revoke = "/evidence/devices/D1/revoke"
    assert post(client, revoke, revoke, reason="遗失")[0].status_code == 302
    assert Device.objects.get().revoked_by == "surveyor"
    assert "D1" in client.get("/evidence/devices/").content.decode()


def test_statistics_per_county(world: tuple[people.Principal, EvidenceTask], seeded: Simulated) -> None:
    """Exact counts of the seeded package; nothing of counties that are not the person's (R-187)."""
    me, task = world
    services.submit(me, task.pk)
    services.give_back(people.reviewer("county", "990101"), task.pk, "看不清")
    said = client_of(me).get("/api/evidence/statistics").json()
    bad = EvidencePhoto.objects.filter(is_good=False).count()
    (county,) = said["counties"]
    assert {name: county[name] for name in ("county", "tasks", "evidenced", "returned", "returned_once", "pending")} == {
        "county": "990101", "tasks": len(seeded.parcels), "evidenced": len(seeded.parcels) - 1, "returned": 1,
        "returned_once": 1, "pending": 0,
    }  # fmt: skip
    assert (county["photos_good"], county["photos_bad"]) == (seeded.photos - bad, bad)
    assert county["first_pass_percent"] == 0.0
    failing = {one["check"]: one["photos"] for one in said["failing_checks"]}
    assert (failing["place"], failing["digest"], failing["id"]) == (1, 2, 2)
    assert "990101" in client_of(me).get("/evidence/statistics/").content.decode()
    assert client_of(people.surveyor("other", "990102")).get("/api/evidence/statistics").json()["counties"] == []


def test_the_api_from_list_to_decision(tmp_path: Path, honest: Simulated) -> None:
    me = people.surveyor()
    people.register(honest, me)
    client = client_of(me)
    write_task_list(tmp_path / "list.gpkg", honest.parcels)

    def upload(address: str, path: Path):
        with path.open("rb") as file:
            return client.post(address, {"file": file})

    assert upload("/api/evidence/lists", tmp_path / "list.gpkg").json() == {"made": 4, "existing": 0}
    first = upload("/api/evidence/packages", honest.path)
    assert (first.status_code, first.json()["photos"], first.json()["existing"]) == (201, 12, False)
    assert upload("/api/evidence/packages", honest.path).json() == first.json() | {"existing": True}
    tasks = client.get("/api/evidence/tasks?limit=3").json()
    assert (len(tasks["tasks"]), tasks["next"]) == (3, tasks["tasks"][2]["id"])
    number = tasks["tasks"][0]["id"]
    document = client.get(f"/api/evidence/tasks/{number}").json()
    assert {one["outcome"] for photo in document["photos"] for one in photo["checks"]} == {"pass"}
    drawn = client.get(f"/api/evidence/tasks/{number}/map").json()["features"]
    assert [one["properties"]["kind"] for one in drawn].count("cone") == 3 and drawn[0]["properties"][
        "kind"
    ] == "parcel"
    said = client.post(f"/api/evidence/tasks/{number}/submit", "{}", content_type="application/json").json()
    assert (said["state"], said["state_zh"]) == ("county", "县审")
    refused = client.post(f"/api/evidence/tasks/{number}/approve", "{}", content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    late = client.post(f"/api/evidence/tasks/{number}/submit", "{}", content_type="application/json")
    assert (late.status_code, late.json()["code"]) == (409, "evidence.wrong_step")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("wide", "high"), [(1440, 900), (390, 844)])
def test_keys_map_and_phone(
    tmp_path: Path, honest: Simulated, live_server, browser: Browser, settings, wide: int, high: int
) -> None:
    """Arrows change the photo, the map draws patch and cones, R opens the reason; nothing runs off a phone's side."""
    settings.SECURE_PROXY_SSL_HEADER = None
    me = people.surveyor()
    people.register(honest, me)
    listed(tmp_path, honest.parcels, me)
    imports.import_package(honest.path, "a.zip", me)
    for task in EvidenceTask.objects.order_by("pk"):
        services.submit(me, task.pk)
    county = client_of(people.reviewer("county", "990101"))
    first, second = EvidenceTask.objects.order_by("pk")[:2]
    context = browser.new_context(viewport={"width": wide, "height": high}, locale="zh-CN")
    context.add_cookies(
        [{"name": name, "value": one.value, "url": live_server.url} for name, one in county.cookies.items()]
    )
    context.set_default_timeout(60_000)
    page: Page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{live_server.url}/evidence/{first.pk}")
    page.wait_for_selector("ky-map[data-drawn='7']")  # a patch, three photos, three cones
    page.wait_for_function("() => document.querySelector('.ev-photo img').complete")
    assert page.evaluate("document.querySelector('.ev-photo img').naturalWidth") == 960
    page.wait_for_function("() => document.querySelector('ky-map').ariaBusy === 'false'")
    assert page.evaluate("document.documentElement.scrollWidth") <= wide
    shown = page.text_content("figcaption strong")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**?photo=*")
    assert shown
    expect(page.locator("figcaption strong")).not_to_have_text(shown)
    page.keyboard.press("r")
    expect(page.locator("#return-reason")).to_be_focused()
    page.keyboard.type("看不清 n p a")  # letters typed into a reason are text
    assert page.input_value("#return-reason") == "看不清 n p a"
    page.keyboard.press("Tab")
    page.goto(f"{live_server.url}/evidence/{first.pk}")
    page.keyboard.press("a")
    expect(page.locator("[data-key=a]")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/evidence/{second.pk}")
    assert EvidenceTask.objects.get(pk=first.pk).state == State.CITY
    assert problems == []
    context.close()


def test_the_history_names_people_and_the_operator(world: tuple[people.Principal, EvidenceTask]) -> None:
    """Who acted at the node itself is no person; everybody else is called by name."""
    me, task = world
    services.submit(operator(), task.pk)
    client = client_of(me)
    text = client.get(f"/evidence/{task.pk}").content.decode()
    history = text[text.index("<h2>经过</h2>") :]
    assert "节点操作员" in history and "surveyor（试验）" in history and ">operator<" not in history
    assert "北斗" in text and "TBLX" not in text
    client.cookies["django_language"] = "en"
    assert "node operator" in client.get(f"/evidence/{task.pk}").content.decode()
