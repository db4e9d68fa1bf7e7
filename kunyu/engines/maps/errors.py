"""What the map services refuse, each with a stable code (RFC 9457 documents are made in ``kunyu.project.problems``)."""

from kunyu.kernel.errors import KunyuError, NodeUnavailable, NotFound, UsageError


class BadParameter(UsageError):
    """A query parameter that does not exist, cannot be read, or contradicts another one. 参数错误."""

    code = "maps-bad-parameter"
    title_zh, title_en = "请求参数错误", "Bad request parameter"


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


class TooSlow(NodeUnavailable):
    """The database did not answer within the statement timeout; a smaller request will succeed. 查询超时."""

    code = "maps-too-slow"
    title_zh, title_en = "查询超时", "Query took too long"


class NoServingDatabase(NodeUnavailable):
    """No connection to the serving database could be had in time. 地图数据库不可用."""

    code = "maps-no-database"
    title_zh, title_en = "地图数据库不可用", "Map database unavailable"
