"""The object store: the same promises from a folder and from a real S3 server; crashes and full disks for the folder."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.errors import UnreadableInput, UsageError
from kunyu.kernel.objectstore import FolderStore, ObjectMissing, ObjectRef, StoreFull, StoreUnavailable, open_store

CONTENT = bytes(range(256)) * 20_000  # 5 MB: several pieces


@pytest.fixture(params=["folder", "s3"])
def store(request, tmp_path):
    if request.param == "folder":
        return open_store(tmp_path / "objects")
    return open_store(request.getfixturevalue("s3_address"))


def test_what_is_put_is_read_back(store, tmp_path):
    source = tmp_path / "交付.zip"
    source.write_bytes(CONTENT)

    reference = store.put_file(source)

    assert reference == ObjectRef(sm3_hex(CONTENT), len(CONTENT))
    assert store.exists(reference.sm3)
    assert store.verify(reference.sm3)
    assert store.path(reference.sm3).read_bytes() == CONTENT
    with store.open(reference.sm3) as file:
        file.seek(1000)
        assert file.read(10) == CONTENT[1000:1010]
        file.seek(0, io.SEEK_END)
        assert file.tell() == len(CONTENT)


def test_bytes_and_file_of_the_same_content_are_one_object(store, tmp_path):
    source = tmp_path / "a"
    source.write_bytes(b"abc")

    assert store.put_bytes(b"abc") == store.put_file(source)
    assert store.put_bytes(b"").size == 0
    assert store.verify(sm3_hex(b""))


def test_what_was_never_put_is_missing(store):
    absent = sm3_hex(b"never")

    assert not store.exists(absent)
    for act in (store.open, store.path, store.verify):
        with pytest.raises(ObjectMissing) as caught:
            act(absent)
        assert absent in caught.value.detail_zh


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "AB" * 32, "ab" * 31 + "/.", "g" * 64])
def test_only_digests_are_names(store, name):
    for act in (store.open, store.path, store.verify, store.exists):
        with pytest.raises(UsageError):
            act(name)


def test_an_unreadable_source_is_named(store, tmp_path):
    with pytest.raises(UnreadableInput) as caught:
        store.put_file(tmp_path / "absent.zip")

    assert "absent.zip" in caught.value.detail_en


def test_addresses_that_are_no_store():
    for address in ("http://example", "s3://", "s3://bucket?colour=red"):
        with pytest.raises(UsageError):
            open_store(address)


def test_s3_that_does_not_answer(monkeypatch):
    pytest.importorskip("obstore", reason="needs the extra s3")
    from kunyu.kernel import objectstore_s3

    monkeypatch.setattr(objectstore_s3, "_RETRY", {"max_retries": 0})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    with pytest.raises(StoreUnavailable):
        open_store("s3://bucket/x?endpoint=http://127.0.0.1:9").put_bytes(b"abc")


# -- folder only ---------------------------------------------------------------------------------------------------


def files_of(root):
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_a_damaged_object_shows_and_is_healed_by_putting_it_again(tmp_path):
    store = FolderStore(tmp_path)
    reference = store.put_bytes(CONTENT)
    place = store.path(reference.sm3)
    place.chmod(0o644)
    place.write_bytes(CONTENT[:-1] + b"x")

    assert not store.verify(reference.sm3)
    store.put_bytes(CONTENT)
    assert store.verify(reference.sm3)


def test_objects_are_read_only_and_nothing_else_stays(tmp_path):
    store = FolderStore(tmp_path)
    reference = store.put_bytes(b"abc")

    assert files_of(tmp_path) == [store.path(reference.sm3)]
    assert store.path(reference.sm3).stat().st_mode & 0o777 == 0o444


def test_many_writers_of_the_same_content(tmp_path):
    store = FolderStore(tmp_path)
    found, threads = [], []
    for _ in range(16):
        threads.append(threading.Thread(target=lambda: found.append(store.put_bytes(CONTENT))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 16 and len(set(found)) == 1
    assert files_of(tmp_path) == [store.path(found[0].sm3)]
    assert store.verify(found[0].sm3)


def run_python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_no_room_leaves_nothing_behind(tmp_path):
    """The operating system refuses the 1,000,001st byte of any file: the error a full disk or quota gives."""
    result = run_python(
        """
        import resource, signal, sys
        from kunyu.kernel.objectstore import FolderStore, StoreFull
        store = FolderStore(__import__("pathlib").Path(sys.argv[1]))
        kept = store.put_bytes(b"small")
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        try:
            store.put_bytes(b"x" * 5_000_000)
        except StoreFull as error:
            print(error.code, error.exit_code, kept.sm3)
        """,
        tmp_path,
    )

    code, exit_code, kept = result.stdout.split()
    assert (code, exit_code) == ("objectstore.full", "5")
    assert files_of(tmp_path) == [FolderStore(tmp_path).path(kept)]


def test_a_full_file_system_leaves_nothing_behind(tmp_path):
    """A real file system of 2 MB, where the machine lets us mount one."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        store = FolderStore(tmp_path)
        with pytest.raises(StoreFull) as caught:
            store.put_bytes(CONTENT)
        assert files_of(tmp_path) == []
        assert store.put_bytes(b"still works").size == 11
        assert str(tmp_path) in caught.value.detail_zh
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_kill_in_the_middle_leaves_no_object(tmp_path):
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent("""
            import sys, time
            from pathlib import Path
            from kunyu.kernel.objectstore import FolderStore
            def pieces():
                yield b"x" * 1_000_000
                print("half", flush=True)
                time.sleep(60)
            FolderStore(Path(sys.argv[1]))._put(pieces)
        """),
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
    )
    assert writer.stdout.readline() == b"half\n"
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()

    left = files_of(tmp_path)
    assert [path.parent.name for path in left] == [".tmp"]

    os.utime(left[0], (0, 0))
    FolderStore(tmp_path)
    assert files_of(tmp_path) == []


def test_a_write_under_way_is_not_swept(tmp_path):
    FolderStore(tmp_path)
    fresh = tmp_path / ".tmp" / "fresh"
    fresh.write_bytes(b"half")

    FolderStore(tmp_path)

    assert fresh.exists()


def test_a_root_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StoreUnavailable):
        FolderStore(tmp_path / "file")
