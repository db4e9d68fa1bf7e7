"""What evidence gives people to do and to know; called in the transaction of each act. 举证的待办与通知.

One task of the worklist stands exactly as long as an evidence task lies with a level of review, or with the field after a
return. Tasks that were only handed out make none: a list has thousands, and the queue shows them.
"""

from __future__ import annotations

from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.models import Notification
from kunyu.engines.worklist.notices import Notice, notify
from kunyu.engines.worklist.services import NewTask, Subject, create_task, settle
from kunyu.packs.field_evidence import access
from kunyu.packs.field_evidence.access import COLLECTION, LEVELS
from kunyu.packs.field_evidence.models import EvidenceEvent, EvidenceTask, State


def follow(task: EvidenceTask, before: str, actor: Principal, reason: str) -> None:
    """Settle what the state before gave somebody to do, and make what the new one gives."""
    if before in LEVELS or before == State.RETURNED:
        settle(_key(task, before, task.round - (task.state == State.RETURNED)), actor, task.state, reason)
    if task.state in LEVELS:
        level = State(task.state)
        create_task(
            _new(task, "evidence_review", access.review_division(task, level), level.label, f"{level.value} review"),
            actor,
        )
    elif task.state == State.RETURNED:
        create_task(
            _new(task, "evidence_collect", task.division_code, "退回补充举证", "returned for more evidence"), actor
        )
        _tell_submitter(task, reason)


def _key(task: EvidenceTask, state: str, round_: int) -> str:
    return f"evidence:{task.pk}:{round_}:{state}"


def _new(task: EvidenceTask, kind: str, division: str, zh: str, en: str) -> NewTask:
    return NewTask(
        key=_key(task, task.state, task.round),
        kind=kind,
        subject=Subject(
            "evidence-task", str(task.pk), f"图斑 {task.number}（{task.division_code}）{zh}",
            f"Patch {task.number} ({task.division_code}): {en}", f"/evidence/{task.pk}",
        ),
        division=division,
        collections=(COLLECTION,),
    )  # fmt: skip


def _tell_submitter(task: EvidenceTask, reason: str) -> None:
    last = task.events.filter(act=EvidenceEvent.Act.SUBMIT).last()
    if last is None:
        return
    people = User.objects.filter(username=last.actor).values_list("pk", flat=True)
    notice = Notice(
        kind="evidence_returned", key=f"evidence:{task.pk}:{task.round}:returned", title_zh=f"图斑 {task.number} 的举证被退回",
        title_en=f"Evidence of patch {task.number} was returned", body_zh=reason[:500], body_en=reason[:500],
        href=f"/evidence/{task.pk}", level=Notification.Level.WARNING,
    )  # fmt: skip
    notify(people, notice)
