"""Delivered files at rest: encrypted by label, read by every step, altered ones found (R-070; T7, T10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from kunyu.engines.ingest import storage
from kunyu.engines.ingest.handlers import label_decided
from kunyu.engines.ingest.models import Delivery, FindingException, Verification
from kunyu.engines.ingest.process import process
from kunyu.engines.ingest.publish import publish
from kunyu.engines.ingest.storage import object_store, objects_of, protect_stored, protects
from kunyu.engines.ingest.tasks import protect_files
from kunyu.engines.ingest.tests.delivered_files import COUNTY, OPEN_STANDARD, OPERATOR, SURVEY, hand_in, write_cover
from kunyu.engines.security import keys
from kunyu.engines.security.label_services import DECIDED_TOPIC
from kunyu.engines.security.labels import GENERAL, IMPORTANT, INTERNAL, PUBLIC, SENSITIVE, UNCONDITIONAL, Label
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.worklist.models import Incident
from kunyu.kernel.crypto.errors import FileDamaged
from kunyu.kernel.outbox.models import Event
from kunyu.project.handlers import HANDLERS

Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def home(node: None, tmp_path: Path, settings) -> Iterator[Path]:
    """A state folder of this test alone, to search it to the last file."""
    settings.KUNYU_HOME = tmp_path / "home"
    settings.KUNYU_QUARANTINE = tmp_path / "home" / "quarantine"
    settings.KUNYU_OBJECT_STORE = str(tmp_path / "home" / "objects")
    settings.KUNYU_HOME.mkdir()
    yield settings.KUNYU_HOME
    keys.forget()


def label(monkeypatch: pytest.MonkeyPatch, given: Label) -> None:
    """Every collection bears this label from now on, as the register of labels would say."""
    monkeypatch.setattr("kunyu.engines.security.protection.label_of", lambda collection: given)


STRICT, LOOSE = Label(SENSITIVE, GENERAL, UNCONDITIONAL), Label(INTERNAL, GENERAL, UNCONDITIONAL)


def holders(home: Path, needle: bytes) -> list[str]:
    return [str(p.relative_to(home)) for p in home.rglob("*") if p.is_file() and needle in p.read_bytes()]


def test_labels_of_the_catalogue_decide(node: None) -> None:
    """敏感 and stricter, or 重要 and 核心; one strict layer decides for the standard; unlabelled counts as 敏感."""
    assert protects(SURVEY) is True
    assert protects("", "10401-003") is True  # land survey parcels: 敏感
    assert protects("", "no-such-dataset") is True
    for one, wanted in ((Label(PUBLIC), False), (LOOSE, False), (STRICT, True), (Label(PUBLIC, IMPORTANT), True)):
        with pytest.MonkeyPatch.context() as patch:
            label(patch, one)
            assert protects(OPEN_STANDARD) is wanted


def test_a_strict_delivery_lies_encrypted_and_passes_every_step(
    home: Path, sql: Sql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(monkeypatch, STRICT)
    path = write_cover(tmp_path / "cover.gpkg")
    assert b"plot 17" in path.read_bytes()
    delivery = process(hand_in(path).pk)
    assert delivery.status == "accepted"
    stored = sorted(set(objects_of(delivery)))
    assert len(stored) >= 4 and all(object_store().is_protected(sm3) for sm3 in stored)
    assert publish(delivery.pk, OPERATOR).status == "published"
    assert sql("SELECT count(*) FROM onemap.landcover_kunyu_open_2026_current") == [(60,)]
    assert holders(home, b"plot 17") == []  # T10
    assert list((home / "quarantine").iterdir()) == []
    with object_store().open(delivery.input_sm3) as content:
        assert content.read() == path.read_bytes()


def test_a_loose_delivery_stays_plain_and_a_later_label_encrypts_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(monkeypatch, LOOSE)
    delivery = process(hand_in(write_cover(tmp_path / "cover.gpkg")).pk)
    stored = set(objects_of(delivery))
    assert not any(object_store().is_protected(sm3) for sm3 in stored)
    assert protect_stored() == 0

    label(monkeypatch, STRICT)
    seen: list[tuple[int, int]] = []
    assert protect_stored(lambda done, total: seen.append((done, total))) == len(stored) and seen == [(1, 1)]
    assert protect_stored() == 0
    assert all(object_store().is_protected(sm3) and object_store().verify(sm3) for sm3 in stored)
    assert holders(home, b"plot 17") == []
    assert publish(delivery.pk, OPERATOR).status == "published"


def test_a_later_label_encrypts_evidence_and_results_too(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(monkeypatch, LOOSE)
    delivery = process(hand_in(write_cover(tmp_path / "cover.gpkg")).pk)
    evidence = object_store().put_bytes(b"why plot 17 is right", protect=False).sm3
    result = object_store().put_bytes(b"plot 17 contradicts", protect=False).sm3
    FindingException.objects.create(
        delivery=delivery, standard_id=delivery.standard_id, division_code=COUNTY, rule="Q303", layer="DLTB",
        fingerprint="f" * 64, message_zh="重叠", message_en="overlap", reason="界址争议", proposed_by="surveyor",
        evidence=[{"name": "a.txt", "sm3": evidence, "size": 20}],
    )  # fmt: skip
    Verification.objects.create(
        division_code=COUNTY,
        started_by="editor",
        status="done",
        inputs=[{"dataset": "10401-003"}],
        summary={"report_sm3": result},
    )
    label(monkeypatch, STRICT)
    protect_stored()
    assert object_store().is_protected(evidence) and object_store().is_protected(result)
    assert holders(home, b"plot 17") == []


def test_an_approved_strict_label_has_the_files_encrypted_by_the_worker(
    home: Path, sql: Sql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(monkeypatch, LOOSE)
    delivery = process(hand_in(write_cover(tmp_path / "cover.gpkg")).pk)
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'ingest.protect_files' AND status = 'todo'"
    with connection.cursor() as cursor:  # what another test of this database queued
        cursor.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'ingest.protect_files'")
    for decision, code in (("rejected", STRICT.code), ("approved", LOOSE.code)):
        label_decided(Event(payload={"decision": decision, "label": code}))
    assert sql(jobs) == [(0,)]
    label(monkeypatch, STRICT)
    for _ in range(2):  # delivered at least once: one job waits
        label_decided(Event(payload={"decision": "approved", "label": STRICT.code}))
    assert sql(jobs) == [(1,)]
    protect_files.func()
    assert all(object_store().is_protected(sm3) for sm3 in set(objects_of(delivery)))
    assert AuditEntry.objects.filter(action="files-encrypted").latest("pk").detail["files"] >= 4
    assert label_decided in HANDLERS[DECIDED_TOPIC]


@pytest.mark.parametrize("given", [STRICT, LOOSE])
def test_altered_stored_file_fails_the_delivery_and_raises_an_incident(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Label
) -> None:
    """T7: encrypted or plain, one changed byte between receiving and checking is found, and nothing is read from it."""
    label(monkeypatch, given)
    delivery = hand_in(write_cover(tmp_path / "cover.gpkg"))
    sm3 = delivery.input_sm3
    file = home / "objects" / sm3[:2] / sm3[2:4] / sm3
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)
    for _ in range(2):
        Delivery.objects.filter(pk=delivery.pk).update(status="received")
        with pytest.raises(FileDamaged):
            process(delivery.pk)
    assert Delivery.objects.get(pk=delivery.pk).status == "failed"
    incident = Incident.objects.get(key=f"stored-file-altered:{sm3}")
    assert incident.duty == "security" and incident.state == "open" and str(delivery.pk) in incident.title_zh
    assert list((home / "quarantine").iterdir()) == []


def test_altered_mapped_rows_are_not_published(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, map_digest: Callable[[], str]
) -> None:
    """T7 for what was checked: it is what is loaded, or nothing is."""
    for number, given in enumerate((STRICT, LOOSE)):
        label(monkeypatch, given)
        delivery = process(hand_in(write_cover(tmp_path / f"cover{number}.gpkg")).pk)
        sm3 = delivery.layers.get().mapped_sm3
        file = home / "objects" / sm3[:2] / sm3[2:4] / sm3
        if given == LOOSE:  # equal rows lie encrypted since the first round: make them plain again by hand
            with object_store().open(sm3) as content:
                whole = content.read()
            file.unlink()
            object_store().put_bytes(whole)
        before, good = map_digest(), file.read_bytes()
        file.chmod(0o600)
        file.write_bytes(good[: len(good) // 2] + bytes((good[len(good) // 2] ^ 1,)) + good[len(good) // 2 + 1 :])
        with pytest.raises(Exception, match=r"SM3|damaged|altered|改动"):
            publish(delivery.pk, OPERATOR)
        assert map_digest() == before
        file.write_bytes(good)
        assert publish(delivery.pk, OPERATOR).status == "published"


def test_download_gives_the_plain_file_to_who_may_have_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(monkeypatch, STRICT)
    path = write_cover(tmp_path / "cover.gpkg")
    delivery = process(hand_in(path).pk)
    monkeypatch.setattr("kunyu.engines.security.middleware.principal_of_request", lambda request: OPERATOR)
    for address, begin in (("file", path.read_bytes()[:16]), ("report.json", b"{")):
        answer = Client().get(f"/api/deliveries/{delivery.pk}/{address}")
        assert answer.status_code == 200, answer.content[:300]
        content = b"".join(answer.streaming_content)
        assert content.startswith(begin) and int(answer["Content-Length"]) == len(content)
        if address == "file":
            assert content == path.read_bytes()


def test_key_ring_is_touched_only_for_what_needs_it(home: Path) -> None:
    assert storage.object_store().put_bytes(b"open").size == 4
    assert not (home / "keys").exists()
