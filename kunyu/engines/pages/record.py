"""The furniture of one record: where it stands, its parts by links, its facts and its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kunyu.engines.pages.listing import Action, Cell
from kunyu.engines.pages.words import Pair


@dataclass(frozen=True)
class Crumb:
    """One step of the path to a record; the last has no address."""

    title: Pair | str
    href: str = ""


@dataclass(frozen=True)
class Tab:
    """A part of a record with an address of its own."""

    title: Pair
    href: str
    current: bool = False
    count: int | None = None


@dataclass(frozen=True)
class Fact:
    """One line of a definition list. ``value`` may be a :class:`Cell`; kinds are those of columns."""

    title: Pair
    value: object
    kind: str = "text"


@dataclass(frozen=True)
class Event:
    """One line of a history."""

    at: datetime
    who: str
    what: Pair | str
    detail: Pair | str = ""


@dataclass(frozen=True)
class Record:
    """Head of a record's page: ``{% include "pages/record_head.html" %}`` draws it."""

    title: Pair | str
    crumbs: tuple[Crumb, ...] = ()
    tabs: tuple[Tab, ...] = ()
    facts: tuple[Fact, ...] = ()
    history: tuple[Event, ...] = ()
    actions: tuple[Action, ...] = ()
    lead: Pair | str = ""


__all__ = ["Action", "Cell", "Crumb", "Event", "Fact", "Record", "Tab"]
