"""Licences a person may see: by the rights on the branch each was issued under, in its division, at its label. 证照查询."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from kunyu.engines.documents.errors import UnknownLicence
from kunyu.engines.documents.models import Licence
from kunyu.engines.security import labels, masks, scope
from kunyu.engines.security.errors import NotAllowed, SignInNeeded
from kunyu.engines.security.personal_data import matching
from kunyu.engines.security.scope import SEE, Principal

PERSON = "person"


def licences(principal: Principal, action: str = SEE) -> QuerySet[Licence]:
    """Licences on which the caller may do ``action``."""
    if principal.is_anonymous:
        raise SignInNeeded("请先登录，或在请求中带上访问令牌。", "Sign in, or send an access token with the request.")
    allowed = Q(pk__in=[])
    for branch in Licence.objects.exclude(branch="").order_by().values_list("branch", flat=True).distinct():
        allowed |= _reach(principal, branch, action)
    return Licence.objects.filter(allowed)


def _reach(principal: Principal, branch: str, action: str) -> Q:
    found = Q(pk__in=[])
    for clause in scope.clauses_of(principal, branch, action):
        held = Q(branch=branch, division_code__startswith=clause.prefix)
        if clause.row_labels != labels.EVERY:
            held &= Q(label__in=[code for code in range(labels.COUNT) if clause.row_labels >> code & 1])
        found |= held
    return found


def licence_of(principal: Principal, licence_id: int, action: str = SEE) -> Licence:
    """The licence, or the same answer as for a number that does not exist; NotAllowed for what is seen but not done."""
    found = licences(principal).select_related("pdf", "ofd", "previous").filter(pk=licence_id).first()
    if found is None:
        raise UnknownLicence(
            f"没有证照 {licence_id}，或者您无权查看。", f"There is no licence {licence_id}, or you may not see it."
        )
    if action != SEE and not licences(principal, action).filter(pk=licence_id).exists():
        raise NotAllowed(
            f"您可以查看证照 {found.number}，但没有权限这样做。", f"You may see licence {found.number} but not do this."
        )
    return found


def held_by(code: str) -> QuerySet[Licence]:
    """Licences of the holder with this code, found by its blind index; the caller decides who asks."""
    return Licence.objects.filter(matching(Licence, "holder_code", code))


def holder_shown(principal: Principal, licence: Licence) -> str:
    """The holder's name; a person's only to whoever's grant reveals names there."""
    if licence.holder_kind != PERSON:
        return licence.holder_name
    clauses = scope.clauses_of(principal, licence.branch, SEE)
    here = [one for one in clauses if licence.division_code.startswith(one.prefix)]
    if here and all(masks.NAME in one.reveals for one in here):
        return licence.holder_name
    return masks.mask(masks.NAME, licence.holder_name) or ""
