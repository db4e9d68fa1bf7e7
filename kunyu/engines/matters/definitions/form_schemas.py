"""Reads a form: JSON Schema 2020-12 in the declared subset, into fields. 表单声明.

Every fault names file, key and value. ``read_fields`` is pure: no file, no database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from kunyu.engines.matters.definitions.faults import Place, bad
from kunyu.engines.matters.definitions.form_fields import FORMATS, LONGEST_TEXT, Choice, FormField, Type
from kunyu.engines.matters.definitions.patterns import UnsafePattern, require_safe

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_FIELDS = 200
MOST_CHOICES = 500
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
RESERVED = frozenset(
    {"outcome", "conflicts", "not_checked", "refused", "true", "false", "and", "or", "not", "in", "none"}
)
"""Names that conditions of flows give another meaning."""
_ROOT = {"$schema", "$id", "$comment", "title", "x-title-en", "description", "type", "properties", "required",
         "additionalProperties", "x-groups"}  # fmt: skip
_COMMON = {"type", "title", "x-title-en", "description", "x-description-en", "x-type", "x-order", "x-group", "x-unit",
           "x-when", "$comment"}  # fmt: skip
_OF_TYPE: Mapping[str, set[str]] = {
    "text": {"minLength", "maxLength", "pattern", "format", "x-lines"},
    "date": {"format"}, "division": set(), "party": set(), "boolean": set(),
    "choice": {"oneOf", "enum", "x-enum-en"}, "multi": {"items", "minItems", "maxItems", "uniqueItems"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "area": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}  # fmt: skip
_X_TYPES = {"area": "number", "division": "string", "party": "object"}


def read_fields(schema: Mapping[str, Any], place: Place, matter: str = "") -> tuple[FormField, ...]:
    """Fields of a form in the order in which they are shown; () for no form.

    Raises
    ------
    BadMatter
        A keyword outside the subset, a limit that makes no sense, a pattern that could run for long, a condition on a
        field that is not there or on itself.
    """
    if not schema:
        return ()
    _check_root(schema, place)
    properties, required = schema["properties"], schema.get("required", [])
    if not all(isinstance(one, str) and one in properties for one in required):
        raise bad(place.at("required"), required, "列出了没有的字段", "names a field that is not there",
                  "只列 properties 中的字段名", "List names of properties only")  # fmt: skip
    groups = schema.get("x-groups", {})
    fields = [
        _field(name, part, place.at("properties").at(name), name in required, groups, matter)
        for name, part in properties.items()
    ]
    _check_conditions({one.name: one for one in fields}, place.at("properties"))
    return tuple(sorted(fields, key=lambda one: one.order))


def _check_root(schema: Mapping[str, Any], place: Place) -> None:
    _only(schema, _ROOT, place)
    _is(schema.get("$schema", DIALECT) == DIALECT, place.at("$schema"), schema.get("$schema"),
        "不是 JSON Schema 2020-12", "is not JSON Schema 2020-12", f"写 {DIALECT}", f"Write {DIALECT}")  # fmt: skip
    _is(schema.get("type") == "object" and isinstance(schema.get("properties"), dict), place.at("type"),
        schema.get("type"), "表单须是有 properties 的 object", "a form is an object with properties",
        "写 \"type\": \"object\" 和 properties", "Write type object and properties")  # fmt: skip
    _is(schema.get("additionalProperties", False) is False, place.at("additionalProperties"), True,
        "不允许未声明的字段", "fields that are not declared are never taken", "删去或写 false", "Leave out or say false")  # fmt: skip
    count = len(schema["properties"])
    _is(0 < count <= MOST_FIELDS, place.at("properties"), count, f"字段数须为1至{MOST_FIELDS}",
        f"a form has 1 to {MOST_FIELDS} fields", "拆分或精简表单", "Split the form")  # fmt: skip
    groups = schema.get("x-groups", {})
    _is(isinstance(groups, dict) and all(isinstance(one, str) for one in groups.values()), place.at("x-groups"), groups,
        "须为“中文组名: 英文组名”", "must map Chinese group titles to English ones",
        "如 {\"项目\": \"Project\"}", 'For instance {"项目": "Project"}')  # fmt: skip
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        path = ".".join(map(str, error.absolute_path))
        raise bad(place.at(path) if path else place, error.instance, f"不符合 JSON Schema：{error.message[:160]}",
                  f"no valid JSON Schema: {error.message[:160]}", "改正后重试", "Correct it") from error  # fmt: skip


def _field(name: str, part: Any, place: Place, is_required: bool, groups: Mapping[str, str], matter: str) -> FormField:
    _is(NAME.fullmatch(name) is not None and name not in RESERVED, place, name,
        "字段名须为小写字母、数字、下划线，且不是保留名", "a name is lower-case letters, digits, underscores, and not reserved",
        "换一个字段名", "Choose another name")  # fmt: skip
    _is(isinstance(part, dict), place, part, "字段须是对象", "a field is an object", "写成对象", "Write an object")
    kind = _kind(part, place)
    _only(part, _COMMON | _OF_TYPE[kind], place)
    for key in ("title", "x-title-en"):
        _is(isinstance(part.get(key), str) and 0 < len(part[key].strip()) <= 200, place.at(key), part.get(key),
            "须有中英文名称（至多200字）", "titles in both languages are needed, at most 200 letters",
            "补上 title 与 x-title-en", "Give title and x-title-en")  # fmt: skip
    group = _text(part, "x-group", place)
    _is(isinstance(part.get("x-order", 0), int), place.at("x-order"), part.get("x-order"), "须为整数", "must be a whole number",
        "写整数", "Write a whole number")  # fmt: skip
    return FormField(
        name=name, type=kind, title_zh=part["title"].strip(), title_en=part["x-title-en"].strip(), is_required=is_required,
        help_zh=_text(part, "description", place), help_en=_text(part, "x-description-en", place), group_zh=group,
        group_en=groups.get(group, group), order=part.get("x-order", 0), when=_when(part, place),
        matters=(matter,) if matter else (),
        unit=_text(part, "x-unit", place) or ("m²" if kind == "area" else ""), **_LIMITS[kind](part, place),
    )  # fmt: skip


def _kind(part: Mapping[str, Any], place: Place) -> Type:
    declared, special = part.get("type"), part.get("x-type")
    if special is not None:
        _is(_X_TYPES.get(str(special)) == declared, place.at("x-type"), special,
            f"须为 {'、'.join(_X_TYPES)}，且与 type 相符", f"one of {', '.join(_X_TYPES)}, fitting the type",
            "area 配 number，division 配 string，party 配 object", "area is a number, division a string, party an object")  # fmt: skip
        return special  # type: ignore[no-any-return]
    if declared == "string" and ("oneOf" in part or "enum" in part):
        return "choice"
    if declared == "string" and part.get("format") == "date":
        return "date"
    found = {"string": "text", "number": "number", "integer": "number", "boolean": "boolean", "array": "multi"}.get(
        str(declared)
    )
    _is(found is not None, place.at("type"), declared, "没有这种字段类型", "there is no such type of field",
        "用 string、number、integer、boolean、array 或 x-type", "Use string, number, integer, boolean, array or an x-type")  # fmt: skip
    return found  # type: ignore[return-value]


# -- limits by type -------------------------------------------------------------------------------------------------


def _of_text(part: Mapping[str, Any], place: Place) -> dict[str, Any]:
    least, most = part.get("minLength", 0), part.get("maxLength", LONGEST_TEXT)
    _is(0 <= least <= most <= LONGEST_TEXT, place.at("maxLength"), most, f"长度限制须为0至{LONGEST_TEXT}，且最短不超过最长",
        f"limits of length are 0 to {LONGEST_TEXT}, the least not above the most", "调整 minLength、maxLength",
        "Mend minLength, maxLength")  # fmt: skip
    known = part.get("format", "")
    _is(known == "" or known in FORMATS, place.at("format"), known, f"没有这种格式；可用 {'、'.join(FORMATS)}",
        f"no such format; one of {', '.join(FORMATS)}", "换一种格式或用 pattern", "Use another or a pattern")  # fmt: skip
    lines, pattern = part.get("x-lines", 1), part.get("pattern", "")
    _is(isinstance(lines, int) and 1 <= lines <= 30, place.at("x-lines"), lines, "行数须为1至30", "lines are 1 to 30",
        "调整 x-lines", "Mend x-lines")  # fmt: skip
    if pattern:
        try:
            require_safe(pattern, most)
        except UnsafePattern as fault:
            raise bad(place.at("pattern"), pattern, fault.zh, fault.en, "改用更简单、有界的模式，或缩短 maxLength",
                      "Use a simpler, bounded pattern or a smaller maxLength") from fault  # fmt: skip
    return {"min_length": least, "max_length": most, "format": known, "pattern": pattern, "lines": lines}


def _of_number(part: Mapping[str, Any], place: Place) -> dict[str, Any]:
    least = part.get("minimum", part.get("exclusiveMinimum"))
    most = part.get("maximum", part.get("exclusiveMaximum"))
    _is(least is None or most is None or least <= most, place.at("maximum"), most, "最小值大于最大值",
        "the minimum is above the maximum", "调整上下限", "Mend the limits")  # fmt: skip
    return {
        "minimum": part.get("minimum"), "maximum": part.get("maximum"), "multiple_of": part.get("multipleOf"),
        "exclusive_minimum": part.get("exclusiveMinimum"), "exclusive_maximum": part.get("exclusiveMaximum"),
        "is_whole": part["type"] == "integer",
    }  # fmt: skip


def _of_choice(part: Mapping[str, Any], place: Place) -> dict[str, Any]:
    if "enum" in part:
        english = part.get("x-enum-en", part["enum"])
        _is(isinstance(english, list) and len(english) == len(part["enum"]), place.at("x-enum-en"), english,
            "须与 enum 一一对应", "must stand beside enum, one for one", "补齐英文", "Complete it")  # fmt: skip
        given = [{"const": one, "title": one, "x-title-en": en} for one, en in zip(part["enum"], english, strict=True)]
    else:
        given = part.get("oneOf", [])
    return {"choices": _choices(given, place.at("enum" if "enum" in part else "oneOf"))}


def _choices(given: Any, place: Place) -> tuple[Choice, ...]:
    _is(isinstance(given, list) and 0 < len(given) <= MOST_CHOICES, place, len(given), f"选项数须为1至{MOST_CHOICES}",
        f"1 to {MOST_CHOICES} choices", "调整选项", "Mend the choices")  # fmt: skip
    found = []
    for number, one in enumerate(given):
        here = place.at(number)
        _is(isinstance(one, dict), here, one, "选项须是对象", "a choice is an object", "写 const、title、x-title-en",
            "Write const, title, x-title-en")  # fmt: skip
        _only(one, {"const", "title", "x-title-en"}, here)
        value, title = one.get("const"), one.get("title", one.get("const"))
        english = one.get("x-title-en", title)
        _is(all(isinstance(text, str) and 0 < len(text) <= 200 for text in (value, title, english)), here, value,
            "选项的值和名称须为1至200字的文本", "value and titles are texts of 1 to 200 letters", "改为文本", "Use text")  # fmt: skip
        found.append(Choice(value, title, english))
    _is(len({one.value for one in found}) == len(found), place, None, "选项的值重复", "a value is offered twice",
        "去掉重复项", "Offer it once")  # fmt: skip
    return tuple(found)


def _of_multi(part: Mapping[str, Any], place: Place) -> dict[str, Any]:
    items: Any = part.get("items")
    _is(isinstance(items, dict) and items.get("type", "string") == "string", place.at("items"), items,
        "多选的 items 须是文本选项", "items of a multiple choice are text choices", "写 oneOf 或 enum", "Write oneOf or enum")  # fmt: skip
    _only(items, {"type", "oneOf", "enum", "x-enum-en"}, place.at("items"))
    choices = _of_choice(items, place.at("items"))["choices"]
    least, most = part.get("minItems", 0), part.get("maxItems", len(choices))
    _is(0 <= least <= most, place.at("minItems"), least, "最少项数大于最多项数", "the least is above the most",
        "调整 minItems、maxItems", "Mend minItems, maxItems")  # fmt: skip
    return {"choices": choices, "min_items": least, "max_items": most}


def _of_nothing(part: Mapping[str, Any], place: Place) -> dict[str, Any]:
    return {}


_LIMITS: Mapping[str, Callable[[Mapping[str, Any], Place], dict[str, Any]]] = {
    "text": _of_text, "number": _of_number, "area": _of_number, "choice": _of_choice, "multi": _of_multi,
    "boolean": _of_nothing, "date": _of_nothing, "division": _of_nothing, "party": _of_nothing,
}  # fmt: skip


# -- conditions -----------------------------------------------------------------------------------------------------


def _when(part: Mapping[str, Any], place: Place) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """``"field"`` (answered yes), or ``{"field": answer or [answers]}``, all of which must hold."""
    given = part.get("x-when")
    if given is None:
        return ()
    if isinstance(given, str):
        given = {given: True}
    _is(isinstance(given, dict) and 0 < len(given) <= 5, place.at("x-when"), given, "条件须为字段名或“字段: 取值”",
        "a condition is a field or maps fields to answers", "如 {\"use\": [\"A\"]}", 'For instance {"use": ["A"]}')  # fmt: skip
    found = {name: tuple(value) if isinstance(value, list) else (value,) for name, value in given.items()}
    _is(all(isinstance(one, str | bool) for values in found.values() for one in values), place.at("x-when"), given,
        "取值须为文本或是否", "answers are texts or yes and no", "只用选项的值或 true/false", "Use values of choices or true/false")  # fmt: skip
    return tuple(sorted(found.items()))


def _check_conditions(fields: Mapping[str, FormField], place: Place) -> None:
    for one in fields.values():
        for name, values in one.when:
            here, other = place.at(one.name).at("x-when"), fields.get(name)
            offered: set[Any] | None = None
            if other is not None:
                offered = {True, False} if other.type == "boolean" else {choice.value for choice in other.choices}
            _is(offered is not None and all(value in offered for value in values), here, {name: list(values)},
                "条件所依的字段不存在，或没有这个选项", "the field it hangs on is not there or has no such answer",
                "写选择或是否字段及其选项", "Name a choice or yes-no field and its answers")  # fmt: skip
        _is(one.name not in _above(one, fields, frozenset()), place.at(one.name).at("x-when"), dict(one.when),
            "条件互相依赖", "conditions hang on one another", "去掉其中一个条件", "Remove one of them")  # fmt: skip


def _above(one: FormField, fields: Mapping[str, FormField], seen: frozenset[str]) -> frozenset[str]:
    for name, _ in one.when:
        if name in fields and name not in seen:
            seen = _above(fields[name], fields, seen | {name})
    return seen


# -- small parts ----------------------------------------------------------------------------------------------------


def _only(part: Mapping[str, Any], allowed: set[str], place: Place) -> None:
    strange = sorted(set(part) - allowed)
    if strange:
        raise bad(place.at(strange[0]), part[strange[0]], f"表单不支持关键字 {strange[0]}",
                  f"forms do not know the keyword {strange[0]}", "删去；可用关键字见 docs/reference/matters.md",
                  "Remove it; docs/reference/matters.md lists what may be used")  # fmt: skip


def _text(part: Mapping[str, Any], key: str, place: Place) -> str:
    value = part.get(key, "")
    _is(isinstance(value, str) and len(value) <= 500, place.at(key), value, "须为文本，至多500字",
        "must be text of at most 500 letters", "改为文本", "Use text")  # fmt: skip
    return value.strip()  # type: ignore[no-any-return]


def _is(fact: bool, place: Place, value: Any, zh: str, en: str, remedy_zh: str, remedy_en: str) -> None:
    if not fact:
        raise bad(place, value, zh, en, remedy_zh, remedy_en)
