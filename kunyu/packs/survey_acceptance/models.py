"""Rounds of acceptance, the samples drawn in them, who surveyed which village. 质检轮次、抽样与作业员.

Nothing here is ever deleted (triggers of the migration refuse it); what was done stands in :class:`RoundEvent`, which
only grows.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from kunyu.engines.ingest.models import CheckRun, Delivery


class AcceptanceRound(models.Model):
    """One delivery's way through acceptance; the next delivery of the same division, standard and year is the next round."""

    class State(models.TextChoices):
        """Where a round stands. The last three are ends."""

        SAMPLING = "sampling", "待抽样"
        INTERIOR = "interior", "内业检查"
        FIELD = "field", "外业检查"
        DECISION = "decision", "待验收"
        ACCEPTED = "accepted", "通过"
        RETURNED = "returned", "退回"
        CLOSED = "closed", "未验收即结束"

    delivery = models.OneToOneField(Delivery, on_delete=models.PROTECT, related_name="acceptance_round")
    run = models.ForeignKey(CheckRun, null=True, on_delete=models.PROTECT, related_name="+")
    standard_id = models.CharField(max_length=40)
    division_code = models.CharField(max_length=12)
    year = models.PositiveSmallIntegerField()
    number = models.PositiveSmallIntegerField(help_text="1, 2, … within division, standard and year")
    collection = models.CharField(max_length=60, help_text="collection of the parcels: whose rights decide")
    parcels = models.BigIntegerField(default=0)
    delivered_by = models.CharField(max_length=80)
    delivering_unit = models.CharField(max_length=200, blank=True, help_text="organisation of whoever delivered")
    state = models.CharField(max_length=10, choices=State.choices, default=State.SAMPLING)
    score = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    grade = models.CharField(max_length=12, blank=True, help_text="excellent, good, passed, failed")
    costs = models.JSONField(default=list, help_text='[{"rule", "severity", "layer", "count", "points"}]')
    scoring_digest = models.CharField(max_length=64, blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.CharField(max_length=80, blank=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["division_code", "-id"]), models.Index(fields=["state", "-id"])]
        constraints = [
            models.UniqueConstraint(
                fields=["division_code", "standard_id", "year", "number"], name="acceptance_round_number_once"
            ),
            models.CheckConstraint(
                condition=~Q(state="accepted") | ~Q(decided_by=""), name="acceptance_decided_by_somebody"
            ),
            models.CheckConstraint(
                condition=Q(decided_by="") | ~Q(decided_by=F("delivered_by")), name="acceptance_not_of_ones_own"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.division_code} {self.year} #{self.number}"

    @property
    def is_open(self) -> bool:
        """Does anything remain to be done?"""
        return self.state in OPEN_STATES


_S = AcceptanceRound.State
OPEN_STATES = (_S.SAMPLING, _S.INTERIOR, _S.FIELD, _S.DECISION)


class RoundEvent(models.Model):
    """What was done in a round: when, by whom, why. The table refuses UPDATE, DELETE and TRUNCATE.

    Made by the migration, not by Django, and without a foreign key: a flush of the test database may not touch it.
    """

    round = models.ForeignKey(AcceptanceRound, on_delete=models.DO_NOTHING, db_constraint=False, related_name="events")
    act = models.CharField(max_length=24)
    before = models.CharField(max_length=10, blank=True)
    state = models.CharField(max_length=10, choices=AcceptanceRound.State.choices)
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    reason = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        managed = False
        ordering = ["id"]


class SamplingPlan(models.Model):
    """A sample drawn from the delivered parcels, once for each place; anybody can draw it again from ``seed``."""

    class Place(models.TextChoices):
        """Where the drawn parcels are checked."""

        INTERIOR = "interior", "内业"
        FIELD = "field", "外业"

    class Method(models.TextChoices):
        """How parcels are drawn."""

        SIMPLE = "simple", "简单随机"
        CLASS = "class", "按地类分层"
        VILLAGE = "village", "按村分层"
        SURVEYOR = "surveyor", "按作业员分层"

    round = models.ForeignKey(AcceptanceRound, on_delete=models.PROTECT, related_name="plans")
    place = models.CharField(max_length=8, choices=Place.choices)
    method = models.CharField(max_length=8, choices=Method.choices)
    size_by = models.CharField(max_length=40, help_text='"table" or "rate 2.5"')
    seed = models.BigIntegerField()
    population = models.BigIntegerField()
    population_sm3 = models.CharField(max_length=64, help_text="of the sorted BSM with their strata")
    size = models.IntegerField()
    strata = models.JSONField(default=list, help_text='[{"stratum", "population", "size"}]')
    list_sm3 = models.CharField(max_length=64, help_text="of the drawn BSM in order of drawing")
    drawn_by = models.CharField(max_length=80)
    drawn_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["round", "place"], name="acceptance_plan_once")]


class SampleItem(models.Model):
    """One parcel of a sample and what the checker found.

    Table columns ``point`` geometry(Point, 4490) and ``outline`` geometry(Geometry, 4490) are added by migration.
    """

    plan = models.ForeignKey(SamplingPlan, on_delete=models.PROTECT, related_name="items")
    number = models.IntegerField(help_text="1, 2, … in order of village and BSM: the order of walking")
    bsm = models.CharField(max_length=40)
    stratum = models.CharField(max_length=120, blank=True)
    village = models.CharField(max_length=12, blank=True, help_text="first twelve digits of ZLDWDM")
    tbbh = models.CharField(max_length=20, blank=True)
    class_delivered = models.CharField(max_length=10)
    class_right = models.BooleanField(null=True)
    class_found = models.CharField(max_length=10, blank=True)
    boundary_right = models.BooleanField(null=True)
    deviation_m = models.DecimalField(max_digits=8, decimal_places=2, null=True, help_text="measured, metres")
    attributes_right = models.BooleanField(null=True)
    note = models.TextField(blank=True)
    photos = models.JSONField(default=list, help_text="numbers of evidence photos")
    checker = models.CharField(max_length=80, blank=True)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["plan_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "bsm"], name="acceptance_sample_once"),
            models.UniqueConstraint(fields=["plan", "number"], name="acceptance_sample_number_once"),
            models.CheckConstraint(
                condition=Q(checked_at=None)
                | (
                    Q(class_right__isnull=False, boundary_right__isnull=False, attributes_right__isnull=False)
                    & ~Q(checker="")
                ),
                name="acceptance_sample_judged_whole",
            ),
            models.CheckConstraint(
                condition=Q(deviation_m=None) | Q(deviation_m__gte=0), name="acceptance_deviation_not_negative"
            ),
        ]

    @property
    def is_judged(self) -> bool:
        """Has a checker judged it?"""
        return self.checked_at is not None

    @property
    def is_wrong(self) -> bool:
        """Was anything found wrong?"""
        return False in (self.class_right, self.boundary_right, self.attributes_right)


class SurveyorAssignment(models.Model):
    """Who surveyed a village in a year, as an uploaded list says; a later list takes its place. 作业分工."""

    county = models.CharField(max_length=6)
    year = models.PositiveSmallIntegerField()
    village = models.CharField(max_length=12, help_text="first twelve digits of ZLDWDM")
    surveyor = models.CharField(max_length=80)
    unit = models.CharField(max_length=200, blank=True)
    source_sm3 = models.CharField(max_length=64, help_text="of the uploaded list")
    uploaded_by = models.CharField(max_length=80)
    uploaded_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["village"]
        indexes = [models.Index(fields=["village", "year"])]
        constraints = [
            models.UniqueConstraint(
                fields=["year", "village"], condition=Q(superseded_at=None), name="acceptance_one_surveyor_a_village"
            )
        ]
