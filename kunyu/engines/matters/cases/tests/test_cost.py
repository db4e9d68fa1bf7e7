"""What a case costs the database: statements do not come back unseen, and what never changes is read once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kunyu.engines.matters.cases import queries, services
from kunyu.engines.matters.cases.tests.world import SITE, World
from kunyu.engines.matters.models import Case, CaseEvent, CaseFlow

pytestmark = pytest.mark.django_db


def statements(captured: CaptureQueriesContext, *parts: str) -> list[str]:
    found: list[dict[str, Any]] = captured.captured_queries
    return [one["sql"] for one in found if all(part in one["sql"] for part in parts)]


def test_a_new_case_is_written_once(world: World) -> None:
    """One INSERT and no UPDATE of what was just inserted; revision, stage and first event as if it had been."""
    one = world.application()
    with CaptureQueriesContext(connection) as captured:
        (case,) = services.submit(world.as_("applicant"), one.pk)
    assert len(statements(captured, 'INSERT INTO "matters_case" ')) == 1
    assert statements(captured, 'UPDATE "matters_case" ') == []
    kept = Case.objects.get(pk=case.pk)
    assert (kept.revision, kept.stage) == (1, "acceptance")
    assert list(CaseEvent.objects.filter(case=kept).values_list("sequence", "act")) == [(1, "submitted")]
    assert CaseFlow.objects.get(case=kept).waiting == ["acceptance"]


def test_what_is_long_of_an_edition_is_read_once(world: World) -> None:
    """The second application of a process reads neither definition nor flow of an edition it knows."""
    world.submitted()
    with CaptureQueriesContext(connection) as captured:
        services.begin(world.as_("applicant"), [SITE], world.application().division_code, "second-click")
    found = statements(captured, 'FROM "matters_matteredition"')
    assert found
    assert not [sql for sql in found if '"matters_matteredition"."definition"' in sql.partition(" FROM ")[0]]
    assert not [sql for sql in found if '"matters_matteredition"."flow"' in sql]


def test_a_page_joins_only_what_it_shows(world: World) -> None:
    """Keys are chosen first; matter and holder come with the chosen rows, without a further query for each."""
    cases = {world.submitted().pk, world.submitted().pk}
    with CaptureQueriesContext(connection) as captured:
        page = queries.listed(world.as_("clerk"), queries.Filter("todo"))
        shown = {(one.pk, one.matter.code, one.assignee) for one in page.cases}
    assert shown == {(pk, SITE, None) for pk in cases}
    (chosen,) = statements(captured, 'FROM "matters_case"')
    assert "LIMIT" in chosen and "JOIN" not in chosen.partition(" IN (SELECT ")[2]
