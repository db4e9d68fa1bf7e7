"""Applying, accepting, examining, correcting, pausing, closing: what is written, and what is refused. R-303, R-304, R-307."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from kunyu.engines.matters.cases import counting, pausing, queries, services, visibility
from kunyu.engines.matters.cases.changing import CHANGED_TOPIC
from kunyu.engines.matters.cases.tests.world import HERE, NOTICE, SITE, World
from kunyu.engines.matters.errors import BadForm, NotYourStep, StaleRevision, UnknownCase, UnknownMatter, WrongStep
from kunyu.engines.matters.models import Application, Case, CaseEvent, CaseFlow, Opinion, Pause
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.scope import ANONYMOUS
from kunyu.engines.worklist.errors import ReasonMissing
from kunyu.engines.worklist.models import Notification, Task
from kunyu.kernel.outbox.models import Event

S = Case.State
pytestmark = pytest.mark.django_db


def acts(case: Case) -> list[str]:
    return list(CaseEvent.objects.filter(case=case).order_by("sequence").values_list("act", flat=True))


def running(case: Case) -> set[str]:
    return {one.key.split(":")[2] for one in Task.objects.filter(object_id=case.number, state__in=["open", "claimed"])}


def test_one_form_feeds_two_matters(world: World) -> None:
    """R-304: one application, two cases, each with its own matter, number, flow and tasks."""
    one = world.application((SITE, NOTICE))
    cases = services.submit(world.as_("applicant"), one.pk)
    assert [case.matter.code for case in cases] == [SITE, NOTICE]
    assert cases[0].number != cases[1].number and all(case.number.startswith(HERE) for case in cases)
    assert {case.application_id for case in cases} == {one.pk}
    assert [running(case) for case in cases] == [{"acceptance"}, {"n_acceptance"}]
    assert [acts(case) for case in cases] == [["submitted"], ["submitted"]]


def test_submitting_twice_gives_the_same_cases(world: World) -> None:
    one = world.application()
    me = world.as_("applicant")
    assert [case.pk for case in services.submit(me, one.pk)] == [case.pk for case in services.submit(me, one.pk)]
    assert Case.objects.count() == 1


def test_the_same_key_is_the_same_application_and_nobody_elses(world: World) -> None:
    me = world.as_("applicant")
    first = services.begin(me, [SITE], HERE, "k")
    assert services.begin(me, [SITE], HERE, "k").pk == first.pk
    with pytest.raises(UnknownCase):
        services.begin(world.as_("other"), [SITE], HERE, "k")
    assert Application.objects.count() == 1


def test_who_applies_signs_in_and_names_a_matter_that_is_open(world: World) -> None:
    with pytest.raises(SignInNeeded):
        services.begin(ANONYMOUS, [SITE], HERE, "k")
    with pytest.raises(UnknownMatter):
        services.begin(world.as_("applicant"), ["X-9"], HERE, "k")
    assert not Application.objects.exists()


def test_all_faults_are_said_at_once_and_nothing_is_made(world: World) -> None:
    me = world.as_("applicant")
    one = services.begin(me, [SITE], HERE, "k")
    with pytest.raises(BadForm) as refused:
        services.submit(me, one.pk)
    fields = {fault["field"] for fault in refused.value.context["faults"]}
    assert {"applicant.name", "applicant.code", "plot", "purpose"} <= fields
    assert not Case.objects.exists()
    assert Application.objects.get().state == "draft"


def test_a_wrong_code_is_refused_without_repeating_it(world: World) -> None:
    me = world.as_("applicant")
    one = services.begin(me, [SITE], HERE, "k")
    with pytest.raises(BadForm) as refused:
        services.save(me, one.pk, applicant={"kind": "person", "name": "张三", "code": "110101199003070012"})
    assert refused.value.detail_zh == "申请人证件号码有误（校验码）。"
    assert "1990" not in str(refused.value)


def test_the_code_is_encrypted_masked_and_found(world: World, django_assert_num_queries: Any) -> None:
    from django.db import connection

    from kunyu.engines.security.personal_data import matching

    one = world.application()
    code = one.applicant_code
    assert len(code) == 18
    with connection.cursor() as cursor:
        cursor.execute("SELECT applicant_code FROM matters_application WHERE id = %s", [one.pk])
        stored = cursor.fetchone()[0]
    assert code not in stored and stored.startswith("kf1.")
    assert Application.objects.get(matching(Application, "applicant_code", code)).pk == one.pk


def test_a_stale_page_changes_nothing(world: World) -> None:
    one = world.application()
    with pytest.raises(StaleRevision):
        services.save(world.as_("applicant"), one.pk, form={"purpose": "x"}, revision=one.revision - 1)
    case = world.submitted()
    with pytest.raises(StaleRevision) as refused:
        services.act(world.as_("clerk"), case.pk, "acceptance", "accept", "", revision=case.revision + 5)
    assert refused.value.context["revision"] == case.revision
    assert acts(case) == ["submitted"]


def test_a_whole_case_leaves_its_whole_trace(world: World) -> None:
    """R-303: every step with person, time and opinion; tasks, audit and events beside it."""
    case = world.to_decide()
    assert case.state == S.IN_REVIEW and case.stage == "decision"
    assert acts(case) == ["submitted", "accepted", "step"]
    assert list(CaseEvent.objects.filter(case=case).order_by("sequence").values_list("sequence", flat=True)) == [
        1,
        2,
        3,
    ]
    assert [one.author for one in Opinion.objects.filter(case=case)] == ["clerk", "examiner"]
    assert running(case) == {"decision"}
    assert Event.objects.filter(topic=CHANGED_TOPIC, payload__case=case.pk).count() == 3
    assert AuditEntry.objects.filter(object_kind="case", object_id=case.number).count() >= 3
    assert case.promised_days == 10 and case.due_on is not None and case.accepted_at is not None
    assert CaseFlow.objects.get(case=case).waiting == ["decision"]
    assert Notification.objects.filter(recipient=world.users["applicant"], kind="case_progress").count() == 2


@pytest.mark.parametrize(
    ("build", "act", "words"),
    [
        ("submitted", lambda w, c: services.decide(w.as_("decider"), c.pk, "grant", "准"), "作出决定"),
        ("submitted", lambda w, c: services.pause(w.as_("clerk"), c.pk, "hearing", "听证"), "中止"),
        ("submitted", lambda w, c: services.answer_correction(w.as_("applicant"), c.pk), "提交补正"),
        ("accepted", lambda w, c: services.resume(w.as_("clerk"), c.pk), "恢复办理"),
        ("accepted", lambda w, c: services.revoke(w.as_("decider"), c.pk, "错", "法"), "撤销"),
        ("accepted", lambda w, c: services.act(w.as_("clerk"), c.pk, "acceptance", "reject", "晚了"), "不予受理"),
        ("accepted", lambda w, c: services.correct_licence(w.as_("decider"), c.pk, {"purpose": "x"}, "错"), "更正证照"),
    ],
)
def test_illegal_jumps_are_refused_with_what_may_be_done(world: World, build: str, act: Any, words: str) -> None:
    """R-303: the state machine refuses; the refusal names the state and what may be done now; nothing is written."""
    case = getattr(world, build)()
    before = (case.state, case.revision, acts(case))
    with pytest.raises(WrongStep) as refused:
        act(world, case)
    assert f"不能{words}" in refused.value.detail_zh and "现在可以" in refused.value.detail_zh
    case.refresh_from_db()
    assert (case.state, case.revision, acts(case)) == before


def test_a_stage_that_does_not_wait_is_refused(world: World) -> None:
    case = world.submitted()
    with pytest.raises(WrongStep) as refused:
        services.act(world.as_("examiner"), case.pk, "examination", "agree", "好")
    assert refused.value.context["waiting"] == ["acceptance"]
    with pytest.raises(WrongStep) as unknown:
        services.act(world.as_("clerk"), case.pk, "acceptance", "agree", "好")
    assert unknown.value.context["outcomes"] == ["accept", "correct", "reject"]


def test_not_accepted_ends_the_case_with_its_reason(world: World) -> None:
    case = world.submitted()
    with pytest.raises(ReasonMissing):
        services.act(world.as_("clerk"), case.pk, "acceptance", "reject", " ")
    done = services.act(world.as_("clerk"), case.pk, "acceptance", "reject", "不属本机关职权")
    assert (done.state, done.closed_at is not None, running(done)) == (S.NOT_ACCEPTED, True, set())


def test_joint_review_returns_on_one_refusal(world: World) -> None:
    """会审: both reviewers at once; any 否决 sends it back to examination."""
    case = world.accepted(joint=True)
    case = services.act(world.as_("examiner"), case.pk, "examination", "agree", "送会审")
    assert running(case) == {"planning", "farmland"}
    reviewer = world.as_("reviewer")
    case = services.act(reviewer, case.pk, "planning", "agree", "同意")
    assert running(case) == {"farmland"}
    case = services.act(reviewer, case.pk, "farmland", "refuse", "占用耕地")
    assert (running(case), case.stage) == ({"examination"}, "examination")
    case = services.act(world.as_("examiner"), case.pk, "examination", "agree", "已调整")
    for stage in ("planning", "farmland"):
        case = services.act(reviewer, case.pk, stage, "agree", "同意")
    assert running(case) == {"decision"}


# -- who ------------------------------------------------------------------------------------------------------------


def test_acceptance_examination_and_decision_are_different_people(world: World) -> None:
    world.person("all", role="case-clerk", actions=("see", "query", "edit", "approve"))
    from kunyu.engines.security.models import Appointment, Post

    for role in ("case-examiner", "case-decider"):
        Appointment.objects.create(
            user=world.users["all"], post=Post.objects.get(name_zh=f"{role}岗", organisation__division_code=HERE),
            starts_on=timezone.localdate(),
        )  # fmt: skip
    case = services.act(world.as_("all"), world.submitted().pk, "acceptance", "accept", "")
    with pytest.raises(NotYourStep) as refused:
        services.act(world.as_("all"), case.pk, "examination", "agree", "")
    assert refused.value.context["acted_at"] == "acceptance"
    case = services.act(world.as_("examiner"), case.pk, "examination", "agree", "")
    with pytest.raises(NotYourStep):
        services.decide(world.as_("all"), case.pk, "grant", "准")
    assert acts(case) == ["submitted", "accepted", "step"]


def test_the_applicant_never_handles_his_own_case(world: World) -> None:
    one = world.application(who="clerk")
    case = services.submit(world.as_("clerk"), one.pk)[0]
    with pytest.raises(NotYourStep) as refused:
        services.act(world.as_("clerk"), case.pk, "acceptance", "accept", "")
    assert "回避" in refused.value.detail_zh
    assert services.act(world.as_("clerk2"), case.pk, "acceptance", "accept", "").state == S.IN_REVIEW


def test_who_has_no_role_or_no_right_does_not_act(world: World) -> None:
    case = world.submitted()
    with pytest.raises(NotYourStep):
        services.act(world.as_("examiner"), case.pk, "acceptance", "accept", "")
    for name in ("neighbour", "other"):
        with pytest.raises(UnknownCase):
            services.act(world.as_(name), case.pk, "acceptance", "accept", "")
    assert acts(case) == ["submitted"]


def test_a_claimed_stage_is_the_claimers_until_he_hands_it_over(world: World) -> None:
    case = services.claim(world.as_("clerk"), world.submitted().pk)
    assert case.assignee_id == world.users["clerk"].pk
    with pytest.raises(NotYourStep) as refused:
        services.act(world.as_("clerk2"), case.pk, "acceptance", "accept", "")
    assert refused.value.context["assignee"] == "clerk同志"
    case = services.hand_over(world.as_("clerk"), case.pk, "clerk2", "休假")
    assert case.assignee_id == world.users["clerk2"].pk
    assert services.act(world.as_("clerk2"), case.pk, "acceptance", "accept", "").state == S.IN_REVIEW
    assert acts(case) == ["submitted", "claimed", "handed_over", "accepted"]


def test_cases_are_assigned_to_people_who_may_do_them(world: World) -> None:
    case = world.submitted()
    with pytest.raises(NotYourStep):
        services.assign(world.as_("clerk"), case.pk, "examiner", "请办")
    case = services.assign(world.as_("clerk"), case.pk, "clerk2", "请办")
    assert case.assignee_id == world.users["clerk2"].pk


# -- corrections and pauses -------------------------------------------------------------------------------------------


def test_a_correction_is_asked_once_stops_the_clock_and_goes_on(world: World) -> None:
    case = world.accepted()
    examiner = world.as_("examiner")
    case = services.request_correction(examiner, case.pk, [{"what": "补测界址点", "material": "survey"}])
    assert (case.state, case.due_on, case.clock_from, running(case)) == (S.CORRECTING, None, None, set())
    pause = Pause.objects.get(case=case)
    assert pause.asked == [{"what": "补测界址点", "material": "survey"}] and pause.answer_by is not None
    with pytest.raises(NotYourStep):
        services.answer_correction(world.as_("clerk"), case.pk)
    me = world.as_("applicant")
    services.save(me, case.application_id, project={"name": "二期"})
    case = services.answer_correction(me, case.pk)
    assert (case.state, case.project_name, running(case)) == (S.IN_REVIEW, "二期", {"examination"})
    assert case.due_on is not None
    with pytest.raises(WrongStep) as refused:
        services.request_correction(examiner, case.pk, [{"what": "再补"}])
    assert "一次性告知" in refused.value.detail_zh


def test_before_acceptance_a_correction_leaves_no_clock(world: World) -> None:
    case = services.act(world.as_("clerk"), world.submitted().pk, "acceptance", "correct", "缺图")
    assert (case.state, case.days_used) == (S.CORRECTING, 0)
    case = services.answer_correction(world.as_("applicant"), case.pk)
    assert (case.state, case.due_on) == (S.SUBMITTED, None)


def test_a_correction_without_an_item_is_refused(world: World) -> None:
    case = world.submitted()
    with pytest.raises(ReasonMissing):
        services.request_correction(world.as_("clerk"), case.pk, [{"what": " "}])
    assert not Pause.objects.exists()


def test_an_unanswered_correction_is_withdrawn(world: World) -> None:
    """services.md §2: overdue → 视为撤回."""
    today = timezone.localdate()
    late = services.request_correction(
        world.as_("clerk"), world.submitted().pk, [{"what": "图"}], today - timedelta(days=1)
    )
    due = services.request_correction(world.as_("clerk"), world.submitted().pk, [{"what": "图"}], today)
    assert pausing.lapse_corrections() == 1
    assert pausing.lapse_corrections() == 0
    late.refresh_from_db()
    due.refresh_from_db()
    assert (late.state, due.state) == (S.WITHDRAWN, S.CORRECTING)
    assert acts(late)[-1] == "lapsed"


def test_a_hearing_stops_the_clock(world: World) -> None:
    case = world.accepted()
    due = case.due_on
    case = services.pause(world.as_("examiner"), case.pk, "hearing", "利害关系人要求听证", "《行政许可法》第四十七条")
    assert (case.state, case.due_on, running(case)) == (S.PAUSED, None, set())
    case = services.resume(world.as_("examiner"), case.pk)
    assert (case.state, case.due_on, running(case)) == (S.IN_REVIEW, due, {"examination"})


def test_the_applicant_withdraws_and_nobody_else(world: World) -> None:
    case = world.accepted()
    with pytest.raises(NotYourStep):
        services.withdraw(world.as_("examiner"), case.pk, "")
    case = services.withdraw(world.as_("applicant"), case.pk, "不办了")
    assert (case.state, running(case)) == (S.WITHDRAWN, set())
    with pytest.raises(WrongStep) as refused:
        services.withdraw(world.as_("applicant"), case.pk, "")
    assert "办件已经办结" in refused.value.detail_zh


# -- whole or not at all ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["kunyu.engines.matters.cases.changing.emit", "kunyu.engines.security.audit.record"])
def test_a_failure_in_the_last_step_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    case = world.submitted()
    counts = (CaseEvent.objects.count(), Task.objects.count(), Opinion.objects.count(), Event.objects.count())
    flow = bytes(CaseFlow.objects.get(case=case).state)

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(broken, fails)
    with pytest.raises(RuntimeError):
        services.act(world.as_("clerk"), case.pk, "acceptance", "accept", "好")
    monkeypatch.undo()
    case.refresh_from_db()
    assert (case.state, case.revision, case.due_on) == (S.SUBMITTED, 1, None)
    assert bytes(CaseFlow.objects.get(case=case).state) == flow
    assert (CaseEvent.objects.count(), Task.objects.count(), Opinion.objects.count(), Event.objects.count()) == counts
    assert running(case) == {"acceptance"}


# -- offices, supervision, who sees what ------------------------------------------------------------------------------


def test_accepted_in_one_county_handled_in_another(world: World) -> None:
    """R-299: taken and accepted at the counter next door, examined where the land lies, both on the trace."""
    me = world.as_("neighbour")
    one = services.begin(me, [SITE], HERE, "elsewhere", world.users["applicant"], counter_county="990102")
    from kunyu.engines.matters.cases.tests.world import PLOT, code_of_company

    applicant = {"kind": "organisation", "name": "试验建设有限公司", "code": code_of_company()}
    services.save(me, one.pk, form={"purpose": "厂房", "joint": False}, plot=PLOT, applicant=applicant)
    case = services.submit(me, one.pk)[0]
    assert (case.county, case.partner_county, case.is_with_partner) == (HERE, "990102", True)
    with pytest.raises(NotYourStep):
        services.act(world.as_("clerk"), case.pk, "acceptance", "accept", "")
    case = services.act(me, case.pk, "acceptance", "accept", "异地受理")
    assert (case.is_with_partner, case.state) == (False, S.IN_REVIEW)
    with pytest.raises(NotYourStep):
        services.act(world.as_("stranger"), case.pk, "examination", "agree", "")
    case = services.act(world.as_("examiner"), case.pk, "examination", "agree", "")
    offices = [event.detail.get("office") for event in CaseEvent.objects.filter(case=case).order_by("sequence")]
    assert offices == [None, "990102自然资源局", "990101自然资源局"]
    assert case in visibility.visible(me) and case in visibility.visible(world.as_("examiner"))


def test_a_case_moves_between_offices_and_back(world: World) -> None:
    case = world.accepted()
    with pytest.raises(ReasonMissing):
        services.move_to_office(world.as_("examiner"), case.pk, "990102", "")
    case = services.move_to_office(world.as_("examiner"), case.pk, "990102", "跨区项目")
    with pytest.raises(NotYourStep):
        services.act(world.as_("examiner"), case.pk, "examination", "agree", "")
    case = services.move_to_office(world.as_("stranger"), case.pk, HERE, "已核实")
    with pytest.raises(WrongStep):
        services.move_to_office(world.as_("examiner"), case.pk, HERE, "又来")
    with pytest.raises(WrongStep):
        services.move_to_office(world.as_("examiner"), case.pk, "990103", "第三地")
    assert acts(case)[-2:] == ["office_changed", "office_changed"]
    assert case.partner_county == "990102"


def test_a_manager_urges_and_it_stays_on_record(world: World) -> None:
    case = services.claim(world.as_("examiner"), world.accepted().pk)
    with pytest.raises(NotYourStep):
        services.supervise(world.as_("examiner"), case.pk, "快")
    services.supervise(world.as_("decider"), case.pk, "三日内办结")
    told = Notification.objects.get(kind="case_supervised")
    assert (told.recipient.username, told.body_zh) == ("examiner", "三日内办结")
    assert acts(case)[-1] == "supervised"


def test_lists_hold_what_rights_reach(world: World) -> None:
    mine, joint = world.submitted(), world.submitted((NOTICE,))
    assert {case.pk for case in visibility.visible(world.as_("clerk"))} == {mine.pk, joint.pk}
    assert set(visibility.visible(world.as_("neighbour"))) == set()
    assert set(visibility.visible(world.as_("other"))) == set()
    assert {case.pk for case in visibility.visible(world.as_("applicant"))} == {mine.pk, joint.pk}
    one_branch = world.person("half", actions=("see", "query"), branch="30401-010")
    assert one_branch and {case.pk for case in visibility.visible(world.as_("half"))} == {joint.pk}
    page = queries.listed(world.as_("clerk"), queries.Filter("todo"), limit=1)
    assert len(page.cases) == 1 and page.next_key
    rest = queries.listed(world.as_("clerk"), queries.Filter("todo"), page.next_key, limit=1)
    assert {page.cases[0].pk, rest.cases[0].pk} == {mine.pk, joint.pk} and not rest.next_key
    assert counting.counts(world.as_("clerk"))["todo"] == 2


def test_everything_is_everything(world: World) -> None:
    """A right on everything is no condition at all; one on nothing is none."""
    from kunyu.engines.security.scope import operator

    world.submitted()
    assert visibility.visible(operator()).count() == 1
    assert visibility.visible(ANONYMOUS).count() == 0


def test_counts_are_the_same_in_one_pass_and_one_by_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    today = timezone.localdate()
    shifts = {"overdue": -1, "red": 1, "yellow": 5, "green": 30}
    for shift in shifts.values():
        due = today + timedelta(days=shift)
        case = world.accepted()
        Case.objects.filter(pk=case.pk).update(
            due_on=due, red_on=due - timedelta(days=2), yellow_on=due - timedelta(days=8)
        )
    services.claim(world.as_("clerk"), world.submitted().pk)
    found = counting.counts(world.as_("clerk"))
    assert found == {"mine": 1, "todo": 4, "open": 5, "overdue": 1, "red": 1, "yellow": 1}
    monkeypatch.setattr(counting, "PASSED", 0)
    assert counting.counts(world.as_("clerk")) == found
