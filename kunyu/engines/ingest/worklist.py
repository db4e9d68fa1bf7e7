"""What a delivery gives people to do and to know. 汇交的待办与通知.

Called where the status changes, in its transaction: a task stands exactly as long as the delivery waits for it.
"""

from __future__ import annotations

from kunyu.engines.ingest.models import Delivery
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.models import Notification
from kunyu.engines.worklist.notices import Notice, notify
from kunyu.engines.worklist.progress import Job
from kunyu.engines.worklist.services import NewTask, Subject, create_task, settle

Status = Delivery.Status
_BAD = (Status.RETURNED, Status.REJECTED, Status.FAILED)
_PHASES = {
    "map": ("映射", "mapping"), "reference": ("汇集参考资料", "gathering the reference"), "check": ("检查", "checking"), "report": ("生成质检报告", "writing the report"),
    "cog": ("转换影像", "converting images"), "load": ("装载", "loading"), "index": ("建索引", "indexing"),
}  # fmt: skip


def follow(delivery: Delivery, before: str, actor: Principal, reason_zh: str, reason_en: str) -> None:
    """Make, or settle, the task of approving a delivery, and tell the sender what became of it."""
    status = delivery.status
    if status == Status.ACCEPTED and before != Status.ACCEPTED:
        create_task(_approval(delivery), actor)
    elif status in (Status.PUBLISHED, Status.REJECTED):
        settle(_key(delivery), actor, status, reason_zh)
    if status == Status.ACCEPTED and before == Status.ACCEPTED:
        _tell(actor.name, delivery, "publish-failed", ("发布失败", "could not be published"), (reason_zh, reason_en))
    elif status in _BAD or status in (Status.ACCEPTED, Status.PUBLISHED):
        words = (delivery.get_status_display(), status)
        _tell(delivery.created_by, delivery, status, words, (reason_zh, reason_en))


def job_of(delivery: Delivery, purpose: str, owner: str) -> Job:
    """The job of checking (``check``) or publishing (``publish``) a delivery, as its owner sees it."""
    zh, en = {"check": ("检查", "Checking"), "publish": ("发布", "Publishing")}[purpose]
    return Job(
        key=f"delivery-{purpose}:{delivery.pk}", kind=f"delivery_{purpose}", href=f"/deliveries/{delivery.pk}",
        title_zh=f"{zh}汇交 {delivery.pk}：{delivery.file_name}",
        title_en=f"{en} delivery {delivery.pk}: {delivery.file_name}", owner=owner,
    )  # fmt: skip


def phase_words(stage: str) -> tuple[str, str]:
    """A stage such as ``check Q303`` in words of both languages."""
    name, _, rest = stage.partition(" ")
    zh, en = _PHASES.get(name, (name, name))
    return f"{zh} {rest}".strip(), f"{en} {rest}".strip()


def _key(delivery: Delivery) -> str:
    return f"delivery-approval:{delivery.pk}"


def _approval(delivery: Delivery) -> NewTask:
    filled = delivery.layers.exclude(collection="").values_list("collection", flat=True).distinct()
    return NewTask(
        key=_key(delivery),
        kind="delivery_approval",
        subject=Subject(
            "delivery",
            str(delivery.pk),
            f"汇交 {delivery.pk}：{delivery.file_name}（{delivery.division_code}）待审核发布",
            f"Delivery {delivery.pk}: {delivery.file_name} ({delivery.division_code}) awaits approval",
            f"/deliveries/{delivery.pk}",
        ),
        division=delivery.division_code,
        collections=tuple(filled) or ((delivery.dataset_code,) if delivery.dataset_code else ()),
    )


def _tell(username: str, delivery: Delivery, what: str, words: tuple[str, str], reason: tuple[str, str]) -> None:
    bad = what in _BAD or what == "publish-failed"
    people = User.objects.filter(username=username).values_list("pk", flat=True)
    moment = delivery.events.count()  # a publication may fail more than once
    notify(
        people,
        Notice(
            kind="delivery_returned" if bad else "delivery_accepted", key=f"delivery:{delivery.pk}:{what}:{moment}",
            title_zh=f"汇交 {delivery.pk}（{delivery.file_name}）{words[0]}",
            title_en=f"Delivery {delivery.pk} ({delivery.file_name}): {words[1]}",
            body_zh=reason[0], body_en=reason[1], href=f"/deliveries/{delivery.pk}",
            level=Notification.Level.WARNING if bad else Notification.Level.INFO,
        ),
    )  # fmt: skip
