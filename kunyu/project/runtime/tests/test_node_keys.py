"""A whole node and its keys: made at ``up``, rotated by command, backed up, restored, examined (R-070; T7–T10).

One node serves the whole module; the tests run in order. It has the counties of the country and one each of its 660,000
townships and villages, which a backup would carry to and fro; ``test_node`` starts with them all.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from kunyu.engines.reference.loading import CODE_FILES
from kunyu.engines.security import keys
from kunyu.engines.security.protection import store_of
from kunyu.kernel.protected_store import ProtectedStore
from kunyu.kernel.tests.ports import free_port
from kunyu.project.runtime.cluster import PrivateCluster
from kunyu.project.runtime.tests.test_node import Node

pytestmark = pytest.mark.xdist_group("node")
TEXT = "受控成果：坤舆县宗地坐标".encode() * 20_000
PHONE = "13812341234"


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    home = Path(tempfile.mkdtemp(prefix="ky-"))
    home.chmod(0o711)
    divisions = _few_divisions(home / "china-division")
    made = Node(home, free_port(), (("KUNYU_DIVISION_DATA", str(divisions)),))
    yield made
    made.kunyu("down")
    keys.forget()
    shutil.rmtree(home, ignore_errors=True)


def _few_divisions(package: Path) -> Path:
    """The package of the division codes with one township and one village; where its tables are."""
    whole = Path(settings.KUNYU_DIVISION_DATA)
    if not (whole / "villages.csv").is_file():
        return whole  # `up` says what is missing
    few = package / "dist"
    few.mkdir(parents=True)
    shutil.copy(whole.parent / "package.json", package)
    for name, _, digits in CODE_FILES:
        with (whole / name).open(encoding="utf-8") as file:
            (few / name).write_text("".join(islice(file, None if digits < 6 else 2)), encoding="utf-8")
    return few


@pytest.fixture
def up(node: Node) -> Node:
    node.up()
    return node


def store(node: Node) -> ProtectedStore:
    return store_of(node.home, str(node.home / "objects"))


def levels(node: Node) -> dict[str, dict[str, str]]:
    return {result["name_en"]: result for result in json.loads(node.kunyu("doctor", "--json").stdout)}


def python(node: Node, script: str) -> str:
    """Run a script in a process of the node's own kind."""
    begin = "from kunyu.project.runtime.django_setup import prepare_django; prepare_django()\n"
    done = subprocess.run(
        [sys.executable, "-c", begin + script], env=node.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


SET_PHONE = f"""
from kunyu.engines.security.models import User
user = User.objects.get(username="steward")
user.phone = "{PHONE}"
user.save()
"""
GET_PHONE = """
from kunyu.engines.security.models import User
from kunyu.engines.security.personal_data import matching
print(User.objects.get(username="steward").phone, User.objects.filter(matching(User, "phone", "13812341234")).count())
"""


def test_up_makes_the_keys_and_doctor_is_content(up: Node) -> None:
    found = levels(up)
    assert {found[name]["level"] for name in ("Key ring", "Key permissions", "Node certificate")} == {"ok"}
    assert "not a certified module" in found["Node certificate"]["en"]
    assert (up.home / "keys").stat().st_mode & 0o777 == 0o700


def test_keys_are_rotated_on_record_while_the_node_serves(up: Node) -> None:
    """T8 with the real commands."""
    python(up, SET_PHONE)
    kept = store(up).put_bytes(TEXT, protect=True)
    for name in ("personal/fields", "personal/index", "files/objects", "node/signing"):
        done = up.kunyu("keys", "rotate", name, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {"name": name, "version": 2}
    assert python(up, GET_PHONE) == f"{PHONE} 1" and store(up).verify(kept.sm3)
    renewed = up.kunyu("keys", "renew", "--json")
    assert renewed.returncode == 0, renewed.stderr
    assert json.loads(renewed.stdout)["rows"] >= 1 and json.loads(renewed.stdout)["files"] >= 1
    assert up.kunyu("keys", "rotate-root", "--json").returncode == 0
    assert up.get("/readyz") == 200
    assert python(up, GET_PHONE) == f"{PHONE} 1" and store(up).verify(kept.sm3)
    for name in ("personal/fields", "personal/index", "files/objects"):
        assert up.kunyu("keys", "destroy", name, "1").returncode == 0
    assert python(up, GET_PHONE) == f"{PHONE} 1" and store(up).verify(kept.sm3)
    with psycopg.connect(PrivateCluster(up.home).dsn(), autocommit=True) as connection:
        acts = connection.execute(
            "SELECT action, count(*) FROM security_auditentry WHERE object_kind = 'key' GROUP BY 1"
        ).fetchall()
        (phone,) = connection.execute("SELECT phone FROM security_user WHERE username = 'steward'").fetchone()
    assert dict(acts) == {
        "key-rotated": 3, "signing-key-rotated": 1, "signing-key-made": 1, "keys-renewed": 1, "key-root-rotated": 1,
        "key-destroyed": 3,
    }  # fmt: skip
    assert phone.startswith("kf1.2.") and PHONE not in phone
    listed = json.loads(up.kunyu("keys", "list", "--json").stdout)
    assert [v["status"] for v in next(k for k in listed["keys"] if k["name"] == "files/objects")["versions"]] == [
        "destroyed", "active"
    ]  # fmt: skip
    assert up.kunyu("keys", "certificate").stdout.count("BEGIN CERTIFICATE") == 2


def test_restored_on_a_clean_machine_old_encrypted_data_is_read(up: Node, node_home: Path) -> None:
    """T9: the backup holds the keys wrapped; object and field encrypted before open on the restored node."""
    kept = store(up).put_bytes(TEXT, protect=True)
    file = node_home / "node.tar"
    assert up.kunyu("backup", str(file)).returncode == 0
    with tarfile.open(file) as archive:
        assert {"keys/ring.json", "keys/node.json"} <= set(archive.getnames())
    assert TEXT[:36] not in file.read_bytes() and PHONE.encode() not in file.read_bytes()
    public = up.kunyu("keys", "certificate").stdout
    up.kunyu("down")
    other = Node(node_home / "state", up.port)
    restored = other.kunyu("restore", str(file), "--json")
    assert restored.returncode == 0, restored.stderr
    try:
        other.up()
        assert (other.home / "keys").stat().st_mode & 0o777 == 0o700
        assert store(other).is_protected(kept.sm3) and store(other).verify(kept.sm3)
        with store(other).open(kept.sm3) as content:
            assert content.read() == TEXT
        assert python(other, GET_PHONE) == f"{PHONE} 1"
        assert other.kunyu("keys", "certificate").stdout == public
        assert {levels(other)[name]["level"] for name in ("Key ring", "Node certificate", "Object store")} == {"ok"}
    finally:
        other.kunyu("down")
        keys.forget()


def test_doctor_names_an_altered_encrypted_object(up: Node) -> None:
    """T7."""
    kept = store(up).put_bytes(TEXT, protect=True)
    file = up.home / "objects" / kept.sm3[:2] / kept.sm3[2:4] / kept.sm3
    content = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(content[:-1] + bytes((content[-1] ^ 1,)))
    try:
        found = levels(up)["Object store"]
    finally:
        file.write_bytes(content)
    assert found["level"] == "problem" and kept.sm3 in found["en"]
    assert levels(up)["Object store"]["level"] == "ok"


def test_doctor_names_readable_keys_and_a_ring_that_does_not_open(up: Node) -> None:
    ring = up.home / "keys" / "ring.json"
    ring.chmod(0o644)
    try:
        found = levels(up)["Key permissions"]
    finally:
        ring.chmod(0o600)
    assert found["level"] == "problem" and f"chmod 600 {ring}" in found["en"]
    content = ring.read_bytes()
    ring.write_bytes(content.replace(b'"serial": ', b'"serial": 9'))
    try:
        assert levels(up)["Key ring"]["level"] == "problem"
    finally:
        ring.write_bytes(content)


def test_start_removes_plain_copies_that_a_crash_left(up: Node) -> None:
    """T10: what lay in plain when everything was killed is gone once the node runs again."""
    up.kunyu("down")
    left = [up.home / "plain" / "a1" / "parcels.gpkg", up.home / "quarantine" / "17" / "parcels.gpkg"]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(TEXT)
    up.up()
    assert not any(path.exists() for path in left)
    holders = [
        p for p in up.home.rglob("*") if p.is_file() and "postgres" not in p.parts and TEXT[:36] in p.read_bytes()
    ]
    assert holders == []


def test_production_refuses_a_demonstration_node_in_words(up: Node, tmp_path: Path) -> None:
    up.kunyu("down")
    refused = up.kunyu("up", "--json", KUNYU_PRODUCTION="1", KUNYU_SECRET_KEY="short", KUNYU_HOSTS="*", KUNYU_DEMO="1")
    assert refused.returncode == 4
    problem = json.loads(refused.stdout)
    assert problem["code"] == "runtime.production_refused" and problem["context"]["count"] == 4
    for word in ("KUNYU_SECRET_KEY", "KUNYU_HOSTS", "KUNYU_DEMO", "rotate-root"):
        assert word in problem["detail_zh"] and word in problem["detail_en"]
    assert up.left_running() == []


def test_from_demonstration_to_production(up: Node, tmp_path: Path) -> None:
    """The passphrase leaves secret.json by one command; the demonstration's accounts are the last thing refused."""
    file = tmp_path / "passphrase"
    file.write_text("kept by the operator alone\n")
    file.chmod(0o600)
    given = {"KUNYU_KEY_PASSPHRASE_FILE": str(file)}
    running = up.kunyu("keys", "rotate-root", "--json", **given)
    assert json.loads(running.stdout)["code"] == "runtime.node_running"
    up.kunyu("down")
    moved = up.kunyu("keys", "rotate-root", "--json", **given)
    assert moved.returncode == 0 and json.loads(moved.stdout) == {"source": "file"}, moved.stderr
    assert up.left_running() == []  # the database that was started for the record is stopped again
    assert "key_passphrase" not in json.loads((up.home / "secret.json").read_text())
    refused = up.kunyu("up", "--json", KUNYU_PRODUCTION="1", **given)
    assert json.loads(refused.stdout)["code"] == "runtime.production_refused" and "steward" in refused.stderr
    without = up.kunyu("up", "--json")
    assert without.returncode != 0 and up.left_running() == []  # nobody guesses the passphrase
