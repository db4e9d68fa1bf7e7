"""What the making of thematic maps refuses."""

from kunyu.kernel.errors import NotFound, Refused, UsageError


class BadComposition(UsageError):
    """A composition that cannot be saved or drawn, with the place that is wrong. 专题图定义有误."""

    code = "maps-bad-composition"
    title_zh, title_en = "专题图定义有误", "Bad composition"


class NoSuchComposition(NotFound):
    """No composition of that name, or it is not shared with the caller. 专题图不存在."""

    code = "maps-no-such-composition"
    title_zh, title_en = "专题图不存在", "No such composition"


class NotYourComposition(Refused):
    """Only its author changes a composition, and nobody one that ships with the node. 不是您的专题图."""

    code = "maps-not-your-composition"
    title_zh, title_en = "不能修改此专题图", "Not yours to change"


class BadClasses(UsageError):
    """A classification that makes no sense: text by breaks, too many classes, a field that is masked. 分级有误."""

    code = "maps-bad-classes"
    title_zh, title_en = "分级有误", "Bad classification"


class NoSuchPrint(NotFound):
    """No print of that number of the caller, or it is not ready. 打印件不存在."""

    code = "maps-no-such-print"
    title_zh, title_en = "打印件不存在", "No such print"
