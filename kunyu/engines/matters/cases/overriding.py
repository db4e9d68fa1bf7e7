"""What a decision passes over: answers that were not checked, and conflicts that forbid granting. 越过未核验项的决定.

An override is one reason for a named list: the list as it stood at the moment of the decision is kept with it, is shown
with it later, and goes into the archive. Whoever decides may say which points he saw; where others are open by then, he
is asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kunyu.engines.matters.cases import checks, machine, routing
from kunyu.engines.matters.errors import OverrideNeeded, UnknownRule
from kunyu.engines.matters.models import Case, Check, CheckAnswer
from kunyu.engines.matters.rules.registry import find_rule

STALE_CHECK = "stale_check"
"""The point that no rule names: what was handed in last has not been checked at all."""
NAMED = 5
"""So many rules are named in a refusal; the page shows all."""


@dataclass(frozen=True)
class Point:
    """One thing a decision passes over. ``rule`` is empty for what was handed in since the last check."""

    rule: str
    name_zh: str
    name_en: str
    state: str
    reason: str = ""
    weight: str = ""

    @property
    def code(self) -> str:
        """How whoever decides names it."""
        return self.rule or STALE_CHECK

    def plain(self) -> dict[str, Any]:
        """As the decision keeps it."""
        return asdict(self)

    @property
    def name(self) -> tuple[str, str]:
        """In both languages."""
        return self.name_zh, self.name_en

    @property
    def words(self) -> tuple[str, str]:
        """In a sentence."""
        zh, en = ("冲突", "conflict") if self.state == CheckAnswer.State.CONFLICT else ("未核验", "not checked")
        return f"{self.rule} {self.name_zh}（{zh}）".strip(), f"{self.rule} {self.name_en} ({en})".strip()


def points(case: Case, check: Check | None, outcome: str) -> tuple[Point, ...]:
    """Everything a decision of this outcome would pass over, by rule; conflicts forbid granting only."""
    found = []
    if routing.definition(case).rules and checks.is_stale(case, check):
        found.append(Point("", "现有材料尚未自动核验", "what was handed in has not been checked",
                           CheckAnswer.State.NOT_CHECKED, STALE_CHECK))  # fmt: skip
    if check is not None:
        found += [_point(one) for one in check.answers.filter(state=CheckAnswer.State.NOT_CHECKED).order_by("rule")]
        if outcome == machine.GRANT:
            found += [_point(one) for one in sorted(checks.blocking(check), key=lambda one: one.rule)]
    return tuple(found)


def _point(one: CheckAnswer) -> Point:
    zh, en = one.rule, one.rule
    try:
        rule = find_rule(one.rule)
        zh, en = rule.name_zh, rule.name_en
    except UnknownRule:
        pass  # a rule of a pack that is gone is named by its id
    return Point(one.rule, zh, en, one.state, one.reason, one.weight)


def require_named(case: Case, open_points: Sequence[Point], override: str, named: Iterable[str] | None) -> None:
    """Refuse a decision that passes over something without a reason, or over more than whoever decides named.

    Raises
    ------
    OverrideNeeded
    """
    if not open_points:
        return
    if not override.strip():
        raise _needed(case, open_points)
    missing = [one for one in open_points if one.code not in set(named)] if named is not None else []
    if missing:
        zh, en = "、".join(one.words[0] for one in missing), ", ".join(one.words[1] for one in missing)
        raise OverrideNeeded(
            f"办件 {case.number}：您看到的核验结果之后又有变化，未列入理由的项目：{zh}。请重新查看后决定。",
            f"Case {case.number}: the checks changed since you looked; your reason does not name: {en}. Look again.",
            case=case.number, **_codes(open_points),
        )  # fmt: skip


def _needed(case: Case, open_points: Sequence[Point]) -> OverrideNeeded:
    unchecked = [one for one in open_points if not one.rule]
    open_ones = [one for one in open_points if one.rule and one.state == CheckAnswer.State.NOT_CHECKED]
    blocks = [one for one in open_points if one.state == CheckAnswer.State.CONFLICT]
    zh, en = [one.name_zh for one in unchecked], [one.name_en for one in unchecked]
    if open_ones:
        zh.append(f"{len(open_ones)} 项未核验（{_named(open_ones)}）")
        en.append(f"{len(open_ones)} not checked ({_named(open_ones)})")
    if blocks:
        zh.append(f"{len(blocks)} 项冲突不得准予（{_named(blocks)}）")
        en.append(f"{len(blocks)} conflicts forbid granting ({_named(blocks)})")
    return OverrideNeeded(
        f"办件 {case.number}：{'；'.join(zh)}。请先重新核验或解决，确需决定的，由有审批权限的人员写明理由。",
        f"Case {case.number}: {'; '.join(en)}. Check again or resolve it; to decide all the same, give a reason.",
        case=case.number, **_codes(open_points),
    )  # fmt: skip


def _codes(open_points: Sequence[Point]) -> dict[str, list[str]]:
    return {
        "not_checked": [one.rule for one in open_points if one.rule and one.state == CheckAnswer.State.NOT_CHECKED],
        "blocking": [one.rule for one in open_points if one.state == CheckAnswer.State.CONFLICT],
    }


def _named(found: Sequence[Point]) -> str:
    return ", ".join(one.rule for one in found[:NAMED]) + (" …" if len(found) > NAMED else "")


def of_decision(kept: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """The points a decision kept, in words of both languages."""
    return [Point(**one).words for one in kept]
