"""Who may start a verification and see what of it: all the data a rule compares, in the county. 印证的权限."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from kunyu.engines.catalogue.record_labels import in_force
from kunyu.engines.ingest.models import Verification
from kunyu.engines.ingest.verification.errors import BadDivision, UnknownVerification
from kunyu.engines.ingest.verification.rule import MutualRule, mutual_rules
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.label_registry import record_labels
from kunyu.engines.security.labels import holds
from kunyu.engines.security.scope import APPROVE, EDIT, QUERY, Principal

COUNTY_DIGITS = 6


def county_of(division: str) -> str:
    """Return the county's code.

    Raises
    ------
    BadDivision
    """
    if len(division) != COUNTY_DIGITS or not (division.isascii() and division.isdigit()):
        raise BadDivision(
            f"区划 {division!r} 应为6位县级代码，数据按县印证。",
            f"Division {division!r} must be the six digits of a county: data is verified county by county.",
        )
    return division


def collections() -> tuple[str, ...]:
    """Every collection that some rule compares."""
    return tuple(sorted({code for rule in mutual_rules() for code in rule.needs}))


def prefixes(principal: Principal, codes: Iterable[str], action: str = QUERY) -> set[str]:
    """Division prefixes in which ``action`` is granted on all of the collections."""
    found = {""}
    for code in codes:
        granted = principal.divisions(code, action)
        found = {max(one, other, key=len) for one in found for other in granted
                 if one.startswith(other) or other.startswith(one)}  # fmt: skip
    return found


def readable_rules(principal: Principal, county: str) -> list[MutualRule]:
    """Rules whose data the principal may query in a county."""
    return [one for one in mutual_rules() if any(county.startswith(p) for p in prefixes(principal, one.needs))]


def visible(principal: Principal) -> QuerySet[Verification]:
    """Verifications of counties in which the principal may query all the data of at least one rule.

    Raises
    ------
    SignInNeeded
    """
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    reach = {prefix for rule in mutual_rules() for prefix in prefixes(principal, rule.needs)}
    allowed = Q(pk__in=[])
    for prefix in {""} if "" in reach else reach:
        allowed |= Q(division_code__startswith=prefix)
    return Verification.objects.filter(allowed)


def visible_verification(principal: Principal, number: int) -> Verification:
    """The verification, or the same answer as for a number that does not exist."""
    found = visible(principal).filter(pk=number).first()
    if found is None:
        raise UnknownVerification(
            f"没有印证 {number}，或者您无权查看。", f"There is no verification {number}, or you may not see it."
        )
    return found


def may_start(principal: Principal, county: str) -> bool:
    """Whether the principal delivers or approves some of the data that rules compare, in the county, and may read it."""
    if not readable_rules(principal, county):
        return False
    codes = {code for rule in readable_rules(principal, county) for code in rule.needs}
    return any(
        county.startswith(prefix)
        for code in codes
        for action in (EDIT, APPROVE)
        for prefix in principal.divisions(code, action)
    )


def require_start(principal: Principal, division: str) -> str:
    """The county, once the principal may start there.

    Raises
    ------
    BadDivision, SignInNeeded, NotVisible, NotAllowed
    """
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    county = county_of(division)
    if not readable_rules(principal, county):
        raise NotVisible(
            f"没有区划 {county} 的可印证数据，或者您无权查看。",
            f"There is no data to verify in {county}, or you may not see it.",
        )
    if not may_start(principal, county):
        raise NotAllowed(
            f"您可以查看区划 {county} 的印证，但没有汇交或审核权限，不能发起。",
            f"You may see verifications of {county}; starting one takes the right to deliver or approve its data.",
        )
    return county


def hidden_keys(principal: Principal, county: str, codes: Iterable[str]) -> set[str]:
    """Keys of records whose own label lies above the principal's rights: no finding that names one is shown."""
    found: set[str] = set()
    labelled = record_labels()
    for code in set(codes) & set(labelled):
        clauses = [one for one in scope.clauses_of(principal, code, QUERY) if county.startswith(one.prefix)]
        found |= {
            key
            for key, label in in_force(code, county).items()
            if not any(holds(one.row_labels, label) for one in clauses)
        }
    return found
