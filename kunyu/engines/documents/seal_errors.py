"""Errors of seals, signatures and OFD packages."""

from kunyu.kernel.errors import KunyuError, NotFound, UnreadableInput, UsageError


class UnknownSeal(NotFound):
    """No seal of this code under the administrator."""

    code = "documents.unknown_seal"
    title_zh, title_en = "没有这枚印章", "No such seal"


class BadSealEntry(UsageError):
    """Something about a seal to be made is missing or wrong; names the field."""

    code = "documents.bad_seal"
    title_zh, title_en = "印章信息有误", "Wrong seal entry"
    http_status = 422


class BadSealPicture(UnreadableInput):
    """A picture that cannot be a seal: no PNG, no transparent ground, too small, too large."""

    code = "documents.bad_seal_picture"
    title_zh, title_en = "印章图片不可用", "Unusable seal picture"


class WrongSealState(KunyuError):
    """The seal does not stand where this act begins, or another person must do it."""

    code = "documents.wrong_seal_state"
    title_zh, title_en = "印章状态不符", "Wrong state of the seal"
    http_status, exit_code = 409, 4


class UnreadableSignature(UnreadableInput):
    """Signed data, a time stamp or a seal that cannot be read or does not belong together."""

    code = "documents.unreadable_signature"
    title_zh, title_en = "签名无法读取", "Unreadable signature"


class NotSealable(UnreadableInput):
    """A document that is not sealed: broken, encrypted, or with parts that could change what it shows."""

    code = "documents.not_sealable"
    title_zh, title_en = "文件不能用印", "Document cannot be sealed"


class BadOfd(UnreadableInput):
    """Not an OFD package, or one that is refused for its size or its parts."""

    code = "documents.bad_ofd"
    title_zh, title_en = "OFD文件无法读取", "Unreadable OFD"
