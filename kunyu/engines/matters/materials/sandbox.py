"""Look into files that strangers made in a process of its own: bounded memory, bounded time, no keys. 隔离进程.

What crashes a reader or makes it run for ever ends that process and nothing else. The process knows neither the
database nor the node's secrets: it is started without the node's environment and imports no Django.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from kunyu.engines.matters.errors import BadMaterial
from kunyu.kernel.errors import KunyuError

WORKER = "kunyu.engines.matters.materials.worker"
_PASSED_ON = ("PATH", "LANG", "TZ", "TESSDATA_PREFIX")
_LONGEST_LINE = 32 << 20
_SAID = 4_096
_log = logging.getLogger(__name__)


class WorkerEnded(KunyuError):
    """The process that looked into a file ran out of time or memory, or crashed."""

    code = "matters.material_unreadable"
    title_zh, title_en = "材料无法读取", "Material unreadable"
    http_status, exit_code = 422, 3


@dataclass(frozen=True)
class Order:
    """What the process is to do with a file.

    ``task``: ``examine``, ``read`` or ``draw``; ``folder``: where it may write; ``more``: what the task needs besides.
    """

    task: str
    path: Path
    name: str
    seconds: int
    memory_mb: int
    folder: Path | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        return json.dumps({
            "task": self.task, "path": str(self.path), "name": self.name, "seconds": self.seconds,
            "memory_mb": self.memory_mb, "folder": str(self.folder) if self.folder else "", "more": dict(self.more),
        })  # fmt: skip


def run(order: Order) -> Iterator[dict[str, Any]]:
    """Yield what the process answers, one document per line.

    Raises
    ------
    BadMaterial
        The file is refused in words.
    WorkerEnded
        It was not done within ``order.seconds``, or died.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {"OMP_THREAD_LIMIT": "1"},
            start_new_session=True, cwd=order.folder,
        )  # fmt: skip
        over = threading.Event()
        clock = threading.Timer(order.seconds, _end, (process, over))
        clock.daemon = True
        clock.start()
        try:
            assert process.stdin is not None and process.stdout is not None
            _hand_over(process.stdin, order)
            yield from _answers(process.stdout)
            process.wait()
        finally:
            clock.cancel()
            _kill(process)
        if over.is_set():
            raise _out_of_time(order)
        if process.returncode != 0:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - _SAID))
            _log.warning(
                "%s of a material ended with %s: %s", order.task, process.returncode, _last_line(errors.read())
            )
            raise _died(order, process.returncode)


def _last_line(said: bytes) -> str:
    """What the process said last: the class of an error, never a path of the node's or words of the file."""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].split(":", 1)[0][:80] if lines else ""


def answer_of(order: Order) -> dict[str, Any]:
    """The only document of a task that answers once."""
    found = list(run(order))
    if len(found) != 1:
        raise _died(order, 0)
    return found[0]


def _hand_over(stdin: IO[bytes], order: Order) -> None:
    try:
        stdin.write(order.as_json().encode())
        stdin.close()
    except BrokenPipeError:  # it died at once: its exit code tells
        pass


def _answers(stdout: IO[bytes]) -> Iterator[dict[str, Any]]:
    while line := stdout.readline(_LONGEST_LINE):
        try:
            answer = json.loads(line)
        except ValueError:  # cut off where the process died
            return
        if isinstance(answer, dict) and "refusal" in answer:
            said = answer["refusal"]
            raise BadMaterial(said["zh"], said["en"], **said["context"])
        if isinstance(answer, dict):
            yield answer


def _end(process: subprocess.Popen[bytes], over: threading.Event) -> None:
    over.set()
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started: it leads a session of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None and not pipe.closed:
            try:
                pipe.close()
            except BrokenPipeError:
                pass


def _out_of_time(order: Order) -> WorkerEnded:
    return WorkerEnded(
        f"材料 {order.name} 在 {order.seconds} 秒内没有读完。请减少页数或重新导出后再上传。",
        f"Material {order.name} was not read within {order.seconds} s. Split it or export it anew and upload again.",
        file=order.name, limit=order.seconds, unit="s",
    )  # fmt: skip


def _died(order: Order, code: int) -> WorkerEnded:
    return WorkerEnded(
        f"材料 {order.name} 使读取程序中止（代码 {code}，内存上限 {order.memory_mb} MiB），文件可能已损坏。"
        "请重新导出后再上传。",
        f"Material {order.name} ended the reading process (code {code}, memory limit {order.memory_mb} MiB); the file may "
        "be damaged. Export it anew and upload again.",
        file=order.name, exit_code=code, limit=order.memory_mb, unit="MiB",
    )  # fmt: skip
