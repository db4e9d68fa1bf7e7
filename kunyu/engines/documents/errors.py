"""Errors of the engine of documents."""

from kunyu.kernel.errors import KunyuError, NotFound, Refused, UnreadableInput, UsageError


class UnknownLicence(NotFound):
    """No licence, document or proof of this number: the same answer to everybody."""

    code = "documents.unknown"
    title_zh, title_en = "没有这个证照或文书", "No such licence or document"


class SealUnusable(Refused):
    """The seal is not in use, not valid at this time, or another organisation's."""

    code = "documents.seal_unusable"
    title_zh, title_en = "印章不可用", "Seal not usable"


class BadNumberScheme(UsageError):
    """A scheme of numbers that cannot be counted by."""

    code = "documents.bad_scheme"
    title_zh, title_en = "编号规则有误", "Bad number scheme"


class NumbersUsedUp(KunyuError):
    """The running number no longer fits the digits of its scheme."""

    code = "documents.numbers_used_up"
    title_zh, title_en = "编号已用完", "Numbers used up"
    http_status, exit_code = 409, 4


class BadTemplate(UsageError):
    """A template that cannot be filled: unknown tag, something from outside, a broken file. Names the template."""

    code = "documents.bad_template"
    title_zh, title_en = "文书模板有误", "Bad template"
    http_status = 422


class WrongLicenceState(KunyuError):
    """The licence does not stand where this act begins."""

    code = "documents.wrong_state"
    title_zh, title_en = "证照状态不符", "Wrong state of the licence"
    http_status, exit_code = 409, 4


class ReasonNeeded(UsageError):
    """What takes a licence out of force names its reason and its basis in law."""

    code = "documents.reason_needed"
    title_zh, title_en = "须写明理由", "Reason needed"
    http_status = 422


class BadUpload(UnreadableInput):
    """A file to verify that is empty, too large, or neither PDF nor OFD."""

    code = "documents.bad_upload"
    title_zh, title_en = "文件无法核验", "File cannot be verified"


class BusyVerifying(KunyuError):
    """As many files as may be verified at once are being verified."""

    code = "documents.busy"
    title_zh, title_en = "核验繁忙", "Busy"
    http_status, exit_code = 503, 5


class BadArchive(UnreadableInput):
    """A file that is no archive package at all."""

    code = "documents.bad_archive"
    title_zh, title_en = "不是归档包", "No archive package"
