"""The register of kinds of licences (``data/kinds.toml``). 证照类型."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).parent / "data" / "kinds.toml"


@dataclass(frozen=True)
class LicenceKind:
    """One kind. ``type_code`` is USCC and three digits; ``keeps_number``: a replacement is the next version."""

    code: str
    name_zh: str
    name_en: str
    type_code: str
    keeps_number: bool
    verified: bool


@lru_cache(maxsize=1)
def kinds() -> dict[str, LicenceKind]:
    """Every kind by its code."""
    read = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    uscc = read["ministry"]["uscc"]
    return {
        code: LicenceKind(code, one["name_zh"], one["name_en"], uscc + one["type"], one["on_replacement"] == "version",
                          one["verified"])
        for code, one in read["kinds"].items()
    }  # fmt: skip


def kind_of(code: str) -> LicenceKind:
    """The kind of a code; a kind that the register does not know is 其他证照: a local matter needs no release."""
    return kinds().get(code) or kinds()["other"]
