"""The step of the form: one for all chosen matters, kept at any time, checked on the way on. 填表 (一网申报、一张表单)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from kunyu.engines.matters.definitions.form_faults import Fault
from kunyu.engines.matters.definitions.forms import check_form, fields_of
from kunyu.engines.matters.hall import answers, wizard
from kunyu.engines.matters.materials.kinds import definitions_of
from kunyu.engines.matters.models import Application

STEP = "form"


@wizard.step_page
def form(request: HttpRequest, application: Application) -> HttpResponse:
    """Every field that the chosen matters ask; 暂存 keeps what there is, 下一步 keeps it and checks it."""
    definitions = definitions_of(application)
    fields = fields_of(definitions)
    if request.method != "POST":
        wants_faults = "check" in request.GET  # from the last page, where what is missing is listed
        found = check_form(definitions, application.form) if wants_faults else []
        return _page(request, application, answers.Sheet(application.form, found))
    typed = answers.read(fields, request.POST)
    refused = wizard.keep(request, application, form=typed)
    if refused:
        return _page(request, application, answers.Sheet(typed, (), application.form), refused, 409)
    if "show" in request.POST:  # without scripts: the next list of divisions
        return _page(request, application, answers.Sheet(typed))
    found = [] if "later" in request.POST else check_form(definitions, typed)
    if found:
        return _page(request, application, answers.Sheet(typed, found), status=422)
    return wizard.go_on(request, application, STEP)


def _page(
    request: HttpRequest, application: Application, sheet: answers.Sheet, refused: list[dict[str, Any]] | None = None,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    definitions = definitions_of(application)
    fields = fields_of(definitions)
    names = {one.name for one in fields}
    return wizard.show(
        request, application, STEP, "matters/hall/form.html", status,
        sections=answers.sections(definitions, fields, sheet), faults=sheet.faults, refused=refused or [],
        loose=[_pair(one) for one in sheet.faults if one.field not in names],
        has_division=any(one.type == "division" for one in fields),
    )  # fmt: skip


def _pair(one: Fault) -> tuple[str, str]:
    return one.zh, one.en
