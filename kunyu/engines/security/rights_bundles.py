"""Rights that differ in their action only, put together: what people read on one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from kunyu.engines.pages.words import Pair
from kunyu.engines.security import data_names
from kunyu.engines.security.explain import everything
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import Grant, RightSource, Role, User
from kunyu.engines.security.rights_words import (
    CLEARANCE,
    actions_words,
    ceiling_words,
    division_names,
    reveals_words,
    until_words,
)

SOURCES_READ = 2_000


@dataclass(frozen=True)
class Bundle:
    """Several actions on the same data by the same way, in words. ``grants`` are the ids behind it."""

    actions: Pair
    branch: str
    data: Pair
    division: str
    where: Pair
    ceiling: Pair
    masks: Pair
    until: Pair
    through: Pair
    grants: tuple[int, ...]
    expires_at: datetime | None = None
    reason: str = ""
    granted_by: str = ""


_Key = tuple[object, ...]


def of_person(user: User) -> tuple[tuple[Bundle, ...], bool]:
    """What a person may do now, and whether there is more than was read."""
    rows = list(everything(user).select_related("grant", "role", "post__organisation").order_by("branch", "division", "id")[
        : SOURCES_READ + 1
    ])  # fmt: skip
    return _bundled(rows[:SOURCES_READ]), len(rows) > SOURCES_READ


def of_role(role: Role) -> tuple[Bundle, ...]:
    """The grants of a role."""
    rows = role.grants.order_by("branch", "division_prefix", "id")[:SOURCES_READ]
    return _together([(one, one.division_prefix, one.branch, _nobody) for one in rows])


def clearance_of(user: User) -> Pair:
    return CLEARANCE[user.clearance]


_nobody: Pair = ("", "")


def _bundled(rows: Iterable[RightSource]) -> tuple[Bundle, ...]:
    return _together([(one.grant, one.division, one.branch, _through(one)) for one in rows])


def _through(one: RightSource) -> Pair:
    if one.post is None or one.role is None:
        return "直接授予", "granted directly"
    return f"{one.post}（{one.role.name_zh}）", f"{one.post.name_en or one.post} ({one.role.name_en or one.role})"


def _together(given: list[tuple[Grant, str, str, Pair]]) -> tuple[Bundle, ...]:
    names = data_names.names_of({branch for _, _, branch, _ in given})
    places = division_names({division for _, division, _, _ in given})
    groups: dict[_Key, list[Grant]] = {}
    for grant, division, branch, through in given:
        key = (
            branch, division, grant.within_post and not grant.user_id, grant.max_secrecy, grant.max_grading,
            grant.max_sharing, tuple(sorted(grant.reveals)), grant.expires_at, through, grant.reason, grant.granted_by,
        )  # fmt: skip
        groups.setdefault(key, []).append(grant)
    return tuple(_bundle(key, grants, names, places) for key, grants in groups.items())


def _bundle(key: _Key, grants: list[Grant], names: dict[str, Pair], places: dict[str, Pair]) -> Bundle:
    first = grants[0]
    branch, division, within = str(key[0]), str(key[1]), bool(key[2])
    through: Pair = key[8]  # type: ignore[assignment]
    zh, en = places[division]
    where: Pair = (zh, en)
    if within and through == _nobody:
        where = (f"岗位所在区划（{zh}以内）", f"the division of the post (within {en})")
    return Bundle(
        actions_words(one.action for one in grants), branch, names[branch], division, where,
        ceiling_words(Label(first.max_secrecy, first.max_grading, first.max_sharing)), reveals_words(first.reveals),
        until_words(first.expires_at), through, tuple(one.pk for one in grants), first.expires_at, first.reason,
        first.granted_by,
    )  # fmt: skip
