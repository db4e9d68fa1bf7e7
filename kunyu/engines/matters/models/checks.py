"""Automatic checks of an application or case, as they were answered. 自动核验.

A check keeps what it asked and of which versions, so that it can be run again at its ``known_at`` with the same digest.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from kunyu.engines.matters.models.cases import Application, Case


class Check(models.Model):
    """One run of the rules of a matter. 核验."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="checks")
    case = models.ForeignKey(Case, null=True, on_delete=models.PROTECT, related_name="checks")
    matter_code = models.CharField(max_length=40)
    edition_digest = models.CharField(max_length=64)
    rules_digest = models.CharField(max_length=64, help_text="ids and editions of the rules that ran")
    valid_at = models.DateField()
    known_at = models.DateTimeField()
    asked = models.JSONField(help_text="form, plot, materials as they went in: canonical")
    digest = models.CharField(max_length=64, help_text="over the answers, as contract.md says of replays")
    conflicts = models.PositiveSmallIntegerField(default=0)
    not_checked = models.PositiveSmallIntegerField(default=0)
    clear = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.CharField(max_length=80)
    milliseconds = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["case", "-id"]), models.Index(fields=["application", "-id"])]


class CheckAnswer(models.Model):
    """What one rule answered. Table column ``place`` geometry(Geometry, 4490) is added by migration."""

    class State(models.TextChoices):
        CONFLICT = "conflict", "冲突"
        CLEAR = "clear", "通过"
        NOT_CHECKED = "not_checked", "未核验"

    class Weight(models.TextChoices):
        """What a conflict means (planning.md §4.1)."""

        BLOCK = "block", "不符合"
        DOCUMENT = "document", "须补充材料"
        WARN = "warn", "提示"

    check_run = models.ForeignKey(Check, on_delete=models.CASCADE, related_name="answers")
    rule = models.CharField(max_length=20)
    clause = models.CharField(max_length=300)
    state = models.CharField(max_length=12, choices=State.choices)
    weight = models.CharField(max_length=8, choices=Weight.choices)
    measured = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    limit = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    unit = models.CharField(max_length=12, blank=True)
    message_zh = models.TextField()
    message_en = models.TextField()
    remedy_zh = models.TextField(blank=True)
    remedy_en = models.TextField(blank=True)
    reason = models.CharField(max_length=60, blank=True, help_text="code of why it is not checked")
    versions = models.JSONField(default=list, help_text="dataset versions behind the answer")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(state="not_checked") | ~Q(reason=""), name="check_not_checked_says_why")
        ]
