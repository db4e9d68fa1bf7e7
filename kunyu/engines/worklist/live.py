"""Hints that something changed for somebody, told by PostgreSQL to every process that listens. 变更提示.

A hint says who and what kind of thing, never what it says: the page asks for that itself, with its own rights. A hint
leaves with the transaction that made the change, so nobody is told of what was rolled back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

CHANNEL = "kunyu_live"
KINDS = ("task", "notification", "progress", "incident")
PEOPLE_PER_HINT = 400  # PostgreSQL takes 8,000 bytes


@dataclass(frozen=True)
class Hint:
    """``what`` changed (one of `KINDS`) for ``users``; None is everybody who is connected."""

    what: str
    users: tuple[int, ...] | None


def people(user_ids: Iterable[int], what: str) -> None:
    """Hint at these people, when the transaction commits."""
    ids = sorted(set(user_ids))
    for start in range(0, len(ids), PEOPLE_PER_HINT):
        _tell(ids[start : start + PEOPLE_PER_HINT], what)


def everybody(what: str) -> None:
    """Hint at everybody, for what many may see: each page asks what is left for it."""
    _tell(None, what)


def payload(users: Sequence[int] | None, what: str) -> str:
    """The text of a hint."""
    return json.dumps({"u": users, "w": what}, separators=(",", ":"))


def read_hint(text: str) -> Hint | None:
    """The hint of a text; None for a text that is none."""
    try:
        said = json.loads(text)
        users = said["u"]
        return Hint(str(said["w"]), None if users is None else tuple(int(one) for one in users))
    except (ValueError, KeyError, TypeError):
        return None


def _tell(users: Sequence[int] | None, what: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload(users, what)])
