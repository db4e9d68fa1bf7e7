"""What drawing refuses."""

from kunyu.kernel.errors import UsageError


class BadStyle(UsageError):
    """A style that MapLibre or this node cannot draw, with the place that is wrong. 样式有误."""

    code = "maps-bad-style"
    title_zh, title_en = "样式有误", "Bad style"


class BadImageSize(UsageError):
    """An image of no or an absurd size, or of an area that cannot be drawn. 图像尺寸不当."""

    code = "maps-bad-image-size"
    title_zh, title_en = "图像尺寸不当", "Bad image size"
