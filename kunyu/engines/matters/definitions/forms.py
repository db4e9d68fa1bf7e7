"""Forms of matters: what is asked, whether answers fit, several matters asked at once. 表单（一网申报）.

``check_form`` judges answers against JSON Schema 2020-12 and says each fault in a sentence that names field, value,
limit and what to do. Answers of fields that are not asked under the others' answers are not taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from kunyu.engines.matters.definitions.faults import Place, bad
from kunyu.engines.matters.definitions.form_faults import Fault, missing, unasked, unknown, wrong
from kunyu.engines.matters.definitions.form_fields import FormField, is_day
from kunyu.engines.matters.definitions.form_schemas import DIALECT, read_fields
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.definitions.patterns import compiled
from kunyu.kernel.identifiers import is_credit_code, is_division
from kunyu.kernel.project_codes import is_project_code

__all__ = ["Fault", "FormField", "answers_of", "check_form", "fields_of", "schema_of"]

MOST_ANSWERS = 400
_SHOWN_ONLY = ("order", "group_zh", "group_en", "help_zh", "help_en", "is_required", "matters", "lines")
"""What two declarations of one field may differ in: the first one is shown."""


def fields_of(definitions: Definition | Iterable[Definition]) -> tuple[FormField, ...]:
    """Fields of one matter's form, or of several together: fields of one name are asked once.

    Raises
    ------
    BadMatter
        Two matters declare a field of one name in ways that contradict each other.
    """
    several = (definitions,) if isinstance(definitions, Definition) else tuple(definitions)
    return _merged(tuple((one.code, _fields_of_one(_Kept(one))) for one in several))


class _Kept:
    """A definition compared by the digest of its form, so that its fields are read once."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.key = (definition.code, definition.form_digest)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Kept) and self.key == other.key


@lru_cache(maxsize=500)
def _fields_of_one(kept: _Kept) -> tuple[FormField, ...]:
    return read_fields(kept.definition.form, Place(f"form of {kept.definition.code}"), kept.definition.code)


def _merged(forms: Sequence[tuple[str, tuple[FormField, ...]]]) -> tuple[FormField, ...]:
    found: dict[str, FormField] = {}
    for code, fields in forms:
        for one in fields:
            earlier = found.get(one.name)
            found[one.name] = one if earlier is None else _joined(earlier, one, code)
    return tuple(found.values())


def _joined(earlier: FormField, later: FormField, code: str) -> FormField:
    for key in vars(later):
        if key not in _SHOWN_ONLY and getattr(earlier, key) != getattr(later, key):
            asked = "、".join(earlier.matters)
            raise bad(
                Place(f"form of {code}", later.name), getattr(later, key),
                f"与事项 {asked} 的同名字段在 {key} 上矛盾（{getattr(earlier, key)}）",
                f"contradicts the field of that name of {', '.join(earlier.matters)} in {key} ({getattr(earlier, key)})",
                "同名字段须同样声明，或改名", "Declare it alike or rename it",
            )  # fmt: skip
    return replace(
        earlier, is_required=earlier.is_required or later.is_required, matters=(*earlier.matters, *later.matters)
    )


def schema_of(definitions: Definition | Iterable[Definition]) -> dict[str, Any]:
    """The form as one JSON Schema 2020-12, hints included."""
    fields = fields_of(definitions)
    return _schema(fields, [one.name for one in fields if one.is_required and not one.when])


def _schema(fields: Iterable[FormField], required: list[str]) -> dict[str, Any]:
    return {
        "$schema": DIALECT, "type": "object", "properties": {one.name: one.schema() for one in fields},
        "required": required, "additionalProperties": False,
    }  # fmt: skip


def answers_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """The form without what was left empty: blank texts, empty lists, nulls."""
    return {name: value for name, value in form.items() if not _is_empty(value)}


def _is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or value in ([], {})


def check_form(definitions: Definition | Iterable[Definition], form: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with the answers, field by field in the order of the form; [] when they fit.

    Parameters
    ----------
    form : mapping
        Answers by field name, JSON values: areas and numbers are numbers, days ``2026-11-23``, several choices a list,
        a party ``{"name", "code"}``.
    """
    fields = {one.name: one for one in fields_of(definitions)}
    answers = answers_of(form)
    faults = [unknown(name, answers[name]) for name in sorted(set(answers) - set(fields))][:MOST_ANSWERS]
    asked = {name: one for name, one in fields.items() if one.is_asked(answers, fields)}
    faults += [unasked(fields[name], answers[name]) for name in answers if name in fields and name not in asked]
    faults += [missing(one) for name, one in asked.items() if one.is_required and name not in answers]
    for name, one in asked.items():
        if name in answers:
            faults += _faults_of(one, answers[name])
    places = {name: place for place, name in enumerate(fields)}
    return sorted(faults, key=lambda one: places.get(one.field, len(places)))


def _faults_of(one: FormField, value: Any) -> list[Fault]:
    if isinstance(value, float) and not math.isfinite(value):
        return [wrong(one, value, "type", None)]
    errors = list(_validator(one).iter_errors(value))
    # one sentence per field says what to do; the first by place is what a person mends first
    return [wrong(one, error.instance, *_said(error)) for error in errors[:1]]


def _said(error: ValidationError) -> tuple[str, Any]:
    return str(error.validator), error.validator_value


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterable[ValidationError]:
    if isinstance(value, str) and compiled(pattern).search(value) is None:
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_Validator = extend(Draft202012Validator, {"pattern": _pattern})
_formats = FormatChecker(formats=())


@lru_cache(maxsize=2000)
def _validator(one: FormField) -> Any:
    return _Validator(one.schema(), format_checker=_formats)


def _format(name: str, holds: Any) -> None:
    _formats.checks(name)(lambda value: not isinstance(value, str) or holds(value))


_format("date", is_day)
_format("division", is_division)
_format("credit-code", is_credit_code)
_format("project-code", is_project_code)
_format("phone", lambda text: compiled(r"^(1\d{10}|0\d{2,3}-?\d{7,8}(-\d{1,6})?)$").search(text) is not None)
