"""Maps that people make: compositions with every version, who shares them, saved styles, prints. 专题图与样式."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class Composition(models.Model):
    """A composed map. What it shows is decided by the rights of whoever looks, never by those of its author."""

    class Audience(models.TextChoices):
        PRIVATE = "private", "仅自己"
        NAMED = "named", "指定的人和单位"
        EVERYBODY = "everybody", "本节点所有用户"

    slug = models.CharField(max_length=40, unique=True, help_text="its name in addresses")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ships = models.BooleanField(default=False, help_text="comes with the node; nobody owns or changes it")
    audience = models.CharField(max_length=10, choices=Audience.choices, default=Audience.PRIVATE)
    made_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "-made_at"], name="composition_of")]

    def __str__(self) -> str:
        return self.slug


class CompositionVersion(models.Model):
    """One saved state of a composition; never changed."""

    composition = models.ForeignKey(Composition, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    title_zh = models.CharField(max_length=120)
    title_en = models.CharField(max_length=160, blank=True)
    definition = models.JSONField(help_text="layers, extent, layout; schema in compositions/definition.py")
    versions = models.JSONField(help_text="dataset versions in force when it was saved, by collection and county")
    digest = models.CharField(max_length=64)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["composition", "number"], name="composition_version_once")]


class CompositionShare(models.Model):
    """A person, or everybody in an organisation and those under it, may look at a composition."""

    composition = models.ForeignKey(Composition, on_delete=models.CASCADE, related_name="shares")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    organisation = models.ForeignKey("reference.Organisation", null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, organisation__isnull=True)
                | models.Q(user__isnull=True, organisation__isnull=False),
                name="composition_share_names_one",
            ),
            models.UniqueConstraint(fields=["composition", "user", "organisation"], name="composition_share_once"),
        ]


class SavedStyle(models.Model):
    """A MapLibre style that a person saved under OGC API – Styles."""

    slug = models.CharField(max_length=40, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=160)
    document = models.JSONField()
    collections = ArrayField(models.CharField(max_length=64), help_text="what its layers draw")
    is_shared = models.BooleanField(default=False)
    made_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.slug


class MapPrint(models.Model):
    """One print of a composition: a job, then a file that its owner fetches."""

    class State(models.TextChoices):
        WAITING = "waiting", "排队"
        RUNNING = "running", "绘制中"
        DONE = "done", "完成"
        FAILED = "failed", "失败"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    request = models.JSONField(help_text="composition, paper, scale, format")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    form = models.CharField(max_length=8)
    file_sm3 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    label = models.PositiveSmallIntegerField(default=0, help_text="strictest label of what is on it")
    versions = models.JSONField(default=dict)
    scale = models.FloatField(null=True)
    why_zh = models.TextField(blank=True)
    why_en = models.TextField(blank=True)
    asked_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "-asked_at"], name="map_print_of")]
