"""Messages about cases to the national platform, and what it answered. 办件汇聚消息."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from kunyu.engines.matters.models.cases import Case


class NationalMessage(models.Model):
    """One event of a case as sent upward: idempotent by case number and sequence (services.md §5)."""

    class State(models.TextChoices):
        WAITING = "waiting", "待发送"
        SENT = "sent", "已送达"
        REFUSED = "refused", "被退回"

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="messages")
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=24, help_text="accepted, step, special, closed, licence, assessment")
    body = models.JSONField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    due_at = models.DateTimeField(default=timezone.now, help_text="not tried before this instant")
    attempts = models.PositiveSmallIntegerField(default=0)
    receipt = models.CharField(max_length=100, blank=True)
    error = models.TextField(blank=True)
    made_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "sequence"], name="national_message_once")]
        indexes = [models.Index(fields=["due_at", "id"], name="national_waiting", condition=Q(state="waiting"))]


class NationalReconciliation(models.Model):
    """What this node sent on one day and what the platform says it took: equal, or an error to look at. 对账."""

    day = models.DateField(unique=True)
    ours = models.JSONField(help_text="kind → messages delivered that day by this node's records")
    theirs = models.JSONField(help_text="kind → messages the platform counted")
    is_equal = models.BooleanField()
    made_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-day"]
