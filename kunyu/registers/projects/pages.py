"""Pages of projects: the list, and one chain drawn with its plots and its report of consistency. 项目页面.

The generic screens give the list; a chain (documents in order, what fits and what does not, the map) is a page of its own.
"""

from __future__ import annotations

from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from kunyu.engines.pages import rendering
from kunyu.engines.pages.listing import Badge, Cell
from kunyu.engines.pages.record import Crumb, Fact, Record
from kunyu.engines.reference.naming import division_cell
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed
from kunyu.registers.projects import lists, queries, rules
from kunyu.registers.projects.models import ProjectDocument

_HOME = Crumb(("投资项目", "Projects"), "/projects/")
KINDS_EN = {
    "review": "Pre-approval and site opinion", "project": "Approval of the project", "conversion": "Approval of conversion",
    "expropriation": "Approval of expropriation", "supply": "Allocation or contract", "land_permit": "Land planning permit",
    "works_permit": "Works planning permit", "rural_permit": "Rural planning permit", "acceptance": "Planning acceptance",
    "other": "Other",
}  # fmt: skip
STATES = {
    "issuing": Badge(("制证中", "being issued"), "plain"), "valid": Badge(("有效", "in force")),
    "suspended": Badge(("挂起", "suspended"), "warn"), "expired": Badge(("过期", "expired"), "warn"),
    "replaced": Badge(("已换发", "replaced"), "plain"), "revoked": Badge(("已撤销", "revoked"), "danger"),
}  # fmt: skip
ANSWERS = {
    "clear": Badge(("一致", "fits")), "conflict": Badge(("不一致", "does not fit"), "danger"),
    "not_checked": Badge(("未核验", "not checked"), "warn"),
}  # fmt: skip


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@require_safe
@login_needed
def projects(request: HttpRequest) -> HttpResponseBase:
    """Every project in reach; ``?find=`` goes to the chain of any number."""
    typed = request.GET.get("find", "").strip()
    if typed:
        return redirect(f"/projects/{quote(typed, safe='')}")
    return rendering.render(request, lists.projects(_principal(request)), "projects/list.html")


@require_safe
@login_needed
def one(request: HttpRequest, number: str) -> HttpResponse:
    """The chain of a code or number."""
    principal = _principal(request)
    chain = queries.resolve(principal, number)
    plots = queries.plots_of(chain.documents)
    answers = rules.report(chain.documents, plots)
    project = chain.project
    title = chain.name
    facts = (
        Fact(("项目代码", "Code"), project.code, "code"),
        Fact(("区划", "Division"), division_cell(project.division_code)),
        Fact(("建设单位", "Investor"), _investor(project)),
        Fact(("批准文件", "Approvals"), len(chain.documents), "count"),
    ) if project else ()  # fmt: skip
    return render(request, "projects/project.html", {
        "record": Record(title=title, crumbs=(_HOME, Crumb(project.code if project else title)), facts=facts),
        "steps": [_step(document, answers) for document in chain.documents],
        "answers": [(one, rules.TITLES[one.rule], ANSWERS[one.state]) for one in answers], "clause": rules.CLAUSE,
        "plots": f"/api/projects/{quote(number, safe='')}/plots" if plots else "",
        "conflicts": sum(one.state == "conflict" for one in answers),
        "not_checked": sum(one.state == "not_checked" for one in answers),
    })  # fmt: skip


def _investor(project: object) -> Cell | str:
    party = getattr(project, "investor", None)
    return (
        Cell(party.name if party.kind == "organisation" else f"#{party.pk}", href=f"/parties/{party.pk}")
        if party
        else ""
    )


def _step(one: ProjectDocument, answers: list[rules.Answer]) -> dict[str, object]:
    """One document of the drawn chain, with what binds it to the one before."""
    mine = [answer.state for answer in answers if answer.later == one.number]
    joint = "conflict" if "conflict" in mine else "not_checked" if "not_checked" in mine else "clear" if mine else ""
    return {
        "document": one, "title": (one.get_kind_display(), KINDS_EN[one.kind]), "state": STATES[one.state], "joint": joint,
        "joint_words": ANSWERS[joint].text if joint else ("", ""), "feature": one.feature,
    }  # fmt: skip
