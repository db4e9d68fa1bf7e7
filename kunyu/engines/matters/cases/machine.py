"""Which act fits which state of a case; everything else is refused with what may be done now. 办件状态机 (R-303).

Pure tables. The flow says which *stages* wait; this says what may be done to the case at all (services.md §2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NoReturn

from kunyu.engines.matters.errors import WrongStep
from kunyu.engines.matters.models import Case

S = Case.State

ACCEPT: Final = "accept"
CORRECT: Final = "correct"
REJECT: Final = "reject"
RETURN: Final = "return"
GRANT: Final = "grant"
REFUSE: Final = "refuse"
NEEDS_TEXT = frozenset({REJECT, RETURN, REFUSE, CORRECT})
"""Outcomes that need a reason in words."""

OUTCOMES: Mapping[str, tuple[str, str]] = {
    ACCEPT: ("受理", "accept"),
    CORRECT: ("补正", "correct"),
    REJECT: ("不予受理", "not accept"),
    "agree": ("同意", "agree"),
    RETURN: ("退回", "return"),
    GRANT: ("准予", "grant"),
    REFUSE: ("不予", "refuse"),
    "done": ("完成", "done"),
}
"""Words of the usual outcomes; a matter may name others."""

ACTS: Mapping[str, tuple[str, str]] = {
    "accept": ("受理", "accept it"),
    "not_accept": ("不予受理", "not accept it"),
    "ask_correction": ("告知补正", "ask for a correction"),
    "answer_correction": ("提交补正", "answer the correction"),
    "lapse": ("逾期未补正视为撤回", "let the correction lapse"),
    "step": ("办理当前环节", "act at the waiting stage"),
    "pause": ("中止（特别程序）", "suspend it"),
    "resume": ("恢复办理", "resume it"),
    "decide": ("作出决定", "decide"),
    "seal": ("制证", "make the licence"),
    "withdraw": ("撤回", "withdraw it"),
    "revoke": ("撤销", "revoke it"),
    "correct_licence": ("更正证照", "correct the licence"),
    "assign": ("领取、指派、移交", "claim, assign or hand it over"),
    "move": ("移交其他地区办理", "give it to an office of another region"),
    "supervise": ("督办", "supervise it"),
}

EVENTS: Mapping[str, tuple[str, str]] = {
    "submitted": ("提交", "submitted"),
    "accepted": ("受理", "accepted"),
    "not_accepted": ("不予受理", "not accepted"),
    "step": ("办理", "acted"),
    "claimed": ("领取", "claimed"),
    "assigned": ("指派", "assigned"),
    "handed_over": ("移交", "handed over"),
    "office_changed": ("跨地区移交", "moved to another office"),
    "correction_asked": ("告知补正", "correction asked"),
    "correction_answered": ("提交补正", "correction answered"),
    "lapsed": ("逾期未补正，视为撤回", "lapsed"),
    "paused": ("中止", "suspended"),
    "resumed": ("恢复", "resumed"),
    "decided": ("决定", "decided"),
    "sealed": ("制证", "licence made"),
    "closed": ("办结", "closed"),
    "withdrawn": ("撤回", "withdrawn"),
    "revoked": ("撤销", "revoked"),
    "licence_corrected": ("更正证照", "licence corrected"),
    "supervised": ("督办", "supervised"),
}
"""Words of the trace: every act an event may bear."""

_RUNNING = ("withdraw", "supervise")
ALLOWED: Mapping[str, tuple[str, ...]] = {
    S.SUBMITTED: ("accept", "not_accept", "ask_correction", "step", "assign", "move", *_RUNNING),
    S.CORRECTING: ("answer_correction", "lapse", *_RUNNING),
    S.IN_REVIEW: ("step", "ask_correction", "pause", "decide", "assign", "move", *_RUNNING),
    S.PAUSED: ("resume", *_RUNNING),
    S.DECIDED: ("seal", "step", "assign", "supervise"),
    S.GRANTED: ("correct_licence", "revoke"),
    S.REFUSED: (),
    S.NOT_ACCEPTED: (),
    S.WITHDRAWN: (),
    S.REVOKED: (),
}


def allowed(case: Case) -> tuple[str, ...]:
    """Codes of the acts that the state of the case admits."""
    return ALLOWED[case.state]


def require(case: Case, act: str) -> None:
    """Refuse an act that does not fit the state of the case. Raises WrongStep."""
    if act not in ALLOWED[case.state]:
        refuse(case, *ACTS[act])


def refuse(case: Case, what_zh: str, what_en: str, why_zh: str = "", why_en: str = "") -> NoReturn:
    """Raise WrongStep: what was wanted, where the case stands, what may be done now."""
    now_zh, now_en = may_be_done(case)
    raise WrongStep(
        f"办件 {case.number} 现为“{case.get_state_display()}”，不能{what_zh}{f'：{why_zh}' if why_zh else ''}。{now_zh}",
        f"Case {case.number} is {case.state}: you cannot {what_en}{f' ({why_en})' if why_en else ''}. {now_en}",
        case=case.number,
        state=case.state,
        allowed=list(allowed(case)),
    )


def may_be_done(case: Case) -> tuple[str, str]:
    """A sentence with the acts that fit the state."""
    found = [ACTS[one] for one in allowed(case)]
    if not found:
        return "办件已经办结。", "The case is closed."
    return (
        f"现在可以：{'、'.join(zh for zh, _ in found)}。",
        f"What may be done now: {', '.join(en for _, en in found)}.",
    )
