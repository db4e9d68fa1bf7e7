"""The one gateway every read and every act passes: who may do what to which data, decided before SQL is written.

``resolve`` answers with a :class:`Scope` whose predicate the caller composes into its query and whose ``shown`` it
wraps around personal fields, or refuses. Callers never look at grants, labels or zones themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kunyu.engines.security import labels
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.labels import Label
from kunyu.kernel.digests import canonical_json, sm3_hex

SEE, QUERY, DOWNLOAD, EDIT, APPROVE = "see", "query", "download", "edit", "approve"
ACTIONS = (SEE, QUERY, DOWNLOAD, EDIT, APPROVE)
READING = (SEE, QUERY, DOWNLOAD)
NOBODY = "anonymous"
OPERATOR = "operator"
COUNTY_DIGITS = 6
_DIGITS = re.compile(r"[0-9]{0,12}")


@dataclass(frozen=True)
class Right:
    """One grant: ``action`` on collections under catalogue prefix ``branch`` in divisions under ``division_prefix``.

    ``labels`` is the set of labels it reaches (mask), ``reveals`` the kinds of personal fields shown in clear.
    """

    branch: str
    division_prefix: str
    action: str
    labels: int = labels.under(labels.ORDINARY)
    reveals: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Principal:
    """Who acts: a signed-in person, a program with a token, the node's operator, or nobody.

    ``duty`` is one of the three administrators' (``system``, ``security``, ``audit``), in divisions under
    ``duty_division``; an administrator has no rights on data.
    """

    name: str
    name_zh: str = ""
    user_id: int | None = None
    rights: tuple[Right, ...] = ()
    origin: str = ""
    duty: str = ""
    duty_division: str = ""
    session_id: int | None = None
    key_id: int | None = None

    @property
    def is_anonymous(self) -> bool:
        return self.name == NOBODY

    @property
    def is_operator(self) -> bool:
        """The node's owner on the command line: bears the reserved name and no account."""
        return self.name == OPERATOR and self.user_id is None

    @property
    def row_identity(self) -> str:
        """What row security knows this principal by (``kunyu.principal`` of the serving connection)."""
        if self.user_id is not None:
            return str(self.user_id)
        return OPERATOR if self.is_operator else "public"

    @cached_property
    def _index(self) -> dict[str, dict[str, list[Right]]]:
        """Rights by action and branch."""
        found: dict[str, dict[str, list[Right]]] = {}
        for right in self.rights:
            found.setdefault(right.action, {}).setdefault(right.branch, []).append(right)
        return found

    @cached_property
    def _lengths(self) -> dict[str, tuple[int, ...]]:
        return {action: tuple(sorted({len(one) for one in branches})) for action, branches in self._index.items()}

    @cached_property
    def _groups(self) -> dict[str, dict[tuple[int, int], list[str]]]:
        return {}

    def branch_groups(self, action: str) -> dict[tuple[int, int], list[str]]:
        """Branches of the rights to ``action`` by their length and label set."""
        groups = self._groups.get(action)
        if groups is None:
            groups = {}
            for branch, rights in self._index.get(action, {}).items():
                for allowed in {right.labels for right in rights}:
                    groups.setdefault((len(branch), allowed), []).append(branch)
            self._groups[action] = groups
        return groups

    def rights_on(self, collection: str, action: str) -> list[Right]:
        """The rights that name this collection: a few look-ups, however many rights there are."""
        branches = self._index.get(action)
        if branches is None:
            return []
        found: list[Right] = []
        for length in self._lengths[action]:
            if length > len(collection):
                break
            found += branches.get(collection[:length], ())
        return found

    def branches(self, action: str) -> tuple[str, ...]:
        """Catalogue prefixes in which ``action`` is granted anywhere, for predicates over the catalogue."""
        return tuple(self._index.get(action, ()))

    def divisions(self, collection: str, action: str) -> tuple[str, ...]:
        """Division prefixes in which ``action`` on ``collection`` is granted; '' is everywhere; () is nowhere."""
        return _prefixes(clauses_of(self, collection, action))

    @cached_property
    def entitlement(self) -> str:
        """Digest of everything this principal may do: part of every ETag and cache key."""
        rights = sorted(
            [one.branch, one.division_prefix, one.action, one.labels, sorted(one.reveals)] for one in self.rights
        )
        return sm3_hex(canonical_json(rights))[:16]


ANONYMOUS = Principal(NOBODY, "未登录")


def operator(origin: str = "cli") -> Principal:
    """The node's owner at the node's own machine: every action on the whole catalogue, and on record as 'operator'.

    The zone of the node binds him like everybody.
    """
    everything = tuple(Right("", "", action, labels.EVERY) for action in ACTIONS)
    return Principal(OPERATOR, "节点操作员", rights=everything, origin=origin)


@dataclass(frozen=True)
class Clause:
    """One alternative of a scope: rows of counties under ``prefix`` whose own label is in ``row_labels`` (mask)."""

    prefix: str
    row_labels: int = labels.EVERY
    reveals: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scope:
    """What a granted read may touch; compose ``predicate`` into the query and ``shown`` into its columns."""

    collection: str
    action: str
    clauses: tuple[Clause, ...]
    entitlement: str
    is_public: bool = False
    label: Label = labels.ORDINARY
    row_identity: str = "public"

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Division prefixes reached, '' for everywhere."""
        return _prefixes(self.clauses)

    def predicate(self, county: str = "county", label: str = "label") -> tuple[str, list[Any]]:
        """SQL condition and parameters for psycopg, ``('TRUE', [])`` when everything may be read.

        Columns of the table: ``county`` (six digits) and ``label`` (smallint). Prefixes are compared by equality of
        their own length, never by LIKE: a stray % in a code would open everything (architecture.md §4).
        """
        return _either(self.clauses, county, label)

    def shown(self, column: str, kind: str, masked: str, county: str = "county", label: str = "label") -> str:
        """SQL of a personal field: ``column`` where ``kind`` is revealed, the expression ``masked`` elsewhere.

        Literals stand in the text: prefixes are digits and label sets are numbers.
        """
        revealing = tuple(clause for clause in self.clauses if kind in clause.reveals)
        if len(revealing) == len(self.clauses):
            return column
        if not revealing:
            return masked
        condition, parameters = _either(revealing, county, label)
        for value in parameters:
            condition = condition.replace("%s", _literal(value), 1)
        return f"CASE WHEN {condition} THEN {column} ELSE {masked} END"

    def reveals(self, kind: str) -> bool:
        """Is this kind of field shown in clear everywhere in the scope? Only then may it be filtered or sorted by."""
        return all(kind in clause.reveals for clause in self.clauses)

    def allows_division(self, code: str) -> bool:
        return any(code.startswith(clause.prefix) for clause in self.clauses)


def _either(clauses: Iterable[Clause], county: str, label: str) -> tuple[str, list[Any]]:
    """The clauses joined by OR: grouped by label set, prefixes of one length in one comparison."""
    by_labels: dict[int, set[str]] = {}
    for clause in clauses:
        by_labels.setdefault(clause.row_labels, set()).add(clause.prefix)
    if "" in by_labels.get(labels.EVERY, ()):
        return "TRUE", []
    conditions, parameters = [], []
    for row_labels, prefixes in sorted(by_labels.items()):
        where, values = _under(prefixes, county)
        if row_labels != labels.EVERY:
            # `<> 0`: the planner takes an unknown `= 1` for one row in two hundred, and nearly all rows pass
            held = f"((%s::bigint >> {label}) & 1) <> 0"
            where = f"({held})" if where == "TRUE" else f"({where} AND {held})"
            values = [*values, row_labels]
        conditions.append(where)
        parameters += values
    return ("(" + " OR ".join(conditions) + ")", parameters) if conditions else ("FALSE", [])


def _under(prefixes: set[str], county: str) -> tuple[str, list[Any]]:
    if "" in prefixes:
        return "TRUE", []
    conditions, values = [], []
    for length in sorted({len(prefix) for prefix in prefixes}):
        compared = county if length == COUNTY_DIGITS else f"left({county}, {length})"
        conditions.append(f"{compared} = ANY(%s::text[])")
        values.append(sorted(prefix for prefix in prefixes if len(prefix) == length))
    return ("(" + " OR ".join(conditions) + ")" if len(conditions) > 1 else conditions[0]), values


def _literal(value: int | list[str]) -> str:
    if isinstance(value, int):
        return str(value)
    if not all(_DIGITS.fullmatch(one) for one in value):
        raise ValueError("a division prefix is digits only")
    return "'{" + ",".join(value) + "}'"


def _prefixes(clauses: Iterable[Clause]) -> tuple[str, ...]:
    found = {clause.prefix for clause in clauses}
    return ("",) if "" in found else tuple(sorted(found))


def clauses_of(principal: Principal, collection: str, action: str) -> tuple[Clause, ...]:
    """What ``principal`` may do ``action`` to in a collection: labels, clearance and zone decided; () is nothing."""
    rights = principal.rights_on(collection, action)
    if not rights:
        return ()
    from kunyu.engines.security import label_registry, zones

    dataset, zone = label_registry.label_of(collection), zones.current_zone()
    found: dict[tuple[str, int, frozenset[str]], Clause] = {}
    for right in rights:
        allowed = right.labels & zone.labels
        if labels.holds(allowed, dataset):
            rows = labels.rows_within(dataset, allowed)
            found[right.division_prefix, rows, right.reveals] = Clause(right.division_prefix, rows, right.reveals)
    return tuple(found.values())


def resolve(principal: Principal, collection: str, action: str = QUERY, *, public: bool = False) -> Scope:
    """The scope in which ``principal`` may do ``action`` to ``collection``.

    Parameters
    ----------
    collection : catalogue code of the dataset or layer, e.g. ``10401-003``.
    public : the dataset is opened to everybody; it still is so only while its label is 公开 and 无条件共享.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed : see the module's errors.
    """
    from kunyu.engines.security import label_registry

    identity = principal.row_identity  # first: finding out who acts brings along the epochs that labels are kept by
    label = label_registry.label_of(collection)
    if public and label.is_open and action in READING:
        open_rows = Clause("", labels.rows_within(label, labels.mask([Label()])))
        mine = clauses_of(principal, collection, action)
        clauses = tuple(dict.fromkeys((open_rows, *mine)))
        return Scope(
            collection, action, clauses, "public" if not mine else principal.entitlement, not mine, label,
            identity,
        )  # fmt: skip
    clauses = clauses_of(principal, collection, action)
    if clauses:
        return Scope(collection, action, clauses, principal.entitlement, label=label, row_identity=identity)
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    if clauses_of(principal, collection, SEE):
        raise NotAllowed(
            f"您可以看到 {collection}，但没有“{_ACTION_ZH[action]}”权限；请向数据管理员申请。",
            f"You may see {collection} but not {action} it; ask the data steward for the right.",
        )
    raise NotVisible(f"没有 {collection}，或者您无权查看。", f"There is no {collection}, or you may not see it.")


def require_division(scope: Scope, division: str) -> None:
    """Refuse when ``scope`` does not reach ``division`` (6, 9 or 12 digits)."""
    if not scope.allows_division(division):
        raise NotAllowed(
            f"您的权限不包括区划 {division}。", f"Your rights do not reach division {division}.", division=division
        )


def may(principal: Principal, collection: str, action: str = SEE, *, public: bool = False) -> bool:
    """Would :func:`resolve` grant this? For lists and menus: what a person may not do is not shown."""
    if clauses_of(principal, collection, action):
        return True
    from kunyu.engines.security import label_registry

    return public and action in READING and label_registry.label_of(collection).is_open


def collections_predicate(
    principal: Principal, action: str = SEE, *, code: str, label: str, public: str
) -> tuple[str, list[Any]]:
    """SQL condition with parameters: the collections in which :func:`may` grants ``action``, for lists of any length.

    Parameters
    ----------
    code, label, public : SQL expressions of one row of the catalogue
        Its code, the code of the label that decides (an integer; ``label_registry.label_of``), whether it is opened.

    Rights are grouped by the length of their branch and their label set, so the condition has a few terms however many
    rights there are; PostgreSQL looks a code up in each array by hashing.
    """
    from kunyu.engines.security import zones

    zone = zones.current_zone().labels
    conditions = [f"({public} AND {label} = 0)"] if action in READING else []
    parameters: list[Any] = []
    for (length, allowed), branches in principal.branch_groups(action).items():
        if allowed & zone:
            within = f"left({code}, {length}) = ANY(%s::text[]) AND " if length else ""
            conditions.append(f"({within}((%s::bigint >> {label}) & 1) <> 0)")
            parameters += [branches, allowed & zone] if length else [allowed & zone]
    return ("(" + " OR ".join(conditions) + ")" if conditions else "FALSE"), parameters


_ACTION_ZH = {SEE: "看见", QUERY: "查询", DOWNLOAD: "下载", EDIT: "汇交", APPROVE: "审核发布"}
