"""A small JSON file that only its owner may read, changed whole or not at all. 私密小文件."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Values = dict[str, Any]


def read(path: Path) -> Values | None:
    """Return the file's object; None when there is no file.

    Raises
    ------
    OSError, ValueError
        It cannot be read, or is not a JSON object.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    return values


def write(path: Path, values: Values) -> None:
    """Write beside and rename (mode 0600): a crash leaves either the old or the new file."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=2, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def update(path: Path, change: Callable[[Values], Values]) -> Values:
    """Read, change and write under a lock; nothing is written when nothing changed. Answers with the new object."""
    with locked(path):
        known = read(path)
        values = change(dict(known or {}))
        if values != known:
            write(path, values)
    return values


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time change the file (a lock file ``.<name>.lock`` beside it)."""
    with open(path.with_name(f".{path.name}.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
