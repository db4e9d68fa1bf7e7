"""Ways out of a case besides its decision, and after it: withdraw, revoke, correct the licence. 撤回、撤销、更正."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from kunyu.engines.documents import licence_states
from kunyu.engines.documents.licences import correct
from kunyu.engines.documents.models import Licence
from kunyu.engines.matters.cases import desk, machine, people, telling
from kunyu.engines.matters.cases.applicants import fault
from kunyu.engines.matters.cases.applying import is_mine
from kunyu.engines.matters.cases.changing import Change, begun, recorded
from kunyu.engines.matters.cases.routing import definition
from kunyu.engines.matters.cases.sealing import licence_request
from kunyu.engines.matters.cases.stages import stop_clock
from kunyu.engines.matters.definitions.forms import check_form
from kunyu.engines.matters.errors import NotYourStep
from kunyu.engines.matters.models import Application, Case, Decision, Pause
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.errors import ReasonMissing

S = Case.State
CORRECTABLE = ("project_name", "project_code", "applicant_name")


@transaction.atomic
def withdraw(principal: Principal, case_id: int, reason: str, *, revision: int | None = None) -> Case:
    """The applicant, or the counter that took his application, takes it back before it is decided.

    Raises
    ------
    UnknownCase, StaleRevision, WrongStep, NotYourStep
    """
    change = begun(principal, case_id, revision)
    case = change.case
    if not is_mine(principal, Application.objects.get(pk=case.application_id)):
        raise NotYourStep(
            f"办件 {case.number} 只能由申请人或收件窗口撤回。",
            f"Case {case.number} is withdrawn by its applicant or the counter that took it.",
            case=case.number,
        )
    machine.require(case, "withdraw")
    Pause.objects.filter(case=case, ended_at=None).update(ended_at=change.now, ended_by=principal.name)
    stop_clock(change)
    case.state, case.closed_at, case.stage, case.assignee = S.WITHDRAWN, change.now, "", None
    desk.settle_stages(case, principal, "withdrawn", reason, cancelled=True)
    event = recorded(change, "withdrawn", reason=reason)
    telling.tell_applicant(case, event.sequence, "已撤回", "withdrawn", reason)
    return case


@transaction.atomic
def revoke(
    principal: Principal, case_id: int, reason: str, basis: Sequence[str] | str, *, revision: int | None = None
) -> Case:
    """Revoke what was granted, with its licence. By another deciding officer's right ``approve``, never the applicant's.

    Raises
    ------
    UnknownCase, StaleRevision, WrongStep, NotYourStep, ReasonMissing
    """
    change = begun(principal, case_id, revision)
    case = change.case
    machine.require(case, "revoke")
    people.require(principal, case, scope.APPROVE, "撤销", "revoke")
    text = basis if isinstance(basis, str) else "；".join(str(one) for one in basis)
    _require_words(reason, text)
    licence = licence_of(case)
    if licence is not None:
        licence_states.revoke(principal, licence.pk, reason, text)
    case.state = S.REVOKED
    event = recorded(change, "revoked", reason=reason, basis=text, licence=case.licence_number)
    telling.tell_applicant(case, event.sequence, "许可已撤销", "revoked", f"理由：{reason}。依据：{text}",
                           f"Reason: {reason}. Basis: {text}", urgent=True)  # fmt: skip
    return case


def correct_licence(
    principal: Principal, case_id: int, changes: Mapping[str, Any], reason: str, *, revision: int | None = None
) -> Case:
    """Correct clerical errors on an issued licence: its next version, under the same number, replaces it.

    Parameters
    ----------
    changes
        ``project_name``, ``project_code``, ``applicant_name``, or fields of the form by name.

    Raises
    ------
    UnknownCase, StaleRevision, WrongStep, NotYourStep, ReasonMissing, BadForm
    """
    with transaction.atomic():
        change = begun(principal, case_id, revision)
        case = change.case
        machine.require(case, "correct_licence")
        people.require(principal, case, scope.APPROVE, "更正证照", "correct the licence of")
        _require_words(reason, "-")
        before = _changed(case, changes)
        decision = Decision.objects.select_for_update().get(case=case)
        decision.corrected_from = {**before, **decision.corrected_from}
        decision.save(update_fields=["corrected_from"])
        _next_version(change, decision, reason)
        event = recorded(change, "licence_corrected", reason=reason, before=before, licence=case.licence_number)
        telling.tell_applicant(case, event.sequence, "证照已更正", "licence corrected", reason)
    return case


def licence_of(case: Case) -> Licence | None:
    """The newest version of the licence of a case."""
    if not case.licence_number:
        return None
    return (
        Licence.objects.filter(subject=f"case:{case.number}", number=case.licence_number).order_by("-version").first()
    )


def _next_version(change: Change, decision: Decision, reason: str) -> None:
    case = change.case
    licence = licence_of(case)
    if licence is None:
        machine.refuse(case, "更正证照", "correct its licence", "没有证照", "there is none")
    key = f"case:{case.number}:licence:{licence.version + 1}"
    correct(change.principal, licence.pk, licence_request(case, decision, definition(case), key), reason)


def _changed(case: Case, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Apply corrections to the case and its application; answers with the values before."""
    if not changes:
        raise fault("changes", "没有要更正的内容。", "Nothing is to be corrected.")
    application = Application.objects.select_for_update().get(pk=case.application_id)
    before: dict[str, Any] = {}
    for name, value in changes.items():
        if name in CORRECTABLE:
            before[name] = getattr(case, name)
            setattr(case, name, str(value).strip())
            setattr(application, name, str(value).strip())
        else:
            before[name] = application.form.get(name)
            application.form[name] = value
    wrong = check_form(_together(application), application.form)
    if wrong:
        raise fault(wrong[0].field, wrong[0].zh, wrong[0].en)
    application.revision += 1
    application.save(update_fields=["form", "revision", *CORRECTABLE])
    case.application = application
    return before


def _together(application: Application) -> list[Any]:
    return [definition(one) for one in application.cases.select_related("edition", "matter").order_by("pk")]


def _require_words(reason: str, basis: str) -> None:
    if not reason.strip() or not basis.strip():
        raise ReasonMissing("请写明理由和法律依据。", "Give the reason and the articles of law.")
