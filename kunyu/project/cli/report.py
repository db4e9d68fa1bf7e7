"""The report that a defect leaves: what was run, on what, and where it broke. No passwords, no tokens."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from kunyu.project.home import state_home
from kunyu.project.version import kunyu_version

SECRETS = re.compile(r"(?i)(://[^:/@\s]+:)[^@\s]+(@)|(ky_)[\w-]+|(password['\"]?\s*[=:]\s*)\S+")


def write_defect_report(error: BaseException, arguments: Sequence[str]) -> Path:
    """Write a report into the node's log folder, or the system's temp folder when that is not writable."""
    now = datetime.now(UTC)
    text = "\n".join(
        [
            f"kunyu {kunyu_version()} · {now.isoformat(timespec='seconds')}",
            f"python {platform.python_version()} · {platform.platform()} · {platform.machine()}",
            f"command: kunyu {' '.join(arguments)}",
            f"environment: {', '.join(sorted(name for name in os.environ if name.startswith('KUNYU_')))}",
            "",
            "".join(traceback.format_exception(error)),
        ]
    )
    name = f"defect-{now:%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    for folder in (state_home() / "log", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(SECRETS.sub(_mask, text), encoding="utf-8")
        except OSError as reason:
            print(f"报告无法写入 {folder}。 No report in {folder}: {reason}", file=sys.stderr)
            continue
        return folder / name
    return Path(os.devnull)


def _mask(match: re.Match[str]) -> str:
    before, at, token, named = match.groups()
    return f"{before or token or named or ''}***{at or ''}"
