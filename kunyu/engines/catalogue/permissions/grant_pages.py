"""Pages of grants: the list, a new one with its preview, revoking. 授权."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import DateTimeField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from kunyu.engines.catalogue.permissions import fields, names, people, preview
from kunyu.engines.catalogue.permissions.grant_forms import GrantForm, ReasonForm
from kunyu.engines.pages import forms, once, rendering
from kunyu.engines.pages.listing import Action, Badge, Cell, Column, Filter, Listing
from kunyu.engines.pages.words import Pair, pick
from kunyu.engines.security import grant_services, rights_words
from kunyu.engines.security.admin_pages import sections
from kunyu.engines.security.admin_pages.sections import security_page
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import Grant
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import KunyuError

HERE = "/admin/grants/"
MOST_AT_ONCE = 200
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
ENDS = (("open", "长期有效", "Without an end"), ("soon", "7 天内到期", "Ends within 7 days"),
        ("ended", "已到期", "Ended"))  # fmt: skip


def _recipient(one: Grant) -> Cell:
    if one.user is not None:
        return Cell(one.user.name_zh, f"/admin/access/?person={one.user.username}", note=one.user.username)
    assert one.role is not None
    role = one.role
    return Cell((role.name_zh, role.name_en), f"/admin/roles/{role.code}/", (Badge(("角色", "role"), "plain"),))


def _data(one: Any) -> Cell:
    return Cell((one.data_zh or names.WHOLE_CATALOGUE[0], one.data_en or names.WHOLE_CATALOGUE[1]), note=one.branch)


def _place(one: Grant) -> Cell:
    found: Any = one
    zh, en = found.place_zh or rights_words.NATION[0], found.place_en or rights_words.NATION[1]
    note: Pair | str = ("限岗位所在区划", "within each post's division") if one.within_post else one.division_prefix
    return Cell((zh, en), note=note)


def _until(one: Grant) -> object:
    if one.expires_at is None:
        return Badge(("长期", "open"), "plain")
    words = rights_words.until_words(one.expires_at)
    if one.expires_at <= timezone.now():
        return Badge(("已到期", "ended"), "warn")
    return words


def _ending(rows: QuerySet[Grant], value: str) -> QuerySet[Grant]:
    now = timezone.now()
    soon = now + timedelta(days=grant_services.REMIND_DAYS)
    chosen = {"open": Q(expires_at=None), "soon": Q(expires_at__gt=now, expires_at__lte=soon),
              "ended": Q(expires_at__lte=now)}  # fmt: skip
    return rows.filter(chosen[value])


def _alike(recipient: str) -> QuerySet[Grant]:
    """Grants to the same ``recipient`` (column) that differ from the outer row in the action only."""
    same = (
        "branch",
        "division_prefix",
        "within_post",
        "max_secrecy",
        "max_grading",
        "max_sharing",
        "reveals",
        "reason",
    )
    rows = Grant.objects.filter(**{one: OuterRef(one) for one in (recipient, *same)})
    return rows.annotate(end=_end(F("expires_at"))).filter(end=_end(OuterRef("expires_at")))


def _end(column: F | OuterRef) -> Coalesce:
    return Coalesce(column, Value(_NEVER), output_field=DateTimeField())


def together(rows: QuerySet[Grant]) -> QuerySet[Grant]:
    """One row for grants that differ in the action only: the first of them, with all actions and numbers.

    To users and to roles apart, so that each look-up goes by its own index.
    """
    of_user, of_role = _alike("user_id"), _alike("role_id")
    return rows.filter(
        ~Exists(of_user.filter(pk__lt=OuterRef("pk"))), ~Exists(of_role.filter(pk__lt=OuterRef("pk")))
    ).annotate(
        user_acts=ArraySubquery(of_user.values("action")), role_acts=ArraySubquery(of_role.values("action")),
        user_ids=ArraySubquery(of_user.values("pk")), role_ids=ArraySubquery(of_role.values("pk")),
    )  # fmt: skip


def _with_action(rows: QuerySet[Grant], value: str) -> QuerySet[Grant]:
    return rows.filter(Exists(_alike("user_id").filter(action=value)) | Exists(_alike("role_id").filter(action=value)))


def _acts(one: Any) -> Pair:
    return rights_words.actions_words([*one.user_acts, *one.role_acts])


def listing(principal: Principal) -> Listing:
    """Grants on data of the administrator's divisions."""
    rows = names.with_names(together(grant_services.visible(principal)), "branch", "division_prefix")
    return Listing(
        name="permissions.grants",
        title=("授权", "Grants"),
        lead=("谁对哪些数据能做什么。每条授权写明理由、上限和期限。",
              "Who may do what to which data, each with its reason, ceiling and end."),
        rows=rows.select_related("user", "role"),
        columns=(
            Column("recipient", ("授予", "Given to"), _recipient),
            Column("actions", ("可以", "May"), _acts),
            Column("data", ("数据", "Data"), _data, sort="branch"),
            Column("division", ("区划", "Division"), _place, sort="division_prefix"),
            Column("ceiling", ("标记上限", "Label ceiling"), _ceiling, priority=2),
            Column("masks", ("个人信息", "Personal data"), lambda one: rights_words.reveals_words(one.reveals), priority=3),
            Column("until", ("期限", "Until"), _until, sort="expires_at"),
            Column("by", ("授予人", "Granted by"), "granted_by", priority=3, sort="granted_by"),
            Column("at", ("授予时间", "Granted"), "granted_at", kind="time", sort="granted_at", shown=False),
            Column("reason", ("理由", "Reason"), "reason", shown=False),
            Column("revoke", ("操作", "Act"), lambda one: _revoke_cell(principal, one)),
        ),
        filters=(
            Filter("action", ("可以", "May"), kind="choice", choices=_actions(), apply=_with_action),  # type: ignore[arg-type]
            Filter("role", ("角色代码", "Role code"), apply="role__code"),
            Filter("person", ("账号", "Account"), apply="user__username"),
            Filter("branch", ("数据代码", "Data code"), apply="branch__startswith"),
            Filter("division", ("区划代码", "Division code"), apply="division_prefix__startswith"),
            Filter("ends", ("期限", "Until"), kind="choice", choices=ENDS, apply=_ending),
        ),
        search=("user__name_zh", "user__username__istartswith", "role__name_zh", "reason", "branch__startswith"),
        search_hint=("姓名、角色、理由、数据代码", "Name, role, reason, data code"),
        order=("-pk",),
        actions=(Action(("新授权", "New grant"), f"{HERE}new", "primary"),),
        empty=("还没有授权。先给角色授权，再把角色给岗位；个别情况直接授给人。",
               "No grants yet. Grant to roles, give roles to posts; grant to single people as the exception."),
    )  # fmt: skip


def _actions() -> list[tuple[str, str, str]]:
    return [(key, zh, en) for key, (zh, en) in rights_words.ACTIONS.items()]


def _ceiling(one: Grant) -> Pair:
    label = Label(one.max_secrecy, one.max_grading, one.max_sharing)
    return label.name_zh, label.name_en


def _revoke_cell(principal: Principal, one: Any) -> object:
    if not grant_services.may_revoke(principal, one):
        return ("上级授予", "from above")
    return Cell(("收回", "Revoke"), f"{HERE}revoke?{_ids(one)}")


def _ids(one: Any) -> str:
    return urlencode([("grant", number) for number in sorted([*one.user_ids, *one.role_ids])])


@security_page
def index(request: HttpRequest) -> HttpResponseBase:
    principal = request.principal  # type: ignore[attr-defined]
    return rendering.render(request, listing(principal), tabs=sections.tabs(principal, HERE))


@security_page
def new(request: HttpRequest) -> HttpResponse:
    """First what is wanted, then what it would do, then the act: nothing is granted unseen."""
    principal = request.principal  # type: ignore[attr-defined]
    given = {name: request.GET[name] for name in ("role", "person", "branch", "division") if name in request.GET}
    form = GrantForm(principal, request.POST or None, initial=given)
    title: Pair = ("新授权", "New grant")
    status = None
    if request.method == "POST" and form.is_valid() and request.POST.get("step") != "back":
        wanted = form.wanted()
        try:
            grant_services.check(principal, wanted)
        except KunyuError as error:
            status = error.http_status
            form.add_error(None, pick((error.detail_zh, error.detail_en)))
        else:
            if request.POST.get("step") == "grant":
                return once.submit_once(request, lambda: _granted(request, principal, form))
            return forms.show(
                request, form, ("核对后授权", "Check, then grant"), ("授权", "Grant"), back=HERE,
                template="permissions/grant_preview.html", preview=preview.of(wanted),
            )  # fmt: skip
    return forms.show(
        request, form, title, ("下一步：看效果", "Next: see what it does"), back=HERE, status=status,
        template="permissions/form.html", people=people.suggested(principal), divisions=fields.below(principal),
    )  # fmt: skip


def _granted(request: HttpRequest, principal: Principal, form: GrantForm) -> str:
    wanted = form.wanted()
    made = grant_services.add(principal, wanted)
    already = f"，{len(made.already)} 项原已授予" if made.already else ""
    messages.success(request, pick((
        f"已授权 {len(made.added)} 项{already}，立即生效。", f"Granted {len(made.added)}; in force at once.",
    )))  # fmt: skip
    return f"/admin/roles/{wanted.role.code}/" if wanted.role else f"{HERE}?person={wanted.user.username}"  # type: ignore[union-attr]


@security_page
def revoke(request: HttpRequest) -> HttpResponse:
    """Name what will be lost, ask why, take it back at once."""
    principal = request.principal  # type: ignore[attr-defined]
    wanted = _numbers(request.GET.getlist("grant"))
    rows = list(names.with_names(grant_services.visible(principal), "branch", "division_prefix")
                .filter(pk__in=wanted).select_related("user", "role"))  # fmt: skip
    if not rows and request.method != "POST":
        raise Http404
    losses = [_loss(one) for one in rows]
    return forms.handle(
        request, ReasonForm(request.POST or None), lambda values: _revoked(request, principal, wanted, values["reason"]),
        ("收回授权", "Revoke"), ("收回", "Revoke"), back=HERE, losses=losses,
    )  # fmt: skip


def _revoked(request: HttpRequest, principal: Principal, wanted: list[int], reason: str) -> str:
    count = grant_services.revoke(principal, wanted, reason)
    messages.success(
        request, pick((f"已收回 {count} 项授权，立即生效。", f"{count} grants revoked; in force at once."))
    )
    return HERE


def _numbers(texts: list[str]) -> list[int]:
    return [int(one) for one in texts[:MOST_AT_ONCE] if one.isascii() and one.isdigit() and len(one) < 18]


def _loss(one: Any) -> Pair:
    who = one.user or one.role
    zh, en = rights_words.ACTIONS[one.action]
    data = (one.data_zh or names.WHOLE_CATALOGUE[0], one.data_en or names.WHOLE_CATALOGUE[1])
    place = (one.place_zh or rights_words.NATION[0], one.place_en or rights_words.NATION[1])
    return f"{who}：{place[0]}“{data[0]}”的“{zh}”权限", f"{who}: “{en}” on {data[1]} in {place[1]}"
