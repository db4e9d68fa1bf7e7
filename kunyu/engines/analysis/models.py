"""Results kept for replay, and analyses too large for one answer. 分析结果与作业."""

from django.conf import settings
from django.db import models


class StoredResult(models.Model):
    """One answer somebody got: the question, the versions, the values, the digest. Only its owner reads it. 分析结果.

    ``document`` is the answer without geometries; ``geometry`` the plot as WKB (EPSG:4490, longitude, latitude).
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    digest = models.CharField(max_length=64, db_index=True, help_text="SM3 over question and canonical values")
    question = models.JSONField(help_text="layers, valid_at, known_at, options: enough to ask again")
    geometry = models.BinaryField(help_text="the plot, WKB")
    document = models.JSONField(help_text="the answer as it was given, without geometries")
    versions = models.JSONField(default=list, help_text="ids of the dataset versions behind it")
    software = models.JSONField(default=dict, help_text="PostGIS, GEOS, PROJ and Kunyu that computed it")
    made_at = models.DateTimeField(auto_now_add=True)
    asked_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "digest"], nulls_distinct=False, name="analysis_result_once")
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.kind} {self.digest[:12]}"


class AnalysisJob(models.Model):
    """An analysis that a task worker does; only its owner sees it. 分析作业."""

    class State(models.TextChoices):
        """The words of OGC API – Processes."""

        ACCEPTED = "accepted", "已接受"
        RUNNING = "running", "进行中"
        SUCCESSFUL = "successful", "已完成"
        FAILED = "failed", "失败"
        DISMISSED = "dismissed", "已撤销"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    actor = models.CharField(max_length=80, help_text="name of the principal, as the audit has it")
    origin = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=20)
    question = models.JSONField()
    geometry = models.BinaryField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.ACCEPTED)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    message_zh = models.TextField(blank=True)
    message_en = models.TextField(blank=True)
    result = models.ForeignKey(StoredResult, null=True, on_delete=models.SET_NULL, related_name="jobs")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "-id"])]

    def __str__(self) -> str:
        return f"{self.pk} {self.kind} {self.state}"
