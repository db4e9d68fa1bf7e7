"""``/hall/mine/``: one's own drafts and cases, what is asked of oneself first. 我的申报."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kunyu.engines.matters.cases import queries
from kunyu.engines.matters.cases.words import state_badge, time_left
from kunyu.engines.matters.hall import steps
from kunyu.engines.matters.hall.wizard import principal_of
from kunyu.engines.matters.models import Application, Case, Matter, Pause
from kunyu.engines.pages.listing import Badge, Cell
from kunyu.engines.pages.words import Pair
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed

CASES_A_PAGE = 20
MOST_DRAFTS = 50
S = Case.State
_PLAIN: dict[str, Pair] = {
    S.SUBMITTED: ("已收到您的申请，正在看材料是否齐全", "We have it and look whether it is complete"),
    S.CORRECTING: ("请您补正", "Please correct it"),
    S.IN_REVIEW: ("已受理，正在审查", "Accepted, being examined"),
    S.PAUSED: ("审查暂停，时间不计入办理时限", "Suspended; the time does not count"),
    S.DECIDED: ("已作出决定，正在制作证照", "Decided, the licence is being made"),
    S.GRANTED: ("已批准，可以下载证照", "Granted: download the licence"),
    S.REFUSED: ("未予批准，可以查看理由和救济途径", "Refused: see the reasons and what you may do"),
    S.NOT_ACCEPTED: ("不予受理，可以查看理由", "Not accepted: see the reasons"),
    S.WITHDRAWN: ("已撤回", "Withdrawn"),
    S.REVOKED: ("批准已被撤销", "The approval was revoked"),
}


@dataclass(frozen=True)
class Row:
    """A case as its applicant reads it."""

    case: Case
    badge: Badge
    words: Pair
    left: Cell | None


@dataclass(frozen=True)
class Asked:
    """A case that waits for its applicant."""

    case: Case
    pause: Pause | None


@dataclass(frozen=True)
class Draft:
    """An application not yet submitted: its matters, and the step it stands at."""

    application: Application
    matters: tuple[Pair, ...]
    step: Pair
    done: int
    of: int


@require_safe
@never_cache
@login_needed
def mine(request: HttpRequest) -> HttpResponse:
    """What is asked of me, what I have not finished, what became of the rest."""
    principal = principal_of(request)
    own = queries.own(principal).select_related("matter")
    page = Paginator(own, CASES_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "matters/hall/mine.html", {
        "asked": _asked(own), "drafts": _drafts(principal), "page": page, "rows": _rows(page), "total": page.paginator.count,
    })  # fmt: skip


def _rows(page: Page[Case]) -> list[Row]:
    return [
        Row(one, state_badge(one), _PLAIN[S(one.state)], time_left(one) if one.state == S.IN_REVIEW else None)
        for one in page.object_list
    ]


def _asked(own: QuerySet[Case]) -> list[Asked]:
    waiting = list(own.filter(state=S.CORRECTING).order_by("pk"))
    open_ones = {one.case_id: one for one in Pause.objects.filter(case__in=waiting, ended_at=None)}
    return [Asked(one, open_ones.get(one.pk)) for one in waiting]


def _drafts(principal: Principal) -> list[Draft]:
    rows = list(
        Application.objects.filter(applicant_id=principal.user_id, state=Application.State.DRAFT).order_by(
            "-changed_at"
        )[:MOST_DRAFTS]
    )
    codes = {code for one in rows for code in one.matters}
    names = {one.code: (one.name_zh, one.name_en or one.name_zh) for one in Matter.objects.filter(code__in=codes)}
    return [_draft(one, names) for one in rows]


def _draft(one: Application, names: dict[str, Pair]) -> Draft:
    found = steps.steps_of(one)
    here = next(step for step in found if step.is_current)
    matters = tuple(names.get(code, (code, code)) for code in one.matters)
    return Draft(one, matters, here.title, sum(step.is_done for step in found), len(found))
