"""Pages of parties: the list, one party, merging. 相对人页面."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from kunyu.engines.pages import forms as pageforms
from kunyu.engines.pages import rendering
from kunyu.engines.pages.listing import Action, Cell
from kunyu.engines.pages.record import Crumb, Fact, Record
from kunyu.engines.pages.words import both
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.scope import APPROVE, Principal
from kunyu.engines.security.session import login_needed
from kunyu.registers.parties import lists, queries, services

_HOME = Crumb(("相对人", "Parties"), "/parties/")


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


class MergeForm(pageforms.PageForm):
    """Which record is the same party, and why."""

    other = forms.IntegerField(label=both("重复记录的编号", "Number of the duplicate"), min_value=1)
    reason = forms.CharField(label=both("理由", "Reason"), max_length=400, widget=forms.Textarea(attrs={"rows": 2}))


@require_safe
@login_needed
def parties(request: HttpRequest) -> HttpResponseBase:
    """Every party in reach."""
    return rendering.render(request, lists.parties(_principal(request)))


@require_safe
@login_needed
def one(request: HttpRequest, party_id: int) -> HttpResponse:
    """One party with what it is linked to."""
    principal = _principal(request)
    found = queries.detail(principal, party_id)
    linked = tuple(
        Fact(lists.ROLES.get(link["role"], (link["role"], link["role"])), Cell(link["number"] or link["subject"], href=_href(link)))
        for link in found["links"]
    )  # fmt: skip
    facts = (
        Fact(("编号", "No."), found["id"], "code"),
        Fact(("类型", "Kind"), lists.KINDS[found["kind"]]),
        Fact(("证件号码", "Code"), found["code"], "code"),
        Fact(("联系人", "Contact"), found["contact"]),
        Fact(("电话", "Phone"), found["phone"], "code"),
        *linked,
    )
    may = queries.reached(principal, APPROVE).filter(pk=found["id"]).exists()
    merge = (Action(("合并重复记录", "Merge a duplicate"), f"/parties/{found['id']}/merge"),) if may else ()
    return render(request, "pages/record.html", {
        "record": Record(title=found["name"], crumbs=(_HOME, Crumb(found["name"])), facts=facts, actions=merge)
    })  # fmt: skip


def _href(link: dict[str, str]) -> str:
    kind, _, name = link["subject"].partition(":")
    return {"case": f"/cases/{name}", "licence": f"/licences/{name}", "project": f"/projects/{name}"}.get(kind, "")


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def merge(request: HttpRequest, party_id: int) -> HttpResponse:
    """Merge a duplicate into this party."""
    principal = _principal(request)
    found = queries.party_of(principal, party_id)
    if not queries.reached(principal, APPROVE).filter(pk=found.pk).exists():
        raise NotAllowed("您没有合并相对人的权限。", "You may not merge parties here.")
    here = f"/parties/{found.pk}"

    def do(said: dict[str, object]) -> str:
        services.merge(principal, found.pk, int(str(said["other"])), str(said["reason"]))
        return here

    return pageforms.handle(
        request, MergeForm(request.POST or None), do, ("合并重复的相对人", "Merge a duplicate"), ("合并", "Merge"), back=here,
        losses=[("重复记录的办件与证照改挂到本记录；重复记录保留并指向本记录。",
                 "Links of the duplicate move here; its record stays and points here.")],
    )  # fmt: skip
