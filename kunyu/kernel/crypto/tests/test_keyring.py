"""The key hierarchy: rotation without downtime, destruction, attacks on the file (R-132; T8)."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading

import pytest

from kunyu.kernel.crypto.errors import (
    DecryptionFailed,
    KeyDestroyed,
    KeyRingDamaged,
    PlainKeyRefused,
    UnknownKey,
    WrongKey,
)
from kunyu.kernel.crypto.kdf import MINIMUM_ITERATIONS
from kunyu.kernel.crypto.keyring import KeyRing
from kunyu.kernel.crypto.keyring_state import KeyPurpose
from kunyu.kernel.crypto.provider import KeyKind
from kunyu.kernel.crypto.roots import DeviceRoot, PassphraseRoot, PlainRoot
from kunyu.kernel.crypto.software import SoftwareProvider

PARTY = "personal/party"
NONCE = bytes(12)


def seal(ring: KeyRing, version: int | None = None) -> tuple[int, bytes]:
    key = ring.active(PARTY) if version is None else ring.version(PARTY, version)
    return key.version, ring.provider.seal(key.handle, NONCE, b"text")


def reopened(ring: KeyRing, root: PassphraseRoot) -> KeyRing:
    return KeyRing.open(SoftwareProvider(), ring._path, root, production=True)


def document(ring: KeyRing) -> dict:
    return json.loads(ring._path.read_bytes())


def test_a_reopened_ring_has_the_same_keys(ring, root):
    assert seal(reopened(ring, root)) == seal(ring)
    assert reopened(ring, root).names() == ("personal/files", "personal/index", "personal/party")


def test_the_file_shows_no_key_and_only_its_owner_may_read_it(ring):
    handle = ring.active(PARTY).handle
    with ring.provider._secret(handle).reading() as content:
        plain = bytes(content)
    text = ring._path.read_bytes()

    for form in (plain, base64.b64encode(plain), plain.hex().encode()):
        assert form not in text
    assert b"correct horse" not in text
    assert ring._path.stat().st_mode & 0o777 == 0o600


def test_rotating_a_key_keeps_the_old_version_for_reading(ring, root):
    before = seal(ring)
    assert ring.rotate_key(PARTY) == 2
    after = seal(ring)

    assert (before[0], after[0]) == (1, 2)
    assert before[1] != after[1]
    assert seal(reopened(ring, root), version=1) == before
    assert ring.usable_versions(PARTY) == (2, 1)


def test_rotating_a_domain_wraps_keys_anew_and_touches_no_data(ring, root):
    ring.rotate_key(PARTY)
    texts = [seal(ring, 1), seal(ring, 2)]
    before = document(ring)
    assert ring.rotate_domain("personal") == 4
    after = document(ring)

    for name, key in after["keys"].items():
        for old, new in zip(before["keys"][name]["versions"], key["versions"], strict=True):
            assert (old["version"], old["status"]) == (new["version"], new["status"])
            assert (old["domain_version"], new["domain_version"]) == (1, 2)
            assert old["wrapped"] != new["wrapped"]
    assert [v["status"] for v in after["domains"]["personal"]] == ["destroyed", "active"]
    assert after["domains"]["personal"][0]["wrapped"] == ""
    fresh = reopened(ring, root)
    assert [seal(fresh, 1), seal(fresh, 2)] == texts


def test_rotating_the_root_needs_the_new_passphrase_from_then_on(ring, root):
    text, old = seal(ring), document(ring)
    new = PassphraseRoot(b"battery staple", MINIMUM_ITERATIONS)
    ring.rotate_root(new)

    assert seal(ring) == text
    assert seal(reopened(ring, new)) == text
    assert document(ring)["root_key"] != old["root_key"]
    with pytest.raises(DecryptionFailed):
        reopened(ring, root)
    ring.rotate_key(PARTY)
    assert seal(reopened(ring, new))[0] == 2


def test_a_running_process_follows_every_rotation(ring, root):
    """No restart: the other process holds the present and the coming passphrase."""
    new = PassphraseRoot(b"battery staple", MINIMUM_ITERATIONS)
    other = KeyRing.open(SoftwareProvider(), ring._path, root, new, production=True)
    text = seal(other)

    ring.rotate_key(PARTY)
    assert seal(other)[0] == 2
    ring.rotate_domain("personal")
    ring.rotate_root(new)
    assert seal(other, 1) == text
    other.rotate_key(PARTY)
    assert seal(ring)[0] == 3


def test_destroyed_versions_are_gone(ring, root):
    with pytest.raises(WrongKey, match="只有已停用的版本才能销毁"):
        ring.destroy_version(PARTY, 1)
    handle = ring.active(PARTY).handle
    other = reopened(ring, root)
    seal(other)
    ring.rotate_key(PARTY)
    ring.destroy_version(PARTY, 1)

    with pytest.raises(KeyDestroyed):
        ring.version(PARTY, 1)
    with pytest.raises(KeyDestroyed):
        other.version(PARTY, 1)
    with pytest.raises(WrongKey):
        ring.provider.seal(handle, NONCE, b"")
    assert document(ring)["keys"][PARTY]["versions"][0]["wrapped"] == ""
    with pytest.raises(WrongKey):
        ring.destroy_version(PARTY, 1)


def test_unknown_names_and_versions(ring):
    for act in (
        lambda: ring.active("personal/none"),
        lambda: ring.version(PARTY, 2),
        lambda: ring.version(PARTY, 0),
        lambda: ring.rotate_key("personal/none"),
        lambda: ring.rotate_domain("none"),
        lambda: ring.add_key("none/key", KeyPurpose.FIELD),
    ):
        with pytest.raises(UnknownKey):
            act()


def test_names_are_taken_once_and_nothing_is_written_on_refusal(ring):
    before = ring._path.read_bytes()
    for act in (
        lambda: ring.add_domain("personal"),
        lambda: ring.add_domain("a/b"),
        lambda: ring.add_domain(""),
        lambda: ring.add_key(PARTY, KeyPurpose.FIELD),
        lambda: ring.add_key("personal", KeyPurpose.FIELD),
    ):
        with pytest.raises(WrongKey):
            act()
    assert ring._path.read_bytes() == before


def test_wrong_passphrase(ring):
    with pytest.raises(DecryptionFailed):
        reopened(ring, PassphraseRoot(b"wrong"))


def test_production_refuses_plain_roots(provider, tmp_path):
    path = tmp_path / "plain.json"
    with pytest.raises(PlainKeyRefused):
        KeyRing.create(provider, path, PlainRoot(), production=True)
    assert not path.exists()

    laptop = KeyRing.create(provider, path, PlainRoot(), production=False)
    laptop.add_domain("personal")
    laptop.add_key(PARTY, KeyPurpose.FIELD)
    text = seal(laptop)
    assert seal(KeyRing.open(provider, path, PlainRoot(), production=False)) == text
    with pytest.raises(PlainKeyRefused) as refusal:
        KeyRing.open(provider, path, PlainRoot(), production=True)
    assert "rotate_root" in refusal.value.detail_zh

    root = PassphraseRoot(b"pw", MINIMUM_ITERATIONS)
    laptop.rotate_root(root)
    assert seal(KeyRing.open(provider, path, root, production=True)) == text


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_production_refuses_a_ring_others_may_read(ring, root):
    ring._path.chmod(0o640)
    with pytest.raises(PlainKeyRefused, match="0640"):
        reopened(ring, root)


def test_a_device_key_protects_the_root(provider, tmp_path):
    """A key that never leaves its provider, as in a device; another one does not open the ring."""
    path, device = tmp_path / "ring.json", provider.generate(KeyKind.SM4, "device")
    ring = KeyRing.create(provider, path, DeviceRoot(device, "slot 1"), production=True)
    ring.add_domain("personal")
    ring.add_key(PARTY, KeyPurpose.FIELD)

    assert document(ring)["root"] == {"protection": "device", "name": "slot 1"}
    assert seal(KeyRing.open(provider, path, DeviceRoot(device, "slot 1"), production=True)) == seal(ring)
    with pytest.raises(DecryptionFailed):
        KeyRing.open(provider, path, DeviceRoot(provider.generate(KeyKind.SM4), "slot 1"), production=True)
    with pytest.raises(DecryptionFailed):
        KeyRing.open(provider, path, PassphraseRoot(b"pw"), production=True)


def test_a_ring_is_never_overwritten(ring, root):
    with pytest.raises(WrongKey):
        KeyRing.create(ring.provider, ring._path, root, production=True)


def test_changes_by_someone_without_the_root_are_found(ring, root):
    """Every value of the file in turn: status, version, wrapped key, purpose, serial, mac..."""
    ring.rotate_key(PARTY)
    original = document(ring)
    places = list(leaves(original))
    assert len(places) == 36
    for place in places:
        changed = json.loads(json.dumps(original))
        holder = changed
        for step in place[:-1]:
            holder = holder[step]
        holder[place[-1]] = twisted(holder[place[-1]])
        ring._path.write_text(json.dumps(changed))
        with pytest.raises((KeyRingDamaged, DecryptionFailed)):
            reopened(ring, root)
    ring._path.write_text(json.dumps(original))
    assert seal(reopened(ring, root))[0] == 2


def leaves(value, path=()):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path


def twisted(value):
    if isinstance(value, int):
        return value + 1
    if value in ("active", "retired"):
        return {"active": "retired", "retired": "active"}[value]
    if value in ("field", "index", "file"):
        return {"field": "file", "file": "field", "index": "file"}[value]
    return value[:-5] + ("A" if value[-5] != "A" else "B") + value[-4:]


def test_two_wrapped_keys_cannot_change_places(ring, root):
    changed = document(ring)
    first, second = (changed["keys"][name]["versions"][0] for name in (PARTY, "personal/files"))
    first["wrapped"], second["wrapped"] = second["wrapped"], first["wrapped"]
    ring._path.write_text(json.dumps(changed))

    with pytest.raises(KeyRingDamaged):
        reopened(ring, root)


def test_a_running_process_refuses_an_older_file(ring):
    """A file put back from before a rotation is authentic, but a process that saw the newer one refuses it."""
    older = ring._path.read_bytes()
    ring.rotate_key(PARTY)
    seal(ring)
    ring._path.write_bytes(older)

    with pytest.raises(KeyRingDamaged, match="序号"):
        ring.active(PARTY)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": 2}', b"\xff"])
def test_unreadable_files(ring, root, content):
    ring._path.write_bytes(content)
    with pytest.raises(KeyRingDamaged):
        reopened(ring, root)


@pytest.mark.parametrize("iterations", [0, 1, 10**9, "many", None])
def test_an_attackers_iterations_are_refused_before_use(ring, root, iterations):
    changed = document(ring)
    changed["root"]["iterations"] = iterations
    ring._path.write_text(json.dumps(changed))

    with pytest.raises(KeyRingDamaged):
        reopened(ring, root)


def test_a_failed_write_changes_nothing(ring, monkeypatch):
    text, before = seal(ring), ring._path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for act in (lambda: ring.rotate_key(PARTY), lambda: ring.rotate_root(PassphraseRoot(b"new", MINIMUM_ITERATIONS))):
        with monkeypatch.context() as patch:
            patch.setattr("kunyu.kernel.crypto.keyring_state.os.replace", full)
            with pytest.raises(OSError):
                act()
        assert ring._path.read_bytes() == before
        assert seal(ring) == text
        assert not [name for name in os.listdir(ring._path.parent) if name.startswith(".ring")]
    ring.rotate_key(PARTY)
    assert seal(ring)[0] == 2


def test_closing_zeroises(ring):
    key = ring.active(PARTY)
    ring.close()

    with pytest.raises(WrongKey):
        ring.provider.seal(key.handle, NONCE, b"")
    with pytest.raises(WrongKey):
        ring.active(PARTY)


def test_reading_while_rotating_in_threads(ring):
    """Eight readers never fail while one thread rotates key and domain."""
    stop, faults = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                key = ring.active(PARTY)
                sealed = ring.provider.seal(key.handle, NONCE, b"x")
                assert ring.provider.unseal(ring.version(PARTY, key.version).handle, NONCE, sealed) == b"x"
            except Exception as fault:
                faults.append(fault)
                return

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for _ in range(10):
        ring.rotate_key(PARTY)
        ring.rotate_domain("personal")
    stop.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert ring.active(PARTY).version == 11


ROTATE = """
import sys
from pathlib import Path
from kunyu.kernel.crypto.keyring import KeyRing
from kunyu.kernel.crypto.roots import PassphraseRoot
from kunyu.kernel.crypto.software import SoftwareProvider
ring = KeyRing.open(SoftwareProvider(), Path(sys.argv[1]), PassphraseRoot(b"correct horse"), production=True)
for _ in range(20):
    ring.rotate_key("personal/party")
"""


@pytest.mark.skipif(os.name != "posix", reason="locks between processes are POSIX")
def test_processes_that_rotate_at_once_lose_nothing(ring, root):
    command = [sys.executable, "-c", ROTATE, str(ring._path)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    for process in running:
        assert process.wait(120) == 0, process.stderr.read()
        process.stderr.close()

    assert ring.active(PARTY).version == 61
    assert reopened(ring, root).usable_versions(PARTY) == tuple(range(61, 0, -1))
