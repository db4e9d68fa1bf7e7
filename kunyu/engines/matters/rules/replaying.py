"""Ask a kept check again: what was asked as it was kept, the map as it was known then. 核验复算.

Form, materials and earlier approvals come from the check itself; only the layers are read anew, at its ``valid_at`` and
``known_at``, with the rights that whoever made it has now. A layer those rights no longer reach is read by the public
pre-check, so a digest does not change because somebody left his post.
"""

from __future__ import annotations

from dataclasses import dataclass

from kunyu.engines.catalogue.served.moments import instant_text
from kunyu.engines.ingest.acting import principal_now
from kunyu.engines.matters.models import Check
from kunyu.engines.matters.rules import asking, ruling
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.scope import ANONYMOUS, Principal

ORIGIN = "case-replay"


@dataclass(frozen=True)
class Replay:
    """What a replay found. ``changed_rules`` answer in another edition than then; ``changed_answers`` differ at all."""

    digest: str
    is_same: bool
    changed_rules: tuple[str, ...]
    changed_answers: tuple[str, ...]
    message_zh: str
    message_en: str


def replayed(check: Check) -> Replay:
    """Run the rules of a kept check again at its own moment and compare; nothing is kept."""
    asked = asking.unpack(check.asked)
    ruled = ruling.answers(_maker(check), asked, check.valid_at, check.known_at)
    before: dict[str, int] = check.asked["rules"]
    digest = ruling.digest(check.asked, ruled, check.valid_at, instant_text(check.known_at))
    rules = tuple(one.rule for one in ruled if before.get(one.rule) != one.edition)
    kept = {row.rule: (row.state, row.measured, row.reason) for row in check.answers.all()}
    answers = tuple(one.rule for one in ruled if kept.get(one.rule) != _said(one))
    is_same = digest == check.digest
    return Replay(digest, is_same, rules, answers, *_message(is_same, rules, answers))


def _maker(check: Check) -> Principal:
    """Whoever made the check, with the rights that hold now; nobody in particular when the account is gone."""
    try:
        return principal_now(check.made_by, ORIGIN)
    except SignInNeeded:
        return ANONYMOUS


def _said(one: ruling.Ruled) -> tuple[object, ...]:
    measured = one.answer.measured
    return one.answer.state, None if measured is None else ruling.kept(measured), one.answer.reason


def _message(is_same: bool, rules: tuple[str, ...], answers: tuple[str, ...]) -> tuple[str, str]:
    if is_same:
        return "复算结果与原核验一致。", "The replay equals the check."
    named_zh, named_en = "、".join(answers) or "无", ", ".join(answers) or "none"
    if rules:
        return (
            f"复算所用规则的版本与当时不同（{'、'.join(rules)}），摘要因此不同；结论有变化的规则：{named_zh}。",
            f"Rules have other editions than then ({', '.join(rules)}), so the digest differs; changed answers: {named_en}.",
        )
    return (
        f"复算结果与原核验不同，结论有变化的规则：{named_zh}；数据、权限或计算所用的库已变化，请核对。",
        f"The replay differs; changed answers: {named_en}. Data, rights or libraries have changed: compare.",
    )
