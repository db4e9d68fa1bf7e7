"""One value of one row: as it is exported, and as it is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kunyu.engines.pages.listing import Badge, Cell, Column
from kunyu.engines.pages.words import person, pick

DASH = format_html('<span class="text-secondary">{}</span>', "—")


def found(column: Column, row: Any) -> object:
    """What the column says of the row, before it is shown."""
    if callable(column.value):
        return column.value(row)
    value = row
    for name in (column.value or column.key).split("."):
        if value is None:
            return None
        value = value.get(name) if isinstance(value, dict) else getattr(value, name)
        if callable(value):
            value = value()
    return value


def plain(column: Column, row: Any) -> str | int | float | bool | None:
    """The value for a file: numbers stay numbers (areas in m²), days and instants are ISO 8601 text."""
    return _plain(found(column, row))


def _plain(value: object) -> str | int | float | bool | None:
    if isinstance(value, Cell | Badge):
        return _plain(value.text)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return pick(value)


def shown(column: Column, row: Any) -> SafeString:
    """The value as HTML; everything that comes from data is escaped."""
    return _shown(column, _said(column, row))


def _said(column: Column, row: Any) -> object:
    value = found(column, row)
    return value if column.say is None or value in (None, "") else column.say(value)


def _shown(column: Column, value: object) -> SafeString:
    if isinstance(value, Cell):
        return _rich(column, value)
    if isinstance(value, Badge):
        return badge(value)
    text = _text(column, value)
    if text == "":
        return DASH
    if column.kind == "badge":
        return badge(Badge(text))
    if column.kind == "code":
        return format_html('<span class="ky-code">{}</span>', text)
    return format_html("{}", text)


def _rich(column: Column, cell: Cell) -> SafeString:
    text = _shown(column, cell.text)
    if cell.href:
        text = format_html('<a href="{}">{}</a>', cell.href, text)
    for one in cell.badges:
        text = format_html("{} {}", text, badge(one))
    note = pick(cell.note) if cell.note else ""
    if note:
        return format_html('<div>{}<br><small class="text-secondary">{}</small></div>', text, note)
    return format_html("<div>{}</div>", text) if cell.badges else text


def badge(one: Badge) -> SafeString:
    tone = "" if one.tone == "accent" else one.tone
    return format_html('<span class="ky-tag {}">{}</span>', tone, pick(one.text))


def _text(column: Column, value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return pick(("是", "yes") if value else ("否", "no"))
    if isinstance(value, int | float | Decimal) and column.is_numeric:
        return f"{float(value) / 10_000:,.4f}" if column.kind == "area" else f"{value:,}"
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d" if column.kind == "date" else "%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return person(value) if column.kind == "person" else pick(value)


def linked(column: Column, row: Any, href: str) -> SafeString:
    """The value as a link to its record, unless the cell brings a link of its own."""
    value = _said(column, row)
    if isinstance(value, Cell):
        return _rich(column, value if value.href else replace(value, href=href))
    return _rich(column, Cell(value, href=href))
