"""Archive packages. 归档包."""

from __future__ import annotations

from django.db import models


class Archive(models.Model):
    """One package of everything a case left: files, digests, signatures, readable without the system. 归档包."""

    subject = models.CharField(max_length=120, unique=True)
    sm3 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    files = models.PositiveIntegerField()
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField(auto_now_add=True)
