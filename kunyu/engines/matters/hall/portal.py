"""The entrance for everybody: all matters, and the guide of each. No account is needed. 办事大厅首页与办事指南."""

from __future__ import annotations

import math
import re
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from kunyu.engines.matters.definitions import editions
from kunyu.engines.matters.definitions.matter import KINDS
from kunyu.engines.matters.definitions.pictures import flow_picture
from kunyu.engines.matters.hall import matters_list as listed
from kunyu.engines.matters.hall.guide import guide_of
from kunyu.engines.security.national_identity.services import is_offered
from kunyu.engines.security.scope import Principal

_DIVISION = re.compile(r"\d{2}|\d{4}|\d{6}|\d{9}|\d{12}")
MOST_FEATURED = 6


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """All matters by business area; words, area, kind and what can be applied for here narrow them."""
    asked = listed.asked_of(request.GET.dict())
    groups = listed.groups(asked)
    total = sum(one.count for one in groups if not asked.area or one.code == asked.area)
    pages = max(1, math.ceil(total / listed.PER_PAGE))
    number = min(asked.page, pages)
    rows = [_line(one) for one in listed.page_of(listed.found(asked), number)]
    featured = [] if asked.is_narrowed or number > 1 else _featured()
    return render(request, "matters/hall/portal.html", {
        "asked": asked, "groups": groups, "total": total, "rows": rows, "featured": featured,
        "kinds": [(code, words) for code, words in KINDS.items()], "whom": listed.applicants_known(),
        "page": number, "pages": pages, "before": _address(asked, number - 1) if number > 1 else "",
        "after": _address(asked, number + 1) if number < pages else "", "identity": is_offered(),
        "areas": [(one, _address(asked, 1, area=one.code)) for one in groups],
        "everything": _address(asked, 1, area=""), "whole": sum(one.count for one in groups),
    })  # fmt: skip


def _featured() -> list[dict[str, object]]:
    rows = listed.found(listed.Asked(is_open=True))
    return [_line(one) for one in listed.page_of(rows, 1)[:MOST_FEATURED]]


def _line(one: object) -> dict[str, object]:
    return {
        "matter": one, "area": listed.area_of(one), "limit": listed.limit_words(one),
        "levels": listed.levels_words(one.levels),  # type: ignore[attr-defined]
    }  # fmt: skip


def _address(asked: listed.Asked, page: int, area: str | None = None) -> str:
    kept = {
        "q": asked.text, "area": asked.area if area is None else area, "kind": asked.kind, "for": asked.applicant,
        "open": "1" if asked.is_open else "", "page": str(page) if page > 1 else "",
    }  # fmt: skip
    said = urlencode({key: value for key, value in kept.items() if value})
    return f"/hall/?{said}" if said else "/hall/"


@require_safe
def matter(request: HttpRequest, code: str) -> HttpResponse:
    """The guide of one matter; ``division`` chooses the edition that holds there. Raises UnknownMatter."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    given = request.GET.get("division", "")
    shown = guide_of(principal, code, given if _DIVISION.fullmatch(given) else "")
    return render(request, "matters/hall/matter.html", {
        "guide": shown, "picture": flow_picture(editions.content_of(shown.edition)),
        "area": listed.area_of(shown.matter), "identity": is_offered(),
    })  # fmt: skip
