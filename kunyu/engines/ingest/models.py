"""Deliveries, what was found in them and what became of them. 汇交."""

from django.db import models


class Delivery(models.Model):
    """One file handed in: received, mapped, checked, then accepted and published, or returned. 汇交批次."""

    class Status(models.TextChoices):
        RECEIVED = "received", "已接收"
        MAPPED = "mapped", "已映射"
        CHECKED = "checked", "已检查"
        ACCEPTED = "accepted", "已通过"
        RETURNED = "returned", "已退回"
        PUBLISHED = "published", "已发布"
        REJECTED = "rejected", "已拒绝"
        FAILED = "failed", "失败"

    standard_id = models.CharField(max_length=40)
    dataset_code = models.CharField(max_length=24, blank=True, help_text="set when one dataset was named")
    division_code = models.CharField(max_length=12)
    file_name = models.CharField(max_length=255)
    input_sm3 = models.CharField(max_length=64)
    input_size = models.BigIntegerField()
    mapping_name = models.CharField(max_length=120, blank=True)
    mapping_sm3 = models.CharField(max_length=64, blank=True)
    is_incremental = models.BooleanField(default=False)
    valid_from = models.DateField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RECEIVED)
    progress = models.JSONField(default=dict, help_text="stage, done, total: what the page shows while it runs")
    summary = models.JSONField(default=dict, help_text="S Z Q W counts, records per layer, stage seconds")
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            models.Index(fields=["status", "-created_at"]),
            models.Index(fields=["division_code", "-id"]),
        ]
        constraints = [
            # the second click: the same file for the same target is one delivery while that one is open
            models.UniqueConstraint(
                fields=["input_sm3", "standard_id", "dataset_code", "division_code", "mapping_sm3"],
                condition=models.Q(status__in=["received", "mapped", "checked", "accepted"]),
                name="open_delivery_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.file_name} → {self.division_code}"


class DeliveryEvent(models.Model):
    """A change of status: when, by whom, why. Rows are only ever added."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="events")
    status = models.CharField(max_length=10, choices=Delivery.Status.choices)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=80)
    reason_zh = models.TextField(blank=True)
    reason_en = models.TextField(blank=True)
    code = models.CharField(max_length=60, blank=True, help_text="error code, when it failed")

    class Meta:
        ordering = ["id"]


class DeliveredLayer(models.Model):
    """One layer of a delivery: where it came from, what mapping lost, which version it became."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="layers")
    source_name = models.CharField(max_length=255)
    collection = models.CharField(max_length=60)
    layer_code = models.CharField(max_length=40)
    records = models.BigIntegerField()
    crs = models.CharField(max_length=80, blank=True)
    mapped_sm3 = models.CharField(max_length=64, blank=True, help_text="object: GeoParquet of the mapped rows")
    role = models.CharField(max_length=12, default="base", help_text="base, update or process (standards)")
    loss = models.JSONField(default=dict, help_text="fields dropped, codes not translated, values cut: with counts")
    version = models.OneToOneField(
        "catalogue.DatasetVersion", null=True, on_delete=models.PROTECT, related_name="delivered_layer"
    )


class CheckRun(models.Model):
    """One run of the rules over a delivery, replayable from its inputs."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="check_runs")
    at = models.DateTimeField(auto_now_add=True)
    standard_digest = models.CharField(max_length=64)
    rules_run = models.JSONField(default=list)
    rules_not_run = models.JSONField(default=list, help_text='[{"rule", "reason"}]')
    report_sm3 = models.CharField(max_length=64, help_text="object: the canonical JSON report")
    reports = models.JSONField(default=dict, help_text='objects by form: {"json": sm3, "html": sm3, …}')
    reference_sm3 = models.CharField(max_length=64, blank=True, help_text="object: the reference pack it was judged by")
    reference_digest = models.CharField(
        max_length=64, blank=True, help_text="SM3 of the pack's content, as reports name it"
    )
    summary = models.JSONField(default=dict)


class FindingException(models.Model):
    """A finding that is right as it is: proposed by one person with reason and evidence, confirmed by another. 例外.

    It names the finding by its fingerprint and is honoured by every later check of the same standard and division; a
    finding whose geometry moved has another fingerprint. Table column ``geom`` geometry(Geometry, 4490) is the finding's.
    """

    class Status(models.TextChoices):
        """Where an exception stands."""

        PROPOSED = "proposed", "待确认"
        CONFIRMED = "confirmed", "已确认"
        REFUSED = "refused", "不予确认"
        WITHDRAWN = "withdrawn", "已撤回"

    delivery = models.ForeignKey(
        Delivery,
        null=True,
        on_delete=models.PROTECT,
        related_name="exceptions",
        help_text="in whose check it was found",
    )
    standard_id = models.CharField(max_length=40)
    division_code = models.CharField(max_length=12)
    rule = models.CharField(max_length=20)
    severity = models.CharField(max_length=1, blank=True)
    layer = models.CharField(max_length=40)
    ids = models.JSONField(default=list)
    measured = models.CharField(max_length=80, blank=True)
    limit = models.CharField(max_length=80, blank=True)
    unit = models.CharField(max_length=20, blank=True)
    fingerprint = models.CharField(max_length=64, db_index=True)
    message_zh = models.TextField()
    message_en = models.TextField()
    reason = models.TextField()
    evidence = models.JSONField(default=list, help_text='objects: [{"name", "sm3", "size"}]')
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PROPOSED)
    proposed_by = models.CharField(max_length=80)
    proposed_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.CharField(max_length=80, blank=True)
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True)
    withdrawn_by = models.CharField(max_length=80, blank=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawal_reason = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["division_code", "status"])]
        constraints = [
            models.UniqueConstraint(
                fields=["standard_id", "division_code", "fingerprint"],
                condition=models.Q(status__in=["proposed", "confirmed"]),
                name="exception_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=["confirmed", "refused"])
                | ~models.Q(decided_by=models.F("proposed_by")),
                name="exception_by_two_people",
            ),
        ]


class Verification(models.Model):
    """One run of the rules that compare a layer with others in the one map. 数据相互印证.

    It refuses nothing: it yields findings. ``inputs`` are the versions it read, so that a run can be repeated.
    """

    class Status(models.TextChoices):
        """How far a run is."""

        RUNNING = "running", "进行中"
        DONE = "done", "已完成"
        FAILED = "failed", "失败"

    division_code = models.CharField(max_length=12)
    started_by = models.CharField(max_length=80)
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    inputs = models.JSONField(default=list, help_text='[{"dataset", "layer", "version", "digest"}]')
    rules_run = models.JSONField(default=list)
    rules_not_run = models.JSONField(default=list, help_text='[{"rule", "reason"}]')
    summary = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, blank=True, help_text="SM3 of the canonical result")
    reason_zh = models.TextField(blank=True)
    reason_en = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["division_code", "-id"])]


class Finding(models.Model):
    """One thing a rule found, with its own geometry (table column ``geom``, EPSG:4490, added by migration).

    It belongs to the check of a delivery or to a verification of what is published. ``exception`` is the one it was
    accepted by: such a finding is shown and not counted.
    """

    run = models.ForeignKey(CheckRun, null=True, on_delete=models.PROTECT, related_name="findings")
    verification = models.ForeignKey(Verification, null=True, on_delete=models.PROTECT, related_name="findings")
    exception = models.ForeignKey(FindingException, null=True, on_delete=models.PROTECT, related_name="findings")
    rule = models.CharField(max_length=20)
    clause = models.CharField(max_length=200)
    severity = models.CharField(max_length=1)
    layer = models.CharField(max_length=40)
    ids = models.JSONField(default=list)
    measured = models.CharField(max_length=80, blank=True)
    limit = models.CharField(max_length=80, blank=True)
    unit = models.CharField(max_length=20, blank=True)
    message_zh = models.TextField()
    message_en = models.TextField()
    remedy_zh = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=64, db_index=True)

    class Meta:
        indexes = [models.Index(fields=["run", "rule"])]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(run__isnull=False, verification__isnull=True)
                | models.Q(run__isnull=True, verification__isnull=False),
                name="finding_of_one_run",
            )
        ]


class RasterItem(models.Model):
    """One image of a published delivery: a Cloud Optimized GeoTIFF in the object store, told as a STAC item. 影像.

    Table column ``geom`` geometry(Polygon, 4490) is the footprint, added by migration.
    """

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="rasters")
    dataset_code = models.CharField(max_length=24)
    division_code = models.CharField(max_length=12)
    name = models.CharField(max_length=255, help_text="file name as delivered")
    sm3 = models.CharField(max_length=64, help_text="object: the COG")
    source_sm3 = models.CharField(max_length=64, help_text="digest of the delivered file")
    size = models.BigIntegerField()
    taken_at = models.DateTimeField(null=True, help_text="from the tags, the file name or the delivery's valid_from")
    epsg = models.IntegerField(null=True)
    width = models.IntegerField()
    height = models.IntegerField()
    gsd_m = models.FloatField(help_text="ground sample distance at the centre, metres")
    bands = models.JSONField(default=list, help_text='[{"name", "data_type", "nodata", "min", "max"}]')
    west = models.FloatField()
    south = models.FloatField()
    east = models.FloatField()
    north = models.FloatField()
    is_published = models.BooleanField(default=False)
    platform = models.CharField(max_length=80, blank=True, help_text="satellite or aircraft, where something says it")
    sensor = models.CharField(max_length=80, blank=True)
    cloud_cover = models.FloatField(null=True, help_text="percent, 0-100")
    details = models.JSONField(default=dict, help_text="transform, wkt2 (no EPSG code), sun_azimuth, sun_elevation …")

    class Meta:
        indexes = [
            models.Index(fields=["dataset_code", "division_code", "taken_at"]),
            models.Index(fields=["sm3"], name="raster_by_object"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "source_sm3", "name"], name="raster_once_per_delivery")
        ]
