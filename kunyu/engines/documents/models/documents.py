"""Documents made from templates. 文书."""

from __future__ import annotations

from django.db import models


class Document(models.Model):
    """One document as it was made: template edition, what it was filled with, the file. 文书.

    ``subject`` names what it is about without a foreign key upward, e.g. ``case:990101202611230001``.
    """

    key = models.CharField(max_length=160, unique=True, help_text="the cause: made again it is the same document")
    kind = models.CharField(max_length=40, help_text="acceptance, correction, refusal, opinion, licence, archive …")
    subject = models.CharField(max_length=120)
    number = models.CharField(max_length=80, blank=True)
    title_zh = models.CharField(max_length=300)
    template = models.CharField(max_length=120)
    template_sm3 = models.CharField(max_length=64)
    filled_with = models.JSONField(default=dict)
    media_type = models.CharField(max_length=100)
    sm3 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    pages = models.PositiveSmallIntegerField(null=True)
    is_sealed = models.BooleanField(default=False)
    proof = models.CharField(max_length=40, blank=True, help_text="number under which /verify/ knows it")
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["subject", "-id"]),
            models.Index(fields=["sm3"], name="document_sm3"),
            models.Index(fields=["proof"], name="document_proof", condition=~models.Q(proof="")),
        ]
