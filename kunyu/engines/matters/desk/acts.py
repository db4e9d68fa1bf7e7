"""The acts of officers as pages: title, words, form, what it does. 办件操作页面."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django import forms
from django.http import HttpRequest

from kunyu.engines.matters.cases import checks, offices, routing, services
from kunyu.engines.matters.cases.corrections import located
from kunyu.engines.matters.cases.machine import CORRECT
from kunyu.engines.matters.definitions.matter import Stage
from kunyu.engines.matters.desk.available import Available, able_people, decides, doubts
from kunyu.engines.matters.desk.forms import (
    BasisForm,
    CaseForm,
    CorrectForm,
    GiveForm,
    MoveForm,
    PauseForm,
    ReasonForm,
    RemarkForm,
    StepForm,
    SuperviseForm,
)
from kunyu.engines.matters.desk.licence_form import LicenceForm, fields_on_licence, initial_of, on_form
from kunyu.engines.matters.errors import BadForm, OverrideNeeded
from kunyu.engines.matters.models import Case
from kunyu.engines.matters.rules.disclosure import told
from kunyu.engines.matters.rules.suggesting import Suggestion, suggest
from kunyu.engines.pages.words import Pair, is_english
from kunyu.engines.reference import queries as divisions
from kunyu.engines.security.scope import Principal

Given = dict[str, Any]
Do = Callable[[Principal, Case, Given], object]


@dataclass(frozen=True)
class Act:
    """One act: what its page says, what it asks, what it does. ``losses``: it cannot be undone, and what goes."""

    title: Pair
    button: Pair
    lead: Pair
    done: Pair
    do: Do
    form: type[CaseForm] = CaseForm
    losses: tuple[Pair, ...] = ()
    style: Literal["primary", "secondary", "danger"] = "secondary"


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _claim(who: Principal, case: Case, given: Given) -> object:
    return services.claim(who, case.pk, given["stage"] or None)


def _assign(who: Principal, case: Case, given: Given) -> object:
    return services.assign(who, case.pk, given["user"], given["text"], stage=given["stage"] or None)


def _hand_over(who: Principal, case: Case, given: Given) -> object:
    return services.hand_over(who, case.pk, given["user"], given["text"], stage=given["stage"] or None)


def _move(who: Principal, case: Case, given: Given) -> object:
    return services.move_to_office(who, case.pk, given["county"], given["text"], revision=given["revision"])


def _asked(case: Case, text: str) -> list[dict[str, Any]]:
    """One thing a line, each with the material or field it names, so that the applicant is led there."""
    definition = routing.definition(case)
    return [located(definition, {"what": line}) for line in _lines(text)]


def _correct(who: Principal, case: Case, given: Given) -> object:
    asked = _asked(case, given["asked"])
    return services.request_correction(
        who, case.pk, asked, given["answer_by"], revision=given["revision"], stage=given["stage"] or None
    )


def _answer(who: Principal, case: Case, given: Given) -> object:
    return services.answer_correction(who, case.pk, revision=given["revision"])


def _pause(who: Principal, case: Case, given: Given) -> object:
    return services.pause(who, case.pk, given["kind"], given["text"], given["basis"], revision=given["revision"])


def _resume(who: Principal, case: Case, given: Given) -> object:
    return services.resume(who, case.pk, given["text"], revision=given["revision"])


def _withdraw(who: Principal, case: Case, given: Given) -> object:
    return services.withdraw(who, case.pk, given["text"], revision=given["revision"])


def _revoke(who: Principal, case: Case, given: Given) -> object:
    return services.revoke(who, case.pk, given["text"], _lines(given["basis"]), revision=given["revision"])


def _correct_licence(who: Principal, case: Case, given: Given) -> object:
    try:
        return services.correct_licence(who, case.pk, given["changes"], given["text"], revision=given["revision"])
    except BadForm as error:
        named = [one["field"] for one in error.context.get("faults", ())]
        error.context["field"] = next((at for one in named for at in (one, on_form(one)) if at in given), None)
        raise


def _supervise(who: Principal, case: Case, given: Given) -> object:
    return services.supervise(who, case.pk, given["text"])


def _check(who: Principal, case: Case, given: Given) -> object:
    return services.check_again(who, case.pk)


def _step(who: Principal, case: Case, given: Given) -> object:
    """An opinion, a request for correction or the decision: whatever the outcome means at its stage."""
    said = suggestion(who, case) if given.get("suggested") else None
    facts: dict[str, Any] = {"basis": _lines(given.get("basis", "")), "override": given.get("override", ""),
                             "passed_over": given.get("passed_over", [])}  # fmt: skip
    if given["outcome"] == CORRECT:
        facts["asked"] = _asked(case, given["text"])
    try:
        return services.act(
            who, case.pk, given["stage"], given["outcome"], given["text"], revision=given["revision"], facts=facts,
            suggested=said.text_zh if said else "",
        )  # fmt: skip
    except OverrideNeeded as error:
        error.context["field"] = "override"
        raise


ACTS: Mapping[str, Act] = {
    "step": Act(("办理", "Act"), ("提交意见", "Give the opinion"), ("", ""), ("已办理。", "Done."), _step, StepForm, style="primary"),
    "claim": Act(
        ("领取", "Claim"), ("领取", "Claim it"), ("领取后由您办理，他人不能再办。", "It is then yours; nobody else acts at it."),
        ("已领取。", "Claimed."), _claim, style="primary",
    ),
    "assign": Act(
        ("指派", "Assign"), ("指派", "Assign it"), ("交给有此环节岗位的同事。", "To a colleague who holds a post of this stage."),
        ("已指派。", "Assigned."), _assign, GiveForm,
    ),
    "hand-over": Act(
        ("移交", "Hand over"), ("移交", "Hand it over"), ("把您手里的环节交给同事。", "Give a stage in your hands to a colleague."),
        ("已移交。", "Handed over."), _hand_over, GiveForm,
    ),
    "correct": Act(
        ("告知补正", "Ask for a correction"), ("送达申请人", "Send it to the applicant"),
        ("时钟停到申请人补正为止；逾期不补视为撤回。", "The clock stops until the applicant answers; unanswered, it counts as withdrawn."),
        ("已告知补正。", "The correction is asked for."), _correct, CorrectForm,
    ),
    "answer": Act(
        ("提交补正", "Answer the correction"), ("提交补正", "Answer it"),
        ("由收件窗口代申请人提交，材料和表单应已改好；随后自动重新核验。",
         "By the counter for the applicant: form and materials are corrected already; it is checked anew."),
        ("补正已提交。", "The correction is answered."), _answer,
    ),
    "pause": Act(
        ("中止（特别程序）", "Suspend"), ("中止", "Suspend it"),
        ("听证、专家评审等特别程序期间不计时，申请人会得到通知。", "The clock stands during a hearing, an expert review …; the applicant is told."),
        ("已中止，时钟停计。", "Suspended; the clock stands."), _pause, PauseForm,
    ),
    "resume": Act(
        ("恢复办理", "Resume"), ("恢复办理", "Resume it"), ("时钟从今天起继续，承诺办结日期顺延。", "The clock goes on from today; the limit moves."),
        ("已恢复办理。", "It goes on."), _resume, RemarkForm, style="primary",
    ),
    "check": Act(
        ("重新核验", "Check again"), ("重新核验", "Check it again"),
        ("按现在的数据重新运行全部规则；原来的核验结果保留。", "All rules run anew on the data of now; earlier checks are kept."),
        ("已重新核验。", "Checked again."), _check,
    ),
    "move": Act(
        ("移交其他地区", "Give to another region"), ("移交", "Give it there"),
        ("由另一个县（市、区）的办理机关接着办；两地都能查看，记入办理轨迹。时限照常计算。",
         "An office of another county goes on with it; both see it, and it stays on the record. The clock goes on."),
        ("已移交其他地区。", "Given to another region."), _move, MoveForm,
    ),
    "supervise": Act(
        ("督办", "Supervise"), ("发出督办", "Send it"), ("", ""), ("督办已送达。", "It was sent."), _supervise, SuperviseForm,
    ),
    "correct-licence": Act(
        ("更正证照", "Correct the licence"), ("换发更正后的证照", "Issue the corrected licence"),
        ("只更正笔误；证照编号不变，原版本标为已换发。", "Clerical errors only; the number stays, the old version is marked replaced."),
        ("证照已更正。", "The licence is corrected."), _correct_licence, LicenceForm,
    ),
    "withdraw": Act(
        ("撤回", "Withdraw"), ("撤回办件", "Withdraw the case"), ("由收件窗口代申请人撤回。", "By the counter for the applicant."),
        ("已撤回。", "Withdrawn."), _withdraw, ReasonForm,
        (("办件就此结束，不能恢复；再办须重新申请。", "The case ends here and cannot be resumed; it takes a new application."),), "danger",
    ),
    "revoke": Act(
        ("撤销许可", "Revoke"), ("撤销许可和证照", "Revoke permit and licence"),
        ("撤销前应听取当事人意见。", "Those concerned are heard before."), ("已撤销。", "Revoked."), _revoke, BasisForm,
        (("证照立即失效，公开核验页随即显示“已撤销”。", "The licence ends at once; its public page says so."),
         ("该许可不再列入一张图的审批图层。", "The permit leaves the approvals layer of the one map.")), "danger",
    ),
}  # fmt: skip


def suggestion(principal: Principal, case: Case) -> Suggestion | None:
    """What the newest check suggests to this officer; None before the first check."""
    check = checks.newest(case)
    return suggest(told(check, principal)) if check else None


def form_of(request: HttpRequest, act: str, case: Case, may: Available) -> forms.Form:
    """The form of an act, bound when it was sent; ``?stage=`` names the stage, ``?suggest=1`` asks for the suggestion."""
    one = may.at(stage_code(request))
    if act == "step":
        stage = one.stage if one else routing.stage_of(case, stage_code(request))
        return step_form(request, case, stage, with_suggestion=request.GET.get("suggest") == "1")
    data = request.POST or None
    initial: dict[str, Any] = {"revision": case.revision}
    if act in ("assign", "hand-over"):
        colleagues = able_people(case, one, with_holder=data is not None) if one else []
        return GiveForm(data, initial=initial, colleagues=colleagues, needs_reason=act == "hand-over")
    if act == "move":
        return MoveForm(data, initial=initial, counties=_counties(case))
    if act == "correct-licence":
        return LicenceForm(data, initial=initial | initial_of(case), fields=fields_on_licence(case))
    return ACTS[act].form(data, initial=initial)


def _counties(case: Case) -> list[tuple[str, Pair]]:
    """Counties a case may be given to, with their names."""
    codes = offices.counties_for(case)
    rows = {one.code: (one.name_zh, one.name_en or one.name_zh) for one in divisions.valid_at().filter(code__in=codes)}
    return [(code, rows.get(code, (code, code))) for code in codes]


def step_form(request: HttpRequest, case: Case, stage: Stage, *, with_suggestion: bool) -> StepForm:
    """The form of a stage; its opinion is prefilled only when that was asked for."""
    initial: dict[str, Any] = {"revision": case.revision, "stage": stage.code}
    if decides(stage):
        initial["basis"] = "\n".join(routing.definition(case).basis)
    said = suggestion(request.principal, case) if with_suggestion else None  # type: ignore[attr-defined]
    if said is not None:
        initial |= {"text": said.text_en if is_english() else said.text_zh, "suggested": True}
    return StepForm(request.POST or None, initial=initial, of_stage=stage, doubts=doubts(case))


def stage_code(request: HttpRequest) -> str:
    """The stage an address or a form names."""
    return (request.POST.get("stage") or request.GET.get("stage", ""))[:60]
