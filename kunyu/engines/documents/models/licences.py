"""Register of licences. 电子证照."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from kunyu.engines.documents.models.documents import Document
from kunyu.engines.security.personal_data import EncryptedText, EqualityIndex


class Licence(models.Model):
    """A licence as issued: one row per version of its identifier (GB/T 36904-2018). 证照.

    ``project_code`` and ``subject`` are plain text: this engine knows neither projects nor cases. Table column ``plot``
    geometry(MultiPolygon, 4490) is added by migration: the land the licence is about, where it is about land.
    """

    class State(models.TextChoices):
        ISSUING = "issuing", "制证中"
        VALID = "valid", "有效"
        SUSPENDED = "suspended", "挂起"
        EXPIRED = "expired", "过期"
        REPLACED = "replaced", "已换发"
        REVOKED = "revoked", "已撤销"

    key = models.CharField(max_length=160, unique=True, help_text="the cause: issued again it is the same licence")
    number = models.CharField(max_length=80, help_text="as printed, e.g. 用字第990101202600001号")
    identifier = models.CharField(max_length=160, unique=True, help_text="电子证照标识, 1.2.156.3005.2.….check digit")
    version = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(max_length=40, help_text="kind of licence in the register of kinds")
    type_code = models.CharField(max_length=21, help_text="证照类型代码: USCC of the defining department + 3 digits")
    issuer_code = models.CharField(max_length=18, help_text="USCC of the issuing office")
    issuer_zh = models.CharField(max_length=200)
    holder_name = models.CharField(max_length=200)
    holder_kind = models.CharField(max_length=12)
    holder_code_masked = models.CharField(max_length=40, blank=True)
    personal_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    holder_code = EncryptedText()
    holder_code_index = EqualityIndex(of="holder_code")
    project_code = models.CharField(max_length=40, blank=True)
    subject = models.CharField(max_length=120, help_text="e.g. case:990101202611230001")
    branch = models.CharField(max_length=60, blank=True, help_text="catalogue code whose rights decide who sees it")
    division_code = models.CharField(max_length=12)
    label = models.PositiveSmallIntegerField(default=0)
    facts = models.JSONField(
        default=dict, help_text="what stands on it, by name: shown on the verification page if public"
    )
    facts_order = models.JSONField(
        default=list, help_text="names of the facts as they stand on paper: jsonb sorts its keys"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.ISSUING)
    issued_on = models.DateField()
    valid_to = models.DateField(null=True, help_text="last day; null: without end")
    previous = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="replaced_by")
    pdf = models.ForeignKey(Document, null=True, on_delete=models.PROTECT, related_name="+")
    ofd = models.ForeignKey(Document, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["number", "version"], name="licence_number_version_once"),
            models.CheckConstraint(
                condition=Q(state="issuing") | Q(pdf__isnull=False), name="licence_in_force_has_its_file"
            ),
        ]
        indexes = [
            models.Index(fields=["project_code"], name="licence_project", condition=~Q(project_code="")),
            models.Index(fields=["subject"], name="licence_subject"),
            models.Index(fields=["valid_to"], name="licence_ends", condition=Q(state__in=["valid", "suspended"])),
        ]

    def __str__(self) -> str:
        return f"{self.number} v{self.version} {self.state}"

    @property
    def ordered_facts(self) -> list[tuple[str, Any]]:
        """What stands on it, in the order of the paper."""
        known = [name for name in self.facts_order if name in self.facts]
        return [(name, self.facts[name]) for name in [*known, *(one for one in self.facts if one not in known)]]

    @property
    def shown_facts(self) -> list[tuple[tuple[str, str], str]]:
        """What stands on it as a page shows it: ``用地面积|Plot area`` names a fact in both languages."""
        names = [(name.partition("|"), value) for name, value in self.ordered_facts]
        return [((zh, en or zh), _figure(value)) for (zh, _, en), value in names]


def _figure(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


class LicenceEvent(models.Model):
    """One change of a licence's state. Only ever added: the table refuses UPDATE and DELETE. 证照变更."""

    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, related_name="events")
    act = models.CharField(max_length=16)
    before = models.CharField(max_length=10, blank=True)
    state = models.CharField(max_length=10)
    reason = models.TextField(blank=True)
    basis = models.CharField(max_length=300, blank=True)
    actor = models.CharField(max_length=80)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]


class NumberSequence(models.Model):
    """The last number given by a scheme within its scope (division, year): gapless, one row locked while it counts."""

    scope = models.CharField(max_length=120, primary_key=True)
    last = models.BigIntegerField(default=0)
