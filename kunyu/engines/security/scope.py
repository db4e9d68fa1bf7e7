"""The one gateway every read and every act passes: who may do what to which data, decided before SQL is written.

``resolve`` answers with a :class:`Scope` whose predicate the caller composes into its query, or refuses. Callers never
look at grants themselves, so the trust engine can add labels, masks and row security here without touching them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.kernel.digests import canonical_json, sm3_hex

SEE, QUERY, DOWNLOAD, EDIT, APPROVE = "see", "query", "download", "edit", "approve"
NOBODY = "anonymous"
OPERATOR = "operator"


@dataclass(frozen=True)
class Right:
    """One grant: ``action`` on collections under catalogue prefix ``branch`` in divisions under ``division_prefix``."""

    branch: str
    division_prefix: str
    action: str

    def covers(self, collection: str, action: str) -> bool:
        return self.action == action and collection.startswith(self.branch)


@dataclass(frozen=True)
class Principal:
    """Who acts: a signed-in person, a program with a token, the node's operator, or nobody."""

    name: str
    name_zh: str = ""
    user_id: int | None = None
    rights: tuple[Right, ...] = ()
    origin: str = ""

    @property
    def is_anonymous(self) -> bool:
        return self.name == NOBODY

    def divisions(self, collection: str, action: str) -> tuple[str, ...]:
        """Division prefixes in which ``action`` on ``collection`` is granted; '' is everywhere; () is nowhere."""
        prefixes = {right.division_prefix for right in self.rights if right.covers(collection, action)}
        return ("",) if "" in prefixes else tuple(sorted(prefixes))

    @cached_property
    def entitlement(self) -> str:
        """Digest of everything this principal may do: part of every ETag and cache key."""
        rights = sorted([right.branch, right.division_prefix, right.action] for right in self.rights)
        return sm3_hex(canonical_json(rights))[:16]


ANONYMOUS = Principal(NOBODY, "未登录")


def operator(origin: str = "cli") -> Principal:
    """The node's owner at the node's own machine: every action on the whole catalogue, and on record as 'operator'."""
    actions = (SEE, QUERY, DOWNLOAD, EDIT, APPROVE)
    return Principal(OPERATOR, "节点操作员", rights=tuple(Right("", "", action) for action in actions), origin=origin)


@dataclass(frozen=True)
class Scope:
    """What a granted read may touch: rows of counties under ``prefixes``; compose ``predicate`` into the query."""

    collection: str
    action: str
    prefixes: tuple[str, ...]
    entitlement: str
    is_public: bool = False

    def predicate(self, column: str = "county") -> tuple[str, list[str]]:
        """SQL condition and parameters for psycopg, e.g. ``('starts_with(county, %s)', ['9901'])``.

        ``starts_with`` and not LIKE: a stray % in a code would open everything (architecture.md §4).
        """
        if "" in self.prefixes:
            return "TRUE", []
        return "(" + " OR ".join(f"starts_with({column}, %s)" for _ in self.prefixes) + ")", list(self.prefixes)

    def allows_division(self, code: str) -> bool:
        return any(code.startswith(prefix) for prefix in self.prefixes)


def resolve(principal: Principal, collection: str, action: str = QUERY, *, public: bool = False) -> Scope:
    """The scope in which ``principal`` may do ``action`` to ``collection``.

    Parameters
    ----------
    collection : catalogue code of the dataset or layer, e.g. ``10401-003``.
    public : the dataset is labelled public; reading it needs no account.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed : see the module's errors.
    """
    if public and action in (SEE, QUERY, DOWNLOAD):
        return Scope(collection, action, ("",), "public", True)
    prefixes = principal.divisions(collection, action)
    if prefixes:
        return Scope(collection, action, prefixes, principal.entitlement)
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    if principal.divisions(collection, SEE):
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
    return (public and action in (SEE, QUERY, DOWNLOAD)) or bool(principal.divisions(collection, action))


_ACTION_ZH = {SEE: "看见", QUERY: "查询", DOWNLOAD: "下载", EDIT: "汇交", APPROVE: "审核发布"}
