"""What can be wrong with a reference pack. Codes are stable."""

from __future__ import annotations

from kunyu.kernel.errors import Refused, UnreadableInput


class ReferenceUnreadable(UnreadableInput):
    """The file is no reference pack, or a part of it cannot be read."""

    code = "reference.unreadable"
    title_zh, title_en = "参考包无法读取", "Reference pack unreadable"


class ReferenceAltered(Refused):
    """The content is not what was signed, or nothing was signed."""

    code = "reference.altered"
    title_zh, title_en = "参考包签名不符", "Reference pack altered"


class ReferenceNotTrusted(Refused):
    """Signed, but by somebody else than the one expected."""

    code = "reference.not_trusted"
    title_zh, title_en = "参考包签发者不受信任", "Signer of the reference pack not trusted"


class ReferenceNotForThis(Refused):
    """A good pack of another standard or another division."""

    code = "reference.not_for_this"
    title_zh, title_en = "参考包不适用", "Reference pack for something else"
