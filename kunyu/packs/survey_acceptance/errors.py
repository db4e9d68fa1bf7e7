"""What can be refused in a round of acceptance. Codes are stable."""

from __future__ import annotations

from kunyu.kernel.errors import KunyuError, NotFound, Refused, UsageError


class UnknownRound(NotFound):
    """No round, plan or sample of that number, or one the caller may not see."""

    code = "acceptance.unknown"
    http_status = 404


class WrongStep(KunyuError):
    """The round does not stand where this step begins."""

    code = "acceptance.wrong_step"
    title_zh, title_en = "步骤不符", "Wrong step"
    http_status = 409
    exit_code = 4


class NotFinished(KunyuError):
    """Samples of the plan are not judged yet."""

    code = "acceptance.not_finished"
    title_zh, title_en = "尚未完成", "Not finished"
    http_status = 409
    exit_code = 4


class SamePerson(Refused):
    """Who checked, or delivered, does not decide; who delivered does not check."""

    code = "acceptance.same_person"
    http_status = 409


class NothingToSample(KunyuError):
    """The delivered parcels cannot be read any more, or none bears an identifier."""

    code = "acceptance.nothing_to_sample"
    title_zh, title_en = "没有可抽样的图斑", "No parcels to sample"
    http_status = 409
    exit_code = 4


class AlreadyDrawn(KunyuError):
    """The sample of this place was drawn before; a sample is drawn once."""

    code = "acceptance.already_drawn"
    title_zh, title_en = "已抽样", "Already drawn"
    http_status = 409
    exit_code = 4


class BadEntry(UsageError):
    """A value that a person typed; ``field`` in the context names the field."""

    code = "acceptance.bad_entry"
    http_status = 422


class BadSheet(UsageError):
    """A sheet that cannot be read at all: no table, no heading, too large."""

    code = "acceptance.bad_sheet"
    http_status = 422


class BadPolicy(UsageError):
    """The file of values of acceptance is wrong."""

    code = "acceptance.bad_policy"


class AcceptanceNeeded(Refused):
    """In this division nothing is published before its round was accepted."""

    code = "acceptance.needed"
    http_status = 409
