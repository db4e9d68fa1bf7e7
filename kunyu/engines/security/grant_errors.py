"""Refusals of granting and of roles."""

from kunyu.engines.security.errors import NotAllowed
from kunyu.kernel.errors import KunyuError, UsageError


class NoSecurityAdministrator(NotAllowed):
    """Only a security administrator grants; not the operator, not the other two administrators."""

    code = "not_security_administrator"


class GrantToSelf(NotAllowed):
    """Nobody gives rights to himself."""

    code = "grant_to_self"


class GrantToAdministrator(NotAllowed):
    """An administrator holds no rights on data."""

    code = "grant_to_administrator"


class OutsideDivision(NotAllowed):
    """The data or the person lies outside the administrator's divisions."""

    code = "outside_division"


class BadGrant(UsageError):
    """A grant that says nothing that can be granted."""

    code = "bad_grant"
    http_status = 422


class UnknownGrant(KunyuError):
    """A grant that is not there, or not in the administrator's divisions."""

    code = "unknown_grant"
    title_zh, title_en = "没有此授权", "Unknown grant"
    http_status = 404
    exit_code = 4


class UnknownRole(KunyuError):
    """A role that is not there."""

    code = "unknown_role"
    title_zh, title_en = "没有此角色", "Unknown role"
    http_status = 404
    exit_code = 4


class RoleInUse(NotAllowed):
    """A role that posts still hold, or one that is shipped with the node."""

    code = "role_in_use"
    http_status = 409
