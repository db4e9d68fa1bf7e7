"""Draws a :class:`Listing`: filtered, searched, sorted, paged, with saved views; or hands it out as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render as render_template
from django.utils.safestring import SafeString

from kunyu.engines.pages import asked as questions
from kunyu.engines.pages import cells, export
from kunyu.engines.pages.asked import Asked
from kunyu.engines.pages.listing import Column, Listing
from kunyu.engines.pages.models import SavedView
from kunyu.engines.pages.person import person_of
from kunyu.engines.pages.settings import pages_settings
from kunyu.engines.pages.words import pick


@dataclass(frozen=True)
class Heading:
    """A header cell: ``sorted_as`` is the value of aria-sort, '' where the column cannot be sorted."""

    column: Column
    href: str
    sorted_as: str


@dataclass(frozen=True)
class Field:
    """One filter with what was typed, as the form shows it again."""

    filter: Any
    value: str
    first: str
    last: str
    choices: list[tuple[str, str, bool]]


@dataclass(frozen=True)
class Line:
    """A row: its object, for templates that add to it, and its cells in order of the columns."""

    row: Any
    cells: tuple[tuple[Column, SafeString], ...]


@dataclass(frozen=True)
class Page:
    """Where we are in the list. ``total`` is exact unless ``more`` says that there are more than that.

    ``number`` 0: the page was read by key (:func:`render_keyed`); ``total`` counts its own rows, ``previous`` is the first.
    """

    number: int
    total: int
    more: bool
    first: int
    last: int
    previous: str
    following: str


def render(
    request: HttpRequest, listing: Listing, template: str = "pages/list.html", **context: object
) -> HttpResponseBase:
    """The list as the address asks for it; with ``?format=csv`` (xlsx, json) the same rows as a file.

    ``template`` may extend ``pages/list.html`` and fill its blocks ``before_list`` and ``after_list``.
    """
    asked = questions.read(listing, request.GET)
    rows = questions.matching(listing, asked)
    form = request.GET.get("format", "")
    if form in listing.exports:
        return export.answer(request, listing, asked, rows, form)
    lines, page = _page(listing, asked, rows)
    return _drawn(request, listing, asked, lines, page, template, context)


def render_keyed(
    request: HttpRequest, listing: Listing, asked: Asked, found: list[Any], after: str = "",
    template: str = "pages/list.html", **context: object,
) -> HttpResponse:  # fmt: skip
    """A list too long to be counted, whose rows the caller read by key; ``after``: the key of the next page, '' at the end."""
    page = Page(
        number=0, total=len(found), more=bool(after), first=0, last=0,
        previous=asked.query() if request.GET.get("after") else "", following=asked.query(after=after) if after else "",
    )  # fmt: skip
    return _drawn(request, listing, asked, _lines(listing, asked, found), page, template, context)


def _lines(listing: Listing, asked: Asked, found: list[Any]) -> list[Line]:
    return [Line(row, tuple(_cell(column, row, listing, i) for i, column in enumerate(asked.columns))) for row in found]


def _drawn(
    request: HttpRequest, listing: Listing, asked: Asked, lines: list[Line], page: Page, template: str,
    context: dict[str, object],
) -> HttpResponse:  # fmt: skip
    return render_template(request, template, {
        "listing": listing,
        "asked": asked,
        "headings": [_heading(one, asked) for one in asked.columns],
        "fields": [_field(one, asked) for one in listing.filters if not one.folded],
        "folded": [_field(one, asked) for one in listing.filters if one.folded],
        "has_folded": any(one.folded and one.key in asked.values for one in listing.filters),
        "lines": lines,
        "page": page,
        "views": _views(request, listing),
        "keeps_views": person_of(request) is not None,
        "here": asked.query(),
        "exports": [(form.upper(), asked.query(format=form)) for form in listing.exports],
        "sort_value": ("-" if asked.descending else "") + asked.sort,
        **context,
    })  # fmt: skip


def _heading(column: Column, asked: Asked) -> Heading:
    """A click sorts upwards, the next one downwards."""
    if column.sort == "":
        return Heading(column, "", "")
    current = asked.sort == column.key
    href = asked.query(sort=f"-{column.key}" if current and not asked.descending else column.key)
    state = ("descending" if asked.descending else "ascending") if current else "none"
    return Heading(column, href, state)


def _field(one: Any, asked: Asked) -> Field:
    value = asked.typed.get(one.key, "")
    choices = [(key, pick((zh, en)), key == value) for key, zh, en in one.offered()] if one.kind == "choice" else []
    first, last = (asked.typed.get(f"{one.key}_{end}", "") for end in ("from", "to"))
    return Field(one, value, first, last, choices)


def _page(listing: Listing, asked: Asked, rows: Any) -> tuple[list[Line], Page]:
    limit = pages_settings().count_exactly
    counted = rows.order_by()[: limit + 1].count()
    total = min(counted, limit)
    size = listing.per_page
    number = max(1, min(asked.page, -(-total // size)))
    start = (number - 1) * size
    found = list(rows[start : min(start + size, total)])
    return _lines(listing, asked, found), Page(
        number=number,
        total=total,
        more=counted > limit,
        first=start + 1 if found else 0,
        last=start + len(found),
        previous=asked.query(page=str(number - 1)) if number > 1 else "",
        following=asked.query(page=str(number + 1)) if start + len(found) < total else "",
    )


def _cell(column: Column, row: Any, listing: Listing, place: int) -> tuple[Column, SafeString]:
    if place == 0 and listing.href is not None:
        return column, cells.linked(column, row, listing.href(row))
    return column, cells.shown(column, row)


def _views(request: HttpRequest, listing: Listing) -> list[SavedView]:
    person = person_of(request)
    return list(SavedView.objects.filter(user_id=person, listing=listing.name).order_by("title")) if person else []
