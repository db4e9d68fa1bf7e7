"""Pages of a matter's owner: the catalogue, a matter with its editions, changing it, what differs. 事项管理页面.

A change is uploaded or typed, checked whole, shown as differences and as a picture of the flow, and put into use only
then. The public reads guides elsewhere; these pages are for staff who may see data of the matter's branch.
"""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from kunyu.engines.matters.definitions import consistency, differences, editions, guides, lists, owners
from kunyu.engines.matters.definitions.canonical import in_order
from kunyu.engines.matters.definitions.edit_forms import ChangeForm, CompareForm, ReasonForm
from kunyu.engines.matters.definitions.editing import Change, changed, values_text
from kunyu.engines.matters.definitions.forms import fields_of
from kunyu.engines.matters.definitions.lists import HERE
from kunyu.engines.matters.definitions.pictures import faulty_picture, flow_picture
from kunyu.engines.matters.errors import BadFlow, UnknownMatter
from kunyu.engines.matters.models import Matter, MatterEdition
from kunyu.engines.pages import forms, rendering
from kunyu.engines.pages.listing import Action
from kunyu.engines.pages.record import Crumb, Fact, Record
from kunyu.engines.pages.words import pick
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed
from kunyu.kernel.errors import KunyuError

_HOME = Crumb(("政务服务事项", "Matters"), HERE)


def _principal(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined, no-any-return]


@require_safe
@login_needed
def index(request: HttpRequest) -> HttpResponseBase:
    """Every matter the person may look at."""
    return rendering.render(request, lists.matters(_principal(request)), tabs=lists.tabs(HERE))


@require_safe
@login_needed
def completeness(request: HttpRequest) -> HttpResponse:
    """What the guides of matters lack (R-301, R-302)."""
    seen = set(owners.visible(_principal(request)).values_list("code", flat=True))
    gaps = [one for one in consistency.completeness() if one.code in seen]
    here = f"{HERE}completeness/"
    return render(request, "matters/definitions/completeness.html", {
        "gaps": gaps, "whole": sum(1 for one in gaps if not one.missing), "tabs": lists.tabs(here), "crumbs": (_HOME,),
    })  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def comparison(request: HttpRequest) -> HttpResponse:
    """Compare the list of another level with this catalogue (R-010, R-300)."""
    form = CompareForm(request.POST or None, request.FILES or None)
    found, status = None, 200
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            theirs = consistency.read_list(file.read(), file.name)
            found = consistency.compare(consistency.own_entries(), theirs, form.cleaned_data["level"])
        except KunyuError as error:
            form.add_error("file", pick((error.detail_zh, error.detail_en)))
    if form.is_bound and not form.is_valid():
        status = 422
    return render(request, "matters/definitions/comparison.html", {
        "form": form, "found": found, "tabs": lists.tabs(f"{HERE}comparison/"), "crumbs": (_HOME,),
    }, status=status)  # fmt: skip


@require_safe
@login_needed
def record(request: HttpRequest, code: str) -> HttpResponse:
    """One matter as it holds: guide, form, flow, and every edition of every division."""
    principal = _principal(request)
    matter = owners.visible_matter(principal, code)
    edition = editions.edition_in_use(code, request.GET.get("division", "")[:12])
    where = owners.divisions_of(principal, matter.branch)
    actions = tuple(
        Action(
            (f"修改（{one or '全国'}）", f"Change ({one or 'nation'})"), f"{HERE}{code}/new?division={one}", "primary"
        )
        for one in where
    )
    history = [one for one in editions.history(code) if one.state != "draft" or one.made_by == principal.name]
    return render(request, "matters/definitions/matter.html", {
        "record": _head(matter, edition, actions), "history": [(one, lists.state_of(one)) for one in history],
        "missing": guides.missing_elements(editions.definition_of(edition)), **_shown(edition),
    })  # fmt: skip


def _head(matter: Matter, edition: MatterEdition, actions: tuple[Action, ...]) -> Record:
    return Record(
        title=(matter.name_zh, matter.name_en or matter.name_zh), crumbs=(_HOME, Crumb(matter.code)), actions=actions,
        facts=(
            Fact(("编码", "Code"), matter.code, "code"), Fact(("基本编码", "Basic code"), matter.basic_code or "—", "code"),
            Fact(("类型", "Kind"), lists.kind_of(matter.kind)), Fact(("办理", "Applications"), lists.open_badge(matter), "badge"),
            Fact(("数据分支", "Branch"), matter.branch or "—", "code"),
            Fact(("定义于", "Defined in"), matter.pack or ("目录", "catalogue")),
            Fact(("所示版本", "Edition shown"), _name(edition)),
        ),
    )  # fmt: skip


def _name(edition: MatterEdition) -> tuple[str, str]:
    where = edition.division_code
    return (f"{where or '全国'} 第 {edition.number} 版", f"{where or 'nation'}, edition {edition.number}")


def _shown(edition: MatterEdition) -> dict[str, Any]:
    """What the pages show of an edition."""
    content = editions.content_of(edition)
    return {
        "edition": edition, "parts": guides.guide(content.definition), "fields": fields_of(content.definition),
        "stages": content.definition.stages, "picture": flow_picture(content), "decisions": sorted(edition.decisions),
        "has_form": bool(content.definition.form),
    }  # fmt: skip


@require_safe
@login_needed
def edition(request: HttpRequest, code: str, edition_id: int) -> HttpResponse:
    """One edition and what it changes: against the one before, or the one named by ``against``."""
    principal = _principal(request)
    matter = owners.visible_matter(principal, code)
    one = _edition(principal, matter, edition_id)
    against = _against(request, matter, one)
    found = differences.difference(editions.content_of(against), editions.content_of(one)) if against else []
    draft = one.state == "draft"
    actions = (
        (Action(("发布", "Publish"), f"{HERE}{code}/editions/{one.pk}/publish", "primary"),
         Action(("放弃草稿", "Discard"), f"{HERE}{code}/editions/{one.pk}/discard", "danger")) if draft else ()
    )  # fmt: skip
    facts = (
        Fact(("状态", "State"), lists.state_of(one), "badge"), Fact(("区划", "Division"), one.division_code or "—", "code"),
        Fact(("编制", "Made by"), one.made_by, "person"), Fact(("编制时间", "Made"), one.made_at, "time"),
        Fact(("发布", "Published by"), one.published_by or "—", "person"), Fact(("发布时间", "Published"), one.published_at, "time"),
        Fact(("理由", "Reason"), one.reason or "—"), Fact(("摘要（SM3）", "Digest (SM3)"), f"{one.digest[:16]}…", "code"),
    )  # fmt: skip
    others = [other for other in editions.history(code) if other.pk != one.pk and other.state != "draft"]
    return render(request, "matters/definitions/edition.html", {
        "record": Record(title=_name(one), crumbs=(_HOME, Crumb((matter.name_zh, matter.name_en), f"{HERE}{code}/"),
                                                   Crumb(_name(one))), actions=actions, facts=facts),
        "differences": found, "against": against, "against_name": _name(against) if against else "",
        "others": [(other, _name(other)) for other in others], **_shown(one),
    })  # fmt: skip


def _edition(principal: Principal, matter: Matter, edition_id: int) -> MatterEdition:
    one = matter.editions.filter(pk=edition_id).first()
    if one is None or (one.state == "draft" and one.made_by != principal.name):
        raise UnknownMatter(f"没有版本 {edition_id}。", f"There is no edition {edition_id}.")
    return one


def _against(request: HttpRequest, matter: Matter, one: MatterEdition) -> MatterEdition | None:
    """The edition asked for; else the one in use for a draft, the one before, or the one above a division's first."""
    asked = request.GET.get("against", "")
    if asked.isascii() and asked.isdigit() and len(asked) < 19:
        return matter.editions.exclude(state="draft").filter(pk=int(asked)).first()
    before = matter.editions.filter(division_code=one.division_code, number__lt=one.number).exclude(state="draft")
    found = before.order_by("-number").first()
    if found is not None or not one.division_code:
        return found
    return editions.edition_above(matter.code, one.division_code)


@require_safe
@login_needed
def part(request: HttpRequest, code: str, edition_id: int, name: str) -> HttpResponse:
    """A file of an edition as it is kept, to be changed in a modeller: ``form.json``, ``workflow.bpmn``, ``ID.dmn``."""
    principal = _principal(request)
    one = _edition(principal, owners.visible_matter(principal, code), edition_id)
    text, kind = _part(one, name)
    if not text:
        raise UnknownMatter(f"该版本没有 {name}。", f"This edition has no {name}.")
    answer = HttpResponse(text, content_type=f"{kind}; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{code}-{name}"'
    return answer


def _part(one: MatterEdition, name: str) -> tuple[str, str]:
    if name == "form.json":
        return _form_text(one), "application/schema+json"
    if name == "workflow.bpmn":
        return one.flow, "application/xml"
    return one.decisions.get(name.removesuffix(".dmn"), ""), "application/xml"


def _form_text(one: MatterEdition) -> str:
    """The form of an edition as indented JSON; '' without one."""
    form = in_order(one.definition.get("form") or {})
    return json.dumps(form, ensure_ascii=False, indent=2) + "\n" if form else ""


# -- changing -------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def new(request: HttpRequest, code: str) -> HttpResponse:
    """Prepare a new edition: what is not given stays as it is."""
    principal = _principal(request)
    matter = owners.visible_matter(principal, code)
    where = owners.divisions_of(principal, matter.branch)
    division = request.GET.get("division", where[0] if where else "")[:12]
    if division not in where:
        owners.require_change(principal, matter.branch, division)
        raise NotAllowed("请从您管理的区划中选择。", "Choose a division that you manage.")
    base = editions.content_of(editions.edition_in_use(code, division))
    form = ChangeForm(request.POST or None, request.FILES or None, initial={"values": values_text(base, division)})

    shown: dict[str, Any] = {}

    def done(given: dict[str, Any]) -> str:
        change = _change(form)
        try:
            draft = editions.prepare(principal, changed(base, change, division), division)
        except BadFlow as error:
            shown.update(_faulty(change, error))
            raise
        messages.success(
            request, pick(("已通过检查，请核对差异后发布。", "Checked; look at the differences, then publish."))
        )
        return f"{HERE}{code}/editions/{draft.pk}/"

    return forms.handle(
        request, form, done, (f"修改：{matter.name_zh}", f"Change {matter.name_en}"), ("检查并预览", "Check and preview"),
        back=f"{HERE}{code}/", template="matters/definitions/change.html", division=division or pick(("全国", "the nation")),
        shown=shown,
        crumbs=(_HOME, Crumb((matter.name_zh, matter.name_en), f"{HERE}{code}/"), Crumb(("修改", "Change"))),
    )  # fmt: skip


def _faulty(change: Change, error: BadFlow) -> dict[str, Any]:
    """The flow as it was sent, with what is wrong marked: when it can be drawn at all."""
    error.context.setdefault("field", "flow_file" if change.flow else "values")
    faults = error.context.get("faults", [])
    picture = faulty_picture(change.flow.content, [one["element"] for one in faults]) if change.flow else None
    return {"picture": picture, "faults": faults}


def _change(form: ChangeForm) -> Change:
    return Change(
        form.cleaned_data["values"], form.upload("form_file"), form.upload("flow_file"), form.uploads("decision_files")
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def publish(request: HttpRequest, code: str, edition_id: int) -> HttpResponse:
    """Put a draft into use."""
    principal = _principal(request)
    matter = owners.visible_matter(principal, code)
    owners.require_change(principal, matter.branch, _edition(principal, matter, edition_id).division_code)

    def done(given: dict[str, Any]) -> str:
        made = editions.publish_draft(principal, edition_id, given["reason"])
        messages.success(request, pick((f"第 {made.number} 版已启用。", f"Edition {made.number} is in use.")))
        return f"{HERE}{code}/"

    return forms.handle(
        request, ReasonForm(request.POST or None), done, ("发布新版本", "Publish the edition"), ("发布", "Publish"),
        back=f"{HERE}{code}/editions/{edition_id}/",
        lead=("今后受理的办件按新版本办理；在办的仍按原版本。", "Cases accepted from now on follow it; running ones stay on theirs."),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def discard(request: HttpRequest, code: str, edition_id: int) -> HttpResponse:
    """Forget a draft."""
    principal = _principal(request)
    matter = owners.visible_matter(principal, code)
    owners.require_change(principal, matter.branch, _edition(principal, matter, edition_id).division_code)

    def done(given: dict[str, Any]) -> str:
        editions.discard_draft(principal, edition_id)
        return f"{HERE}{code}/"

    form = forms.PageForm(request.POST or None) if request.method == "POST" else forms.PageForm()
    return forms.handle(
        request, form, done, ("放弃草稿", "Discard the draft"), ("放弃", "Discard"), back=f"{HERE}{code}/editions/{edition_id}/",
        losses=[("草稿中的全部修改", "every change in the draft")],
    )  # fmt: skip
