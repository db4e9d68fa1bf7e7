"""What can go wrong with a delivery. Codes are stable; texts name the record, the value, the limit and the remedy."""

from __future__ import annotations

from kunyu.kernel.errors import Defect, NodeUnavailable, NotFound, Refused, UnreadableInput, UsageError


class TooLarge(UnreadableInput):
    """The file is larger than this node takes in."""

    code = "delivery.too_large"
    http_status = 413


class EmptyDelivery(UnreadableInput):
    """Nothing in the file belongs to the standard or dataset it was delivered for."""

    code = "delivery.empty"


class WrongPlace(UnreadableInput):
    """Coordinates contradict their declared system or lie far from the division."""

    code = "delivery.wrong_place"


class BadCoordinates(UnreadableInput):
    """A coordinate is NaN or infinite: such a record can neither be checked nor stored."""

    code = "delivery.bad_coordinates"


class BadRaster(UnreadableInput):
    """An image that cannot be decoded or has no position on the earth."""

    code = "delivery.bad_raster"


class UnknownTarget(UsageError):
    """Neither a standard nor a dataset of that name takes deliveries here."""

    code = "delivery.unknown_target"


class UnknownDelivery(NotFound):
    """No delivery of that number, or the caller may not see it."""

    code = "delivery.unknown"


class WorkerFailed(UnreadableInput):
    """A worker could not read, map or check the delivery; the text is the one it recorded."""

    code = "delivery.failed"


class UnknownReport(NotFound):
    """The delivery has no report in that form."""

    code = "delivery.unknown_report"


class WrongStatus(Refused):
    """The delivery is not in a status from which this step is possible."""

    code = "delivery.wrong_status"
    http_status = 409


class AlreadyOpen(Refused):
    """The same file is open for the same target with another date."""

    code = "delivery.already_open"
    http_status = 409


class CrsMissing(UnreadableInput):
    """A spatial layer without a coordinate system: nobody can tell where it lies."""

    code = "delivery.crs_missing"


class InProgress(Refused):
    """Another worker holds the delivery now."""

    code = "delivery.in_progress"
    http_status = 409


class ReasonNeeded(UsageError):
    """A rejection without a reason helps nobody."""

    code = "delivery.reason_needed"


class BeforeNotStored(Refused):
    """A change package changes a record that the stored version does not have."""

    code = "delivery.before_not_stored"
    http_status = 409


class PackageContradicts(Refused):
    """The layers of a change package contradict each other."""

    code = "delivery.package_contradicts"
    http_status = 409


class NotUniqueInTime(Refused):
    """Two rows would claim the same key at the same time."""

    code = "delivery.not_unique_in_time"
    http_status = 409


class RightGone(Refused):
    """Whoever a job acts for lost the right to it between queueing and running."""

    code = "delivery.right_gone"


class LaterVersionExists(Refused):
    """A change package does not fit before a version that is already published."""

    code = "delivery.later_version_exists"
    http_status = 409


class DiskFull(NodeUnavailable):
    """No room in the object store, the quarantine or the database."""

    code = "delivery.disk_full"
    http_status = 507


class DatabaseFailed(NodeUnavailable):
    """The database refused or vanished while a delivery was being written; nothing of it stays."""

    code = "delivery.database_failed"


class MappedObjectDamaged(Defect):
    """The stored rows of an accepted delivery no longer match their digest."""

    code = "delivery.object_damaged"


class UnknownException(NotFound):
    """No exception of that number, or the caller may not see it."""

    code = "exception.unknown"


class UnknownFinding(NotFound):
    """No finding of that number in the last check of the delivery, or the caller may not see it."""

    code = "exception.unknown_finding"


class ExceptionStands(Refused):
    """The finding is proposed or confirmed as an exception already."""

    code = "exception.stands"
    http_status = 409


class ExceptionDecided(Refused):
    """The exception is not in the state that this act needs."""

    code = "exception.decided"
    http_status = 409


class OwnException(Refused):
    """Whoever proposed an exception does not decide it."""

    code = "exception.own"


class BadEvidence(UsageError):
    """Evidence of an exception that is too large, too much or empty."""

    code = "exception.bad_evidence"
    http_status = 422
