"""What keys refuse."""

from kunyu.kernel.errors import KunyuError, UsageError


class QuotaExceeded(KunyuError):
    """The key asked more often than its quota allows. 超出配额."""

    code = "quota_exceeded"
    title_zh, title_en = "超出配额", "Quota exceeded"
    http_status, exit_code = 429, 4


class KeySuspended(KunyuError):
    """The key is suspended by whoever approved it. 密钥已暂停."""

    code = "key_suspended"
    title_zh, title_en = "密钥已暂停", "Key suspended"
    http_status, exit_code = 403, 4


class BadQuota(UsageError):
    """A quota that makes no sense. 配额不合理."""

    code = "bad_quota"
    http_status = 422
