"""Pages of posts: the system administrator's list and record, the security administrator's roles. 岗位."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from kunyu.engines.pages import forms, rendering
from kunyu.engines.pages.listing import Action, Cell, Column, Filter, Listing
from kunyu.engines.pages.record import Crumb, Fact, Record
from kunyu.engines.security import appointment_services, duties, managing, post_services
from kunyu.engines.security.admin_pages import entry_forms, sections
from kunyu.engines.security.admin_pages.sections import security_page, system_page
from kunyu.engines.security.admin_pages.units import STATES, open_or_closed, state
from kunyu.engines.security.admin_pages.units import address as unit_address
from kunyu.engines.security.appointment_services import Term
from kunyu.engines.security.models import Post
from kunyu.engines.security.organisation_errors import BadEntry

HERE, ROLES = "/admin/posts/", "/admin/post-roles/"
SUGGESTED = 300


def address(post: Post) -> str:
    return f"{HERE}{post.pk}/"


def _roles(post: Post) -> str:
    return "、".join(role.name_zh for role in post.roles.all())


def _listing(rows: QuerySet[Post], **more: Any) -> Listing:
    today = timezone.localdate()
    holding = Q(appointments__starts_on__lte=today) & (
        Q(appointments__ends_on=None) | Q(appointments__ends_on__gte=today))  # fmt: skip
    return Listing(
        rows=rows.prefetch_related("roles").annotate(holders=Count("appointments", filter=holding, distinct=True)),
        columns=(
            Column("name", ("岗位", "Post"), lambda one: (one.name_zh, one.name_en), sort="name_zh"),
            Column("unit", ("单位", "Organisation"), "organisation.name_zh", sort="organisation__path"),
            Column("division", ("区划", "Division"), "organisation.division_code", kind="code", priority=2),
            Column("roles", ("角色", "Roles"), _roles),
            Column("holders", ("在任", "Holders"), kind="count", sort="holders"),
            Column("state", ("状态", "State"), lambda one: state(one.closed_on), kind="badge"),
        ),
        filters=(
            Filter("unit", ("单位", "Organisation"), apply="organisation__name_zh__icontains"),
            Filter("division", ("区划", "Division"), apply="organisation__division_code__startswith"),
            Filter("role", ("角色代码", "Role code"), apply="roles__code"),
            Filter("vacant", ("只看空缺", "Vacant only"), kind="bool", apply=lambda found, _: found.filter(holders=0)),
            Filter("state", ("状态", "State"), kind="choice", choices=STATES, apply=open_or_closed),  # type: ignore[arg-type]
        ),
        search=("name_zh", "name_en", "organisation__name_zh"),
        search_hint=("岗位、单位", "Post, organisation"),
        order=("organisation__path", "pk"),
        **more,
    )  # fmt: skip


@system_page
def index(request: HttpRequest) -> HttpResponseBase:
    principal = request.principal  # type: ignore[attr-defined]
    found = _listing(
        managing.posts(principal), name="security.posts", title=("岗位", "Posts"), href=address,
        empty=("还没有岗位。打开一个单位，在其中新建岗位。", "No posts yet: open an organisation and make one there."),
    )  # fmt: skip
    return rendering.render(request, found, tabs=sections.tabs(principal, HERE))


@system_page
def new(request: HttpRequest, unit_id: int) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    unit = managing.unit(principal, unit_id)
    return forms.handle(
        request, entry_forms.PostForm(request.POST or None),
        lambda values: address(post_services.create(principal, unit_id, **values)),
        (f"在 {unit} 新建岗位", f"New post in {unit}"), ("新建", "Make"), back=unit_address(unit),
        lead=("岗位的角色由安全管理员设置。", "Its roles are set by the security administrator."),
    )  # fmt: skip


@system_page
def record(request: HttpRequest, post_id: int) -> HttpResponse:
    """One post: its roles, who holds it, who held it."""
    post = managing.post(request.principal, post_id)  # type: ignore[attr-defined]
    here, today = address(post), timezone.localdate()
    actions = () if post.closed_on else (
        Action(("任职", "Appoint"), f"{here}appoint", "primary"), Action(("更名", "Rename"), f"{here}rename"),
        Action(("撤销", "Close"), f"{here}close", "danger"),
    )  # fmt: skip
    unit = post.organisation
    found = Record(
        title=(post.name_zh, post.name_en),
        crumbs=(Crumb(("岗位", "Posts"), HERE), Crumb((post.name_zh, post.name_en))),
        facts=(
            Fact(("单位", "Organisation"), Cell(unit.name_zh, unit_address(unit))),
            Fact(("区划", "Division"), unit.division_code, "code"),
            Fact(("角色（由安全管理员设置）", "Roles (set by the security administrator)"), _roles(post)),
            Fact(("状态", "State"), Cell(state(post.closed_on), note=post.closed_on or "")),
        ),
        history=sections.history("post", post.pk),
        actions=actions,
    )  # fmt: skip
    terms = post.appointments.select_related("user").order_by("-starts_on", "-pk")
    return render(request, "security/admin/post.html", {"record": found, "terms": terms, "today": today})


@system_page
def rename(request: HttpRequest, post_id: int) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    post = managing.post(principal, post_id)
    form = entry_forms.NameForm(request.POST or None, initial={"name_zh": post.name_zh, "name_en": post.name_en})
    return forms.handle(
        request, form, lambda values: address(post_services.rename(principal, post_id, **values)),
        (f"岗位更名：{post}", f"Rename {post}"), ("更名", "Rename"), back=address(post),
    )  # fmt: skip


@system_page
def close(request: HttpRequest, post_id: int) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    post = managing.post(principal, post_id)
    return forms.handle(
        request, entry_forms.ReasonForm(request.POST or None),
        lambda values: address(post_services.close(principal, post_id, **values)),
        (f"撤销岗位：{post}", f"Close {post}"), ("撤销", "Close"), back=address(post),
        losses=[(f"岗位“{post}”及其角色 {_roles(post) or '（无）'}", f"post “{post}” with its roles")],
    )  # fmt: skip


@system_page
def appoint(request: HttpRequest, post_id: int) -> HttpResponse:
    """A person is named by the account; the box suggests."""
    principal = request.principal  # type: ignore[attr-defined]
    post = managing.post(principal, post_id)
    people = managing.users(principal).filter(is_active=True, admin_duty=None)

    def do(values: dict[str, Any]) -> str:
        person = people.filter(username=values["username"].strip()).first()
        if person is None:
            raise BadEntry(f"您的管理范围内没有可任职的账号 {values['username']}。",
                           f"There is no account {values['username']} under you to appoint.", field="username")  # fmt: skip
        term = Term(values["starts_on"], values["ends_on"], values["is_acting"])
        appointment_services.appoint(principal, person.pk, post_id, term, values["reason"])
        return address(post)

    return forms.handle(
        request, entry_forms.AppointForm(request.POST or None), do, (f"任职：{post}", f"Appoint to {post}"),
        ("任职", "Appoint"), back=address(post), template="security/admin/suggesting_form.html",
        people=people.order_by("username").values_list("username", "name_zh")[:SUGGESTED],
        lead=(f"角色：{_roles(post) or '尚未设置'}。任职起日起生效。", "The post's roles hold from the first day on."),
    )  # fmt: skip


@system_page
def end(request: HttpRequest, appointment_id: int) -> HttpResponse:
    """The last day of an appointment; an immediate end is a leaving."""
    principal = request.principal  # type: ignore[attr-defined]
    found = appointment_services.visible(principal, appointment_id)
    back = address(found.post)

    def do(values: dict[str, Any]) -> str:
        last: date = values["ends_on"]
        appointment_services.end(principal, appointment_id, last, values["reason"])
        return back

    losses = [
        (
            f"{found.user} 自次日起失去“{found.post}”的权限",
            f"{found.user} loses the rights of “{found.post}” the day after",
        )
    ]
    return forms.handle(
        request, entry_forms.EndForm(request.POST or None), do, (f"定任职止日：{found.user}", f"Last day of {found.user}"),
        ("确定", "Set"), back=back, losses=losses,
    )  # fmt: skip


@security_page
def roles_index(request: HttpRequest) -> HttpResponseBase:
    """Posts and their roles, for the security administrator."""
    principal = request.principal  # type: ignore[attr-defined]
    found = _listing(
        managing.posts(principal, duties.SECURITY), name="security.post-roles", title=("岗位角色", "Roles of posts"),
        href=lambda one: f"{ROLES}{one.pk}/",
        lead=("岗位由系统管理员设置；这里决定每个岗位有哪些角色。", "Posts are the system administrator's; their roles are yours."),
        empty=("还没有岗位，请系统管理员先设置。", "No posts yet: the system administrator sets them up."),
    )  # fmt: skip
    return rendering.render(request, found, tabs=sections.tabs(principal, ROLES))


@security_page
def roles(request: HttpRequest, post_id: int) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    post = managing.post(principal, post_id, duties.SECURITY)
    first = {"roles": [str(pk) for pk in post.roles.values_list("pk", flat=True)]}

    def do(values: dict[str, Any]) -> str:
        post_services.set_roles(principal, post_id, [int(one) for one in values["roles"]], values["reason"])
        return f"{ROLES}{post_id}/"

    now = post.appointments.filter(Q(ends_on=None) | Q(ends_on__gte=timezone.localdate())).select_related("user")
    names = "、".join(str(one.user) for one in now[:20]) or "（无人）"
    return forms.handle(
        request, entry_forms.RolesForm(request.POST or None, initial=first), do, (f"岗位角色：{post}", f"Roles of {post}"),
        ("保存", "Save"), back=ROLES, template="security/admin/post_roles.html",
        lead=(f"在任：{names}。改动在下一次请求即生效。", "A change holds at the next request of every holder."),
        history=sections.history("post", post.pk),
    )  # fmt: skip
