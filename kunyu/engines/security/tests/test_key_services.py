"""Keys rotated while the node works, on record, resumable (R-070; T8)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from django.apps.registry import Apps
from django.db import connection, models

from kunyu.engines.security import key_renewal, key_services, keys, protection
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.key_errors import KeyInUse, KeyPassphraseMissing
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.personal_data import EncryptedText, EqualityIndex, matching
from kunyu.engines.security.scope import Principal, operator
from kunyu.kernel.crypto.errors import UnknownKey
from kunyu.kernel.crypto.software import SoftwareProvider

OPERATOR = operator("test")
TABLE = "test_key_services_person"


class Person(models.Model):
    personal_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    phone = EncryptedText()
    phone_index = EqualityIndex(of="phone")
    note = EncryptedText()

    class Meta:
        apps = Apps()  # of its own, so that no check of migrations sees it
        app_label = "security"
        db_table = TABLE


PROTECTED = [
    (Person, [Person._meta.get_field("phone"), Person._meta.get_field("note")], [Person._meta.get_field("phone_index")])
]


@pytest.fixture
def home(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch):
    for name in ("KUNYU_KEY_PASSPHRASE", "KUNYU_KEY_PASSPHRASE_FILE", "KUNYU_PRODUCTION"):
        monkeypatch.delenv(name, raising=False)
    settings.KUNYU_HOME = tmp_path
    settings.KUNYU_OBJECT_STORE = str(tmp_path / "objects")
    yield tmp_path
    keys.forget()


@pytest.fixture
def people(db: None, home: Path, monkeypatch: pytest.MonkeyPatch):
    with connection.schema_editor() as editor:
        editor.create_model(Person)
    monkeypatch.setattr(key_renewal, "protected_models", lambda: PROTECTED)
    return Person.objects


def raw(column: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {TABLE} WHERE {column} IS NOT NULL ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def quiet(what: str, done: int, total: int) -> None:
    return None


def audited(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action).latest("pk")


def test_rotation_keeps_old_data_readable_and_renew_moves_it(people) -> None:
    for number in range(5):
        people.create(phone=f"1380000000{number}", note="" if number else "n")
    store = protection.object_store()
    file = store.put_bytes(b"sensitive", protect=True)
    for name in (keys.PERSONAL_FIELDS, keys.PERSONAL_INDEX, keys.FILE_KEY, keys.NODE_SECRETS):
        keys.node_signer()
        assert key_services.rotate(name, OPERATOR) == 2
        assert audited("key-rotated").object_id == name
    assert [one.phone for one in people.order_by("id")] == [f"1380000000{n}" for n in range(5)]
    assert people.filter(matching(Person, "phone", "13800000003")).count() == 1
    people.create(phone="13900000000")
    assert {token.split(".")[1] for token in raw("phone")} == {"1", "2"}

    steps: list[tuple[str, int, int]] = []
    done = key_services.renew(OPERATOR, lambda *step: steps.append(step))

    assert (done.rows, done.files, done.signing_key, done.failed) == (5, 1, True, [])
    assert steps[0] == (TABLE, 5, 5) and ("objects", 1, 1) in steps
    assert {token.split(".")[1] for column in ("phone", "phone_index", "note") for token in raw(column)} == {"2"}
    for name in (keys.PERSONAL_FIELDS, keys.PERSONAL_INDEX, keys.FILE_KEY, keys.NODE_SECRETS):
        key_services.destroy(name, 1, OPERATOR)
    keys.forget()
    assert [one.phone for one in people.order_by("id")][:5] == [f"1380000000{n}" for n in range(5)]
    assert people.filter(matching(Person, "phone", "13800000003")).count() == 1
    assert store.verify(file.sm3) and keys.node_signer().sign(b"x")
    assert key_services.renew(OPERATOR, quiet).as_json() == {
        "rows": 0, "files": 0, "signing_key": False, "failed": 0, "failed_first": []
    }  # fmt: skip


def test_a_version_in_use_is_not_destroyed(people) -> None:
    people.create(phone="13800000000")
    protection.object_store().put_bytes(b"sensitive", protect=True)
    keys.node_signer()
    for name, place in (
        (keys.PERSONAL_FIELDS, f"{TABLE}.phone"),
        (keys.PERSONAL_INDEX, f"{TABLE}.phone_index"),
        (keys.FILE_KEY, "objects"),
        (keys.NODE_SECRETS, "keys/node.json"),
    ):
        key_services.rotate(name, OPERATOR)
        with pytest.raises(KeyInUse) as refused:
            key_services.destroy(name, 1, OPERATOR)
        assert refused.value.context["uses"] == {place: 1}
    assert not AuditEntry.objects.filter(action="key-destroyed").exists()
    assert people.get().phone == "13800000000"


def test_a_value_that_does_not_open_stops_nothing_and_is_named(people) -> None:
    one, two, three = (people.create(phone=f"1380000000{n}") for n in range(3))
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {TABLE} SET phone = %s WHERE id = %s", [raw("phone")[0], two.pk])
    key_services.rotate(keys.PERSONAL_FIELDS, OPERATOR)
    done = key_services.renew(OPERATOR, quiet)
    assert done.rows == 2 and done.failed == [f"{TABLE} {two.pk} (crypto.decryption_failed)"]
    assert audited("keys-renewed").result == "failed"
    assert [people.get(pk=p.pk).phone[-1] for p in (one, three)] == ["0", "2"]


def test_rotating_a_domain_touches_no_data(people) -> None:
    people.create(phone="13800000000")
    before = raw("phone")
    assert key_services.rotate_domain("personal", OPERATOR) == 2
    assert raw("phone") == before and people.get().phone == "13800000000"
    assert audited("key-domain-rotated").object_id == "personal"


def test_signing_key_is_rotated_and_old_signatures_stay_verifiable(db: None, home: Path) -> None:
    signature = keys.node_signer().sign(b"sealed")
    old = keys.node_signer().public_key
    assert key_services.rotate(key_services.SIGNING_KEY, OPERATOR) == 2
    signer = keys.node_signer()
    assert signer.public_key != old and signer.former[0].public_key == old
    assert SoftwareProvider().verify(signer.former[0].public_key, b"sealed", signature)
    assert audited("signing-key-made").detail["fingerprint"] == signer.certificate.fingerprint


def test_only_operator_or_security_administrator(db: None, home: Path) -> None:
    for actor in (Principal("viewer"), Principal("auditor", duty="audit"), Principal("sysadmin", duty="system")):
        for act in (
            lambda a: key_services.rotate(keys.FILE_KEY, a),
            lambda a: key_services.rotate_domain("files", a),
            key_services.rotate_root,
            lambda a: key_services.renew(a, quiet),
            lambda a: key_services.destroy(keys.FILE_KEY, 1, a),
        ):
            with pytest.raises(NotVisible):
                act(actor)
    assert keys.node_ring().usable_versions(keys.FILE_KEY) == (1,)
    assert key_services.rotate(keys.FILE_KEY, Principal("guard", duty="security")) == 2


def test_unknown_key_is_refused_without_a_record(db: None, home: Path) -> None:
    with pytest.raises(UnknownKey):
        key_services.rotate("files/nothing", OPERATOR)
    assert not AuditEntry.objects.filter(action="key-rotated", object_id="files/nothing").exists()


def test_description_holds_no_key(db: None, home: Path) -> None:
    key_services.rotate(keys.FILE_KEY, OPERATOR)
    keys.node_signer()
    text = json.dumps(key_services.described())
    state = json.loads((home / "keys" / "ring.json").read_text())
    wrapped = [v["wrapped"] for key in state["keys"].values() for v in key["versions"]]
    assert all(one not in text for one in (*wrapped, state["root_key"], state["mac"]))
    found = next(key for key in key_services.described()["keys"] if key["name"] == keys.FILE_KEY)
    assert [v["status"] for v in found["versions"]] == ["retired", "active"]


# --- the root ---
def test_root_of_a_demonstration_node(db: None, home: Path) -> None:
    token = keys.node_ring().state().root_key
    old = json.loads((home / "secret.json").read_text())["key_passphrase"]
    assert key_services.rotate_root(OPERATOR) == "secret.json"
    secret = json.loads((home / "secret.json").read_text())
    assert secret["key_passphrase"] != old and "key_passphrase_next" not in secret
    assert keys.node_ring().state().root_key != token  # this process followed without being told
    keys.forget()
    assert keys.node_ring().names()


def test_root_from_demonstration_to_production(db: None, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.make_keys(home, production=False)
    file = home / "passphrase"
    file.write_text("a passphrase of people\n")
    file.chmod(0o600)
    monkeypatch.setenv("KUNYU_KEY_PASSPHRASE_FILE", str(file))
    assert key_services.leaves_secret_file()
    assert key_services.rotate_root(OPERATOR) == "file"
    assert "key_passphrase" not in json.loads((home / "secret.json").read_text())
    keys.forget()
    keys.make_keys(home, production=True)
    assert not key_services.leaves_secret_file()


def test_root_needs_a_coming_passphrase(db: None, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "passphrase"
    file.write_text("a passphrase of people\n")
    file.chmod(0o600)
    monkeypatch.setenv("KUNYU_KEY_PASSPHRASE_FILE", str(file))
    keys.make_keys(home, production=True)
    before = (home / "keys" / "ring.json").read_bytes()
    with pytest.raises(KeyPassphraseMissing, match="第二行"):
        key_services.rotate_root(OPERATOR)
    assert (home / "keys" / "ring.json").read_bytes() == before
    file.write_text("a passphrase of people\nanother one, coming\n")
    assert key_services.rotate_root(OPERATOR) == "file"
    file.write_text("another one, coming\n")
    keys.forget()
    keys.make_keys(home, production=True)


# --- other processes ---
WORKER = """
import sys
from kunyu.engines.security import keys
from kunyu.kernel.crypto.fields import FieldCipher, Place
from pathlib import Path
home = Path(sys.argv[1])
cipher = FieldCipher(keys.node_ring(home), keys.PERSONAL_FIELDS)
place = Place("t", "c", "1")
print("ready", flush=True)
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "encrypt":
        print(cipher.encrypt(rest, place), flush=True)
    elif word == "decrypt":
        print(cipher.decrypt(rest, place), flush=True)
    elif word == "signer":
        print(keys.node_signer(home).certificate.fingerprint, flush=True)
"""


class Worker:
    """A process that runs on while keys are rotated by another."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._line() == "ready"

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(20) == 0


def test_running_processes_follow_every_rotation_without_restart(db: None, home: Path) -> None:
    """T8: two web workers, a third process rotates key, domain, root and signing key."""
    first_fingerprint = keys.node_signer().certificate.fingerprint
    one, two = Worker(home), Worker(home)
    old = one.ask("encrypt 张三")
    assert old.startswith("kf1.1.") and two.ask(f"decrypt {old}") == "张三"
    assert one.ask("signer") == first_fingerprint
    key_services.rotate(keys.PERSONAL_FIELDS, OPERATOR)
    new = one.ask("encrypt 李四")
    assert new.startswith("kf1.2.") and two.ask(f"decrypt {new}") == "李四" and two.ask(f"decrypt {old}") == "张三"
    key_services.rotate_domain("personal", OPERATOR)
    assert two.ask(f"decrypt {new}") == "李四" and one.ask(f"decrypt {old}") == "张三"
    key_services.rotate_root(OPERATOR)
    assert one.ask(f"decrypt {new}") == "李四" and two.ask("encrypt 王五").startswith("kf1.2.")
    key_services.rotate(key_services.SIGNING_KEY, OPERATOR)
    assert one.ask("signer") == two.ask("signer") == keys.node_signer().certificate.fingerprint != first_fingerprint
    for worker in (one, two):
        worker.end()


RENEWAL = """
import os, sys, time
from kunyu.project.runtime.django_setup import prepare_django
prepare_django()
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[2]
from kunyu.engines.security import key_renewal, keys
from kunyu.engines.security.tests.test_key_services import PROTECTED
key_renewal.BATCH = 20
def say(what, done, total):
    print(what, done, total, flush=True)
    if done == 60:
        time.sleep(600)  # until it is killed
key_renewal.renew_rows(keys.node_ring(), key_renewal.Renewed(), say, PROTECTED)
"""


@pytest.mark.django_db(transaction=True)
def test_renewal_killed_in_the_middle_is_taken_up_again(transactional_db: None, home: Path, monkeypatch) -> None:
    """kill -9 between batches: what was done stays, the next run does the rest and no value is lost."""
    with connection.schema_editor() as editor:
        editor.create_model(Person)
    try:
        Person.objects.bulk_create([Person(phone=f"138{n:08d}") for n in range(200)])
        key_services.keys.node_ring().rotate_key(keys.PERSONAL_FIELDS)
        process = subprocess.Popen(
            [sys.executable, "-c", RENEWAL, str(home), connection.settings_dict["NAME"]],
            env={**os.environ, "KUNYU_HOME": str(home)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert lines[2].split()[1:] == ["60", "200"]
        versions = [token.split(".")[1] for token in raw("phone")]
        assert versions.count("2") == 60
        done = key_renewal.Renewed()
        key_renewal.renew_rows(keys.node_ring(), done, quiet, PROTECTED)
        assert done.rows == versions.count("1") and not done.failed
        assert [one.phone for one in Person.objects.order_by("id")] == [f"138{n:08d}" for n in range(200)]
        assert {token.split(".")[1] for token in raw("phone")} == {"2"}
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Person)
