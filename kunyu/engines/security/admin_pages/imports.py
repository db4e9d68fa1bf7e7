"""Pages of the import: template, upload, report row by row, confirmation, invitations. 批量导入."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from kunyu.engines.pages import forms
from kunyu.engines.pages.export import XLSX_TYPE, harmless
from kunyu.engines.pages.words import pick
from kunyu.engines.security import import_sheets, organisation_import
from kunyu.engines.security.admin_pages import entry_forms, sections
from kunyu.engines.security.admin_pages.sections import system_page

HERE = "/admin/import/"
FAULTS_SHOWN = 300


@system_page
def upload(request: HttpRequest) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    form = entry_forms.ImportForm(request.POST or None, request.FILES or None)

    def do(values: dict[str, Any]) -> str:
        file = values["file"]
        if file.size > import_sheets.LARGEST_FILE:
            raise import_sheets.bad("文件超过 5 MB，请分成几份。", "The file is over 5 MB; split it.")
        return f"{HERE}{organisation_import.receive(principal, file.name, file.read()).pk}/"

    return forms.handle(
        request, form, do, ("批量导入单位、岗位和用户", "Import organisations, posts and users"), ("上传并核对", "Upload and check"),
        back="", template="security/admin/import.html", tabs=sections.tabs(principal, HERE),
        lead=("先逐行核对，确认后才写入；有一处不对就什么也不写。", "Checked row by row first; all is written, or nothing."),
    )  # fmt: skip


@system_page
def template(request: HttpRequest) -> HttpResponse:
    answer = HttpResponse(import_sheets.template(), content_type=XLSX_TYPE)
    answer["Content-Disposition"] = 'attachment; filename="kunyu-organisation.xlsx"'
    return answer


@system_page
def report(request: HttpRequest, draft_id: int) -> HttpResponse:
    """What the file would change and what is wrong with it; the button applies it."""
    principal = request.principal  # type: ignore[attr-defined]
    found = organisation_import.draft(principal, draft_id)

    def do(values: dict[str, Any]) -> str:
        organisation_import.apply(principal, draft_id)
        return f"{HERE}{draft_id}/"

    plan = None if found.applied_at else organisation_import.check(principal, found)
    form = forms.PageForm(request.POST) if request.method == "POST" else forms.PageForm()
    return forms.handle(
        request, form, do, ("核对结果", "What the file would change"), ("确认导入", "Import"), back=HERE,
        template="security/admin/import_report.html", draft=found, plan=plan,
        tallies=[(sheet.title, plan.tallies[sheet.key]) for sheet in import_sheets.SHEETS] if plan else [],
        faults=plan.faults[:FAULTS_SHOWN] if plan else [], tabs=sections.tabs(principal, HERE),
    )  # fmt: skip


@system_page
def invitations(request: HttpRequest, draft_id: int) -> HttpResponse:
    """Links for everybody the file made, as one CSV, shown once."""
    principal = request.principal  # type: ignore[attr-defined]
    organisation_import.draft(principal, draft_id)

    def do(values: dict[str, Any]) -> tuple[str, HttpResponse]:
        invited = organisation_import.invite_everyone(principal, draft_id)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow([pick(one) for one in (("账号", "Account"), ("姓名", "Name"), ("邀请链接", "Invitation link"))])
        for one in invited:
            link = request.build_absolute_uri(f"/invitation/{one.token}")
            writer.writerow([harmless(one.username), harmless(one.name_zh), link])
        answer = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="invitations-{timezone.localdate().isoformat()}.csv"'
        answer["Cache-Control"] = "no-store"
        return f"{HERE}{draft_id}/", answer

    form = forms.PageForm(request.POST) if request.method == "POST" else forms.PageForm()
    return forms.handle(
        request, form, do, ("邀请链接", "Invitation links"), ("生成并下载", "Make and download"), back=f"{HERE}{draft_id}/",
        losses=[("这些人以前收到、尚未使用的链接", "links these people received before and have not used")],
        lead=("只能下载这一次；请妥善分发。", "Downloaded this once only; hand the links out with care."),
    )  # fmt: skip
