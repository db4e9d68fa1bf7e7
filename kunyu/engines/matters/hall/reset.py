"""A new password with the code from the counter. 用窗口开具的重置码设置新密码.

The page answers alike whether the code of the document has an account or not; limits of an address stand in
security.public_limits.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from kunyu.engines.matters.hall.sign_up import HOME, PasswordFields, waits
from kunyu.engines.pages.forms import handle
from kunyu.engines.pages.words import both
from kunyu.engines.security import applicant_resets, public_limits
from kunyu.engines.security.lockout import origin_of
from kunyu.engines.security.national_identity.services import is_offered
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import KunyuError

TITLE = ("重置密码", "Reset the password")
DONE = "/hall/reset/done"


class ResetForm(PasswordFields):
    """What the person signs in with, the code from the counter, the new password twice."""

    code = forms.CharField(
        label=both("居民身份证号，或统一社会信用代码", "Citizen id, or unified social credit code"), max_length=30,
        help_text=both("登录时填写的号码。", "What you sign in with."),
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "characters", "spellcheck": "false"}),
    )  # fmt: skip
    given = forms.CharField(
        label=both("重置码", "Reset code"), max_length=40,
        help_text=both("窗口打印或抄给您的 16 位字母和数字，不分大小写，横线可以不填。",
                       "The 16 letters and digits from the counter; capitals and dashes do not matter."),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )  # fmt: skip
    field_order = ("code", "given", "password", "again")


@sensitive_post_parameters("password", "again", "code", "given")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def reset(request: HttpRequest) -> HttpResponse:
    """The form, and where to get a code."""
    if request.method == "POST":
        try:
            public_limits.take(request, public_limits.RESET)
        except KunyuError as error:
            return waits(request, error)
    nobody = Principal("anonymous", origin=origin_of(request))
    refused: list[KunyuError] = []

    def do(values: dict[str, Any]) -> str:
        try:
            applicant_resets.reset(nobody, values["code"], values["given"], values["password"])
        except KunyuError as error:
            refused.append(error)
            raise
        return DONE

    answer = handle(
        request, ResetForm(request.POST or None), do, TITLE, TITLE, back="/login", template="matters/hall/reset.html",
        identity=is_offered(), hours=applicant_resets.HOURS, home=HOME,
    )  # fmt: skip
    if any(one.context.get("reason") == applicant_resets.REFUSED for one in refused):
        applicant_resets.note_refused(nobody, applicant_resets.RESET)
    return answer


@require_http_methods(["GET", "HEAD"])
@never_cache
def done(request: HttpRequest) -> HttpResponse:
    """The password is new; now sign in."""
    return render(request, "matters/hall/reset_done.html")
