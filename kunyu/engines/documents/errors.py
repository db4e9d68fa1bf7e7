"""Errors of the engine of documents."""

from kunyu.kernel.errors import NotFound, Refused


class UnknownLicence(NotFound):
    """No licence, document or proof of this number: the same answer to everybody."""

    code = "documents.unknown"
    title_zh, title_en = "没有这个证照或文书", "No such licence or document"


class SealUnusable(Refused):
    """The seal is not in use, not valid at this time, or another organisation's."""

    code = "documents.seal_unusable"
    title_zh, title_en = "印章不可用", "Seal not usable"
