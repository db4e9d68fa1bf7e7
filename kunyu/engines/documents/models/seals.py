"""Electronic seals and every use of them. 电子印章."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from kunyu.engines.reference.models import Organisation


class Seal(models.Model):
    """A seal of an organisation: its picture and two certificates, SM2 and (for readers that know no SM2) ECDSA.

    The private keys lie in the node's key ring under ``key_name`` (a certified device may replace it); never here.
    """

    class State(models.TextChoices):
        PREPARED = "prepared", "待启用"
        ACTIVE = "active", "在用"
        SUSPENDED = "suspended", "停用"
        DESTROYED = "destroyed", "已销毁"

    code = models.CharField(max_length=40, unique=True, help_text="印章编码; opaque")
    name_zh = models.CharField(max_length=200)
    name_en = models.CharField(max_length=300, blank=True)
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="+")
    division_code = models.CharField(max_length=12)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PREPARED)
    picture_sm3 = models.CharField(max_length=64, help_text="PNG with transparent ground, in the object store")
    width_mm = models.PositiveSmallIntegerField(default=42)
    height_mm = models.PositiveSmallIntegerField(default=42)
    key_name = models.CharField(max_length=80)
    sm2_certificate = models.BinaryField(help_text="DER")
    ecdsa_certificate = models.BinaryField(help_text="DER")
    ses_seal_sm3 = models.CharField(
        max_length=64, blank=True, help_text="the seal as GB/T 38540 data, signed by its maker, in the object store"
    )
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField()
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField(auto_now_add=True)
    approved_by = models.CharField(max_length=80, blank=True, help_text="another person than made it")

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=Q(valid_to__gt=models.F("valid_from")), name="seal_valid_in_order"),
            models.CheckConstraint(
                condition=Q(approved_by="") | ~Q(approved_by=models.F("made_by")), name="seal_approved_by_another"
            ),
        ]


class SealEvent(models.Model):
    """One change of a seal's state: who, when, why. 印章变更. Only ever added; says what state a seal was in at a time."""

    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="events")
    act = models.CharField(max_length=12, help_text="made, approved, suspended, resumed, destroyed")
    before = models.CharField(max_length=10, blank=True)
    state = models.CharField(max_length=10, choices=Seal.State.choices)
    reason = models.CharField(max_length=300, blank=True)
    actor = models.CharField(max_length=80)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]


class SealUse(models.Model):
    """One document that was sealed. 用印记录. Only ever added."""

    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="uses")
    document_sm3 = models.CharField(max_length=64, help_text="of the sealed file")
    source_sm3 = models.CharField(max_length=64, help_text="of the file before")
    profile = models.CharField(max_length=16, help_text="pades-ecdsa, pdf-sm2, ofd-sm2")
    subject = models.CharField(max_length=120, help_text="what it was for, e.g. licence:123")
    used_by = models.CharField(max_length=80)
    used_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["document_sm3"], name="seal_use_document")]
