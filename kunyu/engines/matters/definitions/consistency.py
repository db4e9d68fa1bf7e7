"""Is a matter the same at every level of administration? 四级事项一致性 (R-010, R-300 to R-302).

One code has one name, one basis, one kind, whoever handles it. The list of another level (CSV, TOML or JSON) is compared
with this node's catalogue; nothing is changed by comparing.
"""

from __future__ import annotations

import csv
import io
import json
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kunyu.engines.matters.definitions.editions import definition_of, editions_in_use
from kunyu.engines.matters.definitions.faults import Place, bad
from kunyu.engines.matters.definitions.guides import missing_elements
from kunyu.engines.matters.definitions.matter import LEVELS, Definition
from kunyu.engines.matters.models import MatterEdition
from kunyu.engines.pages.words import Pair
from kunyu.kernel.errors import UnreadableInput

MOST_BYTES = 8 << 20
MOST_ENTRIES = 20_000
COMPARED: Mapping[str, Pair] = {
    "name_zh": ("名称", "name"), "basic_code": ("基本编码", "basic code"), "kind": ("类型", "kind"),
    "basis": ("设定依据", "basis"),
}  # fmt: skip
_SPLIT = ";；|\n"


@dataclass(frozen=True)
class Entry:
    """One matter in a list of some level. ``basis`` is compared as a set: the order says nothing."""

    code: str
    name_zh: str
    kind: str = ""
    basic_code: str = ""
    basis: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deviation:
    """One element that is not the same: ``ours`` of this node's catalogue, ``theirs`` of the list."""

    code: str
    key: str
    ours: str
    theirs: str

    @property
    def title(self) -> Pair:
        return COMPARED[self.key]


@dataclass(frozen=True)
class Comparison:
    """The report. ``missing``: codes that level should have and does not; ``surplus``: codes only that level has."""

    compared: int
    deviations: tuple[Deviation, ...]
    missing: tuple[str, ...]
    surplus: tuple[str, ...]

    @property
    def is_consistent(self) -> bool:
        """Nothing differs; what a level lacks or adds is reported, and is no deviation of a matter."""
        return not self.deviations and not self.missing

    def document(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        return {
            "consistent": self.is_consistent, "compared": self.compared, "missing": list(self.missing),
            "surplus": list(self.surplus), "deviations": [asdict(one) for one in self.deviations],
        }  # fmt: skip


def own_entries() -> list[Entry]:
    """This node's catalogue as shipped, by code."""
    rows = MatterEdition.objects.filter(state="published", division_code="").select_related("matter")
    return sorted((entry_of(definition_of(one)) for one in rows), key=lambda one: one.code)


def entry_of(one: Definition) -> Entry:
    """What of a definition must be the same everywhere."""
    return Entry(one.code, one.name_zh, one.kind, one.basic_code, one.basis, one.levels)


def compare(ours: Iterable[Entry], theirs: Iterable[Entry], level: str = "") -> Comparison:
    """Compare a list of another level with this one.

    Parameters
    ----------
    level : ``ministry``, ``province``, ``city`` or ``county``: what that level handles and lacks is missing; '' all.
    """
    here, there = ({one.code: one for one in side} for side in (ours, theirs))
    common = sorted(set(here) & set(there))
    deviations = [one for code in common for one in _deviations(here[code], there[code])]
    expected = {code for code, one in here.items() if not level or level in one.levels}
    return Comparison(
        len(common), tuple(deviations), tuple(sorted(expected - set(there))), tuple(sorted(set(there) - set(here)))
    )


def _deviations(ours: Entry, theirs: Entry) -> list[Deviation]:
    found = []
    for key in COMPARED:
        a, b = (_compared(getattr(one, key)) for one in (ours, theirs))
        if key == "basic_code" and not (a and b):
            continue  # only the national list gives basic codes: where one side has none yet, nothing contradicts
        if a != b:
            found.append(Deviation(ours.code, key, _shown(getattr(ours, key)), _shown(getattr(theirs, key))))
    return found


def _compared(value: str | tuple[str, ...]) -> object:
    """Letters as they mean the same: half- and full-width forms, spaces. Words are compared exactly."""
    if isinstance(value, tuple):
        return frozenset(_plain(one) for one in value)
    return _plain(value)


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _shown(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else "；".join(value)


# -- lists of other levels ------------------------------------------------------------------------------------------


def read_list(content: bytes, name: str) -> list[Entry]:
    """A list of matters: CSV with a heading, JSON or TOML (a list ``matters``, or one table or object per matter).

    Columns or keys: ``code``, ``name_zh``, ``kind``, ``basic_code``, ``basis`` (several: a list, or text parted by ；),
    ``levels``; the Chinese headings 编码 名称 类型 基本编码 依据 层级 serve as well.

    Raises
    ------
    UnreadableInput, BadMatter
    """
    if len(content) > MOST_BYTES:
        raise UnreadableInput(f"{name} 大于 {MOST_BYTES >> 20} MiB。", f"{name} is larger than {MOST_BYTES >> 20} MiB.")
    rows = list(_rows(_text(content, name), name))
    if not 0 < len(rows) <= MOST_ENTRIES:
        raise bad(Place(name), len(rows), f"须有1至{MOST_ENTRIES}个事项", f"must hold 1 to {MOST_ENTRIES} matters",
                  "检查标题行和格式", "See the heading and the form")  # fmt: skip
    entries = [_entry(row, Place(name, f"[{number}]")) for number, row in enumerate(rows, 1)]
    seen: set[str] = set()
    for one in entries:
        if one.code in seen:
            raise bad(
                Place(name), one.code, "编码重复", "a code stands twice", "每个事项一行", "One line for each matter"
            )
        seen.add(one.code)
    return entries


def _text(content: bytes, name: str) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableInput(f"{name} 不是 UTF-8 或 GB18030 文本。", f"{name} is neither UTF-8 nor GB18030 text.")


def _rows(text: str, name: str) -> Iterable[Mapping[str, Any]]:
    suffix = Path(name).suffix.lower()
    try:
        if suffix == ".csv":
            return list(csv.DictReader(io.StringIO(text)))
        if suffix in (".json", ".toml"):
            found = json.loads(text) if suffix == ".json" else tomllib.loads(text)
            listed = found.get("matters", found) if isinstance(found, dict) else found
            return list(listed.values()) if isinstance(listed, dict) else list(listed)
    except (csv.Error, ValueError, TypeError, RecursionError) as error:
        raise UnreadableInput(f"{name} 无法读取：{error}。", f"{name} cannot be read: {error}.") from error
    raise UnreadableInput(f"{name} 不是 .csv、.json 或 .toml 文件。", f"{name} is no .csv, .json or .toml file.")


_HEADINGS = {"编码": "code", "事项编码": "code", "名称": "name_zh", "事项名称": "name_zh", "类型": "kind", "事项类型": "kind",
             "基本编码": "basic_code", "依据": "basis", "设定依据": "basis", "层级": "levels", "行使层级": "levels"}  # fmt: skip


def _entry(row: Any, place: Place) -> Entry:
    if not isinstance(row, Mapping):
        raise bad(place, row, "不是一个事项", "is no matter", "写成有键的对象", "Write an object with keys")
    given = {_HEADINGS.get(str(key).strip(), str(key).strip()): value for key, value in row.items() if key is not None}
    for key in ("code", "name_zh"):
        if not isinstance(given.get(key), str) or not given[key].strip():
            raise bad(place.at(key), given.get(key), "缺少编码或名称", "lacks its code or name", "补上", "Give it")
    levels = _several(given.get("levels"))
    known = {zh: level for level, (zh, _) in LEVELS.items()} | {level: level for level in LEVELS}
    return Entry(
        given["code"].strip(), given["name_zh"].strip(), str(given.get("kind") or "").strip().zfill(2)[:20],
        str(given.get("basic_code") or "").strip(), _several(given.get("basis")),
        tuple(known[one] for one in levels if one in known),
    )  # fmt: skip


def _several(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(one).strip() for one in value if str(one).strip())
    text = str(value or "")
    for letter in _SPLIT[1:]:
        text = text.replace(letter, _SPLIT[0])
    return tuple(one.strip() for one in text.split(_SPLIT[0]) if one.strip())


# -- completeness ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gaps:
    """What a matter's guide lacks."""

    code: str
    name: Pair
    is_complete: bool
    missing: tuple[Pair, ...]


def completeness(division: str = "") -> list[Gaps]:
    """Every matter as it holds in a division, with the elements its guide lacks (R-301, R-302)."""
    found = (definition_of(one) for one in editions_in_use(division))
    return [Gaps(one.code, (one.name_zh, one.name_en), one.is_complete, tuple(missing_elements(one))) for one in found]
