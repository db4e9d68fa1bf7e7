"""Acts on rounds. Every step locks the round, writes history, task and audit with it: all of them or none. 质检轮次."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Max, Q
from django.utils import timezone

from kunyu.engines.ingest import access, queries
from kunyu.engines.ingest import services as deliveries
from kunyu.engines.ingest.checks.score import Score, score_of, scoring_of
from kunyu.engines.ingest.models import CheckRun, Delivery, Finding
from kunyu.engines.security import audit
from kunyu.engines.security.models import Appointment
from kunyu.engines.security.scope import APPROVE, Principal
from kunyu.packs.survey_acceptance import worklist
from kunyu.packs.survey_acceptance.errors import (
    AcceptanceNeeded,
    AlreadyDrawn,
    BadEntry,
    NotFinished,
    SamePerson,
    WrongStep,
)
from kunyu.packs.survey_acceptance.models import OPEN_STATES, AcceptanceRound, RoundEvent, SampleItem, SamplingPlan
from kunyu.packs.survey_acceptance.queries import item_of, round_to_work_on
from kunyu.packs.survey_acceptance.rules.judging import Judgement, judged, write_judgement
from kunyu.packs.survey_acceptance.rules.policy import policy
from kunyu.packs.survey_acceptance.rules.population import Wanted, draw_from, read_parcels, store_items
from kunyu.packs.survey_acceptance.rules.sampling import SEED_BITS

State, Place = AcceptanceRound.State, SamplingPlan.Place
ROUND_LOCK_CLASS = 0x6B7B  # beside the locks of ingest: numbers of rounds are given one after the other, by county
CHECKING = ("judged", "imported", "interior_done", "field_done")
"""Acts of a checker: who did one of them does not decide (the database holds the same rule)."""
_WORK = {State.INTERIOR: Place.INTERIOR, State.FIELD: Place.FIELD}


# -- opening and closing, as the delivery moves ---------------------------------------------------------------------


def concerns(delivery: Delivery) -> str:
    """The collection of the parcels whose delivery opens a round; '' when this delivery opens none."""
    rules = policy()
    if delivery.standard_id not in rules.standards:
        return ""
    parcels = delivery.layers.filter(layer_code__in=rules.parcel_layers).order_by("id").first()
    return parcels.collection if parcels else ""


@transaction.atomic
def open_round(delivery: Delivery, actor: Principal) -> AcceptanceRound | None:
    """The round of a delivery that has its verdict, opened if it is not yet; None for a delivery that opens none."""
    collection, run = concerns(delivery), queries.last_run(delivery)
    if not collection or run is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [ROUND_LOCK_CLASS, int(delivery.division_code[:6])])
    existing = AcceptanceRound.objects.filter(delivery=delivery).first()
    if existing is not None:
        return existing
    same = {
        "division_code": delivery.division_code,
        "standard_id": delivery.standard_id,
        "year": delivery.valid_from.year,
    }
    number = (AcceptanceRound.objects.filter(**same).aggregate(last=Max("number"))["last"] or 0) + 1
    one = AcceptanceRound.objects.create(
        delivery=delivery, run=run, number=number, collection=collection, delivered_by=delivery.created_by,
        parcels=sum(delivery.layers.filter(collection=collection).values_list("records", flat=True)),
        delivering_unit=_unit_of(delivery.created_by), **same, **_scored(run, delivery.standard_id),
    )  # fmt: skip
    _record(one, "opened", "", actor, f"汇交批次 {delivery.pk} 的自动检查已有结论", delivery=delivery.pk)
    worklist.follow(one, "", actor, "")
    return one


def _unit_of(username: str) -> str:
    held = Appointment.objects.filter(user__username=username, starts_on__lte=timezone.localdate()).filter(
        Q(ends_on=None) | Q(ends_on__gte=timezone.localdate())
    )
    return held.order_by("starts_on").values_list("post__organisation__name_zh", flat=True).first() or ""


def score_of_run(run: CheckRun, standard_id: str) -> Score | None:
    """Score of a check from its findings, accepted exceptions apart; None where the standard has no scoring."""
    scoring = scoring_of(standard_id)
    if scoring is None:
        return None
    counted = Finding.objects.filter(run=run, exception=None).order_by().values_list("rule", "severity", "layer")
    return score_of([(*row[:3], row[3]) for row in counted.annotate(number=Count("id"))], scoring)


def _scored(run: CheckRun, standard_id: str) -> dict[str, Any]:
    score, scoring = score_of_run(run, standard_id), scoring_of(standard_id)
    if score is None or scoring is None:
        return {}
    costs = [{**asdict(one), "points": str(one.points)} for one in score.costs]
    return {"score": score.value, "grade": score.grade.code, "costs": costs, "scoring_digest": scoring.digest}


@transaction.atomic
def follow_delivery(delivery: Delivery, actor: Principal) -> AcceptanceRound | None:
    """Bring the round to where its delivery stands now: opened, returned or closed. Again: nothing changes."""
    one = open_round(delivery, actor)
    if one is None:
        return None
    one = AcceptanceRound.objects.select_for_update().get(pk=one.pk)
    why = delivery.events.order_by("-id").values_list("reason_zh", flat=True).first() or ""
    status = delivery.status
    if status in (Delivery.Status.RETURNED, Delivery.Status.REJECTED) and one.is_open:
        return _move(one, State.RETURNED, actor, "delivery_" + status, why)
    if status == Delivery.Status.PUBLISHED:
        if one.is_open:
            return _move(one, State.CLOSED, actor, "delivery_published", "批次未经验收即发布")
        if not one.events.filter(act="delivery_published").exists():
            _record(one, "delivery_published", one.state, actor, "")
    return one


# -- drawing --------------------------------------------------------------------------------------------------------


@transaction.atomic
def draw_sample(principal: Principal, round_id: int, wanted: Wanted) -> SamplingPlan:
    """Draw the sample of one place from the delivered parcels, once.

    Raises
    ------
    WrongStep, AlreadyDrawn, NothingToSample, BadEntry
    """
    one = _working(principal, round_id, (State.SAMPLING, State.INTERIOR))
    if wanted.place == Place.INTERIOR and one.state != State.SAMPLING:
        raise _wrong_step(one)
    if one.plans.filter(place=wanted.place).exists():
        raise AlreadyDrawn(
            f"第 {one.number} 轮的{Place(wanted.place).label}样本已抽取，不能重抽；可在“抽样复核”中验证。",
            f"The {wanted.place} sample of round {one.number} is drawn already and stays; its proof draws it again.",
        )
    seed = wanted.seed if wanted.seed is not None else secrets.randbits(SEED_BITS)
    if not 0 <= seed < 1 << SEED_BITS:
        raise BadEntry(
            f"种子应为 0 到 2^{SEED_BITS} 之间的整数。", f"The seed is from 0 to 2^{SEED_BITS}.", field="seed"
        )
    parcels = read_parcels(one)
    drawn = draw_from(parcels, one, wanted, seed)
    plan = SamplingPlan.objects.create(
        round=one, place=wanted.place, method=wanted.method, size_by=wanted.size_by, seed=seed,
        population=drawn.population, population_sm3=drawn.population_sm3, size=len(drawn.rows),
        strata=[{"stratum": s.name, "population": s.population, "size": s.size} for s in drawn.strata],
        list_sm3=drawn.list_sm3, drawn_by=principal.name,
    )  # fmt: skip
    store_items(plan, parcels, drawn)
    _record(
        one, "drawn", one.state, principal, "", place=wanted.place, method=wanted.method, size=plan.size,
        population=plan.population, seed=seed, list_sm3=plan.list_sm3,
    )  # fmt: skip
    return plan


# -- steps ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def begin_checks(principal: Principal, round_id: int, reason: str = "") -> AcceptanceRound:
    """待抽样 → 内业检查, once the interior sample is drawn."""
    one = _working(principal, round_id, (State.SAMPLING,))
    if not one.plans.filter(place=Place.INTERIOR).exists():
        raise NotFinished("还没有抽取内业样本，请先抽样。", "The interior sample is not drawn yet; draw it first.")
    return _move(one, State.INTERIOR, principal, "sampled", reason)


@transaction.atomic
def finish_interior(principal: Principal, round_id: int, reason: str = "") -> AcceptanceRound:
    """内业检查 → 外业检查; → 待验收 with a reason when no field sample was drawn."""
    one = _working(principal, round_id, (State.INTERIOR,))
    _not_ones_own(principal, one)
    _require_judged(one, Place.INTERIOR)
    if one.plans.filter(place=Place.FIELD).exists():
        return _move(one, State.FIELD, principal, "interior_done", reason)
    if not reason.strip():
        raise BadEntry(
            "没有抽取外业样本。不做外业检查时请写明理由，或先抽取外业样本。",
            "No field sample is drawn: say why there is no check in the field, or draw one first.",
            field="reason",
        )
    return _move(one, State.DECISION, principal, "interior_done", reason, without_field=True)


@transaction.atomic
def finish_field(principal: Principal, round_id: int, reason: str = "") -> AcceptanceRound:
    """外业检查 → 待验收."""
    one = _working(principal, round_id, (State.FIELD,))
    _not_ones_own(principal, one)
    _require_judged(one, Place.FIELD)
    return _move(one, State.DECISION, principal, "field_done", reason)


STEPS = {"begin": begin_checks, "interior-done": finish_interior, "field-done": finish_field}


@transaction.atomic
def decide(principal: Principal, round_id: int, accept: bool, reason: str) -> AcceptanceRound:
    """通过 or 退回, by a person who neither delivered nor checked. 通过 publishes nothing; 退回 rejects the delivery.

    Raises
    ------
    SamePerson, WrongStep, BadEntry
    WrongStatus
        The delivery was published or closed meanwhile: nothing is written.
    """
    one = _working(principal, round_id, (State.DECISION,) if accept else OPEN_STATES)
    if not accept and not reason.strip():
        raise BadEntry(
            "退回时请写明原因，汇交人会看到。", "A return needs a reason; whoever delivered reads it.", field="reason"
        )
    _not_ones_own(principal, one)
    if one.events.filter(act__in=CHECKING, actor=principal.name).exists():
        raise SamePerson(
            f"您检查过第 {one.number} 轮的样本，验收须由另一人决定。",
            f"You checked samples of round {one.number}; another person decides on it.",
        )
    if accept:
        delivery = Delivery.objects.select_for_update().get(pk=one.delivery_id)
        if delivery.status != Delivery.Status.ACCEPTED:
            raise deliveries.wrong_status(delivery, Delivery.Status.ACCEPTED)
    else:
        access.actionable(principal, one.delivery_id, APPROVE)
        deliveries.reject(one.delivery_id, reason, principal)
    one.decided_by, one.decided_at, one.decision_reason = principal.name, timezone.now(), reason.strip()
    return _move(one, State.ACCEPTED if accept else State.RETURNED, principal, "decided", reason)


def require_accepted(delivery: Delivery) -> None:
    """Guard of publication (``kunyu.project.guards``): where acceptance is mandatory, refuse what was not accepted."""
    if not concerns(delivery) or not policy().is_mandatory(delivery.division_code):
        return
    one = AcceptanceRound.objects.filter(delivery=delivery).first()
    if one is None or one.state != State.ACCEPTED:
        now = one.get_state_display() if one else "尚未开始"
        raise AcceptanceNeeded(
            f"区划 {delivery.division_code} 须先通过验收才能发布；批次 {delivery.pk} 的质检轮次现为“{now}”。",
            f"Division {delivery.division_code} publishes only what was accepted; the round of delivery {delivery.pk} "
            f"stands at {one.state if one else 'not opened'}.",
            delivery=delivery.pk,
        )


# -- judging --------------------------------------------------------------------------------------------------------


@transaction.atomic
def judge(principal: Principal, round_id: int, place: str, number: int, found: Judgement) -> SampleItem:
    """Write down what was found at one parcel; a later judgement takes its place and both stand in the history."""
    one = _checking(principal, round_id, place)
    item = item_of(one, place, number, principal)
    before = judged(item)
    write_judgement(item, found, principal)
    if judged(item) != before:
        _record(one, "judged", one.state, principal, "", place=place, bsm=item.bsm, was=before, now=judged(item))
    return item


@transaction.atomic
def judge_many(principal: Principal, round_id: int, place: str, found: dict[str, Judgement]) -> int:
    """Write down a sheet of judgements by identifier; one entry of history for the sheet, with what each row was."""
    one = _checking(principal, round_id, place)
    items = {item.bsm: item for item in SampleItem.objects.filter(plan__round=one, plan__place=place, bsm__in=found)}
    changed = []
    for bsm, judgement in found.items():
        before = judged(items[bsm])
        write_judgement(items[bsm], judgement, principal)
        if judged(items[bsm]) != before:
            changed.append({"bsm": bsm, "was": before, "now": judged(items[bsm])})
    if changed:
        _record(one, "imported", one.state, principal, "", place=place, rows=len(changed), changed=changed)
    return len(changed)


# -- one step each --------------------------------------------------------------------------------------------------


def _working(principal: Principal, round_id: int, states: tuple[str, ...]) -> AcceptanceRound:
    """The round, locked, once the caller may work on it and it stands in one of ``states``."""
    round_to_work_on(principal, round_id)
    one = AcceptanceRound.objects.select_for_update().get(pk=round_id)
    if one.state not in states:
        raise _wrong_step(one)
    return one


def _checking(principal: Principal, round_id: int, place: str) -> AcceptanceRound:
    one = _working(principal, round_id, tuple(_WORK))
    if _WORK[State(one.state)] != place:
        raise _wrong_step(one)
    _not_ones_own(principal, one)
    return one


def _wrong_step(one: AcceptanceRound) -> WrongStep:
    return WrongStep(
        f"第 {one.number} 轮质检（汇交 {one.delivery_id}）现为“{one.get_state_display()}”，不能做这一步。请查看轮次页面。",
        f"Round {one.number} of delivery {one.delivery_id} stands at {one.state}; this step does not begin there.",
        round=one.pk,
        state=one.state,
    )


def _not_ones_own(principal: Principal, one: AcceptanceRound) -> None:
    if principal.name == one.delivered_by:
        raise SamePerson(
            f"批次 {one.delivery_id} 由您汇交，检查和验收须由他人进行。",
            f"You handed in delivery {one.delivery_id}: others check and decide on it.",
        )


def _require_judged(one: AcceptanceRound, place: str) -> None:
    left = list(
        SampleItem.objects.filter(plan__round=one, plan__place=place, checked_at=None).values_list("number", flat=True)
    )
    if left:
        shown = "、".join(map(str, left[:8]))
        raise NotFinished(
            f"还有 {len(left)} 个样本未判定（序号 {shown}{'…' if len(left) > 8 else ''}）。",
            f"{len(left)} samples are not judged yet (numbers {', '.join(map(str, left[:8]))}).",
        )


def _move(one: AcceptanceRound, to: str, actor: Principal, act: str, reason: str, **detail: Any) -> AcceptanceRound:
    before, one.state = one.state, to
    one.save(update_fields=["state", "decided_by", "decided_at", "decision_reason"])
    _record(one, act, before, actor, reason, **detail)
    worklist.follow(one, before, actor, reason)
    return one


def _record(one: AcceptanceRound, act: str, before: str, actor: Principal, reason: str, **detail: Any) -> None:
    RoundEvent.objects.create(
        round=one, act=act, before=before, state=one.state, at=timezone.now(), actor=actor.name, reason=reason.strip(),
        detail=detail,
    )  # fmt: skip
    audit.record(
        actor, f"acceptance-{act}".replace("_", "-"), "acceptance_round", one.pk, delivery=one.delivery_id,
        before=before, state=one.state, reason=reason, **{k: v for k, v in detail.items() if k not in ("changed", "delivery")},
    )  # fmt: skip
