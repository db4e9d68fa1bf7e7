"""Tampering in the database itself is found and the record named; the export of a node verifies offline.

R-135; security facts §9 T6. The attacker here is the owner of the tables, who can take triggers away.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from kunyu.engines.security import audit, keys
from kunyu.engines.security.audit import acts, sealing
from kunyu.engines.security.audit.export import NothingInPeriod, export_to
from kunyu.engines.security.audit.findings import Verdict
from kunyu.engines.security.audit.own_log import verify_own_log
from kunyu.engines.security.audit.state import seal_state
from kunyu.engines.security.audit.tests.tampering import LI, attack, ten_acts
from kunyu.engines.security.audit.verify import verify_file
from kunyu.engines.security.errors import NotVisible, SignInNeeded
from kunyu.engines.security.models import AuditEntry, AuditPending, AuditSeal
from kunyu.engines.security.scope import ANONYMOUS, Principal, operator

pytestmark = pytest.mark.django_db


@pytest.fixture
def ten() -> None:
    ten_acts()


def codes(verdict: Verdict) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for one in verdict.findings:
        found.setdefault(one.code, []).append((one.first, one.last))
    return found


THIRD = "(SELECT entry_id FROM security_auditseal WHERE seq = 3)"


def test_an_untouched_log_is_clean(ten: None) -> None:
    verdict = verify_own_log()

    assert verdict.clean, verdict.findings
    assert (verdict.first, verdict.last, verdict.entries, verdict.checkpoints) == (1, 10, 10, 2)
    assert verdict.signer_pinned


@pytest.mark.parametrize(("statement", "expected"), [
    (f"UPDATE security_auditentry SET record = replace(record, 'li', 'wang') WHERE id = {THIRD}",
     {"altered": [(3, 3)], "columns": [(3, 3)]}),
    (f"UPDATE security_auditentry SET actor = 'wang' WHERE id = {THIRD}", {"columns": [(3, 3)]}),
    (f"UPDATE security_auditentry SET detail = '{{}}' WHERE id = {THIRD}", {"columns": [(3, 3)]}),
    (f"UPDATE security_auditentry SET at = at + interval '1 ms' WHERE id = {THIRD}", {"columns": [(3, 3)]}),
    (f"DELETE FROM security_auditentry WHERE id = {THIRD}", {"missing": [(3, 3)]}),
    ("UPDATE security_auditseal SET link = sha256(link) WHERE seq = 3", {"link": [(2, 3)]}),
    ("UPDATE security_auditseal SET leaf = sha256(leaf) WHERE seq = 3", {"leaf": [(3, 3)]}),
    ("DELETE FROM security_auditseal WHERE seq = 3", {"missing": [(3, 3)], "unsealed": [(0, 0)]}),
    ("UPDATE security_auditcheckpoint SET signature = sha256(signature) WHERE number = 1",
     {"checkpoint-signature": [(5, 5)]}),
    ("DELETE FROM security_auditcheckpoint WHERE number = 1", {"checkpoint-gap": [(10, 10)]}),
])  # fmt: skip
def test_a_changed_row_is_named(ten: None, statement: str, expected: dict[str, list[tuple[int, int]]]) -> None:
    attack(statement)

    assert codes(verify_own_log()) == expected


def test_two_swapped_rows_are_named(ten: None) -> None:
    attack("UPDATE security_auditseal SET entry_id = -entry_id WHERE seq IN (3, 7)",
           "UPDATE security_auditseal s SET entry_id = -o.entry_id FROM security_auditseal o "
           "WHERE s.seq + o.seq = 10 AND s.seq IN (3, 7)")  # fmt: skip

    assert codes(verify_own_log())["altered"] == [(3, 3), (7, 7)]


def test_a_cut_tail_shows_by_the_checkpoint_it_leaves_and_else_by_an_anchor(ten: None, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.jsonl"
    whole = tmp_path / "whole.jsonl"
    export_to(whole)
    anchor.write_bytes(b"".join(line for line in whole.read_bytes().splitlines(True) if line.startswith(b'{"check')))
    attack("DELETE FROM security_auditentry WHERE id IN (SELECT entry_id FROM security_auditseal WHERE seq > 7)",
           "DELETE FROM security_auditseal WHERE seq > 7")  # fmt: skip
    with_checkpoint = verify_own_log()
    audit.record(LI, "an act", "after", "the cut")
    with pytest.raises(sealing.ChainBroken):
        sealing.make_checkpoint(keys.node_signer().node_id, keys.node_signer())
    assert not seal_state().healthy
    attack("DELETE FROM security_auditcheckpoint WHERE number = 2")
    sealed_anew = verify_own_log()

    assert (8, 10) in codes(with_checkpoint)["missing"]
    assert sealed_anew.clean and any("尾部" in zh for zh, _ in sealed_anew.notes)
    assert codes(verify_own_log(anchor)) == {"cut": [(9, 10)]}


def test_an_entry_kept_out_of_the_chain_or_removed_before_it_is_found(ten: None) -> None:
    for _ in range(2):
        audit.record(LI, "x", "y", "z")
    hidden, removed = AuditPending.objects.order_by("entry_id")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM security_auditpending WHERE entry_id = %s", [hidden.entry_id])
    attack(f"DELETE FROM security_auditentry WHERE id = {removed.entry_id}")

    found = {one.code: one.message_en for one in verify_own_log().findings}

    assert str(hidden.entry_id) in found["unsealed"] and str(removed.entry_id) in found["missing"]


def test_a_guard_taken_away_is_found(ten: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE security_auditseal DISABLE TRIGGER append_only_row")
        cursor.execute("DROP TRIGGER queue ON security_auditentry")

    verdict = verify_own_log()

    assert [one.code for one in verdict.findings] == ["trigger", "trigger"]
    assert seal_state().guards_missing == (("security_auditentry", "queue"), ("security_auditseal", "append_only_row"))
    assert not seal_state().healthy


def test_a_clock_that_runs_ahead_is_noted(ten: None) -> None:
    """T19: the log tells of clocks that disagree; it does not accuse."""
    attack("UPDATE security_auditseal SET sealed_at = sealed_at - interval '90 seconds' WHERE seq = 4")
    verdict = verify_own_log()

    assert verdict.clean and any("1 records carry a time later" in en for _, en in verdict.notes)


def test_a_period_is_exported_in_one_piece_of_the_chain(ten: None, tmp_path: Path) -> None:
    times = list(AuditEntry.objects.order_by("id").values_list("at", flat=True))
    path = tmp_path / "period.jsonl"

    done = export_to(path, times[3], times[6])
    verdict = verify_file(path, public_keys=[keys.node_signer().public_key])

    assert done.first <= 4 and done.last >= 7 and done.entries == done.last - done.first + 1
    assert verdict.clean and verdict.entries == done.entries
    with pytest.raises(NothingInPeriod):
        export_to(path, times[6] + timedelta(seconds=1), times[3])
    empty = export_to(path, datetime(2000, 1, 1, tzinfo=UTC), datetime(2000, 1, 2, tzinfo=UTC))
    assert empty.entries == 0 and verify_file(path).clean


def test_the_state_tells_what_waits(ten: None) -> None:
    assert seal_state().unsealed == 0
    audit.record(LI, "x", "y", "z")
    waiting = seal_state()

    assert (waiting.sealed, waiting.unsealed, waiting.checkpoint, waiting.checkpoint_seq) == (10, 1, 2, 10)
    assert 0 < waiting.oldest_s < 60 and waiting.healthy and not waiting.sealer_runs
    assert json.loads(json.dumps(waiting.document()))["unsealed"] == 1


def test_only_the_audit_administrator_and_the_owner_read_the_log(ten: None, tmp_path: Path) -> None:
    for stranger, refusal in (
        (ANONYMOUS, SignInNeeded), (LI, NotVisible), (Principal("sys", user_id=3, duty="system"), NotVisible),
        (Principal("sec", user_id=4, duty="security"), NotVisible), (Principal("operator", user_id=9), NotVisible),
    ):  # fmt: skip
        with pytest.raises(refusal):
            acts.export_for(stranger, tmp_path / "x")
        with pytest.raises(refusal):
            acts.verify_for(stranger)
    assert not (tmp_path / "x").exists() and AuditSeal.objects.count() == 10
    auditor = Principal("aud", user_id=5, duty="audit")

    done = acts.export_for(auditor, tmp_path / "x")
    assert acts.verify_for(auditor).clean and acts.verify_for(operator()).clean

    assert done.last == 11, "the export holds the entry that tells of it"
    assert list(AuditEntry.objects.filter(object_kind="audit").order_by("id").values_list("actor", "action", "result")) == [
        ("aud", "export-audit", "done"), ("aud", "verify-audit", "done"), ("operator", "verify-audit", "done"),
    ]  # fmt: skip


def test_verification_runs_without_django_and_without_a_database(ten: None, tmp_path: Path) -> None:
    """A machine that has the program and none of the node's libraries or state."""
    path, pem = tmp_path / "log.jsonl", tmp_path / "key.pem"
    export_to(path)
    pem.write_bytes(acts.public_keys_pem())
    code = (
        "import sys\nclass Blocked:\n  def find_spec(self, name, path=None, target=None):\n"
        "    if name.split('.')[0] in ('django', 'psycopg', 'ninja', 'procrastinate'): raise ImportError(name)\n"
        "sys.meta_path.insert(0, Blocked())\nfrom kunyu.project.cli.main import run\n"
        f"sys.exit(run(['audit', 'verify', {str(path)!r}, '--public-key', {str(pem)!r}, '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=60, env={"PATH": "/usr/bin:/bin"}, check=False
    )

    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout)["entries"] == 10
