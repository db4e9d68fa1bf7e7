"""An act is on record in its own transaction, nothing on record can be changed, and no personal data is in it.

R-135; security facts §7 (fields), §9 T11 (masked fields never in logs).
"""

from __future__ import annotations

import importlib
import json
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from kunyu.engines.security import audit
from kunyu.engines.security.audit import chain, personal, reads
from kunyu.engines.security.models import AuditEntry, AuditPending
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import Defect, UsageError

pytestmark = pytest.mark.django_db
LI = Principal("li", "李四", 7, origin="10.1.2.3", duty="", session_id=42)


def entry(**detail: Any) -> AuditEntry:
    audit.record(LI, "export", "collection", "10401-003", **detail)
    return AuditEntry.objects.latest("id")


def test_an_entry_holds_who_what_where_when_and_its_digest() -> None:
    made = entry(records=3, object_label=10, purpose="年度核查", ticket="T-1", before_digest="ab", after_digest="cd",
                 device="终端甲")  # fmt: skip
    record = json.loads(made.record)

    assert bytes(made.leaf) == chain.digest(made.record.encode())
    assert record["who"] == {"id": 7, "name": "li", "name_zh": "李四"}
    assert record["from"] == {"address": "10.1.2.3", "device": "终端甲", "session": "42"}
    assert record["object"] == {"kind": "collection", "id": "10401-003", "label": 10}
    assert (record["purpose"], record["ticket"], record["before"], record["after"]) == ("年度核查", "T-1", "ab", "cd")
    assert record["detail"] == made.detail == {"records": 3}
    assert record["time"].endswith("+08:00") and len(record["time"]) == 29
    assert record["zone"] == "business" and len(record["node"]) == 36 and record["v"] == 1
    assert (made.actor, made.actor_id, made.origin, made.session, made.label) == ("li", 7, "10.1.2.3", "42", 10)
    assert AuditPending.objects.filter(entry_id=made.pk).exists()


def test_an_entry_falls_with_its_act() -> None:
    with pytest.raises(ValueError), transaction.atomic():
        entry()
        raise ValueError("the act failed")

    assert not AuditEntry.objects.exists() and not AuditPending.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction_nothing_is_recorded() -> None:
    with pytest.raises(Defect):
        audit.record(LI, "export", "collection", "x")

    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("table", ["auditentry", "auditseal", "auditcheckpoint", "auditanchoring"])
@pytest.mark.parametrize("statement", [
    "UPDATE security_{} SET {column} = {column}", "DELETE FROM security_{}", "DELETE FROM security_{} WHERE false",
    "TRUNCATE security_{}", "TRUNCATE security_{} CASCADE",
])  # fmt: skip
def test_nothing_on_record_can_be_changed(table: str, statement: str) -> None:
    """Also by the owner of the tables, also in replication mode, also when no row is meant."""
    entry()
    column = {"auditentry": "actor", "auditseal": "link", "auditcheckpoint": "body", "auditanchoring": "target"}[table]
    for mode in ("origin", "replica"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            if mode == "replica":
                cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
                if cursor.fetchone()[0]:
                    cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(statement.format(table, column=column))

    assert AuditEntry.objects.count() == 1


def test_an_entry_cannot_be_overwritten_by_a_second_one() -> None:
    made = entry()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO security_auditentry (id, at, record, leaf, actor, action, object_kind, object_id, result) "
            "SELECT id, at, record, leaf, 'x', action, object_kind, object_id, result FROM security_auditentry "
            "ON CONFLICT (id) DO UPDATE SET actor = 'x'"
        )

    assert AuditEntry.objects.get(pk=made.pk).actor == "li"


def test_personal_data_is_masked_by_key_at_any_depth_and_by_form() -> None:
    personal.declare({"QLRMC": "name", "QLRZJH": "document"})
    made = entry(
        QLRMC="张三丰", 手机="13812345678", rows=[{"qlrzjh": "11010519491231002X", "note": "电话13912345678，无"}],
        free="证件 11010519491231002X 已核", BSM="990101000000000012", count=13812345678, id_number=110105194912310021,
    )  # fmt: skip
    raw = made.record + json.dumps(made.detail, ensure_ascii=False)

    for secret in ("张三丰", "13812345678", "11010519491231002X", "13912345678", "110105194912310021"):
        assert secret not in raw
    assert made.detail["QLRMC"] == "张**" and made.detail["free"] == "证件 110***********002X 已核"
    assert made.detail["BSM"] == "990101000000000012", "an object's code is no identity number"
    with pytest.raises(UsageError):
        personal.declare({"x": "no such kind"})


def test_hostile_text_is_recorded_and_not_lost() -> None:
    audit.record(
        Principal("a\x00b\ud800"), "sign-in", "session", "\x00", "refused", note="\x00\udfff", **{"k\x00": float("nan")}
    )
    made = AuditEntry.objects.get()

    assert made.actor == "a\ufffdb?" and made.object_id == "\ufffd"
    assert made.detail == {"note": "\ufffd?", "k\ufffd": "nan"}
    assert bytes(made.leaf) == chain.digest(made.record.encode())


def test_a_panning_reader_gives_tens_of_entries() -> None:
    """Ten screens of tiles at z16 across a county: 4,000 tiles, few entries, and what is on record contains each tile."""
    tile = 360 / 2**16
    tiles = [(113 + x * tile, 34.5 + y * tile, 113 + (x + 1) * tile, 34.5 + (y + 1) * tile)
             for x in range(100) for y in range(40)]  # fmt: skip
    with transaction.atomic():
        for extent in tiles:
            audit.record_read(LI, "10401-003", extent, 18)
    extents = [one.detail["extent"] for one in AuditEntry.objects.filter(action="read")]

    assert 1 <= len(extents) <= 60
    assert all(any(w <= a and s <= b and e >= c and n >= d for w, s, e, n in extents) for a, b, c, d in tiles)
    assert AuditEntry.objects.filter(label=18, session="42").count() == len(extents)


def test_the_same_read_is_recorded_once_even_by_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        audit.record_read(LI, "10401-003", (113.01, 34.51, 113.02, 34.52), 18, "features")
        reads.forget()  # another process remembers nothing of this one
    assert AuditEntry.objects.count() == 1

    audit.record_read(LI, "10401-003", (113.01, 34.51, 113.02, 34.52), 18, "identify")
    audit.record_read(LI, "10401-003", None, 18, "features")
    audit.record_read(
        Principal("wang", "", 8, session_id=43), "10401-003", (113.01, 34.51, 113.02, 34.52), 18, "features"
    )
    assert AuditEntry.objects.count() == 4
    moment = reads.time.time()
    monkeypatch.setattr(reads.time, "time", lambda: moment + 60)
    audit.record_read(LI, "10401-003", (113.01, 34.51, 113.02, 34.52), 18, "features")
    assert AuditEntry.objects.count() == 5


def test_public_data_leaves_no_trace() -> None:
    audit.record_read(LI, "open", (113, 34, 114, 35), 0)

    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_read_that_cannot_be_recorded_is_refused() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE security_auditentry RENAME TO security_auditentry_away")
    try:
        with pytest.raises(reads.ReadNotRecorded) as refused:
            audit.record_read(LI, "10401-003", (113, 34, 113.1, 34.1), 18)
        assert refused.value.http_status == 503
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE security_auditentry_away RENAME TO security_auditentry")
    audit.record_read(LI, "10401-003", (113, 34, 113.1, 34.1), 18)
    assert AuditEntry.objects.count() == 1, "the failed attempt is not remembered as done"


@pytest.mark.django_db(transaction=True)
def test_a_read_in_a_transaction_that_fails_is_not_remembered() -> None:
    with pytest.raises(ValueError), transaction.atomic():
        audit.record_read(LI, "10401-003", None, 18)
        raise ValueError

    audit.record_read(LI, "10401-003", None, 18)

    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize(("extent", "expected"), [
    ((113.01, 34.51, 113.02, 34.52), (113.0, 34.5, 113.1, 34.6)),
    ((113.0, 34.5, 113.1, 34.6), (113.0, 34.5, 113.1, 34.6)),
    ((113.05, 34.51, 113.14, 34.52), (113.0, 34.5, 113.2, 34.6)),
    ((112.5, 34.0, 113.5, 34.9), (112.0, 34.0, 114.0, 35.0)),
    ((73.0, 3.0, 135.0, 54.0), (-180.0, -90.0, 180.0, 90.0)),
    ((-0.05, -0.05, 0.0, 0.0), (-0.1, -0.1, 0.0, 0.0)),
    (None, None),
])  # fmt: skip
def test_extents_are_widened_to_their_grid(extent: reads.Extent | None, expected: reads.Extent | None) -> None:
    assert reads.widened(extent) == expected


def test_entries_from_before_the_chain_are_taken_over() -> None:
    """What the older, unchained table held becomes records that say so and join the chain."""
    migration = importlib.import_module("kunyu.engines.security.migrations.0009_audit_chain")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE security_auditentry_before (id bigint, at timestamptz, actor text, action text, "
                       "object_kind text, object_id text, origin text, result text, detail jsonb)")  # fmt: skip
        cursor.execute("INSERT INTO security_auditentry_before VALUES (1, '2026-11-22 08:00:00.123456+08', 'li', 'deliver', "
                       "'delivery', '17', 'cli', 'done', '{\"file\": \"a.zip\"}')")  # fmt: skip
    migration.take_over(None, SimpleNamespace(connection=connection))
    made = AuditEntry.objects.get()

    assert (made.actor, made.action, made.object_id, made.origin) == ("li", "deliver", "17", "cli")
    assert made.detail == {"taken_over": True, "file": "a.zip"}
    assert json.loads(made.record)["time"] == "2026-11-22T08:00:00.123+08:00"
    assert AuditPending.objects.filter(entry_id=made.pk).exists()
    assert bytes(made.leaf) == chain.digest(made.record.encode())
