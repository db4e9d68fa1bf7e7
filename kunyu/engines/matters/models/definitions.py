"""Matters of government service and their editions. 政务服务事项.

An edition never changes once published: a running case stays on the one it started with.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Matter(models.Model):
    """One matter of the catalogue, at one level of administration. 事项."""

    class Kind(models.TextChoices):
        """Type numbers of GB/T 39554.1-2020."""

        LICENCE = "01", "行政许可"
        INSPECTION = "06", "行政检查"
        CONFIRMATION = "07", "行政确认"
        OTHER = "10", "其他行政权力"
        SERVICE = "20", "公共服务"

    code = models.CharField(max_length=40, unique=True, help_text="S-001 …, or the pack's own for local matters")
    basic_code = models.CharField(max_length=12, blank=True, help_text="基本编码, from the national list only")
    name_zh = models.CharField(max_length=200)
    name_en = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=2, choices=Kind.choices)
    pack = models.CharField(max_length=60, blank=True, help_text="folder that defines it; empty: catalogue entry only")
    branch = models.CharField(max_length=60, blank=True, help_text="catalogue code whose rights decide about its cases")
    is_open = models.BooleanField(default=False, help_text="applications are taken")

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} {self.name_zh}"


class MatterEdition(models.Model):
    """What a matter is from a day on: conditions, materials, form, flow, decision tables, limits. 事项版本.

    Once published only its state changes: the table refuses the rest (migration 0005).

    ``definition`` is the whole as canonical JSON (docs/reference/matters.md); what lists and statistics read stands in
    columns. ``flow`` and ``decisions`` keep the BPMN and DMN files as they came.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "草稿"
        PUBLISHED = "published", "在用"
        RETIRED = "retired", "停用"

    matter = models.ForeignKey(Matter, on_delete=models.PROTECT, related_name="editions")
    number = models.PositiveIntegerField(help_text="1, 2, … within the matter and division")
    division_code = models.CharField(max_length=12, blank=True, help_text="whose overlay it is; empty: as shipped")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    statutory_days = models.PositiveSmallIntegerField(null=True, help_text="workdays; null: none, or not known")
    promised_days = models.PositiveSmallIntegerField(null=True, help_text="workdays, at most the statutory ones")
    definition = models.JSONField()
    flow = models.TextField(blank=True, help_text="BPMN 2.0 XML")
    decisions = models.JSONField(default=dict, help_text="decision id → DMN 1.3 XML")
    overlay = models.JSONField(
        default=dict,
        help_text="what the division changed, by key; {} as shipped: carried over when the upper one changes",
    )
    digest = models.CharField(max_length=64, help_text="SM3 over definition, flow and decisions")
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField(auto_now_add=True)
    published_by = models.CharField(max_length=80, blank=True)
    published_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["matter_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["matter", "division_code", "number"], name="matter_edition_number_once"),
            models.UniqueConstraint(
                fields=["matter", "division_code"], condition=Q(state="published"), name="matter_edition_one_in_use"
            ),
            models.CheckConstraint(
                condition=Q(statutory_days=None) | Q(promised_days=None)
                | Q(promised_days__lte=models.F("statutory_days")),
                name="matter_promised_within_statutory",
            ),
        ]  # fmt: skip
        indexes = [
            # the public list leaves out what another network handles: few, found without reading every definition
            models.Index(
                fields=["matter"], name="matter_edition_bound_to_zones",
                condition=Q(state="published", division_code="", definition__has_key="zones"),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.matter_id} #{self.number} {self.division_code}"
