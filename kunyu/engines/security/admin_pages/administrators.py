"""Pages on which administrators appoint and dismiss others of their own duty. 管理员委派."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from kunyu.engines.pages import forms, rendering
from kunyu.engines.pages.listing import Action, Badge, Column, Listing
from kunyu.engines.security import administrators
from kunyu.engines.security.admin_pages import entry_forms, sections
from kunyu.engines.security.admin_pages.sections import any_duty_page
from kunyu.engines.security.models import AdminDuty
from kunyu.engines.security.organisation_errors import UnknownAccount

HERE = "/admin/administrators/"


@any_duty_page
def index(request: HttpRequest) -> HttpResponseBase:
    principal = request.principal  # type: ignore[attr-defined]
    duty = entry_forms.DUTY_NAMES[principal.duty]
    found = Listing(
        name="security.administrators",
        title=duty,
        lead=("三员分立：您只能看见和委派同类管理员。", "The three duties are apart: you see and appoint your own kind."),
        rows=administrators.visible(principal),
        columns=(
            Column("name", ("姓名", "Name"), "user.name_zh", kind="person", sort="user__name_zh"),
            Column("username", ("账号", "Account"), "user.username", kind="code", sort="user__username"),
            Column("division", ("管理区划", "Division"), lambda one: one.division_prefix or ("全国", "the nation"),
                   sort="division_prefix"),
            Column("state", ("状态", "State"), lambda one: Badge(("在用", "active")) if one.user.is_active else Badge(
                ("停用", "disabled"), "plain"), kind="badge"),
            Column("by", ("任命人", "Appointed by"), "appointed_by", sort="appointed_by", priority=2),
            Column("at", ("任命时间", "Appointed at"), "appointed_at", kind="time", sort="appointed_at", priority=2),
        ),
        search=("user__name_zh", "user__username", "division_prefix__startswith"),
        order=("division_prefix", "pk"),
        href=lambda one: f"{HERE}{one.pk}/dismiss",
        actions=(Action(("委派管理员", "Appoint"), f"{HERE}new", "primary"),),
    )  # fmt: skip
    return rendering.render(request, found, tabs=sections.tabs(principal, HERE))


@any_duty_page
def new(request: HttpRequest) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    zh, en = entry_forms.DUTY_NAMES[principal.duty]

    def do(values: dict[str, str]) -> str:
        try:
            administrators.appoint(principal, values["username"], principal.duty, values["division"], values["reason"])
        except UnknownAccount as error:  # the name was typed: told at the form
            raise administrators.BadEntry(error.detail_zh, error.detail_en, field="username") from error
        return HERE

    form = entry_forms.AdministratorForm(request.POST or None, initial={"division": principal.duty_division})
    return forms.handle(request, form, do, (f"委派{zh}", f"Appoint: {en}"), ("委派", "Appoint"), back=HERE)


@any_duty_page
def dismiss(request: HttpRequest, duty_id: int) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    found: AdminDuty = administrators.one(principal, duty_id)
    zh, en = entry_forms.DUTY_NAMES[found.duty]

    def do(values: dict[str, str]) -> str:
        administrators.dismiss(principal, duty_id, values["reason"])
        return HERE if found.user_id != principal.user_id else "/"

    return forms.handle(
        request, entry_forms.ReasonForm(request.POST or None), do, (f"免去{zh}：{found.user}", f"Dismiss {found.user}, {en}"),
        ("免去", "Dismiss"), back=HERE,
        losses=[(f"{found.user} 在 {found.division_prefix or '全国'} 的{zh}职责、会话和令牌",
                 f"{found.user}'s duty in {found.division_prefix or 'the nation'}, sessions and tokens")],
    )  # fmt: skip
