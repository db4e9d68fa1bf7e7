"""The record of what people and programs did, its chain and what was signed. 审计.

The tables are made by SQL in migrations and not managed by Django: they are append-only by triggers, and nothing of
Django's (a flush, an altered field) may try otherwise. Rows are written by ``audit.recording`` and ``audit.sealing`` only.
"""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """Who did what to which object, from where, with which result: written in the transaction of the act.

    ``record`` is the text that was hashed, ``leaf`` its SM3; the other columns repeat parts of it for searching and are
    compared with it when the log is verified.
    """

    at = models.DateTimeField()
    record = models.TextField()
    leaf = models.BinaryField()
    actor = models.TextField()
    actor_id = models.BigIntegerField(null=True)
    actor_zh = models.TextField()
    organisation = models.TextField()
    duty = models.TextField(help_text="the administrator's duty acted in, or ''")
    session = models.TextField()
    origin = models.TextField(help_text="address or 'cli'")
    action = models.TextField()
    object_kind = models.TextField()
    object_id = models.TextField()
    label = models.SmallIntegerField(null=True, help_text="label code of the object, 0 to 53")
    result = models.TextField()
    detail = models.JSONField(default=dict)
    once = models.BinaryField(null=True, help_text="reads: written at most once (audit.reads)")

    class Meta:
        managed = False
        db_table = "security_auditentry"


class AuditSeal(models.Model):
    """The place of an entry in the chain: ``link = SM3(link before || leaf || seq)``."""

    seq = models.BigIntegerField(primary_key=True)
    entry_id = models.BigIntegerField()
    leaf = models.BinaryField()
    link = models.BinaryField()
    sealed_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "security_auditseal"


class AuditPending(models.Model):
    """An entry that waits for its seal: queued by the database with the entry, taken out with the seal."""

    entry_id = models.BigIntegerField(primary_key=True)
    queued_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "security_auditpending"


class AuditCheckpoint(models.Model):
    """A link of the chain under the node's signature."""

    number = models.BigIntegerField(primary_key=True)
    seq = models.BigIntegerField()
    body = models.TextField(help_text="the text that was signed")
    signature = models.BinaryField(help_text="SM2, DER")
    certificate = models.TextField(help_text="PEM")
    at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "security_auditcheckpoint"


class AuditAnchoring(models.Model):
    """An attempt to keep a checkpoint outside the node, and the receipt."""

    number = models.BigIntegerField(help_text="of the checkpoint")
    target = models.TextField()
    at = models.DateTimeField()
    result = models.TextField(help_text="done or failed")
    receipt = models.JSONField(default=dict)

    class Meta:
        managed = False
        db_table = "security_auditanchoring"
