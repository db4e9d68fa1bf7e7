"""Acts on evidence tasks and devices: each one transaction with its history and its audit entry. 举证任务办理.

待举证 → 已举证 → 县审 → 市审 → 省审 → 国家核查 → 通过 | 退回 → 归档. A review state names the level with which the task
lies; a reviewer's right covers the whole division of that level, and nobody judges what he handed up himself.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from kunyu.engines.reference.models import Organisation
from kunyu.engines.security import audit
from kunyu.engines.security.scope import APPROVE, EDIT, Principal
from kunyu.kernel.crypto import sm2_points
from kunyu.kernel.crypto.errors import MalformedKey
from kunyu.packs.field_evidence import access, worklist
from kunyu.packs.field_evidence.access import LEVELS
from kunyu.packs.field_evidence.errors import (
    BadDevice,
    EvidenceIncomplete,
    ReasonMissing,
    SamePerson,
    UnknownEvidence,
    WrongStep,
)
from kunyu.packs.field_evidence.models import Device, EvidenceEvent, EvidenceTask, Outcome, State
from kunyu.packs.field_evidence.photos.checks import Target, required_set

Act = EvidenceEvent.Act
REVIEWS = tuple(LEVELS)
AFTER = dict(zip((State.EVIDENCED, *REVIEWS), (*REVIEWS, State.PASSED), strict=True))
"""The state that follows when a level approves."""
_PEOPLE = ("submitted_by", "county_by", "city_by", "province_by", "nation_by")
_NUMBER = re.compile(r"[0-9A-Za-z_.-]{1,60}")


@transaction.atomic
def submit(principal: Principal, task_id: int, reason: str = "") -> EvidenceTask:
    """Hand a task with its photos to the county's reviewer; needs the right to edit.

    Raises
    ------
    WrongStep
    EvidenceIncomplete
        The good photos are not the required set and no reason says why they must do.
    """
    task = _locked(principal, task_id, EDIT)
    _require_state(task, State.EVIDENCED)
    if not task.is_complete and not reason.strip():
        lacking = completeness(task)
        raise EvidenceIncomplete(
            f"任务 {task.number} 合格的照片不全：{lacking.zh}。请补拍后再提交，或写明原因提交。",
            f"Task {task.number} lacks good photos: {lacking.en}. Add photos, or give a reason to submit it as it is.",
            task=task.pk, field="reason",
        )  # fmt: skip
    task.submitted_by = principal.name
    return _move(task, State.COUNTY, Act.SUBMIT, principal, reason)


@transaction.atomic
def approve(principal: Principal, task_id: int, reason: str = "") -> EvidenceTask:
    """Pass a task at the level it lies with, on to the next; the nation's approval passes it."""
    task = _reviewing(principal, task_id)
    if task.outcome != Outcome.EXEMPT:
        task.outcome = Outcome.ACCEPTED
    return _judged(task, AFTER[State(task.state)], Act.APPROVE, principal, reason)


@transaction.atomic
def give_back(principal: Principal, task_id: int, reason: str) -> EvidenceTask:
    """Return a task to the field for more photos. 不通过(退回补充举证)."""
    task = _reviewing(principal, task_id)
    _require_reason(reason)
    task.outcome = Outcome.REFUSED
    return _judged(task, State.RETURNED, Act.RETURN, principal, reason)


@transaction.atomic
def doubt(principal: Principal, task_id: int, reason: str) -> EvidenceTask:
    """Return a task because only a visit can tell. 存疑转实地."""
    task = _reviewing(principal, task_id)
    _require_reason(reason)
    task.outcome = Outcome.DOUBTFUL
    return _judged(task, State.RETURNED, Act.DOUBT, principal, reason)


@transaction.atomic
def exempt(principal: Principal, task_id: int, reason: str) -> EvidenceTask:
    """The county finds that no photos are needed; the levels above judge that finding. 免举证."""
    task = _locked(principal, task_id, APPROVE)
    _require_state(task, State.PENDING, State.EVIDENCED, State.RETURNED, State.COUNTY)
    access.require(principal, task, APPROVE, access.review_division(task, State.COUNTY))
    _require_reason(reason)
    if task.state == State.COUNTY:
        _require_another(task, principal)
    task.outcome, task.county_by = Outcome.EXEMPT, principal.name
    return _move(task, State.CITY, Act.EXEMPT, principal, reason)


@transaction.atomic
def archive(principal: Principal, task_id: int) -> EvidenceTask:
    """Close a passed task for good."""
    task = _locked(principal, task_id, APPROVE)
    _require_state(task, State.PASSED)
    return _move(task, State.ARCHIVED, Act.ARCHIVE, principal, "")


ACTS = {"submit": submit, "approve": approve, "return": give_back, "doubt": doubt, "exempt": exempt}
"""Acts by the word in addresses, each of principal, task and reason."""


def require_right(principal: Principal, task: EvidenceTask, act: str) -> None:
    """Refuse who may not do this to any task of the division, before anything else of the request is looked at.

    Raises
    ------
    NotAllowed, NotVisible, SignInNeeded
    """
    access.require(principal, task, EDIT if act == "submit" else APPROVE, task.division_code)


def may_act(principal: Principal, task: EvidenceTask) -> tuple[str, ...]:
    """The acts that the principal may do to the task now, for buttons."""
    found: list[str] = []
    if task.state == State.EVIDENCED and access.may(principal, task, EDIT, task.division_code):
        found.append("submit")
    if task.state in LEVELS:
        level = access.review_division(task, task.state)
        if access.may(principal, task, APPROVE, level) and principal.name not in _people(task):
            found += ["approve", "return", "doubt"]
    if task.state in (State.PENDING, State.EVIDENCED, State.RETURNED, State.COUNTY):
        county = access.review_division(task, State.COUNTY)
        if access.may(principal, task, APPROVE, county) and (
            task.state != State.COUNTY or principal.name not in _people(task)
        ):
            found.append("exempt")
    if task.state == State.PASSED and access.may(principal, task, APPROVE, task.division_code):
        found.append("archive")
    return tuple(found)


def completeness(task: EvidenceTask) -> Any:
    """Judge the set of good photos of the current round and those before it."""
    good = list(task.photos.filter(is_good=True).values_list("kind", "azimuth"))
    return required_set(Target(task.number, tblx=task.tblx), good)


def record(
    task: EvidenceTask, act: str, before: str, principal: Principal, reason: str = "", **detail: Any
) -> None:  # fmt: skip
    """One line of history and one audit entry, in the caller's transaction."""
    EvidenceEvent.objects.create(
        task=task, act=act, before=before, after=task.state, outcome=task.outcome, round=task.round,
        actor=principal.name, reason=reason.strip(),
    )  # fmt: skip
    audit.record(
        principal, f"evidence-{act}", "evidence-task", task.pk, number=task.number, division=task.division_code,
        before=before, after=task.state, outcome=task.outcome, reason=reason.strip()[:500], **detail,
    )  # fmt: skip


# -- one step each -------------------------------------------------------------------------------------------------


def _locked(principal: Principal, task_id: int, action: str) -> EvidenceTask:
    """The task, once the caller may see it and holds ``action`` at all; locked until the transaction ends."""
    task = access.visible_task(principal, task_id)
    access.granted(principal, action)
    locked = EvidenceTask.objects.select_for_update().get(pk=task.pk)
    if action == EDIT:
        access.require(principal, locked, action, locked.division_code)
    return locked


def _reviewing(principal: Principal, task_id: int) -> EvidenceTask:
    task = _locked(principal, task_id, APPROVE)
    access.require(principal, task, APPROVE, task.division_code)
    _require_state(task, *REVIEWS)
    access.require(principal, task, APPROVE, access.review_division(task, task.state))
    _require_another(task, principal)
    return task


def _people(task: EvidenceTask) -> set[str]:
    return {getattr(task, name) for name in _PEOPLE} - {""}


def _require_another(task: EvidenceTask, principal: Principal) -> None:
    if principal.name in _people(task):
        raise SamePerson(
            f"您已在本轮提交或审核过任务 {task.number}，{task.get_state_display()}须由另一人办理。",
            f"You handed task {task.number} up or judged it in this round; another person judges it now.",
            task=task.pk,
        )


def _require_state(task: EvidenceTask, *allowed: str) -> None:
    if task.state not in allowed:
        names = "、".join(State(one).label for one in allowed)
        raise WrongStep(
            f"任务 {task.number} 现为“{task.get_state_display()}”，此操作适用于：{names}。请刷新页面。",
            f"Task {task.number} is {task.state}; this act belongs to {', '.join(allowed)}. Reload the page.",
            task=task.pk, state=task.state,
        )  # fmt: skip


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissing("请写明原因。", "Give a reason.", field="reason")


def _judged(task: EvidenceTask, after: str, act: str, principal: Principal, reason: str) -> EvidenceTask:
    setattr(task, f"{task.state}_by", principal.name)
    return _move(task, after, act, principal, reason)


def _move(task: EvidenceTask, after: str, act: str, principal: Principal, reason: str) -> EvidenceTask:
    before = task.state
    task.state = after
    if after == State.RETURNED:  # a new round: whoever judged before may judge the new photos
        record(task, act, before, principal, reason)
        task.round += 1
        for name in _PEOPLE:
            setattr(task, name, "")
        task.save()
    else:
        task.save()
        record(task, act, before, principal, reason)
    worklist.follow(task, before, principal, reason)
    return task


# -- devices ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def register_device(principal: Principal, number: str, public_key: str, organisation_code: str) -> Device:
    """Register a device of an organisation; needs the right to edit evidence in the organisation's division.

    Raises
    ------
    BadDevice
        Number or key is malformed, or the number is taken.
    """
    access.granted(principal, EDIT)
    organisation = Organisation.objects.filter(code=organisation_code).first()
    if organisation is None:
        raise UnknownEvidence(f"没有单位 {organisation_code}。", f"There is no organisation {organisation_code}.")
    _require_over(principal, organisation)
    key = public_key.strip().lower()
    if not _NUMBER.fullmatch(number) or Device.objects.filter(number=number).exists():
        raise BadDevice(
            f"设备号 {number!r} 不合规或已登记；须为 1–60 位字母、数字、点、横线。",
            f"Device number {number!r} is malformed or taken; use 1 to 60 letters, digits, dots, dashes.", field="number",
        )  # fmt: skip
    try:
        sm2_points.read_point(bytes.fromhex(key))
    except (ValueError, MalformedKey) as error:
        raise BadDevice(
            "公钥不是 SM2 曲线上的点；须为 04 开头的 130 位十六进制。",
            "The public key is no point of the SM2 curve; give 130 hexadecimal digits that begin with 04.", field="public_key",
        ) from error  # fmt: skip
    device = Device.objects.create(
        number=number, public_key=key, organisation=organisation, registered_by=principal.name
    )
    audit.record(principal, "register-device", "evidence-device", number, organisation=organisation.code)
    return device


@transaction.atomic
def revoke_device(principal: Principal, number: str, reason: str, at: datetime | None = None) -> Device:
    """Revoke a device: photos taken from ``at`` (now) on are not believed any more. Again: nothing changes."""
    access.granted(principal, EDIT)
    device = Device.objects.select_for_update(of=("self",)).select_related("organisation").filter(number=number).first()
    if device is None:
        raise UnknownEvidence(f"没有设备 {number}。", f"There is no device {number}.")
    _require_over(principal, device.organisation)
    _require_reason(reason)
    if device.revoked_at is None:
        device.revoked_at, device.revoked_by = at or timezone.now(), principal.name
        device.revoked_reason = reason.strip()
        device.save()
        audit.record(principal, "revoke-device", "evidence-device", number, reason=reason.strip()[:500])
    return device


def _require_over(principal: Principal, organisation: Organisation) -> None:
    from kunyu.engines.security.scope import require_division

    require_division(access.granted(principal, EDIT), organisation.division_code)
