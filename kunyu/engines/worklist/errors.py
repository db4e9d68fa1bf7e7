"""Refusals of the worklist."""

from kunyu.kernel.errors import Defect, KunyuError, UsageError


class UnknownTask(KunyuError):
    """No such task, or the caller may not know of it."""

    code = "worklist.unknown_task"
    title_zh, title_en = "没有此待办", "Unknown task"
    http_status, exit_code = 404, 4


class UnknownNotification(KunyuError):
    """No such notification, or it is another person's."""

    code = "worklist.unknown_notification"
    title_zh, title_en = "没有此通知", "Unknown notification"
    http_status, exit_code = 404, 4


class UnknownProgress(KunyuError):
    """No such job, or it is another person's."""

    code = "worklist.unknown_progress"
    title_zh, title_en = "没有此作业", "Unknown job"
    http_status, exit_code = 404, 4


class JobInterrupted(KunyuError):
    """The process that did a job was killed in every run that it may have: it is not begun again by itself."""

    code = "worklist.job_interrupted"
    title_zh, title_en = "作业多次中断", "Job interrupted repeatedly"
    http_status, exit_code = 500, 5


class UnknownIncident(KunyuError):
    """No such incident, or the caller may not know of it."""

    code = "worklist.unknown_incident"
    title_zh, title_en = "没有此事件", "Unknown incident"
    http_status, exit_code = 404, 4


class UnknownMessage(KunyuError):
    """No such message on its way out, or it is not this administrator's to see."""

    code = "worklist.unknown_message"
    title_zh, title_en = "没有此消息", "Unknown message"
    http_status, exit_code = 404, 4


class AlreadyTaken(KunyuError):
    """Another person was faster."""

    code = "worklist.already_taken"
    title_zh, title_en = "已被领取", "Already taken"
    http_status, exit_code = 409, 4


class WrongState(KunyuError):
    """The act is not possible from where the task or incident stands."""

    code = "worklist.wrong_state"
    title_zh, title_en = "当前状态不能这样办", "Not possible in this state"
    http_status, exit_code = 409, 4


class NotYours(KunyuError):
    """The task is another person's, or the caller may not take such tasks."""

    code = "worklist.not_yours"
    title_zh, title_en = "不是您的待办", "Not your task"
    http_status, exit_code = 403, 4


class ReasonMissing(UsageError):
    """The act needs a reason in words."""

    code = "worklist.reason_missing"
    title_zh, title_en = "请写明原因", "Reason missing"


class BadContact(UsageError):
    """A mail address or telephone number that cannot be one."""

    code = "worklist.bad_contact"
    title_zh, title_en = "联系方式有误", "Bad contact"


class UnknownKind(Defect):
    """A program names a kind that no ``worklist.toml`` declares."""

    code = "worklist.unknown_kind"


class BadKinds(Defect):
    """A ``worklist.toml`` is not what this engine reads."""

    code = "worklist.bad_kinds"


class NotSent(KunyuError):
    """A mail or short message did not leave; ``is_final`` tells that another attempt would fail the same way."""

    code = "worklist.not_sent"
    title_zh, title_en = "未能发送", "Not sent"
    http_status, exit_code = 502, 5

    def __init__(self, detail_zh: str, detail_en: str, *, is_final: bool = False, **context: object) -> None:
        super().__init__(detail_zh, detail_en, **context)
        self.is_final = is_final
