"""Refusals of running the organisation: units, posts, accounts, administrators."""

from kunyu.engines.security.errors import NotAllowed, NotVisible
from kunyu.kernel.errors import KunyuError, UsageError


class UnknownUnit(NotVisible):
    """An organisation that is not there, or not under the administrator."""

    code = "unknown_organisation"


class UnknownPost(NotVisible):
    """A post that is not there, or not under the administrator."""

    code = "unknown_post"


class UnknownAccount(NotVisible):
    """An account that is not there, or not under the administrator."""

    code = "unknown_account"


class BadEntry(UsageError):
    """A value that an organisation, post or account may not have; ``context['field']`` names it."""

    code = "bad_entry"
    title_zh, title_en = "填写有误", "Bad entry"
    http_status = 422


class StillHeld(KunyuError):
    """What people still hold cannot be closed."""

    code = "still_held"
    title_zh, title_en = "仍有人在任", "Still held"
    http_status = 409
    exit_code = 4


class AlreadyDone(KunyuError):
    """The thing is closed, ended or disabled already."""

    code = "already_done"
    title_zh, title_en = "已经办过", "Done already"
    http_status = 409
    exit_code = 4


class OtherAdministrator(NotAllowed):
    """An account of an administrator, which only a superior of the same duty may touch."""

    code = "other_administrator"


class DutyHeld(NotAllowed):
    """The duty has somebody: only administrators appoint administrators from then on."""

    code = "duty_held"
    http_status = 409


class LastAdministrator(NotAllowed):
    """The last administrator of a duty may not go before another is appointed."""

    code = "last_administrator"
    http_status = 409


class BadInvitation(NotVisible):
    """A link that was never given out, was used, or is too old: one answer for all."""

    code = "bad_invitation"
