"""Parties and what they are linked to. 相对人."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from kunyu.engines.security.personal_data import EncryptedText, EqualityIndex


class Party(models.Model):
    """One person or organisation. 相对人. A record merged into another stays and points at it."""

    class Kind(models.TextChoices):
        PERSON = "person", "自然人"
        ORGANISATION = "organisation", "法人或其他组织"

    personal_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    name = models.CharField(max_length=200)
    former_names = models.JSONField(default=list, help_text="names it bore before, newest last")
    code = EncryptedText(help_text="citizen id or USCC")
    code_index = EqualityIndex(of="code")
    code_masked = models.CharField(max_length=40, blank=True)
    contact = models.CharField(max_length=100, blank=True, help_text="whom to ask at an organisation")
    phone = EncryptedText()
    phone_index = EqualityIndex(of="phone")
    merged_into = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="merged")
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["code_index"], condition=Q(merged_into=None), name="party_code_once"),
            models.CheckConstraint(
                condition=Q(merged_into=None) | ~Q(merged_into=F("id")), name="party_not_merged_into_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.kind}"


class PartyLink(models.Model):
    """What a party has to do with something: applicant of a case, holder of a licence, investor of a project.

    ``branch`` and ``division_code`` are those of the thing: whose rights reach it see the party.
    """

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="links")
    role = models.CharField(max_length=20, help_text="applicant, holder, investor, proxy")
    subject = models.CharField(max_length=120, help_text="e.g. case:990101202611230001, licence:12, project:2026-…")
    shown = models.CharField(max_length=200, blank=True, help_text="number of the thing, for lists")
    branch = models.CharField(max_length=60)
    division_code = models.CharField(max_length=12)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["party", "role", "subject"], name="party_link_once")]
        indexes = [models.Index(fields=["branch", "division_code"]), models.Index(fields=["subject"])]
