"""Whose rights read, and who is told what: deny by default (decision 0021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import shapely

if TYPE_CHECKING:
    from kunyu.engines.analysis.tests.county import People
    from kunyu.engines.matters.models import Check
    from kunyu.engines.matters.rules.disclosure import Told
    from kunyu.engines.security.scope import Principal

pytestmark = pytest.mark.django_db
RED, GROUND = "20201-001", "10401-001"


def hit_plot() -> shapely.Geometry:
    return shapely.box(113.0001, 34.5001, 113.0021, 34.5021)


def check(principal: Principal, *rules: str, plot: shapely.Geometry | None = None, **more: Any) -> Check:
    from kunyu.engines.matters.rules.checking import run_checks
    from kunyu.engines.matters.rules.tests.applications import application, matter

    matter("T-1", *rules)
    return run_checks(principal, application(plot or hit_plot(), "T-1", **more))


def told(found: Check, viewer: Principal) -> dict[str, Told]:
    from kunyu.engines.matters.rules import disclosure

    return {one.rule: one for one in disclosure.told(found, viewer)}


def label(collection: str, secrecy: int, grading: int) -> None:
    from kunyu.engines.security import epochs
    from kunyu.engines.security.models import Label

    Label.objects.filter(collection=collection, state="approved").update(secrecy=secrecy, grading=grading)
    epochs.forget()


@pytest.fixture
def applicant(people: People) -> Principal:
    from kunyu.engines.matters.rules.tests.applications import somebody

    return somebody("t-applicant")


@pytest.fixture(autouse=True)
def _forget_labels() -> Any:
    from kunyu.engines.security import epochs

    yield
    epochs.forget()


def test_an_applicant_without_rights_gets_the_same_answers(people: People, applicant: Principal) -> None:
    """The pre-check looks where he may not: the states and figures are those of somebody who may query everything."""
    rules = ("C-01", "C-02", "C-03", "C-13")
    own, officer = check(applicant, *rules), check(people.principals["steward"], *rules)
    for one, other in zip(own.answers.all(), officer.answers.all(), strict=True):
        assert (one.rule, one.state, one.measured, one.reason) == (
            other.rule,
            other.state,
            other.measured,
            other.reason,
        )
    assert own.conflicts == 1


def test_the_applicant_is_told_yes_or_no_of_a_sensitive_layer(people: People, applicant: Principal) -> None:
    """生态保护红线 is 敏感: no area, no place, no figure in any sentence; but what to do about it."""
    found = check(applicant, "C-03", "C-02")
    said = told(found, applicant)["C-03"]
    assert (said.state, said.measure) == ("conflict", "yes_or_no")
    assert (said.place, said.measured, said.limit, said.unit) == (None, None, None, "")
    assert said.message_zh == "占用生态保护红线须符合准入：与该项要求不符；所涉数据限制公开，不告知位置和面积。"
    assert said.remedy_zh.startswith("避让红线")
    assert said.versions == ({"collection": RED, "valid_from": "2024-12-31"},)
    open_one = told(found, applicant)["C-02"]
    assert (open_one.state, open_one.message_zh) == (
        "not_checked",
        "不占用生态保护红线核心保护区：该项未能核验，由审查人员处理。",
    )
    whole = told(found, people.principals["steward"])["C-03"]
    assert whole.measure == "whole"
    assert whole.place is not None
    assert whole.measured is not None


def test_of_an_internal_layer_he_is_told_his_own_overlap(people: People, applicant: Principal) -> None:
    """行政区 is 内部: area and sentence are told; the same layer as 敏感, or as 重要, is yes or no."""
    found = check(applicant, "C-01")
    assert told(found, applicant)["C-01"].measure == "own_overlap"
    assert told(found, applicant)["C-01"].measured is not None
    for secrecy, grading in ((2, 0), (1, 1)):
        label(GROUND, secrecy, grading)
        assert told(found, applicant)["C-01"].measure == "yes_or_no"
        assert told(found, applicant)["C-01"].measured is None


def test_an_internal_overlap_shows_its_place_on_the_plot_only(people: People, applicant: Principal) -> None:
    label(RED, 1, 0)
    found = check(applicant, "C-03")
    said = told(found, applicant)["C-03"]
    assert said.measure == "own_overlap"
    assert said.place is not None
    assert shapely.covers(shapely.buffer(hit_plot(), 1e-9), said.place)


def test_important_data_and_state_secrets_are_not_looked_at_for_him(people: People, applicant: Principal) -> None:
    """Above the ceiling of the pre-check the answer is not checked, and it does not say that the layer exists."""
    for secrecy, grading in ((2, 1), (3, 1)):
        label(RED, secrecy, grading)
        answer = check(applicant, "C-03").answers.get()
        assert (answer.state, answer.reason, answer.measured) == ("not_checked", "missing", None)


def test_an_officer_of_another_county_is_told_what_the_public_is_told(people: People, applicant: Principal) -> None:
    found = check(applicant, "C-03")
    assert told(found, people.principals["neighbour"])["C-03"].measure == "yes_or_no"
    assert told(found, people.principals["onlooker"])["C-03"].measure == "yes_or_no"
    assert told(found, people.principals["surveyor"])["C-03"].measure == "yes_or_no"
    # and what he checks himself is answered, not "not permitted"
    assert check(people.principals["onlooker"], "C-03").answers.get().state == "conflict"


def test_records_with_labels_of_their_own_are_not_shown_to_who_may_not_read_them(people: People) -> None:
    """A reader whose ceiling is below the strictest record is told yes or no, though he may query the layer."""
    from kunyu.engines.matters.rules.tests.applications import somebody
    from kunyu.engines.security import epochs
    from kunyu.engines.security.models import RecordLabel

    ordinary = somebody("t-ordinary", max_secrecy=2, max_grading=0, max_sharing=1)
    found = check(people.principals["steward"], "C-03")
    assert told(found, ordinary)["C-03"].measure == "whole"
    RecordLabel.objects.create(
        collection=RED, county="990101", keys=["990101301000000001"], secrecy=2, grading=1, sharing=1, reason="试",
        state="approved", proposed_by="a", decided_by="b",
    )  # fmt: skip
    epochs.forget()
    assert told(found, ordinary)["C-03"].measure == "yes_or_no"


def test_the_pre_check_reaches_what_the_rules_name_and_nothing_else(people: People, applicant: Principal) -> None:
    """Exactly its collections, its county, querying: no other layer, no other county, no download; nothing without one."""
    from kunyu.engines.matters.rules.reader import pre_check, readers_of
    from kunyu.engines.security import scope

    reader = pre_check(applicant, (RED,), "990101101")
    assert [one.prefix for one in scope.clauses_of(reader, RED, scope.QUERY)] == ["990101"]
    assert scope.clauses_of(reader, GROUND, scope.QUERY) == ()
    assert scope.clauses_of(reader, "10401-003", scope.QUERY) == ()
    for action in (scope.DOWNLOAD, scope.EDIT, scope.APPROVE):
        assert scope.clauses_of(reader, RED, action) == ()
    assert pre_check(applicant, (RED,), "").rights == ()
    assert (reader.name, reader.user_id, reader.is_operator) == (applicant.name, applicant.user_id, False)
    (own, rest) = readers_of(people.principals["surveyor"], (RED, GROUND), "990101")
    assert (own[0].name, own[1]) == ("t-surveyor", (GROUND,))
    assert (rest[0].origin, rest[1]) == ("case-check", (RED,))
    assert [one[1] for one in readers_of(people.principals["neighbour"], (RED,), "990101")] == [(RED,)]


def test_what_the_pre_check_reads_is_on_record_under_the_applicant(people: People, applicant: Principal) -> None:
    from kunyu.engines.security.audit import reads
    from kunyu.engines.security.models import AuditEntry

    reads.forget()
    check(applicant, "C-03")
    entry = AuditEntry.objects.filter(action="read", object_id=RED).latest("id")
    assert (entry.actor, entry.actor_id, entry.origin) == ("t-applicant", applicant.user_id, "case-check")


def test_other_peoples_approvals_are_told_to_who_sees_their_cases(people: People, applicant: Principal) -> None:
    """An applicant learns that something valid is there, not what; the steward sees its number."""
    from kunyu.engines.matters.rules.tests.applications import case, matter

    other = case(matter("S-001"), hit_plot(), state="granted", project_code="2025-990101-47-01-000999")
    found = check(applicant, "C-18")
    said = told(found, applicant)["C-18"]
    assert (said.state, said.measure, said.place) == ("conflict", "yes_or_no", None)
    assert other.number not in said.message_zh + said.remedy_zh
    assert other.number in told(found, people.principals["steward"])["C-18"].message_zh


def test_an_answer_whose_rule_is_gone_is_told_as_yes_or_no(people: People) -> None:
    found = check(people.principals["steward"], "C-03")
    found.answers.update(rule="GONE-1")
    assert told(found, people.principals["steward"])["GONE-1"].measure == "yes_or_no"


def test_letters_hold_what_anybody_may_be_told_and_a_draft_what_its_writer_may(people: People) -> None:
    """What fills letters and licences names no area of a restricted layer, though an examiner made the check."""
    from kunyu.engines.matters.cases.filling import filling
    from kunyu.engines.matters.cases.routing import definition
    from kunyu.engines.matters.rules.checking import run_checks
    from kunyu.engines.matters.rules.tests.applications import case, matter

    running, steward = case(matter("S-001", "C-03"), hit_plot()), people.principals["steward"]
    kept = run_checks(steward, running.application, running).answers.get()
    assert str(kept.measured)[:5] in kept.message_zh
    assert filling(running, None, definition(running))["answers"] == [{
        "rule": "C-03", "state": "conflict", "state_zh": "冲突", "remedy_zh": kept.remedy_zh,
        "message_zh": "占用生态保护红线须符合准入：与该项要求不符；所涉数据限制公开，不告知位置和面积。",
    }]  # fmt: skip
    (own,) = filling(running, None, definition(running), steward)["answers"]
    assert own["message_zh"] == kept.message_zh
