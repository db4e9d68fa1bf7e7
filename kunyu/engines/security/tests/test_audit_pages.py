"""The audit administrator finds anybody's acts across all applications in one view; for others these pages do not exist.

R-135; R-063 (three separate administrators); contract.md, status codes.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client

from kunyu.engines.security import access_tokens, audit, keys
from kunyu.engines.security.audit import sealing
from kunyu.engines.security.audit.public_keys import read_public_keys
from kunyu.engines.security.audit.verify import verify_file
from kunyu.engines.security.audit.walk import signature_is_right
from kunyu.engines.security.models import AdminDuty, AuditEntry, User
from kunyu.engines.security.scope import Principal, operator
from kunyu.engines.security.session import principal_of

pytestmark = pytest.mark.django_db
PAGES = ("/audit/", "/audit/people/li/", "/audit/seal/", "/audit/report/", "/audit/report/2026-11/")
LI = Principal("li", "李四", 70, origin="10.1.2.3")


def person(name: str, duty: str = "", division: str = "", home: str = "") -> User:
    user = User.objects.create_user(name, "pass-Word-123", name_zh=name, division_code=home)
    if duty:
        AdminDuty.objects.create(user=user, duty=duty, division_prefix=division)
    return user


@pytest.fixture
def auditor(client: Client) -> Client:
    client.force_login(person("auditor", "audit"))
    return client


@pytest.fixture
def acts_of_li() -> None:
    """One person in five applications, another one beside."""
    with transaction.atomic():
        audit.record(LI, "sign-in", "session", "li")
        audit.record(LI, "export", "collection", "10401-003", rows=5, object_label=10)
        audit.record(LI, "deliver", "delivery", 17)
        audit.record(LI, "claim", "task", 3, "refused")
        audit.record(LI, "grant", "user", "wang<script>")
        audit.record(Principal("wang", "王五", 71), "sign-in", "session", "wang")
    sealing.seal_everything(keys.node_signer().node_id, keys.node_signer())


def test_one_persons_acts_across_all_applications_stand_in_one_view(auditor: Client, acts_of_li: None) -> None:
    page = auditor.get("/audit/people/li/").content.decode()

    assert all(kind in page for kind in ("session", "collection", "delivery", "task", "user"))
    assert "10.1.2.3" in page and "wang&lt;script&gt;" in page and "<script>wang" not in page
    assert "王五" not in page
    User.objects.create(username="li", name_zh="李四")
    found = auditor.get("/audit/?person=李四").content.decode()
    assert all(f"/audit/{one.pk}/" in found for one in AuditEntry.objects.filter(actor="li"))
    assert AuditEntry.objects.filter(actor="auditor", action="read-audit").count() == 2, "looking is on record"


@pytest.mark.parametrize(("query", "count"), [
    ("person=li", 5), ("action=sign-in", 2), ("result=refused", 1), ("object=10401", 1), ("origin=10.1.2.3", 5),
    ("labelled=1", 1), ("person=nobody", 0), ("day_to=2020-01-01", 0), ("person=li&action=deliver&result=done", 1),
])  # fmt: skip
def test_acts_are_found_by_person_act_object_time_origin_and_result(
    auditor: Client, acts_of_li: None, query: str, count: int
) -> None:
    answer = auditor.get(f"/audit/?{query}&format=json")
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]

    assert len(json.loads(content)["rows"]) == count


def test_an_entry_shows_its_text_and_its_place_in_the_chain(auditor: Client, acts_of_li: None) -> None:
    one = AuditEntry.objects.get(action="deliver")
    page = auditor.get(f"/audit/{one.pk}/").content.decode()

    assert bytes(one.leaf).hex() in page and "内容、摘要、链值相符" in page
    assert auditor.get("/audit/999999/").status_code == 404


@pytest.mark.parametrize("duty", ["", "system", "security"])
def test_for_everybody_else_the_pages_do_not_exist(client: Client, acts_of_li: None, duty: str) -> None:
    one = AuditEntry.objects.first()
    assert one is not None
    client.force_login(person("somebody", duty))
    posts = ("/audit/export", "/audit/seal/verify")

    assert {client.get(page).status_code for page in (*PAGES, f"/audit/{one.pk}/")} == {404}
    assert {client.post(page).status_code for page in posts} == {404}
    assert not AuditEntry.objects.filter(actor="somebody", object_kind="audit").exists()


def test_strangers_are_sent_to_sign_in(client: Client) -> None:
    assert {client.get(page).status_code for page in PAGES} == {302}


def test_an_administrator_of_a_division_reads_its_people_only(client: Client) -> None:
    inside, outside = person("inside", home="990101001"), person("outside", home="990202")
    with transaction.atomic():
        for user in (inside, outside):
            audit.record(principal_of(user), "sign-in", "session", user.username)
    client.force_login(person("county", "audit", "9901"))
    page = client.get("/audit/").content.decode()
    theirs = AuditEntry.objects.get(actor="outside")

    assert "inside" in page and "outside" not in page
    assert client.get(f"/audit/{theirs.pk}/").status_code == 404
    assert client.get("/audit/seal/").status_code == 403
    assert client.post("/audit/export").status_code == 403


def test_the_export_of_the_page_verifies_with_the_public_key(auditor: Client, acts_of_li: None, tmp_path: Path) -> None:
    answer = auditor.post("/audit/export", {"from": "", "to": ""})
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    pem = Client().get("/audit/public-key")
    verdict = verify_file(path, public_keys=read_public_keys(pem.content))

    assert answer.status_code == 200 and pem.status_code == 200
    assert verdict.clean and verdict.signer_pinned and verdict.entries >= 7
    assert b'"action":"export-audit"' in path.read_bytes()
    assert auditor.post("/audit/export", {"from": "2026-13-01"}).status_code == 400


def test_the_seal_page_tells_what_waits_and_verifies(auditor: Client, acts_of_li: None) -> None:
    with transaction.atomic():
        audit.record(LI, "x", "y", "z")
    page = auditor.get("/audit/seal/").content.decode()
    verified = auditor.post("/audit/seal/verify").content.decode()

    assert "待封存" in page and "封存进程没有运行" in page
    assert "完好" in verified and AuditEntry.objects.filter(action="verify-audit", result="done").count() == 1


def test_the_monthly_report_counts_and_is_signed(auditor: Client, acts_of_li: None) -> None:
    month = AuditEntry.objects.latest("id").at.strftime("%Y-%m")
    answer = auditor.get(f"/audit/report/{month}/")
    made = answer.context["report"]

    assert made.refused == 1 and made.exports_total == 1 and made.verdict.clean
    assert {one.key: one.count for one in made.by_person}["li"] == 5
    assert signature_is_right(keys.node_signer().public_key, made.text.encode(), bytes.fromhex(made.signature))
    assert made.signature in answer.content.decode()
    assert auditor.get("/audit/report/").status_code == 200
    assert auditor.get("/audit/report/2026-13/").status_code == 400
    pdf = auditor.get(f"/audit/report/{month}/?format=pdf")
    assert pdf.content.startswith(b"%PDF") and AuditEntry.objects.filter(action="report-audit").count() == 2


def test_the_api_answers_the_auditors_programs_only(acts_of_li: None) -> None:
    auditor, other = person("auditor", "audit"), person("other", "security")
    answers = {}
    for user in (auditor, other):
        token = access_tokens.issue(user, "t", operator(), administration=True)
        header = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
        answers[user.username] = [Client().get(f"/api/audit/{path}", **header) for path in (
            "entries?person=li&limit=2", "state", "export", "entries/999999")]  # fmt: skip
    found, state, export, missing = answers["auditor"]
    following = Client().get(f"/api/audit/entries?person=li&before={found.json()['before']}")

    assert [one["object_kind"] for one in found.json()["entries"]] == ["user", "task"]
    assert state.json()["chain_holds"] is True and missing.status_code == 404
    assert b'{"end":' in b"".join(export.streaming_content)  # type: ignore[attr-defined]
    assert {one.status_code for one in answers["other"]} == {404}
    assert following.status_code == 401
