"""The contract with the national platform, adapter against simulator over real HTTP. R-011, R-306, R-309."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from kunyu.engines.matters.cases import sealing, services
from kunyu.engines.matters.cases.tests.world import World
from kunyu.engines.matters.errors import NationalRefused, NationalUnreachable, UnknownCase
from kunyu.engines.matters.models import Case, CaseEvent, NationalMessage, NationalReconciliation
from kunyu.engines.matters.national import sending
from kunyu.engines.matters.national.adapter import HttpPlatform
from kunyu.engines.matters.national.messages import make_message
from kunyu.engines.matters.national.simulator import faults_of
from kunyu.engines.matters.settings import MattersSettings

pytestmark = pytest.mark.django_db


def messages_of(case: Case) -> list[NationalMessage]:
    """Make the messages of all events, as the outbox does."""
    made = [make_message(case.pk, event.sequence) for event in CaseEvent.objects.filter(case=case).order_by("sequence")]
    return [one for one in made if one is not None]


def whole_case(world: World) -> Case:
    """A case through correction, hearing and decision to its licence."""
    case = services.request_correction(world.as_("clerk"), world.submitted().pk, [{"what": "图"}])
    services.answer_correction(world.as_("applicant"), case.pk)
    services.act(world.as_("clerk"), case.pk, "acceptance", "accept", "齐全")
    services.pause(world.as_("examiner"), case.pk, "experts", "专家评审")
    services.resume(world.as_("examiner"), case.pk)
    services.act(world.as_("examiner"), case.pk, "examination", "agree", "符合")
    services.decide(world.as_("decider"), case.pk, "grant", "准", ["法"])
    return sealing.seal_decision(case.pk)


def test_a_whole_case_is_received_with_receipts(world: World, seal: Any, simulator: Any, platform: Any) -> None:
    """R-011, R-306: every block of services.md §5 arrives well-formed, in order, each with its receipt."""
    case = whole_case(world)
    made = messages_of(case)
    assert [one.kind for one in made] == [
        "application", "special", "special", "acceptance", "special", "special", "step", "step", "licence", "closed",
    ]  # fmt: skip
    assert sending.send_waiting(platform) == (10, 0)
    assert {one.state for one in NationalMessage.objects.all()} == {"sent"}
    assert all(one.receipt.startswith("SIM-") for one in NationalMessage.objects.all())
    received = list(simulator.messages.values())
    assert [one["sequence"] for one in received] == [one.sequence for one in made]
    assert all(faults_of(one) == [] for one in received)
    assert received[-1]["closed"]["licence_number"] == case.licence_number
    assert received[-2]["licence"]["identifier"].startswith("1.2.156.3005.2")
    assert received[3]["acceptance"]["promised_workdays"] == 10


def test_the_code_travels_in_clear_and_rests_masked_for_nobody_else(
    world: World, simulator: Any, platform: Any
) -> None:
    case = world.submitted()
    message = messages_of(case)[0]
    assert "code" not in message.body["applicant"]
    sending.send_waiting(platform)
    assert next(iter(simulator.messages.values()))["applicant"]["code"] == case.application.applicant_code


def test_a_message_is_made_once_and_taken_once(world: World, simulator: Any, platform: Any) -> None:
    """Idempotent by number and sequence: delivered again it has the first receipt."""
    case = world.submitted()
    assert messages_of(case)[0].pk == messages_of(case)[0].pk
    sending.send_waiting(platform)
    first = NationalMessage.objects.get()
    NationalMessage.objects.filter(pk=first.pk).update(state="waiting", receipt="")
    sending.send_waiting(platform)
    assert NationalMessage.objects.get().receipt == first.receipt
    assert (simulator.repeated, len(simulator.messages)) == (1, 1)


def test_a_failing_platform_is_asked_again_later_and_in_order(world: World, simulator: Any, platform: Any) -> None:
    """Retry with backoff; what follows in the same case waits, so that nothing overtakes."""
    case = world.accepted()
    messages_of(case)
    simulator.failing = 1
    assert sending.send_waiting(platform) == (0, 1)
    first, second = NationalMessage.objects.order_by("sequence")
    assert (first.state, first.attempts, second.attempts) == ("waiting", 1, 0)
    assert "503" in first.error and first.due_at > timezone.now() + timedelta(seconds=20)
    assert sending.send_waiting(platform) == (0, 0)
    NationalMessage.objects.update(due_at=timezone.now())
    assert sending.send_waiting(platform) == (2, 0)
    assert [one["sequence"] for one in simulator.messages.values()] == [1, 2]


def test_the_wait_doubles(world: World, simulator: Any, platform: Any) -> None:
    messages_of(world.submitted())
    simulator.failing = 3
    waits = []
    for _ in range(3):
        NationalMessage.objects.update(due_at=timezone.now())
        sending.send_waiting(platform)
        waits.append(round((NationalMessage.objects.get().due_at - timezone.now()).total_seconds(), -1))
    assert waits == [30, 60, 120]


def test_a_refused_message_is_on_the_list_of_errors_until_sent_again(
    world: World, simulator: Any, platform: Any
) -> None:
    case = world.submitted()
    messages_of(case)
    simulator.refusing.add(case.number)
    assert sending.send_waiting(platform) == (0, 1)
    found = sending.errors(world.as_("decider")).get()
    assert (found.state, "refused on demand" in found.error) == ("refused", True)
    assert not sending.errors(world.as_("examiner")).exists()
    with pytest.raises(UnknownCase):
        sending.send_again(world.as_("examiner"), found.pk)
    assert sending.send_waiting(platform) == (0, 0)
    simulator.refusing.clear()
    sending.send_again(world.as_("decider"), found.pk)
    assert sending.send_waiting(platform) == (1, 0)
    assert not sending.errors(world.as_("decider")).exists()


def test_the_days_counts_are_compared(world: World, simulator: Any, platform: Any) -> None:
    messages_of(world.accepted())
    sending.send_waiting(platform)
    today = timezone.localdate()
    found = sending.reconcile(today, platform)
    assert found is not None and found.is_equal and found.theirs == {"application": 1, "acceptance": 1}
    simulator.days.clear()
    again = sending.reconcile(today, platform)
    assert again is not None and not again.is_equal
    assert NationalReconciliation.objects.count() == 1


def test_a_bad_message_is_refused_with_its_place(platform: Any) -> None:
    with pytest.raises(NationalRefused) as refused:
        platform.send({"version": 1, "kind": "closed"}, "x:1")
    assert "'number' is a required property" in refused.value.detail_en


def test_a_wrong_token_or_no_platform_keeps_messages(world: World, simulator: Any) -> None:
    from kunyu.kernel.outbound import networks_of

    messages_of(world.submitted())
    stranger = HttpPlatform(MattersSettings(national_url=simulator.url, national_networks=networks_of("127.0.0.0/8")))
    assert sending.send_waiting(stranger) == (0, 1)
    assert NationalMessage.objects.get().state == "waiting"
    nowhere = HttpPlatform(
        MattersSettings(national_url="http://127.0.0.1:9", national_networks=networks_of("127.0.0.0/8"))
    )
    with pytest.raises(NationalUnreachable):
        nowhere.counts(timezone.localdate())
    assert sending.send_waiting() == (0, 0)


def test_an_internal_platform_is_asked_only_where_its_network_is_opened(simulator: Any) -> None:
    closed = HttpPlatform(MattersSettings(national_url=simulator.url))
    with pytest.raises(NationalUnreachable) as refused:
        closed.send({}, "x:1")
    assert "127.0.0.1" in refused.value.detail_en
    assert simulator.messages == {}
