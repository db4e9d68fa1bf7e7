"""Making an account of the public. 注册申请人账号.

The page answers alike whether the code had an account or not; limits of an address stand in security.public_limits.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from kunyu.engines.pages.forms import PageForm, handle
from kunyu.engines.pages.words import both
from kunyu.engines.security import applicants, public_limits
from kunyu.engines.security.applicants import Applicant
from kunyu.engines.security.lockout import origin_of
from kunyu.engines.security.national_identity.services import is_offered
from kunyu.engines.security.passwords import LONGEST, PASSPHRASE, SHORTEST
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.sign_in import safe_next
from kunyu.kernel.errors import KunyuError

HOME = "/hall/"
TITLE = ("注册账号", "Make an account")


class PasswordFields(PageForm):
    """A new password, twice."""

    password = forms.CharField(
        label=both("设置密码", "Password"), max_length=LONGEST, strip=False,
        help_text=both(
            f"至少 {SHORTEST} 个字符，含大写、小写、数字、符号中的三种；或 {PASSPHRASE} 个字符以上的一句话。",
            f"At least {SHORTEST} characters of three kinds among capitals, small letters, digits and signs; or a phrase of "
            f"{PASSPHRASE} or more.",
        ),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    again = forms.CharField(
        label=both("再输入一次密码", "Password once more"), max_length=LONGEST, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """The two passwords are one."""
        found = super().clean() or {}
        if found.get("password") and found.get("again") and found["password"] != found["again"]:
            self.add_error("again", both("两次输入的密码不同。", "The two passwords differ."))
        return found


class SignUpForm(PasswordFields):
    """A citizen or a firm; which fields are needed follows from ``kind``."""

    kind = forms.ChoiceField(
        label=both("您是", "You are"), widget=forms.RadioSelect, initial="person",
        choices=[("person", both("个人", "a citizen")), ("organisation", both("企业或单位", "a firm or body"))],
    )  # fmt: skip
    name = forms.CharField(
        label=both("姓名或单位名称", "Name of the person or body"), max_length=200,
        help_text=both("与证件上的一致。", "As it stands on the document."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    code = forms.CharField(
        label=both("居民身份证号，或统一社会信用代码", "Citizen id, or unified social credit code"), max_length=30,
        help_text=both("18 位。今后用它登录；加密保存，页面只显示首尾几位。",
                       "18 characters. You sign in with it; it is kept encrypted and shown masked."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )  # fmt: skip
    agent_name = forms.CharField(
        label=both("经办人姓名（单位填写）", "Agent's name (bodies only)"), max_length=60, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    phone = forms.CharField(
        label=both("联系电话", "Telephone"), max_length=20,
        help_text=both("办理机关联系您时使用，加密保存。", "For the authority to reach you; kept encrypted."),
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    )  # fmt: skip
    field_order = ("kind", "name", "code", "agent_name", "phone", "password", "again")


@sensitive_post_parameters("password", "again", "code", "phone")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def sign_up(request: HttpRequest) -> HttpResponse:
    """The form, once; whoever is signed in has an account already."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    target = safe_next(request, request.GET.get("next") or HOME)
    if principal.user_id is not None:
        return redirect(target)
    form = SignUpForm(request.POST or None)
    if request.method == "POST":
        try:
            public_limits.take(request, public_limits.SIGN_UP)
        except KunyuError as error:
            return waits(request, error)
    return handle(
        request, form, lambda given: _made(request, given), TITLE, TITLE, back=HOME, template="matters/hall/sign_up.html",
        identity=is_offered(),
    )  # fmt: skip


def _made(request: HttpRequest, given: dict[str, Any]) -> str:
    who = Applicant(given["kind"], given["name"], given["code"], given["agent_name"], given["phone"])
    applicants.sign_up(Principal("anonymous", origin=origin_of(request)), who, given["password"])
    return "/hall/sign-up/done"


def waits(request: HttpRequest, error: KunyuError) -> HttpResponse:
    """The answer to an address that asked too often."""
    page = render(request, "problem.html", {"error": error}, status=error.http_status)
    page["Retry-After"] = str(error.context["retry_after"])
    return page


@require_http_methods(["GET", "HEAD"])
@never_cache
def done(request: HttpRequest) -> HttpResponse:
    """The same words for everybody: whether the code had an account already is not said."""
    return render(request, "matters/hall/sign_up_done.html", {"identity": is_offered()})
