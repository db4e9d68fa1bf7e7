"""Ports for the servers that tests start, of which no two are given twice on one machine while the tests run.

A port that the system picks may be picked again for somebody's outgoing connection before the server has bound it:
these lie below the range of such connections, and a file lock keeps other test processes off.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

FIRST, LAST = 20_000, 32_000
TRIES = 500
_held: list[IO[str]] = []


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on and that is this process's until it ends.

    Raises ``RuntimeError`` when hundreds of ports are all taken.
    """
    for port in random.SystemRandom().sample(range(FIRST, LAST), TRIES):
        if _is_free(host, port) and _take(port):
            return port
    raise RuntimeError(f"no free port among {TRIES} between {FIRST} and {LAST}")


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _take(port: int) -> bool:
    folder = Path(tempfile.gettempdir()) / f"kunyu-test-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = (folder / str(port)).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return False
    _held.append(lock)
    return True
