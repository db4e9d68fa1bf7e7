"""What a list is: columns, filters, search, order. Frozen descriptions without any knowledge of the business.

A list is described once; drawing, filtering, sorting, paging, saved views and export come from this engine
(``rendering.render``). Texts are pairs (Chinese, English).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db.models import QuerySet

from kunyu.engines.pages.words import Pair

Kind = Literal["text", "code", "count", "area", "date", "time", "badge", "link", "person"]
FilterKind = Literal["text", "choice", "date range", "bool"]
Choices = Iterable[tuple[str, str, str]]

NUMERIC = ("count", "area")
# names in the address that belong to every list; a filter may not take them
RESERVED = frozenset({"q", "sort", "page", "col", "format", "view"})


@dataclass(frozen=True)
class Badge:
    """A short state. ``tone``: accent, plain, warn (needs attention) or danger (conflict only)."""

    text: Pair | str
    tone: Literal["accent", "plain", "warn", "danger"] = "accent"


@dataclass(frozen=True)
class Cell:
    """A cell of more than a value: a link, badges behind the text, a quiet second line. Exports write ``text`` only."""

    text: object
    href: str = ""
    badges: tuple[Badge, ...] = ()
    note: object = ""


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    key : name in the address and in exports; unique in its list.
    value : attribute path (``item.name_zh``; methods are called), or ``callable(row)``; '' is ``key``.
        May answer with a plain value, a (zh, en) pair, a :class:`Badge` or a :class:`Cell`.
    kind : how the value is shown. ``area`` takes m² and shows hectares; exports write m².
    sort : field or ORM expression to order by; '' makes the column unsortable.
    priority : 1 always, 2 not on phones, 3 only on wide screens.
    shown : False offers the column in the chooser without showing it at first.
    say : how a value that is there is said on the page (a code by its name); exports keep the value itself.
    """

    key: str
    title: Pair
    value: str | Callable[[Any], object] = ""
    kind: Kind = "text"
    sort: Any = ""
    priority: Literal[1, 2, 3] = 1
    shown: bool = True
    say: Callable[[Any], object] | None = None

    @property
    def is_numeric(self) -> bool:
        return self.kind in NUMERIC


@dataclass(frozen=True)
class Filter:
    """One condition that a person may set.

    ``apply`` is an ORM lookup (``status``, ``division_code__startswith``) or ``callable(queryset, value)``; '' is
    ``key``. The value is a str, True, or for a date range a pair of dates of which one may be None (days included).
    ``choices``: (value, zh, en) triples or a callable answering them; a value that is not offered is not applied.
    ``folded``: stands under "more conditions", for what is asked seldom.
    """

    key: str
    title: Pair
    kind: FilterKind = "text"
    apply: str | Callable[[QuerySet[Any], Any], QuerySet[Any]] = ""
    choices: Choices | Callable[[], Choices] = ()
    hint: Pair = ("", "")
    folded: bool = False

    def __post_init__(self) -> None:
        if self.key in RESERVED:
            raise ValueError(f"filter key {self.key!r} is taken by every list")

    def offered(self) -> list[tuple[str, str, str]]:
        return [tuple(one) for one in (self.choices() if callable(self.choices) else self.choices)]  # type: ignore[misc]


@dataclass(frozen=True)
class Action:
    """A link above a list or record; only actions that the person may do are listed."""

    title: Pair
    href: str
    style: Literal["primary", "secondary", "danger"] = "secondary"


@dataclass(frozen=True)
class Listing:
    """One list.

    Parameters
    ----------
    name : stable name: saved views and audit entries bear it.
    rows : QuerySet already limited to what the person may see; exports read the same one.
    search : ORM lookups searched for every word typed (``name_zh``; icontains unless it names another lookup).
    order : default order, ORM names.
    href : ``callable(row)`` → address of the record; the first shown column becomes the link.
    empty : text shown when nothing is there at all: it teaches what to do.
    """

    name: str
    title: Pair
    rows: QuerySet[Any]
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...] = ()
    search: tuple[str, ...] = ()
    search_hint: Pair = ("", "")
    order: tuple[str, ...] = ("pk",)
    href: Callable[[Any], str] | None = None
    actions: tuple[Action, ...] = ()
    lead: Pair = ("", "")
    empty: Pair = ("这里还没有内容。", "There is nothing here yet.")
    per_page: int = 50
    exports: tuple[str, ...] = ("csv", "xlsx", "json")
    facts: Mapping[str, object] = field(default_factory=dict)

    def column(self, key: str) -> Column | None:
        return next((one for one in self.columns if one.key == key), None)
