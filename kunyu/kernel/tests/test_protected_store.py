"""Objects encrypted at rest under the name of their plain content (R-070, T7, T10)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kunyu.kernel.crypto import encrypted_files
from kunyu.kernel.crypto.errors import FileDamaged, KeyDestroyed
from kunyu.kernel.crypto.keyring import KeyRing
from kunyu.kernel.crypto.keyring_state import KeyPurpose
from kunyu.kernel.crypto.roots import PassphraseRoot
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.errors import UnreadableInput
from kunyu.kernel.objects import SEALED_MAGIC, FolderStore, ObjectMissing, ObjectStore
from kunyu.kernel.objectstore import open_store
from kunyu.kernel.private_folder import private_folder, sweep
from kunyu.kernel.protected_store import ObjectSealed, ProtectedStore

KEY = "files/objects"
SECRET = "宗地一四七号的坐标".encode() * 40_000  # about a megabyte: more than one chunk


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    made = KeyRing.create(
        SoftwareProvider(), tmp_path / "ring.json", PassphraseRoot(b"a passphrase", 10_000), production=True
    )
    made.add_domain("files")
    made.add_key(KEY, KeyPurpose.FILE)
    return made


@pytest.fixture(params=["folder", "s3"])
def inner(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return open_store(tmp_path / "objects")
    return open_store(request.getfixturevalue("s3_address"))


@pytest.fixture
def store(inner: ObjectStore, ring: KeyRing, tmp_path: Path) -> ProtectedStore:
    return ProtectedStore(inner, lambda: ring, KEY, tmp_path / "plain")


@pytest.fixture
def folder_store(ring: KeyRing, tmp_path: Path) -> ProtectedStore:
    return ProtectedStore(FolderStore(tmp_path / "objects"), lambda: ring, KEY, tmp_path / "plain")


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "parcels.gpkg"
    file.write_bytes(SECRET)
    return file


def stored_bytes(store: ProtectedStore, sm3: str) -> bytes:
    with store.store.open(sm3) as file:
        return file.read()


def place(store: ProtectedStore, sm3: str) -> Path:
    assert isinstance(store.store, FolderStore)
    return store.store.path(sm3)


def test_magic_is_that_of_encrypted_files() -> None:
    assert SEALED_MAGIC == encrypted_files.MAGIC


def test_named_by_the_plain_content_and_unreadable_as_stored(store: ProtectedStore, secret_file: Path) -> None:
    reference = store.put_file(secret_file, protect=True)
    assert (reference.sm3, reference.size) == (sm3_hex(SECRET), len(SECRET))
    assert stored_bytes(store, reference.sm3)[:4] == b"KYF1"
    assert SECRET[:27] not in stored_bytes(store, reference.sm3)
    assert store.is_protected(reference.sm3) and store.exists(reference.sm3) and store.verify(reference.sm3)
    with store.open(reference.sm3) as content:
        assert content.read() == SECRET
        content.seek(100_000)
        assert content.read(9) == SECRET[100_000:100_009]


def test_plain_objects_stay_plain_and_need_no_ring(inner: ObjectStore, tmp_path: Path) -> None:
    def no_ring() -> KeyRing:
        raise AssertionError("a plain object needs no key")

    store = ProtectedStore(inner, no_ring, KEY, tmp_path / "plain")
    reference = store.put_bytes(b"open data")
    assert stored_bytes(store, reference.sm3) == b"open data"
    assert store.verify(reference.sm3) and store.path(reference.sm3).read_bytes() == b"open data"
    with store.at_path(reference.sm3) as path:
        assert path.read_bytes() == b"open data"


def test_content_that_arrives_again_protected_is_encrypted(store: ProtectedStore, secret_file: Path) -> None:
    plain = store.put_file(secret_file)
    assert stored_bytes(store, plain.sm3) == SECRET
    assert store.put_file(secret_file, protect=True) == plain
    assert store.is_protected(plain.sm3) and SECRET[:27] not in stored_bytes(store, plain.sm3)
    assert store.verify(plain.sm3)


def test_never_back_to_plain(store: ProtectedStore, secret_file: Path) -> None:
    reference = store.put_file(secret_file, protect=True)
    assert store.put_file(secret_file) == reference
    assert store.put_bytes(SECRET) == reference
    assert store.store.put_file(secret_file) == reference  # not even by the store inside
    assert store.is_protected(reference.sm3) and store.verify(reference.sm3)


def test_protect_in_place(store: ProtectedStore) -> None:
    reference = store.put_bytes(SECRET)
    assert store.protect(reference.sm3) is True
    assert store.protect(reference.sm3) is False
    assert store.is_protected(reference.sm3) and store.verify(reference.sm3)
    with pytest.raises(ObjectMissing):
        store.protect("0" * 64)


def test_protect_refuses_what_is_damaged(folder_store: ProtectedStore) -> None:
    reference = folder_store.put_bytes(SECRET)
    file = place(folder_store, reference.sm3)
    file.chmod(0o600)
    file.write_bytes(SECRET[:-1] + b"!")
    with pytest.raises(FileDamaged):
        folder_store.protect(reference.sm3)
    assert file.read_bytes() == SECRET[:-1] + b"!"


def test_plain_content_that_looks_encrypted_comes_back_as_it_was(store: ProtectedStore, tmp_path: Path) -> None:
    foreign = b"KYF1 is how this file of somebody else begins"
    (tmp_path / "foreign").write_bytes(foreign)
    for reference in (store.put_bytes(foreign), store.put_file(tmp_path / "foreign")):
        with store.open(reference.sm3) as content:
            assert content.read() == foreign
        assert store.verify(reference.sm3)


def test_a_changed_byte_anywhere_is_found(folder_store: ProtectedStore, secret_file: Path) -> None:
    """T7: the stored file was altered; verification and reading both say so, plain or encrypted."""
    protected = folder_store.put_file(secret_file, protect=True)
    plain = folder_store.put_bytes(b"open data " * 100)
    for reference in (protected, plain):
        file = place(folder_store, reference.sm3)
        file.chmod(0o600)
        content = file.read_bytes()
        assert folder_store.verify(reference.sm3)
        for position in (0, 5, 200, len(content) // 2, len(content) - 1):
            file.write_bytes(content[:position] + bytes((content[position] ^ 1,)) + content[position + 1 :])
            assert not folder_store.verify(reference.sm3), position
        file.write_bytes(content[:-1])
        assert not folder_store.verify(reference.sm3)
        file.write_bytes(content)
        assert folder_store.verify(reference.sm3)


def test_encrypted_object_does_not_open_under_another_name(folder_store: ProtectedStore) -> None:
    one, two = (folder_store.put_bytes(SECRET + letter, protect=True) for letter in (b"1", b"2"))
    file = place(folder_store, two.sm3)
    file.chmod(0o600)
    file.write_bytes(place(folder_store, one.sm3).read_bytes())
    assert not folder_store.verify(two.sm3)
    with pytest.raises(FileDamaged):
        folder_store.open(two.sm3)


def test_rotation_keeps_old_objects_readable_and_renew_moves_them(store: ProtectedStore, ring: KeyRing) -> None:
    """T8 for files."""
    old = store.put_bytes(SECRET, protect=True)
    ring.rotate_key(KEY)
    new = store.put_bytes(SECRET + b"new", protect=True)
    assert store.verify(old.sm3) and store.verify(new.sm3)
    assert [store.renew(one.sm3) for one in (old, new)] == [True, False]
    assert store.renew(old.sm3) is False
    ring.destroy_version(KEY, 1)
    assert store.verify(old.sm3) and store.verify(new.sm3)


def test_destroyed_key_is_said_and_not_called_damage(store: ProtectedStore, ring: KeyRing) -> None:
    old = store.put_bytes(SECRET, protect=True)
    ring.rotate_key(KEY)
    ring.destroy_version(KEY, 1)
    with pytest.raises(KeyDestroyed):
        store.verify(old.sm3)


def test_names_lists_every_object(store: ProtectedStore) -> None:
    wanted = sorted([store.put_bytes(b"a").sm3, store.put_bytes(b"b", protect=True).sm3])
    assert list(store.names()) == wanted


def test_reader_goes_on_while_the_object_is_renewed(folder_store: ProtectedStore, ring: KeyRing) -> None:
    reference = folder_store.put_bytes(SECRET, protect=True)
    with folder_store.open(reference.sm3) as content:
        half = content.read(len(SECRET) // 2)
        ring.rotate_key(KEY)
        assert folder_store.renew(reference.sm3)
        assert half + content.read() == SECRET


# --- plain copies ---
def test_plain_copy_is_private_named_as_wanted_and_gone(store: ProtectedStore, tmp_path: Path) -> None:
    """T10."""
    reference = store.put_bytes(SECRET, protect=True)
    with store.at_path(reference.sm3, "parcels.gpkg") as path:
        assert path.read_bytes() == SECRET and path.name == "parcels.gpkg"
        assert path.parent.stat().st_mode & 0o777 == 0o700 == (tmp_path / "plain").stat().st_mode & 0o777
        assert path.stat().st_mode & 0o077 == 0
    assert not path.exists()
    with pytest.raises(ZeroDivisionError), store.at_path(reference.sm3) as path:
        _ = path.stat().st_size / 0
    assert not path.exists() and list((tmp_path / "plain").iterdir()) == []


def test_plain_copy_of_a_damaged_object_is_never_given(folder_store: ProtectedStore, tmp_path: Path) -> None:
    reference = folder_store.put_bytes(SECRET, protect=True)
    file = place(folder_store, reference.sm3)
    file.chmod(0o600)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(FileDamaged), folder_store.at_path(reference.sm3):
        raise AssertionError("damaged content was given out")
    assert list((tmp_path / "plain").iterdir()) == []


def test_an_encrypted_object_has_no_path(store: ProtectedStore) -> None:
    reference = store.put_bytes(SECRET, protect=True)
    with pytest.raises(ObjectSealed, match="at_path"):
        store.path(reference.sm3)


def test_what_a_killed_process_left_is_swept_and_what_lives_is_kept(tmp_path: Path) -> None:
    """T10: after kill -9 the plain copy is still there, and the sweep at the next start removes it."""
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom kunyu.kernel.private_folder import private_folder\n"
        "with private_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'plain').write_text('身份证号')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = tmp_path / "plain"
    done = subprocess.run([sys.executable, "-c", script, str(root)], check=False)
    assert done.returncode == -9 and len(list(root.rglob("plain"))) == 1
    with private_folder(root) as living:
        (living / "mine").write_text("in use")
        (root / "stray").write_text("left")
        assert sweep(root) == 2
        assert (living / "mine").exists() and not list(root.rglob("plain"))
    assert list(root.iterdir()) == []


def test_sweeping_never_takes_what_is_just_being_made(tmp_path: Path) -> None:
    root, stop, lost = tmp_path / "plain", threading.Event(), []

    def work() -> None:
        for _ in range(200):
            with private_folder(root) as folder:
                (folder / "x").write_text("x")
                if not (folder / "x").exists():
                    lost.append(folder)

    def clean() -> None:
        while not stop.is_set():
            sweep(root)

    cleaner = threading.Thread(target=clean)
    workers = [threading.Thread(target=work) for _ in range(2)]
    for thread in (cleaner, *workers):
        thread.start()
    for thread in workers:
        thread.join()
    stop.set()
    cleaner.join()
    assert lost == [] and list(root.iterdir()) == []


def test_nothing_plain_stays_on_disk(folder_store: ProtectedStore, secret_file: Path, tmp_path: Path) -> None:
    """T10: after storing, reading, a failed store and a renewal, the text is nowhere but in the file handed in."""
    reference = folder_store.put_file(secret_file, protect=True)
    with folder_store.at_path(reference.sm3), folder_store.open(reference.sm3) as content:
        content.read()
    needle = "宗地一四七号".encode()
    holders = [f for f in tmp_path.rglob("*") if f.is_file() and needle in f.read_bytes()]
    assert holders == [secret_file]


# --- failures while storing ---
def test_missing_file_is_the_callers_mistake(store: ProtectedStore, tmp_path: Path) -> None:
    for protect in (False, True):
        with pytest.raises(UnreadableInput):
            store.put_file(tmp_path / "nowhere", protect=protect)


def test_plain_and_protected_arrive_together_and_protected_wins(folder_store: ProtectedStore) -> None:
    content = os.urandom(300_000)

    def put(protect: bool) -> None:
        for _ in range(10):
            folder_store.put_bytes(content, protect=protect)

    threads = [threading.Thread(target=put, args=(protect,)) for protect in (False, True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert folder_store.is_protected(sm3_hex(content)) and folder_store.verify(sm3_hex(content))
