"""What can go wrong when data are labelled. 标记的拒绝."""

from kunyu.kernel.errors import NotFound, Refused, UsageError


class LabelNeedsReason(UsageError):
    """A label without a reason, or a state secret without its basis."""

    code = "label.reason_needed"


class UnknownCollection(NotFound):
    """A label for something the catalogue does not have."""

    code = "label.unknown_collection"


class UnknownProposal(NotFound):
    """No proposal of that number."""

    code = "label.unknown_proposal"


class LabelPending(Refused):
    """Another person's proposal for the same data waits for its decision."""

    code = "label.pending"
    http_status = 409


class LabelDecided(Refused):
    """The proposal was decided before, another way."""

    code = "label.decided"
    http_status = 409


class OwnProposal(Refused):
    """Nobody approves what he proposed himself."""

    code = "label.own_proposal"


class DataStandHere(Refused):
    """A label would be stricter than this zone may hold while the data stand here."""

    code = "label.data_stand_here"
    http_status = 409


class NotLabelled(Refused):
    """Data without an approved label cannot be published."""

    code = "label.not_approved"
    http_status = 409


class UnknownRecords(Refused):
    """Keys that no record believed now has."""

    code = "label.unknown_records"
    http_status = 422
