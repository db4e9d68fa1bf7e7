"""Earlier approvals and running cases: found by plot or project code, in force, measured, and without losing the rest."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import shapely

pytestmark = pytest.mark.django_db
PROJECT = "2026-990101-47-01-000123"


def plot(shift: float = 0.0) -> shapely.Geometry:
    return shapely.box(113.01 + shift, 34.51, 113.012 + shift, 34.512)


def found(application_id: int = 0, case_id: int = 0, project: str = PROJECT, where: Any = None) -> list[dict[str, Any]]:
    from kunyu.engines.matters.rules import earlier
    from kunyu.engines.matters.rules.looking import square_metres
    from kunyu.kernel.geodesy import area_of_lonlat

    where = plot() if where is None else where
    area = square_metres(float(area_of_lonlat([where])[0]))
    return list(earlier.find(earlier.Sought(application_id, case_id, project, where, area, date(2026, 11, 23))))


def test_what_touches_the_plot_or_bears_the_code() -> None:
    """Half over the plot, elsewhere with the code, elsewhere without: the first two; areas are those of shapely."""
    from kunyu.engines.matters.rules.tests.applications import case, matter
    from kunyu.kernel.geodesy import area_of_lonlat

    edition = matter("S-001")
    half = case(edition, plot(0.001), state="granted", project_code="P-1", licence_number="用字第1号")
    far = case(edition, plot(0.02), project_code=PROJECT, form={"use_code": "0701"})
    case(edition, plot(0.01), project_code="P-2")
    first, second = found()
    assert (first["number"], first["case"], first["kind"], first["matter"]) == (
        "用字第1号",
        half.number,
        "approval",
        "S-001",
    )
    shared = float(area_of_lonlat([shapely.intersection(plot(), plot(0.001))])[0])
    assert float(first["shared_m2"]) == pytest.approx(shared, abs=0.006)
    assert first["shared_m2"] + first["outside_m2"] == Decimal(str(round(float(area_of_lonlat([plot()])[0]), 2)))
    assert first["decided_on"] == "2026-11-20"
    assert (second["number"], second["kind"], second["use_code"], second["shared_m2"]) == (
        far.number,
        "running",
        "0701",
        0,
    )


@pytest.mark.parametrize("state", ["refused", "not_accepted", "withdrawn", "revoked"])
def test_what_ended_without_an_approval_does_not_count(state: str) -> None:
    from kunyu.engines.matters.rules.tests.applications import case, matter

    case(matter("S-001"), plot(), state=state, project_code=PROJECT)
    assert found() == []


def test_its_own_application_does_not_stand_against_it_but_its_granted_sibling_does_count() -> None:
    """One application for two matters: the running sibling is no other case; the granted one comes before."""
    from kunyu.engines.matters.rules.tests.applications import case, matter

    first = case(matter("S-001"), plot(), project_code=PROJECT)
    second = case(matter("S-002"), plot(), application=first.application, project_code=PROJECT)
    assert found(first.application_id, second.pk) == []
    type(first).objects.filter(pk=first.pk).update(state="granted", closed_at=first.submitted_at)
    (sibling,) = found(first.application_id, second.pk)
    assert (sibling["case"], sibling["is_together"]) == (first.number, True)
    assert [one["is_together"] for one in found()] == [False, False], "asked by somebody else's application"
    assert found(first.application_id, first.pk) == []


def test_a_licence_that_no_longer_holds_is_no_approval() -> None:
    """Past its last day or revoked: the case behind it is left out; a licence without a case here is found by the code."""
    from kunyu.engines.documents.models import Licence
    from kunyu.engines.matters.rules.tests.applications import case, matter

    case(matter("S-001"), plot(), state="granted", project_code=PROJECT, licence_number="用字第1号")
    shared: dict[str, Any] = {
        "kind": "land_review_opinion", "type_code": "x", "issuer_code": "x", "issuer_zh": "局", "holder_name": "某",
        "holder_kind": "organisation", "project_code": PROJECT, "subject": "", "division_code": "990101",
        "issued_on": date(2023, 11, 22), "state": "issuing",
    }  # fmt: skip
    kept = Licence.objects.create(key="a", number="用字第1号", identifier="a", valid_to=date(2026, 11, 23), **shared)
    assert [one["number"] for one in found()] == ["用字第1号"]
    Licence.objects.filter(pk=kept.pk).update(valid_to=date(2026, 11, 22))
    assert found() == []
    Licence.objects.create(key="b", number="农转用〔2026〕1号", identifier="b", facts={"matter": "S-002"}, **shared)
    (only,) = found()
    assert (only["number"], only["matter"], only["kind"], only["plot"], only["shared_m2"]) == (
        "农转用〔2026〕1号",
        "S-002",
        "approval",
        None,
        None,
    )
    assert found(project="") == []


def test_too_many_and_failing_leave_the_other_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that need earlier approvals are not checked, with the reason; the others stand; the transaction too."""
    from kunyu.engines.matters.rules import earlier
    from kunyu.engines.matters.rules.checking import run_checks
    from kunyu.engines.matters.rules.tests.applications import application, case, matter, somebody

    edition = matter("S-001", "C-18", "C-23")
    for _ in range(3):
        case(edition, plot(), project_code="P-9")
    about = application(plot(), "S-001", form={"use_code": "0701"})
    who = somebody("t-nobody")
    monkeypatch.setattr(earlier, "MOST", 2)
    many = {one.rule: (one.state, one.reason) for one in run_checks(who, about).answers.all()}
    assert many == {"C-18": ("not_checked", "too_many"), "C-23": ("clear", "")}
    monkeypatch.setattr(earlier, "_CASES", "SELECT 1/0")
    failed = {one.rule: (one.state, one.reason) for one in run_checks(who, about).answers.all()}
    assert failed == {"C-18": ("not_checked", "failed"), "C-23": ("clear", "")}
