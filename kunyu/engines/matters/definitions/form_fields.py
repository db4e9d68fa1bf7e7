"""What one field of a form is: read from the part of JSON Schema that forms may use. 表单字段.

The subset is declared here and in docs/reference/matters.md; whatever else a schema says is refused, so no schema can
make a check run for long: no references, no combinations, no nesting, patterns of known cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

Type = Literal["text", "number", "date", "choice", "multi", "boolean", "area", "division", "party"]
LONGEST_TEXT = 2_000
"""Letters of an answer where the form names no limit."""
FORMATS = ("date", "division", "credit-code", "project-code", "phone")


@dataclass(frozen=True)
class Choice:
    """One answer that is offered."""

    value: str
    title_zh: str
    title_en: str


@dataclass(frozen=True)
class FormField:
    """One field as a page shows it and a program checks it.

    ``when``: pairs (field, answers) under which this one is asked; all must hold. ``format`` is '' or one of
    ``FORMATS``. ``minimum`` and ``maximum`` are in ``unit``; areas are in m² unless the unit says otherwise.
    """

    name: str
    type: Type
    title_zh: str
    title_en: str
    is_required: bool = False
    help_zh: str = ""
    help_en: str = ""
    group_zh: str = ""
    group_en: str = ""
    order: int = 0
    unit: str = ""
    lines: int = 1
    choices: tuple[Choice, ...] = ()
    minimum: int | float | None = None
    maximum: int | float | None = None
    exclusive_minimum: int | float | None = None
    exclusive_maximum: int | float | None = None
    multiple_of: int | float | None = None
    is_whole: bool = False
    min_length: int = 0
    max_length: int = LONGEST_TEXT
    min_items: int = 0
    max_items: int | None = None
    pattern: str = ""
    format: str = ""
    when: tuple[tuple[str, tuple[str | bool, ...]], ...] = ()
    matters: tuple[str, ...] = ()
    """Codes of the matters that ask it (一网申报)."""

    def schema(self) -> dict[str, Any]:
        """The field as plain JSON Schema 2020-12, hints included: what programs outside are given."""
        return {"title": self.title_zh, "x-title-en": self.title_en, **self._hints(), **_CONSTRAINTS[self.type](self)}

    def _hints(self) -> dict[str, Any]:
        hints = {
            "description": self.help_zh, "x-description-en": self.help_en, "x-group": self.group_zh,
            "x-order": self.order, "x-unit": self.unit, "x-lines": self.lines if self.lines > 1 else "",
            "x-type": self.type if self.type in ("area", "division", "party") else "",
            "x-when": {name: list(values) for name, values in self.when},
        }  # fmt: skip
        return {key: value for key, value in hints.items() if value not in ("", {})}

    def is_asked(self, form: Mapping[str, Any], others: Mapping[str, FormField]) -> bool:
        """Is it asked, given the other answers? A field that hangs on one that is not asked is not asked either."""
        for name, wanted in self.when:
            other = others.get(name)
            if other is not None and not other.is_asked(form, others):
                return False
            given = form.get(name)
            answers = given if isinstance(given, list) else [given]
            if not any(_same(one, value) for one in answers for value in wanted):
                return False
        return True


def _same(given: Any, wanted: Any) -> bool:
    return type(given) is type(wanted) and given == wanted  # True is not 1


def _text(one: FormField) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "string", "minLength": one.min_length, "maxLength": one.max_length}
    return found | ({"pattern": one.pattern} if one.pattern else {}) | ({"format": one.format} if one.format else {})


def _number(one: FormField) -> dict[str, Any]:
    limits = {
        "minimum": one.minimum, "maximum": one.maximum, "exclusiveMinimum": one.exclusive_minimum,
        "exclusiveMaximum": one.exclusive_maximum, "multipleOf": one.multiple_of,
    }  # fmt: skip
    kind = "integer" if one.is_whole else "number"
    return {"type": kind, **{key: value for key, value in limits.items() if value is not None}}


def _offered(one: FormField) -> dict[str, Any]:
    offered = [{"const": c.value, "title": c.title_zh, "x-title-en": c.title_en} for c in one.choices]
    return {"type": "string", "oneOf": offered}


def _multi(one: FormField) -> dict[str, Any]:
    most = len(one.choices) if one.max_items is None else one.max_items
    return {"type": "array", "items": _offered(one), "minItems": one.min_items, "maxItems": most, "uniqueItems": True}


def _party(one: FormField) -> dict[str, Any]:
    """An organisation by name and credit code; people are named where codes are encrypted, never in a form."""
    parts = {
        "name": {"type": "string", "minLength": 1, "maxLength": 200},
        "code": {"type": "string", "format": "credit-code"},
    }
    return {"type": "object", "properties": parts, "required": ["name"], "additionalProperties": False}


_CONSTRAINTS: Mapping[Type, Any] = {
    "text": _text, "number": _number, "area": _number, "choice": _offered, "multi": _multi, "party": _party,
    "boolean": lambda one: {"type": "boolean"}, "date": lambda one: {"type": "string", "format": "date"},
    "division": lambda one: {"type": "string", "format": "division"},
}  # fmt: skip


def is_day(text: str) -> bool:
    """Is this a day of the calendar, ``2026-11-23``?"""
    try:
        return len(text) == 10 and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
