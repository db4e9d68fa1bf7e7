"""What can be refused about projects. Codes are stable."""

from __future__ import annotations

from kunyu.kernel.errors import KunyuError, NotFound, UsageError


class UnknownProject(NotFound):
    """No project, document or plot of this number, or one the caller may not see."""

    code = "projects.unknown"
    title_zh, title_en = "没有此项目", "No such project"


class BadDocument(UsageError):
    """A value of an approval that cannot be: no number, a plot that is no polygon, an area below zero."""

    code = "projects.bad_document"
    http_status = 422
    title_zh, title_en = "批准文件信息有误", "Bad approval document"


class NumberTaken(KunyuError):
    """Another approval bears this number and kind already."""

    code = "projects.number_taken"
    http_status, exit_code = 409, 4
    title_zh, title_en = "文号已登记", "Number taken"
