"""Where a case stands, in the words its applicant needs: what is, what follows, by when. 办件进度.

Dates are told as what they are: a last day is provisional while the holidays of its year are not published, a clock that
stands is said to stand, a limit that passed is said to have passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from django.utils import timezone

from kunyu.engines.matters.cases import desk, routing
from kunyu.engines.matters.cases.shown import decision
from kunyu.engines.matters.cases.words import days_used
from kunyu.engines.matters.models import Case, CaseEvent, Pause
from kunyu.engines.pages.words import Pair
from kunyu.engines.worklist.limits import remaining_workdays

S = Case.State
Tone = Literal["wait", "act", "good", "bad", "plain"]
NOTHING: Pair = ("", "")


@dataclass(frozen=True)
class Standing:
    """Where a case stands. ``by``: by when; ``clock``: what of the promised time is used, or why it stands."""

    tone: Tone
    title: Pair
    meaning: Pair
    following: Pair = NOTHING
    by: Pair = NOTHING
    clock: Pair = NOTHING


def standing(case: Case, today: date | None = None) -> Standing:
    """Where the case stands today."""
    return _OF_STATE[S(case.state)](case, today or timezone.localdate())


def last_day(day: date, today: date, *, is_provisional: bool = False) -> Pair:
    """A last day with the workdays left to it: ``2026-12-02（还有 7 个工作日）``."""
    left = remaining_workdays(today, day)
    if day < today:
        words = (f"已过 {-left} 个工作日", f"{-left} workdays ago")
    elif day == today:
        words = ("就是今天", "today")
    else:
        words = (f"还有 {left} 个工作日", f"{left} workday{'' if left == 1 else 's'} left")
    if is_provisional:
        words = (
            f"{words[0]}；暂定：{day.year} 年的放假安排尚未公布，公布后可能顺延",
            f"{words[1]}; provisional: the holidays of {day.year} are not published and may move it",
        )
    return f"{day.isoformat()}（{words[0]}）", f"{day.isoformat()} ({words[1]})"


# -- one sentence for each state --------------------------------------------------------------------------------------


def _submitted(case: Case, today: date) -> Standing:
    again = Pause.objects.filter(case=case, kind=Pause.Kind.CORRECTION).exists()
    title = ("补正已提交，等待受理", "Corrected, waiting for acceptance") if again else (
        "已提交，等待受理", "Submitted, waiting for acceptance"
    )  # fmt: skip
    return Standing(
        "wait", title,
        ("申请已经收到，正在核对材料是否齐全、是否符合法定形式。", "Your application has arrived; it is checked for being complete."),
        ("接下来会受理，或者一次性告知需要补正的内容，或者说明不予受理的理由。",
         "Next it is accepted, or you are told once what to correct, or why it is not accepted."),
        _reply_by(case, today),
        (f"办理时限{_promised(case)[0]}从受理的次日起算，现在还没有开始。",
         f"The time limit{_promised(case)[1]} begins on the day after acceptance; it has not begun."),
    )  # fmt: skip


def _reply_by(case: Case, today: date) -> Pair:
    """When the office means to answer: the limit of the stage that waits."""
    due = [task for task in desk.running(case).values() if task.due_on is not None]
    if not due:
        return NOTHING
    first = min(due, key=lambda task: task.due_on or today)
    assert first.due_on is not None
    zh, en = last_day(first.due_on, today, is_provisional=first.due_is_provisional)
    return f"应在 {zh}前答复您。", f"You are to be answered by {en}."


def _promised(case: Case) -> Pair:
    if case.promised_days is None:
        return NOTHING
    return f"（承诺 {case.promised_days} 个工作日）", f" ({case.promised_days} workdays promised)"


def _correcting(case: Case, today: date) -> Standing:
    pause = open_pause(case)
    by = NOTHING
    if pause is not None and pause.answer_by is not None:
        zh, en = last_day(pause.answer_by, today)
        by = (f"最后一天是 {zh}；到期没有重新提交的，视为撤回申请。",
              f"The last day is {en}; what is not sent by then counts as withdrawn.")  # fmt: skip
    return Standing(
        "act", ("等待您补正", "Waiting for your correction"),
        ("受理或审查人员已一次性列出需要补正的全部内容。", "Everything that needs correcting was listed at once."),
        ("请逐项改好，然后重新提交；之后继续办理。", "Correct each thing, then send it back; the case goes on."),
        by, _stands(case, ("补正期间", "while you correct"), today),
    )  # fmt: skip


def _in_review(case: Case, today: date) -> Standing:
    names = [_stage_name(case, code) for code in routing.waiting(case)]
    zh, en = "、".join(name[0] for name in names), ", ".join(name[1] for name in names)
    return Standing(
        "wait", (f"正在办理：{zh}" if zh else "正在办理", f"In hand: {en}" if en else "In hand"),
        ("申请已受理，正在审查。", "Your application was accepted and is being examined."),
        ("各环节完成后作出决定，决定一作出就通知您；期间需要您做什么，也会通知您。",
         "After the remaining stages it is decided; you are told at once, and whenever you have to do something."),
        _decided_by(case, today), _used(case, today),
    )  # fmt: skip


def _decided_by(case: Case, today: date) -> Pair:
    if case.due_on is None:
        return ("本事项没有承诺办理时限。", "No time limit is promised for this matter.")
    zh, en = last_day(case.due_on, today, is_provisional=case.due_is_provisional)
    if today > case.due_on:
        return (f"承诺在 {zh}前办结，现在已经超期。您可以向办理机关询问或投诉。",
                f"It was promised by {en} and is overdue. You may ask or complain at the office.")  # fmt: skip
    return f"最迟 {zh}办结。", f"To be settled by {en}."


def _used(case: Case, today: date) -> Pair:
    used = days_used(case, today)
    if case.promised_days is None:
        return f"已用 {used} 个工作日。", f"{used} workdays used."
    return (f"承诺 {case.promised_days} 个工作日，已用 {used} 个。",
            f"{used} of {case.promised_days} promised workdays used.")  # fmt: skip


def _stands(case: Case, while_: Pair, today: date) -> Pair:
    if case.accepted_at is None:
        return ("申请还没有受理，办理时限尚未开始计算。", "It is not accepted yet: the time limit has not begun.")
    zh, en = _used(case, today)
    return (f"{while_[0]}停止计时，不计入办理时限；恢复后最后一天相应顺延。{zh}",
            f"The clock stands {while_[1]}; the last day moves by as much. {en}")  # fmt: skip


def _paused(case: Case, today: date) -> Standing:
    pause = open_pause(case)
    kind = _PAUSES.get(pause.kind, _PAUSES["other"]) if pause else _PAUSES["other"]
    return Standing(
        "wait", (f"已中止：{kind[0]}", f"Suspended: {kind[1]}"),
        (_reason("理由：", pause), _reason("Reason: ", pause)),
        ("该程序结束后恢复办理，届时通知您新的最后一天。", "It goes on when that is over; you are then told the new last day."),
        ("中止期间没有最后一天。", "There is no last day meanwhile."), _stands(case, ("中止期间", "meanwhile"), today),
    )  # fmt: skip


_PAUSES: Mapping[str, Pair] = {
    "hearing": ("听证", "hearing"), "experts": ("专家评审", "expert review"),
    "inspection": ("检验检测、鉴定", "inspection or survey"), "auction": ("招标拍卖", "tender or auction"),
    "other": ("其他法定事由", "another procedure the law names"),
}  # fmt: skip


def _reason(word: str, pause: Pause | None) -> str:
    if pause is None:
        return ""
    basis = f"（{pause.basis}）" if pause.basis else ""
    return f"{word}{pause.reason}{basis}"


def _decided(case: Case, today: date) -> Standing:
    found = decision(case)
    if found is not None and found.outcome == "refuse":
        return Standing(
            "bad", ("决定：不予许可", "Decision: refused"), ("决定已经作出，正在制作决定书。", "It is decided; the letter is being made."),
            ("决定书盖章后可在本页下载。", "The letter can be downloaded here once it is sealed."),
        )  # fmt: skip
    return Standing(
        "good", ("决定：准予", "Decision: granted"), ("决定已经作出，正在制作证照。", "It is decided; the licence is being made."),
        ("证照盖章后可在本页下载，一般几分钟内完成。", "The licence can be downloaded here once it is sealed, usually within minutes."),
    )  # fmt: skip


def _granted(case: Case, today: date) -> Standing:
    licence = (
        "证照可在下面下载，也可以出示二维码供人核验。",
        "Download the licence below, or show its code to be verified.",
    )
    return Standing("good", ("已办结：准予", "Settled: granted"), licence if case.licence_number else
                    ("申请已获准予。", "Your application is granted."), clock=_settled(case))  # fmt: skip


def _refused(case: Case, today: date) -> Standing:
    return Standing("bad", ("已办结：不予许可", "Settled: refused"),
                    ("理由、依据和您的救济途径见下面的决定。", "Reason, basis and your remedies stand below."),
                    clock=_settled(case))  # fmt: skip


def _not_accepted(case: Case, today: date) -> Standing:
    return Standing("bad", ("不予受理", "Not accepted"),
                    ("申请没有进入办理，理由和您的救济途径见下面。", "It was not taken in hand; reason and remedies stand below."))  # fmt: skip


def _withdrawn(case: Case, today: date) -> Standing:
    if CaseEvent.objects.filter(case=case, act="lapsed").exists():
        return Standing("plain", ("视为撤回", "Counts as withdrawn"),
                        ("补正期限已过，没有收到补正。需要办理的，请重新申请。",
                         "The correction did not come in time. To go on, apply anew."))  # fmt: skip
    return Standing("plain", ("已撤回", "Withdrawn"),
                    ("申请已经撤回。需要办理的，请重新申请。", "It was withdrawn. To go on, apply anew."))  # fmt: skip


def _revoked(case: Case, today: date) -> Standing:
    return Standing("bad", ("许可已撤销", "Permit revoked"),
                    ("许可和证照不再有效，理由和您的救济途径见下面。",
                     "Permit and licence are no longer valid; reason and remedies stand below."))  # fmt: skip


def _settled(case: Case) -> Pair:
    if case.promised_days is None or case.closed_at is None:
        return NOTHING
    day = timezone.localtime(case.decided_at or case.closed_at).date().isoformat()
    return (f"{day} 作出决定，用了 {case.days_used} 个工作日（承诺 {case.promised_days} 个）。",
            f"Decided on {day}, after {case.days_used} of {case.promised_days} promised workdays.")  # fmt: skip


_OF_STATE: Mapping[S, Callable[[Case, date], Standing]] = {
    S.SUBMITTED: _submitted, S.CORRECTING: _correcting, S.IN_REVIEW: _in_review, S.PAUSED: _paused, S.DECIDED: _decided,
    S.GRANTED: _granted, S.REFUSED: _refused, S.NOT_ACCEPTED: _not_accepted, S.WITHDRAWN: _withdrawn,
    S.REVOKED: _revoked,
}  # fmt: skip


def open_pause(case: Case) -> Pause | None:
    """The correction or special procedure that lasts."""
    return case.pauses.filter(ended_at=None).first()


def _stage_name(case: Case, code: str) -> Pair:
    found = next((one for one in routing.definition(case).stages if one.code == code), None)
    return (found.name_zh, found.name_en or found.name_zh) if found else (code, code)
