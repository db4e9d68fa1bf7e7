"""What is wrong with an answer, in a sentence for the person who gave it. 填报问题."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kunyu.engines.matters.definitions.form_fields import FormField

_SHOWN = 60
_Said = tuple[str, str, str, str]


@dataclass(frozen=True)
class Fault:
    """One fault. ``zh`` and ``en`` are whole sentences: field, value, limit, what to do."""

    field: str
    zh: str
    en: str
    value: Any = None
    limit: Any = None


def missing(one: FormField) -> Fault:
    """A field that must be filled in is empty."""
    return Fault(
        one.name, f"“{one.title_zh}”未填写，请填写。", f"“{one.title_en}” is empty; fill it in.", None, "required"
    )


def unknown(name: str, value: Any) -> Fault:
    """An answer to what nobody asked."""
    shown = name[:_SHOWN]
    return Fault(
        shown, f"表单中没有字段 {shown}，请去掉。", f"The form has no field {shown}; leave it out.", _plain(value), None
    )


def unasked(one: FormField, value: Any) -> Fault:
    """An answer to a field that is not asked under the other answers."""
    return Fault(
        one.name, f"按其他各项的填写，“{one.title_zh}”不适用，请留空（现为 {_short(value)}）。",
        f"“{one.title_en}” does not apply given the other answers; leave it empty (now {_short(value)}).", _plain(value),
        [name for name, _ in one.when],
    )  # fmt: skip


def wrong(one: FormField, value: Any, keyword: str, limit: Any) -> Fault:
    """An answer that breaks the constraint ``keyword`` of its field."""
    say = _SENTENCES.get(keyword, _other)
    why_zh, why_en, remedy_zh, remedy_en = say(one, limit)
    shown = _short(value)
    return Fault(
        one.name, f"“{one.title_zh}”填写为 {shown}，{why_zh}；{remedy_zh}。",
        f"“{one.title_en}” is {shown}: {why_en}; {remedy_en}.", _plain(value), limit if _is_plain(limit) else None,
    )  # fmt: skip


def _unit(one: FormField) -> str:
    return f" {one.unit}" if one.unit else ""


def _least(one: FormField, limit: Any) -> _Said:
    return (f"小于最小值 {limit}{_unit(one)}", f"below the minimum of {limit}{_unit(one)}",
            f"请填不小于 {limit} 的数", f"give a number of at least {limit}")  # fmt: skip


def _most(one: FormField, limit: Any) -> _Said:
    return (f"大于最大值 {limit}{_unit(one)}", f"above the maximum of {limit}{_unit(one)}",
            f"请填不大于 {limit} 的数", f"give a number of at most {limit}")  # fmt: skip


def _above(one: FormField, limit: Any) -> _Said:
    return (f"须大于 {limit}{_unit(one)}", f"must be more than {limit}{_unit(one)}",
            f"请填大于 {limit} 的数", f"give a number above {limit}")  # fmt: skip


def _below(one: FormField, limit: Any) -> _Said:
    return (f"须小于 {limit}{_unit(one)}", f"must be less than {limit}{_unit(one)}",
            f"请填小于 {limit} 的数", f"give a number below {limit}")  # fmt: skip


def _step(one: FormField, limit: Any) -> _Said:
    return (f"不是 {limit} 的整数倍", f"no multiple of {limit}", f"请按 {limit} 取整", f"round it to {limit}")


def _long(one: FormField, limit: Any) -> _Said:
    return (
        f"超过 {limit} 字",
        f"longer than {limit} letters",
        f"请缩短到 {limit} 字以内",
        f"shorten it to {limit} letters",
    )


def _brief(one: FormField, limit: Any) -> _Said:
    return (
        f"不足 {limit} 字",
        f"shorter than {limit} letters",
        f"请填写至少 {limit} 字",
        f"write at least {limit} letters",
    )


def _few(one: FormField, limit: Any) -> _Said:
    return (f"少于 {limit} 项", f"fewer than {limit} choices", f"请至少选 {limit} 项", f"choose at least {limit}")


def _many(one: FormField, limit: Any) -> _Said:
    return (f"多于 {limit} 项", f"more than {limit} choices", f"请至多选 {limit} 项", f"choose at most {limit}")


def _twice(one: FormField, limit: Any) -> _Said:
    return ("有重复项", "something is chosen twice", "请每项只选一次", "choose each once")


def _offered(one: FormField, limit: Any) -> _Said:
    zh = "、".join(choice.title_zh for choice in one.choices[:12]) + ("等" if len(one.choices) > 12 else "")
    en = ", ".join(choice.title_en for choice in one.choices[:12]) + (" and others" if len(one.choices) > 12 else "")
    return ("不在选项中", "is not offered", f"请从 {zh} 中选择", f"choose one of {en}")


def _pattern(one: FormField, limit: Any) -> _Said:
    help_zh, help_en = one.help_zh or f"格式为 {limit}", one.help_en or f"the format is {limit}"
    return ("格式不符", "is not in the right format", f"请按说明填写：{help_zh}", f"see the note: {help_en}")


_FORMATS: Mapping[str, _Said] = {
    "date": ("不是有效日期", "is no day of the calendar", "请写成 2026-11-23 的样子", "write it like 2026-11-23"),
    "division": ("不是6、9或12位区划代码", "is no division code of 6, 9 or 12 digits", "请从列表中选择区划",
                 "choose a division from the list"),
    "credit-code": ("不是有效的统一社会信用代码（18位，含校验码）",
                    "is no social credit code (18 characters with a check character)", "请对照证照核对",
                    "compare it with the licence; personal ids are not written in forms"),
    "project-code": ("不是投资项目代码（如 2026-990101-47-01-000123）",
                     "is no investment project code (such as 2026-990101-47-01-000123)", "请对照项目赋码通知核对",
                     "compare it with the notice that gave the code"),
    "phone": ("不是电话号码", "is no telephone number", "请填11位手机号或带区号的固定电话",
              "give 11 digits of a mobile telephone, or a number with its area code"),
}  # fmt: skip


def _format(one: FormField, limit: Any) -> _Said:
    return _FORMATS[limit]


_TYPES: Mapping[str, _Said] = {
    "text": ("须为文本", "must be text", "请填写文字", "write text"),
    "number": ("须为数", "must be a number", "请只填阿拉伯数字", "write digits only"),
    "area": ("须为数", "must be a number", "请只填阿拉伯数字", "write digits only"),
    "date": ("须为日期", "must be a day", "请写成 2026-11-23 的样子", "write it like 2026-11-23"),
    "boolean": ("须为是或否", "must be yes or no", "请选择是或否", "choose yes or no"),
    "multi": ("须为若干选项", "must be a list of choices", "请从选项中选择", "choose from what is offered"),
    "division": ("须为区划代码", "must be a division code", "请从列表中选择区划", "choose a division from the list"),
    "party": ("须有名称", "must have a name", "请填写单位名称和统一社会信用代码", "give name and social credit code"),
}  # fmt: skip


def _type(one: FormField, limit: Any) -> _Said:
    if one.type == "number" and one.is_whole:
        return ("须为整数", "must be a whole number", "请填整数", "write a whole number")
    return _TYPES.get(one.type, _TYPES["text"]) if one.type != "choice" else _offered(one, limit)


def _other(one: FormField, limit: Any) -> _Said:
    return _TYPES.get(one.type, ("不符合要求", "does not fit", "请按说明改正", "see the note of the field"))


_SENTENCES: Mapping[str, Callable[[FormField, Any], _Said]] = {
    "type": _type, "minimum": _least, "maximum": _most, "exclusiveMinimum": _above, "exclusiveMaximum": _below,
    "multipleOf": _step, "maxLength": _long, "minLength": _brief, "minItems": _few, "maxItems": _many,
    "uniqueItems": _twice, "oneOf": _offered, "const": _offered, "pattern": _pattern, "format": _format,
}  # fmt: skip


def _is_plain(value: Any) -> bool:
    return isinstance(value, int | float | str)


def _plain(value: Any) -> Any:
    """The value for programs: short, and fit for JSON."""
    return value if isinstance(value, bool | int) else str(value)[:_SHOWN]


def _short(value: Any) -> str:
    if isinstance(value, str):
        return f"“{value if len(value) <= _SHOWN else value[: _SHOWN - 1] + '…'}”"
    text = str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
