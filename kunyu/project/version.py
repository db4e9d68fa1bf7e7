"""Which release this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def kunyu_version() -> str:
    """Return the installed version of Kunyu."""
    try:
        return version("kunyu")
    except PackageNotFoundError:
        return "0+unknown"
