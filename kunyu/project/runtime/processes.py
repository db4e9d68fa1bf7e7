"""Child processes of a node: started with a mark in their environment, restarted with growing pauses, stopped in order.

The mark (``KUNYU_NODE_MARK`` = state folder) is inherited by grandchildren, so that whatever a crashed supervisor left
behind is found without trusting process ids.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MARK = "KUNYU_NODE_MARK"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STEADY_S = 60.0  # a child that ran this long starts its pauses over
LOG_LIMIT = 10 * 1024 * 1024


@dataclass
class Child:
    """One child process and how it is kept alive.

    Attributes
    ----------
    grace_s : float
        Seconds between the request to stop and the kill.
    once : bool
        A job that ends by itself and is not restarted.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    grace_s: float = 10.0
    once: bool = False
    restarts: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _started: float = 0.0
    _due: float = 0.0
    _pause_s: float = FIRST_PAUSE_S

    def start(self) -> None:
        """Start the process in a session of its own: an interrupt at the terminal reaches the supervisor only."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        _rotate(self.log)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(self.environment),
                start_new_session=True,
            )  # fmt: skip
        self._started, self._due = time.monotonic(), 0.0

    def running(self) -> bool:
        """Tell whether the process runs now."""
        return self._process is not None and self._process.poll() is None

    def exit_code(self) -> int | None:
        """Return the code with which the process last ended, None while it runs."""
        return self._process.poll() if self._process else None

    def watch(self) -> bool:
        """Restart the process when it ended and its pause is over; tell whether it ended just now."""
        if self.running() or (self.once and self._process is not None):
            return False
        now = time.monotonic()
        if not self._due:
            if now - self._started > STEADY_S:
                self._pause_s = FIRST_PAUSE_S
            self._due = now + self._pause_s
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
            return True
        if now >= self._due:
            self.restarts += 1
            self.start()
        return False

    def request_stop(self) -> None:
        """Ask the process to finish."""
        if self.running():
            assert self._process is not None
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Ask, wait for the grace, then kill the process and its children."""
        if self._process is None:
            return
        family = _family(self._process.pid)
        self.request_stop()
        try:
            self._process.wait(self.grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for process in family:
            _kill(process)


def marked_environment(home: Path, **more: str) -> dict[str, str]:
    """Return this process's environment with the node's mark and further values."""
    return {**os.environ, "KUNYU_HOME": str(home), MARK: str(home), "PYTHONUNBUFFERED": "1", **more}


def marked_processes(home: Path) -> list[psutil.Process]:
    """Return every living process that bears this node's mark, except this one and its parents."""
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        try:
            marked = process.pid not in spared and process.environ().get(MARK) == str(home)
            if marked and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # gone, or another user's: not ours
    return found


def stop_marked(home: Path, grace_s: float = 10.0) -> int:
    """Stop everything that bears this node's mark; return how many processes that were."""
    processes = marked_processes(home)
    for process in processes:
        _signal(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(processes, timeout=grace_s)
    for process in alive:
        _kill(process)
    psutil.wait_procs(alive, timeout=5)
    return len(processes)


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _kill(process: psutil.Process) -> None:
    _signal(process, signal.SIGKILL)


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)  # psutil refuses a reused process id
    except psutil.Error:
        return


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
