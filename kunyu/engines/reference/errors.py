"""What can go wrong with codes and boundaries."""

from kunyu.kernel.errors import KunyuError


class DataPackageMissing(KunyuError):
    """The package that carries the code tables is not installed."""

    code = "data_package_missing"
    title_zh, title_en = "缺少数据包", "Data package missing"
    http_status = 503
    exit_code = 5


class UnknownDivision(KunyuError):
    """A division code that no loaded table knows at that date."""

    code = "unknown_division"
    title_zh, title_en = "没有此区划", "Unknown division"
    http_status = 422
    exit_code = 2


class DivisionConflict(KunyuError):
    """A division that would contradict what is loaded already."""

    code = "division_conflict"
    title_zh, title_en = "区划冲突", "Division conflict"
    http_status = 409
    exit_code = 4
