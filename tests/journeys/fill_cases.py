"""Make a journeys' node ready for cases: shipped matters, the bureau's seal, one case that waits for its decision.

Run as a program with the node's environment, after ``fill_node.py``. Prints, as JSON, the number of that case and everything
an applicant of the demonstration needs to know to apply himself: two plots on real parcels, answers, applicant and project.
"""

from __future__ import annotations

import json
from typing import Any

import django

django.setup()

from django.utils import timezone  # noqa: E402

from kunyu.engines.documents.seals import demonstration  # noqa: E402
from kunyu.engines.matters.definitions.editions import definition_of, edition_in_use  # noqa: E402
from kunyu.engines.matters.definitions.forms import fields_of  # noqa: E402
from kunyu.engines.matters.definitions.shipped import load  # noqa: E402
from kunyu.engines.security.scope import operator  # noqa: E402
from kunyu.project.sample_cases.answers import answers_of  # noqa: E402
from kunyu.project.sample_cases.clock import lived_through  # noqa: E402
from kunyu.project.sample_cases.courses import PERMIT, REVIEW, Course, End  # noqa: E402
from kunyu.project.sample_cases.land import Land, Plot  # noqa: E402
from kunyu.project.sample_cases.people import COUNTY, Cast, cast  # noqa: E402
from kunyu.project.sample_cases.preparing import fill_in, subject_of  # noqa: E402
from kunyu.project.sample_cases.walking import walk  # noqa: E402

SEED = 20
WAITING, APPLIED_FOR = 0, 1


def awaiting_decision(people: Cast, land: Land) -> str:
    """The number of a case that has come to its decision."""
    course = Course((REVIEW,), "field", End.DECIDING)
    plot = land.plot(course.land, WAITING)
    today = timezone.localdate()
    subject = subject_of(course, plot, WAITING, SEED, today.year)
    with lived_through():
        application = fill_in(people.applicant, course, "journeys:waiting", subject, plot, today)
        return str(walk(people, course, application, WAITING)[0].number)


def asked_for(land: Land) -> dict[str, Any]:
    """What a journey types: for two matters together, on a plot of its own."""
    course = Course((REVIEW, PERMIT), "town", End.FILLED)
    plot, today = land.plot(course.land, APPLIED_FOR), timezone.localdate()
    subject = subject_of(course, plot, APPLIED_FOR, SEED, today.year)
    definitions = [definition_of(edition_in_use(code, COUNTY)) for code in course.matters]
    answers = answers_of(course, subject, plot, today, {field.name for field in fields_of(definitions)})
    return {
        "corners": corners(plot), "area_m2": plot.area_m2, "answers": answers, "applicant": subject.applicant,
        "project": {"code": subject.project_code, "name": subject.project_name},
    }  # fmt: skip


def corners(plot: Plot) -> list[tuple[float, float]]:
    """Longitude and latitude of each corner, the first not repeated."""
    return [(float(x), float(y)) for x, y in plot.geometry.exterior.coords[:-1]]


def main() -> None:
    load(operator("journeys"))
    assert demonstration.ensure() is not None
    people, land = cast(), Land(operator("journeys"), COUNTY, SEED)
    print(json.dumps({"waiting": awaiting_decision(people, land), **asked_for(land)}))


main()
