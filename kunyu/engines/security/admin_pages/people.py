"""People as the security administrator sees them: clearance, second factors, certificates. 人员安全."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase

from kunyu.engines.pages import rendering
from kunyu.engines.pages.listing import Badge, Column, Filter, Listing
from kunyu.engines.security import duties
from kunyu.engines.security.admin_pages import sections
from kunyu.engines.security.models import Authenticator, BoundCertificate, Clearance, Passkey, User
from kunyu.engines.security.rights_words import CLEARANCE
from kunyu.engines.security.scope import Principal

HERE = "/admin/people/"


def _clearance(user: User) -> Badge:
    return Badge(CLEARANCE[user.clearance], "danger" if user.clearance else "plain")


def _factors(user: User) -> Badge:
    return Badge(("有", "enrolled")) if user.has_factor else Badge(("无", "none"), "plain")  # type: ignore[attr-defined]


def people(principal: Principal) -> QuerySet[User]:
    """Accounts in the administrator's divisions, each with ``has_factor``."""
    here = {"user": OuterRef("pk")}
    return (
        User.objects.filter(division_code__startswith=principal.duty_division)
        .select_related("admin_duty")
        .annotate(
            has_factor=Q(Exists(Passkey.objects.filter(**here)))
            | Q(Exists(BoundCertificate.objects.filter(**here)))
            | Q(Exists(Authenticator.objects.filter(confirmed_at__isnull=False, **here)))
        )
    )


def listing(principal: Principal) -> Listing:
    """The list: filter by clearance, by missing factors."""
    levels = tuple((str(value), *CLEARANCE[value]) for value in Clearance.values)
    return Listing(
        name="security.people",
        title=("人员安全", "People"),
        rows=people(principal),
        columns=(
            Column("username", ("账号", "Account"), kind="code", sort="username"),
            Column("name", ("姓名", "Name"), "name_zh", kind="person", sort="name_zh"),
            Column("division", ("区划", "Division"), "division_code", kind="code", sort="division_code", priority=2),
            Column("clearance", ("涉密等级", "Clearance"), _clearance, kind="badge", sort="clearance"),
            Column("factors", ("第二验证方式", "Second factor"), _factors, kind="badge"),
            Column("seen", ("最近登录", "Last sign-in"), "last_login", kind="time", sort="last_login", priority=2),
        ),
        filters=(
            Filter("clearance", ("涉密等级", "Clearance"), kind="choice", choices=levels,
                   apply=lambda rows, value: rows.filter(clearance=value)),
            Filter("bare", ("只看没有第二验证方式的", "Without a second factor"), kind="bool",
                   apply=lambda rows, _: rows.filter(has_factor=False)),
            Filter("admins", ("只看管理员", "Administrators"), kind="bool",
                   apply=lambda rows, _: rows.exclude(admin_duty=None)),
        ),
        search=("username", "name_zh"),
        search_hint=("账号、姓名", "Account, name"),
        order=("username",),
        href=lambda user: f"/admin/identity/{user.pk}/",
        empty=("您的区划内还没有用户；由系统管理员建立。", "No accounts in your divisions yet; a system administrator makes them."),
    )  # fmt: skip


@sections.page_of(duties.SECURITY)
def index(request: HttpRequest) -> HttpResponseBase:
    """Clearances and factors at a glance; a row opens the person."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    return rendering.render(request, listing(principal), tabs=sections.tabs(principal, HERE))
