"""Where the node keeps its state."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def state_home() -> Path:
    """Return ``KUNYU_HOME``; by default ``var`` in the clone, or in the current folder for an installed package."""
    given = os.environ.get("KUNYU_HOME")
    if given:
        return Path(given).expanduser().absolute()
    return (ROOT if (ROOT / "pyproject.toml").exists() else Path.cwd()) / "var"
