"""What of the cases the navigation may offer a person. 办件导航."""

from __future__ import annotations

from django import template
from django.template import Context

from kunyu.engines.matters.cases import visibility
from kunyu.engines.security.scope import ANONYMOUS, APPROVE, SEE, Principal

register = template.Library()


@register.simple_tag(takes_context=True)
def sees_cases(context: Context) -> bool:
    """``{% sees_cases as sees %}``: may the person see cases of others anywhere?"""
    return _reaches(context, SEE)


@register.simple_tag(takes_context=True)
def manages_cases(context: Context) -> bool:
    """``{% manages_cases as manages %}``: does the person decide about cases anywhere?"""
    return _reaches(context, APPROVE)


def _reaches(context: Context, action: str) -> bool:
    principal: Principal = getattr(context.get("request"), "principal", ANONYMOUS)
    if principal.user_id is None or not any(one.action == action for one in principal.rights):
        return False
    return visibility.reach(principal, "county", action) != visibility.NOTHING
