"""Names of people for pages that keep account names only. 人员姓名."""

from __future__ import annotations

from collections.abc import Iterable

from kunyu.engines.security.models import User


def names_of(usernames: Iterable[str]) -> dict[str, str]:
    """What people are called, by account name: the account name itself for those without an account or a name."""
    wanted = set(usernames)
    known = dict(User.objects.filter(username__in=wanted).values_list("username", "name_zh"))
    return {one: known.get(one) or one for one in wanted}
