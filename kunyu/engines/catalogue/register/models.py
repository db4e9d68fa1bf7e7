"""Services, where they are, how they are, and who asked to use them. 服务注册、监控与申请."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from kunyu.engines.security.api_keys.models import ApiKey
from kunyu.engines.security.personal_data import EncryptedText


class Service(models.Model):
    """One registered service. Who may use it follows from ``collection``, as for the data themselves. 服务."""

    class Kind(models.TextChoices):
        WMS = "wms", "WMS"
        WMTS = "wmts", "WMTS"
        WFS = "wfs", "WFS"
        OGC_API = "ogcapi", "OGC API"
        ARCGIS = "arcgis", "ArcGIS REST"
        TILES_3D = "3dtiles", "3D Tiles"
        STAC = "stac", "STAC"
        XYZ = "xyz", "XYZ"

    class Category(models.TextChoices):
        COMMON = "common", "通用服务"
        THEMATIC = "thematic", "专题服务"

    class State(models.TextChoices):
        DRAFT = "draft", "未发布"
        PUBLISHED = "published", "已发布"
        SUSPENDED = "suspended", "已暂停"
        WITHDRAWN = "withdrawn", "已注销"

    code = models.SlugField(max_length=60, unique=True)
    name_zh = models.CharField(max_length=120)
    name_en = models.CharField(max_length=160, blank=True)
    description = models.TextField(blank=True, max_length=2000)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    category = models.CharField(max_length=10, choices=Category.choices, default=Category.THEMATIC)
    collection = models.CharField(max_length=60, help_text="catalogue code that decides who may use it")
    division_code = models.CharField(max_length=12, blank=True)
    producer_zh = models.CharField(max_length=160, blank=True)
    attribution = models.CharField(max_length=200, blank=True, help_text="shown on maps; with the approval number")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    personal_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    secret = EncryptedText()
    secret_place = models.CharField(max_length=80, blank=True, help_text="query:tk or header:X-Key; empty for none")
    created_by = models.CharField(max_length=60)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.code} {self.name_zh}"


class ServiceEndpoint(models.Model):
    """One address of a service. The healthy one that answers fastest is asked first. 服务节点."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="endpoints")
    address = models.URLField(max_length=500)
    is_healthy = models.BooleanField(null=True, help_text="None before the first check")
    latency_ms = models.FloatField(null=True)
    checked_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0, help_text="checks in a row that failed")
    reason_zh = models.CharField(max_length=300, blank=True)
    reason_en = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "address"], name="endpoint_once")]

    def __str__(self) -> str:
        return self.address


class ServiceCheck(models.Model):
    """One look at one endpoint; kept thirty days. 健康检查记录."""

    endpoint = models.ForeignKey(ServiceEndpoint, on_delete=models.CASCADE, related_name="checks")
    at = models.DateTimeField(db_index=True)
    is_healthy = models.BooleanField()
    latency_ms = models.FloatField(null=True)
    reason_zh = models.CharField(max_length=300, blank=True)
    reason_en = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.at:%F %T} {'ok' if self.is_healthy else self.reason_en}"


class ServiceEvent(models.Model):
    """What was done with a service: registered, published, suspended, changed. 服务生命周期记录."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=60)
    act = models.CharField(max_length=20)
    reason = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.service_id} {self.act} {self.actor}"


class Application(models.Model):
    """Somebody asks for a key to data and services; whoever answers for the data decides. 服务使用申请."""

    class State(models.TextChoices):
        APPLIED = "applied", "待审批"
        APPROVED = "approved", "已批准"
        REFUSED = "refused", "不予批准"
        WITHDRAWN = "withdrawn", "已撤回"

    applicant = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=60, help_text="of the program that will ask")
    purpose = models.CharField(max_length=1000)
    collections = ArrayField(models.CharField(max_length=60))
    division_code = models.CharField(
        max_length=12, blank=True, help_text="whose data are asked for; empty is the nation"
    )
    per_minute = models.PositiveIntegerField()
    per_day = models.PositiveIntegerField()
    until = models.DateField(help_text="last day the key holds")
    state = models.CharField(max_length=10, choices=State.choices, default=State.APPLIED)
    applied_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.CharField(max_length=60, blank=True)
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=1000, blank=True)
    key = models.OneToOneField(ApiKey, null=True, on_delete=models.SET_NULL, related_name="application")

    def __str__(self) -> str:
        return f"{self.pk} {self.name}"
