"""What an analysis refuses. The code of an error is stable."""

from __future__ import annotations

from kunyu.kernel.errors import NodeUnavailable, NotFound, Refused, UnreadableInput, UsageError


class BadPlot(UsageError):
    """A geometry that cannot be analysed: not closed, self-intersecting, empty, not in China. 地块几何错误."""

    code = "analysis_bad_plot"
    title_zh, title_en = "地块几何错误", "Bad plot"


class PlotTooLarge(UsageError):
    """More bytes, vertices or plots than one request may bring. 地块过大."""

    code = "analysis_plot_too_large"
    title_zh, title_en = "地块过大", "Plot too large"
    http_status = 413


class BadRequest(UsageError):
    """A member of a request that is unknown, of the wrong type, or beyond its limit. 请求错误."""

    code = "analysis_bad_request"
    title_zh, title_en = "分析请求错误", "Bad analysis request"


class UnreadablePlot(UnreadableInput):
    """An uploaded file holds no plot that could be read. 地块文件无法读取."""

    code = "analysis_unreadable_plot"
    title_zh, title_en = "地块文件无法读取", "Plot file unreadable"


class ReadMoved(NodeUnavailable):
    """A layer was published anew each time it was read for one answer. 数据正在更新."""

    code = "analysis_read_moved"
    title_zh, title_en = "数据正在更新", "Data are being published"


class NoSuchResult(NotFound):
    """No stored result of the caller bears this number or digest. 没有这个结果."""

    code = "analysis_no_such_result"
    title_zh, title_en = "没有这个结果", "No such result"


class NoSuchJob(NotFound):
    """No job of the caller bears this number. 没有这个作业."""

    code = "analysis_no_such_job"
    title_zh, title_en = "没有这个作业", "No such job"


class NoSuchProcess(NotFound):
    """No process of that name (OGC API – Processes). 没有这个处理."""

    code = "analysis_no_such_process"
    title_zh, title_en = "没有这个处理", "No such process"


class ResultNotReady(NotFound):
    """The results of a job that still runs, failed or was dismissed. 结果未就绪."""

    code = "analysis_result_not_ready"
    title_zh, title_en = "结果未就绪", "Result not ready"


class MethodNotAllowed(Refused):
    """Another HTTP method than the address knows. 方法不可用."""

    code = "analysis_method_not_allowed"
    title_zh, title_en = "方法不可用", "Method not allowed"
    http_status = 405
