"""What can go wrong with evidence. Codes are stable; texts name the record, the value, the limit and the remedy."""

from __future__ import annotations

from kunyu.kernel.errors import KunyuError, NotFound, UnreadableInput, UsageError


class UnknownEvidence(NotFound):
    """No such task, photo, import or device, or the caller may not see it."""

    code = "evidence.unknown"
    title_zh, title_en = "未找到", "Not found"


class WrongStep(KunyuError):
    """The task does not stand where this act belongs."""

    code = "evidence.wrong_step"
    title_zh, title_en = "当前状态不能办理", "Not in this state"
    http_status = 409
    exit_code = 4


class SamePerson(KunyuError):
    """Whoever handed the task up, or judged it at another level, may not judge it here."""

    code = "evidence.same_person"
    title_zh, title_en = "须由另一人办理", "Another person is needed"
    http_status = 403
    exit_code = 4


class EvidenceIncomplete(KunyuError):
    """The good photos are not the required set."""

    code = "evidence.incomplete"
    title_zh, title_en = "举证照片不全", "Photos are lacking"
    http_status = 409
    exit_code = 4


class ReasonMissing(UsageError):
    """The act needs a reason."""

    code = "evidence.reason_missing"
    title_zh, title_en = "须写明原因", "Give a reason"


class BadTaskList(UnreadableInput):
    """The list of patches cannot be used; nothing of it was taken."""

    code = "evidence.bad_task_list"
    title_zh, title_en = "任务清单不可用", "Bad task list"


class BadDevice(UsageError):
    """A device cannot be registered with this number or key."""

    code = "evidence.bad_device"
    title_zh, title_en = "设备信息有误", "Bad device"
