"""What a material says, found in its lines: codes, names, areas, dates, numbers, each with its page. 材料要素.

A fact carries how sure it is: that of the line it stands in. A citizen id is kept masked, here and in the text that is
stored. Nothing is guessed: letters that recognition confuses (O and 0, I and 1) are exchanged in a credit code only, only
where its alphabet has no such letter, and only when its check character then holds; the fact says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kunyu.engines.matters.materials import fact_patterns as patterns
from kunyu.engines.matters.materials.text_pages import FAILED, OCR, Box, Line, Page
from kunyu.engines.security.masks import DOCUMENT, PHONE, mask
from kunyu.kernel.identifiers import is_citizen_id, is_credit_code, is_organisation_code

SCHEMA = 1
MOST_FACTS = 400
APPLICANT_CODE, CITIZEN_ID, PROJECT_CODE = "applicant_code", "citizen_id", "project_code"
APPLICANT_NAME, PROJECT_NAME, AREA, DATE, NUMBER = (
    "applicant_name", "project_name", "area_m2", "date", "document_number",
)  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One thing said on a page.

    Attributes
    ----------
    name, value : str
        ``area_m2`` in square metres as decimal text; ``date`` as ISO; codes without spaces.
    written : str
        As it stands on the page where ``value`` was converted or corrected.
    label : str
        The word before it, e.g. 用地总面积; empty: none.
    or_value : str
        A name that may go on in the next line: with that line.
    is_good : bool
        A code with a right check character; always true of what has none.
    is_total : bool
        An area of the whole plot by its label.
    note : str
        ``corrected``: letters were exchanged and the check character holds.
    """

    name: str
    value: str
    page: int
    confidence: float = 1.0
    source: str = "text"
    box: Box | None = None
    written: str = ""
    label: str = ""
    or_value: str = ""
    is_good: bool = True
    is_total: bool = False
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """What is stored: empty members left out."""
        found: dict[str, Any] = {
            "name": self.name, "value": self.value, "page": self.page, "confidence": round(self.confidence, 3),
            "source": self.source,
        }  # fmt: skip
        if self.box is not None:
            found["box"] = [round(one, 4) for one in self.box]
        for name in ("written", "label", "or_value", "note"):
            if getattr(self, name):
                found[name] = getattr(self, name)
        if not self.is_good:
            found["is_good"] = False
        if self.is_total:
            found["is_total"] = True
        return found


@dataclass(frozen=True)
class _Place:
    """A line in one piece, with what is needed to say where something stands."""

    text: str
    page: Page
    line: Line
    following: str

    def fact(self, name: str, value: str, **more: Any) -> Fact:
        return Fact(name, value, self.page.number, self.line.confidence, self.page.source, self.line.box, **more)


def facts_of(pages: Sequence[Page]) -> dict[str, Any]:
    """Everything found, as ``Material.facts`` keeps it.

    Returns
    -------
    dict
        ``{"schema": 1, "pages", "unread": [{"page", "reason"}], "confidence": mean of the recognised lines or null,
        "found": [fact…]}``; at most `MOST_FACTS` facts, equal ones of a page once.
    """
    found: dict[tuple[str, str, int], Fact] = {}
    for fact in _facts(pages):
        key = (fact.name, fact.value, fact.page)
        if key not in found or (fact.is_total and not found[key].is_total):
            found[key] = fact
        if len(found) >= MOST_FACTS:
            break
    sure = [line.confidence for page in pages if page.source == OCR for line in page.lines]
    return {
        "schema": SCHEMA,
        "pages": len(pages),
        "unread": [{"page": one.number, "reason": one.reason} for one in pages if one.source == FAILED][:200],
        "confidence": round(sum(sure) / len(sure), 3) if sure else None,
        "found": [one.as_json() for one in found.values()],
    }


def stored_text(pages: Sequence[Page], most: int) -> str:
    """The text as it is kept: pages parted by form feeds, citizen ids and phone numbers masked."""
    text = "\f".join("\n".join(hidden(one_line(line.text)) for line in page.lines) for page in pages)
    return text[:most].replace("\x00", "")


def hidden(line: str) -> str:
    """A line with citizen ids and mobile numbers masked, also ids whose check character recognition got wrong."""

    def document(found: re.Match[str]) -> str:
        code = found.group().replace(" ", "").upper()
        is_person = bool(patterns.CITIZEN.fullmatch(code)) and (is_citizen_id(code) or not is_credit_code(code))
        return str(mask(DOCUMENT, code)) if is_person else found.group()

    line = patterns.SPACED_18.sub(document, line)
    return patterns.PHONE.sub(lambda one: str(mask(PHONE, one.group())), line)


# --- lines ---
def one_line(text: str) -> str:
    """Full-width letters as half-width ones, no spaces between Han letters; tabs stay."""
    plain = unicodedata.normalize("NFKC", text).replace("\u3000", " ")
    plain = re.sub(r"(?<=[\u4e00-\u9fff]) +(?=[\u4e00-\u9fff])", "", plain)
    return re.sub(r" {2,}", " ", plain).strip(" ")


def _facts(pages: Iterable[Page]) -> Iterator[Fact]:
    for page in pages:
        texts = [one_line(line.text) for line in page.lines]
        for number, (line, text) in enumerate(zip(page.lines, texts, strict=True)):
            following = texts[number + 1] if number + 1 < len(texts) else ""
            place = _Place(text, page, line, following)
            for find in _FINDERS:
                yield from find(place)


# --- codes ---
def _codes(place: _Place) -> Iterator[Fact]:
    tight = re.sub(r"(?<=[0-9A-Za-z]) (?=[0-9A-Za-z])", "", place.text)
    for found in patterns.CODE_18.finditer(tight):
        yield from _code_of(place, found.group(), _labelled(tight[: found.start()]))
    labelled = patterns.CODE_LABEL.search(tight)
    if labelled and not patterns.CODE_18.search(tight):
        written = labelled.group("code").upper()
        yield place.fact(APPLICANT_CODE, written, is_good=False, label=labelled.group("label"), written=written)


def _labelled(before: str) -> str:
    found = patterns.CODE_WORDS.search(before[-24:])
    return found.group() if found else ""


def _code_of(place: _Place, written: str, label: str) -> Iterator[Fact]:
    """A citizen id, a credit code, or, where its label says that it is one, a code whose check character is wrong."""
    code = written.upper()
    if is_citizen_id(code) and not (is_credit_code(code) and is_organisation_code(code[8:17])):
        yield place.fact(CITIZEN_ID, str(mask(DOCUMENT, code)), label=label)
    elif is_credit_code(code):
        yield place.fact(APPLICANT_CODE, code, label=label)
    elif is_credit_code(fixed := code.translate(patterns.CONFUSED)):
        yield place.fact(APPLICANT_CODE, fixed, label=label, written=written, note="corrected")
    elif "信用" in label:
        yield place.fact(APPLICANT_CODE, code, label=label, is_good=False)
    elif patterns.CITIZEN.fullmatch(code):
        yield place.fact(CITIZEN_ID, str(mask(DOCUMENT, code)), label=label, is_good=False)


def _project_codes(place: _Place) -> Iterator[Fact]:
    tight = re.sub(r"\s*[-—–−_]\s*", "-", place.text)
    for found in patterns.PROJECT_CODE.finditer(tight):
        yield place.fact(PROJECT_CODE, found.group())


# --- areas ---
def _areas(place: _Place) -> Iterator[Fact]:
    taken: list[tuple[int, int]] = []
    for found in patterns.AREA_UNIT_IN_LABEL.finditer(place.text):
        taken.append(found.span("number"))
        yield _area(place, found.group("label"), found.group("number"), found.group("unit"))
    for found in patterns.AREA.finditer(place.text):
        if found.span("number") not in taken:
            before = place.text[max(0, found.start("number") - 30) : found.start("number")]
            label = patterns.AREA_LABEL.search(before)
            yield _area(place, label.group("label") if label else "", found.group("number"), found.group("unit"))


def _area(place: _Place, label: str, number: str, unit: str) -> Fact:
    value = Decimal(number.replace(",", "").replace(" ", "")) * patterns.unit_m2(unit)
    return place.fact(
        AREA, format(value.quantize(Decimal("0.01")), "f"), written=f"{number.strip()} {unit}".strip(), label=label,
        is_total=patterns.is_total_area(label),
    )  # fmt: skip


# --- dates, numbers ---
def _dates(place: _Place) -> Iterator[Fact]:
    for found in patterns.DATE.finditer(place.text):
        day = patterns.iso_date(*found.group("year", "month", "day"))
        if day:
            yield place.fact(DATE, day)
    for found in patterns.HAN_DATE.finditer(place.text):
        day = patterns.iso_date(*(patterns.han_number(one) for one in found.group("year", "month", "day")))
        if day:
            yield place.fact(DATE, day, written=found.group())


def _numbers(place: _Place) -> Iterator[Fact]:
    for found in patterns.LICENCE_NUMBER.finditer(place.text):
        number = re.sub(r"\s", "", found.group())
        yield place.fact(NUMBER, number, label=found.group("kind"))
    for found in patterns.OFFICIAL_NUMBER.finditer(place.text):
        head, year, serial = found.group("head", "year", "serial")
        yield place.fact(NUMBER, f"{head}〔{year}〕{int(serial)}号", label=head)


# --- names ---
def _names(place: _Place) -> Iterator[Fact]:
    for name, labels in ((APPLICANT_NAME, patterns.APPLICANT_LABEL), (PROJECT_NAME, patterns.PROJECT_LABEL)):
        for found in labels.finditer(place.text):
            value = patterns.name_after(place.text[found.end() :])
            if value:
                yield place.fact(
                    name, value, label=re.sub(r"\s", "", found.group("label")), or_value=_longer(value, place)
                )


def _longer(value: str, place: _Place) -> str:
    """The name with the next line's first cell, where it stands at the end of its line and may go on."""
    if not place.text.rstrip().endswith(value[-2:]) or patterns.has_label(place.following):
        return ""
    rest = patterns.name_after(place.following)
    return value + rest if rest and len(rest) <= 20 else ""


_FINDERS: tuple[Callable[[_Place], Iterator[Fact]], ...] = (_codes, _project_codes, _areas, _dates, _numbers, _names)
