"""People, what they may do, labels, and the record of what was done; each subject in its own file."""

from kunyu.engines.security.models.accounts import AccessToken, Clearance, User, UserManager
from kunyu.engines.security.models.administration import Handover, ImportDraft, Invitation
from kunyu.engines.security.models.applicants import ApplicantAccount, PasswordResetCode
from kunyu.engines.security.models.audit import (
    AuditAnchoring,
    AuditCheckpoint,
    AuditEntry,
    AuditPending,
    AuditSeal,
)
from kunyu.engines.security.models.identity import (
    Authenticator,
    BoundCertificate,
    Passkey,
    PasswordHistory,
    RecoveryCode,
    RevokedCertificate,
    SignInChallenge,
    SignInFailures,
    SignInSession,
)
from kunyu.engines.security.models.labels import Label, LabelState, RecordLabel
from kunyu.engines.security.models.rights import Action, AdminDuty, Appointment, Grant, NodeState, Post, Role
from kunyu.engines.security.models.sources import RightSource

__all__ = [
    "AccessToken", "Action", "AdminDuty", "ApplicantAccount", "Appointment", "AuditAnchoring", "AuditCheckpoint", "AuditEntry", "AuditPending", "AuditSeal", "Authenticator", "BoundCertificate", "Clearance",
    "Grant", "Handover", "ImportDraft", "Invitation", "Label", "LabelState", "NodeState", "Passkey", "PasswordHistory", "PasswordResetCode",
    "Post", "RecordLabel", "RecoveryCode", "RevokedCertificate", "RightSource", "Role", "SignInChallenge", "SignInFailures",
    "SignInSession", "User", "UserManager",
]  # fmt: skip
