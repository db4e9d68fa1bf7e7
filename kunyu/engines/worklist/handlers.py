"""What the worklist does on events of the outbox; listed in ``kunyu.project.handlers``. Idempotent."""

from __future__ import annotations

from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.services import NewTask, Subject, create_task, tell_of_new_task
from kunyu.kernel.outbox.models import Event

LABEL_PROPOSED_TOPIC = "security.label_proposed"


def tell_candidates(event: Event) -> None:
    """``worklist.task_created`` {task_id}: tell those who may claim it."""
    tell_of_new_task(int(event.payload["task_id"]))


def label_proposed(event: Event) -> None:
    """``security.label_proposed`` {label_id, collection, proposed_by}: a task for the security administrators."""
    said = event.payload
    label_id, collection = str(said["label_id"]), str(said["collection"])
    actor = Principal(str(said.get("proposed_by", "")) or "security", origin="outbox")
    create_task(
        NewTask(
            key=f"label:{label_id}", kind="label_approval",
            subject=Subject(
                "label", label_id, f"数据集 {collection} 的标识待审批", f"The label of {collection} awaits approval",
                str(said.get("href", "")),
            ),
        ),
        actor,
    )  # fmt: skip
