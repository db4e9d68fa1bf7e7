"""Committed acts enter the chain within a second, in one chain without gaps, whatever is killed; checkpoints go outside.

R-135; security facts §7 (chain, signed root, anchored to another node), §9 T6.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction

from kunyu.engines.security import audit, keys
from kunyu.engines.security.audit import anchors, chain, sealing
from kunyu.engines.security.audit.checkpoints import read_checkpoint
from kunyu.engines.security.audit.parent_simulator import CheckpointRefused, SimulatedParent
from kunyu.engines.security.audit.tests.logs import PaperLog, log, record_text, signer
from kunyu.engines.security.audit.walk import signature_is_right
from kunyu.engines.security.models import AuditAnchoring, AuditCheckpoint, AuditEntry, AuditPending, AuditSeal
from kunyu.engines.security.scope import Principal

LI = Principal("li", "李四", 7)


def act(number: int = 0) -> None:
    with transaction.atomic():
        audit.record(LI, "test", "thing", number)


def node() -> str:
    return keys.node_signer().node_id


def require_whole_chain() -> int:
    """Every entry sealed once, numbers without gaps, links right from the genesis on; answers with the length."""
    seals = list(AuditSeal.objects.order_by("seq"))
    leaves = {one.pk: (bytes(one.leaf), one.record) for one in AuditEntry.objects.all()}
    link = chain.genesis(node())
    for number, seal in enumerate(seals, 1):
        leaf, text = leaves.pop(seal.entry_id)
        assert seal.seq == number and leaf == bytes(seal.leaf) == chain.digest(text.encode())
        link = chain.link(link, leaf, number)
        assert bytes(seal.link) == link
    assert set(leaves) == set(AuditPending.objects.values_list("entry_id", flat=True))
    return len(seals)


@pytest.mark.django_db
def test_entries_are_sealed_in_order_and_once() -> None:
    for number in range(7):
        act(number)

    assert [sealing.seal_batch(node(), limit=3) for _ in range(4)] == [3, 3, 1, 0]
    assert require_whole_chain() == 7 and not AuditPending.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_entry_committed_late_with_a_lower_number_is_sealed() -> None:
    """The trap of "everything above the last id": the older transaction commits after a younger one was sealed."""
    slow = second_connection()
    with slow.transaction():
        insert_raw(slow)
        act(1)
        assert sealing.seal_batch(node()) == 1
    slow.close()

    late, early = AuditEntry.objects.order_by("id")
    assert late.pk < early.pk
    assert sealing.seal_batch(node()) == 1
    assert list(AuditSeal.objects.order_by("seq").values_list("entry_id", flat=True)) == [early.pk, late.pk]


def second_connection() -> psycopg.Connection[Any]:
    known = settings.DATABASES["default"]
    return psycopg.connect(dbname=known["NAME"], user=known["USER"], host=known["HOST"], port=known["PORT"],
                           password=known["PASSWORD"], autocommit=True)  # fmt: skip


def insert_raw(other: psycopg.Connection[Any]) -> None:
    text = record_text(1)
    other.execute(
        "INSERT INTO security_auditentry (at, record, leaf, actor, action, object_kind, object_id, result) "
        "VALUES (now(), %s, %s, 'x', 'x', 'x', 'x', 'done')",
        [text.decode(), chain.digest(text)],
    )


@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_make_one_chain() -> None:
    for number in range(300):
        act(number)

    def seal() -> None:
        try:
            deadline = time.monotonic() + 180
            while AuditPending.objects.exists() and time.monotonic() < deadline:
                sealing.seal_batch(node(), limit=7)
        finally:
            connection.close()

    run_threads(seal, seal)

    assert require_whole_chain() == 300


def run_threads(*works: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db
def test_a_checkpoint_vouches_for_the_head_and_names_its_predecessor() -> None:
    signed_by = keys.node_signer()
    act()
    sealing.seal_batch(node())
    first = sealing.make_checkpoint(node(), signed_by)
    assert sealing.make_checkpoint(node(), signed_by) is None, "nothing new to vouch for"
    act()
    sealing.seal_batch(node())
    second = sealing.make_checkpoint(node(), signed_by)

    assert first is not None and second is not None
    one, two = read_checkpoint(first.text), read_checkpoint(second.text)
    assert (one.number, one.seq, one.previous) == (1, 1, "") and (two.number, two.seq) == (2, 2)
    assert two.previous == one.digest() and two.link == bytes(AuditSeal.objects.get(seq=2).link).hex()
    assert two.signer == signed_by.certificate.fingerprint
    assert signature_is_right(signed_by.public_key, second.text, second.signature)


@pytest.mark.django_db
def test_checkpoints_are_due_each_minute_and_each_ten_thousand(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    assert not sealing.checkpoint_is_due(node(), now), "nothing sealed"
    act()
    sealing.seal_batch(node())
    assert sealing.checkpoint_is_due(node(), now)
    sealing.make_checkpoint(node(), keys.node_signer())
    assert not sealing.checkpoint_is_due(node(), now + timedelta(hours=1)), "nothing new"
    act()
    sealing.seal_batch(node())
    assert not sealing.checkpoint_is_due(node(), now + timedelta(seconds=30))
    assert sealing.checkpoint_is_due(node(), now + timedelta(seconds=62))
    monkeypatch.setattr(sealing, "CHECKPOINT_ENTRIES", 1)
    assert sealing.checkpoint_is_due(node(), now)


@pytest.fixture
def sealer(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts real sealer processes on the test database; kills what is left."""
    started: list[subprocess.Popen[bytes]] = []
    known = settings.DATABASES["default"]
    url = (f"postgresql://{known['USER']}:{known['PASSWORD']}@/{known['NAME']}?host={known['HOST']}"
           + (f"&port={known['PORT']}" if known["PORT"] else ""))  # fmt: skip

    def start(**environment: str) -> subprocess.Popen[bytes]:
        log_file = (tmp_path / f"sealer{len(started)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "kunyu.project.runtime.sealer_loop"], stdout=log_file, stderr=log_file,
            env={**os.environ, "DATABASE_URL": url, "KUNYU_HOME": str(settings.KUNYU_HOME), **environment},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def await_sealed(count: int, seconds: float = 180) -> float:
    begin = time.monotonic()
    while AuditSeal.objects.count() < count:
        assert time.monotonic() - begin < seconds, f"{AuditSeal.objects.count()} of {count} sealed"
        time.sleep(0.02)
    return time.monotonic() - begin


@pytest.mark.django_db(transaction=True)
def test_a_running_sealer_seals_within_a_second_and_signs_when_stopped(
    sealer: Callable[..., Any], tmp_path: Path
) -> None:
    anchor = tmp_path / "worm"
    process = sealer(KUNYU_AUDIT_ANCHORS=f"file:{anchor}")
    act()
    await_sealed(1)
    waited = []
    for number in range(2, 8):
        act(number)
        waited.append(await_sealed(number))
    process.send_signal(signal.SIGTERM)

    assert process.wait(60) == 0
    # each begins as the one before was seen, so that it waits for a whole round; what others do only adds to that
    assert min(waited) < 1.0, waited
    assert require_whole_chain() == 7
    assert AuditCheckpoint.objects.order_by("-number")[0].seq == 7
    assert len(list(anchor.glob("*.jsonl"))) == AuditAnchoring.objects.filter(result="done").count() >= 1


@pytest.mark.django_db(transaction=True)
def test_a_sealer_killed_at_any_moment_leaves_a_chain_that_goes_on(sealer: Callable[..., Any]) -> None:
    """kill -9, again and again, while acts are committed; the next one takes over and nothing is lost or doubled."""
    stop = threading.Event()
    made = [0]

    def acts() -> None:
        try:
            while not stop.is_set():
                act(made[0])
                made[0] += 1
        finally:
            connection.close()

    worker = threading.Thread(target=acts)
    worker.start()
    try:
        for moment in (0.9, 1.13, 1.31, 1.57):
            process = sealer()
            target = AuditSeal.objects.count() + 1
            await_sealed(target)
            time.sleep(moment - 0.9)
            process.kill()
            process.wait()
    finally:
        stop.set()
        worker.join()
    killed_at = require_whole_chain()
    last = sealer()
    await_sealed(made[0])
    last.terminate()
    last.wait(60)

    assert killed_at > 0 and require_whole_chain() == made[0] > 20
    assert AuditCheckpoint.objects.order_by("-number")[0].seq == made[0]


@pytest.mark.django_db(transaction=True)
def test_a_second_sealer_waits_and_takes_over(sealer: Callable[..., Any]) -> None:
    first = sealer()
    act()
    await_sealed(1)
    second = sealer()
    time.sleep(2)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1803116915 AND database = "
                       "(SELECT oid FROM pg_database WHERE datname = current_database())")  # fmt: skip
        assert cursor.fetchone() == (1,)
    first.kill()
    first.wait()
    act()

    await_sealed(2)
    assert second.poll() is None and require_whole_chain() == 2


@pytest.mark.django_db(transaction=True)
def test_a_sealer_that_lost_its_database_connection_goes_on(sealer: Callable[..., Any]) -> None:
    process = sealer()
    act()
    await_sealed(1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 1803116915 "
                       "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")  # fmt: skip
    act()

    await_sealed(2)
    assert process.poll() is None and require_whole_chain() == 2


# --- anchors ---
@pytest.mark.django_db
def test_a_checkpoint_is_anchored_once_in_each_place_and_failures_are_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    monkeypatch.setattr(settings, "KUNYU_AUDIT_ANCHORS",
                        f"file:{tmp_path / 'a'};file:{tmp_path / 'b.jsonl'};file:{blocked}/x;"
                        f"simulated-parent:{tmp_path / 'parent'}")  # fmt: skip
    for number in range(2):
        act(number)
        sealing.seal_batch(node())
        sealing.make_checkpoint(node(), keys.node_signer())
        assert anchors.anchor_latest(node()) == 3
        assert anchors.anchor_latest(node()) == 0

    bodies = [body.encode() for body in AuditCheckpoint.objects.order_by("number").values_list("body", flat=True)]
    assert len(list((tmp_path / "a").glob("*.jsonl"))) == 2
    lines = (tmp_path / "b.jsonl").read_bytes().splitlines()
    assert len(lines) == 2 and all(body in line for body, line in zip(bodies, lines, strict=True))
    assert AuditAnchoring.objects.filter(result="failed").count() == 2
    receipt = AuditAnchoring.objects.filter(target__startswith="simulated-parent").latest("id").receipt
    assert '"simulated":true' in receipt["text"]


def test_the_parent_refuses_a_second_story_and_wrong_signatures(tmp_path: Path) -> None:
    parent, whole = SimulatedParent(tmp_path / "p"), log(60, 7)
    pem = signer().certificate.pem().decode()
    parent.put(whole.checkpoints[7], pem)
    parent.put(whole.checkpoints[14], pem)
    parent.put(whole.checkpoints[14], pem)
    forked = PaperLog({**whole.texts, 3: record_text(99)}, 7)
    stranger = PaperLog(dict(whole.texts), 7, by=signer("another"))

    for bad, certificate in (
        (forked.checkpoints[14], pem),
        (stranger.checkpoints[21], stranger.by.certificate.pem().decode()),
        (stranger.checkpoints[21], pem),
    ):
        with pytest.raises(CheckpointRefused):
            parent.put(bad, certificate)
