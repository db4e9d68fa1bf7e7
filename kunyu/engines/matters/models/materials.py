"""Materials of an application: each upload a version, nothing overwritten. 申请材料."""

from __future__ import annotations

from django.db import models

from kunyu.engines.matters.models.cases import Application


class Material(models.Model):
    """One uploaded, shared or earlier document, as one version of one kind of material."""

    class Source(models.TextChoices):
        UPLOAD = "upload", "上传"
        EARLIER = "earlier", "以前提交的材料"
        LICENCE = "licence", "电子证照共享（免提交）"
        COUNTER = "counter", "窗口扫描"

    class Reading(models.TextChoices):
        """How far the text was read."""

        WAITING = "waiting", "待读取"
        TEXT = "text", "文字层"
        OCR = "ocr", "光学识别"
        NONE = "none", "无文字"
        FAILED = "failed", "读取失败"

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="materials")
    kind = models.CharField(max_length=60, help_text="code of the material in the matter's definition")
    version = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.UPLOAD)
    file_name = models.CharField(max_length=300)
    media_type = models.CharField(max_length=100)
    sm3 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    pages = models.PositiveIntegerField(null=True)
    reading = models.CharField(max_length=8, choices=Reading.choices, default=Reading.WAITING)
    text = models.TextField(blank=True, help_text="what was read, for the comparisons; at most 200,000 letters")
    facts = models.JSONField(default=dict, help_text="names, codes, areas and dates found, each with its page")
    faults = models.JSONField(default=list, help_text='[{"code", "zh", "en"}] what is wrong with the file itself')
    licence_number = models.CharField(max_length=80, blank=True)
    is_withdrawn = models.BooleanField(default=False, help_text="the applicant took it out again; the version stays")
    uploaded_by = models.CharField(max_length=80)
    uploaded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["kind", "-version"]
        constraints = [models.UniqueConstraint(fields=["application", "kind", "version"], name="material_version_once")]
        indexes = [models.Index(fields=["sm3"])]
