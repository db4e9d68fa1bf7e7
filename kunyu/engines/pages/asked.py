"""What a person asked a list for, read from the address; nothing in it is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.http import QueryDict

from kunyu.engines.pages.listing import Column, Filter, Listing
from kunyu.engines.pages.words import Pair

WORDS_LONG = 80
WORDS_MOST = 8
VALUE_LONG = 120
_LOOKUPS = ("exact", "iexact", "startswith", "istartswith", "icontains", "contains", "endswith")


@dataclass(frozen=True)
class Asked:
    """The question to a list. ``typed`` holds what goes back into the form, ``values`` what is applied."""

    words: str
    typed: Mapping[str, str]
    values: Mapping[str, Any]
    sort: str
    descending: bool
    columns: tuple[Column, ...]
    chosen: bool
    page: int
    problems: tuple[Pair, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.words or self.values)

    def query(self, **changes: str | None) -> str:
        """The query string of this question with ``changes``; None drops a name. Begins with '?'."""
        found = QueryDict(mutable=True)
        if self.words:
            found["q"] = self.words
        for name, text in self.typed.items():
            if text:
                found[name] = text
        if self.sort:
            found["sort"] = ("-" if self.descending else "") + self.sort
        if self.chosen:
            found.setlist("col", [one.key for one in self.columns])
        for name, value in changes.items():
            found.pop(name, None)
            if value is not None:
                found[name] = value
        return "?" + found.urlencode()


def read(listing: Listing, given: QueryDict) -> Asked:
    """Read the address; what it says wrongly is told in ``problems`` and not applied."""
    typed: dict[str, str] = {}
    values: dict[str, Any] = {}
    problems: list[Pair] = []
    for one in listing.filters:
        _read_filter(one, given, typed, values, problems)
    sort = given.get("sort", "")
    column = listing.column(sort.removeprefix("-"))
    sortable = column is not None and column.sort != ""
    names = given.getlist("col")
    chosen = tuple(one for one in listing.columns if one.key in names)
    return Asked(
        words=_clean(given.get("q", ""), WORDS_LONG),
        typed=typed,
        values=values,
        sort=sort.removeprefix("-") if sortable else "",
        descending=sortable and sort.startswith("-"),
        columns=chosen or tuple(one for one in listing.columns if one.shown),
        chosen=bool(chosen),
        page=_page(given.get("page", "")),
        problems=tuple(problems),
    )


def _clean(text: str, longest: int) -> str:
    """Without the NUL that PostgreSQL refuses, cut to ``longest`` characters."""
    return text.replace("\0", "").strip()[:longest]


def _page(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 and int(text) else 1


def _read_filter(
    one: Filter, given: QueryDict, typed: dict[str, str], values: dict[str, Any], problems: list[Pair]
) -> None:
    if one.kind == "date range":
        ends = [_day(one, given, f"{one.key}_{end}", typed, problems) for end in ("from", "to")]
        if any(ends):
            values[one.key] = tuple(ends)
        return
    text = _clean(given.get(one.key, ""), VALUE_LONG)
    if not text or (one.kind == "choice" and text not in {choice[0] for choice in one.offered()}):
        return
    if one.kind == "bool" and text != "1":
        return
    typed[one.key] = text
    values[one.key] = True if one.kind == "bool" else text


def _day(one: Filter, given: QueryDict, name: str, typed: dict[str, str], problems: list[Pair]) -> date | None:
    text = _clean(given.get(name, ""), 20)
    if not text:
        return None
    typed[name] = text
    try:
        return date.fromisoformat(text)
    except ValueError:
        zh, en = one.title
        problems.append(
            (f"{zh}：“{text}”不是日期，请写成 2026-01-31。", f"{en}: {text!r} is no date, write 2026-01-31.")
        )
        return None


def matching(listing: Listing, asked: Asked) -> QuerySet[Any]:
    """The rows asked for, in the order asked for; ties are broken by the key, so that pages never overlap."""
    rows = listing.rows
    for one in listing.filters:
        if one.key in asked.values:
            rows = _applied(rows, one, asked.values[one.key])
    for word in asked.words.split()[:WORDS_MOST] if listing.search else ():
        anywhere = Q()
        for lookup in listing.search:
            anywhere |= Q(**{_lookup(lookup): word})
        rows = rows.filter(anywhere)
    column = listing.column(asked.sort)
    if column is None:
        return rows.order_by(*listing.order, *(() if "pk" in listing.order else ("pk",)))
    return rows.order_by(_ordering(column.sort, asked.descending), "pk")


def _lookup(name: str) -> str:
    return name if name.rpartition("__")[2] in _LOOKUPS else f"{name}__icontains"


def _applied(rows: QuerySet[Any], one: Filter, value: Any) -> QuerySet[Any]:
    if callable(one.apply):
        return one.apply(rows, value)
    lookup = one.apply or one.key
    if one.kind != "date range":
        return rows.filter(**{lookup: value})
    first, last = value
    if first:
        rows = rows.filter(**{f"{lookup}__gte": first})
    return rows.filter(**{f"{lookup}__lte": last}) if last else rows


def _ordering(expression: Any, descending: bool) -> OrderBy:
    found = F(expression) if isinstance(expression, str) else expression
    return found.desc(nulls_last=True) if descending else found.asc(nulls_last=True)
