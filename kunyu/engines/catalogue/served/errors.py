"""What reading the layers refuses, whichever service asked. The codes are older than this place and stay."""

from kunyu.kernel.errors import NodeUnavailable, UsageError


class BadParameter(UsageError):
    """A query parameter that does not exist, cannot be read, or contradicts another one. 参数错误."""

    code = "maps-bad-parameter"
    title_zh, title_en = "请求参数错误", "Bad request parameter"


class TooSlow(NodeUnavailable):
    """The database did not answer within the statement timeout; a smaller request will succeed. 查询超时."""

    code = "maps-too-slow"
    title_zh, title_en = "查询超时", "Query took too long"


class NoServingDatabase(NodeUnavailable):
    """No connection to the serving database could be had in time. 地图数据库不可用."""

    code = "maps-no-database"
    title_zh, title_en = "地图数据库不可用", "Map database unavailable"
