"""Which label rows a person may read: all for a security administrator, those of his data for who answers for them."""

from __future__ import annotations

from django.db.models import QuerySet

from kunyu.engines.catalogue.permissions.label_pages import answers_for_data, visible
from kunyu.engines.security import duties
from kunyu.engines.security.errors import NotVisible, SignInNeeded
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.scope import Principal


def rows(principal: Principal, state: str = "", collection: str = "") -> QuerySet[LabelRow]:
    """Label rows, newest first.

    Raises
    ------
    SignInNeeded, NotVisible
        Nobody, or somebody who neither decides nor answers for any data.
    """
    if principal.is_anonymous:
        raise SignInNeeded("请先登录。", "Sign in first.")
    found = LabelRow.objects.order_by("-id")
    if not (duties.has(principal, duties.SECURITY) or principal.is_operator):
        if not answers_for_data(principal):
            raise NotVisible("没有这个页面，或者您无权查看。", "There is no such page, or you may not see it.")
        found = found.filter(collection__in=visible(principal).values("code"))
    if state:
        found = found.filter(state=state)
    return found.filter(collection=collection) if collection else found
