"""Keys, what they asked today, and what everybody used. 服务密钥、配额计数与使用统计."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from kunyu.engines.security.models import AccessToken


class ApiKey(models.Model):
    """What narrows and bounds an access token: the collections it reaches and how often it may ask. 服务密钥.

    It never widens: the token carries its holder's rights, as far as they lie under ``branches``.
    """

    token = models.OneToOneField(AccessToken, on_delete=models.CASCADE, related_name="api_key")
    name = models.CharField(max_length=60)
    branches = ArrayField(models.CharField(max_length=60), help_text="catalogue codes or their beginnings")
    per_minute = models.PositiveIntegerField(help_text="requests in a minute")
    per_day = models.PositiveIntegerField(help_text="requests in a day of the node's clock")
    is_suspended = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class KeyCount(models.Model):
    """How often a key asked in one minute or day. 配额计数."""

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="counts")
    window = models.CharField(max_length=16, help_text="2026-01-31 for a day, 2026-01-31T08:15 for a minute")
    asked = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "window"], name="key_window_once")]

    def __str__(self) -> str:
        return f"{self.key_id} {self.window}: {self.asked}"


class Use(models.Model):
    """How often one person (or nobody) used one service or collection on one day. 使用统计.

    Written a few seconds after the requests; a killed process loses the last seconds of its own count.
    """

    day = models.DateField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="uses")
    subject = models.CharField(max_length=80, help_text="service:CODE or a collection")
    kind = models.CharField(max_length=20, help_text="features, tiles, map, stac, proxy, other")
    requests = models.PositiveBigIntegerField(default=0)
    refused = models.PositiveBigIntegerField(default=0, help_text="answered with 4xx or 5xx")
    sent_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "user", "key", "subject", "kind"], name="use_once_a_day", nulls_distinct=False
            )
        ]
        indexes = [models.Index(fields=["subject", "day"])]

    def __str__(self) -> str:
        return f"{self.day} {self.subject}: {self.requests}"
