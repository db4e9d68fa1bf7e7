"""A check over the real map: three states, each with versions and geometry; one failure loses nothing else; replays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import shapely

if TYPE_CHECKING:
    from kunyu.engines.analysis.tests.county import People
    from kunyu.engines.matters.models import Check, CheckAnswer

pytestmark = pytest.mark.django_db
RED_RULES = ("C-02", "C-03", "C-13")


def hit_plot() -> shapely.Geometry:
    """Over the western red line zone, away from its hole; 4 whole parcels and more."""
    return shapely.box(113.0001, 34.5001, 113.0021, 34.5021)


def free_plot() -> shapely.Geometry:
    return shapely.box(113.0201, 34.5101, 113.0221, 34.5121)


def check(people: People, plot: shapely.Geometry | None, *rules: str, who: str = "steward", **more: Any) -> Check:
    from kunyu.engines.matters.rules.checking import run_checks
    from kunyu.engines.matters.rules.tests.applications import application, matter

    matter("T-1", *rules)
    moment = {name: more.pop(name) for name in ("valid_at", "known_at") if name in more}
    return run_checks(people.principals[who], application(plot, "T-1", **more), **moment)


def answers(found: Check) -> dict[str, CheckAnswer]:
    return {one.rule: one for one in found.answers.all()}


def place_of(answer: CheckAnswer) -> shapely.Geometry | None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_AsBinary(place) FROM matters_checkanswer WHERE id = %s", [answer.pk])
        found = cursor.fetchone()[0]
    return shapely.from_wkb(bytes(found)) if found else None


@pytest.fixture
def own_rule() -> Iterator[Any]:
    """Declares a rule for one test."""
    from kunyu.engines.matters.rules import registry

    registry.load_installed()
    before = dict(registry._rules)
    yield registry.rule
    registry._rules.clear()
    registry._rules.update(before)


def test_conflict_clear_and_open_with_versions_and_place(people: People) -> None:
    """The red line is taken: C-03 conflicts with the area shapely measures and its geometry; C-02 cannot tell core."""
    from kunyu.engines.analysis.tests.county import HOLED
    from kunyu.kernel.geodesy import area_of_lonlat

    found = check(people, hit_plot(), *RED_RULES, "C-05", form={"project_type": "urban"})
    said = answers(found)
    taken = Decimal(str(round(float(area_of_lonlat([shapely.intersection(HOLED, hit_plot())])[0]), 2)))
    assert (said["C-03"].state, said["C-03"].measured, said["C-03"].limit, said["C-03"].unit) == (
        "conflict",
        taken,
        1,
        "m²",
    )
    place = place_of(said["C-03"])
    assert place is not None
    assert float(area_of_lonlat([place])[0]) == pytest.approx(float(taken), abs=0.01)
    assert [(one["collection"], one["county"], one["number"]) for one in said["C-03"].versions] == [
        ("20201-001", "990101", 1)
    ]
    assert (said["C-02"].state, said["C-02"].reason, said["C-02"].measured) == ("not_checked", "core_unknown", taken)
    assert (said["C-13"].state, said["C-13"].reason) == ("not_checked", "no_ledger")
    assert (said["C-05"].state, said["C-05"].reason) == ("not_checked", "missing")
    assert "城镇开发边界" in said["C-05"].message_zh
    assert (found.conflicts, found.not_checked, found.clear) == (1, 3, 0)
    clear = check(people, free_plot(), "C-02", "C-03")
    assert {one.state for one in clear.answers.all()} == {"clear"}
    assert (clear.conflicts, clear.not_checked, clear.clear) == (0, 0, 2)


def test_the_check_is_on_record(people: People) -> None:
    from kunyu.engines.security.models import AuditEntry

    found = check(people, free_plot(), "C-02")
    entry = AuditEntry.objects.filter(action="application-checked").latest("id")
    assert (entry.actor, entry.object_kind, entry.object_id) == ("t-steward", "application", str(found.application_id))
    assert entry.detail["digest"] == found.digest


def test_nothing_asked_of_the_map_asks_nothing_of_it(people: People) -> None:
    """Without a plot everything that needs one is open; a broken plot is C-01's conflict and open for the others."""
    bare = answers(check(people, None, "C-01", "C-02", "C-18", "C-16", form={"use_code": "0701"}))
    assert {rule: (one.state, one.reason) for rule, one in bare.items()} == {
        "C-01": ("not_checked", "no_plot"), "C-02": ("not_checked", "no_plot"), "C-18": ("not_checked", "no_plot"),
        "C-16": ("not_checked", "no_plot"),
    }  # fmt: skip
    bow = shapely.Polygon([(113.001, 34.501), (113.003, 34.503), (113.003, 34.501), (113.001, 34.503)])
    broken = answers(check(people, bow, "C-01", "C-02"))
    assert broken["C-01"].state == "conflict"
    assert "自相交" in broken["C-01"].message_zh
    assert (broken["C-02"].state, broken["C-02"].reason) == ("not_checked", "bad_plot")


def test_c01_over_the_real_ground(people: People) -> None:
    """Inside the county: clear; across its border: conflict; declared area 2 % off: conflict."""
    assert answers(check(people, free_plot(), "C-01"))["C-01"].state == "clear"
    across = shapely.box(113.039, 34.51, 113.041, 34.512)
    assert answers(check(people, across, "C-01"))["C-01"].state == "conflict"
    off = answers(check(people, free_plot(), "C-01", form={"declared_area_m2": 41500}))["C-01"]
    assert (off.state, off.unit) == ("conflict", "%")


def test_a_rule_that_fails_loses_only_itself(people: People, own_rule: Any, caplog: pytest.LogCaptureFixture) -> None:
    from kunyu.engines.matters.rules import answers as answer

    @own_rule("T-01", clause="", name_zh="坏", name_en="Bad", weight="block")
    def bad(ask: Any) -> Any:
        """Divides by nothing."""
        return 1 / 0

    @own_rule("T-02", clause="", name_zh="无穷", name_en="Endless", weight="warn")
    def endless(ask: Any) -> Any:
        """Measures what no column holds."""
        return answer.clear("无", "None", measured=Decimal("Infinity"))

    @own_rule("T-03", clause="", name_zh="极大", name_en="Huge", weight="warn")
    def huge(ask: Any) -> Any:
        """Measures a number that somebody typed."""
        return answer.clear("大", "Huge", measured=Decimal("1e40"))

    said = answers(check(people, free_plot(), "T-01", "T-02", "T-03", "C-02", "T-99"))
    assert (said["T-02"].state, said["T-02"].reason) == ("not_checked", "failed")
    assert (said["T-03"].state, said["T-03"].measured) == ("clear", Decimal("9999999999999999.9999"))
    assert (said["T-01"].state, said["T-01"].reason) == ("not_checked", "failed")
    assert said["T-01"].message_zh == "规则 T-01 运行失败（ZeroDivisionError），未核验；详情见节点日志。"
    assert (said["T-99"].state, said["T-99"].reason) == ("not_checked", "no_rule")
    assert said["C-02"].state == "clear"
    assert any("T-01" in one.getMessage() for one in caplog.records)


def test_old_data_are_stale_for_a_rule_that_says_so(people: People, own_rule: Any) -> None:
    """A limit of 692 days takes data of 2024-12-31 on 2026-11-23; one of 691 does not. A conflict stays one."""
    from kunyu.engines.matters.rules.answers import Answer, Ask, clear, conflict

    def judge(ask: Ask) -> Answer:
        """Keeps off the red line."""
        line = ask.overlaps["20201-001"]
        if line.state == "not_checked":
            return line.unanswered()
        return conflict("占用", "Taken", "避让", "Move") if line.state == "conflict" else clear("不占用", "Free")

    for days in (692, 691):
        own_rule(
            f"T-{days}",
            clause="",
            name_zh="龄",
            name_en="Age",
            weight="block",
            layers=("20201-001",),
            max_age_days=days,
        )(judge)
    day = date(2026, 11, 23)
    said = answers(check(people, free_plot(), "T-691", "T-692", valid_at=day))
    assert (said["T-692"].state, said["T-691"].state, said["T-691"].reason) == ("clear", "not_checked", "stale")
    assert "692" in said["T-691"].message_zh
    assert answers(check(people, hit_plot(), "T-691", valid_at=day))["T-691"].state == "conflict"


def test_a_stopped_database_leaves_every_layer_open_and_is_waited_for_once(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layers' database refuses: not checked, failed; rules without layers stand; no wait for each layer."""
    import time

    from django.conf import settings

    from kunyu.engines.catalogue.served import serving

    serving.close_pools()
    monkeypatch.setattr(settings, "KUNYU_SERVE_DATABASE_URL", "postgresql://kunyu_serve@127.0.0.1:9/none")
    monkeypatch.setattr(serving, "WAIT_SECONDS", 2.0)
    begun = time.monotonic()
    try:
        said = answers(check(people, hit_plot(), *RED_RULES, "C-01", "C-23", form={"use_code": "0701"}))
    finally:
        serving.close_pools()
    assert time.monotonic() - begun < 2.0 * len((*RED_RULES, "C-01")), "one wait, not one for each rule"
    for rule in (*RED_RULES, "C-01"):
        assert (said[rule].state, said[rule].reason) == ("not_checked", "failed"), rule
    assert said["C-23"].state == "clear"
    monkeypatch.undo()
    assert answers(check(people, hit_plot(), "C-03"))["C-03"].state == "conflict"


def test_a_layer_the_serving_role_may_not_read_leaves_the_others(people: People, owner_dsn: str) -> None:
    """One table closed to the serving role: that layer is not checked, the survey still answers."""
    import psycopg

    table = "onemap.stbhhx_mnr_control_2021"
    with psycopg.connect(owner_dsn, autocommit=True) as owner:
        owner.execute("SET ROLE kunyu_onemap")
        owner.execute(f"REVOKE SELECT ON {table} FROM kunyu_serve")
        try:
            said = answers(check(people, hit_plot(), *RED_RULES))
        finally:
            owner.execute(f"GRANT SELECT ON {table} TO kunyu_serve")
    assert (said["C-03"].state, said["C-03"].reason) == ("not_checked", "failed")
    assert said["C-13"].reason == "no_ledger"
    assert answers(check(people, hit_plot(), "C-03"))["C-03"].state == "conflict"


def test_a_plot_with_too_many_records(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the interactive limit it is read in pieces with the same digest; above the bound it is not checked."""
    from kunyu.engines.analysis import overlap, tiling
    from kunyu.engines.analysis.settings import analysis_settings
    from kunyu.engines.matters.rules import looking

    wide, instant = shapely.box(113.0, 34.5, 113.012, 34.512), datetime.fromisoformat("2026-07-01T00:00:00+00:00")
    whole = check(people, wide, *RED_RULES, known_at=instant)
    few = replace(analysis_settings(), interactive_hits_max=10, job_chunk=7)
    monkeypatch.setattr(tiling, "analysis_settings", lambda: few)
    monkeypatch.setattr(overlap, "analysis_settings", lambda: few)
    tiled = check(people, wide, *RED_RULES, known_at=instant)
    values = [
        [(one.rule, one.state, one.measured, one.reason) for one in found.answers.all()] for found in (whole, tiled)
    ]
    assert values[0] == values[1]
    monkeypatch.setattr(looking, "RECORDS_MAX", 10)
    said = answers(check(people, wide, *RED_RULES, known_at=instant))
    assert (said["C-13"].state, said["C-13"].reason) == ("not_checked", "too_large")
    assert said["C-03"].state == "conflict"


def test_several_matters_keep_the_worse_answer(people: People) -> None:
    """One application for two matters: a rule both name is answered for each; the worse stands, once."""
    from kunyu.engines.matters.rules.checking import run_checks
    from kunyu.engines.matters.rules.tests.applications import application, matter

    first, second = matter("S-001", "TO-01", "C-02"), matter("S-006", "TO-01")
    found = run_checks(people.principals["steward"], application(free_plot(), "S-001", "S-006"))
    said = answers(found)
    assert sorted(said) == ["C-02", "TO-01"]
    assert said["TO-01"].state == "conflict"
    assert found.matter_code == "S-001+S-006"
    assert [one["edition"] for one in found.asked["matters"]] == [first.digest, second.digest]


def test_a_case_is_checked_by_the_edition_it_started_with(people: People) -> None:
    """A newer edition with more rules changes nothing for a running case; dates of its form are dates."""
    from kunyu.engines.matters.rules.checking import run_checks
    from kunyu.engines.matters.rules.tests.applications import case, matter

    first = matter("S-001", "C-02")
    running = case(first, free_plot())
    matter("S-001", "C-02", "C-03")
    found = run_checks(people.principals["steward"], running.application, running)
    assert [one.rule for one in found.answers.all()] == ["C-02"]
    assert (found.case, found.edition_digest, found.matter_code) == (running, first.digest, "S-001")


@pytest.mark.parametrize(
    "form", [{}, {"use_code": "0701", "project_type": "urban", "is_single_site": True, "prior_number": "?"}]
)
def test_no_rule_of_any_pack_fails_over_the_county(people: People, form: dict[str, Any]) -> None:
    """Every declared rule answers over a plot in conflict, one that is free, and without one; none raises."""
    from kunyu.engines.matters.rules.registry import every_rule

    rules = [one.id for one in every_rule() if one.id.split("-")[0] in ("C", "CH", "DU", "TO")]
    assert len(rules) == 31
    for plot in (hit_plot(), free_plot(), None):
        said = answers(check(people, plot, *rules, form=form))
        assert sorted(said) == sorted(rules)
        assert [rule for rule, one in said.items() if one.reason in ("failed", "no_rule")] == []
    missing = {rule for rule, one in answers(check(people, free_plot(), *rules)).items() if one.reason == "missing"}
    assert {"C-04", "C-08", "C-09", "C-12", "C-15", "C-19"} <= missing


def test_an_application_asked_the_same_again_has_one_check(people: People) -> None:
    """Same question, same versions, same day: the check that stands; another plot, form, asker or day makes another."""
    from kunyu.engines.matters.models import Application, Check
    from kunyu.engines.matters.rules.checking import replay, run_checks
    from kunyu.engines.matters.rules.tests.applications import application, matter, put_plot
    from kunyu.engines.security.models import AuditEntry

    matter("T-1", "C-03", "C-01")
    one, steward = application(hit_plot(), "T-1"), people.principals["steward"]
    first = run_checks(steward, one)
    assert [run_checks(steward, one).pk for _ in range(3)] == [first.pk] * 3
    assert replay(first) == (first.digest, True)
    entries = AuditEntry.objects.filter(action="application-checked", object_id=str(one.pk)).order_by("id")
    assert [entry.detail.get("again", False) for entry in entries] == [False, True, True, True]

    put_plot("matters_application", one.pk, free_plot())
    moved = run_checks(steward, one)
    assert moved.pk != first.pk
    Application.objects.filter(pk=one.pk).update(form={"declared_area_m2": 41_500})
    one.refresh_from_db()
    declared = run_checks(steward, one)
    assert declared.pk != moved.pk
    assert run_checks(steward, one).pk == declared.pk
    other = run_checks(people.principals["onlooker"], one)
    assert other.pk != declared.pk
    put_plot("matters_application", one.pk, hit_plot())
    assert run_checks(people.principals["onlooker"], one, valid_at=date(2025, 6, 1)).pk != other.pk
    assert Check.objects.filter(application=one).count() == 5


def test_a_new_version_of_a_layer_makes_another_check(people: People) -> None:
    """The same zones under another number: nothing else changed, yet the data behind the answer have."""
    from django.db.models import F

    from kunyu.engines.analysis.tests import county
    from kunyu.engines.catalogue.models import DatasetVersion
    from kunyu.engines.matters.rules.checking import run_checks
    from kunyu.engines.matters.rules.tests.applications import application, matter

    matter("T-1", "C-02")
    one, steward = application(free_plot(), "T-1"), people.principals["steward"]
    first = run_checks(steward, one)
    assert run_checks(steward, one).pk == first.pk
    DatasetVersion.objects.filter(layer__collection=county.RED_LINE, county="990101").update(number=F("number") + 1)
    second = run_checks(steward, one)
    assert second.pk != first.pk
    before, after = first.answers.get(), second.answers.get()
    assert before.state == after.state == "clear"
    assert [found["number"] + 1 for found in before.versions] == [found["number"] for found in after.versions]


def test_checks_of_a_case_are_each_kept(people: People) -> None:
    """Decisions name the check they stand on, and a corrected case must be seen to have been checked again."""
    from kunyu.engines.matters.rules.checking import run_checks
    from kunyu.engines.matters.rules.tests.applications import case, matter

    running, steward = case(matter("T-1", "C-03"), hit_plot()), people.principals["steward"]
    first, second = (run_checks(steward, running.application, running) for _ in range(2))
    assert first.pk != second.pk
