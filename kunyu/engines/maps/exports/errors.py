"""What an export may be refused for."""

from kunyu.kernel.errors import KunyuError, NotFound


class UnknownExport(NotFound):
    """No export of that number, or it is somebody else's. 导出不存在."""

    code = "maps-unknown-export"
    title_zh, title_en = "导出不存在", "No such export"


class ExportNotReady(KunyuError):
    """The file is not there: still being written, failed, or removed after its time. 导出文件不可用."""

    code = "maps-export-not-ready"
    title_zh, title_en = "导出文件不可用", "No file yet"
    http_status, exit_code = 409, 4


class TooManyExports(KunyuError):
    """A person has as many unfinished exports as one may have. 导出过多."""

    code = "maps-too-many-exports"
    title_zh, title_en = "未完成的导出过多", "Too many unfinished exports"
    http_status, exit_code = 429, 4


class ExportInterrupted(KunyuError):
    """The job was begun several times and never came to its end. 导出多次中断."""

    code = "maps-export-interrupted"
    title_zh, title_en = "导出多次中断", "Export interrupted again and again"
    http_status, exit_code = 500, 70
