"""What materials state, set against what is expected: same, unsure, or another. 材料所载与应有之比对.

Pure: looks at facts only. Recognised letters are never called *clear* when they are unsure, and never *conflict* when a
slip of recognition would explain the difference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from difflib import SequenceMatcher
from typing import Any, Literal

from kunyu.engines.matters.materials import facts
from kunyu.engines.security.masks import DOCUMENT, mask

Match = Literal["same", "near", "other"]
SAME: Match = "same"
NEAR: Match = "near"
OTHER: Match = "other"

AGREES, UNSURE, DIFFERS, SILENT, UNREAD = "agrees", "unsure", "differs", "silent", "unread"
"""What one material does to one expectation. ``silent``: read whole, and it does not say."""

SURE = 0.60
"""Confidence from which a recognised value that agrees counts. [design: measured on scans of the tests]"""
SURE_OTHER = 0.80
"""Confidence from which a recognised value that differs counts."""
_SLIP = 0.75
SQUARE_METRES = "m²"
_IN_M2 = re.compile(r"\d ?(?:平方米|平米|m2|m²|㎡)$", re.IGNORECASE)
_BRACKETS = re.compile(r"[\s()\[\]{}〔〕【】《》<>「」“”\"'‘’·.,、:;—–\-_]+")


@dataclass(frozen=True)
class Expected:
    """A value and where it stands; ``unit`` where it is a measure."""

    value: str
    where_zh: str
    where_en: str
    unit: str = ""

    @property
    def shown(self) -> str:
        """As people read it: a measure to 0.01 of its unit."""
        return in_unit(self.value, self.unit) if self.unit else self.value


def in_unit(value: str, unit: str) -> str:
    """A measure to 0.01 of its unit."""
    return f"{Decimal(value).quantize(Decimal('0.01'), ROUND_HALF_UP)} {unit}"


@dataclass(frozen=True)
class Handed:
    """One material as rules see it: names, how far it was read, its facts. Without ``sm3`` it is the form itself."""

    kind: str
    name_zh: str
    name_en: str
    file_name: str
    sm3: str
    reading: str
    stated: tuple[Mapping[str, Any], ...]
    is_whole: bool

    def facts_named(self, *names: str) -> list[Mapping[str, Any]]:
        return [one for one in self.stated if one["name"] in names]


@dataclass(frozen=True)
class Found:
    """What one material does to one expectation, with the fact that says so."""

    verdict: str
    handed: Handed
    expected: Expected
    fact: Mapping[str, Any] | None = None
    measured: float | None = None

    @property
    def place_zh(self) -> str:
        if not self.handed.sm3:
            return self.handed.name_zh
        page = f"第 {self.fact['page']} 页" if self.fact else ""
        return f"材料“{self.handed.name_zh}”{page}"

    @property
    def place_en(self) -> str:
        if not self.handed.sm3:
            return self.handed.name_en
        page = f", page {self.fact['page']}" if self.fact else ""
        return f"material {self.handed.name_en}{page}"

    @property
    def said(self) -> str:
        return "" if self.fact is None else str(self.fact.get("written") or self.fact["value"])

    @property
    def said_m2(self) -> str:
        """An area in square metres where the page states it in another unit; '' for everything else."""
        if self.fact is None or self.fact["name"] != facts.AREA or _IN_M2.search(self.said):
            return ""
        return in_unit(str(self.fact["value"]), SQUARE_METRES)


def handed_in(kinds: Mapping[str, Mapping[str, Any]], materials: Mapping[str, Mapping[str, Any]]) -> list[Handed]:
    """Materials in the order of the matter's list; kinds the list does not know come last."""
    order = [*(one for one in kinds if one in materials), *sorted(set(materials) - set(kinds))]
    return [_handed(one, kinds.get(one, {}), materials[one]) for one in order]


def _handed(kind: str, known: Mapping[str, Any], given: Mapping[str, Any]) -> Handed:
    read = given.get("facts") or {}
    return Handed(
        kind, str(known.get("name_zh") or kind), str(known.get("name_en") or kind), str(given.get("file_name", "")),
        str(given.get("sm3", "")), str(given.get("reading", "")), tuple(read.get("found", ())),
        not read.get("unread") and bool(read),
    )  # fmt: skip


def reading_of(fact_name: str, kinds: Mapping[str, Mapping[str, Any]], handed: Iterable[Handed]) -> list[Handed]:
    """Materials that the matter's list says state a fact; where the list names none, those that do."""
    named = {code for code, kind in kinds.items() if fact_name in kind.get("reads", ())}
    if named:
        return [one for one in handed if one.kind in named]
    return [one for one in handed if one.facts_named(fact_name)]


def set_against(
    handed: Handed, expected: Expected, candidates: Sequence[Mapping[str, Any]],
    match: Callable[[Mapping[str, Any], str], Match],
) -> Found:  # fmt: skip
    """What one material does to one expectation, by the best of its candidates."""
    if not candidates:
        whole = handed.reading == "text" and handed.is_whole
        return Found(SILENT if whole else UNREAD, handed, expected)
    judged = [(one, match(one, expected.value)) for one in candidates]
    same = _surest(one for one, found in judged if found == SAME)
    if same is not None:
        return Found(AGREES if is_sure(same, SURE) else UNSURE, handed, expected, same)
    near = _surest(one for one, found in judged if found == NEAR)
    if near is not None:
        return Found(UNSURE, handed, expected, near)
    other = _surest(one for one, _ in judged)
    assert other is not None
    return Found(DIFFERS if is_sure(other, SURE_OTHER) else UNSURE, handed, expected, other)


def is_sure(fact: Mapping[str, Any], limit: float) -> bool:
    """Is what was read certain enough? A code whose check character holds was hardly misread."""
    if fact["source"] != "ocr":
        return True
    if fact["name"] in (facts.APPLICANT_CODE, facts.CITIZEN_ID):
        return bool(fact.get("is_good", True))
    return float(fact["confidence"]) >= limit


def _surest(found: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return max(found, key=lambda one: (bool(one.get("is_good", True)), float(one["confidence"])), default=None)


# --- when two values are the same ---
def plain(name: str) -> str:
    """A name without what typing varies: width, case, brackets, spaces, punctuation."""
    return _BRACKETS.sub("", unicodedata.normalize("NFKC", name).casefold())


def same_name(fact: Mapping[str, Any], expected: str) -> Match:
    """Names agree in normal form, also continued in the next line; recognised ones may slip in some letters."""
    wanted = plain(expected)
    said = [plain(str(fact["value"])), plain(str(fact.get("or_value", "")))]
    if wanted in said:
        return SAME
    is_slip = fact["source"] == "ocr" and any(_alike(one, wanted) for one in said if one)
    return NEAR if is_slip else OTHER


def _alike(one: str, other: str) -> bool:
    return one in other or other in one or SequenceMatcher(None, one, other, autojunk=False).ratio() >= _SLIP


def same_code(fact: Mapping[str, Any], expected: str) -> Match:
    """Codes agree letter for letter; a masked one with its mask."""
    value = str(fact["value"])
    if value == expected or ("*" in expected and "*" not in value and mask(DOCUMENT, value) == expected):
        return SAME
    return OTHER


def same_project_code(fact: Mapping[str, Any], expected: str) -> Match:
    """Project codes have no check character: a recognised one that differs in two digits may be misread."""
    value = str(fact["value"])
    if value == expected:
        return SAME
    different = sum(a != b for a, b in zip(value, expected, strict=False)) + abs(len(value) - len(expected))
    return NEAR if fact["source"] == "ocr" and different <= 2 else OTHER


def plain_number(number: str) -> str:
    """A document number without spaces, brackets of one kind, no leading zeros in its serial."""
    text = re.sub(r"\s", "", unicodedata.normalize("NFKC", number))
    text = re.sub(r"[(\[【〔]", "〔", text)
    text = re.sub(r"[)\]】〕]", "〕", text)
    return re.sub(r"〕第?0*(\d+)号?$", r"〕\1号", text)


def same_number(fact: Mapping[str, Any], expected: str) -> Match:
    """Document numbers agree in normal form."""
    return SAME if plain_number(str(fact["value"])) == plain_number(expected) else OTHER


def head_of(number: str) -> str:
    """What a number says of its kind: 用字, 国土资函."""
    found = re.match(r"[^\d第〔]+", plain_number(number))
    return found.group() if found else ""


def conflicts_first(found: Iterable[Found]) -> Iterator[Found]:
    """In the order people ask: what differs, what is unsure, the rest."""
    order = (DIFFERS, UNSURE, UNREAD, SILENT, AGREES)
    yield from sorted(found, key=lambda one: order.index(one.verdict))
