"""What can be refused about parties. Codes are stable."""

from __future__ import annotations

from kunyu.kernel.errors import KunyuError, NotFound, UsageError


class UnknownParty(NotFound):
    """No party of that number, or one the caller may not see."""

    code = "parties.unknown"
    title_zh, title_en = "没有此相对人", "No such party"


class BadParty(UsageError):
    """A name is missing, or a code is not what its standard asks."""

    code = "parties.bad"
    http_status = 422
    title_zh, title_en = "相对人信息有误", "Bad party"


class CannotMerge(KunyuError):
    """The two records are one and the same, of different kinds, or merged already."""

    code = "parties.cannot_merge"
    http_status, exit_code = 409, 4
    title_zh, title_en = "不能合并", "Cannot merge"
