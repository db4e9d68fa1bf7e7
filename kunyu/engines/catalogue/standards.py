"""Standards as data: layers, fields, code lists and code conversions, read from ``kunyu/standards/<ID>``.

Pure: no Django, no database. A standard is a folder::

    standard.toml                 what it is, order of its layers, its code lists and conversions
    layers/<LAYER>.toml           one layer: geometry, presence, dataset, fields in order
    codelists/<NAME>.csv          code,name_zh,name_en,parent,verified,note
    conversions/<NAME>.csv        source,target,method,valid_from,valid_to,verified,note
    styles.toml                   fill colours by code list (optional)

Anything not confirmed against the published text carries ``verified = false``. Reading is strict: an unknown
key, a missing code list or a repeated field stops with a sentence that names file, key and remedy.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from kunyu.engines.catalogue.standards_model import (
    BadStandard,
    Code,
    CodeList,
    Conversion,
    ConversionRow,
    Field,
    FieldType,
    Geometry,
    Layer,
    Requirement,
    Role,
    Standard,
    Swatch,
    UnknownStandard,
)
from kunyu.engines.catalogue.standards_reader import read_standard

__all__ = [
    "BadStandard",
    "Code",
    "CodeList",
    "Conversion",
    "ConversionRow",
    "Field",
    "FieldType",
    "Geometry",
    "Layer",
    "Requirement",
    "Role",
    "Standard",
    "Swatch",
    "UnknownStandard",
    "load_standard",
    "read_standard",
    "standard_ids",
]

BUILT_IN = Path(__file__).resolve().parents[2] / "standards"
"""Folder of the standards that ship with the product."""

MORE_FOLDERS = "KUNYU_STANDARDS"
"""Environment variable: further folders of standards (``os.pathsep`` between them), for local extensions."""


def _roots() -> tuple[Path, ...]:
    more = os.environ.get(MORE_FOLDERS, "")
    return (BUILT_IN, *(Path(part) for part in more.split(os.pathsep) if part))


def standard_ids() -> tuple[str, ...]:
    """Return the ids of all installed standards, sorted; built-in ones first."""
    found: dict[str, None] = {}
    for root in _roots():
        for path in sorted(root.glob("*/standard.toml")):
            found.setdefault(path.parent.name)
    return tuple(found)


def load_standard(standard_id: str) -> Standard:
    """Return a standard by id, read once per process.

    Parameters
    ----------
    standard_id
        Folder name, for example ``TDT1057-2020``; exact letter case.

    Raises
    ------
    UnknownStandard
        Nothing of that id is installed.
    BadStandard
        Its files contradict each other.
    """
    return _load(standard_id, _roots())


@lru_cache(maxsize=64)
def _load(standard_id: str, roots: tuple[Path, ...]) -> Standard:
    for root in roots:
        folder = root / standard_id
        # the id reaches this line from a command line or a URL: it must be one plain folder name
        if folder.parent == root and standard_id not in ("", ".", "..") and (folder / "standard.toml").is_file():
            return read_standard(folder, load_standard)
    known = "、".join(standard_ids()) or "-"
    raise UnknownStandard(
        f"没有标准 {standard_id}；已安装：{known}",
        f"No standard {standard_id}; installed: {known}",
        standard=standard_id,
    )
