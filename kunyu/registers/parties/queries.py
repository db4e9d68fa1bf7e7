"""Parties a person may see: those linked to something in his reach. 相对人查询."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from kunyu.engines.security import masks, scope
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.scope import SEE, Principal
from kunyu.registers.parties.errors import UnknownParty
from kunyu.registers.parties.models import Party, PartyLink


def links(principal: Principal, action: str = SEE) -> QuerySet[PartyLink]:
    """Links to things on which the caller may do ``action``."""
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    allowed = Q(pk__in=[])
    for branch in PartyLink.objects.order_by().values_list("branch", flat=True).distinct():
        for prefix in principal.divisions(branch, action):
            allowed |= Q(branch=branch, division_code__startswith=prefix)
    return PartyLink.objects.filter(allowed)


def reached(principal: Principal, action: str = SEE) -> QuerySet[Party]:
    """Parties, merged ones left out, that have such a link."""
    mine = links(principal, action).filter(party=OuterRef("pk"))
    return Party.objects.filter(Exists(mine), merged_into=None)


def parties(principal: Principal) -> QuerySet[Party]:
    """The list: parties with the number of their links that the caller may see."""
    return reached(principal).annotate(linked=Count("links", filter=Q(links__in=links(principal))))


def party_of(principal: Principal, party_id: int) -> Party:
    """The party, or the one it was merged into; the same answer for what is not there and what is not to be seen."""
    found = Party.objects.filter(pk=party_id).select_related("merged_into").first()
    if found is not None and found.merged_into is not None:
        found = found.merged_into
    if found is None or not reached(principal).filter(pk=found.pk).exists():
        raise UnknownParty(
            f"没有相对人 {party_id}，或者您无权查看。", f"There is no party {party_id}, or you may not see it."
        )
    return found


def shown_name(principal: Principal, party: Party) -> str:
    """The name; a person's in clear only where every grant that reaches one of the links reveals names."""
    if party.kind != Party.Kind.PERSON:
        return party.name
    for branch, division in party.links.values_list("branch", "division_code").distinct():
        here = [one for one in scope.clauses_of(principal, branch, SEE) if division.startswith(one.prefix)]
        if here and all(masks.NAME in one.reveals for one in here):
            return party.name
    return masks.mask(masks.NAME, party.name) or ""


def brief(principal: Principal, party: Party) -> dict[str, Any]:
    """One line, JSON-ready; codes stand masked."""
    return {"id": party.pk, "kind": party.kind, "kind_zh": party.get_kind_display(), "name": shown_name(principal, party),
            "code": party.code_masked}  # fmt: skip


def detail(principal: Principal, party_id: int) -> dict[str, Any]:
    """One party with its links in the caller's reach."""
    party = party_of(principal, party_id)
    rows = links(principal).filter(party=party)[:200]
    phone = masks.mask(masks.PHONE, party.phone) or ""
    return {
        **brief(principal, party), "contact": masks.mask(masks.NAME, party.contact) or "", "phone": phone,
        "links": [{"role": one.role, "subject": one.subject, "number": one.shown} for one in rows],
    }  # fmt: skip
