"""Rounds of acceptance for the access tests: one in each of two counties, and who may ask what of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.utils import timezone

from kunyu.engines.security import scope
from kunyu.packs.survey_acceptance.models import AcceptanceRound, RoundEvent, SampleItem, SamplingPlan

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World

PARCELS = "10401-003"
HERE = frozenset({"viewer", "downloader", "editor", "cleared"})
THERE = frozenset({"neighbour"})
WORKERS = frozenset({"cleared", "neighbour"})
"""Who may approve parcels: they draw, check and decide."""


def build(ours: int, theirs: int, markup: str) -> dict[str, int]:
    """Commit a round in the office check for each of two deliveries, with one sample; ids by county."""
    return {
        "990101": _round(ours, "990101", "990101211000000020", markup),
        "990102": _round(theirs, "990102", "990102211000000001", markup),
    }


def _round(delivery: int, division: str, bsm: str, markup: str) -> int:
    one = AcceptanceRound.objects.create(
        delivery_id=delivery, standard_id="TDT1057-2020", division_code=division, year=2025, number=1,
        collection=PARCELS, parcels=3, delivered_by="somebody", delivering_unit=markup, state="interior",
    )  # fmt: skip
    RoundEvent.objects.create(
        round=one, act="opened", before="", state="sampling", at=timezone.now(), actor="tests", reason=bsm + markup
    )
    plan = SamplingPlan.objects.create(
        round=one, place="interior", method="simple", size_by="table", seed=1, population=3, population_sm3="0" * 64,
        size=1, list_sm3="0" * 64, drawn_by="tests",
    )  # fmt: skip
    SampleItem.objects.create(
        plan=plan, number=1, bsm=bsm, village=f"{division}001001", class_delivered="0101", class_right=True,
        boundary_right=True, attributes_right=False, note=bsm + markup, checker="tests", checked_at=timezone.now(),
    )  # fmt: skip
    return one.pk


def _of(done_by: frozenset[str] | None = None, **more: object) -> Callable[[World], list[Sample]]:
    """The round of each county, and one that is not there."""

    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        found = (("990101", HERE), ("990102", THERE))
        return [
            *(
                Sample(
                    {"round_id": world.rounds[county], **more},
                    "",
                    None,
                    seen,
                    seen if done_by is None else done_by & seen,
                )
                for county, seen in found
            ),
            Sample({"round_id": 999_999, **more}, "", None, frozenset()),
        ]

    return made


def rules() -> dict[str, Rule]:
    """Every route of the pack."""
    from tests.access.rules import Rule

    place = {"place": "interior"}
    plan = {"place": "field", "method": "simple"}
    judgement = {"class_right": True, "boundary_right": True, "attributes_right": True}
    decision = {"accept": False, "reason": "试验"}
    return {
        **{
            f"acceptance/{rest}": Rule("signed in")
            for rest in ("", "accuracy/", "accuracy/surveyors/", "surveyors/", "surveyors/new")
        },
        "acceptance/<int:round_id>": Rule("data", scope.QUERY, samples=_of()),
        "acceptance/<int:round_id>/": Rule("data", scope.QUERY, samples=_of()),
        "acceptance/<int:round_id>/samples/": Rule("data", scope.QUERY, samples=_of()),
        "acceptance/<int:round_id>/<slug:place>/proof": Rule("data", scope.QUERY, samples=_of(**place)),
        "acceptance/<int:round_id>/plan": Rule("data", write="act", body=plan, samples=_of(WORKERS)),
        "acceptance/<int:round_id>/decide": Rule("data", write="act", body=decision, samples=_of(WORKERS)),
        "acceptance/<int:round_id>/step/<slug:step>": Rule(
            "data", write="act", body={"reason": "试验"}, samples=_of(WORKERS, step="interior-done")
        ),
        "acceptance/<int:round_id>/<slug:place>/import": Rule("data", write="act", samples=_of(WORKERS, **place)),
        "acceptance/<int:round_id>/<slug:place>/<int:number>": Rule(
            "data", write="act", body={"class_right": "1"}, samples=_of(WORKERS, number=1, **place)
        ),
        "api/acceptance/rounds": Rule("signed in"),
        "api/acceptance/accuracy": Rule("signed in"),
        "api/acceptance/surveyors": Rule("signed in"),
        "api/acceptance/<int:round_id>": Rule("data", scope.QUERY, samples=_of()),
        "api/acceptance/<int:round_id>/samples": Rule("data", scope.QUERY, samples=_of()),
        "api/acceptance/<int:round_id>/plans/<place>/proof": Rule("data", scope.QUERY, samples=_of(**place)),
        "api/acceptance/<int:round_id>/plans": Rule("data", write="act", body=plan, samples=_of(WORKERS)),
        "api/acceptance/<int:round_id>/samples/<place>/<int:number>": Rule(
            "data", write="act", body=judgement, samples=_of(WORKERS, number=1, **place)
        ),
        "api/acceptance/<int:round_id>/results/<place>": Rule("data", write="act", samples=_of(WORKERS, **place)),
        "api/acceptance/<int:round_id>/decision": Rule("data", write="act", body=decision, samples=_of(WORKERS)),
        **{
            f"api/acceptance/<int:round_id>/{step}": Rule(
                "data", write="act", body={"reason": "试验"}, samples=_of(WORKERS)
            )
            for step in ("begin", "interior-done", "field-done")
        },
    }
