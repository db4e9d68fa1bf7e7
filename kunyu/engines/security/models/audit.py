"""The record of what people and programs did. 审计."""

from django.db import models


class AuditEntry(models.Model):
    """Who did what to which object, from where, with which result: written in the transaction of the act."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.CharField(max_length=80)
    action = models.CharField(max_length=60)
    object_kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=80)
    origin = models.CharField(max_length=80, blank=True, help_text="address or 'cli'")
    result = models.CharField(max_length=20)
    detail = models.JSONField(default=dict)
