"""Pages of organisations: list, record, make, rename, move, close. 单位."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from kunyu.engines.pages import forms, rendering
from kunyu.engines.pages.listing import Action, Badge, Cell, Column, Filter, Listing
from kunyu.engines.pages.record import Crumb, Fact, Record
from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import managing, organisation_services
from kunyu.engines.security.admin_pages import entry_forms, sections
from kunyu.engines.security.admin_pages.sections import system_page
from kunyu.engines.security.models import Post
from kunyu.engines.security.organisation_errors import BadEntry
from kunyu.engines.security.organisation_services import UnitEntry
from kunyu.engines.security.scope import Principal

HERE = "/admin/organisations/"
KINDS = {str(value): (str(zh), en) for (value, zh), en in zip(
    Organisation.Kind.choices, ("bureau", "department", "technical unit", "outside body"), strict=True)}  # fmt: skip
SUGGESTED = 300


def address(unit: Organisation) -> str:
    return f"{HERE}{unit.pk}/"


def state(closed_on: object) -> Badge:
    return Badge(("已撤销", "closed"), "plain") if closed_on else Badge(("在用", "open"))


def open_or_closed(rows: object, value: str) -> object:
    return rows.filter(closed_on__isnull=value == "open")  # type: ignore[attr-defined]


STATES = (("open", "在用", "open"), ("closed", "已撤销", "closed"))


def listing(principal: Principal) -> Listing:
    rows = managing.units(principal).select_related("parent").annotate(
        open_posts=Count("posts", filter=Q(posts__closed_on=None))
    )  # fmt: skip
    return Listing(
        name="security.organisations",
        title=("单位", "Organisations"),
        rows=rows,
        columns=(
            Column("name", ("名称", "Name"), lambda one: (one.name_zh, one.name_en), sort="name_zh"),
            Column("code", ("代码", "Code"), kind="code", sort="code"),
            Column("kind", ("类别", "Kind"), lambda one: KINDS[one.kind], sort="kind", priority=2),
            Column("parent", ("上级", "Parent"), lambda one: one.parent and (one.parent.name_zh, one.parent.name_en)),
            Column("division", ("区划", "Division"), "division_code", kind="code", sort="division_code"),
            Column("posts", ("岗位", "Posts"), "open_posts", kind="count", sort="open_posts", priority=2),
            Column("state", ("状态", "State"), lambda one: state(one.closed_on), kind="badge"),
            Column("uscc", ("统一社会信用代码", "USCC"), kind="code", shown=False),
        ),
        filters=(
            Filter("kind", ("类别", "Kind"), kind="choice", choices=[(key, *names) for key, names in KINDS.items()]),
            Filter("division", ("区划", "Division"), apply="division_code__startswith"),
            Filter("state", ("状态", "State"), kind="choice", choices=STATES, apply=open_or_closed),  # type: ignore[arg-type]
        ),
        search=("name_zh", "name_en", "code__istartswith", "uscc__istartswith"),
        search_hint=("名称、代码", "Name, code"),
        order=("path",),
        href=address,
        actions=(
            Action(("新建单位", "New organisation"), f"{HERE}new", "primary"),
            Action(("组织图", "Chart"), f"{HERE}chart"), Action(("批量导入", "Import"), "/admin/import/"),
        ),
        empty=(
            "还没有单位。先新建本局，再在它下面建内设机构；也可以用表格批量导入。",
            "No organisations yet. Make your bureau first, then its departments; or import a spreadsheet.",
        ),
    )  # fmt: skip


@system_page
def index(request: HttpRequest) -> HttpResponseBase:
    principal = request.principal  # type: ignore[attr-defined]
    return rendering.render(request, listing(principal), tabs=sections.tabs(principal, HERE))


@system_page
def record(request: HttpRequest, unit_id: int) -> HttpResponse:
    """One organisation: where it stands, what is below it, its posts and who holds them."""
    unit = managing.unit(request.principal, unit_id)  # type: ignore[attr-defined]
    above = list(Organisation.objects.filter(pk__in=unit.path.split("/")[:-2]).order_by("path"))
    mine = managing.units(request.principal).filter(pk__in=[one.pk for one in above])  # type: ignore[attr-defined]
    mine = managing.units(request.principal).filter(pk__in=[one.pk for one in above])  # type: ignore[attr-defined]
    visible = set(mine.values_list("pk", flat=True))
    crumbs = [Crumb(("单位", "Organisations"), HERE)]
    crumbs += [Crumb((one.name_zh, one.name_en), address(one) if one.pk in visible else "") for one in above]
    actions = () if unit.closed_on else (
        Action(("新建下级单位", "New unit below"), f"{HERE}new?parent={unit.pk}"),
        Action(("新建岗位", "New post"), f"{address(unit)}posts/new", "primary"),
        Action(("更名", "Rename"), f"{address(unit)}rename"), Action(("调整隶属", "Move"), f"{address(unit)}move"),
        Action(("撤销", "Close"), f"{address(unit)}close", "danger"),
    )  # fmt: skip
    found = Record(
        title=(unit.name_zh, unit.name_en),
        crumbs=(*crumbs, Crumb((unit.name_zh, unit.name_en))),
        facts=(
            Fact(("代码", "Code"), unit.code, "code"), Fact(("类别", "Kind"), KINDS[unit.kind]),
            Fact(("区划", "Division"), unit.division_code, "code"),
            Fact(("统一社会信用代码", "USCC"), unit.uscc, "code"),
            Fact(("状态", "State"), Cell(state(unit.closed_on), note=unit.closed_on or "")),
        ),
        history=sections.history("organisation", unit.code),
        actions=actions,
    )  # fmt: skip
    today = timezone.localdate()
    holding = Q(appointments__starts_on__lte=today) & (
        Q(appointments__ends_on=None) | Q(appointments__ends_on__gte=today))  # fmt: skip
    posts = Post.objects.filter(organisation=unit).annotate(holders=Count("appointments", filter=holding))
    children = unit.children.order_by("position", "pk").annotate(open_posts=Count("posts"))
    context = {
        "record": found,
        "posts": posts.order_by(F("closed_on").asc(nulls_first=True), "pk"),
        "children": children,
    }
    return render(request, "security/admin/unit.html", context)


@system_page
def new(request: HttpRequest) -> HttpResponse:
    """A form for a unit below the one that ``?parent=`` names, or for a root."""
    principal, given = request.principal, request.GET.get("parent", "")  # type: ignore[attr-defined]
    parent = managing.unit(principal, int(given)) if given.isascii() and given.isdigit() and len(given) < 19 else None
    first = {
        "kind": "department" if parent else "bureau",
        "division_code": parent.division_code if parent else principal.duty_division,
    }
    form = entry_forms.UnitForm(request.POST or None, initial=first)
    title = (f"在 {parent} 下新建单位", f"New unit below {parent}") if parent else ("新建单位", "New organisation")

    def do(values: dict[str, Any]) -> str:
        entry = UnitEntry(parent_id=parent.pk if parent else None, **values)
        return address(organisation_services.create(principal, entry))

    back = address(parent) if parent else HERE
    return forms.handle(request, form, do, title, ("新建", "Make"), back=back)


@system_page
def rename(request: HttpRequest, unit_id: int) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    unit = managing.unit(principal, unit_id)
    form = entry_forms.NameForm(request.POST or None, initial={"name_zh": unit.name_zh, "name_en": unit.name_en})
    return forms.handle(
        request, form, lambda values: address(organisation_services.rename(principal, unit_id, **values)),
        (f"更名：{unit}", f"Rename {unit}"), ("更名", "Rename"), back=address(unit),
    )  # fmt: skip


@system_page
def move(request: HttpRequest, unit_id: int) -> HttpResponse:
    """The new parent is named by its code; the box suggests."""
    principal = request.principal  # type: ignore[attr-defined]
    unit = managing.unit(principal, unit_id)
    candidates = managing.units(principal).filter(closed_on=None).exclude(path__startswith=unit.path)

    def do(values: dict[str, str]) -> str:
        parent = candidates.filter(code=values["parent_code"].strip()).first()
        if parent is None:
            raise BadEntry(f"您的管理范围内没有可作上级的单位 {values['parent_code']}。",
                           f"There is no possible parent {values['parent_code']} under you.", field="parent_code")  # fmt: skip
        return address(organisation_services.move(principal, unit_id, parent.pk, values["reason"]))

    return forms.handle(
        request, entry_forms.MoveForm(request.POST or None), do, (f"调整隶属：{unit}", f"Move {unit}"), ("调整", "Move"),
        back=address(unit), template="security/admin/suggesting_form.html",
        lead=("下级单位和岗位一同调整；区划和权限不变。", "Units and posts below move along; division and rights stay."),
        units=candidates.order_by("path").values_list("code", "name_zh")[:SUGGESTED],
    )  # fmt: skip


def _held(unit: Organisation) -> tuple[str, str]:
    """Says before the button is pressed who is in the way."""
    found = organisation_services.held(unit)
    names = "、".join(dict.fromkeys(str(one.user) for one in found[:10]))
    if not names:
        return ("", "")
    return (f"还有 {found.count()} 项任职（{names}），须先离岗才能撤销。",
            f"{found.count()} appointments are running ({names}); these people must leave first.")  # fmt: skip


@system_page
def close(request: HttpRequest, unit_id: int) -> HttpResponse:
    """Names every unit and post that closes with it."""
    principal = request.principal  # type: ignore[attr-defined]
    unit = managing.unit(principal, unit_id)
    units = list(organisation_services.below(unit).exclude(pk=unit.pk).order_by("path"))
    posts = Post.objects.filter(organisation__path__startswith=unit.path, closed_on=None).select_related("organisation")
    losses = [(f"单位“{unit}”", f"organisation “{unit}”")]
    losses += [(f"下级单位“{one}”", f"unit below “{one}”") for one in units]
    losses += [(f"岗位“{one}”", f"post “{one}”") for one in posts.order_by("organisation__path", "pk")]

    def do(values: dict[str, str]) -> str:
        organisation_services.close(principal, unit_id, values["reason"])
        return address(unit)

    return forms.handle(
        request, entry_forms.ReasonForm(request.POST or None), do, (f"撤销单位：{unit}", f"Close {unit}"),
        ("撤销", "Close"), back=address(unit), losses=losses, lead=_held(unit),
    )  # fmt: skip
