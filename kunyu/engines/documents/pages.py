"""Pages of the register of licences: list, one licence with its history, suspending and resuming. 证照页面."""

from __future__ import annotations

from django import forms
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from kunyu.engines.documents import licence_states, lists, queries
from kunyu.engines.documents.api import file_answer
from kunyu.engines.documents.errors import WrongLicenceState
from kunyu.engines.documents.kinds import kind_of
from kunyu.engines.documents.models import Licence
from kunyu.engines.pages import forms as pageforms
from kunyu.engines.pages import rendering
from kunyu.engines.pages.listing import Action, Cell
from kunyu.engines.pages.record import Crumb, Event, Fact, Record
from kunyu.engines.pages.words import both
from kunyu.engines.security.names import names_of
from kunyu.engines.security.scope import APPROVE, DOWNLOAD, Principal
from kunyu.engines.security.session import login_needed

State = Licence.State
_HOME = Crumb(("证照登记簿", "Licences"), "/licences/")
ACTS = {
    "issued": ("发证", "issued"), "suspended": ("挂起", "suspended"), "resumed": ("恢复", "resumed"),
    "expired": ("到期", "expired"), "replaced": ("换发", "replaced"), "corrected": ("更正", "corrected"),
    "revoked": ("撤销", "revoked"),
}  # fmt: skip
STEPS = {
    "suspend": (licence_states.suspend, State.VALID, ("挂起证照", "Suspend the licence"), ("挂起", "Suspend")),
    "resume": (licence_states.resume, State.SUSPENDED, ("恢复证照", "Resume the licence"), ("恢复", "Resume")),
}


class ActForm(pageforms.PageForm):
    """Why, and on which article."""

    reason = forms.CharField(label=both("理由", "Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    basis = forms.CharField(label=both("法律依据", "Basis in law"), max_length=300)


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@require_safe
@login_needed
def licences(request: HttpRequest) -> HttpResponseBase:
    """Every licence in reach."""
    return rendering.render(request, lists.licences(_principal(request)))


@require_safe
@login_needed
def one(request: HttpRequest, licence_id: int) -> HttpResponse:
    """One licence: what stands on it, its files, its history."""
    principal = _principal(request)
    licence = queries.licence_of(principal, licence_id)
    return render(request, "pages/record.html", {
        "record": Record(
            title=licence.number, crumbs=(_HOME, Crumb(licence.number)), facts=_facts(principal, licence),
            history=_history(licence),
            actions=_actions(principal, licence),
        )
    })  # fmt: skip


def _history(licence: Licence) -> tuple[Event, ...]:
    """What was done with a licence and by whom: people by name, what the node did itself by its account."""
    events = list(licence.events.all())
    names = names_of(one.actor for one in events)
    return tuple(
        Event(one.at, names[one.actor], ACTS.get(one.act, one.act),
              " ".join(filter(None, (one.reason, one.basis))))
        for one in events
    )  # fmt: skip


def _facts(principal: Principal, one: Licence) -> tuple[Fact, ...]:
    kind = kind_of(one.kind)
    case = one.subject.removeprefix("case:") if one.subject.startswith("case:") else ""
    return (
        Fact(("类型", "Kind"), (kind.name_zh, kind.name_en)),
        Fact(("状态", "State"), lists.state_badge(one)),
        Fact(("版本", "Version"), one.version, "count"),
        Fact(("发证机关", "Issuer"), one.issuer_zh),
        Fact(("持证主体", "Holder"), queries.holder_shown(principal, one)),
        Fact(("证件号码", "Code"), one.holder_code_masked, "code"),
        Fact(("发证日期", "Issued on"), one.issued_on, "date"),
        Fact(("有效期至", "Valid to"), one.valid_to, "date"),
        Fact(("项目代码", "Project"), Cell(one.project_code, href=f"/projects/{one.project_code}") if one.project_code else ""),
        Fact(("办件", "Case"), Cell(case, href=f"/cases/{case}") if case else ""),
        # the case is named with its link already
        *(Fact(name, value) for name, value in one.shown_facts if value != case),
        Fact(("前一版", "Before"), Cell(one.previous.number, href=f"/licences/{one.previous_id}") if one.previous else ""),
        Fact(("电子证照标识", "Identifier"), Cell(one.identifier, href=f"/verify/{one.identifier}"), "code"),
    )  # fmt: skip


def _actions(principal: Principal, one: Licence) -> tuple[Action, ...]:
    found = [Action(("公开核验页", "Public page"), f"/verify/{one.identifier}")]
    if queries.licences(principal, DOWNLOAD).filter(pk=one.pk).exists():
        found += [Action(("下载 PDF", "PDF"), f"/licences/{one.pk}/file.pdf", "primary")] if one.pdf_id else []
        found += [Action(("下载 OFD", "OFD"), f"/licences/{one.pk}/file.ofd")] if one.ofd_id else []
    if queries.licences(principal, APPROVE).filter(pk=one.pk).exists():
        for name, (_, state, _, action) in STEPS.items():
            found += [Action(action, f"/licences/{one.pk}/{name}", "danger")] if one.state == state else []
    return tuple(found)


@require_safe
@login_needed
def file(request: HttpRequest, licence_id: int, form: str) -> FileResponse:
    """The sealed file."""
    principal = _principal(request)
    return file_answer(principal, queries.licence_of(principal, licence_id, DOWNLOAD), form)


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def step(request: HttpRequest, licence_id: int, act: str) -> HttpResponse:
    """Suspend or resume, with reason and basis."""
    principal = _principal(request)
    licence = queries.licence_of(principal, licence_id, APPROVE)
    do_it, state, title, action = STEPS[act]
    if licence.state != state:
        raise WrongLicenceState(
            f"证照 {licence.number} 的状态是“{licence.get_state_display()}”。",
            f"Licence {licence.number} is {licence.state}.",
        )
    here = f"/licences/{licence.pk}"

    def do(said: dict[str, str]) -> str:
        do_it(principal, licence.pk, said["reason"], said["basis"])
        return here

    return pageforms.handle(
        request, ActForm(request.POST or None), do, title, action, back=here,
        losses=[(f"{licence.number} 的公开核验页随即显示新状态。", f"The public page of {licence.number} shows it at once.")],
    )  # fmt: skip
