"""A person's own rights in words, for the account page."""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.template import Context

from kunyu.engines.pages.words import Pair
from kunyu.engines.security import rights_bundles
from kunyu.engines.security.models import User

register = template.Library()


@dataclass(frozen=True)
class Own:
    """``shown`` bundles of ``count`` rights; ``more`` says that there are others."""

    shown: tuple[rights_bundles.Bundle, ...]
    more: bool
    clearance: Pair


@register.simple_tag(takes_context=True)
def own_rights(context: Context) -> Own | None:
    """``{% own_rights as mine %}``: what the signed-in person may do; None for programs without a person."""
    principal = context["request"].principal
    user = User.objects.filter(pk=principal.user_id).first() if principal.user_id else None
    if user is None:
        return None
    bundles, more = rights_bundles.of_person(user)
    return Own(bundles, more, rights_bundles.clearance_of(user))
