"""The steps of an application, which of them are done, and where each stands. 申报步骤.

Whether a step is done is asked of what is kept, never remembered: a change of the matters' edition or a withdrawn
material opens it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kunyu.engines.matters.cases.ready import missing_materials
from kunyu.engines.matters.definitions.forms import check_form, fields_of
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.materials.kinds import definitions_of
from kunyu.engines.matters.models import Application, Case
from kunyu.engines.pages.words import Pair

TITLES: dict[str, Pair] = {
    "applicant": ("申请人", "Applicant"),
    "project": ("项目", "Project"),
    "plot": ("用地范围", "Plot"),
    "form": ("填表", "Form"),
    "materials": ("材料", "Materials"),
    "submit": ("核对提交", "Submit"),
}
"""Every step in the order in which it is taken."""


@dataclass(frozen=True)
class Step:
    """One step. ``is_current``: the page shown, or, where none is named, the first that is not done."""

    code: str
    title: Pair
    address: str
    is_done: bool
    is_current: bool


def home(application: Application) -> str:
    """The address that leads to the first step that is not done."""
    return f"/hall/applications/{application.pk}/"


def steps_of(
    application: Application, current: str = "", definitions: Sequence[Definition] | None = None
) -> list[Step]:
    """The steps this application needs, in order.

    Parameters
    ----------
    current
        Code of the step whose page is shown; '' marks the first that is not done.
    definitions
        Of its matters, where the caller has them already.

    Raises
    ------
    UnknownMatter, BadMatter
        A matter of the application is gone from the catalogue; two forms contradict each other.
    """
    wanted = definitions_of(application) if definitions is None else definitions
    done = {code: _is_done(code, application, wanted) for code in TITLES if _is_needed(code, wanted)}
    marked = current if current in done else next((code for code, is_done in done.items() if not is_done), "submit")
    return [
        Step(code, TITLES[code], f"{home(application)}{code}", is_done, code == marked)
        for code, is_done in done.items()
    ]


def next_of(steps: Sequence[Step], code: str) -> str:
    """The address of the step after ``code``; the last one's own."""
    codes = [one.code for one in steps]
    return steps[min(codes.index(code) + 1, len(steps) - 1)].address


def before(steps: Sequence[Step], code: str) -> str:
    """The address of the step before ``code``; '' for the first."""
    place = [one.code for one in steps].index(code)
    return steps[place - 1].address if place else ""


def is_open(application: Application) -> bool:
    """May what was filled in be changed: a draft, or a correction is asked for?"""
    if application.state == Application.State.DRAFT:
        return True
    return application.state == Application.State.SUBMITTED and correcting(application) is not None


def correcting(application: Application) -> Case | None:
    """A case of the application that waits for a correction."""
    return Case.objects.filter(application=application, state=Case.State.CORRECTING).order_by("pk").first()


def _is_needed(code: str, wanted: Sequence[Definition]) -> bool:
    if code == "project":
        return any(one.needs_project for one in wanted)
    if code == "plot":
        return any(one.needs_plot for one in wanted)
    if code == "form":
        return bool(fields_of(wanted))
    return code != "materials" or any(one.materials for one in wanted)


def _is_done(code: str, one: Application, wanted: Sequence[Definition]) -> bool:
    if code == "applicant":
        return bool(one.applicant_name and one.applicant_kind and one.applicant_code_masked)
    if code == "project":
        return bool(one.project_code)
    if code == "plot":
        return one.plot_area_m2 is not None
    if code == "form":
        # a form without required answers is done once it was saved, not before it was opened
        return bool(one.form) and not check_form(wanted, one.form)
    if code == "materials":
        return not any(missing_materials(one, definition) for definition in wanted)
    return one.state == Application.State.SUBMITTED and correcting(one) is None
