"""The one table of the outbox."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Event(models.Model):
    """Something that happened, to be told to the handlers of its topic. 事件.

    Written in the transaction of the change itself, so that neither exists without the other. ``delivered_at`` is
    set in the transaction in which all handlers of the topic succeeded.
    """

    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=100)
    payload = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now(), help_text="Not tried before this instant")
    attempts = models.PositiveIntegerField(default=0, help_text="Failed deliveries so far")
    delivered_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = "事件"
        verbose_name_plural = "事件"
        indexes = (
            # Only what is still to do: the index stays small while the table keeps its history.
            models.Index(
                fields=["due_at", "id"], name="outbox_event_pending", condition=models.Q(delivered_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.topic} #{self.pk}"
