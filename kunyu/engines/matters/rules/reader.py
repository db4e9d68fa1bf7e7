"""With whose rights the map is read for a check. 核验按谁的权限读图 (decision 0021).

Layers that whoever checks may query in the county of the land are read with his own rights. Every other layer that the
matter's rules name is read by the *public pre-check* (公众预检): nobody's account, but the node itself, narrowed to exactly
those collections, to that county, to querying, and to data that are neither important nor a state secret. Applicants have no
rights on layers, so all of theirs are read that way. What is then told of an answer is decided by who reads it
(:mod:`rules.disclosure`), never by who checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kunyu.engines.security import label_registry, labels, scope, zones
from kunyu.engines.security.scope import OPERATOR, Principal, Right

COUNTY_DIGITS = 6
ORIGIN = "case-check"
CEILING = labels.ORDINARY
"""敏感 · 一般 · 有条件共享: important data and state secrets are not looked at, so they are *not checked*."""


@dataclass(frozen=True)
class PreCheck(Principal):
    """The public pre-check, on record under the name of whoever made it look.

    The database's row security knows it as the node's operator; what it may read is the few rights it bears, which the
    gateway composes into every statement.
    """

    @property
    def row_identity(self) -> str:
        return OPERATOR


def pre_check(principal: Principal, collections: Iterable[str], division: str) -> PreCheck:
    """A reader of ``collections`` in the county of ``division`` and of nothing else; without a division of nothing."""
    prefix = division[:COUNTY_DIGITS]
    allowed = labels.under(CEILING)
    rights = tuple(
        Right(name, prefix, action, allowed) for name in collections if prefix for action in (scope.SEE, scope.QUERY)
    )
    return PreCheck(principal.name, principal.name_zh, principal.user_id, rights, ORIGIN)


def readers_of(
    principal: Principal, collections: Iterable[str], division: str
) -> list[tuple[Principal, tuple[str, ...]]]:
    """Who reads which collections: the principal what is his to query there, the pre-check the rest.

    Where single records bear labels above his own and the pre-check sees them all, it reads them: nobody learns less of
    his case because he has some rights.
    """
    named = tuple(dict.fromkeys(collections))
    own = tuple(
        name for name in named if may_query(principal, name, division) and not _sees_less(principal, name, division)
    )
    rest = tuple(name for name in named if name not in own)
    found: list[tuple[Principal, tuple[str, ...]]] = [(principal, own)] if own else []
    return [*found, (pre_check(principal, rest, division), rest)] if rest else found


def may_query(principal: Principal, collection: str, division: str) -> bool:
    """Whether a right of the principal reaches the collection in the whole county of ``division``."""
    county = division[:COUNTY_DIGITS]
    return any(county.startswith(one.prefix) for one in scope.clauses_of(principal, collection, scope.QUERY))


def _sees_less(principal: Principal, collection: str, division: str) -> bool:
    """Whether records of the collection are hidden from the principal that the pre-check may look at."""
    strictest = label_registry.strictest_of(collection)
    if not labels.holds(labels.under(CEILING) & zones.current_zone().labels, strictest):
        return False
    county = division[:COUNTY_DIGITS]
    clauses = scope.clauses_of(principal, collection, scope.QUERY)
    return not any(county.startswith(one.prefix) and labels.holds(one.row_labels, strictest) for one in clauses)
