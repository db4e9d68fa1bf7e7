"""What the map services refuse, each with a stable code (RFC 9457 documents are made in ``kunyu.project.problems``)."""

from kunyu.kernel.errors import KunyuError, NodeUnavailable, NotFound


class NoSuchFeature(NotFound):
    """The collection holds no such feature at the time asked for. 要素不存在."""

    code = "maps-no-such-feature"
    title_zh, title_en = "要素不存在", "No such feature"


class NoSuchTile(NotFound):
    """The tile matrix set has no such tile, or the collection no tiles. 瓦片不存在."""

    code = "maps-no-such-tile"
    title_zh, title_en = "瓦片不存在", "No such tile"


class NoSuchStyle(NotFound):
    """No style of that name, or the caller may not see its layer. 样式不存在."""

    code = "maps-no-such-style"
    title_zh, title_en = "样式不存在", "No such style"


class NoSuchBranch(NotFound):
    """The layer tree has no such branch, or the caller may see nothing in it. 目录节点不存在."""

    code = "maps-no-such-branch"
    title_zh, title_en = "目录节点不存在", "No such branch of the layer tree"


class MethodNotAllowed(KunyuError):
    """The map services are read-only. 不支持的方法."""

    code = "maps-method-not-allowed"
    title_zh, title_en = "不支持的请求方法", "Method not allowed"
    http_status, exit_code = 405, 2


class NotAcceptable(KunyuError):
    """None of the media types the client accepts is offered. 无可接受的格式."""

    code = "maps-not-acceptable"
    title_zh, title_en = "没有可接受的格式", "Not acceptable"
    http_status, exit_code = 406, 2


class OutsideMapFailed(NodeUnavailable):
    """The base map of another house does not answer, or not with a picture. 外部底图不可用."""

    code = "maps-outside-map-failed"
    title_zh, title_en = "外部底图不可用", "Outside base map unavailable"
