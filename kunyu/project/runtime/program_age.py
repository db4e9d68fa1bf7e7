"""Is the program on disk newer than a running node? After an upgrade a node must not mix old and new parts."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
WEB_MANIFEST = PACKAGE.parent / "web" / "dist" / "manifest.json"
SUFFIXES = (".py", ".html", ".toml", ".csv")


def program_changed_at() -> float:
    """Epoch seconds of the newest file that a running node has loaded or serves."""
    files = (file for file in PACKAGE.rglob("*") if file.suffix in SUFFIXES and "tests" not in file.parts)
    newest = max(file.stat().st_mtime for file in files)
    return max(newest, WEB_MANIFEST.stat().st_mtime) if WEB_MANIFEST.exists() else newest
