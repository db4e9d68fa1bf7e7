"""A case and its flow: which stages wait, what follows an outcome. 流程流转.

The flow routes and decides nothing else. A case stays on the edition it started with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from kunyu.engines.matters.definitions.editions import definition_of
from kunyu.engines.matters.definitions.forms import fields_of
from kunyu.engines.matters.definitions.matter import Definition, Stage
from kunyu.engines.matters.errors import BadFlow, NotYourStep
from kunyu.engines.matters.flows.reading import Flow, read_flow
from kunyu.engines.matters.flows.running import Standing, complete, start
from kunyu.engines.matters.models import Case, CaseFlow, Check, MatterEdition

_PLAIN = (str, int, float, bool)


def definition(case: Case) -> Definition:
    """The definition of the edition the case started with."""
    return definition_of(case.edition)


def stage_of(case: Case, code: str) -> Stage:
    """A stage of the case's matter. Raises NotYourStep when there is none of this code."""
    for one in definition(case).stages:
        if one.code == code:
            return one
    raise NotYourStep(
        f"办件 {case.number} 的事项没有环节 {code[:60]}。",
        f"The matter of case {case.number} has no stage {code[:60]}.",
    )


def begun(case: Case, facts: Mapping[str, Any]) -> tuple[CaseFlow, tuple[str, ...]]:
    """Start the flow of a case that is about to be kept: its flow, to be kept with it, and the stages that wait."""
    standing = start(_flow(case.edition), facts)
    return CaseFlow(case=case, **_columns(standing)), _ordered(case, standing.waiting)


def go_on(case: Case, stage: str, outcome: str, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Complete a stage; answers with the stages that wait now, () at the end of the flow."""
    kept = CaseFlow.objects.get(case=case)
    standing = Standing(bytes(kept.state), tuple(kept.waiting), bool(kept.end), kept.end, tuple(kept.passed))
    after = complete(_flow(case.edition), standing, stage, outcome, facts)
    CaseFlow.objects.filter(case=case).update(**_columns(after))
    return _ordered(case, after.waiting)


def waiting(case: Case) -> tuple[str, ...]:
    """Codes of the stages the case waits for, in the order of its matter."""
    kept = CaseFlow.objects.filter(case=case).values_list("waiting", flat=True).first()
    return _ordered(case, kept or ())


def is_over(case: Case) -> bool:
    """Has the flow reached an end?"""
    return CaseFlow.objects.filter(case=case).exclude(end="").exists()


def facts_of(case: Case, form: Mapping[str, Any], check: Check | None) -> dict[str, Any]:
    """What conditions of the flow may ask: answers of the form, counts of the newest check, size and place.

    A multiple choice is the list of what was chosen, ``[]`` where nothing was: ``'school' in uses`` always has an answer.
    How many and how long they may be is bounded where the flow takes them (:mod:`flows.running`).
    """
    several: dict[str, Any] = {one.name: [] for one in fields_of(definition(case)) if one.type == "multi"}
    return {
        **several,
        **{name: value for name, value in form.items() if _is_plain(value)},
        "conflicts": check.conflicts if check else 0,
        "not_checked": check.not_checked if check else 0,
        "area_m2": case.plot_area_m2 or 0,
        "division": case.division_code,
    }


def _is_plain(value: Any) -> bool:
    return isinstance(value, _PLAIN) or (isinstance(value, list) and all(isinstance(one, _PLAIN) for one in value))


def _columns(standing: Standing) -> dict[str, Any]:
    if standing.is_finished != bool(standing.end):
        raise BadFlow("流程没有走到任何终点却已结束。", "The flow finished without reaching an end event.")
    return {"state": standing.state, "waiting": list(standing.waiting), "passed": list(standing.passed),
            "end": standing.end}  # fmt: skip


def _ordered(case: Case, codes: Iterable[str]) -> tuple[str, ...]:
    order = {one.code: place for place, one in enumerate(definition(case).stages)}
    return tuple(sorted(codes, key=lambda code: (order.get(code, len(order)), code)))


def _flow(edition: MatterEdition) -> Flow:
    """Compiled once per process for an edition's digest, which covers definition, flow and tables."""
    return _compiled(_Compiled(edition))


class _Compiled:
    """An edition compared by its digest: its flow is read where that is new."""

    def __init__(self, edition: MatterEdition) -> None:
        self.edition, self.digest = edition, edition.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Compiled) and self.digest == other.digest


@lru_cache(maxsize=128)
def _compiled(one: _Compiled) -> Flow:
    edition = one.edition
    tables = {name: text.encode() for name, text in edition.decisions.items()}
    return read_flow(edition.flow.encode(), definition_of(edition).process, tables)
