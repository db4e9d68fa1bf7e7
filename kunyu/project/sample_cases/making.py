"""Make sample cases: each application filled in, walked to its end, all of it or nothing. 生成样例办件.

Deterministic: the same map, seed and number give the same applicant, plot, form and course. Idempotent: what was made
with a seed bears its key, and is found again instead of being made a second time. Two threads fill in (reading the
materials is other processes' work) while the acts follow one another.
"""

from __future__ import annotations

import contextvars
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from django.db import connections, transaction
from django.utils import timezone

from kunyu.engines.matters.models import Application, Case
from kunyu.engines.security import scope
from kunyu.kernel.errors import Refused, UsageError
from kunyu.project.sample_cases.clock import at, lived_through, workdays_ago
from kunyu.project.sample_cases.courses import Course, End, course_of
from kunyu.project.sample_cases.land import Land, Plot
from kunyu.project.sample_cases.people import COUNTY, Cast, cast
from kunyu.project.sample_cases.preparing import fill_in, subject_of
from kunyu.project.sample_cases.walking import begun_ago, walk

MOST = 5_000
_UNSENT = (End.DRAFT, End.FILLED)


@dataclass
class Report:
    """What was made: new applications and cases, cases by state, applications that were there already, seconds."""

    applications: int = 0
    cases: int = 0
    there_already: int = 0
    seconds: float = 0.0
    states: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, object]:
        return {"applications": self.applications, "cases": self.cases, "there_already": self.there_already,
                "states": dict(sorted(self.states.items())), "seconds": round(self.seconds, 1)}  # fmt: skip


@dataclass(frozen=True)
class _Sample:
    number: int
    key: str
    course: Course
    plot: Plot


def make_cases(
    count: int, seed: int = 1, *, threads: int = 2, tell: Callable[[int, int], None] | None = None
) -> Report:
    """Make ``count`` sample applications with their cases.

    Parameters
    ----------
    threads
        That fill applications in beforehand; 0: in this one, for tests inside a transaction.
    tell
        Called with (done, count) after each.

    Raises
    ------
    UsageError, Refused
        A count beyond :data:`MOST`; a node of production, without the demonstration's people, or without its county.
    """
    if not 1 <= count <= MOST:
        raise UsageError(f"件数 {count} 应为 1–{MOST}。", f"The count {count} must be 1 to {MOST}.")
    refuse_in_production()
    begun, people, report = time.perf_counter(), cast(), Report()
    land = Land(scope.operator("sample"), COUNTY, seed)
    listed = [_sample(land, number, seed) for number in range(count)]
    done = set(Application.objects.filter(key__in=[one.key for one in listed]).values_list("key", flat=True))
    with lived_through():
        for place, (one, application) in enumerate(_filled(people, listed, done, seed, threads), 1):
            _finish(people, one, application, one.key in done, report)
            if tell:
                tell(place, count)
    report.seconds = time.perf_counter() - begun
    return report


def refuse_in_production() -> None:
    """Samples never enter a node of real people. Raises Refused."""
    if os.environ.get("KUNYU_PRODUCTION") == "1":
        raise Refused(
            "这是生产节点（KUNYU_PRODUCTION=1），不生成样例办件。请在演示或测试节点上执行。",
            "This is a node of production (KUNYU_PRODUCTION=1): no sample cases are made. Use a demonstration node.",
        )


def _sample(land: Land, number: int, seed: int) -> _Sample:
    course = course_of(number)
    return _Sample(number, f"sample-cases:{seed}:{number}", course, land.plot(course.land, number))


def _filled(
    people: Cast, listed: list[_Sample], done: set[str], seed: int, threads: int
) -> Iterator[tuple[_Sample, Application]]:
    """Each sample with its application filled in, in order; a few are filled in ahead."""
    if not threads:
        for one in listed:
            yield one, _fill_in(people, one, seed)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting = [
            (one, pool.submit(contextvars.copy_context().run, _fill_in_thread, people, one, seed)) for one in listed
        ]
        try:
            for one, future in waiting:
                yield one, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _fill_in_thread(people: Cast, one: _Sample, seed: int) -> Application:
    try:
        return _fill_in(people, one, seed)
    finally:
        connections.close_all()


def _fill_in(people: Cast, one: _Sample, seed: int) -> Application:
    today = timezone.localdate()
    subject = subject_of(one.course, one.plot, one.number, seed, today.year)
    # a draft is a few days old; what is submitted was begun the day it was, an hour before
    with at(workdays_ago(_filled_ago(one.course), people.since, minutes=-60)):
        return fill_in(people.applicant, one.course, one.key, subject, one.plot, today)


def _filled_ago(course: Course) -> float:
    return 3.0 if course.end in _UNSENT else begun_ago(course, COUNTY)


@transaction.atomic
def _finish(people: Cast, one: _Sample, application: Application, was_there: bool, report: Report) -> None:
    if application.state != Application.State.DRAFT or (was_there and one.course.end in _UNSENT):
        report.there_already += 1
        return
    cases: list[Case] = [] if one.course.end in _UNSENT else walk(people, one.course, application, one.number)
    report.applications += 1
    report.cases += len(cases)
    report.states.update([case.state for case in cases] or ["draft"])
