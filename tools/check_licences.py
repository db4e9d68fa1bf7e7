"""Refuse libraries whose licence does not let everybody use, change and pass on the whole: AGPL, GPL, or none named.

Reads what is locked (``requirements/*.txt`` for Python, ``web/package-lock.json`` for the browser) and the licences that
the installed packages state. Permissive, LGPL and MPL licences pass; so does a library that may be had under one of
these among others. What a package states nowhere, ``KNOWN`` states with its source.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GOOD = re.compile(
    r"\b(MIT|MIT-0|MIT-CMU|0BSD|BSD|Apache|ISC|ISCL|LGPL|Lesser General Public|MPL|Mozilla Public|PSF|Python Software|"
    r"Zlib|CC0|CC-BY|Unlicense|BlueOak|HPND|Dual License)",
    re.IGNORECASE,
)
BAD = re.compile(r"\b(AGPL|Affero|SSPL|BUSL|Elastic-|Commons Clause|proprietary)", re.IGNORECASE)
COPYLEFT = re.compile(r"\bGPL|(?<!Lesser )General Public License", re.IGNORECASE)
KNOWN: dict[str, str] = {}


def locked_python() -> set[str]:
    """Names of the Python packages in the lock files."""
    names = set()
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        names |= set(re.findall(r"^([A-Za-z0-9_.\-]+)==", path.read_text("utf-8"), re.MULTILINE))
    return names


def stated(name: str) -> str | None:
    """All that an installed package says about its licence; None when it is not installed."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    classified = [one for one in about.get_all("Classifier", []) if one.startswith("License")]
    free_text = (about.get("License") or "").splitlines()[:1]
    return " / ".join(filter(None, [about.get("License-Expression"), *free_text, *classified, KNOWN.get(name)]))


def fault(licence: str) -> str:
    """Why a licence cannot be taken, or ''."""
    if not licence.strip():
        return "states no licence"
    if BAD.search(licence) or (COPYLEFT.search(licence) and not GOOD.search(licence)):
        return f"is under {licence}"
    return "" if GOOD.search(licence) else f"is under a licence nobody has judged yet: {licence}"


def python_faults() -> Iterator[str]:
    """Yield what is wrong with the Python packages that are locked and installed."""
    for name in sorted(locked_python()):
        licence = stated(name)
        if licence is not None and (why := fault(licence)):
            yield f"{name} {why}"


def browser_faults() -> Iterator[str]:
    """Yield what is wrong with the packages of the web build."""
    packages = json.loads((ROOT / "web/package-lock.json").read_text("utf-8"))["packages"]
    for path, about in sorted(packages.items()):
        if path and (why := fault(str(about.get("license", "")))):
            yield f"{path.removeprefix('node_modules/')} {why}"


if __name__ == "__main__":
    faults = [*python_faults(), *browser_faults()]
    print("\n".join(faults) or f"licences: {len(locked_python())} Python packages and the web build are fine")
    sys.exit(bool(faults))
