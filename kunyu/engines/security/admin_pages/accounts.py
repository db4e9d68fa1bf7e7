"""Pages of accounts: list, record, make, reset, invite, disable, enable, leave; and the page an invitation opens. 用户."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from kunyu.engines.pages import forms, rendering
from kunyu.engines.pages.listing import Action, Badge, Cell, Column, Filter, Listing
from kunyu.engines.pages.record import Crumb, Fact, Record
from kunyu.engines.security import account_services, ending, leaving, managing
from kunyu.engines.security.account_services import AccountEntry, NewAccount
from kunyu.engines.security.admin_pages import entry_forms, sections
from kunyu.engines.security.admin_pages.sections import system_page
from kunyu.engines.security.models import Appointment, Handover, User
from kunyu.engines.security.scope import Principal

HERE, HANDOVERS = "/admin/users/", "/admin/handovers/"
SUGGESTED = 300


def address(user: User) -> str:
    return f"{HERE}{user.pk}/"


def _state(user: User) -> Cell:
    duty = getattr(user, "admin_duty", None)
    badges = (Badge(entry_forms.DUTY_NAMES[duty.duty], "warn"),) if duty else ()
    return Cell(Badge(("在用", "active")) if user.is_active else Badge(("停用", "disabled"), "plain"), badges=badges)


def _running() -> Q:
    return Q(ends_on=None) | Q(ends_on__gte=timezone.localdate())


def _posts(user: User) -> str:
    return "、".join(f"{one.post.organisation.name_zh} {one.post.name_zh}" for one in user.held)  # type: ignore[attr-defined]


def _without_post(rows: QuerySet[User], _: object) -> QuerySet[User]:
    return rows.exclude(pk__in=Appointment.objects.filter(_running()).values("user_id"))


def listing(principal: Principal) -> Listing:
    held = Appointment.objects.filter(_running()).select_related("post__organisation")
    return Listing(
        name="security.users",
        title=("用户", "Users"),
        rows=managing.users(principal).prefetch_related(Prefetch("appointments", held, to_attr="held")),
        columns=(
            Column("username", ("账号", "Account"), kind="code", sort="username"),
            Column("name", ("姓名", "Name"), "name_zh", kind="person", sort="name_zh"),
            Column("division", ("区划", "Division"), "division_code", kind="code", sort="division_code", priority=2),
            Column("posts", ("岗位", "Posts"), _posts),
            Column("state", ("状态", "State"), _state, kind="badge"),
            Column("seen", ("最近登录", "Last sign-in"), "last_login", kind="time", sort="last_login", priority=2),
            Column("made", ("建立", "Made"), "created_at", kind="time", sort="created_at", shown=False),
        ),
        filters=(
            Filter("division", ("区划", "Division"), apply="division_code__startswith"),
            Filter("state", ("状态", "State"), kind="choice", choices=(("1", "在用", "active"), ("0", "停用", "disabled")),
                   apply=lambda rows, value: rows.filter(is_active=value == "1")),
            Filter("free", ("只看无岗位", "Without a post"), kind="bool", apply=_without_post),
            Filter("admins", ("只看管理员", "Administrators"), kind="bool",
                   apply=lambda rows, _: rows.exclude(admin_duty=None)),
        ),
        search=("username", "name_zh"),
        search_hint=("账号、姓名", "Account, name"),
        order=("username",),
        href=address,
        actions=(Action(("新建用户", "New user"), f"{HERE}new", "primary"), Action(("批量导入", "Import"), "/admin/import/")),
        empty=("还没有用户。", "No users yet."),
    )  # fmt: skip


@system_page
def index(request: HttpRequest) -> HttpResponseBase:
    principal = request.principal  # type: ignore[attr-defined]
    return rendering.render(request, listing(principal), tabs=sections.tabs(principal, HERE))


@system_page
def record(request: HttpRequest, user_id: int) -> HttpResponse:
    """One account: posts held and left, what it opens, what was done to it."""
    user = managing.user(request.principal, user_id)  # type: ignore[attr-defined]
    here = address(user)
    actions: tuple[Action, ...] = (Action(("启用", "Enable"), f"{here}enable", "primary"),)
    if user.is_active:
        actions = (
            Action(("更正", "Correct"), f"{here}correct"),
            Action(("登录与会话", "Sign-in"), f"/admin/identity/{user.pk}/"),
            Action(("重置密码", "Reset password"), f"{here}reset"), Action(("邀请链接", "Invitation link"), f"{here}invite"),
            Action(("离岗", "Leave posts"), f"{here}leave", "danger"), Action(("停用", "Disable"), f"{here}disable", "danger"),
        )  # fmt: skip
    if hasattr(user, "admin_duty"):
        actions = actions if _may(request.principal, user) else ()  # type: ignore[attr-defined]
    found = Record(
        title=user.name_zh,
        crumbs=(Crumb(("用户", "Users"), HERE), Crumb(user.name_zh)),
        facts=(
            Fact(("账号", "Account"), user.username, "code"), Fact(("区划", "Division"), user.division_code, "code"),
            Fact(("状态", "State"), _state(user)), Fact(("建立", "Made"), user.created_at, "time"),
            Fact(("最近登录", "Last sign-in"), user.last_login, "time"),
            Fact(("打开的会话", "Open sessions"), ending.open_sessions(user), "count"),
            Fact(("访问令牌", "Access tokens"), user.tokens.filter(revoked_at=None).count(), "count"),
        ),
        history=sections.history("user", user.username),
        actions=actions,
    )  # fmt: skip
    terms = user.appointments.select_related("post__organisation").order_by("-starts_on", "-pk")
    return render(request, "security/admin/user.html", {"record": found, "terms": terms, "today": timezone.localdate()})


def _may(principal: Principal, user: User) -> bool:
    held = user.admin_duty  # type: ignore[attr-defined]
    below = held.division_prefix != principal.duty_division and held.division_prefix.startswith(principal.duty_division)
    return bool(held.duty == principal.duty and below)


def _once(request: HttpRequest, made: NewAccount) -> tuple[str, HttpResponse]:
    """The page that shows a drawn password or a link this once."""
    link = request.build_absolute_uri(f"/invitation/{made.invitation}") if made.invitation else ""
    context = {"person": made.user, "password": made.password, "link": link, "days": account_services.INVITATION_DAYS}
    answer = render(request, "security/admin/once.html", context)
    answer["Cache-Control"] = "no-store"
    return address(made.user), answer


@system_page
def new(request: HttpRequest) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    form = entry_forms.AccountForm(request.POST or None, initial={"division_code": principal.duty_division})

    def do(values: dict[str, str]) -> tuple[str, HttpResponse]:
        first = values.pop("first")
        return _once(request, account_services.create(principal, AccountEntry(**values), invite=first == "invitation"))

    return forms.handle(
        request, form, do, ("新建用户", "New user"), ("新建", "Make"), back=HERE,
        lead=("新账号没有任何权限；任职后由岗位的角色给予权限。", "A new account has no rights; posts give them."),
    )  # fmt: skip


@system_page
def correct(request: HttpRequest, user_id: int) -> HttpResponse:
    """Another name or division of a person."""
    principal = request.principal  # type: ignore[attr-defined]
    user = managing.user(principal, user_id)
    managing.require_not_administrator(principal, user)
    first = {"name_zh": user.name_zh, "division_code": user.division_code}
    return forms.handle(
        request, entry_forms.CorrectForm(request.POST or None, initial=first),
        lambda values: address(account_services.update(principal, user_id, **values)),
        (f"更正：{user}", f"Correct {user}"), ("保存", "Save"), back=address(user),
    )  # fmt: skip


@system_page
def reset(request: HttpRequest, user_id: int) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    user = managing.user(principal, user_id)
    managing.require_not_administrator(principal, user)
    return forms.handle(
        request, entry_forms.ReasonForm(request.POST or None),
        lambda values: _once(request, account_services.reset(principal, user_id, values["reason"])),
        (f"重置密码：{user}", f"Reset the password of {user}"), ("重置", "Reset"), back=address(user),
        losses=[("现有密码和全部登录会话", "the present password and every session")],
    )  # fmt: skip


@system_page
def invite(request: HttpRequest, user_id: int) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    user = managing.user(principal, user_id)
    managing.require_not_administrator(principal, user)
    return forms.handle(
        request, forms.PageForm(request.POST or None) if request.method == "POST" else forms.PageForm(),
        lambda values: _once(request, account_services.invite(principal, user_id)),
        (f"邀请：{user}", f"Invite {user}"), ("生成链接", "Make the link"), back=address(user),
        losses=[("以前发出、尚未使用的邀请链接", "earlier links not used yet")],
    )  # fmt: skip


@system_page
def disable(request: HttpRequest, user_id: int) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    user = managing.user(principal, user_id)
    managing.require_not_administrator(principal, user)
    tokens, sessions_open = user.tokens.filter(revoked_at=None).count(), ending.open_sessions(user)
    losses = [(f"{sessions_open} 个登录会话立即结束", f"{sessions_open} sessions end at once"),
              (f"{tokens} 个访问令牌收回，启用后不恢复", f"{tokens} tokens are revoked, for good")]  # fmt: skip
    return forms.handle(
        request, entry_forms.ReasonForm(request.POST or None),
        lambda values: address(account_services.disable(principal, user_id, values["reason"])),
        (f"停用账号：{user}", f"Disable {user}"), ("停用", "Disable"), back=address(user), losses=losses,
        lead=("岗位保留；调离请用“离岗”。", "Posts stay; for somebody who goes use “leave posts”."),
    )  # fmt: skip


@system_page
def enable(request: HttpRequest, user_id: int) -> HttpResponse:
    principal = request.principal  # type: ignore[attr-defined]
    user = managing.user(principal, user_id)
    managing.require_not_administrator(principal, user)
    return forms.handle(
        request, entry_forms.ReasonForm(request.POST or None),
        lambda values: address(account_services.enable(principal, user_id, values["reason"])),
        (f"启用账号：{user}", f"Enable {user}"), ("启用", "Enable"), back=address(user),
    )  # fmt: skip


@system_page
def leave(request: HttpRequest, user_id: int) -> HttpResponse:
    """Says what ends before it does; the record of the handover follows."""
    principal = request.principal  # type: ignore[attr-defined]
    user = managing.user(principal, user_id)
    managing.require_not_administrator(principal, user)
    terms = user.appointments.filter(_running()).select_related("post__organisation").order_by("pk")
    losses = [(f"岗位“{one.post}”及其权限，立即", f"post “{one.post}” with its rights, at once") for one in terms]
    losses += [
        (f"{ending.open_sessions(user)} 个登录会话", f"{ending.open_sessions(user)} sessions"),
        (
            f"{user.tokens.filter(revoked_at=None).count()} 个访问令牌",
            f"{user.tokens.filter(revoked_at=None).count()} tokens",
        ),
        ("未办结的任务移交给接替人，未填则退回待领", "open tasks go to the successor, or are open to claim"),
    ]

    def do(values: dict[str, Any]) -> str:
        chosen = None if values["disable"] else frozenset(int(one) for one in values.get("posts", ()))
        made = leaving.leave(
            principal, user_id, values["reason"], successor=values["successor"], disable=values["disable"],
            post_ids=chosen,
        )  # fmt: skip
        return f"{HANDOVERS}{made.pk}/"

    people = managing.users(principal).filter(is_active=True, admin_duty=None).exclude(pk=user.pk)
    return forms.handle(
        request, entry_forms.LeaveForm(request.POST or None, held=[(one.post_id, str(one.post)) for one in terms]), do, (f"离岗：{user}", f"{user} leaves"), ("离岗", "Leave"),
        back=address(user), losses=losses, people=people.order_by("username").values_list("username", "name_zh")[:SUGGESTED],
    )  # fmt: skip


@system_page
def handovers(request: HttpRequest) -> HttpResponseBase:
    principal = request.principal  # type: ignore[attr-defined]
    rows = Handover.objects.filter(user__in=managing.users(principal)).select_related("user", "successor")
    found = Listing(
        name="security.handovers",
        title=("离岗交接", "Handovers"),
        rows=rows,
        columns=(
            Column("user", ("离岗人", "Who left"), lambda one: f"{one.user.name_zh}（{one.user.username}）", sort="user__name_zh"),
            Column("posts", ("岗位", "Posts"), lambda one: "、".join(post["name"] for post in one.posts)),
            Column("successor", ("接替人", "Successor"), lambda one: one.successor and str(one.successor)),
            Column("disabled", ("账号停用", "Account disabled"), "account_disabled", priority=2),
            Column("by", ("经办", "By"), "made_by", kind="person", sort="made_by", priority=2),
            Column("at", ("时间", "At"), "made_at", kind="time", sort="made_at"),
            Column("reason", ("原因", "Reason"), priority=3),
        ),
        filters=(Filter("made", ("日期", "Date"), kind="date range", apply="made_at__date"),),
        search=("user__name_zh", "user__username", "successor__name_zh", "reason"),
        order=("-pk",),
        href=lambda one: f"{HANDOVERS}{one.pk}/",
        empty=("还没有离岗记录。在用户页点“离岗”办理。", "Nobody left yet. Open a user and choose “leave posts”."),
    )  # fmt: skip
    return rendering.render(request, found, tabs=sections.tabs(principal, HANDOVERS))


@system_page
def handover(request: HttpRequest, handover_id: int) -> HttpResponse:
    """The record of one leaving, to be printed and signed."""
    principal = request.principal  # type: ignore[attr-defined]
    rows = Handover.objects.filter(user__in=managing.users(principal)).select_related("user", "successor")
    one = rows.filter(pk=handover_id).first()
    if one is None:
        managing.user(principal, -1)  # says that it is not there
        raise AssertionError("no account has a negative id")
    found = Record(
        title=(f"离岗交接记录：{one.user}", f"Handover of {one.user}"),
        crumbs=(Crumb(("离岗交接", "Handovers"), HANDOVERS), Crumb(str(one.user))),
        facts=(
            Fact(("离岗人", "Who left"), Cell(f"{one.user.name_zh}（{one.user.username}）", address(one.user))),
            Fact(("接替人", "Successor"), one.successor and f"{one.successor.name_zh}（{one.successor.username}）"),
            Fact(("交出的岗位", "Posts left"), "、".join(post["name"] for post in one.posts)),
            Fact(("账号", "Account"), ("已停用", "disabled") if one.account_disabled else ("保留", "kept")),
            Fact(("结束的会话", "Sessions ended"), str(one.sessions_ended)),
            Fact(("收回的令牌", "Tokens revoked"), str(one.tokens_revoked)),
            Fact(("经办", "By"), one.made_by), Fact(("时间", "At"), one.made_at, "time"),
            Fact(("原因", "Reason"), one.reason),
        ),
    )  # fmt: skip
    return render(request, "security/admin/handover.html", {"record": found})


@sensitive_post_parameters("password", "again")
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """The person invited sets the first password and goes on to sign in."""
    user = account_services.invitation_of(token).user

    def do(values: dict[str, str]) -> str:
        account_services.accept(token, values["password"], request.META.get("REMOTE_ADDR", ""))
        return "/login"

    answer = forms.handle(
        request, entry_forms.InvitationForm(request.POST or None), do, (f"{user}，您好", f"Welcome, {user}"),
        ("设置密码", "Set the password"), back="",
        lead=(f"为账号 {user.username} 设置密码。", f"Set the password of account {user.username}."),
    )  # fmt: skip
    answer["Cache-Control"] = "no-store"
    return answer
