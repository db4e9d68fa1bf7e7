"""Pages of roles: the list, one role with its grants, posts and people, new, rename, delete. 角色."""

from __future__ import annotations

from django import forms as django_forms
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from kunyu.engines.catalogue.permissions.grant_forms import ReasonForm
from kunyu.engines.pages import forms, rendering
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.listing import Action, Badge, Cell, Column, Filter, Listing
from kunyu.engines.pages.record import Crumb, Fact, Record
from kunyu.engines.pages.words import both
from kunyu.engines.security import grant_services, rights_bundles, roles
from kunyu.engines.security.admin_pages import sections
from kunyu.engines.security.admin_pages.sections import security_page
from kunyu.engines.security.models import Role

HERE = "/admin/roles/"
PEOPLE_SHOWN = 100


class RoleForm(PageForm):
    """Words of a role; its code is given once."""

    name_zh = django_forms.CharField(label=both("名称", "Name"), max_length=60)
    name_en = django_forms.CharField(label=both("英文名称", "English name"), max_length=80, required=False)
    description_zh = django_forms.CharField(
        label=both("说明", "Description"), max_length=300, required=False,
        widget=django_forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip


class NewRoleForm(RoleForm):
    code = django_forms.SlugField(
        label=both("代码", "Code"), max_length=40,
        help_text=both("小写字母、数字和连字符，以后不变。", "Letters, digits, hyphens; it stays."),
    )  # fmt: skip
    field_order = ("code", "name_zh", "name_en", "description_zh")


def address(role: Role) -> str:
    return f"{HERE}{role.code}/"


def _name(one: Role) -> Cell:
    badges = (Badge(("内置", "built in"), "plain"),) if one.is_built_in else ()
    return Cell((one.name_zh, one.name_en), badges=badges, note=one.code)


def listing() -> Listing:
    return Listing(
        name="permissions.roles",
        title=("角色", "Roles"),
        lead=("一组有名称的授权，给岗位；人离开岗位，权限随之结束。",
              "Named sets of grants, given to posts; who leaves the post leaves the rights."),
        rows=Role.objects.annotate(given=Count("grants", distinct=True), held=Count("posts", distinct=True)),
        columns=(
            Column("name", ("角色", "Role"), _name, sort="name_zh"),
            Column("description", ("说明", "Description"), "description_zh", priority=2),
            Column("grants", ("授权", "Grants"), "given", kind="count", sort="given"),
            Column("posts", ("岗位", "Posts"), "held", kind="count", sort="held"),
        ),
        filters=(Filter("built_in", ("只看内置", "Built in only"), kind="bool", apply="is_built_in"),),
        search=("name_zh", "name_en", "code__startswith", "description_zh"),
        search_hint=("名称、代码", "Name, code"),
        order=("-is_built_in", "code"),
        href=address,
        actions=(Action(("新角色", "New role"), f"{HERE}new", "primary"),),
        empty=("还没有角色。kunyu up 会装入内置角色。", "No roles yet: kunyu up loads the built-in ones."),
    )  # fmt: skip


@security_page
def index(request: HttpRequest) -> HttpResponseBase:
    return rendering.render(request, listing(), tabs=sections.tabs(request.principal, HERE))  # type: ignore[attr-defined]


@security_page
def new(request: HttpRequest) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    return forms.handle(
        request, NewRoleForm(request.POST or None), lambda values: address(roles.create(principal, **values)),
        ("新角色", "New role"), ("新建", "Make"), back=HERE,
        lead=("新角色没有任何权限，建好后再授权。", "A new role may do nothing until something is granted."),
    )  # fmt: skip


@security_page
def record(request: HttpRequest, code: str) -> HttpResponse:
    """One role: what it may do, which posts have it, who that is."""
    principal, role = request.principal, roles.find(code)  # type: ignore[attr-defined]
    people = grant_services.holders(role).order_by("name_zh", "username")
    edit = (Action(("改名", "Rename"), f"{address(role)}edit"),) if roles.may_edit(principal, role) else ()
    drop = (Action(("删除", "Delete"), f"{address(role)}delete", "danger"),) if edit and not role.is_built_in else ()
    found = Record(
        title=(role.name_zh, role.name_en),
        lead=role.description_zh,
        crumbs=(Crumb(("角色", "Roles"), HERE), Crumb((role.name_zh, role.name_en))),
        facts=(
            Fact(("代码", "Code"), role.code, "code"),
            Fact(("来源", "Origin"), ("内置", "built in") if role.is_built_in else ("本节点新建", "made on this node")),
            Fact(("在任人数", "People"), people.count(), "count"),
        ),
        history=sections.history("role", f"role:{role.code}"),
        actions=(Action(("授权", "Grant"), f"/admin/grants/new?role={role.code}", "primary"), *edit, *drop),
    )  # fmt: skip
    return render(request, "permissions/role.html", {
        "record": found, "bundles": rights_bundles.of_role(role), "people": people[:PEOPLE_SHOWN],
        "posts": role.posts.select_related("organisation").order_by("organisation__path", "name_zh"),
    })  # fmt: skip


@security_page
def edit(request: HttpRequest, code: str) -> HttpResponse:
    principal, role = request.principal, roles.find(code)  # type: ignore[attr-defined]
    roles.require_whole(principal, role)
    words = {name: getattr(role, name) for name in RoleForm.base_fields}
    return forms.handle(
        request, RoleForm(request.POST or None, initial=words),
        lambda values: address(roles.rename(principal, role, **values)),
        (f"改名：{role.name_zh}", f"Rename {role.name_en or role.name_zh}"), ("保存", "Save"), back=address(role),
    )  # fmt: skip


@security_page
def delete(request: HttpRequest, code: str) -> HttpResponse:
    principal, role = request.principal, roles.find(code)  # type: ignore[attr-defined]
    roles.require_whole(principal, role)
    count = role.grants.count()

    def gone(values: dict[str, str]) -> str:
        roles.delete(principal, role, values["reason"])
        return HERE

    return forms.handle(
        request, ReasonForm(request.POST or None), gone, (f"删除角色：{role.name_zh}", f"Delete role {role.code}"),
        ("删除", "Delete"), back=address(role),
        losses=[(f"角色“{role.name_zh}”及其 {count} 项授权", f"role {role.code} with its {count} grants")],
    )  # fmt: skip
