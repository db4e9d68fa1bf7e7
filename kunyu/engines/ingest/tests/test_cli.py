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
from kunyu.engines.security import label_services
from kunyu.engines.security.label_services import Proposal
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import AccessToken, AuditEntry, Grant, User
from kunyu.engines.security.scope import APPROVE, DOWNLOAD, EDIT, QUERY, SEE, Principal, operator
from kunyu.engines.security.services import issue_token


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


COVER = "10302-901@990101"


def _token(name: str, *actions: str, division: str = "", branch: str = "", ceiling: int = 2) -> str:
    user = User.objects.create_user(name, "a-long-password", name_zh=name)
    for action in actions:
        Grant.objects.create(
            user=user, action=action, division_prefix=division, branch=branch, max_secrecy=ceiling
        )  # fmt: skip
    return issue_token(user, "tests", operator("tests"))


def test_the_command_line_passes_the_same_gateway(node: None, tmp_path: Path) -> None:
    """R-022, R-360: with ``KUNYU_TOKEN`` the commands do what that person may, no more; a revoked token does nothing."""
    path = write_cover(tmp_path / "a.gpkg")
    mine = _token("mine", SEE, QUERY, DOWNLOAD, EDIT, APPROVE, division="990101", branch="103")
    far = _token("far", SEE, QUERY, DOWNLOAD, EDIT, APPROVE, division="990102", branch="103")
    looks = _token("looks", SEE, QUERY, branch="103")
    target = ("--dataset", COVER, "--division", "990101")

    for token, name in ((far, "not_allowed"), (looks, "not_allowed"), ("ky_nobody", "bad_token")):
        code, problem, _ = kunyu("deliver", path, *target, token=token)
        assert (code, problem["code"]) == (4, name)
    assert not Delivery.objects.exists()
    _, answer, _ = kunyu("deliver", path, *target, "--wait", token=mine)
    number = answer["id"]
    assert Delivery.objects.get(pk=number).created_by == "mine"
    for token, name in ((far, "delivery.unknown"), (looks, "not_allowed")):
        code, problem, _ = kunyu("publish", number, token=token)
        assert (code, problem["code"]) == (4, name)
    assert kunyu("publish", number, token=mine)[0] == 0
    assert AuditEntry.objects.get(action="delivery-published").actor == "mine"

    out = tmp_path / "out.csv"
    assert kunyu("catalogue", "export", COVER, "-o", out, token=mine)[1]["records"] == 60
    # opened data may be read by anybody, who else may download nothing more
    code, answer, _ = kunyu("catalogue", "list", token=looks)
    listed = {one["code"] for one in answer["datasets"]}
    assert COVER in listed and "10401-003" not in listed
    code, problem, _ = kunyu("catalogue", "show", "10401-003", token=looks)
    assert (code, problem["code"]) == (4, "not_found")
    code, problem, _ = kunyu("catalogue", "export", "10401-003", "-o", out, token=looks)
    assert (code, problem["code"]) == (4, "not_found")
    AccessToken.objects.all().delete()
    code, problem, _ = kunyu("catalogue", "export", COVER, "-o", out, token=mine)
    assert (code, problem["code"]) == (4, "bad_token")


def test_the_operator_too_is_bound_by_the_zone(node: None, tmp_path: Path) -> None:
    """R-142: nobody stands above the zone; the node's owner reads the reason and the remedy."""
    row = label_services.propose(
        Proposal(COVER, Label(3, 1, 2), "试", basis="第十八项"), operator("tests")
    )  # fmt: skip
    label_services.approve(row.pk, Principal("security", duty="security"))
    code, problem, told = kunyu(
        "deliver", write_cover(tmp_path / "a.gpkg"), "--dataset", COVER, "--division", "990101"
    )  # fmt: skip
    assert (code, problem["code"]) == (4, "not_in_this_zone") and "业务网" in told
    assert kunyu("catalogue", "export", COVER, "-o", tmp_path / "x.csv")[1]["code"] == "not_found"
