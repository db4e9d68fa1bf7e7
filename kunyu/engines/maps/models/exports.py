"""Exports that run as jobs. 导出作业."""

from django.conf import settings
from django.db import models


class Export(models.Model):
    """One file that somebody asked for: what of, where the job stands, where the file lies and until when. 导出."""

    class State(models.TextChoices):
        WAITING = "waiting", "等待"
        RUNNING = "running", "导出中"
        DONE = "done", "已完成"
        FAILED = "failed", "失败"
        EXPIRED = "expired", "已清理"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="exports")
    collection = models.CharField(max_length=60)
    format = models.CharField(max_length=10)
    request = models.JSONField(help_text="as it was asked for, the moment made explicit")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    records = models.BigIntegerField(null=True, help_text="expected; exact once done")
    done = models.BigIntegerField(default=0, help_text="records written")
    attempts = models.PositiveSmallIntegerField(default=0)
    file_name = models.CharField(max_length=160, blank=True)
    sm3 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(null=True, help_text="bytes")
    error_code = models.CharField(max_length=80, blank=True)
    error_zh = models.TextField(blank=True)
    error_en = models.TextField(blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "-asked_at"]), models.Index(fields=["state", "expires_at"])]

    def __str__(self) -> str:
        return f"export {self.pk} {self.collection} {self.format} ({self.state})"
