"""Pages and API of seals, walked by the three administrators (R-133)."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seals import uses
from kunyu.engines.documents.seals.tests.made import COUNTY, DECIDER, NAME, active_seal
from kunyu.engines.security.models import AdminDuty, User

pytestmark = pytest.mark.django_db
HERE = "/admin/seals/"


def administrator(duty: str) -> Client:
    user = User.objects.create_user(f"page-{duty}", password=None)
    AdminDuty.objects.create(user=user, duty=duty, division_prefix="9901", appointed_by="tests")
    client = Client()
    client.force_login(user)
    return client


def once(client: Client, address: str) -> str:
    text = client.get(address).content.decode()
    return text.partition('name="once" value="')[2].partition('"')[0]


def test_made_approved_and_destroyed_on_the_pages() -> None:
    system, security = administrator("system"), administrator("security")
    entry = {
        "name_zh": NAME,
        "second_line": "行政审批专用章",
        "division_code": COUNTY,
        "width_mm": 42,
        "height_mm": 42,
        "years": 5,
    }
    made = system.post(f"{HERE}new", entry | {"once": once(system, f"{HERE}new")})
    one = Seal.objects.get()
    assert made.status_code == 302 and made["Location"] == f"{HERE}{one.code}/"
    page = system.get(f"{HERE}{one.code}/").content.decode()
    assert NAME in page and "待启用" in page and "演示制章人" in page and f"{HERE}{one.code}/approve" not in page
    assert f"{HERE}{one.code}/approve" in security.get(f"{HERE}{one.code}/").content.decode()
    security.post(f"{HERE}{one.code}/approve", {"once": once(security, f"{HERE}{one.code}/approve"), "reason": ""})
    one.refresh_from_db()
    assert (one.state, one.approved_by) == ("active", "page-security")
    confirm = security.get(f"{HERE}{one.code}/destroy").content.decode()
    assert "私钥立即删除" in confirm
    empty = security.post(
        f"{HERE}{one.code}/destroy", {"once": once(security, f"{HERE}{one.code}/destroy"), "reason": ""}
    )
    assert empty.status_code == 422 and Seal.objects.get().state == "active"


def test_a_wrong_entry_comes_back_beside_its_field() -> None:
    system = administrator("system")
    entry = {"name_zh": NAME, "division_code": COUNTY, "width_mm": 42, "height_mm": 30, "years": 5}
    answer = system.post(f"{HERE}new", entry | {"once": once(system, f"{HERE}new")})
    assert answer.status_code == 422 and "系统绘制的印章是圆的" in answer.content.decode()
    assert not Seal.objects.exists()


def test_list_uses_and_picture() -> None:
    one, audit = active_seal(), administrator("audit")
    uses.record(DECIDER, one, before=b"a", after=b"b", profile="pdf-sm2", subject="licence:77", at=one.valid_from)
    listed = audit.get(HERE).content.decode()
    assert one.code in listed and f"{HERE}new" not in listed
    assert "licence:77" in audit.get(f"{HERE}{one.code}/").content.decode()
    assert "licence:77" in audit.get(f"{HERE}{one.code}/uses/").content.decode()
    picture = audit.get(f"{HERE}{one.code}/picture.png")
    assert picture["Content-Type"] == "image/png" and picture.content.startswith(b"\x89PNG")
    assert audit.get(f"{HERE}{one.code}/suspend").status_code == 404
    assert Client().get(HERE).status_code == 302


def test_api() -> None:
    one, security, audit = active_seal(), administrator("security"), administrator("audit")
    found = audit.get("/api/seals").json()
    assert [seal["code"] for seal in found["seals"]] == [one.code] and found["next"] is None
    whole = audit.get(f"/api/seals/{one.code}").json()
    assert [event["act"] for event in whole["events"]] == ["made", "approved"]
    assert [each["algorithm"] for each in whole["certificates"]] == ["SM2 / SM3", "ECDSA P-256 / SHA-256"]
    assert "key" not in json.dumps(whole)
    body = json.dumps({"reason": "停"})
    assert audit.post(f"/api/seals/{one.code}/suspend", body, "application/json").status_code == 404
    assert security.post(f"/api/seals/{one.code}/suspend", body, "application/json").json()["state"] == "suspended"
    assert security.post(f"/api/seals/{one.code}/suspend", body, "application/json").status_code == 409
    assert audit.get(f"/api/seals/{one.code}/uses").json() == {"uses": [], "next": None}
    assert audit.get("/api/seals/none-such").status_code == 404
