"""Refusals of the security engine (contract.md: 401 where signing in is needed, 404 unseen, 403 seen but not allowed)."""

from kunyu.kernel.errors import KunyuError


class SignInNeeded(KunyuError):
    """Nobody is signed in and the thing asked for is not public."""

    code = "sign_in_needed"
    title_zh, title_en = "请先登录", "Sign in first"
    http_status = 401
    exit_code = 4


class NotVisible(KunyuError):
    """The caller may not know that the thing exists; also said when it does not exist."""

    code = "not_found"
    title_zh, title_en = "未找到", "Not found"
    http_status = 404
    exit_code = 4


class NotAllowed(KunyuError):
    """The caller may see the thing but not do this to it."""

    code = "not_allowed"
    title_zh, title_en = "没有权限", "Not allowed"
    http_status = 403
    exit_code = 4


class BadToken(KunyuError):
    """A personal access token that nobody holds, or that has expired."""

    code = "bad_token"
    title_zh, title_en = "访问令牌无效", "Bad access token"
    http_status = 401
    exit_code = 4


class UnknownUser(KunyuError):
    """A user name that no active account bears."""

    code = "unknown_user"
    title_zh, title_en = "没有此账号", "Unknown account"
    http_status = 404
    exit_code = 2


class NotInThisZone(KunyuError):
    """The label of the data is stricter than the network zone of this node may hold."""

    code = "not_in_this_zone"
    title_zh, title_en = "不属于本网络分区", "Not in this zone"
    http_status = 403
    exit_code = 4


class UnknownZone(KunyuError):
    """The setting ``KUNYU_ZONE`` names no network zone."""

    code = "unknown_zone"
    title_zh, title_en = "没有此网络分区", "Unknown zone"
    http_status = 500
    exit_code = 2


class FieldMasked(KunyuError):
    """A filter or an order by a field that the caller sees masked only."""

    code = "field_masked"
    title_zh, title_en = "字段已脱敏", "Masked field"
    http_status = 403
    exit_code = 4
