"""What the register of services refuses."""

from kunyu.kernel.errors import KunyuError, NotFound, UsageError


class UnknownService(NotFound):
    """No such service, or the caller may not see it. 服务不存在."""

    code = "unknown_service"
    title_zh, title_en = "没有这个服务", "No such service"


class BadService(UsageError):
    """An entry that cannot be registered. 服务登记信息有误."""

    code = "bad_service"
    http_status = 422


class WrongServiceState(KunyuError):
    """The act does not fit the state the service or application is in. 状态不允许."""

    code = "wrong_service_state"
    title_zh, title_en = "当前状态不允许", "Not in this state"
    http_status, exit_code = 409, 4


class ServiceAway(KunyuError):
    """No endpoint of the service answers. 服务暂不可用."""

    code = "service_away"
    title_zh, title_en = "服务暂不可用", "Service away"
    http_status, exit_code = 502, 5


class UnknownApplication(NotFound):
    """No such application, or the caller has nothing to do with it. 申请不存在."""

    code = "unknown_application"
    title_zh, title_en = "没有这个申请", "No such application"


class OwnApplication(KunyuError):
    """Nobody decides his own application. 不得审批自己的申请."""

    code = "own_application"
    title_zh, title_en = "不得审批自己的申请", "Not one's own application"
    http_status, exit_code = 403, 4
