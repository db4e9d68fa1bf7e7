"""Exceptions: two people, and the very finding they meant (R-185; Quality: "not survive a 1 cm change of that geometry")."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from kunyu.engines.ingest import exceptions, queries
from kunyu.engines.ingest.errors import (
    BadEvidence,
    ExceptionDecided,
    ExceptionStands,
    OwnException,
    ReasonNeeded,
    UnknownException,
    UnknownFinding,
)
from kunyu.engines.ingest.exceptions import EvidenceFile
from kunyu.engines.ingest.models import CheckRun, Delivery, Finding, FindingException
from kunyu.engines.ingest.storage import object_store
from kunyu.engines.ingest.tests.delivered_files import COUNTY, OPERATOR, SURVEY, accepted
from kunyu.engines.ingest.tests.moved_geometry import move_overlap
from kunyu.engines.security import epochs
from kunyu.engines.security import services as security
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.keys import node_signer
from kunyu.engines.security.models import AuditEntry, User
from kunyu.engines.security.session import principal_of
from kunyu.engines.worklist.audience import people_who_may_take
from kunyu.engines.worklist.models import Notification, Task
from kunyu.project.cli.main import run as command
from kunyu.project.sample_county.generate import generate_county

EVERYTHING = ("see", "query", "download", "edit", "approve")


def person(name: str, *actions: str, county: str = COUNTY, branch: str = "") -> User:
    user = User.objects.create_user(name, "correct-horse-9", name_zh=name)
    security.grant(user, actions, actor=OPERATOR, branch=branch, division_prefix=county)
    epochs.forget()
    return user


def acting(user: User):
    return principal_of(user, "tests")


@pytest.fixture(scope="session")
def overlapping(tmp_path_factory) -> Path:
    """A county with the four kinds of overlap: partial, contained, duplicate, and a sliver of two millimetres."""
    folder = tmp_path_factory.mktemp("overlapping")
    generate_county(folder, 300, 5, defects="Q303:4")
    return folder / "county.gpkg"


@pytest.fixture
def found(node, overlapping) -> Delivery:
    delivery = accepted(overlapping, standard=SURVEY, valid_from=None)
    assert delivery.status == "returned"
    return delivery


def overlaps(delivery: Delivery) -> list[Finding]:
    return list(Finding.objects.filter(run__delivery=delivery, rule="Q303", exception=None).order_by("pk"))


def through_two_people(delivery: Delivery, finding: Finding, proposer: User, other: User) -> FindingException:
    made = exceptions.propose(acting(proposer), delivery.pk, finding.pk, "两图斑权属争议，按原图斑保留")
    return exceptions.confirm(acting(other), made.pk, "已核实")


def test_proposing_writes_row_place_audit_evidence_and_task(found):
    proposer, checker = person("wang", "see", "query", "edit"), person("zhou", *EVERYTHING)
    finding = overlaps(found)[0]
    files = [EvidenceFile("照片.jpg", 3, io.BytesIO(b"jpg"))]
    made = exceptions.propose(acting(proposer), found.pk, finding.pk, " 河流改道 ", files)
    assert (made.status, made.reason, made.fingerprint, made.severity) == (
        "proposed",
        "河流改道",
        finding.fingerprint,
        "S",
    )
    with object_store().open(made.evidence[0]["sm3"]) as stored:
        assert stored.read() == b"jpg"
    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_Equals(e.geom, f.geom) FROM ingest_findingexception e, ingest_finding f "
                       "WHERE e.id = %s AND f.id = %s", [made.pk, finding.pk])  # fmt: skip
        assert cursor.fetchone()[0]
    entry = AuditEntry.objects.get(action="propose-exception")
    assert (entry.object_id, entry.detail["fingerprint"], entry.detail["reason"]) == (
        str(made.pk), finding.fingerprint, "河流改道",
    )  # fmt: skip
    task = Task.objects.get(kind="exception_confirmation")
    assert (task.href, task.division_code, task.action) == (f"/exceptions/{made.pk}/", COUNTY, "approve")
    assert people_who_may_take(task) == [checker.pk]


def test_a_second_person_confirms_and_the_proposer_is_told(found):
    proposer, checker = person("wang", *EVERYTHING), person("zhou", *EVERYTHING)
    made = exceptions.propose(acting(proposer), found.pk, overlaps(found)[0].pk, "属实")
    with pytest.raises(OwnException):
        exceptions.confirm(acting(proposer), made.pk)
    done = exceptions.confirm(acting(checker), made.pk, "同意")
    assert (done.status, done.decided_by) == ("confirmed", "zhou")
    assert Task.objects.get(kind="exception_confirmation").state == "done"
    note = Notification.objects.get(recipient=proposer, kind="exception_decided")
    assert "已确认" in note.title_zh and note.href == f"/exceptions/{made.pk}/"
    assert AuditEntry.objects.filter(action="confirm-exception", object_id=str(made.pk)).count() == 1
    with pytest.raises(ExceptionDecided):
        exceptions.refuse(acting(checker), made.pk, "反悔")


def test_the_database_itself_wants_two_people(found):
    proposer = person("wang", *EVERYTHING)
    made = exceptions.propose(acting(proposer), found.pk, overlaps(found)[0].pk, "属实")
    with pytest.raises(IntegrityError, match="exception_by_two_people"), transaction.atomic():
        FindingException.objects.filter(pk=made.pk).update(
            status="confirmed", decided_by="wang", decided_at=timezone.now()
        )


def test_one_finding_has_one_standing_exception(found):
    proposer, checker = person("wang", *EVERYTHING), person("zhou", *EVERYTHING)
    finding = overlaps(found)[0]
    made = exceptions.propose(acting(proposer), found.pk, finding.pk, "属实")
    before = AuditEntry.objects.count(), Task.objects.count()
    with pytest.raises(ExceptionStands):
        exceptions.propose(acting(checker), found.pk, finding.pk, "再提")
    assert (AuditEntry.objects.count(), Task.objects.count()) == before
    exceptions.refuse(acting(checker), made.pk, "证据不足")
    again = exceptions.propose(acting(proposer), found.pk, finding.pk, "补充证据")
    assert again.pk != made.pk and FindingException.objects.get(pk=made.pk).status == "refused"


def test_refusals_leave_nothing_behind(found):
    """Nobody acts without a reason, without the right, on what is hidden, or with evidence beyond the limits."""
    proposer, viewer = person("wang", *EVERYTHING), person("li", "see", "query")
    elsewhere = person("sun", *EVERYTHING, county="990102")
    finding = overlaps(found)[0]
    with pytest.raises(ReasonNeeded):
        exceptions.propose(acting(proposer), found.pk, finding.pk, "  ")
    with pytest.raises(NotAllowed):
        exceptions.propose(acting(viewer), found.pk, finding.pk, "属实")
    with pytest.raises(UnknownFinding):
        exceptions.propose(acting(proposer), found.pk, 10**9, "属实")
    big = [EvidenceFile("a.bin", exceptions.MOST_BYTES + 1, io.BytesIO(b""))]
    with pytest.raises(BadEvidence):
        exceptions.propose(acting(proposer), found.pk, finding.pk, "属实", big)
    assert not FindingException.objects.exists() and not Task.objects.filter(kind="exception_confirmation").exists()
    made = exceptions.propose(acting(proposer), found.pk, finding.pk, "属实")
    with pytest.raises(UnknownException):
        exceptions.visible_exception(acting(elsewhere), made.pk)
    with pytest.raises(NotAllowed):
        exceptions.confirm(acting(viewer), made.pk)
    with pytest.raises(NotAllowed):
        exceptions.withdraw(acting(viewer), made.pk, "不行")


def test_the_next_delivery_honours_what_was_confirmed(found, overlapping, tmp_path, capfdbinary):
    """By fingerprint: of four overlaps two are accepted, one is only proposed; the report shows and does not count them."""
    proposer, checker = person("wang", *EVERYTHING), person("zhou", *EVERYTHING)
    first, second, third, fourth = overlaps(found)
    one, two = (through_two_people(found, finding, proposer, checker) for finding in (first, second))
    exceptions.propose(acting(proposer), found.pk, third.pk, "待定")
    again = accepted(overlapping, standard=SURVEY, valid_from=None)
    assert again.pk != found.pk and again.status == "returned"
    assert {one.fingerprint for one in overlaps(again)} == {third.fingerprint, fourth.fingerprint}
    kept = Finding.objects.filter(run__delivery=again).exclude(exception=None)
    assert {(row.fingerprint, row.exception_id) for row in kept} == {
        (first.fingerprint, one.pk), (second.fingerprint, two.pk)
    }  # fmt: skip
    assert again.summary["S"] == found.summary["S"] - 2
    run = CheckRun.objects.get(delivery=again)
    with object_store().open(run.reports["json"]) as stored:
        told = stored.read()
    said = json.loads(told)
    assert {row["fingerprint"] for row in said["excepted"]} == {first.fingerprint, second.fingerprint}
    with object_store().open(run.reference_sm3) as stored:
        (tmp_path / "a.kyref").write_bytes(stored.read())
    (tmp_path / "node.pem").write_bytes(node_signer().certificate.pem())
    capfdbinary.readouterr()
    command(["check", str(overlapping), "--standard", SURVEY, "--json", "--reference", str(tmp_path / "a.kyref"),
             "--reference-key", str(tmp_path / "node.pem")])  # fmt: skip
    assert capfdbinary.readouterr().out.rstrip(b"\n") == told
    detail = queries.detail(acting(checker), again.pk)
    assert detail["check"]["excepted"] == 2
    assert sum(row["count"] for row in detail["check"]["by_rule"]) == len(said["findings"])
    with object_store().open(run.reports["html"]) as stored:
        page = stored.read().decode()
    assert "已确认的例外" in page and first.message_zh in page


def test_with_all_overlaps_accepted_the_delivery_passes(found, overlapping):
    proposer, checker = person("wang", *EVERYTHING), person("zhou", *EVERYTHING)
    for finding in Finding.objects.filter(run__delivery=found, severity="S"):
        through_two_people(found, finding, proposer, checker)
    again = accepted(overlapping, standard=SURVEY, valid_from=None)
    assert (again.status, again.summary["S"]) == ("accepted", 0)


def kinds_of(delivery: Delivery, truth: Path) -> dict[str, Finding]:
    """Overlap findings by the kind that was seeded: the partial overlap and the sliver."""
    areas = {tuple(one.ids): (float(one.measured), one) for one in overlaps(delivery)}
    ordered = sorted(areas.values(), key=lambda pair: pair[0])
    return {"sliver": ordered[0][1], "partial": next(one for area, one in ordered if 1 < area < 35)}


@pytest.mark.parametrize("kind", ["partial", "sliver"])
def test_an_exception_does_not_survive_a_centimetre(found, overlapping, tmp_path, kind):
    proposer, checker = person("wang", *EVERYTHING), person("zhou", *EVERYTHING)
    finding = kinds_of(found, overlapping)[kind]
    through_two_people(found, finding, proposer, checker)
    same = tmp_path / "same.gpkg"
    shutil.copyfile(overlapping, same)
    honoured = accepted(same, standard=SURVEY, valid_from=None)
    assert finding.fingerprint not in {one.fingerprint for one in overlaps(honoured)}
    moved = tmp_path / "moved.gpkg"
    move_overlap(overlapping, moved, finding.ids)
    after = accepted(moved, standard=SURVEY, valid_from=None)
    again = [one for one in overlaps(after) if one.ids == finding.ids]
    assert len(again) == 1 and again[0].fingerprint != finding.fingerprint
    assert not Finding.objects.filter(run__delivery=after).exclude(exception=None).exists()


def test_what_is_withdrawn_is_found_again(found, overlapping):
    proposer, checker = person("wang", *EVERYTHING), person("zhou", *EVERYTHING)
    made = through_two_people(found, overlaps(found)[0], proposer, checker)
    done = exceptions.withdraw(acting(checker), made.pk, "图斑已改")
    assert (done.status, done.decided_by, done.withdrawn_by) == ("withdrawn", "zhou", "zhou")
    assert Notification.objects.filter(recipient=proposer, kind="exception_decided").count() == 2
    again = accepted(overlapping, standard=SURVEY, valid_from=None)
    assert len(overlaps(again)) == 4


# --- pages ---
def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_journey_through_the_pages(found):
    proposer, checker = browser(person("wang", *EVERYTHING)), browser(person("zhou", *EVERYTHING))
    finding = overlaps(found)[0]
    form = f"/deliveries/{found.pk}/findings/{finding.pk}/exception"
    assert f'href="{form}"' in proposer.get(f"/deliveries/{found.pk}").content.decode()
    page = proposer.get(form)
    token = page.context["once"]
    sent = {
        "once": token,
        "reason": "属实",
        "evidence": [SimpleUploadedFile("a.txt", b"a"), SimpleUploadedFile("b.txt", b"bb")],
    }
    answer = proposer.post(form, sent)
    made = FindingException.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/exceptions/{made.pk}/")
    assert [one["name"] for one in made.evidence] == ["a.txt", "b.txt"]
    own = proposer.get(f"/exceptions/{made.pk}/").content.decode()
    assert "由您提出" in own and 'value="confirm"' not in own and 'value="withdraw"' in own
    theirs = checker.get(f"/exceptions/{made.pk}/")
    assert 'value="confirm"' in theirs.content.decode()
    done = checker.post(f"/exceptions/{made.pk}/decide", {"once": theirs.context["once"], "decision": "confirm"})
    assert done.status_code == 302 and FindingException.objects.get().status == "confirmed"
    file = checker.get(f"/exceptions/{made.pk}/evidence/1")
    assert b"".join(file.streaming_content) == b"bb" and file["Content-Disposition"].startswith("attachment")
    assert checker.get(f"/exceptions/{made.pk}/evidence/2").status_code == 404
    listed = checker.get("/exceptions/?status=confirmed").content.decode()
    assert f"/exceptions/{made.pk}/" in listed
    assert f"/exceptions/{made.pk}/" not in checker.get("/exceptions/?status=refused").content.decode()
    assert "已确认" in checker.get(f"/deliveries/{found.pk}").content.decode()
    shown = checker.get(f"/api/exceptions/{made.pk}/finding").json()["features"][0]
    assert shown["geometry"]["type"] in ("Polygon", "MultiPolygon") and shown["properties"]["rule"] == "Q303"
    listed = checker.get("/api/exceptions").json()["exceptions"]
    assert [(one["id"], one["status"]) for one in listed] == [(made.pk, "confirmed")]


def test_a_form_without_a_reason_comes_back(found):
    client = browser(person("wang", *EVERYTHING))
    form = f"/deliveries/{found.pk}/findings/{overlaps(found)[0].pk}/exception"
    answer = client.post(form, {"once": client.get(form).context["once"], "reason": ""})
    assert answer.status_code == 422 and not FindingException.objects.exists()


def test_packs_go_out_by_grant(found):
    """The delivery's own pack whole or not at all; the list's pack holds what one may download."""
    downloader, viewer = browser(person("wang", *EVERYTHING)), browser(person("li", "see", "query"))
    elsewhere = browser(person("sun", *EVERYTHING, county="990102"))
    address = f"/api/deliveries/{found.pk}/reference"
    answer = downloader.get(address)
    assert answer.status_code == 200 and b"".join(answer.streaming_content)[:2] == b"PK"
    assert [client.get(address).status_code for client in (viewer, elsewhere, Client())] == [403, 404, 401]
    pack = f"/api/reference/{SURVEY}/{COUNTY}"
    answer = downloader.get(pack)
    assert answer.status_code == 200 and b"".join(answer.streaming_content)[:2] == b"PK"
    assert AuditEntry.objects.filter(action="issue-reference").count() == 2
    assert [client.get(pack).status_code for client in (viewer, elsewhere, Client())] == [403, 404, 401]
    assert downloader.get(f"/api/reference/NO-SUCH/{COUNTY}").status_code in (400, 404)
    form = downloader.get(f"/deliveries/reference?standard={SURVEY}&division={COUNTY}&base=1")
    assert form["Location"] == f"{pack}?base=true"
