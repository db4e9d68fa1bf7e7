"""What the STAC services refuse."""

from kunyu.kernel.errors import NotFound, UsageError


class NoSuchItem(NotFound):
    """The collection has no such item for the caller. 影像条目不存在."""

    code = "stac-no-such-item"
    title_zh, title_en = "影像条目不存在", "No such item"


class BadSearch(UsageError):
    """A search that cannot be read. 检索条件错误."""

    code = "stac-bad-search"
    title_zh, title_en = "检索条件错误", "Bad search"
