"""The states of a task, level by level, each by another person of that level (R-186, R-187)."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.worklist.models import Notification, Task
from kunyu.packs.field_evidence import imports, services
from kunyu.packs.field_evidence.errors import EvidenceIncomplete, ReasonMissing, SamePerson, UnknownEvidence, WrongStep
from kunyu.packs.field_evidence.models import EvidenceTask, Outcome, State
from kunyu.packs.field_evidence.samples.simulate import Simulated
from kunyu.packs.field_evidence.tests import people
from kunyu.packs.field_evidence.tests.test_imports import listed

pytestmark = pytest.mark.django_db
LEVELS = (("county", "990101"), ("city", "9901"), ("province", "99"), ("nation", ""))


@pytest.fixture
def world(tmp_path: Path, honest: Simulated) -> tuple[people.Principal, EvidenceTask]:
    me = people.surveyor()
    people.register(honest, me)
    listed(tmp_path, honest.parcels, me)
    imports.import_package(honest.path, "a.zip", me)
    return me, EvidenceTask.objects.get(number=honest.parcels[0].number)


def test_from_the_field_to_the_archive(world: tuple[people.Principal, EvidenceTask]) -> None:
    """待举证 → 已举证 → 县审 → 市审 → 省审 → 国家核查 → 通过 → 归档, with history, audit and a worklist task each."""
    me, task = world
    states = [services.submit(me, task.pk).state]
    for name, division in LEVELS:
        waiting = Task.objects.get(object_kind="evidence-task", state="open")
        assert (waiting.division_code, waiting.due_workdays, waiting.action) == (division, 5, "approve")
        states.append(services.approve(people.reviewer(name, division), task.pk).state)
    assert states == ["county", "city", "province", "nation", "passed"]
    task = services.archive(people.reviewer("archivist", "990101"), task.pk)
    assert (task.state, task.outcome, task.nation_by) == (State.ARCHIVED, Outcome.ACCEPTED, "nation")
    assert list(task.events.values_list("after", flat=True)) == [
        "pending", "evidenced", "county", "city", "province", "nation", "passed", "archived",
    ]  # fmt: skip
    assert AuditEntry.objects.filter(action="evidence-approve", object_id=str(task.pk)).count() == 4
    assert not Task.objects.filter(object_kind="evidence-task", state="open").exists()


def test_a_level_takes_the_right_over_its_whole_division(world: tuple[people.Principal, EvidenceTask]) -> None:
    """A county's reviewer does not judge for the city, nor a neighbour for the county."""
    me, task = world
    services.submit(me, task.pk)
    county = people.reviewer("county", "990101")
    with pytest.raises(UnknownEvidence):
        services.approve(people.reviewer("neighbour", "990102"), task.pk)
    services.approve(county, task.pk)
    with pytest.raises(NotAllowed):
        services.approve(people.reviewer("county2", "990101"), task.pk)
    assert services.may_act(county, EvidenceTask.objects.get(pk=task.pk)) == ()


def test_nobody_judges_twice(world: tuple[people.Principal, EvidenceTask]) -> None:
    """One person with rights over the nation judges one level of a round; the database refuses the rest too."""
    _, task = world
    everything = people.person("everything", "", (*people.SURVEYOR, *people.REVIEWER[2:]))
    services.submit(everything, task.pk)
    with pytest.raises(SamePerson):
        services.approve(everything, task.pk)
    chief = people.reviewer("chief", "")
    services.approve(chief, task.pk)
    with pytest.raises(SamePerson):
        services.approve(chief, task.pk)
    assert "approve" not in services.may_act(chief, EvidenceTask.objects.get(pk=task.pk))
    with pytest.raises(IntegrityError), transaction.atomic():
        EvidenceTask.objects.filter(pk=task.pk).update(city_by="chief")


@pytest.mark.parametrize(("act", "outcome"), [("return", "refused"), ("doubt", "doubtful")])
def test_back_to_the_field_with_a_reason(
    world: tuple[people.Principal, EvidenceTask], act: str, outcome: str, tmp_path: Path, parcels: list
) -> None:
    """A new round begins: whoever judged may judge the new photos; the submitter is told why."""
    from kunyu.packs.field_evidence.samples.simulate import simulate

    me, task = world
    services.submit(me, task.pk)
    county = people.reviewer("county", "990101")
    with pytest.raises(ReasonMissing):
        services.ACTS[act](county, task.pk, "  ")
    task = services.ACTS[act](county, task.pk, "看不清作物")
    assert (task.state, task.outcome, task.round, task.county_by) == (State.RETURNED, outcome, 2, "")
    assert Notification.objects.get(recipient_id=me.user_id, kind="evidence_returned").body_zh == "看不清作物"
    assert Task.objects.get(kind="evidence_collect", state="open").division_code == "990101"
    more = simulate(tmp_path / "more.zip", parcels[:1], seed=77)
    imports.import_package(more.path, "more.zip", me)
    task.refresh_from_db()
    assert (task.state, task.outcome) == (State.EVIDENCED, "")
    assert not Task.objects.filter(kind="evidence_collect", state="open").exists()
    services.submit(me, task.pk)
    assert services.approve(county, task.pk).state == State.CITY


def test_exemption_goes_up_like_an_approval(tmp_path: Path, honest: Simulated) -> None:
    """免举证 is found by the county, with a reason, and judged by the levels above."""
    listed(tmp_path, honest.parcels, people.surveyor())
    task = EvidenceTask.objects.first()
    county = people.reviewer("county", "990101")
    with pytest.raises(ReasonMissing):
        services.exempt(county, task.pk, "")
    services.exempt(county, task.pk, "军事管理区外围, 不能进入")
    for name, division in LEVELS[1:]:
        task = services.approve(people.reviewer(name, division), task.pk)
    assert (task.state, task.outcome) == (State.PASSED, Outcome.EXEMPT)


def test_what_lacks_photos_is_not_handed_up_without_a_reason(tmp_path: Path, seeded: Simulated) -> None:
    me = people.surveyor()
    people.register(seeded, me)
    listed(tmp_path, seeded.parcels, me)
    imports.import_package(seeded.path, "a.zip", me)
    task = EvidenceTask.objects.get(number=seeded.incomplete[0])
    with pytest.raises(EvidenceIncomplete) as refused:
        services.submit(me, task.pk)
    assert "全景 1 个方向, 须 2 个" in refused.value.detail_zh
    assert services.submit(me, task.pk, "三面环水, 只能从一侧拍摄").state == State.COUNTY


def test_acts_out_of_turn_are_refused(world: tuple[people.Principal, EvidenceTask]) -> None:
    me, task = world
    chief = people.reviewer("chief", "")
    with pytest.raises(WrongStep):
        services.approve(chief, task.pk)
    with pytest.raises(NotAllowed):
        services.submit(chief, task.pk)
    with pytest.raises(WrongStep):
        services.archive(chief, task.pk)
    services.submit(me, task.pk)
    with pytest.raises(WrongStep):
        services.submit(me, task.pk)


def test_photos_that_come_during_a_review_change_no_state(
    world: tuple[people.Principal, EvidenceTask], tmp_path: Path, parcels: list
) -> None:
    from kunyu.packs.field_evidence.samples.simulate import simulate

    me, task = world
    services.submit(me, task.pk)
    imports.import_package(simulate(tmp_path / "late.zip", parcels[:1], seed=9).path, "late.zip", me)
    task.refresh_from_db()
    assert task.state == State.COUNTY
    assert task.photos.count() == 6


def test_a_row_label_hides_a_task(world: tuple[people.Principal, EvidenceTask]) -> None:
    """A task labelled stricter than the grant's ceiling is not there for its holder."""
    me, task = world
    EvidenceTask.objects.filter(pk=task.pk).update(label=2 * 9 + 3)
    with pytest.raises(UnknownEvidence):
        services.submit(me, task.pk)
