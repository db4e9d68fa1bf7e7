"""Tags and filters that a template of a document may use: these and no others. 文书模板的标签与过滤器.

No tag reads a file, loads a library or marks text as safe; values are plain JSON and always escaped.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation

from django.template import Library, defaultfilters, defaulttags

register = Library()

for _name, _tag in (
    ("comment", defaulttags.comment),
    ("firstof", defaulttags.firstof),
    ("for", defaulttags.do_for),
    ("if", defaulttags.do_if),
    ("spaceless", defaulttags.spaceless),
    ("with", defaulttags.do_with),
):
    register.tag(_name, _tag)

for _name in ("default", "default_if_none", "first", "floatformat", "join", "last", "length", "linebreaksbr", "upper"):
    register.filter(_name, getattr(defaultfilters, _name))

_DIGITS = "〇一二三四五六七八九"
_M2_PER_HA = Decimal(10_000)


@register.filter
def date_zh(value: object) -> str:
    """``2026-11-23`` → ``2026年11月23日``."""
    day = _day(value)
    return f"{day.year}年{day.month}月{day.day}日" if day else ""


@register.filter
def date_written(value: object) -> str:
    """``2026-11-23`` → ``二〇二六年十一月二十三日``, as under a seal."""
    day = _day(value)
    if day is None:
        return ""
    year = "".join(_DIGITS[int(digit)] for digit in f"{day.year:04d}")
    return f"{year}年{_small(day.month)}月{_small(day.day)}日"


@register.filter
def hectares(value: object) -> str:
    """Square metres as hectares with four decimals."""
    number = _number(value)
    return "" if number is None else f"{number / _M2_PER_HA:,.4f}"


@register.filter
def square_metres(value: object) -> str:
    """Square metres with two decimals."""
    number = _number(value)
    return "" if number is None else f"{number:,.2f}"


@register.filter
def item(value: object, name: str) -> object:
    """A member of a mapping whose name is no identifier: ``{{ form|item:"用地面积" }}``."""
    return value.get(name, "") if isinstance(value, dict) else ""


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _small(number: int) -> str:
    """1 to 39 in Chinese."""
    tens, ones = divmod(number, 10)
    before = "" if tens == 0 else ("十" if tens == 1 else f"{_DIGITS[tens]}十")
    return before + (_DIGITS[ones] if ones else "")


def _number(value: object) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
