"""What the worklist does on events of the outbox; listed in ``kunyu.project.handlers``. Idempotent."""

from __future__ import annotations

from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.models import Notification
from kunyu.engines.worklist.notices import Notice, notify
from kunyu.engines.worklist.services import (
    NewTask,
    Subject,
    create_task,
    give_up_everything,
    settle,
    tell_of_new_task,
)
from kunyu.kernel.outbox.models import Event


def tell_candidates(event: Event) -> None:
    """``worklist.task_created`` {task_id}: tell those who may claim it."""
    tell_of_new_task(int(event.payload["task_id"]))


def label_proposed(event: Event) -> None:
    """``security.label_proposed`` {label_id, collection, proposed_by}: a task for the security administrators."""
    said = event.payload
    subject = Subject(
        "label", str(said["label_id"]), f"数据集 {said['collection']} 的数据标记待审批",
        f"The label of dataset {said['collection']} awaits approval", str(said.get("href", "")),
    )  # fmt: skip
    _approval(f"label:{said['label_id']}", subject, said)


def record_label_proposed(event: Event) -> None:
    """``catalogue.record_label_proposed`` {record_label_id, collection, proposed_by}: the same for single records."""
    said = event.payload
    subject = Subject(
        "record_label", str(said["record_label_id"]), f"数据集 {said['collection']} 部分记录的数据标记待审批",
        f"The label of records of {said['collection']} awaits approval", str(said.get("href", "")),
    )  # fmt: skip
    _approval(f"record-label:{said['record_label_id']}", subject, said)


def _approval(key: str, subject: Subject, said: dict[str, object]) -> None:
    actor = Principal(str(said.get("proposed_by") or "security"), origin="outbox")
    create_task(NewTask(key=key, kind="label_approval", subject=subject), actor)


def label_decided(event: Event) -> None:
    """``security.label_decided`` and its sister for records: the task is done, whoever decided."""
    said = event.payload
    actor = Principal(str(said.get("by") or "security"), origin="outbox")
    for name, prefix in (("label_id", "label"), ("record_label_id", "record-label")):
        if said.get(name) is not None:
            settle(f"{prefix}:{said[name]}", actor, str(said.get("decision", "decided")))


def left_post(event: Event) -> None:
    """``security.left_post`` {user_id, successor_id, by, reason}: open tasks go to the successor, or back to all."""
    said = event.payload
    leaver = User.objects.filter(pk=said["user_id"]).first()
    successor = User.objects.filter(pk=said.get("successor_id")).first() if said.get("successor_id") else None
    if leaver is not None:
        actor = Principal(str(said.get("by") or "security"), origin="outbox")
        give_up_everything(leaver, successor, actor, str(said.get("reason") or "离岗"), only_lost=True)


def grant_ending(event: Event) -> None:
    """``security.grant_ending`` {grant, user, expires_at}: tell the person whose right runs out."""
    said = event.payload
    if said.get("user") is None:
        return  # a role's grant: nobody in particular
    until = str(said.get("expires_at", ""))[:10]
    notify(
        [int(said["user"])],
        Notice(
            kind="grant_ending", key=f"grant-ending:{said['grant']}:{until}", level=Notification.Level.WARNING,
            title_zh=f"您的一项数据权限将于 {until} 到期", title_en=f"One of your rights on data ends on {until}",
            body_zh="需要继续使用时，请向安全管理员申请延期。",
            body_en="Ask the security administrator to extend it if you still need it.",
        ),
    )  # fmt: skip
