"""Exactly one decision, on checks that were answered or with a reason; sealed however often it is interrupted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from kunyu.engines.documents.errors import SealUnusable
from kunyu.engines.documents.models import Document, Licence, NumberSequence, SealUse
from kunyu.engines.matters.cases import changing, sealing, services
from kunyu.engines.matters.cases.archiving import contents_of
from kunyu.engines.matters.cases.changing import DECIDED_TOPIC
from kunyu.engines.matters.cases.tests.seals import seal_in_use
from kunyu.engines.matters.cases.tests.world import HERE, SITE, World
from kunyu.engines.matters.errors import NotYourStep, OverrideNeeded, WrongStep
from kunyu.engines.matters.models import Application, Case, CaseEvent, Check, CheckAnswer, Decision
from kunyu.engines.pages.tests.at_once import at_once
from kunyu.engines.worklist.errors import ReasonMissing
from kunyu.engines.worklist.models import Notification
from kunyu.kernel.outbox.models import Event

S = Case.State


def check(case: Case, *answers: tuple[str, str]) -> Check:
    """A check with answers (state, weight)."""
    states = [state for state, _ in answers]
    made = Check.objects.create(
        application_id=case.application_id, case=case, matter_code=SITE, edition_digest="", rules_digest="",
        valid_at=timezone.localdate(), known_at=timezone.now(), asked={"division": HERE, "matters": []}, digest="0" * 64,
        conflicts=states.count("conflict"), not_checked=states.count("not_checked"), clear=states.count("clear"),
        made_by="operator",
    )  # fmt: skip
    for number, (state, weight) in enumerate(answers):
        CheckAnswer.objects.create(
            check_run=made, rule=f"X-{number}", clause="试验", state=state, weight=weight, message_zh="说", message_en="says",
            reason="stale" if state == "not_checked" else "",
        )  # fmt: skip
    return made


def acts(case: Case) -> list[str]:
    return list(CaseEvent.objects.filter(case=case).order_by("sequence").values_list("act", flat=True))


@pytest.mark.django_db
def test_a_decision_writes_everything_once(world: World) -> None:
    case = world.to_decide()
    case = services.decide(world.as_("decider"), case.pk, "grant", "符合规划", [], "")
    decision = Decision.objects.get(case=case)
    assert (case.state, decision.outcome, decision.basis) == (S.DECIDED, "grant", ["《试验法》第一条"])
    assert (decision.decided_by, decision.override, decision.sealed_at) == ("decider", "", None)
    assert Event.objects.filter(topic=DECIDED_TOPIC, payload__case=case.pk).count() == 1
    with pytest.raises(WrongStep):
        services.decide(world.as_("decider2"), case.pk, "refuse", "不符", ["法"])
    assert Decision.objects.count() == 1


@pytest.mark.django_db
def test_a_refusal_names_reason_and_law(world: World) -> None:
    case = world.to_decide()
    with pytest.raises(ReasonMissing):
        services.decide(world.as_("decider"), case.pk, "refuse", "占用耕地", [])
    with pytest.raises(ReasonMissing):
        services.decide(world.as_("decider"), case.pk, "grant", " ")
    assert not Decision.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("outcome", ["grant", "refuse"])
def test_nothing_is_decided_on_what_was_not_checked(world: World, outcome: str) -> None:
    """Part 2 of the goal: not checked needs a reasoned override by whoever may approve."""
    case = world.to_decide()
    check(case, ("clear", "block"), ("not_checked", "block"))
    with pytest.raises(OverrideNeeded) as refused:
        services.decide(world.as_("decider"), case.pk, outcome, "理由", ["法"])
    assert refused.value.context["not_checked"] == ["X-1"]
    assert not Decision.objects.exists() and acts(case)[-1] == "step"
    services.decide(world.as_("decider"), case.pk, outcome, "理由", ["法"], "已现场核实，图层停用")
    decision = Decision.objects.get()
    assert (decision.override, decision.override_by) == ("已现场核实，图层停用", "decider")


@pytest.mark.django_db
def test_a_blocking_conflict_forbids_granting_not_refusing(world: World) -> None:
    case = world.to_decide()
    check(case, ("conflict", "block"), ("conflict", "warn"))
    with pytest.raises(OverrideNeeded) as refused:
        services.decide(world.as_("decider"), case.pk, "grant", "准")
    assert refused.value.context["blocking"] == ["X-0"]
    services.decide(world.as_("decider"), case.pk, "refuse", "占用红线", ["《试验法》第三条"], "多余的理由")
    assert Decision.objects.get().override == ""


@pytest.mark.django_db
def test_an_override_is_not_kept_where_none_was_needed(world: World) -> None:
    case = world.to_decide()
    check(case, ("clear", "block"), ("conflict", "warn"))
    services.decide(world.as_("decider"), case.pk, "grant", "准", [], "以防万一")
    assert Decision.objects.get().override == ""


@pytest.mark.django_db
def test_deciding_needs_approve(world: World) -> None:
    case = world.to_decide()
    with pytest.raises(NotYourStep):
        services.decide(world.as_("examiner"), case.pk, "grant", "准")
    with pytest.raises(NotYourStep):
        services.decide(world.as_("reviewer"), case.pk, "grant", "准")
    assert not Decision.objects.exists()


@pytest.mark.django_db
def test_returned_by_the_decider_it_is_examined_again(world: World) -> None:
    case = world.to_decide()
    case = services.act(world.as_("decider"), case.pk, "decision", "return", "补充说明")
    assert case.stage == "examination"
    case = services.act(world.as_("examiner"), case.pk, "examination", "agree", "已补充")
    services.act(world.as_("decider"), case.pk, "decision", "grant", "符合")
    assert Decision.objects.get().reason == "符合"


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_decisions_one_stands(committed: World) -> None:
    """Eight clicks of two people on eight connections: one decision, one event, seven refusals."""
    case = committed.to_decide()
    people = [committed.as_("decider"), committed.as_("decider2")]
    jobs = [
        lambda who=people[n % 2], outcome=("grant", "refuse")[n % 2]: services.decide(
            who, case.pk, outcome, "理由", ["法"]
        )
        for n in range(8)
    ]
    outcomes = at_once(jobs)
    assert sum(isinstance(one, Case) for one in outcomes) == 1
    assert all(isinstance(one, (Case, WrongStep)) for one in outcomes)
    assert Decision.objects.filter(case=case).count() == 1
    assert acts(case).count("decided") == 1
    assert Event.objects.filter(topic=DECIDED_TOPIC).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_submissions_each_key_makes_one_case(committed: World) -> None:
    """The same key begun and submitted on six connections at once: one application, one case."""
    one = committed.application()
    me = committed.as_("applicant")
    outcomes = at_once([lambda: services.submit(me, one.pk)[0].pk for _ in range(6)])
    assert len(set(outcomes)) == 1 and isinstance(outcomes[0], int)
    begun = at_once([lambda: services.begin(me, [SITE], HERE, "same").pk for _ in range(6)])
    assert len(set(begun)) == 1 and Application.objects.filter(key="same").count() == 1
    assert Case.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_numbers_never_collide(committed: World) -> None:
    drafts = [committed.application() for _ in range(8)]
    me = committed.as_("applicant")
    numbers = at_once([lambda one=one: services.submit(me, one.pk)[0].number for one in drafts])
    assert len(set(numbers)) == 8 and all(len(str(one)) == 20 for one in numbers)


# -- sealing ----------------------------------------------------------------------------------------------------------


def decided(world: World, outcome: str = "grant") -> Case:
    return services.decide(world.as_("decider"), world.to_decide().pk, outcome, "理由", ["《试验法》第一条"])


@pytest.mark.django_db
def test_a_granted_case_ends_with_a_sealed_licence(world: World, seal: Any) -> None:
    case = sealing.seal_decision(decided(world).pk)
    licence = Licence.objects.get()
    assert (case.state, case.licence_number, licence.state) == (S.GRANTED, licence.number, "valid")
    assert case.licence_number == f"试字第990101{timezone.localdate().year}00001号"
    assert licence.pdf is not None and licence.pdf.is_sealed
    said = dict(licence.shown_facts)
    assert said["用途", "Purpose"] == "厂房" and "joint" not in licence.facts
    assert ("办件编号", "Case number") in said
    assert acts(case)[-2:] == ["sealed", "closed"]
    told = Notification.objects.filter(recipient=world.users["applicant"]).latest("pk")
    assert case.licence_number in told.body_zh


@pytest.mark.django_db
def test_sealing_again_changes_nothing(world: World, seal: Any) -> None:
    case = decided(world)
    sealing.seal_decision(case.pk)
    before = acts(case)
    sealing.seal_decision(case.pk)
    assert (acts(case), Licence.objects.count()) == (before, 1)


@pytest.mark.django_db
def test_a_refused_case_ends_with_a_sealed_letter(world: World, seal: Any) -> None:
    case = sealing.seal_decision(decided(world, "refuse").pk)
    assert (case.state, case.licence_number, Licence.objects.count()) == (S.REFUSED, "", 0)
    assert Document.objects.get(key=f"case:{case.number}:refusal:sealed").is_sealed


@pytest.mark.django_db
def test_without_a_seal_it_waits_decided(world: World) -> None:
    case = decided(world)
    with pytest.raises(SealUnusable):
        sealing.seal_decision(case.pk)
    case.refresh_from_db()
    assert (case.state, Licence.objects.count()) == (S.DECIDED, 0)
    assert sealing.repair_decisions(timedelta(0)) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("broken", ["_sealed", "issue"])
def test_what_a_crash_left_is_finished_by_the_repair(
    world: World, seal: Any, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Died before the licence was made, or after it and before the case was closed: the job ends both the same."""
    case = decided(world)

    def dies(*_: Any, **__: Any) -> None:
        raise SystemError("killed")

    monkeypatch.setattr(sealing, broken, dies)
    with pytest.raises(SystemError):
        sealing.seal_decision(case.pk)
    monkeypatch.undo()
    assert Licence.objects.count() == (1 if broken == "_sealed" else 0)
    assert sealing.repair_decisions(timedelta(0)) == 1
    case.refresh_from_db()
    assert (case.state, Licence.objects.count(), acts(case).count("sealed")) == (S.GRANTED, 1, 1)
    assert sealing.repair_decisions(timedelta(0)) == 0


@pytest.mark.django_db
def test_a_licence_is_corrected_under_its_number(world: World, seal: Any) -> None:
    case = sealing.seal_decision(decided(world).pk)
    case = services.correct_licence(world.as_("decider"), case.pk, {"purpose": "仓库"}, "笔误")
    old, new = Licence.objects.order_by("version")
    assert (old.state, new.state, new.number, new.version) == ("replaced", "valid", old.number, 2)
    assert (new.facts["用途|Purpose"], Decision.objects.get().corrected_from) == ("仓库", {"purpose": "厂房"})
    assert services.licence_of(case) == new


@pytest.mark.django_db
def test_revoking_takes_the_licence_with_it(world: World, seal: Any) -> None:
    case = sealing.seal_decision(decided(world).pk)
    with pytest.raises(ReasonMissing):
        services.revoke(world.as_("decider"), case.pk, "以欺骗手段取得", "")
    with pytest.raises(NotYourStep):
        services.revoke(world.as_("examiner"), case.pk, "以欺骗手段取得", "《行政许可法》第六十九条")
    case = services.revoke(world.as_("decider"), case.pk, "以欺骗手段取得", ["《行政许可法》第六十九条"])
    assert (case.state, Licence.objects.get().state) == (S.REVOKED, "revoked")


@pytest.mark.django_db
def test_an_override_names_what_it_passes_over(world: World) -> None:
    """The list of open answers as it stood is kept with the decision, in the trace and in the archive."""
    case = world.to_decide()
    check(case, ("not_checked", "block"), ("conflict", "block"), ("clear", "warn"), ("conflict", "warn"))
    services.decide(
        world.as_("decider"), case.pk, "grant", "准", [], "已现场核实，图层停用", passed_over=["X-0", "X-1"]
    )
    decision = Decision.objects.get(case=case)
    assert decision.passed_over == [
        {
            "rule": "X-0",
            "name_zh": "X-0",
            "name_en": "X-0",
            "state": "not_checked",
            "reason": "stale",
            "weight": "block",
        },
        {"rule": "X-1", "name_zh": "X-1", "name_en": "X-1", "state": "conflict", "reason": "", "weight": "block"},
    ]
    event = CaseEvent.objects.get(case=case, act="decided")
    assert (event.detail["override"], event.detail["passed_over"]) == ("已现场核实，图层停用", ["X-0", "X-1"])
    case.refresh_from_db()
    facts = dict(contents_of(case).facts)
    assert facts["决定时未核验或冲突的项目"] == "X-0 X-0（未核验）、X-1 X-1（冲突）"
    assert facts["仍然决定的理由"] == "已现场核实，图层停用（decider同志）"
    assert contents_of(case).records["decision"]["passed_over"] == decision.passed_over


@pytest.mark.django_db
def test_more_is_open_than_whoever_decides_saw(world: World) -> None:
    """He named what he saw; a check made since leaves more open: refused, and nothing is written."""
    case = world.to_decide()
    check(case, ("not_checked", "block"))
    check(case, ("not_checked", "block"), ("not_checked", "warn"))
    with pytest.raises(OverrideNeeded) as refused:
        services.decide(world.as_("decider"), case.pk, "grant", "准", [], "已核实", passed_over=["X-0"])
    assert "未列入理由的项目：X-1 X-1（未核验）" in refused.value.detail_zh
    assert refused.value.context["not_checked"] == ["X-0", "X-1"]
    assert not Decision.objects.exists() and "decided" not in acts(case)
    services.decide(world.as_("decider"), case.pk, "refuse", "不准", ["法"], "已核实", passed_over=["X-1", "X-0"])
    assert [one["rule"] for one in Decision.objects.get().passed_over] == ["X-0", "X-1"]


@pytest.mark.django_db(transaction=True)
def test_workers_of_two_nodes_seal_one_decision_once(committed: World) -> None:
    """Both take up the same decision at the same moment: one licence, one number, sealed once, the case closed once."""
    seal_in_use()
    case = committed.to_decide()
    services.decide(committed.as_("decider"), case.pk, "grant", "准", [], "")
    outcomes = at_once([lambda: sealing.seal_decision(case.pk)] * 2)
    assert not [one for one in outcomes if isinstance(one, Exception)], outcomes
    licence = Licence.objects.get()
    case.refresh_from_db()
    assert (licence.state, case.licence_number) == ("valid", licence.number)
    assert acts(case).count("sealed") == 1 and acts(case).count("closed") <= 1
    assert Document.objects.filter(kind="licence", is_sealed=True).count() == 1
    assert SealUse.objects.filter(subject=f"licence:{licence.pk}").count() == 2, "one for each profile"
    assert not NumberSequence.objects.filter(last__gt=1).exists(), "no number was taken and thrown away"


@pytest.mark.django_db
def test_a_clock_set_back_turns_nothing_round(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour back between two acts: the trace stays in order, a pause ends after it began, a check before a correction
    does not stand for what came after it."""
    case = world.to_decide()
    check(case, ("clear", "block"))
    services.pause(world.as_("examiner"), case.pk, "hearing", "听证", "法")
    real = timezone.now()
    monkeypatch.setattr(changing.timezone, "now", lambda: real - timedelta(hours=1))
    services.resume(world.as_("examiner"), case.pk, "听证结束")
    services.pause(world.as_("examiner"), case.pk, "experts", "评审", "法")
    services.withdraw(world.as_("applicant"), case.pk, "不再申请")
    times = list(CaseEvent.objects.filter(case=case).order_by("sequence").values_list("at", flat=True))
    assert times == sorted(times) and len(set(times)) == len(times)
    assert all(one.ended_at is not None and one.ended_at >= one.started_at for one in case.pauses.all())
