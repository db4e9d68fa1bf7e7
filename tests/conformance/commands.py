"""The installed command ``kunyu``, run as anybody runs it: a child process, judged by exit code and output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KUNYU = Path(sys.executable).with_name("kunyu")
DONE, FOUND, USAGE, UNREADABLE, REFUSED, UNAVAILABLE = 0, 1, 2, 3, 4, 5
PROBLEM_KEYS = {"type", "title", "status", "detail", "code", "detail_zh", "detail_en"}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output; anything beside it fails."""
        return json.loads(self.stdout.decode("utf-8"))


def without_node() -> dict[str, str]:
    """The environment of a laptop that knows no node."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("KUNYU_", "DATABASE_", "DJANGO_"))
    }


def kunyu(*words: object, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Ended:
    """Run ``kunyu WORDS`` and wait."""
    done = subprocess.run(
        [str(KUNYU), *map(str, words)], capture_output=True, check=False, cwd=folder,
        env=dict(environment or without_node()),
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr.decode("utf-8"))


def check(path: Path, *options: object, folder: Path | None = None) -> Ended:
    """Run ``kunyu check`` by the survey standard with ``--json``."""
    return kunyu("check", path, "--standard", "TDT1057-2020", "--json", *options, folder=folder)
