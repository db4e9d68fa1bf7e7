"""What an edit may be refused for. Nothing of a refused edit is written."""

from kunyu.kernel.errors import KunyuError, Refused


class EditingClosed(Refused):
    """The layer is not opened for editing in that county. 图层未开放编辑."""

    code = "maps-editing-closed"
    title_zh, title_en = "图层未开放编辑", "Layer not opened for editing"


class EditRejected(KunyuError):
    """Values, codes or geometry break the standard; ``context.faults`` lists each with value, limit and remedy. 编辑不合标准."""

    code = "maps-edit-rejected"
    title_zh, title_en = "编辑内容不合标准", "Edit breaks the standard"
    http_status, exit_code = 422, 1


class UnreadableEdit(KunyuError):
    """The body is no GeoJSON feature. 编辑内容无法读取."""

    code = "maps-edit-unreadable"
    title_zh, title_en = "编辑内容无法读取", "Edit unreadable"
    http_status, exit_code = 400, 3


class EditTooLarge(KunyuError):
    """The body is longer than an edit may be. 编辑内容过大."""

    code = "maps-edit-too-large"
    title_zh, title_en = "编辑内容过大", "Edit too large"
    http_status, exit_code = 413, 2


class StateChanged(KunyuError):
    """Somebody else changed the feature since the editor read it. 要素已被他人修改."""

    code = "maps-state-changed"
    title_zh, title_en = "要素已被他人修改", "Feature changed meanwhile"
    http_status, exit_code = 412, 4


class StateNeeded(KunyuError):
    """``If-Match`` with the ETag that was read is needed, so that nobody's change is lost. 缺少 If-Match."""

    code = "maps-if-match-needed"
    title_zh, title_en = "缺少 If-Match", "If-Match needed"
    http_status, exit_code = 428, 2


class FeatureExists(KunyuError):
    """A feature with that key stands already, or a later version does. 与现有数据冲突."""

    code = "maps-edit-conflict"
    title_zh, title_en = "与现有数据冲突", "Conflict with what stands"
    http_status, exit_code = 409, 4
