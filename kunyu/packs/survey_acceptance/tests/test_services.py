"""A round from the verdict to the decision, in every state, by the people who may (R-189)."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from kunyu.engines.ingest import services as deliveries
from kunyu.engines.ingest.errors import WrongStatus
from kunyu.engines.ingest.models import Delivery, Finding
from kunyu.engines.ingest.publish import publish
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.worklist.models import Notification, Task
from kunyu.kernel.outbox.models import Event
from kunyu.kernel.outbox.services import dispatch
from kunyu.packs.survey_acceptance import services
from kunyu.packs.survey_acceptance.errors import (
    AcceptanceNeeded,
    AlreadyDrawn,
    BadEntry,
    NotFinished,
    SamePerson,
    UnknownRound,
    WrongStep,
)
from kunyu.packs.survey_acceptance.models import AcceptanceRound, RoundEvent, SampleItem, SamplingPlan
from kunyu.packs.survey_acceptance.queries import plan_figures
from kunyu.packs.survey_acceptance.rules import policy as policies
from kunyu.packs.survey_acceptance.rules.judging import Judgement
from kunyu.packs.survey_acceptance.rules.population import Wanted, prove

pytestmark = pytest.mark.django_db(transaction=True)
RIGHT = Judgement(True, True, True)
INTERIOR, FIELD = Wanted("interior", "simple", seed=20261123), Wanted("field", "class", rate_percent=2.0, seed=7)


@pytest.fixture
def opened(delivered: Any) -> AcceptanceRound:
    """The round of a clean delivery."""
    return AcceptanceRound.objects.get(delivery=delivered())


def judge_all(principal: Any, one: AcceptanceRound, place: str, found: Judgement = RIGHT) -> None:
    for number in SampleItem.objects.filter(plan__round=one, plan__place=place).values_list("number", flat=True):
        services.judge(principal, one.pk, place, number, found)


def to_decision(one: AcceptanceRound, people: dict[str, Any]) -> None:
    """Both checks, by the checker."""
    services.draw_sample(people["checker"], one.pk, INTERIOR)
    services.draw_sample(people["checker"], one.pk, FIELD)
    services.begin_checks(people["checker"], one.pk)
    judge_all(people["checker"], one, "interior")
    services.finish_interior(people["checker"], one.pk)
    judge_all(people["checker"], one, "field")
    services.finish_field(people["checker"], one.pk)


def state(one: AcceptanceRound) -> str:
    one.refresh_from_db()
    return one.state


def open_tasks() -> list[str]:
    return list(Task.objects.filter(state="open", kind__startswith="acceptance").values_list("kind", flat=True))


def footprint() -> tuple[int, ...]:
    """How many rows of everything an act may write stand in the database."""
    return tuple(
        model.objects.count() for model in (RoundEvent, SamplingPlan, SampleItem, AuditEntry, Task, Event, Notification)
    )


# -- the way of a round ---------------------------------------------------------------------------------------------


def test_a_verdict_opens_a_round_with_its_score_and_task(opened, people):
    """A clean delivery of 300 parcels opens round 1; the second time the event comes nothing changes."""
    assert (opened.number, opened.year, opened.state, opened.delivered_by) == (1, 2024, "sampling", "surveyor")
    assert (opened.collection, opened.parcels) == ("10401-003", 300)
    counts = Counter(Finding.objects.filter(run=opened.run).values_list("severity", flat=True))
    assert counts["S"] == 0
    assert opened.score == 100 - counts["Z"] - counts["Q"] * Decimal("0.2")
    assert opened.grade == "excellent"
    assert open_tasks() == ["acceptance_sampling"]
    assert Task.objects.get(kind="acceptance_sampling").due_workdays == 2
    before = footprint()
    services.follow_delivery(opened.delivery, people["surveyor"])
    assert footprint() == before


def test_a_round_goes_through_every_state_and_keeps_its_history(opened, people):
    """待抽样 → 内业检查 → 外业检查 → 待验收 → 通过; each step with actor, task and audit; nothing is published by it."""
    to_decision(opened, people)
    assert open_tasks() == ["acceptance_decision"]
    done = services.decide(people["boss"], opened.pk, True, "同意")
    assert (done.state, done.decided_by, done.decision_reason) == ("accepted", "boss", "同意")
    steps = [
        (event.act, event.before, event.state, event.actor)
        for event in opened.events.exclude(act__in=["judged", "drawn"])
    ]
    assert steps == [
        ("opened", "", "sampling", "surveyor"), ("sampled", "sampling", "interior", "checker"),
        ("interior_done", "interior", "field", "checker"), ("field_done", "field", "decision", "checker"),
        ("decided", "decision", "accepted", "boss"),
    ]  # fmt: skip
    assert open_tasks() == []
    opened.delivery.refresh_from_db()
    assert opened.delivery.status == "accepted"
    acts = AuditEntry.objects.filter(object_kind="acceptance_round").values_list("action", flat=True)
    assert {"acceptance-opened", "acceptance-drawn", "acceptance-judged", "acceptance-decided"} <= set(acts)
    assert Notification.objects.filter(recipient__username="surveyor", kind="acceptance_decided").count() == 1


def test_a_return_rejects_the_delivery_and_the_next_one_is_round_two(opened, people, delivered, tmp_path, county_file):
    """退回 needs a reason, rejects through ingest, and the corrected file opens round 2 of the same year; both stay."""
    to_decision(opened, people)
    with pytest.raises(BadEntry):
        services.decide(people["boss"], opened.pk, False, " ")
    services.decide(people["boss"], opened.pk, False, "地类错误率过高")
    assert state(opened) == "returned"
    opened.delivery.refresh_from_db()
    assert opened.delivery.status == "rejected"
    assert opened.delivery.events.last().reason_zh == "地类错误率过高"
    corrected = tmp_path / "corrected.gpkg"
    corrected.write_bytes(county_file.read_bytes())
    with sqlite3.connect(corrected) as file:
        file.execute("CREATE TABLE touched (id INTEGER)")
    dispatch(1000)
    second = AcceptanceRound.objects.get(delivery=delivered(corrected))
    assert (second.number, second.year, second.state) == (2, opened.year, "sampling")
    assert state(opened) == "returned"


def test_a_delivery_with_a_severe_defect_is_a_round_that_is_returned_at_once(people, delivered, county_file, tmp_path):
    """Any S fails the package whatever the score; the finding that costs is kept with the round."""
    bad = tmp_path / "bad.gpkg"
    bad.write_bytes(county_file.read_bytes())
    with sqlite3.connect(bad) as file:
        table = next(n for (n,) in file.execute("SELECT table_name FROM gpkg_contents") if n.upper() == "DLTB")
        for (trigger,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f'DROP TRIGGER "{trigger}"')
        file.execute(f'UPDATE "{table}" SET BSM = (SELECT min(BSM) FROM "{table}") WHERE fid IN (2, 3)')
    delivery = delivered(bad)
    assert delivery.status == "returned"
    one = AcceptanceRound.objects.get(delivery=delivery)
    assert (one.state, one.grade, one.decided_by) == ("returned", "failed", "")
    assert "Q204" in {cost["rule"] for cost in one.costs}
    assert one.score == Decimal("0.00")
    assert open_tasks() == []
    with pytest.raises(WrongStep):
        services.draw_sample(people["checker"], one.pk, INTERIOR)


def test_publishing_without_acceptance_closes_the_round(opened, people):
    """Where acceptance is not mandatory the publish flow is as before; the round ends and says so."""
    publish(opened.delivery_id, people["boss"])
    dispatch(1000)
    assert state(opened) == "closed"
    assert opened.events.last().act == "delivery_published"
    assert Task.objects.get(kind="acceptance_sampling").state == "cancelled"


def test_where_acceptance_is_mandatory_nothing_is_published_before_it(opened, people, monkeypatch, tmp_path):
    """The guard that the project wires refuses until 通过; then the very same publication goes through."""
    monkeypatch.setattr(policies, "OVERLAY", str(tmp_path / "acceptance.toml"))  # the file of the node's state folder
    (tmp_path / "acceptance.toml").write_text('[policy]\nmandatory = ["9901"]\n', "utf-8")
    with pytest.raises(AcceptanceNeeded) as refused:
        publish(opened.delivery_id, people["boss"])
    assert "待抽样" in refused.value.detail_zh
    opened.delivery.refresh_from_db()
    assert opened.delivery.status == "accepted"
    assert opened.delivery.events.last().code == "acceptance.needed"
    to_decision(opened, people)
    services.decide(people["boss"], opened.pk, True, "")
    assert publish(opened.delivery_id, people["boss"]).status == "published"
    dispatch(1000)
    assert state(opened) == "accepted"
    assert opened.events.last().act == "delivery_published"


def test_no_field_check_needs_a_reason(opened, people):
    services.draw_sample(people["checker"], opened.pk, INTERIOR)
    services.begin_checks(people["checker"], opened.pk)
    judge_all(people["second"], opened, "interior")
    with pytest.raises(BadEntry):
        services.finish_interior(people["checker"], opened.pk)
    services.finish_interior(people["checker"], opened.pk, "冬季积雪，外业改期")
    assert state(opened) == "decision"


# -- refusals write nothing -----------------------------------------------------------------------------------------


def test_steps_out_of_order_are_refused_and_leave_nothing(opened, people):
    """Each step only from where it begins: WrongStep names where the round stands, nothing is written."""
    before = footprint()
    with pytest.raises(NotFinished):
        services.begin_checks(people["checker"], opened.pk)
    for act in (services.finish_interior, services.finish_field):
        with pytest.raises(WrongStep):
            act(people["checker"], opened.pk)
    with pytest.raises(WrongStep):
        services.decide(people["boss"], opened.pk, True, "")
    with pytest.raises(WrongStep):
        services.judge(people["checker"], opened.pk, "interior", 1, RIGHT)
    assert footprint() == before
    services.draw_sample(people["checker"], opened.pk, INTERIOR)
    services.begin_checks(people["checker"], opened.pk)
    with pytest.raises(NotFinished) as told:
        services.finish_interior(people["checker"], opened.pk)
    assert "还有 50 个样本未判定" in told.value.detail_zh


def test_two_people_one_answer(opened, people):
    """Who checked does not decide, who delivered does neither; the database holds it without the program (R-189)."""
    services.draw_sample(people["surveyor"], opened.pk, INTERIOR)
    services.begin_checks(people["surveyor"], opened.pk)
    with pytest.raises(SamePerson):
        services.judge(people["surveyor"], opened.pk, "interior", 1, RIGHT)
    judge_all(people["checker"], opened, "interior")
    services.judge(people["second"], opened.pk, "interior", 1, Judgement(True, False, True))
    services.finish_interior(people["second"], opened.pk, "不做外业")
    for name in ("checker", "second", "surveyor"):
        with pytest.raises(SamePerson):
            services.decide(people[name], opened.pk, True, "")
        with pytest.raises(DatabaseError), transaction.atomic():
            AcceptanceRound.objects.filter(pk=opened.pk).update(decided_by=name)
    # the first sample was judged by both: that its last judgement is the second's does not free the first
    assert SampleItem.objects.get(plan__round=opened, number=1).checker == "second"
    services.decide(people["boss"], opened.pk, True, "")


def test_rights_decide_who_sees_and_who_works(opened, people):
    """404 for the next county, 403 for who may only look."""
    with pytest.raises(UnknownRound):
        services.draw_sample(people["stranger"], opened.pk, INTERIOR)
    with pytest.raises(NotAllowed):
        services.draw_sample(people["viewer"], opened.pk, INTERIOR)
    with pytest.raises(UnknownRound):
        services.draw_sample(people["checker"], 999_999, INTERIOR)


def test_a_published_delivery_cannot_be_returned_behind_its_back(opened, people):
    """Published between the check and the decision: the decision fails as a whole, whichever it is."""
    to_decision(opened, people)
    Delivery.objects.filter(pk=opened.delivery_id).update(status="published")
    before = footprint()
    for accept in (True, False):
        with pytest.raises(WrongStatus):
            services.decide(people["boss"], opened.pk, accept, "迟了")
    assert (state(opened), footprint()) == ("decision", before)


def test_a_rejection_elsewhere_ends_the_round(opened, people):
    deliveries.reject(opened.delivery_id, "交错了文件", people["boss"])
    dispatch(1000)
    assert state(opened) == "returned"
    assert (opened.events.last().act, opened.events.last().reason) == ("delivery_rejected", "交错了文件")


# -- sampling -------------------------------------------------------------------------------------------------------


def test_the_sample_is_drawn_once_and_proved_again(opened, people):
    """300 parcels give 50 by the table; the kept seed gives the same list again; a second draw is refused."""
    plan = services.draw_sample(people["checker"], opened.pk, INTERIOR)
    assert (plan.population, plan.size, plan.seed) == (300, 50, 20261123)
    found = prove(plan)
    assert (found.is_same_list, found.is_same_population, found.list_sm3) == (True, True, plan.list_sm3)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT bsm), bool_and(ST_Covers(outline, point)), "
            "bool_and(ST_X(point) BETWEEN 113 AND 115 AND ST_Y(point) BETWEEN 34.3 AND 35) "
            "FROM survey_acceptance_sampleitem WHERE plan_id = %s", [plan.pk],
        )  # fmt: skip
        assert cursor.fetchone() == (50, 50, True, True), _extent(plan.pk)
    before = footprint()
    with pytest.raises(AlreadyDrawn):
        services.draw_sample(people["second"], opened.pk, INTERIOR)
    assert footprint() == before


def test_strata_by_class_and_village_share_in_proportion(opened, people):
    plan = services.draw_sample(people["checker"], opened.pk, Wanted("interior", "village", rate_percent=10.0))
    assert plan.size == sum(stratum["size"] for stratum in plan.strata) == 30
    assert sum(stratum["population"] for stratum in plan.strata) == 300
    assert all(stratum["size"] >= 1 for stratum in plan.strata)
    villages = SampleItem.objects.filter(plan=plan).values_list("village", flat=True)
    assert {len(one) for one in villages} == {12}


def test_strata_by_surveyor_need_the_list_of_surveyors(opened, people):
    with pytest.raises(BadEntry):
        services.draw_sample(people["checker"], opened.pk, Wanted("interior", "surveyor"))


def _extent(plan_id: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_Extent(point)::text FROM survey_acceptance_sampleitem WHERE plan_id = %s", [plan_id])
        return str(cursor.fetchone()[0])


# -- judging --------------------------------------------------------------------------------------------------------


def test_a_judgement_must_make_sense_and_every_change_is_kept(opened, people):
    services.draw_sample(people["checker"], opened.pk, INTERIOR)
    services.begin_checks(people["checker"], opened.pk)
    item = SampleItem.objects.get(plan__round=opened, number=1)
    for wrong in ("", item.class_delivered):
        with pytest.raises(BadEntry):
            services.judge(people["checker"], opened.pk, "interior", 1, Judgement(False, True, True, wrong))
    first = Judgement(False, True, True, "0307", Decimal("1.25"), "疏林")
    services.judge(people["checker"], opened.pk, "interior", 1, first)
    services.judge(people["second"], opened.pk, "interior", 1, RIGHT)
    changes = [(event.actor, event.detail["now"]["class_right"]) for event in opened.events.filter(act="judged")]
    assert changes == [("checker", False), ("second", True)]
    count = opened.events.count()
    services.judge(people["second"], opened.pk, "interior", 1, RIGHT)  # the second click
    assert opened.events.count() == count
    figures = plan_figures(opened.plans.get())
    assert (figures["checked"], figures["wrong"], figures["left"]) == (1, 0, 49)


# -- what the database holds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", [
    "UPDATE survey_acceptance_roundevent SET reason = 'x'", "DELETE FROM survey_acceptance_roundevent",
    "TRUNCATE survey_acceptance_roundevent", "DELETE FROM survey_acceptance_sampleitem",
    "DELETE FROM survey_acceptance_acceptanceround", "DELETE FROM survey_acceptance_samplingplan",
    "UPDATE survey_acceptance_samplingplan SET seed = 1",
])  # fmt: skip
def test_rounds_and_their_history_are_kept(opened, people, statement):
    services.draw_sample(people["checker"], opened.pk, INTERIOR)
    with pytest.raises(DatabaseError, match="只增不删"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_one_number_once(opened):
    """Two rounds of one number cannot stand, whoever writes them."""
    copy = AcceptanceRound.objects.get(pk=opened.pk)
    copy.pk = None
    copy.delivery = Delivery.objects.create(
        standard_id="TDT1057-2020", division_code="990101", file_name="x", input_sm3="1" * 64, input_size=1,
        valid_from=opened.delivery.valid_from, created_by="x",
    )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        copy.save()


def test_killed_in_the_middle_nothing_stands(opened, people):
    """The server process of the act is killed after plan and samples are written, before history: all is as before."""
    before = footprint()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION tests_die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;"
            "CREATE TRIGGER tests_die BEFORE INSERT ON survey_acceptance_roundevent "
            "FOR EACH ROW EXECUTE FUNCTION tests_die();"
        )
    try:
        with pytest.raises(DatabaseError):
            services.draw_sample(people["checker"], opened.pk, INTERIOR)
    finally:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER tests_die ON survey_acceptance_roundevent; DROP FUNCTION tests_die();")
    assert (footprint(), state(opened)) == (before, "sampling")
    assert services.draw_sample(people["checker"], opened.pk, INTERIOR).size == 50


def test_packcheck_is_content() -> None:
    """The pack uses standard names and points only where the walls allow."""
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run([sys.executable, "tools/packcheck.py"], cwd=root, capture_output=True, text=True, check=False)
    assert not [line for line in done.stderr.splitlines() if "survey_acceptance" in line]
