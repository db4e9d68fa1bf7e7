"""Run the mutual rules over the one map of a county; the result names its inputs and can be repeated. 印证运行."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import shapely

from kunyu.engines.catalogue.served.beliefs import belief_now
from kunyu.engines.ingest.checks.finding import SEVERITIES, Finding, fingerprint
from kunyu.engines.ingest.verification.errors import InputsChanged
from kunyu.engines.ingest.verification.onemap import Parameters
from kunyu.engines.ingest.verification.rule import Contradiction, MutualRule, mutual_rules, rule_edition
from kunyu.engines.ingest.verification.sources import Gathered, gather
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import canonical_json, sm3_hex
from kunyu.kernel.errors import Defect, KunyuError

SCHEMA = 1
MOST_FINDINGS = 20_000
"""Contradictions of one rule that are listed one by one, the most certain first; the others are counted."""
_DEGREE_DECIMALS = 8
Progress = Callable[[str, int, int], None]
"""Called with the rule that starts, how many are done, how many there are."""


@dataclass(frozen=True)
class Result:
    """What a run found. ``findings`` and ``confidence`` stand in one order: by rule, ids and fingerprint."""

    county: str
    parameters: Parameters
    inputs: list[dict[str, object]]
    rules_run: list[str]
    rules_not_run: list[dict[str, str]]
    findings: list[Finding]
    confidence: list[float]
    counts: dict[str, int]
    edition: str
    known_at: datetime.datetime

    @property
    def summary(self) -> dict[str, Any]:
        """Counts by severity and by rule, the parameters, the edition of the rules."""
        listed = Counter(one.severity for one in self.findings)
        return {
            **{severity: listed[severity] for severity in SEVERITIES}, "by_rule": self.counts,
            "parameters": self.parameters.stored(), "edition": self.edition,
        }  # fmt: skip

    def canonical(self) -> bytes:
        """The result without times and persons: the same versions, edition and parameters give the same bytes."""
        return canonical_json({
            "schema": SCHEMA, "division": self.county, "inputs": self.inputs, "edition": self.edition,
            "parameters": self.parameters.stored(), "rules_run": self.rules_run, "rules_not_run": self.rules_not_run,
            "counts": self.counts,
            "findings": [
                {**one.to_dict(), "confidence": sure}
                for one, sure in zip(self.findings, self.confidence, strict=True)
            ],
        })  # fmt: skip

    @property
    def digest(self) -> str:
        """SM3 of the canonical result."""
        return sm3_hex(self.canonical())


def verify(
    principal: Principal,
    county: str,
    parameters: Parameters,
    progress: Progress = lambda _rule, _done, _all: None,
    rules: Sequence[MutualRule] | None = None,
) -> Result:
    """Run every rule whose data is published in the county and may be read by the principal.

    Raises
    ------
    InputsChanged
        Another version was published meanwhile.
    Defect
        A rule failed.
    """
    chosen = tuple(mutual_rules() if rules is None else rules)
    gathered = gather(principal, county, chosen, parameters)
    ready = [one for one in chosen if gathered.reason(one) is None]
    not_run = [{"rule": one.id, "reason": reason} for one in chosen if (reason := gathered.reason(one)) is not None]
    inputs = gathered.inputs(ready)
    # nothing is published between here and the end, or the run is given up: any instant of it names the state read
    known_at = parameters.known_at or belief_now()
    found: list[tuple[Finding, float]] = []
    counts: dict[str, int] = {}
    for done, rule in enumerate(ready):
        progress(rule.id, done, len(ready))
        listed = _contradictions(rule, gathered)
        counts[rule.id] = len(listed)
        found += listed[:MOST_FINDINGS]
    progress("", len(ready), len(ready))
    _require_unchanged(principal, county, ready, parameters, inputs)
    found.sort(key=lambda one: one[0].sort_key)
    return Result(
        county, parameters, inputs, [one.id for one in ready], not_run, [one for one, _ in found],
        [sure for _, sure in found], counts, rule_edition(), known_at,
    )  # fmt: skip


def _contradictions(rule: MutualRule, gathered: Gathered) -> list[tuple[Finding, float]]:
    try:
        found = [(_finding(rule, gathered, one), one.confidence) for one in rule.predicate(gathered.maps)]
    except KunyuError:
        raise
    except Exception as error:
        raise Defect(
            f"印证规则 {rule.id} 运行出错: {type(error).__name__}: {error}",
            f"Mutual rule {rule.id} failed: {type(error).__name__}: {error}",
            rule=rule.id,
        ) from error
    found.sort(key=lambda one: (-one[1], one[0].sort_key))
    return found


def _finding(rule: MutualRule, gathered: Gathered, one: Contradiction) -> Finding:
    place = None if one.geometry is None or shapely.is_empty(one.geometry) else one.geometry
    named = one.ids if place is not None else (*one.ids, one.message_zh)
    return Finding(
        rule.id, rule.clause, rule.severity, gathered.maps.sources[rule.needs[0]].layer, one.ids, place, one.measured,
        one.limit, rule.unit, f"{one.message_zh}; 可信度 {one.confidence:.2f}",
        f"{one.message_en}; confidence {one.confidence:.2f}", rule.remedy_zh,
        fingerprint(rule.id, named, place, _DEGREE_DECIMALS), place,
    )  # fmt: skip


def _require_unchanged(
    principal: Principal, county: str, ready: list[MutualRule], parameters: Parameters, before: list[dict[str, object]]
) -> None:
    if gather(principal, county, ready, parameters).inputs(ready) != before:
        raise InputsChanged(
            f"印证期间 {county} 有新版本发布，结果会混合两个状态，已放弃；请重新运行。",
            f"A version of {county} was published while it was verified; the findings would mix two states. Run it again.",
        )
