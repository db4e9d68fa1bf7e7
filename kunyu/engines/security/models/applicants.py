"""Accounts of the public: citizens and firms that apply. 申请人账号.

They hold nothing: no grant, no post, no duty (a trigger of migration 0012 refuses it). What such an account may see is
its own applications and cases, by its id.
"""

import uuid

from django.db import models
from django.utils import timezone

from kunyu.engines.security.models.accounts import User
from kunyu.engines.security.personal_data import EncryptedText, EqualityIndex


class ApplicantAccount(models.Model):
    """Who stands behind an account of the public, and whether anybody but himself has said so."""

    class Kind(models.TextChoices):
        PERSON = "person", "自然人"
        ORGANISATION = "organisation", "法人或其他组织"

    class Standing(models.TextChoices):
        UNVERIFIED = "unverified", "未实名核验"
        VERIFIED = "verified", "已实名核验"

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="applicant")
    personal_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    name = models.CharField(max_length=200)
    agent_name = models.CharField(max_length=60, blank=True, help_text="who acts for an organisation")
    code = EncryptedText(help_text="citizen id or USCC")
    code_index = EqualityIndex(of="code")
    code_masked = models.CharField(max_length=40)
    standing = models.CharField(max_length=12, choices=Standing.choices, default=Standing.UNVERIFIED)
    verified_by = models.CharField(max_length=200, blank=True, help_text="name of the identity provider")
    verified_at = models.DateTimeField(null=True, help_text="the last time it was asserted")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code_index"], name="applicant_code_once"),
            models.CheckConstraint(
                condition=models.Q(standing="unverified", verified_at=None)
                | models.Q(standing="verified", verified_at__isnull=False),
                name="applicant_verified_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.user_id}"


class PasswordResetCode(models.Model):
    """A code that a counter gave to whoever showed the document of an account: good once, for a day. 密码重置码.

    Only a digest is kept. A new one ends those before it.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="reset_codes")
    digest = models.CharField(max_length=64)
    made_by = models.CharField(max_length=150)
    document = models.CharField(max_length=20, help_text="kind of identity document that was seen")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="used, or replaced by a newer one")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(ended_at=None), name="applicant_one_open_reset_code"
            ),
        ]

    def __str__(self) -> str:
        return f"reset code of {self.user_id}"
