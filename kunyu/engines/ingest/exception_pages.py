"""Pages of exceptions: the list, one with its finding on the map, proposing, deciding, withdrawing. 检查例外页面."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms as django_forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kunyu.engines.ingest import exception_lists, exceptions
from kunyu.engines.ingest.errors import UnknownException
from kunyu.engines.ingest.exceptions import EvidenceFile
from kunyu.engines.ingest.models import FindingException
from kunyu.engines.ingest.storage import object_store
from kunyu.engines.pages import forms, once, rendering
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.listing import Badge, Cell
from kunyu.engines.pages.record import Crumb, Event, Fact, Record
from kunyu.engines.pages.words import both, pick
from kunyu.engines.reference.naming import division_cell
from kunyu.engines.security.headers import DOCUMENT_POLICY
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed
from kunyu.kernel.errors import KunyuError, UsageError

HERE = "/exceptions/"
_HOME = Crumb(("检查例外", "Exceptions"), HERE)
_SAID = {
    "confirm": ("已确认，以后的检查不再计入该发现。", "Confirmed: later checks no longer count this finding."),
    "refuse": ("已不予确认，已告知提出人。", "Refused; the proposer has been told."),
    "withdraw": ("已撤回，以后的检查会重新发现。", "Withdrawn: later checks find it again."),
}


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


class _Files(django_forms.ClearableFileInput):
    """Several files at once."""

    allow_multiple_selected = True


class _FilesField(django_forms.FileField):
    """Cleans to a list of uploaded files, which may be empty."""

    widget = _Files

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        given = data if isinstance(data, list | tuple) else [data]
        return [found for one in given if one and (found := super(_FilesField, self).clean(one, initial))]


class ProposalForm(PageForm):
    """Why a finding is right as it is."""

    reason = django_forms.CharField(
        label=both("理由（确认人会看到）", "Reason (whoever confirms it will read it)"), max_length=2000,
        widget=django_forms.Textarea(attrs={"rows": 4}),
    )  # fmt: skip
    evidence = _FilesField(
        label=both("佐证文件", "Files of evidence"), required=False, allow_empty_file=True,
        help_text=both("照片、批文、会议纪要等，可多选，共不超过 50 MB。", "Photos, approvals, minutes; several, 50 MB in all."),
    )  # fmt: skip


@require_safe
@login_needed
def index(request: HttpRequest) -> HttpResponseBase:
    """The list."""
    return rendering.render(request, exception_lists.listing(_principal(request)))


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def propose(request: HttpRequest, delivery_id: int, finding_id: int) -> HttpResponse:
    """Propose one finding of a delivery as an exception."""
    principal = _principal(request)
    delivery, found = exceptions.finding_of(principal, delivery_id, finding_id)
    exceptions.require_may_propose(principal, delivery, found.layer)
    back = f"/deliveries/{delivery_id}#findings"

    def done(given: dict[str, Any]) -> str:
        files = [EvidenceFile(one.name or "evidence", one.size or 0, one) for one in given["evidence"]]
        made = exceptions.propose(principal, delivery_id, finding_id, given["reason"], files)
        messages.success(request, pick(("已提出，等另一人确认。", "Proposed; another person is asked to confirm.")))
        return f"{HERE}{made.pk}/"

    return forms.handle(
        request, ProposalForm(request.POST or None, request.FILES or None), done, ("标为例外", "Mark as exception"),
        ("提出", "Propose"), back=back, template="ingest/exception_new.html", finding=found, delivery=delivery,
        crumbs=(Crumb((f"汇交批次 {delivery_id}", f"Delivery {delivery_id}"), back), Crumb(("标为例外", "Mark as exception"))),
    )  # fmt: skip


class DecisionForm(PageForm):
    """The reason of a decision."""

    reason = django_forms.CharField(
        label=both("理由（不予确认、撤回时必填）", "Reason (needed to refuse or withdraw)"), required=False, max_length=2000,
        widget=django_forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip


@require_safe
@login_needed
def record(request: HttpRequest, number: int) -> HttpResponse:
    """One exception with its finding on the map and what the person may do about it."""
    return _page(request, exceptions.visible_exception(_principal(request), number))


def _page(request: HttpRequest, one: FindingException, status: int = 200) -> HttpResponse:
    principal = _principal(request)
    decides, own = exceptions.may_decide(principal, one), one.proposed_by == principal.name
    open_now = one.status in (FindingException.Status.PROPOSED, FindingException.Status.CONFIRMED)
    return render(
        request, "ingest/exception.html",
        {
            "record": _record(one), "one": one, "placed": exceptions.has_place(one), "form": DecisionForm(),
            "once": once.new_token(request), "own": own,
            "may_decide": decides and not own and one.status == FindingException.Status.PROPOSED,
            "waits_for_other": own and one.status == FindingException.Status.PROPOSED,
            "may_withdraw": open_now and (own or (decides and one.status == FindingException.Status.CONFIRMED)),
        },
        status=status,
    )  # fmt: skip


def _record(one: FindingException) -> Record:
    delivery = one.delivery
    found_in = Cell(f"{delivery.pk} {delivery.file_name}", f"/deliveries/{delivery.pk}") if delivery else "—"
    limit = f"{one.measured} / {one.limit} {one.unit}".strip(" /")
    return Record(
        title=(f"检查例外 {one.pk}", f"Exception {one.pk}"),
        lead=(one.message_zh, one.message_en),
        crumbs=(_HOME, Crumb(str(one.pk))),
        facts=(
            Fact(("状态", "State"), exception_lists.state_of(one), "badge"),
            Fact(("规则", "Rule"), Cell(one.rule, badges=(Badge(one.severity, "plain"),) if one.severity else ())),
            Fact(("图层", "Layer"), one.layer),
            Fact(("标识码", "Identifiers"), " ".join(one.ids), "code"),
            Fact(("实测 / 限值", "Measured / limit"), limit or "—"),
            Fact(("标准", "Standard"), one.standard_id),
            Fact(("区划", "Division"), division_cell(one.division_code)),
            Fact(("发现于批次", "Found in delivery"), found_in),
            Fact(("指纹", "Fingerprint"), f"{one.fingerprint[:24]}…", "code"),
            Fact(("理由", "Reason"), one.reason),
        ),
        history=_history(one),
    )


def _history(one: FindingException) -> tuple[Event, ...]:
    events = [Event(timezone.localtime(one.proposed_at), one.proposed_by, ("提出", "proposed"), one.reason)]
    if one.decided_at:
        # a withdrawn exception that had been decided was confirmed: what is refused is not withdrawn
        refused = one.status == FindingException.Status.REFUSED
        words = ("不予确认", "refused") if refused else ("确认", "confirmed")
        events.append(Event(timezone.localtime(one.decided_at), one.decided_by, words, one.decision_reason))
    if one.withdrawn_at:
        when = timezone.localtime(one.withdrawn_at)
        events.append(Event(when, one.withdrawn_by, ("撤回", "withdrawn"), one.withdrawal_reason))
    return tuple(events)


@require_POST
@login_needed
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Confirm, refuse or withdraw; a refusal is told on the page."""
    principal = _principal(request)
    exceptions.require_may_act(principal, exceptions.visible_exception(principal, number))
    reason, act = request.POST.get("reason", "")[:2000], request.POST.get("decision", "")
    acts: dict[str, Callable[[Principal, int, str], FindingException]] = {
        "confirm": exceptions.confirm, "refuse": exceptions.refuse, "withdraw": exceptions.withdraw,
    }  # fmt: skip
    if act not in acts:
        raise UsageError("请选择确认、不予确认或撤回。", "Choose to confirm, refuse or withdraw.")

    def done() -> str:
        acts[act](principal, number, reason)
        messages.success(request, pick(_SAID[act]))
        return f"{HERE}{number}/"

    try:
        return once.submit_once(request, done)
    except KunyuError as error:
        if error.http_status not in forms.AT_THE_FORM:
            raise
        messages.error(request, pick((error.detail_zh, error.detail_en)), extra_tags="danger")
        return _page(request, exceptions.visible_exception(principal, number), error.http_status)


@require_safe
@login_needed
def evidence(request: HttpRequest, number: int, place: int) -> FileResponse:
    """One file of evidence, always as a download: who wrote it is not known to be harmless."""
    one = exceptions.visible_exception(_principal(request), number)
    if not 0 <= place < len(one.evidence):
        raise UnknownException(f"例外 {number} 没有佐证文件 {place}。", f"Exception {number} has no file {place}.")
    said = one.evidence[place]
    answer = FileResponse(
        object_store().open(said["sm3"]),
        as_attachment=True,
        filename=said["name"],
        content_type="application/octet-stream",
    )
    answer["Content-Security-Policy"] = DOCUMENT_POLICY
    answer["Cache-Control"] = "private"
    return answer
