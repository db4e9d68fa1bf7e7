"""Investment projects and the approvals of each. 投资项目与批准文件."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from kunyu.engines.documents.models import Licence
from kunyu.registers.parties.models import Party

BRANCH = "30401-001"
"""The catalogue code whose grants decide who sees projects: 预审、农转用、征收项目与勘测定界地块."""


class Project(models.Model):
    """One project by its code (投资项目代码). Projects of one's own division are seen under grants on `BRANCH`."""

    code = models.CharField(max_length=24, unique=True)
    name = models.CharField(max_length=300, blank=True)
    division_code = models.CharField(max_length=12)
    investor = models.ForeignKey(Party, null=True, on_delete=models.PROTECT, related_name="projects")
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["division_code", "-id"])]

    def __str__(self) -> str:
        return self.code


class ProjectDocument(models.Model):
    """One approval: of a project, or by itself where there is no project code. 批准文件.

    Table column ``plot`` geometry(MultiPolygon, 4490) is added by migration. ``area_m2`` is what the document says;
    ``plot_area_m2`` is ellipsoidal, computed from the plot.
    """

    class Kind(models.TextChoices):
        """In the order of the law (services.md §3)."""

        REVIEW = "review", "用地预审与选址意见书"
        PROJECT = "project", "项目批准、核准、备案文件"
        CONVERSION = "conversion", "农用地转用批准文件"
        EXPROPRIATION = "expropriation", "土地征收批准文件"
        SUPPLY = "supply", "划拨决定书或出让合同"
        LAND_PERMIT = "land_permit", "建设用地规划许可证"
        WORKS_PERMIT = "works_permit", "建设工程规划许可证"
        RURAL_PERMIT = "rural_permit", "乡村建设规划许可证"
        ACCEPTANCE = "acceptance", "规划核实意见"
        OTHER = "other", "其他"

    key = models.CharField(max_length=160, unique=True, help_text="the cause: entered again it is the same document")
    project = models.ForeignKey(Project, null=True, on_delete=models.PROTECT, related_name="documents")
    project_code_stated = models.CharField(max_length=40, blank=True, help_text="as the document itself says")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    number = models.CharField(max_length=80)
    licence = models.ForeignKey(Licence, null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=Licence.State.choices, default=Licence.State.VALID)
    issuer_zh = models.CharField(max_length=200, blank=True)
    issued_on = models.DateField()
    ended_on = models.DateField(null=True, help_text="day it was revoked or replaced")
    division_code = models.CharField(max_length=12)
    area_m2 = models.FloatField(null=True)
    plot_area_m2 = models.FloatField(null=True)
    use_zh = models.CharField(max_length=100, blank=True)
    previous = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="following")
    previous_number = models.CharField(
        max_length=80, blank=True, help_text="the earlier document, as this one names it"
    )
    feature = models.CharField(max_length=18, blank=True, help_text="BSM of its plot in the layer of approvals")
    entered_by = models.CharField(max_length=80)
    entered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["issued_on", "id"]
        indexes = [
            models.Index(fields=["number"]),
            models.Index(fields=["feature"], name="projects_feature", condition=~Q(feature="")),
            models.Index(fields=["division_code", "-id"]),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(area_m2=None) | Q(area_m2__gt=0), name="project_document_area_positive"),
            models.CheckConstraint(
                condition=Q(previous=None) | ~Q(previous=F("id")), name="project_document_not_its_own_previous"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"
