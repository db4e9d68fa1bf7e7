"""Tags of lists, forms and records."""

from __future__ import annotations

from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from kunyu.engines.pages import cells
from kunyu.engines.pages.listing import Badge, Column
from kunyu.engines.pages.words import person, pick

register = template.Library()
register.filter("person", person)


@register.filter
def words(pair: object) -> str:
    """``{{ listing.title|words }}``: a (zh, en) pair in the language of the page."""
    return pick(pair) if pair else ""


@register.filter
def value_of(fact: Any) -> SafeString:
    """``{{ fact|value_of }}``: the value of a record's fact, escaped, in the manner of its kind."""
    return cells.shown(Column("fact", ("", ""), value=lambda one: one.value, kind=fact.kind), fact)


@register.filter
def as_badge(badge: Badge) -> SafeString:
    """``{{ one|as_badge }}``"""
    return cells.badge(badge)


@register.simple_tag
def field_widget(field: BoundField) -> SafeString:
    """The widget, tied to its help and its errors for people who hear the page."""
    told = [f"{field.auto_id}_help"] if field.help_text else []
    told += [f"{field.auto_id}_error"] if field.errors else []
    attrs: dict[str, Any] = {"aria-describedby": " ".join(told)} if told else {}
    if field.errors:
        attrs |= {"aria-invalid": "true", "class": f"{field.field.widget.attrs.get('class', '')} is-invalid"}
    return field.as_widget(attrs=attrs)


@register.filter
def is_check(field: BoundField) -> bool:
    return isinstance(field.field.widget, CheckboxInput)


@register.filter
def is_group(field: BoundField) -> bool:
    return isinstance(field.field.widget, CheckboxSelectMultiple | RadioSelect)


@register.simple_tag
def priority_class(column: Column) -> SafeString:
    """Classes of a cell: numbers to the right, less important columns leave small screens."""
    names = (["num"] if column.is_numeric else []) + ([f"ky-p{column.priority}"] if column.priority > 1 else [])
    names += ["text-nowrap"] if column.kind in ("date", "time") else []
    return format_html("{}", " ".join(names))
