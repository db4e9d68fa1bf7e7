"""What can go wrong with a verification of the one map."""

from __future__ import annotations

from kunyu.kernel.errors import KunyuError, NotFound, Refused, UsageError


class UnknownVerification(NotFound):
    """No verification of that number, or the caller may not see it."""

    code = "verification.unknown"


class BadDivision(UsageError):
    """A verification is of one county: six digits."""

    code = "verification.bad_division"
    http_status = 422


class NothingToVerify(Refused):
    """None of the rules has all the data it compares in this county, as far as the caller may see."""

    code = "verification.nothing"
    http_status = 409


class VerificationRunning(Refused):
    """Another process verifies this county now."""

    code = "verification.running"
    http_status = 409


class InputsChanged(KunyuError):
    """A version was published while the rules read the map, so their findings would mix two states."""

    code = "verification.inputs_changed"
    http_status = 409
    exit_code = 4
