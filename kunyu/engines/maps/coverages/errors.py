"""What the coverage services refuse."""

from kunyu.kernel.errors import KunyuError, NodeUnavailable, NotFound, UsageError


class NoCoverage(NotFound):
    """The collection holds no images, or none where and when it was asked. 没有影像."""

    code = "maps-no-coverage"
    title_zh, title_en = "没有影像或高程", "No coverage"


class BadExpression(UsageError):
    """A band expression that cannot be read, or says more than arithmetic on bands. 波段表达式错误."""

    code = "maps-bad-expression"
    title_zh, title_en = "波段表达式错误", "Bad band expression"


class TooManyPixels(UsageError):
    """More pixels than this node draws or cuts at once. 像元数超限."""

    code = "maps-too-many-pixels"
    title_zh, title_en = "像元数超过上限", "Too many pixels"


class ImageUnreadable(NodeUnavailable):
    """A stored image cannot be read: its object is gone or damaged. 影像不可读."""

    code = "maps-image-unreadable"
    title_zh, title_en = "影像暂不可读", "Image cannot be read"


class RangeNotSatisfiable(KunyuError):
    """A byte range that lies outside the file. 字节范围无效."""

    code = "maps-range-not-satisfiable"
    title_zh, title_en = "字节范围无效", "Range not satisfiable"
    http_status, exit_code = 416, 2
