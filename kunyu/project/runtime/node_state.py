"""What is known about the running node: ``run/node.json`` and the lock that its supervisor holds."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

import psutil

FILE_NAME = "node.json"
STARTING, READY, STOPPING = "starting", "ready", "stopping"


@dataclass(frozen=True)
class NodeState:
    """The supervisor of a node; ``started`` is the process's start time (epoch seconds) and guards a reused pid."""

    pid: int
    started: float
    address: str
    status: str
    step: str = ""

    @property
    def alive(self) -> bool:
        """Tell whether that very process still runs."""
        return same_process(self.pid, self.started)


def same_process(pid: int, started: float) -> bool:
    """Tell whether process `pid` runs and began at `started` (epoch seconds, to a tenth)."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 0.1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def new_state(address: str) -> NodeState:
    """Return the state of a node that this process starts to supervise."""
    return NodeState(os.getpid(), psutil.Process().create_time(), address, STARTING)


def read_state(run_folder: Path) -> NodeState | None:
    """Return the recorded state, also that of a dead supervisor; None without a readable record."""
    try:
        return NodeState(**json.loads((run_folder / FILE_NAME).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_state(run_folder: Path, state: NodeState, **changes: str) -> NodeState:
    """Record a state, with changes if given, and return it."""
    state = replace(state, **changes)  # type: ignore[arg-type]
    write_json(run_folder / FILE_NAME, asdict(state))
    return state


def write_json(path: Path, value: object) -> None:
    """Write a JSON file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(value, ensure_ascii=False, indent=2), encoding="utf-8")
    draft.replace(path)


def forget_state(run_folder: Path) -> None:
    """Remove the record of a node that ended."""
    (run_folder / FILE_NAME).unlink(missing_ok=True)


def take_lock(run_folder: Path) -> IO[str] | None:
    """Return the held lock of the supervisor, or None when another process holds it; the system frees it at exit."""
    run_folder.mkdir(parents=True, exist_ok=True)
    lock = (run_folder / "node.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
