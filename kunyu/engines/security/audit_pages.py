"""Pages of the audit administrator, and the public key for everybody. 审计页面. For others these pages do not exist (404)."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST, require_safe

from kunyu.engines.pages import rendering
from kunyu.engines.pages.record import Crumb, Fact, Record
from kunyu.engines.pages.words import Pair
from kunyu.engines.security import audit, audit_lists, audit_queries, audit_report, audit_words, labels
from kunyu.engines.security.audit import acts, chain
from kunyu.engines.security.audit.export import bounds
from kunyu.engines.security.audit.findings import Verdict
from kunyu.engines.security.audit.state import seal_state
from kunyu.engines.security.models import AuditAnchoring, AuditCheckpoint, AuditEntry, AuditSeal
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed
from kunyu.kernel.errors import KunyuError

VERIFIED_HERE = 200_000
"""A page verifies a log of at most this many entries (about ten seconds); longer ones the command line does."""
EXPORTED_HERE = 5_000_000
_HOME = Crumb(("审计", "Audit"), "/audit/")


class TooMuchForAPage(KunyuError):
    """Work that would hold a web server for minutes."""

    code = "audit.too_much_for_a_page"
    title_zh, title_en = "请用命令行", "Use the command line"
    http_status, exit_code = 413, 4


def _principal(request: HttpRequest) -> Principal:
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return principal


@require_safe
@login_needed
def entries(request: HttpRequest) -> HttpResponseBase:
    """Search every act."""
    listing = audit_lists.entries(_principal(request))
    _note_reading(request)
    return rendering.render(request, listing)


@require_safe
@login_needed
def person(request: HttpRequest, actor: str) -> HttpResponseBase:
    """One person's acts in all applications, with a summary above (R-135)."""
    listing = audit_lists.of_person(_principal(request), actor)
    _note_reading(request, actor)
    summary = audit_queries.person_summary(audit_queries.visible(_principal(request)).filter(actor=actor))
    actions = [(kind, audit_words.action(code), count) for kind, code, count in summary.actions]
    crumbs = (_HOME, Crumb(actor))
    return rendering.render(
        request, listing, "security/audit_person.html", summary=summary, actions=actions, crumbs=crumbs
    )


@require_safe
@login_needed
def entry(request: HttpRequest, entry_id: int) -> HttpResponseBase:
    """One entry: what is recorded, its place in the chain, and whether both fit."""
    found: Any = audit_queries.entry(_principal(request), entry_id)
    record = json.loads(found.record)
    links = _links(found)
    return render(request, "security/audit_entry.html", {
        "record": Record(
            title=(f"审计记录 {found.seq or found.pk}", f"Audit entry {found.seq or found.pk}"),
            crumbs=(_HOME, Crumb(str(found.seq or found.pk))),
            facts=tuple(_facts(found, record)),
        ),
        "entry": found,
        "whole": chain.digest(found.record.encode("utf-8")) == bytes(found.leaf),
        "detail": found.detail,
        "leaf": bytes(found.leaf).hex(),
        **links,
    })  # fmt: skip


@require_safe
@login_needed
def seal(request: HttpRequest) -> HttpResponseBase:
    """How the seal stands, with export and verification."""
    acts.require_reader(_principal(request))
    return _seal_page(request, None)


@require_POST
@login_needed
def verify(request: HttpRequest) -> HttpResponseBase:
    """Verify the node's own log now."""
    principal = _principal(request)
    acts.require_reader(principal)
    count = seal_state().sealed
    if count > VERIFIED_HERE:
        raise TooMuchForAPage(
            f"审计已有 {count} 条，超过网页校验的上限 {VERIFIED_HERE} 条；请在节点上执行 kunyu audit verify，或导出后离线校验。",
            f"The log has {count} entries, more than the {VERIFIED_HERE} that a page verifies; run kunyu audit verify on the "
            "node, or export and verify offline.",
            count=count, limit=VERIFIED_HERE,
        )  # fmt: skip
    return _seal_page(request, acts.verify_for(principal, workers=1))


@require_POST
@login_needed
def export(request: HttpRequest) -> HttpResponseBase:
    """The log of a period as a file that verifies offline; sent piece by piece."""
    principal = _principal(request)
    acts.require_reader(principal)
    since, until = _day(request, "from"), _day(request, "to")
    start = audit_queries.day_start(since) if since else None
    stop = audit_queries.day_end(until) if until else None
    first, last = bounds(start, stop)
    if last - first > EXPORTED_HERE:
        raise TooMuchForAPage(
            f"该时段有 {last - first + 1} 条，超过网页导出的上限 {EXPORTED_HERE} 条；请缩短时段，或在节点上执行 kunyu audit export。",
            f"The period has {last - first + 1} entries, more than the {EXPORTED_HERE} that a page exports; choose a shorter "
            "one, or run kunyu audit export on the node.",
            count=last - first + 1, limit=EXPORTED_HERE,
        )  # fmt: skip
    pieces = acts.stream_for(principal, start, stop)
    answer = StreamingHttpResponse(pieces, content_type="application/jsonl")
    name = f"audit-{since or 'begin'}-{until or timezone.localdate()}.jsonl"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


@require_safe
@login_needed
def reports(request: HttpRequest) -> HttpResponseBase:
    """Choose a month."""
    acts.require_reader(_principal(request))
    return render(request, "security/audit_reports.html", {"months": audit_report.months_with_entries()[:60]})


@require_safe
@login_needed
def report(request: HttpRequest, month: str) -> HttpResponseBase:
    """The monthly report as a page, or as PDF (``?format=pdf``); made anew and on record each time."""
    principal = _principal(request)
    acts.require_reader(principal)
    audit_report.month_days(month)
    verdict = acts.verify_for(principal, workers=1) if seal_state().sealed <= VERIFIED_HERE else None
    made = audit_report.make(month, verdict)
    as_pdf = request.GET.get("format") == "pdf"
    with transaction.atomic():
        audit.record(principal, "report-audit", "audit", month, form="pdf" if as_pdf else "html", digest=made.digest)
    context = {"report": made, "lang": "en" if request.GET.get("lang") == "en" else getattr(request, "LANGUAGE_CODE", "zh"),
               "actions": [(audit_words.action(one.key), one) for one in made.by_action], "tables": _tables(made)}  # fmt: skip
    if not as_pdf:
        return render(request, "security/audit_report.html", context)
    import weasyprint

    html = render_to_string("security/audit_report_print.html", context, request)
    answer = HttpResponse(weasyprint.HTML(string=html).write_pdf(), content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="audit-{month}.pdf"'
    answer["Cache-Control"] = "no-store"
    return answer


@require_GET
def public_key(request: HttpRequest) -> HttpResponse:
    """Certificates of the keys that sign the log (PEM): for anybody, without an account."""
    answer = HttpResponse(acts.public_keys_pem(), content_type="application/x-pem-file")
    answer["Content-Disposition"] = 'inline; filename="kunyu-audit.pem"'
    return answer


# --- parts ---
def _note_reading(request: HttpRequest, actor: str = "") -> None:
    """Looking into people's acts is an act; once a search, not for each page of it."""
    asked = request.GET.copy()
    for name in ("page", "sort", "col"):
        asked.pop(name, None)
    if actor or (asked and "page" not in request.GET):
        with transaction.atomic():
            audit.record(_principal(request), "read-audit", "audit", actor or "search", query=asked.urlencode()[:500])


def _tables(made: audit_report.Report) -> list[tuple[Pair, list[tuple[AuditEntry, Pair, Pair]]]]:
    listed = (
        (("拒绝与失败", "Refused and failed"), made.refusals),
        (("夜间操作", "Acts at night"), made.night_acts),
        (("标记数据与审计的导出", "Exports of labelled data and of the audit"), made.exports),
        (("管理员操作", "Administrators' acts"), made.administrators),
    )
    return [
        (title, [(one, audit_words.action(one.action), audit_words.result(one.result)) for one in rows])
        for title, rows in listed
    ]


def _seal_page(request: HttpRequest, verdict: Verdict | None) -> HttpResponse:
    return render(request, "security/audit_seal.html", {
        "state": seal_state(),
        "verdict": verdict,
        "checkpoints": AuditCheckpoint.objects.order_by("-number")[:10],
        "anchorings": AuditAnchoring.objects.order_by("-id")[:10],
        "crumbs": (_HOME, Crumb(("封存与导出", "Seal and export"))),
        "limit": VERIFIED_HERE,
    })  # fmt: skip


def _facts(found: AuditEntry, record: dict[str, Any]) -> list[Fact]:
    who = f"{found.actor_zh}（{found.actor}）" if found.actor_zh else found.actor
    label = labels.label_of_code(found.label) if found.label is not None else None
    listed = [
        Fact(("时间", "Time"), record.get("time", "")),
        Fact(("人员", "Person"), who),
        Fact(("单位", "Unit"), found.organisation),
        Fact(("职责", "Duty"), audit_words.duty(found.duty) if found.duty else ""),
        Fact(("操作", "Act"), audit_words.action(found.action)),
        Fact(("对象", "Object"), f"{found.object_kind} · {found.object_id}"),
        Fact(("标记", "Label"), (label.name_zh, label.name_en) if label else ""),
        Fact(("结果", "Result"), audit_words.result(found.result)),
        Fact(("来源", "From"), found.origin, "code"),
        Fact(("终端", "Device"), record.get("from", {}).get("device", "")),
        Fact(("会话", "Session"), found.session, "code"),
        Fact(("目的", "Purpose"), record.get("purpose", "")),
        Fact(("审批单", "Ticket"), record.get("ticket", ""), "code"),
        Fact(("操作前摘要", "Digest before"), record.get("before", ""), "code"),
        Fact(("操作后摘要", "Digest after"), record.get("after", ""), "code"),
        Fact(("分区", "Zone"), record.get("zone", ""), "code"),
        Fact(("节点", "Node"), record.get("node", ""), "code"),
    ]
    return [one for one in listed if one.value != ""]


def _links(found: Any) -> dict[str, object]:
    """The entry's place in the chain: its links, whether they fit, and the checkpoint that vouches for it."""
    if not found.seq:
        return {"sealed": None}
    here = AuditSeal.objects.get(seq=found.seq)
    before = AuditSeal.objects.filter(seq=found.seq - 1).first()
    previous = bytes(before.link) if before else None
    fits = previous is None or chain.link(previous, bytes(here.leaf), here.seq) == bytes(here.link)
    return {
        "sealed": here,
        "link": bytes(here.link).hex(),
        "previous": previous.hex() if previous else "",
        "fits": fits and bytes(here.leaf) == bytes(found.leaf),
        "checkpoint": AuditCheckpoint.objects.filter(seq__gte=found.seq).order_by("seq").first(),
    }


def _day(request: HttpRequest, name: str) -> date | None:
    text = request.POST.get(name, "").strip()
    try:
        return datetime.strptime(text, "%Y-%m-%d").date() if text else None
    except ValueError:
        raise audit_report.BadMonth(
            f"“{text}”不是日期；请写成 2026-11-23。", f"'{text}' is no day; write 2026-11-23."
        ) from None
