"""Sample cases pass through the services of real ones, come out the same each time, and enter no node of production."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from kunyu.engines.documents.models import Licence
from kunyu.engines.documents.verifying import verify
from kunyu.engines.matters.cases.clock import Colour, colour
from kunyu.engines.matters.models import Application, Case, CaseEvent
from kunyu.engines.security import scope
from kunyu.engines.security.services import ensure_demo_accounts
from kunyu.kernel.errors import Refused
from kunyu.project.sample_cases.courses import COURSES
from kunyu.project.sample_cases.making import make_cases
from tests.matters.world import Bureau

pytestmark = pytest.mark.django_db
ACTORS = {"applicant", "clerk", "examiner", "reviewer", "decider"}


@pytest.fixture
def demonstration(bureau: Bureau) -> None:
    """The demonstration's people in the bureau of the tests' county."""
    ensure_demo_accounts("a-long-password", scope.operator("tests"))


@pytest.mark.long
def test_they_show_every_state_with_clocks_and_sealed_licences(demonstration: None) -> None:
    """R-303, R-358: all states, all colours, on parcels of the county, done by those whose stages they are."""
    before = timezone.now
    report = make_cases(len(COURSES), seed=5, threads=0)
    assert timezone.now is before
    assert (report.applications, report.cases) == (24, 24)
    assert Counter(Case.objects.values_list("state", flat=True)) == report.states - Counter(draft=2)
    assert set(report.states) == {"draft", *Case.State.values} - {Case.State.DECIDED}
    today = timezone.localdate()
    shown = {colour(today, one.due_on, one.yellow_on, one.red_on) for one in Case.objects.filter(closed_at=None)}
    assert shown == set(Colour)
    assert set(CaseEvent.objects.values_list("actor", flat=True)) <= ACTORS
    assert all("（样例）" in one.applicant_name for one in Case.objects.all())
    licences = Licence.objects.all()
    assert Counter(verify(one.number).answer for one in licences) == {"valid": 6, "revoked": 1}
    assert all(one.pdf is not None and one.pdf.is_sealed for one in licences)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM matters_case WHERE plot IS NULL OR NOT ST_IsValid(plot)")
        assert cursor.fetchone() == (0,)
        # houses share the only village of this small county; everybody else has land of his own
        cursor.execute("SELECT count(*) - count(DISTINCT ST_AsBinary(plot)) FROM matters_application "
                       "WHERE plot IS NOT NULL AND NOT matters @> '[\"S-008\"]'")  # fmt: skip
        assert cursor.fetchone() == (0,)
    for case in Case.objects.all():
        moments = list(CaseEvent.objects.filter(case=case).order_by("sequence").values_list("at", flat=True))
        assert moments == sorted(moments) and moments[0].date() < today

    again = make_cases(len(COURSES), seed=5, threads=0)
    assert (again.applications, again.cases, again.there_already) == (0, 0, 24)
    assert Application.objects.count() == 24


def test_production_and_nodes_without_the_demonstration_refuse(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="applicant"):
        make_cases(1, threads=0)
    monkeypatch.setenv("KUNYU_PRODUCTION", "1")
    with pytest.raises(Refused, match="生产节点"):
        make_cases(1, threads=0)
    assert not Application.objects.exists()


def test_the_same_seed_asks_for_the_same(demonstration: None) -> None:
    """Deterministic: made, thrown away and made again, applicant, project and plot are the same."""
    from django.db import transaction

    def made() -> list[Any]:
        with transaction.atomic():
            make_cases(2, seed=7, threads=0)
            found = [
                (one.applicant_name, one.applicant_code, one.project_code, one.plot_area_m2, one.form)
                for one in Application.objects.order_by("key")
            ]
            transaction.set_rollback(True)
        return found

    first = made()
    assert len(first) == 2 and made() == first
