"""The last step: read it all through, see what is missing, declare, submit; then the receipt. 核对、提交、回执."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from kunyu.engines.matters.cases import services
from kunyu.engines.matters.cases.ready import applied_for, require_ready
from kunyu.engines.matters.cases.words import state_badge
from kunyu.engines.matters.definitions.forms import fields_of
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.errors import BadForm, StaleRevision, WrongStep
from kunyu.engines.matters.hall import answers, asked, findings, papers, steps, wizard
from kunyu.engines.matters.materials.kinds import definitions_of
from kunyu.engines.matters.models import Application, Case, MatterEdition
from kunyu.engines.pages.record import Fact
from kunyu.engines.pages.words import Pair
from kunyu.engines.security import audit
from kunyu.engines.security.session import login_needed

STEP = "submit"
DECLARATION: Pair = (
    "我承诺：所填内容和所交材料真实、合法、有效，复印件与原件一致；如有隐瞒或者虚假，愿意承担法律责任。",
    "I declare that what I filled in and handed in is true, lawful and valid, and that copies are like their originals; "
    "I bear the consequences in law of anything false or concealed.",
)
_UNDECLARED: Pair = ("请先阅读并勾选承诺，再提交。", "Read the declaration and tick it before you submit.")


@dataclass(frozen=True)
class Missing:
    """One thing that keeps it from being submitted, and the place that mends it."""

    text: Pair
    step: Pair
    address: str


@dataclass(frozen=True)
class Gap:
    """What is missing at one step; many are folded away under one link."""

    step: Pair
    address: str
    missing: tuple[Missing, ...]

    @property
    def is_folded(self) -> bool:
        """Too many to be read one by one."""
        return len(self.missing) > _FOLDED_FROM


_FOLDED_FROM = 4


@dataclass(frozen=True)
class Part:
    """What was filled in at one step, to read through."""

    step: steps.Step
    facts: tuple[Fact, ...]


@wizard.step_page
def submit(request: HttpRequest, application: Application) -> HttpResponse:
    """Everything on one page; POST with the declaration makes the cases."""
    if request.method != "POST":
        return _page(request, application)
    if application.state != Application.State.SUBMITTED and request.POST.get("declared") != "yes":
        return _page(request, application, 422, undeclared=_UNDECLARED)
    try:
        cases = _submit(request, application)
    except (StaleRevision, BadForm, WrongStep) as error:
        application.refresh_from_db()
        said = _SAID.get(type(error), (error.detail_zh, error.detail_en))
        return _page(request, application, error.http_status, refused=said)
    if len(cases) == 1 and cases[0].applicant_account_id == wizard.principal_of(request).user_id:
        return redirect(f"/hall/cases/{cases[0].number}")
    return redirect(wizard.receipt_address(application))


_CHANGED: Pair = (
    "打开这一页以后，申请的内容在别处改过。下面已是改后的内容，请重新核对再提交。",
    "The application was changed elsewhere since this page was opened. Below it stands as it is now: read it again.",
)
_INCOMPLETE: Pair = ("还不能提交，请先补齐下面所列各项。", "It cannot be submitted yet: mend what is listed below.")

_SAID: Mapping[type, Pair] = {StaleRevision: _CHANGED, BadForm: _INCOMPLETE}


def _submit(request: HttpRequest, application: Application) -> list[Case]:
    """Submit, and put on record what was declared. A page sent twice finds the same cases.

    Raises
    ------
    UnknownCase, StaleRevision, WrongStep, BadForm
    """
    principal = wizard.principal_of(request)
    is_first = application.state == Application.State.DRAFT
    cases = services.submit(principal, application.pk, wizard.posted_revision(request))
    if is_first:
        with transaction.atomic():
            audit.record(principal, "application-declared", "application", application.pk, declaration=DECLARATION[0],
                         cases=[one.number for one in cases])  # fmt: skip
    return cases


def _page(request: HttpRequest, application: Application, status: int = 200, **more: Any) -> HttpResponse:
    principal = wizard.principal_of(request)
    definitions = definitions_of(application)
    rows = papers.rows(principal, application, {})
    found = steps.steps_of(application, STEP, definitions)
    return wizard.show(
        request, application, STEP, "matters/hall/submit.html", status, gaps=gaps(missing(application, found)),
        parts=parts(application, definitions, found), rows=rows, declaration=DECLARATION,
        has_checks=any(one.rules for one in definitions), findings=findings.findings(principal, application),
        materials_address=next((one.address for one in found if one.code == "materials"), ""),
        to_answer=Case.objects.filter(application=application, state=Case.State.CORRECTING).order_by("pk"), **more,
    )  # fmt: skip


# -- what is missing -----------------------------------------------------------------------------------------------------


def missing(application: Application, found: Sequence[steps.Step]) -> list[Missing]:
    """What keeps it from being submitted, each with the place that mends it."""
    try:
        require_ready(application, _editions(application))
    except BadForm as error:
        return [_missing(one, found) for one in error.context.get("faults", ())]
    except WrongStep as error:  # a matter was closed meanwhile
        return [Missing((error.detail_zh, error.detail_en), found[0].title, found[0].address)]
    return []


def gaps(found: Sequence[Missing]) -> list[Gap]:
    """What is missing by step."""
    by_step: dict[Pair, list[Missing]] = {}
    for one in found:
        by_step.setdefault(one.step, []).append(one)
    return [Gap(step, some[0].address, tuple(some)) for step, some in by_step.items()]


def _editions(application: Application) -> Iterable[MatterEdition]:
    cases = list(application.cases.select_related("edition__matter").order_by("pk"))
    return [one.edition for one in cases] or applied_for(list(application.matters), application.division_code)


def _missing(fault: Mapping[str, Any], found: Sequence[steps.Step]) -> Missing:
    name = str(fault["field"])
    page = asked.page_of(name, list(found))
    rest = name.partition(".")[2]
    places = {"form": f"?check=1#id_{name}", "materials": f"#kind-{rest}", "applicant": f"#id_{rest}",
              "project": f"#id_{rest}"}  # fmt: skip
    place = places.get(page.code, "")
    return Missing((str(fault["zh"]), str(fault["en"])), page.title, f"{page.address}{place}")


# -- what to read through ------------------------------------------------------------------------------------------------


def parts(application: Application, definitions: Sequence[Definition], found: Sequence[steps.Step]) -> list[Part]:
    """Applicant, project, plot and form as they will be submitted."""
    facts = {
        "applicant": _applicant(application), "project": _project(application), "plot": _plot(application),
        "form": _form(application, definitions),
    }  # fmt: skip
    return [Part(one, facts[one.code]) for one in found if one.code in facts]


def _applicant(one: Application) -> tuple[Fact, ...]:
    kinds = {"person": ("个人", "A person"), "organisation": ("单位", "An organisation")}
    return (
        Fact(("申请人类型", "Kind"), kinds.get(one.applicant_kind, ("", ""))),
        Fact(("名称", "Name"), one.applicant_name),
        Fact(("证件号码", "Code"), one.applicant_code_masked, "code"),
    )


def _project(one: Application) -> tuple[Fact, ...]:
    return (
        Fact(("投资项目代码", "Code of the project"), one.project_code, "code"),
        Fact(("项目名称", "Name"), one.project_name),
    )


def _plot(one: Application) -> tuple[Fact, ...]:
    if one.plot_area_m2 is None:
        return ()
    area = findings.area_words(one.plot_area_m2)
    said = (f"{area.m2} 平方米 · {area.ha} 公顷 · {area.mu} 亩", f"{area.m2} m² · {area.ha} ha · {area.mu} mu")
    return Fact(("用地面积", "Area"), said), Fact(("范围来源", "Source"), one.plot_source)


def _form(one: Application, definitions: Sequence[Definition]) -> tuple[Fact, ...]:
    return tuple(
        Fact((field.title_zh, field.title_en), answers.shown_value(field, one.form[field.name]))
        for field in fields_of(definitions)
        if one.form.get(field.name) not in (None, "", [], {})
    )


# -- after it ------------------------------------------------------------------------------------------------------------


@require_safe
@never_cache
@login_needed
def receipt(request: HttpRequest, application_id: int) -> HttpResponse:
    """What was submitted and under which numbers; to be printed."""
    application = services.application_of(wizard.principal_of(request), application_id)
    if application.state == Application.State.DRAFT:
        return redirect(steps.home(application))
    cases = list(application.cases.select_related("matter").order_by("pk"))
    return render(request, "matters/hall/receipt.html", {
        "application": application, "place": wizard.place_name(application.division_code),
        "cases": [{"case": one, "state": state_badge(one)} for one in cases],
    })  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_needed
def discard(request: HttpRequest, application_id: int) -> HttpResponse:
    """Give up a draft, after saying what is lost; given up already it leads to the list."""
    principal = wizard.principal_of(request)
    application = services.application_of(principal, application_id)
    if application.state == Application.State.SUBMITTED:
        return redirect(wizard.receipt_address(application))
    if request.method == "POST" or application.state == Application.State.DISCARDED:
        if application.state == Application.State.DRAFT:
            services.discard(principal, application.pk)
        return redirect("/hall/mine/")
    return render(request, "matters/hall/discard.html", {
        "application": application, "matters": [wizard.matter_name(one) for one in definitions_of(application)],
        "place": wizard.place_name(application.division_code),
        "papers": application.materials.filter(is_withdrawn=False).count(),
    })  # fmt: skip
