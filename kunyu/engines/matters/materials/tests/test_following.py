"""A case checked while its materials were being read is checked again once they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kunyu.engines.matters.materials.tests import samples

if TYPE_CHECKING:
    from kunyu.engines.matters.materials.tests.conftest import Desk

pytestmark = pytest.mark.django_db


def states(case: object) -> list[tuple[str, str, str]]:
    from kunyu.engines.matters.cases import checks

    newest = checks.newest(case)  # type: ignore[arg-type]
    assert newest is not None
    return sorted(newest.answers.filter(rule__in=["MA-01", "MA-04"]).values_list("rule", "state", "reason"))


def test_what_waited_is_checked_again(desk: Desk) -> None:
    from kunyu.engines.matters.cases import people
    from kunyu.engines.matters.materials.tasks import read_material
    from kunyu.engines.matters.models import Check
    from kunyu.engines.matters.rules.checking import run_checks

    first = desk.take(samples.form_pdf())
    second = desk.take(samples.form_pdf(samples.other(hectares="4")), kind="identity")
    case = desk.open_case()
    run_checks(people.system(), desk.application, case)
    assert states(case) == [("MA-01", "clear", ""), ("MA-04", "not_checked", "reading")]
    read_material(first.pk)
    assert Check.objects.filter(case=case).count() == 1, "another material still waits"
    read_material(second.pk)
    assert states(case) == [("MA-01", "clear", ""), ("MA-04", "clear", "")]
    read_material(second.pk)
    assert Check.objects.filter(case=case).count() == 2, "nothing waits any more"


def test_the_answers_are_the_same_when_asked_again(desk: Desk) -> None:
    """A replay of a check with materials gives the same digest."""
    from kunyu.engines.matters.cases import people
    from kunyu.engines.matters.rules.checking import replay, run_checks

    desk.read(desk.take(samples.form_pdf()))
    check = run_checks(people.system(), desk.application, desk.open_case())
    digest, is_same = replay(check)
    assert (digest, is_same) == (check.digest, True)
