"""``kunyu audit`` answers with the codes of the contract, and the doctor says what is wrong with the seal. R-135."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings

from kunyu.engines.security.audit import acts
from kunyu.engines.security.audit.tests.tampering import attack, ten_acts
from kunyu.project.cli.main import run
from kunyu.project.runtime.doctor_audit import audit_results

pytestmark = pytest.mark.django_db


@pytest.fixture
def ten() -> None:
    ten_acts()


def test_the_commands_answer_with_the_codes_of_the_contract(
    ten: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, pem = tmp_path / "log.jsonl", tmp_path / "key.pem"
    pem.write_bytes(acts.public_keys_pem())
    assert run(["audit", "export", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == 11
    assert run(["audit", "verify", str(path), "--public-key", str(pem)]) == 0
    assert "完好" in capsys.readouterr().out
    assert run(["audit", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clean"] is True
    path.write_bytes(path.read_bytes().replace("李四".encode(), "王五".encode(), 1))
    assert run(["audit", "verify", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["first"] == 1
    assert run(["audit", "verify", str(pem)]) == 3
    assert run(["audit", "verify", str(path), "--anchor", str(tmp_path / "none")]) == 3
    assert run(["audit", "export", str(path), "--from", "yesterday"]) == 2
    assert run(["audit", "state", "--json"]) == 0


@pytest.mark.django_db(transaction=True)
def test_the_doctor_says_what_is_wrong_with_the_seal(
    ten: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert [one.level for one in audit_results(node_runs=False)] == ["ok", "warning"]
    monkeypatch.setattr(settings, "KUNYU_AUDIT_ANCHORS", f"file:{tmp_path}")
    assert [one.level for one in audit_results(node_runs=False)] == ["ok", "ok"]
    assert next(audit_results(node_runs=True)).level == "problem", "no sealer runs"
    attack("UPDATE security_auditseal SET link = sha256(link) WHERE seq = 10")
    assert "does not hold what was signed" in next(audit_results(node_runs=False)).en
