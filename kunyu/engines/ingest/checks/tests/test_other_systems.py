"""The check on a surveyor's Windows laptop: nothing it needs may exist on Unix only.

What cannot be run here is Windows itself; what can is a Python in which the modules are missing that Windows lacks.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kunyu.project.sample_county.generate import generate_county

UNIX_ONLY = ("fcntl", "grp", "pwd", "resource", "termios", "tty", "syslog", "posix_ipc")
PROGRAM = """
import sys, importlib.abc
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {names!r}:
            raise ModuleNotFoundError(name)
for name in {names!r}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
import os
for name in ("fork", "fchmod", "fchown", "geteuid", "getuid", "O_NOFOLLOW", "O_DIRECTORY"):
    if hasattr(os, name):
        delattr(os, name)
from kunyu.project.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def test_a_check_with_reports_needs_nothing_of_unix(tmp_path: Path) -> None:
    """R-188: submitter and receiver share the software, whatever machine they have."""
    generate_county(tmp_path, 60, 2)
    reports = [tmp_path / f"r.{form}" for form in ("json", "html", "docx", "gpkg")]
    arguments = ["check", str(tmp_path / "county.gpkg"), "--standard", "TDT1057-2020"]
    for one in reports:
        arguments += ["--report", str(one)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(names=UNIX_ONLY), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert all(one.stat().st_size for one in reports)
