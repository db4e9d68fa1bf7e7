"""Runs ``kunyu`` again and again in forked children: the imports are paid once, a crash or a hang stays in its child.

Jobs are JSON lines on standard input: ``{"arguments", "errors", "seconds", "memory_bytes"}``; answers are JSON lines:
``{"code", "signal", "seconds", "peak_mib"}``. The peak counts what the child holds, imports (about 250 MiB) included.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from typing import Any

import kunyu.engines.ingest.checks.cli
import kunyu.engines.ingest.checks.report.write
import kunyu.engines.ingest.checks.runner  # noqa: F401 - paid once
from kunyu.project.cli.main import run


def child(job: dict[str, Any]) -> None:
    """Run one job and leave; never returns."""
    errors = os.open(job["errors"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(errors, 2)
    resource.setrlimit(resource.RLIMIT_AS, (job["memory_bytes"], job["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code = 99
    try:
        code = run(job["arguments"])
    finally:
        sys.stderr.flush()
        os._exit(code)


def watch(pid: int, seconds: float) -> dict[str, Any]:
    """Wait for a child; kill it when its time is over (signal 9 in the answer)."""
    start = time.monotonic()
    while True:
        done, status, used = os.wait4(pid, os.WNOHANG)
        if done:
            break
        if time.monotonic() - start > seconds:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
    return {
        "code": os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "seconds": round(time.monotonic() - start, 2),
        "peak_mib": used.ru_maxrss // 1024,
    }


def main() -> None:
    """Answer jobs until standard input ends."""
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(job)
        print(json.dumps(watch(pid, job["seconds"])), flush=True)


if __name__ == "__main__":
    main()
