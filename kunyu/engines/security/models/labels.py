"""The label of a dataset or of records: proposed by one person, approved by another. 定密定级."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class LabelState(models.TextChoices):
    PROPOSED = "proposed", "待审批"
    APPROVED = "approved", "已批准"
    REJECTED = "rejected", "已退回"
    REPLACED = "replaced", "已被取代"


class Label(models.Model):
    """The label of everything in one collection on the three axes of :mod:`kunyu.engines.security.labels`.

    ``collection`` is a dataset code or the collection of one layer; a layer without its own has its dataset's.
    """

    collection = models.CharField(max_length=60)
    secrecy = models.PositiveSmallIntegerField()
    grading = models.PositiveSmallIntegerField()
    sharing = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=500)
    basis = models.CharField(max_length=300, blank=True, help_text="定密依据: item of the list of state secrets")
    secret_until = models.DateField(null=True, blank=True, help_text="保密期限")
    state = models.CharField(max_length=10, choices=LabelState.choices, default=LabelState.PROPOSED)
    proposed_by = models.CharField(max_length=80)
    proposed_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.CharField(max_length=80, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection"], condition=Q(state="approved"), name="label_approved_once"),
            models.UniqueConstraint(fields=["collection"], condition=Q(state="proposed"), name="label_proposed_once"),
            models.CheckConstraint(
                condition=~Q(state="approved") | (~Q(decided_by="") & ~Q(decided_by=F("proposed_by"))),
                name="label_approved_by_another",
            ),
            models.CheckConstraint(
                condition=Q(secrecy__lte=5, grading__lte=2, sharing__lte=2), name="label_is_on_the_axes"
            ),
        ]


class RecordLabel(models.Model):
    """A request to label single records stricter than their dataset, and what became of it. 要素级标记."""

    collection = models.CharField(max_length=60, db_index=True)
    county = models.CharField(max_length=6)
    keys = ArrayField(models.CharField(max_length=80), help_text="keys (BSM) of the records")
    secrecy = models.PositiveSmallIntegerField()
    grading = models.PositiveSmallIntegerField()
    sharing = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=LabelState.choices, default=LabelState.PROPOSED)
    proposed_by = models.CharField(max_length=80)
    proposed_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.CharField(max_length=80, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=500, blank=True)
    applied = models.BigIntegerField(null=True, help_text="records that bear it")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="approved") | (~Q(decided_by="") & ~Q(decided_by=F("proposed_by"))),
                name="record_label_approved_by_another",
            ),
        ]
