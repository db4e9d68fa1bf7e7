"""Pages of services: the directory, one service, registering, its life, its use. 服务目录页面."""

from __future__ import annotations

from typing import Any

from django import forms as django_forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kunyu.engines.catalogue.register import health, lists, queries, services, use_report
from kunyu.engines.catalogue.register.errors import BadService
from kunyu.engines.catalogue.register.models import Service
from kunyu.engines.catalogue.register.services import Entry
from kunyu.engines.pages import forms, once, rendering
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.listing import Action, Cell
from kunyu.engines.pages.record import Crumb, Event, Fact, Record
from kunyu.engines.pages.words import both, pick
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed

HERE = "/services/"
_HOME = Crumb(("服务目录", "Services"), HERE)
_ACTS = {
    "register": ("登记", "Registered"), "change": ("修改", "Changed"), "publish": ("发布", "Published"),
    "suspend": ("暂停", "Suspended"), "withdraw": ("注销", "Withdrawn"),
}  # fmt: skip
_BUTTONS = {"publish": ("发布", "Publish"), "suspend": ("暂停", "Suspend"), "withdraw": ("注销", "Withdraw")}


def _principal(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined, no-any-return]


class ServiceForm(PageForm):
    """What is registered of a service."""

    code = django_forms.CharField(
        label=both("编码", "Code"), max_length=60,
        help_text=both("小写字母、数字、连字符；出现在访问地址中。", "Lower-case letters, digits, hyphens; part of its address."),
    )  # fmt: skip
    name_zh = django_forms.CharField(label=both("名称", "Name"), max_length=120)
    name_en = django_forms.CharField(label=both("英文名称", "English name"), max_length=160, required=False)
    kind = django_forms.ChoiceField(label=both("类型", "Kind"), choices=Service.Kind.choices)
    category = django_forms.ChoiceField(label=both("类别", "Category"), choices=Service.Category.choices)
    collection = django_forms.ChoiceField(
        label=both("所属数据集", "Dataset"),
        help_text=both("谁能用这个服务，由该数据集的权限和标记决定。", "Rights and labels of the dataset decide who may use it."),
    )  # fmt: skip
    division_code = django_forms.CharField(
        label=both("区划（全国留空）", "Division (empty for the nation)"), max_length=6, required=False,
        help_text=both("由哪个区划的数据负责人管理。", "Whose stewards of the data manage the service."),
    )  # fmt: skip
    addresses = django_forms.CharField(
        label=both("地址（每行一个，互为备份）", "Addresses, one a line: replicas of each other"), max_length=4000,
        widget=django_forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )  # fmt: skip
    producer_zh = django_forms.CharField(label=both("提供单位", "Provider"), max_length=160, required=False)
    attribution = django_forms.CharField(
        label=both("署名与审图号", "Attribution and map approval number"), max_length=200, required=False
    )
    description = django_forms.CharField(
        label=both("说明", "Description"),
        max_length=2000,
        required=False,
        widget=django_forms.Textarea(attrs={"rows": 3}),
    )
    secret_place = django_forms.CharField(
        label=both("对方密钥的位置", "Where the provider's key goes"), max_length=80, required=False,
        help_text=both("如 query:tk 或 header:X-Key；不需要则留空。", "Such as query:tk or header:X-Key; empty if none is needed."),
    )  # fmt: skip
    secret = django_forms.CharField(
        label=both("对方密钥", "The provider's key"), max_length=500, required=False, strip=True,
        widget=django_forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=both("加密保存，不再显示；修改时留空则不变。", "Kept encrypted and never shown; leave empty to keep it."),
    )  # fmt: skip

    def __init__(self, principal: Principal, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["collection"]
        assert isinstance(field, django_forms.ChoiceField)
        field.choices = queries.datasets_to_register(principal)
        if principal.user_id is not None:
            self.fields["division_code"].initial = User.objects.get(pk=principal.user_id).division_code[:6]

    def entry(self) -> Entry:
        """The cleaned values as an entry."""
        given = dict(self.cleaned_data)
        given["addresses"] = tuple(line.strip() for line in given["addresses"].splitlines() if line.strip())
        return Entry(**given)


@require_safe
@login_needed
def index(request: HttpRequest) -> HttpResponseBase:
    """The directory: this node's own services above the registered ones."""
    listing = lists.services(_principal(request))
    own = [(one, request.build_absolute_uri(one.path)) for one in queries.OWN]
    return rendering.render(request, listing, template="register/services.html", own=own)


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def new(request: HttpRequest) -> HttpResponse:
    """Register a service."""
    principal = _principal(request)
    form = ServiceForm(principal, request.POST or None)

    def done(_: dict[str, Any]) -> str:
        made = services.register(principal, form.entry())
        messages.success(request, pick(("已登记，检查无误后即可发布。", "Registered; publish it once it is well.")))
        return f"{HERE}{made.code}/"

    return forms.handle(
        request, form, done, ("登记服务", "Register a service"), ("登记", "Register"), back=HERE,
        crumbs=(_HOME, Crumb(("登记服务", "Register"))),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def edit(request: HttpRequest, code: str) -> HttpResponse:
    """Change a service."""
    principal = _principal(request)
    one = queries.visible_service(principal, code)
    services.require_manager(principal, one)
    before = {name: getattr(one, name) for name in ServiceForm.base_fields if name not in ("addresses", "secret")}
    before["addresses"] = "\n".join(one.endpoints.values_list("address", flat=True))
    form = ServiceForm(principal, request.POST or None, initial=before)
    form.fields["code"].disabled = True

    def done(_: dict[str, Any]) -> str:
        services.change(principal, one, form.entry())
        return f"{HERE}{code}/"

    return forms.handle(
        request, form, done, ("修改服务", "Change a service"), ("保存", "Save"), back=f"{HERE}{code}/",
        crumbs=(_HOME, Crumb((one.name_zh, one.name_en), f"{HERE}{code}/"), Crumb(("修改", "Change"))),
    )  # fmt: skip


class ReasonForm(PageForm):
    """Why a service is suspended or withdrawn."""

    reason = django_forms.CharField(
        label=both("理由（暂停、注销时必填）", "Reason (needed to suspend or withdraw)"), required=False, max_length=500,
        widget=django_forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip


@require_safe
@login_needed
def record(request: HttpRequest, code: str) -> HttpResponse:
    """One service: where it is, how it is, how to use it, its history."""
    principal = _principal(request)
    one = queries.visible_service(principal, code)
    manages = services.may_manage(principal, one.collection, one.division_code)
    acts = [(name, *_BUTTONS[name]) for name, (states, _) in services.ACTS.items() if one.state in states]
    endpoints = queries.endpoints_in_order(one)
    context = {
        "record": _record(one, manages), "one": one, "manages": manages, "acts": acts if manages else [],
        "form": ReasonForm(), "once": once.new_token(request), "endpoints": endpoints,
        "proxied": request.build_absolute_uri(f"/proxy/{one.code}/"),
        "hosts": [(queries.host_of(endpoint.address), endpoint) for endpoint in endpoints],
        "checks": [
            {"endpoint": endpoint, "latest": list(endpoint.checks.order_by("-at")[:48])[::-1]} for endpoint in endpoints
        ],
    }  # fmt: skip
    return render(request, "register/service.html", context)


def _record(one: Service, manages: bool) -> Record:
    actions = (Action(("修改", "Change"), f"{HERE}{one.code}/edit"),) if manages and one.state != "withdrawn" else ()
    return Record(
        title=(one.name_zh, one.name_en or one.name_zh),
        lead=one.description,
        crumbs=(_HOME, Crumb(one.code)),
        actions=actions,
        facts=(
            Fact(("状态", "State"), lists.state_of(one), "badge"),
            Fact(("健康", "Health"), lists.health_of(one), "badge"),
            Fact(("类型", "Kind"), one.get_kind_display()),
            Fact(("类别", "Category"), next((zh, en) for code, zh, en in lists.CATEGORIES if code == one.category)),
            Fact(("所属数据集", "Dataset"), Cell(one.collection, f"/catalogue/{one.collection}/"), "code"),
            Fact(("区划", "Division"), one.division_code or "—", "code"),
            Fact(("提供单位", "Provider"), one.producer_zh or "—"),
            Fact(("署名与审图号", "Attribution"), one.attribution or "—"),
            Fact(("登记人", "Registered by"), one.created_by, "person"),
        ),
        history=tuple(
            Event(event.at, event.actor, _ACTS[event.act], event.reason) for event in one.events.order_by("-at", "-pk")
        ),
    )


@require_POST
@login_needed
def do(request: HttpRequest, code: str, act: str) -> HttpResponse:
    """Publish, suspend, withdraw, or look at the endpoints now."""
    principal = _principal(request)
    one = queries.visible_service(principal, code)
    services.require_manager(principal, one)

    def done() -> str:
        if act == "check":
            health.check_service(one)
        else:
            services.act(principal, code, act, request.POST.get("reason", ""))
        return f"{HERE}{code}/"

    try:
        return once.submit_once(request, done)
    except BadService as error:
        messages.error(request, pick((error.detail_zh, error.detail_en)))
        return redirect(f"{HERE}{code}/")


@require_safe
@login_needed
def uses(request: HttpRequest) -> HttpResponse:
    """How much is used, by service, person, organisation or day."""
    group = request.GET.get("by", "subject")
    group = group if group in use_report.GROUPS else "subject"
    rows = use_report.used(_principal(request), group)
    most = max((row["requests"] for row in rows), default=0)
    shown = [{**row, "name": row[group], "share": 100 * row["requests"] / most if most else 0} for row in rows]
    groups = {
        "subject": ("服务或数据集", "Service or dataset"), "user": ("人员", "Person"),
        "organisation": ("单位", "Organisation"), "day": ("日期", "Day"), "kind": ("方式", "Kind"),
    }  # fmt: skip
    context = {"rows": shown, "group": group, "groups": [(code, *words) for code, words in groups.items()],
               "record": Record(("使用统计", "Use of services"), (_HOME, Crumb(("使用统计", "Use"))),
                                lead=("近三十天；计数在请求之后数秒写入。", "The last thirty days; counted some seconds after the requests."))}  # fmt: skip
    return render(request, "register/uses.html", context)
