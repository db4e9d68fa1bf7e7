"""The node's keys: made once, opened by every process, refused in production when badly kept (R-070, R-071, T8)."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from kunyu.engines.security import key_passphrase, keys, node_identity
from kunyu.engines.security.key_errors import (
    KeyPassphraseExposed,
    KeyPassphraseMissing,
    KeyRingMissing,
    NodeIdentityUnreadable,
)
from kunyu.kernel.crypto.errors import DecryptionFailed, PlainKeyRefused
from kunyu.kernel.crypto.keyring import KeyRing
from kunyu.kernel.crypto.roots import PlainRoot
from kunyu.kernel.crypto.software import SoftwareProvider

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("KUNYU_KEY_PASSPHRASE", "KUNYU_KEY_PASSPHRASE_FILE", "KUNYU_PRODUCTION", "KUNYU_NODE_NAME"):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path
    keys.forget()


def given(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str = PASSPHRASE, mode: int = 0o600) -> Path:
    file = folder / "passphrase"
    file.write_text(text + "\n", "utf-8")
    file.chmod(mode)
    monkeypatch.setenv("KUNYU_KEY_PASSPHRASE_FILE", str(file))
    return file


def test_signer_signs_and_others_verify_with_the_certificate_alone(home: Path) -> None:
    signer = keys.node_signer(home)
    signature = signer.sign("审计".encode())
    other = SoftwareProvider()
    assert other.verify(signer.certificate.public_key, "审计".encode(), signature)
    assert not other.verify(signer.certificate.public_key, b"another", signature)
    assert signer.node_id in signer.certificate.subject
    assert other.verify(signer.public_key, signer.certificate.signed_bytes, signer.certificate.signature)


def test_identity_stays_the_same_for_the_next_process(home: Path) -> None:
    first = keys.node_signer(home)
    public, node_id = first.public_key, first.node_id
    keys.forget()
    again = keys.node_signer(home)
    assert (again.public_key, again.node_id) == (public, node_id)


def test_nothing_on_disk_is_a_plain_private_key(home: Path) -> None:
    signer = keys.node_signer(home)
    held = (home / "keys" / "node.json").read_text()
    assert "BEGIN ENCRYPTED PRIVATE KEY" in held
    private = bytes(signer._provider.private_bytes(signer._key))
    scalar = private[7:39]  # SEC 1: SEQUENCE, version, OCTET STRING of 32 bytes
    for file in home.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert scalar not in content and scalar.hex().encode() not in content
    assert stat.S_IMODE((home / "keys").stat().st_mode) == 0o700
    for name in ("ring.json", "node.json"):
        assert stat.S_IMODE((home / "keys" / name).stat().st_mode) == 0o600


def test_many_threads_at_a_fresh_node_make_one_ring_and_one_identity(home: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(keys.node_signer(home).public_key)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1


def test_a_lost_ring_is_not_replaced_by_an_empty_one(home: Path) -> None:
    keys.node_ring(home)
    keys.forget()
    (home / "keys" / "ring.json").unlink()
    with pytest.raises(KeyRingMissing, match="备份"):
        keys.node_ring(home)
    with pytest.raises(KeyRingMissing):
        keys.make_keys(home, production=False)
    assert not (home / "keys" / "ring.json").exists()


def test_identity_of_another_ring_is_refused(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    keys.node_signer(home)
    keys.node_signer(other)
    keys.forget()
    (home / "keys" / "node.json").write_bytes((other / "keys" / "node.json").read_bytes())
    with pytest.raises(DecryptionFailed):
        keys.node_signer(home)


def test_key_and_certificate_must_belong_together(home: Path) -> None:
    ring = keys.node_ring(home)
    first = keys.node_signer(home).certificate.pem().decode()
    node_identity.rotate(ring, home / "keys")
    file = home / "keys" / "node.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "certificate": first}))
    with pytest.raises(NodeIdentityUnreadable, match="证书"):
        keys.node_signer(home)


def test_a_new_signing_key_is_used_at_the_next_call_and_the_old_certificate_is_kept(home: Path) -> None:
    old = keys.node_signer(home)
    signature = old.sign(b"sealed before")
    node_identity.rotate(keys.node_ring(home), home / "keys")
    new = keys.node_signer(home)
    assert new.public_key != old.public_key and new.node_id == old.node_id
    assert [one.public_key for one in new.former] == [old.public_key]
    assert SoftwareProvider().verify(new.former[0].public_key, b"sealed before", signature)


# --- production ---
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUNYU_PRODUCTION", "1")


def test_production_needs_a_passphrase_and_makes_nothing_without(home: Path) -> None:
    with pytest.raises(KeyPassphraseMissing, match="KUNYU_KEY_PASSPHRASE_FILE"):
        keys.make_keys(home, production=True)
    assert not (home / "keys").exists() and not (home / "secret.json").exists()


def test_production_runs_with_a_private_passphrase_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, home)
    production(monkeypatch)
    assert keys.make_keys(home, production=True) is True
    assert keys.make_keys(home, production=True) is False
    assert keys.node_signer(home).sign(b"x")
    assert key_passphrase.SECRET_NAME not in json.loads((home / "secret.json").read_text())
    assert PASSPHRASE not in (home / "secret.json").read_text()


def test_production_waits_for_up_to_make_the_ring(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, home)
    production(monkeypatch)
    with pytest.raises(KeyRingMissing, match="kunyu up"):
        keys.node_ring(home)
    assert not (home / "keys").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_production_refuses_a_passphrase_file_that_others_may_read(
    home: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    given(monkeypatch, home, mode=mode)
    with pytest.raises(KeyPassphraseExposed, match=f"{mode:04o}"):
        keys.make_keys(home, production=True)


def test_production_refuses_a_short_passphrase(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, home, "elevenchars")
    with pytest.raises(KeyPassphraseMissing, match="11"):
        keys.make_keys(home, production=True)
    given(monkeypatch, home, "twelve-chars")
    assert keys.make_keys(home, production=True)


def test_production_refuses_the_passphrase_of_a_demonstration_node(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.make_keys(home, production=False)
    given(monkeypatch, home)
    with pytest.raises(KeyPassphraseExposed, match="rotate-root"):
        keys.make_keys(home, production=True)


def test_production_refuses_a_plain_root_and_a_readable_ring(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, home)
    (home / "keys").mkdir()
    KeyRing.create(SoftwareProvider(), home / "keys" / "ring.json", PlainRoot(), production=False).close()
    with pytest.raises(PlainKeyRefused, match="明文"):
        keys.make_keys(home, production=True)
    (home / "keys" / "ring.json").unlink()
    keys.make_keys(home, production=True)
    (home / "keys" / "ring.json").chmod(0o640)
    with pytest.raises(PlainKeyRefused, match="0640"):
        keys.make_keys(home, production=True)


def test_wrong_passphrase_opens_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, home)
    keys.make_keys(home, production=True)
    given(monkeypatch, home, "another passphrase altogether")
    with pytest.raises(DecryptionFailed) as caught:
        keys.make_keys(home, production=True)
    assert "altogether" not in str(caught.value)
