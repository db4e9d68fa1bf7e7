"""Rights in the words of both languages: actions, divisions, masks, ends."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from kunyu.engines.pages.words import Pair
from kunyu.engines.reference.queries import valid_at
from kunyu.engines.security import labels, scope
from kunyu.engines.security.labels import Label

ACTIONS: dict[str, Pair] = {
    scope.SEE: ("看见", "see"),
    scope.QUERY: ("查询", "query"),
    scope.DOWNLOAD: ("下载", "download"),
    scope.EDIT: ("汇交", "deliver"),
    scope.APPROVE: ("审核发布", "approve and publish"),
}
MASKED: dict[str, Pair] = {
    "name": ("姓名", "names"),
    "document": ("证件号码", "document numbers"),
    "phone": ("电话", "telephone numbers"),
    "address": ("住址", "addresses"),
}
NATION: Pair = ("全国", "the whole nation")
SECRECY: tuple[Pair, ...] = tuple(zip(labels.SECRECY, labels.SECRECY_EN, strict=True))
GRADING: tuple[Pair, ...] = tuple(zip(labels.GRADING, labels.GRADING_EN, strict=True))
SHARING: tuple[Pair, ...] = tuple(zip(labels.SHARING, labels.SHARING_EN, strict=True))
CLEARANCE: tuple[Pair, ...] = (("无", "none"), *SECRECY[labels.SECRET :])


def prefixes_of(code: str) -> list[str]:
    """Every prefix of a code, the empty one and the code itself included: what a grant may name to reach it."""
    return [code[:length] for length in range(len(code) + 1)]


def division_names(codes: Collection[str]) -> dict[str, Pair]:
    """Names of division codes; '' is the nation, a code without a name stands for itself."""
    wanted = {code for code in codes if code}
    found = valid_at().filter(Q(code__in=wanted)).values_list("code", "name_zh", "name_en") if wanted else ()
    named = {code: (zh, en or zh) for code, zh, en in found}
    return {code: named.get(code, (code, code)) for code in wanted} | {"": NATION}


def actions_words(actions: Iterable[str]) -> Pair:
    """``看见、查询`` in the order of the actions."""
    given = set(actions)
    return joined(ACTIONS[one] for one in scope.ACTIONS if one in given)


def reveals_words(kinds: Iterable[str]) -> Pair:
    """What is shown in clear; everything personal is masked otherwise."""
    given = [kind for kind in MASKED if kind in set(kinds)]
    if not given:
        return "个人信息全部脱敏", "all personal data masked"
    zh, en = joined(MASKED[kind] for kind in given)
    return f"{zh}显示原文，其余脱敏" if len(given) < len(MASKED) else "个人信息显示原文", f"{en} in clear"


def ceiling_words(ceiling: Label) -> Pair:
    return f"至多“{ceiling.name_zh}”", f"at most “{ceiling.name_en}”"


def until_words(expires_at: datetime | None) -> Pair:
    if expires_at is None:
        return "长期有效", "without an end"
    day = timezone.localtime(expires_at).strftime("%Y-%m-%d %H:%M")
    return f"至 {day}", f"until {day}"


def joined(pairs: Iterable[Pair]) -> Pair:
    found = list(pairs)
    return "、".join(zh for zh, _ in found), ", ".join(en for _, en in found)
