"""An applicant's pages of one case: follow it, correct it, withdraw it, have its papers. 办件进度页面.

Every page is the applicant's own; for anybody else, officers too, the number does not exist.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from kunyu.engines.documents.api import document_answer
from kunyu.engines.matters.cases import machine, people, queries, services, shown
from kunyu.engines.matters.cases.telling import applicant_address
from kunyu.engines.matters.cases.words import Names, days_used, state_badge
from kunyu.engines.matters.errors import UnknownCase
from kunyu.engines.matters.hall import asked, course, following, outcome
from kunyu.engines.matters.models import Case
from kunyu.engines.pages import forms as pageforms
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.record import Crumb
from kunyu.engines.pages.words import Pair, both, pick
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed

LONGEST_REASON = 1_000
_MINE = Crumb(("我的申报", "My applications"), "/hall/mine/")


class AnswerForm(PageForm):
    """The application as it stands is sent back."""

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)


class WithdrawForm(AnswerForm):
    """The application is taken back."""

    text = forms.CharField(
        label=both("撤回原因（可以不填）", "Why (may be left out)"), max_length=LONGEST_REASON, required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip


def _own(request: HttpRequest, number: str) -> tuple[Principal, Case]:
    """The applicant and his case. Raises UnknownCase for everybody else."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    found = queries.case_of(principal, number)
    if not people.is_applicant(principal, found):
        raise people.unknown(number[:64])
    return principal, found


@require_safe
@never_cache
@login_needed
def case(request: HttpRequest, number: str) -> HttpResponse:
    """One case: what to correct, where it stands, its stages, decision, licence, letters, trace."""
    _, one = _own(request, number)
    names, pause = Names(), following.open_pause(one)
    correcting = pause if one.state == Case.State.CORRECTING else None
    rulings = outcome.rulings(one)
    return render(request, "matters/hall/case.html", {
        "case": one, "crumbs": (_MINE, Crumb(one.number)), "badge": state_badge(one), "office": names.county(one),
        "standing": following.standing(one), "correcting": correcting,
        "asked": asked.asked(one, correcting) if correcting else [],
        "steps": course.steps(one), "picture": shown.flow_picture(one), "trace": course.trace(one),
        "rulings": rulings, "remedies": outcome.REMEDIES if outcome.has_remedies(one, rulings) else None,
        "remedies_from": outcome.REMEDIES_FROM, "held": outcome.licence(one), "letters": outcome.letters(one),
        "form_facts": shown.form_facts(one), "others": _others(one), "may_withdraw": "withdraw" in machine.allowed(one),
    })  # fmt: skip


def _others(one: Case) -> list[dict[str, Any]]:
    """The other cases of the same application."""
    rows = Case.objects.filter(application_id=one.application_id).exclude(pk=one.pk).select_related("matter")
    return [{"case": each, "badge": state_badge(each)} for each in rows.order_by("pk")]


@require_safe
@login_needed
def paper(request: HttpRequest, number: str, document_id: int) -> FileResponse:
    """A sealed letter or the licence as a download."""
    principal, one = _own(request, number)
    found = outcome.paper_of(one, document_id)
    if found is None:
        raise UnknownCase(f"办件 {number} 没有文书 {document_id}。", f"Case {number} has no paper {document_id}.")
    name = found.number if found.kind == "licence" and found.number else f"{one.number}-{found.kind}"
    return document_answer(principal, found, f"{name}.{outcome.form_of(found)}")


# -- acts -------------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_needed
def answer(request: HttpRequest, number: str) -> HttpResponse:
    """Send the corrected application back, once nothing is missing in it."""
    principal, one = _own(request, number)
    pause, here = following.open_pause(one), applicant_address(one)
    if request.method != "POST" and (pause is None or one.state != Case.State.CORRECTING):
        return redirect(here)

    def do(given: dict[str, Any]) -> str:
        services.answer_correction(principal, one.pk, revision=given["revision"])
        messages.success(request, pick(("补正已提交，办理继续。", "Your correction was sent; the case goes on.")))
        return here

    return _handled(
        request, one, AnswerForm(request.POST or None, initial={"revision": one.revision}), do,
        ("重新提交", "Send it back"), ("确认重新提交", "Send it back now"), "matters/hall/answer.html",
        asked=asked.asked(one, pause) if pause else [], faults=asked.faults(one.application), pause=pause,
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_needed
def withdraw(request: HttpRequest, number: str) -> HttpResponse:
    """Take the case back, knowing what goes with it."""
    principal, one = _own(request, number)
    here = applicant_address(one)
    if request.method != "POST" and "withdraw" not in machine.allowed(one):
        return redirect(here)

    def do(given: dict[str, Any]) -> str:
        services.withdraw(principal, one.pk, given["text"], revision=given["revision"])
        messages.success(request, pick(("申请已撤回。", "Your application was withdrawn.")))
        return here

    return _handled(
        request, one, WithdrawForm(request.POST or None, initial={"revision": one.revision}), do,
        ("撤回申请", "Withdraw the application"), ("确认撤回", "Withdraw it"), "matters/hall/withdraw.html",
        lost=_lost(one), others=_others(one),
    )  # fmt: skip


def _handled(
    request: HttpRequest, one: Case, form: forms.Form, do: Any, title: Pair, action: Pair, template: str, **more: Any
) -> HttpResponse:
    here = applicant_address(one)
    context = {"case": one, "crumbs": (_MINE, Crumb(one.number, here), Crumb(title)), "template": template, **more}
    return pageforms.handle(request, form, do, title, action, back=here, **context)


def _lost(one: Case) -> list[Pair]:
    """What goes with a withdrawal."""
    found: list[Pair] = [
        (f"办件 {one.number}（{one.matter.name_zh}）就此结束，不能恢复；再办须重新申请。",
         f"Case {one.number} ({one.matter.name_en or one.matter.name_zh}) ends here for good; it takes a new application."),
    ]  # fmt: skip
    if one.accepted_at is not None:
        used = days_used(one)
        found.append((f"已经用去的 {used} 个工作日和已办的环节不延续，重新申请后从头计算。",
                      f"The {used} workdays used and the stages passed do not count for a new application."))  # fmt: skip
    else:
        found.append(("现在的受理次序不保留。", "Its place in the queue is lost."))
    return found
