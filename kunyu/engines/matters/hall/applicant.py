"""The steps that say who applies and for which project. 申请人、投资项目.

A full code never goes back to a page: what is kept is shown masked, and an empty field keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from kunyu.engines.matters.hall import wizard
from kunyu.engines.matters.models import Application
from kunyu.engines.pages.forms import PageForm
from kunyu.engines.pages.words import Pair, both, pick
from kunyu.engines.security.models import ApplicantAccount
from kunyu.kernel.identifier_checks import BadIdentifier
from kunyu.kernel.project_codes import parse_project_code, plain_project_code

Kind = Application.ApplicantKind
_KINDS: tuple[tuple[str, Pair], ...] = (
    (Kind.PERSON, ("个人", "A person")),
    (Kind.ORGANISATION, ("企业、机关或其他组织", "A firm, an office or another organisation")),
)

_CODE_MISSING = both("请填写身份证号码或统一社会信用代码。", "Give the citizen id or the social credit code.")


@dataclass(frozen=True)
class Known:
    """What is known of who applies; ``code`` never leaves the server. ``where`` says where it is known from."""

    kind: str = ""
    name: str = ""
    code: str = ""
    masked: str = ""
    where: Pair = ("", "")


def known_of(application: Application) -> Known:
    """From the application itself, else from the account that applies; nothing for one taken at a counter."""
    if application.applicant_code_masked:
        return Known(
            application.applicant_kind, application.applicant_name, application.applicant_code,
            application.applicant_code_masked, ("已填写", "filled in"),
        )  # fmt: skip
    if application.applicant_id is None:
        return Known()
    account = ApplicantAccount.objects.filter(user_id=application.applicant_id).first()
    if account is not None:
        return Known(account.kind, account.name, account.code, account.code_masked, ("账号登记", "of your account"))
    rows = Application.objects.filter(applicant_id=application.applicant_id).exclude(applicant_code_masked="")
    earlier = rows.order_by("-pk").first()
    if earlier is None:
        return Known()
    return Known(
        earlier.applicant_kind, earlier.applicant_name, earlier.applicant_code, earlier.applicant_code_masked,
        ("上次申请", "of your last application"),
    )  # fmt: skip


class ApplicantForm(PageForm):
    """Kind, name and code; the code may be left empty where one of that kind is known."""

    kind = forms.ChoiceField(label=both("谁来申请", "Who applies"), widget=forms.RadioSelect)
    name = forms.CharField(
        label=both("姓名或单位名称", "Name"), max_length=200,
        help_text=both("与身份证或营业执照上的一致。", "As on the identity card or the business licence."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    code = forms.CharField(
        label=both("身份证号码或统一社会信用代码", "Citizen id or unified social credit code"), max_length=40, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters",
                                      "data-secret": ""}),
    )  # fmt: skip

    def __init__(self, *args: Any, known: Known, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = known
        self.fields["kind"].choices = [(code, pick(words)) for code, words in _KINDS]  # type: ignore[attr-defined]
        self.fields["code"].required = not known.masked
        self.fields["code"].error_messages["required"] = _CODE_MISSING
        self.fields["code"].help_text = (
            pick((f"{known.where[0]}的是 {known.masked}；不改就留空。",
                  f"The one {known.where[1]} is {known.masked}; leave it empty to keep it."))
            if known.masked
            else pick(("18 位，个人填身份证号码，单位填统一社会信用代码。",
                       "18 characters: a person's citizen id, an organisation's social credit code."))
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """A code is needed unless one of the same kind is known."""
        given = super().clean() or {}
        is_known = bool(self.known.masked) and self.known.kind == given.get("kind")
        if not given.get("code") and not is_known and "kind" in given and "code" not in self.errors:
            self.add_error(
                "code", pick(("请填写身份证号码或统一社会信用代码。", "Give the citizen id or the social credit code."))
            )
        return given

    def given(self) -> dict[str, str]:
        """What is to be kept of the applicant."""
        values = self.cleaned_data
        code = "".join(str(values["code"]).split()).upper() or self.known.code
        return {"kind": values["kind"], "name": values["name"].strip(), "code": code}

    def partly(self) -> dict[str, str]:
        """What fits of an unfinished page: kind and name; a wrong code is asked for again."""
        return {key: str(self.cleaned_data[key]).strip() for key in ("kind", "name") if key in self.cleaned_data}

    def forget_code(self) -> None:
        """Show an invalid page again without a citizen id that was typed."""
        if self.data.get("kind") == Kind.PERSON:
            self.data = {**self.data.dict(), "code": ""}  # type: ignore[attr-defined]


@wizard.step_page
def applicant(request: HttpRequest, application: Application) -> HttpResponse:
    """Who applies."""
    known = known_of(application)
    kept = {
        "kind": application.applicant_kind or known.kind or Kind.PERSON,
        "name": application.applicant_name or known.name,
    }
    form = ApplicantForm(request.POST if request.method == "POST" else None, known=known, initial=kept)
    if form.is_bound and form.is_valid():
        faults = wizard.keep(request, application, applicant=form.given())
        if not faults:
            return wizard.go_on(request, application, "applicant")
        wizard.at_fields(form, faults, "applicant")
    elif form.is_bound and "later" in request.POST and not wizard.keep(request, application, applicant=form.partly()):
        return wizard.go_on(request, application, "applicant")
    if form.is_bound:
        form.forget_code()
    lead = ("由谁提出申请，决定和证照就写谁的名字。", "The decision and the licence will bear this name.")
    return _page(request, application, "applicant", form, lead)


class ProjectForm(PageForm):
    """投资项目代码 and name, as the notice that gave the code has them."""

    code = forms.CharField(
        label=both("投资项目代码", "Code of the investment project"), max_length=40,
        help_text=both("24 位，如 2026-990101-47-01-000123；在投资项目在线审批监管平台的赋码通知上。",
                       "24 characters like 2026-990101-47-01-000123, on the notice of the investment platform."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "inputmode": "numeric"}),
    )  # fmt: skip
    name = forms.CharField(
        label=both("项目名称", "Name of the project"), max_length=300,
        help_text=both("与项目批准、核准或备案文件一致。", "As in the document that approved or filed it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    def clean_code(self) -> str:
        """Built as the platform builds them; there is no check digit."""
        try:
            return parse_project_code(self.cleaned_data["code"]).code
        except BadIdentifier as error:
            raise forms.ValidationError(pick((error.detail_zh, error.detail_en))) from None

    def clean_name(self) -> str:
        """Without blanks around it."""
        return str(self.cleaned_data["name"]).strip()


@wizard.step_page
def project(request: HttpRequest, application: Application) -> HttpResponse:
    """For which investment project."""
    kept = {"code": application.project_code, "name": application.project_name}
    form = ProjectForm(request.POST if request.method == "POST" else None, initial=kept)
    if form.is_bound and form.is_valid():
        faults = wizard.keep(request, application, project=form.cleaned_data)
        if not faults:
            return wizard.go_on(request, application, "project")
        wizard.at_fields(form, faults, "project")
    elif form.is_bound and "later" in request.POST:
        # kept as it was typed: the code is asked for again before anything is submitted
        typed = {"code": plain_project_code(form.data.get("code", ""))[:40], "name": form.data.get("name", "").strip()}
        if not wizard.keep(request, application, project=typed):
            return wizard.go_on(request, application, "project")
    lead = ("同一个项目的各项审批都用这个代码，前后对得上。", "Every approval of the project bears this code.")
    return _page(request, application, "project", form, lead)


def _page(request: HttpRequest, application: Application, step: str, form: PageForm, lead: Pair) -> HttpResponse:
    status = 422 if form.is_bound and form.errors else 200
    return wizard.show(request, application, step, "matters/hall/step_form.html", status, form=form, lead=lead)
