"""Pages of seals: list, one with its certificates and uses, make, approve, suspend, resume, destroy. 印章管理页面."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seals import entry_forms, lists, queries, services
from kunyu.engines.documents.seals.services import SealEntry
from kunyu.engines.pages import forms, rendering
from kunyu.engines.pages.words import Pair
from kunyu.engines.security import duties
from kunyu.engines.security.admin_pages import sections
from kunyu.engines.security.admin_pages.sections import any_duty_page, page_of, security_page, system_page
from kunyu.engines.security.scope import Principal

USES_SHOWN = 20
TITLES: dict[str, Pair] = {
    "approve": ("启用", "Approve"), "suspend": ("停用", "Suspend"), "resume": ("恢复", "Resume"), "destroy": ("销毁", "Destroy"),
}  # fmt: skip


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@any_duty_page
def index(request: HttpRequest) -> HttpResponseBase:
    """Seals of the administrator's divisions."""
    principal = _principal(request)
    return rendering.render(request, lists.listing(principal), tabs=sections.tabs(principal, lists.HERE))


@any_duty_page
def record(request: HttpRequest, code: str) -> HttpResponse:
    """One seal: picture, facts, certificates, the last uses, what was done."""
    principal = _principal(request)
    one = queries.seal(principal, code)
    context = {
        "record": lists.record(principal, one), "seal": one, "certificates": lists.certificates(one),
        "uses": one.uses.all()[:USES_SHOWN], "use_count": one.uses.count(), "acts": lists.ACTS,
    }  # fmt: skip
    return render(request, "documents/seal.html", context)


@any_duty_page
def uses(request: HttpRequest, code: str) -> HttpResponseBase:
    """Every use of one seal."""
    return rendering.render(request, lists.uses_listing(queries.seal(_principal(request), code)))


@any_duty_page
def picture(request: HttpRequest, code: str) -> HttpResponse:
    """The picture as PNG; kept by the person's browser only."""
    content = services.picture_of(queries.seal(_principal(request), code))
    return HttpResponse(content, content_type="image/png", headers={"Cache-Control": "private, max-age=300"})


@system_page
def new(request: HttpRequest) -> HttpResponse:
    """The form of a new seal."""
    principal = _principal(request)
    first = {"division_code": principal.duty_division}
    form = entry_forms.SealForm(request.POST or None, request.FILES or None, initial=first)

    def do(values: dict[str, Any]) -> str:
        file = values.pop("picture")
        return lists.address(services.make(principal, SealEntry(picture=file.read() if file else None, **values)))

    return forms.handle(
        request, form, do, ("制作印章", "Make a seal"), ("制作", "Make"), back=lists.HERE,
        lead=("由另一人（安全管理员）启用后才能用印。", "Another person, the security administrator, approves it before it seals anything."),
    )  # fmt: skip


@security_page
def approve(request: HttpRequest, code: str) -> HttpResponse:
    """Put it into use."""
    form = entry_forms.NoteForm(request.POST or None)
    return _act(request, code, "approve", form)


@page_of(duties.SYSTEM, duties.SECURITY)
def suspend(request: HttpRequest, code: str) -> HttpResponse:
    """Stop it at once."""
    losses = [
        (
            "停用期间不能用印，等待用印的决定会停在制证环节。",
            "Nothing is sealed meanwhile: decisions wait before their licence.",
        )
    ]
    return _act(request, code, "suspend", entry_forms.ReasonForm(request.POST or None), losses)


@security_page
def resume(request: HttpRequest, code: str) -> HttpResponse:
    """Put it into use again."""
    return _act(request, code, "resume", entry_forms.ReasonForm(request.POST or None))


@security_page
def destroy(request: HttpRequest, code: str) -> HttpResponse:
    """Destroy it and its keys."""
    losses = [
        ("印章的两把私钥立即删除，不能恢复。", "Both private keys are removed at once, for good."),
        (
            "已盖章的文件凭时间戳仍然有效；用印记录保留。",
            "What it sealed stays valid by its time stamps; the record of uses stays.",
        ),
    ]
    return _act(request, code, "destroy", entry_forms.ReasonForm(request.POST or None), losses)


def _act(
    request: HttpRequest, code: str, act: str, form: forms.PageForm, losses: list[Pair] | None = None
) -> HttpResponse:
    principal = _principal(request)
    one: Seal = queries.seal(principal, code)
    zh, en = TITLES[act]

    def do(values: dict[str, str]) -> str:
        return lists.address(services.ACTS[act](principal, code, values["reason"]))

    title = (f"{zh}印章：{one.name_zh}", f"{en} seal {one.name_en or one.name_zh}")
    return forms.handle(request, form, do, title, (zh, en), back=lists.address(one), losses=losses)
