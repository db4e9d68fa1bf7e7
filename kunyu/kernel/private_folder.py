"""Folders for plain text that must not stay: closed to others, removed at the end, swept after a crash. 临时明文.

A folder is held by a lock on a file inside it. The system frees the lock however its process ends, so `sweep` removes
exactly what nobody uses any more. Removing a file does not wipe the disk's blocks: that needs an encrypted disk.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLD = ".held"


@contextmanager
def private_folder(root: Path, name: str | None = None) -> Iterator[Path]:
    """Yield an empty folder (mode 0700) under ``root`` that vanishes afterwards.

    Parameters
    ----------
    root : Path
        Made when absent, mode 0700.
    name : str, optional
        The folder's name; the caller sees to it that nobody else uses it. What an earlier holder left is removed.
    """
    _closed(root)
    with _locked(root):  # no sweep between the making and the holding
        if name is None:
            folder = Path(tempfile.mkdtemp(dir=root))
        else:
            folder = root / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        hold = os.open(folder / _HOLD, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(hold, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(hold)


def sweep(root: Path) -> int:
    """Remove what ended processes left in ``root``, files included; return how many. What a living one holds is kept."""
    if not root.is_dir():
        return 0
    swept = 0
    with _locked(root):
        for entry in sorted(root.iterdir()):
            if entry.is_symlink() or not entry.is_dir():
                entry.unlink(missing_ok=True)
            elif _is_held(entry):
                continue
            else:
                shutil.rmtree(entry, ignore_errors=True)
            swept += 1
    return swept


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    folder = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _closed(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    if root.stat().st_mode & 0o077:
        root.chmod(0o700)


def _is_held(folder: Path) -> bool:
    try:
        hold = os.open(folder / _HOLD, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(hold)
    return False
