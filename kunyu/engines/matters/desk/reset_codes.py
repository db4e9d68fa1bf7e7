"""A clerk gives a reset code to an applicant who forgot his password and shows his document. 窗口开具密码重置码."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from kunyu.engines.pages.forms import PageForm, handle
from kunyu.engines.pages.words import both
from kunyu.engines.security import applicant_resets
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import login_needed
from kunyu.kernel.errors import KunyuError

ADDRESS = "/cases/reset-code"
TITLE = ("开具密码重置码", "Give a reset code")


class ResetCodeForm(PageForm):
    """What the document says, and that it was seen."""

    document = forms.ChoiceField(
        label=both("核对了哪种证件", "Which document was seen"), widget=forms.RadioSelect,
        choices=[(code, both(*words)) for code, words in applicant_resets.DOCUMENTS.items()],
    )  # fmt: skip
    code = forms.CharField(
        label=both("证件上的号码", "Code on the document"), max_length=30,
        help_text=both("居民身份证号，或统一社会信用代码。", "Citizen id, or unified social credit code."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )  # fmt: skip
    name = forms.CharField(
        label=both("证件上的姓名或单位名称", "Name on the document"), max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    is_seen = forms.BooleanField(
        label=both("我已当面核对证件原件，来人是证件本人（单位的，是被授权的经办人）",
                   "I have seen the original, and who is here is its holder (of a body: its authorised agent)"),
    )  # fmt: skip


@sensitive_variables("made")
@sensitive_post_parameters("code", "name")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_needed
def reset_code(request: HttpRequest) -> HttpResponse:
    """The form, and after it the code, shown this once."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    if not applicant_resets.may_issue(principal):
        raise NotVisible("没有这个页面，或者您无权查看。", "There is no such page, or you may not see it.")
    if request.method == "POST":
        applicant_resets.take(principal)
    refused: list[KunyuError] = []

    def do(values: dict[str, Any]) -> tuple[str, HttpResponse]:
        try:
            made = applicant_resets.issue(principal, values["code"], values["name"], values["document"])
        except KunyuError as error:
            refused.append(error)
            raise
        return ADDRESS, render(request, "matters/desk/reset_code.html", {"made": made, "hours": applicant_resets.HOURS})

    answer = handle(
        request, ResetCodeForm(request.POST or None), do, TITLE, TITLE, back="/cases/",
        lead=("申请人忘记密码、带证件到窗口时使用。新密码由申请人自己设置，窗口人员不知道。",
              "For an applicant who forgot the password and shows a document here. He sets the new one himself; nobody here learns it."),
    )  # fmt: skip
    if any(one.context.get("reason") == applicant_resets.REFUSED for one in refused):
        applicant_resets.note_refused(principal, applicant_resets.ISSUE)
    answer["Cache-Control"] = "private, no-store"
    return answer
