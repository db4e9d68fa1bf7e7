"""What a filter may be refused for, each with a stable code."""

from kunyu.engines.catalogue.served.errors import BadParameter


class BadFilter(BadParameter):
    """A filter that cannot be read, or that compares what cannot be compared. 过滤条件错误."""

    code = "maps-bad-filter"
    title_zh, title_en = "过滤条件错误", "Bad filter"


class FilterTooLarge(BadParameter):
    """A filter beyond the limits of size, depth or vertices. 过滤条件过大."""

    code = "maps-filter-too-large"
    title_zh, title_en = "过滤条件过大", "Filter too large"


class FilterNotOffered(BadParameter):
    """A part of CQL2 that this node does not offer, by its name. 不支持的过滤功能."""

    code = "maps-filter-not-offered"
    title_zh, title_en = "不支持的过滤功能", "Part of CQL2 not offered"


class FilterFailed(BadParameter):
    """The database could not evaluate the filter on some record: invalid stored geometry, a number out of range. 过滤条件无法计算."""

    code = "maps-filter-failed"
    title_zh, title_en = "过滤条件无法计算", "Filter cannot be evaluated"
