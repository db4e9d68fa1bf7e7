"""Fill a sample application in: applicant, project, plot, form, materials handed in and read; not submitted. 样例申请."""

from __future__ import annotations

import io
from datetime import date

from django.db import transaction

from kunyu.engines.matters.cases import ready, services
from kunyu.engines.matters.definitions.editions import definition_of, edition_in_use
from kunyu.engines.matters.definitions.forms import fields_of
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.materials.reading import read
from kunyu.engines.matters.materials.taking import take
from kunyu.engines.matters.models import Application
from kunyu.engines.security.scope import Principal
from kunyu.project.sample_cases.answers import answers_of
from kunyu.project.sample_cases.courses import RURAL, Course, End
from kunyu.project.sample_cases.land import Plot
from kunyu.project.sample_cases.papers import papers_of
from kunyu.project.sample_cases.people import COUNTY
from kunyu.project.sample_cases.subjects import Subject, project_subject, villager


def subject_of(course: Course, plot: Plot, number: int, seed: int, year: int) -> Subject:
    """Who applies: a villager for a house, an organisation with a project for everything else."""
    if RURAL in course.matters:
        return villager(number, seed)
    return project_subject(number, seed, plot.planned_use, year)


@transaction.atomic
def fill_in(me: Principal, course: Course, key: str, subject: Subject, plot: Plot, today: date) -> Application:
    """Begin and fill in; begun before, it is filled in again with the same.

    In one transaction: the job that reads materials sees them when they are read already, and no second process of the node
    reads them meanwhile.
    """
    one = services.begin(me, list(course.matters), COUNTY, key)
    if one.state != Application.State.DRAFT or course.end == End.DRAFT:
        return one
    definitions = [definition_of(edition_in_use(code, COUNTY)) for code in course.matters]
    asked = {field.name for field in fields_of(definitions)}
    project = {"code": subject.project_code, "name": subject.project_name}
    services.save(
        me, one.pk, form=answers_of(course, subject, plot, today, asked), plot=plot.geometry, plot_source="样例：取自图斑",
        applicant=subject.applicant, project=project if subject.project_code else None,
    )  # fmt: skip
    one.refresh_from_db()
    _hand_in(me, one, definitions, subject, plot, today)
    return one


def _hand_in(
    me: Principal, one: Application, definitions: list[Definition], subject: Subject, plot: Plot, today: date
) -> None:
    missing = {kind.code: kind for each in definitions for kind in ready.missing_materials(one, each)}
    if not missing:
        return
    papers = papers_of([kind.name_zh for kind in missing.values()], subject, plot, today)
    for kind, paper in zip(missing.values(), papers, strict=True):
        material = take(me, one.pk, kind.code, f"{kind.name_zh}.pdf", io.BytesIO(paper))
        read(material.pk)
