"""Run the rules of matters one by one, each on its own: one that fails is *not checked*, the others stand. 逐条核验."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from kunyu.engines.matters.errors import UnknownRule
from kunyu.engines.matters.rules.answers import CLEAR, CONFLICT, NOT_CHECKED, Answer, Ask, Overlap, Weight, not_checked
from kunyu.engines.matters.rules.asking import Asked
from kunyu.engines.matters.rules.looking import Wanted, aged, look, none_checked
from kunyu.engines.matters.rules.registry import Rule, find_rule
from kunyu.engines.matters.rules.remedies import remedy_of
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import canonical_json, sm3_hex

SCHEMA = 1
DECIMALS = Decimal("0.0001")
"""What is measured is kept and digested to four decimals of its unit; rules round areas to 0.01 m² before."""
MOST = Decimal("9999999999999999.9999")
"""What the column of measured values holds; more (a number somebody typed) is kept as this."""
_WORST = (CONFLICT, NOT_CHECKED, CLEAR)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ruled:
    """What one rule answered, and which edition of it. Edition 0: no pack of this node declares the rule."""

    rule: str
    edition: int
    clause: str
    weight: Weight
    answer: Answer


def rules_of(asked: Asked) -> dict[str, Rule]:
    """The rules that ran or will run, by id; those nobody declares are left out."""
    found = {}
    for name in asked.rules:
        try:
            found[name] = find_rule(name)
        except UnknownRule:
            _log.warning("no installed pack declares rule %s", name)
    return found


def answers(principal: Principal, asked: Asked, valid_at: date, known_at: datetime) -> list[Ruled]:
    """The answer of every rule of every matter asked about, sorted by rule; of two matters' the worse one."""
    rules = rules_of(asked)
    overlaps = _overlaps(principal, asked, rules.values(), valid_at, known_at)
    worst: dict[str, Ruled] = {}
    for matter in asked.matters:
        ask = asked.ask(matter, overlaps, valid_at, known_at)
        for name in matter.rules:
            ruled = _with_remedy(_ruled(name, rules.get(name), ask, asked))
            if name not in worst or _WORST.index(ruled.answer.state) < _WORST.index(worst[name].answer.state):
                worst[name] = ruled
    return [worst[name] for name in sorted(worst)]


def _overlaps(
    principal: Principal, asked: Asked, rules: Iterable[Rule], valid_at: date, known_at: datetime
) -> dict[str, Overlap]:
    wanted = Wanted.by(rules)
    if asked.plot is None:
        return none_checked(wanted.collections, *_NO_PLOT)
    return look(principal, asked.plot, wanted, asked.division, valid_at, known_at)


_NO_PLOT = ("no_plot", "还没有地块范围。", "There is no plot yet.")
_EARLIER_FAULTS = {
    "failed": (
        "查找在先审批失败；详情见节点日志。",
        "Looking for earlier approvals failed; the node's log has the details.",
    ),
    "too_many": (
        "与地块相交或同一项目代码的审批、办件过多，未逐件核对。",
        "Too many approvals and cases touch the plot or bear its project code to compare each.",
    ),
}


def _ruled(name: str, rule: Rule | None, ask: Ask, asked: Asked) -> Ruled:
    if rule is None:
        answer = not_checked("no_rule", f"本节点没有规则 {name}。", f"This node has no rule {name}.")
        return Ruled(name, 0, "", "warn", answer)
    return Ruled(name, rule.edition, rule.clause, rule.weight, _answer(rule, ask, asked))


def _with_remedy(ruled: Ruled) -> Ruled:
    """Nobody is left with *not checked* and nothing to do: where the rule names no remedy, the reason's is told."""
    answer = ruled.answer
    if answer.state != NOT_CHECKED or answer.remedy_zh:
        return ruled
    zh, en = remedy_of(answer.reason)
    return replace(ruled, answer=replace(answer, remedy_zh=zh, remedy_en=en))


def _answer(rule: Rule, ask: Ask, asked: Asked) -> Answer:
    if rule.needs_plot and ask.plot is None:
        return not_checked(*_NO_PLOT)
    if rule.needs_earlier and asked.earlier_fault:
        return not_checked(asked.earlier_fault, *_EARLIER_FAULTS[asked.earlier_fault])
    try:
        return _with_versions(rule, ask, _keepable(rule(_as_seen(rule, ask))))
    except Exception as error:  # noqa: BLE001 - nothing but this rule's answer is lost
        _log.exception("rule %s failed", rule.id)
        said = type(error).__name__
        return not_checked(
            "failed", f"规则 {rule.id} 运行失败（{said}），未核验；详情见节点日志。",
            f"Rule {rule.id} failed ({said}): not checked. The node's log has the details.",
        )  # fmt: skip


def _keepable(answer: Answer) -> Answer:
    """Refuse what could not be kept: it would take the answers of all other rules with it."""
    if any(value is not None and not Decimal(value).is_finite() for value in (answer.measured, answer.limit)):
        raise ValueError("a measured value is not finite")
    if len(answer.unit) > 12 or len(answer.reason) > 60 or (answer.state == NOT_CHECKED and not answer.reason):
        raise ValueError("a unit or reason is too long, or the reason is missing")
    return answer


def _as_seen(rule: Rule, ask: Ask) -> Ask:
    """The ask with the overlaps of this rule alone, as old as it takes them."""
    own = {name: aged(ask.overlaps[name], ask.day, rule.max_age_days) for name in rule.collections}
    return replace(ask, overlaps=own)


def _with_versions(rule: Rule, ask: Ask, answer: Answer) -> Answer:
    """An answer that names no versions was given on those of all layers the rule read."""
    if answer.versions:
        return answer
    return replace(answer, versions=tuple(one for name in rule.collections for one in ask.overlaps[name].versions))


def rules_digest(ruled: Iterable[Ruled]) -> str:
    """SM3 over ids and editions of the rules that ran."""
    return sm3_hex(canonical_json(sorted([one.rule, one.edition] for one in ruled)))


def digest(packed: Mapping[str, Any], ruled: Iterable[Ruled], valid_at: date, known_at: str) -> str:
    """SM3 over what was asked, at which moment, and the canonical values of the answers, sorted by rule.

    Sentences are no part of it: they may be worded better without the answer being another one.
    """
    stated = {
        "schema": SCHEMA, "asked": sm3_hex(canonical_json(packed)), "valid_at": valid_at.isoformat(),
        "known_at": known_at, "answers": [_values(one) for one in sorted(ruled, key=lambda one: one.rule)],
    }  # fmt: skip
    return sm3_hex(canonical_json(stated))


def _values(one: Ruled) -> dict[str, Any]:
    answer = one.answer
    return {
        "rule": one.rule, "edition": one.edition, "weight": one.weight, "state": answer.state, "reason": answer.reason,
        "measured": _number(answer.measured), "limit": _number(answer.limit), "unit": answer.unit,
        "versions": sorted([str(v["collection"]), str(v["county"]), int(v["number"])] for v in answer.versions),
    }  # fmt: skip


def _number(value: Decimal | None) -> str | None:
    return None if value is None else str(kept(value))


def kept(value: Decimal) -> Decimal:
    """A measured value or limit as it is kept."""
    return min(max(Decimal(value), -MOST), MOST).quantize(DECIMALS)
