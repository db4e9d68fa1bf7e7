"""Run the rules over a delivery and write down what was found. 检查运行.

The report is canonical: no times, no paths, findings sorted, so that the same input and reference give the same bytes
on every machine.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer
from kunyu.engines.ingest.checks.finding import SEVERITIES, Finding
from kunyu.engines.ingest.checks.local.rule_set import LocalRuleSet, with_local
from kunyu.engines.ingest.checks.reference import EXCEPTIONS, Reference, require_for
from kunyu.engines.ingest.checks.rule import Rule, RuleSet, rules_for
from kunyu.engines.ingest.mapping import MappedDelivery, apply
from kunyu.engines.ingest.reading import DeliverySource
from kunyu.kernel.digests import canonical_json
from kunyu.kernel.errors import Defect, KunyuError

if TYPE_CHECKING:
    from kunyu.engines.catalogue.standards import Standard

SCHEMA = 1
Progress = Callable[[str, int, int], None]
"""Called with what starts now, how many steps are done, how many there are."""
Listener = Callable[[Rule, Sequence[Finding]], None]
"""Called with a rule that has ended and what it found, in the order rules end; from one thread at a time."""

_FIRST = "GXHDTF"
"""Scopes of rules in the order they start: the long ones first, so that no core waits for them at the end."""


@dataclass(frozen=True)
class NotRun:
    """A rule, or the named part of one (``Q508.control_area``), that did not run, and why."""

    rule: str
    reason: str


@dataclass(frozen=True)
class LayerCount:
    """A layer of the standard that was found, and its rows."""

    name: str
    records: int


@dataclass(frozen=True)
class CheckReport:
    """The outcome of a run; ``standard_digest`` and ``edition`` say what it was judged by."""

    input_sm3: str
    standard: str
    edition: str
    standard_digest: str
    crs: str | None
    layers: tuple[LayerCount, ...]
    rules: tuple[Rule, ...]
    rules_not_run: tuple[NotRun, ...]
    findings: tuple[Finding, ...]
    delivered: Delivered | None = field(default=None, compare=False, repr=False)
    """What was checked, for reports that draw the surroundings of a finding; not published."""
    reference: str | None = None
    """SM3 of the content of the reference pack, when there was one."""
    excepted: tuple[Finding, ...] = ()
    """Findings that two people have accepted before (part ``exceptions`` of the reference); not counted."""
    rule_sets: tuple[LocalRuleSet, ...] = ()
    """Local rule sets that were judged by besides the rules of the packs."""

    @property
    def rules_run(self) -> tuple[str, ...]:
        """Ids of the rules that ran."""
        return tuple(one.id for one in self.rules)

    @property
    def summary(self) -> dict[str, int]:
        """Findings per severity; every severity is there."""
        counts = Counter(one.severity for one in self.findings)
        return {severity: counts[severity] for severity in SEVERITIES}

    @property
    def clean(self) -> bool:
        """Whether nothing of severity S or Z was found."""
        return not (self.summary["S"] or self.summary["Z"])

    def to_dict(self) -> dict[str, Any]:
        """Return the report as contract.md writes it, JSON-ready."""
        return {
            "schema": SCHEMA,
            "input_sm3": self.input_sm3,
            "standard": self.standard,
            "edition": self.edition,
            "crs": self.crs,
            "layers": [{"name": one.name, "records": one.records} for one in self.layers],
            "rules_run": list(self.rules_run),
            "rules_not_run": [{"rule": one.rule, "reason": one.reason} for one in self.rules_not_run],
            "summary": self.summary,
            "findings": [one.to_dict() for one in self.findings],
            **self._judged_by(),
        }

    def _judged_by(self) -> dict[str, Any]:
        """Keys that are there only when a reference pack or local rule sets were given."""
        told: dict[str, Any] = {}
        if self.reference is not None:
            told |= {"reference": self.reference, "excepted": [one.to_dict() for one in self.excepted]}
        if self.rule_sets:
            told["rule_sets"] = [one.named() for one in self.rule_sets]
        return told

    def to_json(self) -> bytes:
        """Return the canonical JSON (UTF-8)."""
        return canonical_json(self.to_dict())


def run(
    delivery: DeliverySource | MappedDelivery,
    standard: Standard,
    rules: RuleSet | None = None,
    reference: Reference | None = None,
    progress: Progress | None = None,
    *,
    listener: Listener | None = None,
    workers: int | None = None,
    local: Sequence[LocalRuleSet] = (),
    division: str | None = None,
    year: int | None = None,
    input_sm3: str | None = None,
) -> CheckReport:
    """Check a delivery against a standard.

    Parameters
    ----------
    delivery : DeliverySource or MappedDelivery
        A source is mapped by names first.
    standard : Standard
    rules : RuleSet, optional
        Those of the installed packs (``rules_for``) when left out.
    reference : Reference, optional
        Content of a reference pack; names the county and the survey year where the caller does not.
    progress, listener : callable, optional
        Told how far it is; told of findings as rules end.
    workers : int, optional
        Rules that run at once (threads; shapely leaves the interpreter free); one for each core when left out.
    local : sequence of LocalRuleSet
        Local rule sets; those that do not hold for the division are passed over.
    division : str, optional
        Code of the division the delivery is for; its first six digits are the county of every BSM. Left out, the
        commonest county of the delivery itself is taken.
    year : int, optional
        Survey year, the latest allowed year of production; without it only impossible years are found.
    input_sm3 : str, optional
        Digest of what was handed in, when the caller has it already.

    Raises
    ------
    UnreadableInput
        A layer breaks off while it is read. Bad records never raise: they become findings.
    ReferenceNotForThis
        The reference is of another standard or county.
    """
    mapped = delivery if isinstance(delivery, MappedDelivery) else apply(delivery, standard)
    chosen = rules if rules is not None else rules_for(standard)
    tell = progress or (lambda _what, _done, _all: None)
    own = tuple(one for one in local if one.holds_for(division))
    chosen = with_local(chosen, own) if own else chosen
    steps = len(mapped.layers) + len(chosen.rules)
    layers: dict[str, DeliveredLayer] = {}
    for layer in mapped.layers:
        tell(layer.spec.code, len(layers), steps)
        layers[layer.spec.code] = DeliveredLayer.read(layer)
    county = division[:6] if division else _commonest_county(layers)
    if reference is not None:
        require_for(reference, standard.id, county)
        county, year = reference.division[:6], reference.year if year is None else year
    checked = Delivered(
        standard, layers, county, year, reference, mapped.mapping is not None, mapped.missing_layers,
        mapped.unmatched, mapped.source, mapped.only,
    )  # fmt: skip
    ran, not_run = _runnable(checked, chosen)
    found = _run_rules(checked, ran, tell, (len(layers), steps), listener, workers or os.cpu_count() or 1)
    tell("", steps, steps)
    found.sort(key=lambda one: one.sort_key)
    accepted = _accepted(reference)
    return CheckReport(
        input_sm3=input_sm3 or mapped.source.input_sm3(),
        standard=standard.id,
        edition=standard.edition,
        standard_digest=standard.digest,
        crs=_main_crs(layers),
        layers=tuple(LayerCount(code, len(layer)) for code, layer in layers.items()),
        rules=tuple(ran),
        rules_not_run=tuple(sorted(not_run, key=lambda one: one.rule)),
        findings=tuple(one for one in found if one.fingerprint not in accepted),
        delivered=checked,
        reference=reference.digest if reference is not None else None,
        excepted=tuple(one for one in found if one.fingerprint in accepted),
        rule_sets=own,
    )


def _accepted(reference: Reference | None) -> frozenset[str]:
    if reference is None or not reference.has(EXCEPTIONS):
        return frozenset()
    return frozenset(reference.rows(EXCEPTIONS).column("fingerprint").to_pylist())


def _runnable(delivery: Delivered, rules: RuleSet) -> tuple[list[Rule], list[NotRun]]:
    """Return the rules whose needs are met, by id, and what does not run and why."""
    ran: list[Rule] = []
    not_run = [NotRun(one.id, one.reason) for one in rules.not_yet]
    for rule in rules.rules:
        reason = _why_not(rule, delivery)
        if reason is not None:
            not_run.append(NotRun(rule.id, reason))
            continue
        ran.append(rule)
        for part in rule.optional_parts:
            lacking = delivery.lacks(part.needs)
            if lacking is not None:
                not_run.append(NotRun(f"{rule.id}.{part.name}", _lacking(delivery, lacking)))
            elif part.declines is not None and (reason := part.declines(delivery)) is not None:
                not_run.append(NotRun(f"{rule.id}.{part.name}", reason))
    return ran, not_run


def _run_rules(
    delivery: Delivered, rules: list[Rule], tell: Progress, steps: tuple[int, int], listener: Listener | None,
    workers: int,
) -> list[Finding]:  # fmt: skip
    done, every = steps
    findings: list[Finding] = []
    started = sorted(rules, key=lambda one: (_FIRST.index(one.scope), one.id))
    with ThreadPoolExecutor(workers, "rule") as pool:
        running: dict[Future[list[Finding]], Rule] = {pool.submit(_findings, one, delivery): one for one in started}
        try:
            for at, future in enumerate(as_completed(running)):
                rule = running[future]
                found = future.result()
                findings.extend(found)
                if listener is not None:
                    listener(rule, found)
                tell(rule.id, done + at, every)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return findings


def _findings(rule: Rule, delivery: Delivered) -> list[Finding]:
    try:
        with np.errstate(all="ignore"):  # absurd numbers in a record are findings, not warnings on a terminal
            return list(rule(delivery))
    except KunyuError:
        raise
    except Exception as error:
        # A rule that fails is our defect; passing it over would be a clean report that nobody checked.
        raise Defect(
            f"规则 {rule.id} 运行出错: {type(error).__name__}: {error}。请把成果与本信息一并反馈。",
            f"Rule {rule.id} failed: {type(error).__name__}: {error}. Please report it together with the delivery.",
            rule=rule.id,
        ) from error


def _why_not(rule: Rule, delivery: Delivered) -> str | None:
    lacking = delivery.lacks(rule.needs)
    if lacking is not None:
        return _lacking(delivery, lacking)
    if rule.needs_crs and not any(delivery.layers[code].crs for code in _needed(rule) if code in delivery.layers):
        return "成果没有坐标系; the delivery does not say its coordinate system"
    return rule.declines(delivery) if rule.declines is not None else None


def _lacking(delivery: Delivered, need: str) -> str:
    """Say what of ``A|ref:B`` is not there, and where it would have to come from."""
    names = need.split("|")
    layers = [one for one in names if not one.startswith("ref:")]
    parts = [one.removeprefix("ref:") for one in names if one.startswith("ref:")]
    reasons = []
    if layers:
        named = " / ".join(_layer_name(delivery.standard, code) for code in layers)
        reasons.append((f"成果中没有 {named}", f"the delivery has no layer {' or '.join(layers)}"))
    if parts:
        named = " / ".join(parts)
        if delivery.reference is None:
            reasons.append((f"须参考包 ({named})", f"needs a reference pack ({named})"))
        else:
            reasons.append((f"参考包中没有 {named}", f"the reference pack has no {named}"))
    return "，".join(zh for zh, _ in reasons) + "; " + ", ".join(en for _, en in reasons)


def _needed(rule: Rule) -> Iterator[str]:
    return (code for need in rule.needs for code in need.split("|"))


def _layer_name(standard: Standard, code: str) -> str:
    spec = standard.layers.get(code)
    return f"{code} {spec.name_zh}" if spec else code


def _commonest_county(layers: Mapping[str, DeliveredLayer]) -> str | None:
    counts: Counter[str] = Counter()
    for layer in layers.values():
        if layer.spec.key == "BSM" and layer.spec.field("BSM").length == 18:
            first = pc.utf8_slice_codeunits(layer.arrow(layer.spec.key), 0, 6)
            for pair in pc.value_counts(first).to_pylist():
                if pair["values"] and pair["values"].isascii() and pair["values"].isdigit():
                    counts[pair["values"]] += pair["counts"]
    return min(counts, key=lambda code: (-counts[code], code)) if counts else None


def _main_crs(layers: Mapping[str, DeliveredLayer]) -> str | None:
    """The coordinate system most layers are in; the first of them where two are equal."""
    counts = Counter(layer.crs for layer in _spatial(layers))
    return counts.most_common(1)[0][0] if counts else None


def _spatial(layers: Mapping[str, DeliveredLayer]) -> Iterator[DeliveredLayer]:
    return (layer for layer in layers.values() if layer.spec.spatial)
