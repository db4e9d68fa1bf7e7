"""The commands as programs outside use them: one JSON document, exit codes of contract.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from kunyu.engines.ingest.models import Delivery
from kunyu.engines.ingest.tests.delivered_files import OPEN_STANDARD, SURVEY, Cover, write_cover
from kunyu.engines.security.models import AuditEntry


def kunyu(*arguments: object, token: str = "") -> tuple[int, Any, str]:
    """Run the command on the test database; answer with exit code, the JSON on stdout and stderr."""
    from kunyu.project.runtime.shared_test_cluster import SharedTestCluster

    address = SharedTestCluster(Path(settings.ROOT)).cluster.addresses(connection.settings_dict["NAME"])["database_url"]
    done = subprocess.run(
        [sys.executable, "-m", "kunyu", *map(str, arguments), "--json"], cwd=settings.ROOT, capture_output=True, text=True,
        env={**os.environ, "DATABASE_URL": address, "KUNYU_TOKEN": token}, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout), done.stderr


def test_deliver_publish_and_list(node: None, tmp_path: Path) -> None:
    path = write_cover(tmp_path / "a.gpkg")
    code, answer, _ = kunyu("deliver", path, "--dataset", "10302-901@990101", "--division", "990101",
                            "--valid-from", "2024-12-31", "--wait")  # fmt: skip
    # general rules say what foreign data lack: findings of severity S, so exit code 1, but no law returns them
    assert (code, answer["status"]) == (1, "accepted") and answer["summary"]["S"] > 0
    assert set(answer) == {"id", "status", "datasets", "summary"}
    code, answer, _ = kunyu("publish", answer["id"])
    assert (code, answer["status"]) == (0, "published")
    assert answer["datasets"] == [{"code": "10302-901@990101", "layer": "LANDCOVER", "version": 1}]
    code, listed, _ = kunyu("deliveries", "--status", "published")
    assert code == 0 and [one["id"] for one in listed["deliveries"]] == [answer["id"]]
    assert AuditEntry.objects.get(action="delivery-published").actor == "operator"
    code, problem, told = kunyu("publish", answer["id"])
    assert (code, problem["code"]) == (4, "delivery.wrong_status") and "已发布" in told


def test_clean_survey_exits_with_zero(node: None, sample: Path) -> None:
    code, answer, _ = kunyu("deliver", sample / "county.gpkg", "--standard", SURVEY, "--division", "990101", "--wait")
    assert (code, answer["status"], answer["summary"]["S"]) == (0, "accepted", 0)


def test_without_wait_the_delivery_is_queued(node: None, tmp_path: Path) -> None:
    path = write_cover(tmp_path / "a.gpkg")
    code, answer, _ = kunyu("deliver", path, "--standard", OPEN_STANDARD, "--division", "990101")
    assert (code, answer["status"]) == (0, "received")
    code, answer, _ = kunyu("reject", answer["id"], "--why", "试验")
    assert (code, answer["status"]) == (0, "rejected")


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        (["--standard", "NO-SUCH", "--division", "990101"], 2, "standard_unknown"),
        (["--standard", OPEN_STANDARD, "--division", "99"], 2, "usage"),
        (["--dataset", "99999-001", "--division", "990101"], 4, "dataset_without_schema"),
        (["--standard", OPEN_STANDARD, "--division", "990101", "--mapping", "nobody"], 2, "delivery.unknown_target"),
        (["--standard", OPEN_STANDARD, "--division", "990101", "--valid-from", "31.12.2024"], 2, "usage"),
    ],
)
def test_wrong_usage_and_refusals(node: None, tmp_path: Path, arguments: list[str], code: int, name: str) -> None:
    found, problem, _ = kunyu("deliver", write_cover(tmp_path / "a.gpkg", Cover(rows=3)), *arguments)
    assert (found, problem["code"]) == (code, name) and Delivery.objects.count() == 0


def test_unreadable_input_exits_with_three(node: None, tmp_path: Path) -> None:
    path = tmp_path / "broken.gpkg"
    path.write_bytes(b"SQLite format 3\x00 and then nothing")
    code, problem, told = kunyu("deliver", path, "--standard", OPEN_STANDARD, "--division", "990101", "--wait")
    assert code == 3 and problem["detail_zh"] and problem["detail_en"] and "broken.gpkg" in told
    assert Delivery.objects.get().status == "failed"
