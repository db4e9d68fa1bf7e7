"""Which layers their producers have opened for editing over the network. 在线编辑的开放."""

from django.conf import settings
from django.db import models


class EditingDecision(models.Model):
    """A decision to open or close a collection for editing in a division; the newest of a division holds. 编辑开放决定.

    Without a decision a layer is closed. Decisions are only added.
    """

    collection = models.CharField(max_length=60)
    division = models.CharField(max_length=6, help_text="county of six digits")
    is_open = models.BooleanField()
    reason = models.CharField(max_length=400)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["collection", "division", "-id"])]

    def __str__(self) -> str:
        return f"{self.collection} {self.division} {'open' if self.is_open else 'closed'}"
