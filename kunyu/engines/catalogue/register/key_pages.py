"""Pages of applications and keys. 服务申请与密钥页面."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms as django_forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kunyu.engines.catalogue.register import applications, lists
from kunyu.engines.catalogue.register.applications import Request
from kunyu.engines.catalogue.register.models import Application
from kunyu.engines.pages import forms, once, rendering
from kunyu.engines.pages.forms import AT_THE_FORM, PageForm
from kunyu.engines.pages.record import Crumb, Event, Fact, Record
from kunyu.engines.pages.words import both, pick
from kunyu.engines.security.api_keys.quotas import asked_today
from kunyu.engines.security.api_keys.services import Quota
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed
from kunyu.kernel.errors import KunyuError

HERE = "/services/keys/"
_HOME = (Crumb(("服务目录", "Services"), "/services/"), Crumb(("申请与密钥", "Applications and keys"), HERE))


def _principal(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined, no-any-return]


class ApplicationForm(PageForm):
    """What a program needs."""

    name = django_forms.CharField(label=both("程序名称", "Name of the program"), max_length=60)
    purpose = django_forms.CharField(
        label=both("用途（审批人会看到）", "Purpose (whoever decides reads it)"), max_length=1000,
        widget=django_forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
    collections = django_forms.MultipleChoiceField(
        label=both("数据集", "Datasets"), widget=django_forms.SelectMultiple(attrs={"size": 12, "class": "form-select"})
    )
    division = django_forms.CharField(
        label=both("哪个区划的数据（全国留空）", "Data of which division (empty for the nation)"),
        max_length=6,
        required=False,
    )
    per_minute = django_forms.IntegerField(label=both("每分钟次数", "Requests a minute"), min_value=1, initial=300)
    per_day = django_forms.IntegerField(label=both("每日次数", "Requests a day"), min_value=1, initial=50_000)
    until = django_forms.DateField(
        label=both("使用至", "Until"), widget=django_forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, principal: Principal, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["collections"]
        assert isinstance(field, django_forms.MultipleChoiceField)
        rows = applications.applicable(principal).values_list("code", "name_zh")
        field.choices = [(code, f"{code} {name}") for code, name in rows]
        if principal.user_id is not None:
            self.fields["division"].initial = User.objects.get(pk=principal.user_id).division_code[:6]
        self.fields["until"].initial = timezone.localdate() + timedelta(days=180)


@require_safe
@login_needed
def index(request: HttpRequest) -> HttpResponseBase:
    """One's applications and those one may decide."""
    return rendering.render(request, lists.keys(_principal(request)))


@require_http_methods(["GET", "HEAD", "POST"])
@login_needed
def apply(request: HttpRequest) -> HttpResponse:
    """Apply for a key."""
    principal = _principal(request)

    def done(given: dict[str, Any]) -> str:
        quota = Quota(given["per_minute"], given["per_day"])
        codes = tuple(given["collections"])
        wanted = Request(given["name"], given["purpose"], codes, quota, given["until"], given["division"])
        made = applications.apply(principal, wanted)
        messages.success(
            request, pick(("已提交，等数据负责人审批。", "Applied; those who answer for the data decide."))
        )
        return f"{HERE}{made.pk}/"

    return forms.handle(
        request, ApplicationForm(principal, request.POST or None), done, ("申请密钥", "Apply for a key"),
        ("提交申请", "Apply"), back=HERE, crumbs=(*_HOME, Crumb(("申请密钥", "Apply"))),
    )  # fmt: skip


class DecisionForm(PageForm):
    """The decision with the quota that is given."""

    per_minute = django_forms.IntegerField(label=both("每分钟次数", "Requests a minute"), min_value=1)
    per_day = django_forms.IntegerField(label=both("每日次数", "Requests a day"), min_value=1)
    reason = django_forms.CharField(
        label=both("意见（不予批准时必填）", "Opinion (needed to refuse)"), required=False, max_length=1000,
        widget=django_forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip


@require_safe
@login_needed
def record(request: HttpRequest, number: int) -> HttpResponse:
    """One application with what the person may do about it."""
    return _page(request, applications.visible_application(_principal(request), number))


def _page(
    request: HttpRequest, one: Application, form: DecisionForm | None = None, secret: str = "", status: int = 200
) -> HttpResponse:
    principal = _principal(request)
    decides, own = applications.may_decide(principal, one), one.applicant_id == principal.user_id
    is_open = one.state == Application.State.APPLIED
    initial = {"per_minute": one.per_minute, "per_day": one.per_day}
    response = render(
        request, "register/application.html",
        {
            "record": _record(one), "one": one, "form": form or DecisionForm(initial=initial), "secret": secret,
            "once": once.new_token(request), "may_decide": decides and is_open,
            "may_withdraw": own and is_open, "may_take": own and one.state == "approved" and one.key is None,
            "may_manage": decides and one.key is not None,
            "lacking": applications.lacking(one) if one.state in ("applied", "approved") else [],
            "example": request.build_absolute_uri(f"/ogc/collections/{one.collections[0]}/items?limit=1"),
        },
        status=status,
    )  # fmt: skip
    if secret:
        response["Cache-Control"] = "no-store"
    return response


def _record(one: Application) -> Record:
    facts = [
        Fact(("状态", "State"), lists.decision_of(one), "badge"),
        Fact(("申请人", "Applicant"), one.applicant.username, "person"),
        Fact(("用途", "Purpose"), one.purpose),
        Fact(("数据集", "Datasets"), " ".join(one.collections), "code"),
        Fact(("区划", "Division"), one.division_code or "全国 / nation", "code"),
        Fact(("配额", "Quota"), (f"每分钟 {one.per_minute} 次，每日 {one.per_day} 次", f"{one.per_minute} a minute, {one.per_day} a day")),
        Fact(("使用至", "Until"), one.until, "date"),
    ]  # fmt: skip
    if one.key is not None:
        asked = asked_today(one.key.pk)
        facts.append(Fact(("今日已用", "Asked today"), f"{asked} / {one.key.per_day}"))
    history = [Event(one.applied_at, one.applicant.username, ("申请", "Applied"))]
    if one.decided_at:
        history.insert(0, Event(one.decided_at, one.decided_by, lists.decision_of(one).text, one.reason))
    return Record(title=one.name, crumbs=(*_HOME, Crumb(str(one.pk))), facts=tuple(facts), history=tuple(history))


@require_POST
@login_needed
def do(request: HttpRequest, number: int, act: str) -> HttpResponse:
    """Approve, refuse, withdraw, take the key, suspend, resume, or set another quota."""
    principal = _principal(request)
    one = applications.visible_application(principal, number)
    applications.require_may(principal, one, act)
    form = DecisionForm(request.POST)
    if act in ("approve", "quota") and not form.is_valid():
        return _page(request, one, form, status=422)
    quota = Quota(form.cleaned_data["per_minute"], form.cleaned_data["per_day"]) if form.is_valid() else None

    def done() -> once.Done:
        here = f"{HERE}{number}/"
        match act:
            case "approve" | "refuse":
                applications.decide(principal, number, act == "approve", request.POST.get("reason", ""), quota)
            case "withdraw":
                applications.withdraw(principal, number)
            case "take":
                taken, secret = applications.take_key(principal, number)
                return here, _page(request, taken, secret=secret)
            case "quota":
                applications.manage_key(principal, number, quota=quota)
            case _:
                applications.manage_key(principal, number, suspended=act == "suspend")
        return here

    try:
        return once.submit_once(request, done)
    except KunyuError as error:
        if error.http_status not in AT_THE_FORM:
            raise
        messages.error(request, pick((error.detail_zh, error.detail_en)))
        return redirect(f"{HERE}{number}/")
