"""Answers of a form between the browser and JSON: read as typed, shown as typed. 表单填报.

What cannot be read as its field's type stays as it was typed, so that nothing is lost and the check can name it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import QueryDict

from kunyu.engines.matters.definitions.form_fields import FormField, is_day
from kunyu.engines.matters.definitions.forms import Fault
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.hall import divisions
from kunyu.engines.pages.words import Pair

_MOST_RADIOS = 6
_MOST_LETTERS = 10_000
"""Of one answer: what is longer is cut before it is kept; the fields' own limits are far below."""
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?")
_DIVISION_PART = "__"
_YES_NO = ((True, ("是", "Yes")), (False, ("否", "No")))


# -- from the browser ------------------------------------------------------------------------------------------------


def read(fields: Iterable[FormField], data: QueryDict) -> dict[str, Any]:
    """Answers by field name, JSON values; what was left empty is left out."""
    found = {one.name: _read(one, data) for one in fields}
    return {name: value for name, value in found.items() if value not in ("", [], {}, None)}


def _read(one: FormField, data: QueryDict) -> Any:
    match one.type:
        case "multi":
            return list(dict.fromkeys(_plain(text) for text in data.getlist(one.name) if text))
        case "party":
            parts = {part: _plain(data.get(f"{one.name}__{part}", "")) for part in ("name", "code")}
            return {part: text.upper() if part == "code" else text for part, text in parts.items() if text}
        case "division":
            return divisions.read(data, f"{one.name}{_DIVISION_PART}") or _plain(data.get(one.name, ""))
        case "number" | "area":
            return _number(_plain(data.get(one.name, "")))
        case "boolean":
            text = data.get(one.name, "")
            return {"true": True, "false": False}.get(text, _plain(text))
    return _plain(data.get(one.name, ""))


def _plain(text: str) -> str:
    """Lines end as ours do; no letter that the database cannot hold."""
    return text.replace("\r\n", "\n").replace("\x00", "").strip()[:_MOST_LETTERS]


def _number(text: str) -> int | float | str:
    """``1 234，5`` is nobody's number: only separators of thousands and full-width digits are understood."""
    half = unicodedata.normalize("NFKC", text).replace(" ", "")
    bare = half.replace(",", "") if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", half) else half
    if not _NUMBER.fullmatch(bare):
        return text
    try:
        value = Decimal(bare)
    except InvalidOperation:
        return text
    return int(value) if value == value.to_integral_value() else float(value)


# -- to the page -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Option:
    """One answer that is offered."""

    value: str
    title: Pair
    is_chosen: bool
    id: str


@dataclass(frozen=True)
class Shown:
    """One field as the page shows it. ``widget`` names its part of the template; ``when`` is for the page's script."""

    field: FormField
    widget: str
    value: Any
    options: tuple[Option, ...]
    faults: tuple[Pair, ...]
    when: str
    only: Pair
    elsewhere: Pair | None = None
    chooser: divisions.Chooser | None = None

    @property
    def id(self) -> str:
        """Of its control, and of the place a link to it leads to."""
        return f"id_{self.field.name}"

    @property
    def title(self) -> Pair:
        """Its label with its unit."""
        unit = self.field.unit
        return (
            f"{self.field.title_zh}（{unit}）" if unit else self.field.title_zh,
            f"{self.field.title_en} ({unit})" if unit else self.field.title_en,
        )

    @property
    def help(self) -> Pair:
        """The note of the field."""
        return self.field.help_zh, self.field.help_en

    @property
    def described_by(self) -> str:
        """Ids of what is said about it."""
        told = [f"{self.id}_help"] if self.field.help_zh or self.only[0] else []
        return " ".join([*told, f"{self.id}_error"] if self.faults else told)

    @property
    def mode(self) -> str:
        """Keyboard of a phone."""
        return _MODES.get(self.field.format) or (
            "numeric" if self.field.is_whole else _MODES.get(self.field.type, "text")
        )


_MODES = {"phone": "tel", "number": "decimal", "area": "decimal"}


@dataclass(frozen=True)
class Group:
    """Fields under one heading."""

    title: Pair
    fields: tuple[Shown, ...]


@dataclass(frozen=True)
class Section:
    """What is asked for the same matters: several ask it together, or one alone. ``id`` is that of its heading."""

    id: str
    title: Pair
    groups: tuple[Group, ...]


@dataclass
class Sheet:
    """What stands on the page: answers, faults by field, what was kept elsewhere meanwhile."""

    answers: Mapping[str, Any]
    faults: Sequence[Fault] = ()
    elsewhere: Mapping[str, Any] | None = None
    by_field: dict[str, list[Pair]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.faults:
            self.by_field.setdefault(one.field, []).append((one.zh, one.en))


def sections(definitions: Sequence[Definition], fields: Sequence[FormField], sheet: Sheet) -> list[Section]:
    """Fields by the matters that ask them, what several ask first, and by group within."""
    by_matters: dict[tuple[str, ...], list[FormField]] = {}
    for one in fields:
        by_matters.setdefault(tuple(dict.fromkeys(one.matters)), []).append(one)
    ordered = sorted(by_matters.items(), key=lambda item: -len(item[0]))
    names = {one.code: (one.name_zh, one.name_en or one.name_zh) for one in definitions}
    known = {one.name: one for one in fields}
    return [
        Section(f"part-{place}", _heading(codes, names), _groups(some, known, sheet))
        for place, (codes, some) in enumerate(ordered, 1)
    ]


def _heading(codes: tuple[str, ...], names: Mapping[str, Pair]) -> Pair:
    """No heading where there is one matter only."""
    if len(names) <= 1:
        return "", ""
    if len(codes) == len(names):
        return "各事项共用，只填一次", "Asked once for all matters"
    found = [names[code] for code in codes]
    return "、".join(zh for zh, _ in found), ", ".join(en for _, en in found)


def _groups(fields: Iterable[FormField], known: Mapping[str, FormField], sheet: Sheet) -> tuple[Group, ...]:
    by_group: dict[str, list[FormField]] = {}
    for one in fields:
        by_group.setdefault(one.group_zh, []).append(one)
    return tuple(
        Group((zh, some[0].group_en or zh), tuple(shown(one, known, sheet) for one in some))
        for zh, some in by_group.items()
    )


def shown(one: FormField, known: Mapping[str, FormField], sheet: Sheet) -> Shown:
    """One field with its answer, its faults and the condition under which it is asked."""
    value = sheet.answers.get(one.name)
    return Shown(
        one, _widget(one, value), _text(one, value), _options(one, value), tuple(sheet.by_field.get(one.name, ())),
        json.dumps([[name, list(values)] for name, values in one.when]) if one.when else "", _only(one, known),
        _elsewhere(one, value, sheet), _chooser(one, value),
    )  # fmt: skip


def _widget(one: FormField, value: Any) -> str:
    match one.type:
        case "choice":
            return "radios" if len(one.choices) <= _MOST_RADIOS else "select"
        case "boolean":
            return "radios"
        case "multi":
            return "checks"
        case "party" | "division":
            return one.type
        case "date":
            # a browser drops from its own date control what is no date: shown as text until it is one
            return "date" if value in (None, "") or is_day(str(value)) else "text"
    return "area" if one.lines > 1 else "text"


def _text(one: FormField, value: Any) -> Any:
    if one.type == "party":
        return value if isinstance(value, Mapping) else {}
    if value is None or isinstance(value, bool | list):
        return ""
    return number_text(value) if isinstance(value, int | float) else str(value)


def number_text(value: float) -> str:
    """A number as people type it: no exponent, no zeros at the end."""
    text = format(Decimal(str(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _options(one: FormField, value: Any) -> tuple[Option, ...]:
    if one.type == "boolean":
        return tuple(
            Option(str(answer).lower(), title, value is answer, f"id_{one.name}_{place}")
            for place, (answer, title) in enumerate(_YES_NO)
        )
    chosen = value if isinstance(value, list) else [value]
    return tuple(
        Option(choice.value, (choice.title_zh, choice.title_en), choice.value in chosen, f"id_{one.name}_{place}")
        for place, choice in enumerate(one.choices)
    )


def _only(one: FormField, known: Mapping[str, FormField]) -> Pair:
    """When it is asked, in words, for pages without scripts."""
    zh, en = [], []
    for name, values in one.when:
        other = known.get(name)
        if other is not None:
            said = [shown_value(other, value if other.type != "multi" else [value]) for value in values]
            zh.append(f"“{other.title_zh}”为{'或'.join(f'“{one}”' for one, _ in said)}")
            en.append(f"“{other.title_en}” is {' or '.join(f'“{one}”' for _, one in said)}")
    return (f"仅当{'且'.join(zh)}时填写。", f"Only where {' and '.join(en)}.") if zh else ("", "")


def _elsewhere(one: FormField, value: Any, sheet: Sheet) -> Pair | None:
    """What was kept elsewhere meanwhile, where it is another answer."""
    if sheet.elsewhere is None or sheet.elsewhere.get(one.name) == value:
        return None
    kept = sheet.elsewhere.get(one.name)
    return ("（空）", "(empty)") if kept in (None, "", [], {}) else shown_value(one, kept)


def _chooser(one: FormField, value: Any) -> divisions.Chooser | None:
    if one.type != "division":
        return None
    return divisions.chooser(str(value or ""), f"{one.name}{_DIVISION_PART}")


def shown_value(one: FormField, value: Any) -> Pair:
    """An answer as people read it, with its unit."""
    if isinstance(value, bool):
        return next(title for answer, title in _YES_NO if answer is value)
    if isinstance(value, Mapping):
        text = " ".join(str(value[part]) for part in ("name", "code") if value.get(part))
        return text, text
    titles = {choice.value: (choice.title_zh, choice.title_en) for choice in one.choices}
    if isinstance(value, list):
        words = [titles.get(str(part), (str(part), str(part))) for part in value]
        return "、".join(zh for zh, _ in words), ", ".join(en for _, en in words)
    if isinstance(value, int | float):
        text = f"{number_text(value)} {one.unit}".strip()
        return text, text
    return titles.get(str(value), (str(value), str(value)))
