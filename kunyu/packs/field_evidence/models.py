"""Tasks of evidence, their photos, the devices that took them, and how packages came in. “互联网+”举证.

States, levels and people are typed columns. People are told by user id only: no names come from the open network.
Geometry columns are PostGIS, EPSG:4490, longitude before latitude, added by migration (decision 0002):
``field_evidence_evidencetask.geom`` geometry(MultiPolygon), ``field_evidence_evidencephoto.geom`` geometry(Point) and
``.cone`` geometry(Polygon).
"""

from django.db import models
from django.db.models import F, Q

from kunyu.engines.reference.models import Organisation


class State(models.TextChoices):
    """Where a task stands. A review state names the level with which the task lies."""

    PENDING = "pending", "待举证"
    EVIDENCED = "evidenced", "已举证"
    COUNTY = "county", "县审"
    CITY = "city", "市审"
    PROVINCE = "province", "省审"
    NATION = "nation", "国家核查"
    PASSED = "passed", "通过"
    RETURNED = "returned", "退回"
    ARCHIVED = "archived", "归档"


class Outcome(models.TextChoices):
    """What verification found. 核查结论."""

    NONE = "", "—"
    ACCEPTED = "accepted", "认定通过"
    REFUSED = "refused", "不通过(退回补充举证)"
    DOUBTFUL = "doubtful", "存疑转实地"
    EXEMPT = "exempt", "免举证"


def _another_person(later: str, *earlier: str) -> Q:
    """Nobody judges what he himself handed up; empty means nobody yet."""
    condition = Q()
    for one in earlier:
        condition &= Q(**{later: ""}) | ~Q(**{later: F(one)})
    return condition


class EvidenceTask(models.Model):
    """One patch or parcel of which photos are wanted. 举证任务.

    ``number`` is JCBH of the national list, or BSM of a parcel. The five ``*_by`` columns are the people of the current
    round; they are emptied when the task is returned, and stay in the history.
    """

    number = models.CharField(max_length=60)
    jcbh = models.CharField(max_length=60, blank=True)
    tbbh = models.CharField(max_length=60, blank=True)
    bsm = models.CharField(max_length=60, blank=True)
    division_code = models.CharField(max_length=12)
    tblx = models.CharField(max_length=20, blank=True, help_text="type of the monitoring patch (TBLX)")
    window_from = models.DateField(null=True)
    window_to = models.DateField(null=True)
    label = models.PositiveSmallIntegerField(default=0, help_text="the row's own label, 0 to 53")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True, default=Outcome.NONE)
    round = models.PositiveSmallIntegerField(default=1)
    photos_good = models.PositiveIntegerField(default=0)
    photos_bad = models.PositiveIntegerField(default=0)
    is_complete = models.BooleanField(default=False, help_text="the good photos are the required set")
    submitted_by = models.CharField(max_length=80, blank=True)
    county_by = models.CharField(max_length=80, blank=True)
    city_by = models.CharField(max_length=80, blank=True)
    province_by = models.CharField(max_length=80, blank=True)
    nation_by = models.CharField(max_length=80, blank=True)
    source = models.CharField(max_length=255, blank=True, help_text="file of the task list")
    source_sm3 = models.CharField(max_length=64, blank=True)
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "division_code"], name="evidence_task_queue"),
            models.Index(fields=["division_code", "number"], name="evidence_task_number"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["number", "division_code"], name="evidence_task_once"),
            models.CheckConstraint(
                name="evidence_by_other_people",
                condition=_another_person("county_by", "submitted_by")
                & _another_person("city_by", "submitted_by", "county_by")
                & _another_person("province_by", "submitted_by", "county_by", "city_by")
                & _another_person("nation_by", "submitted_by", "county_by", "city_by", "province_by"),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class EvidenceEvent(models.Model):
    """One act on a task: when, by whom, why. Rows are only ever added (a trigger refuses the rest)."""

    class Act(models.TextChoices):
        """What was done."""

        CREATED = "created", "下发"
        EVIDENCE = "evidence", "接收照片"
        SUBMIT = "submit", "提交审核"
        APPROVE = "approve", "通过"
        RETURN = "return", "退回"
        DOUBT = "doubt", "转实地"
        EXEMPT = "exempt", "免举证"
        ARCHIVE = "archive", "归档"

    task = models.ForeignKey(EvidenceTask, on_delete=models.PROTECT, related_name="events")
    act = models.CharField(max_length=10, choices=Act.choices)
    before = models.CharField(max_length=10, choices=State.choices, blank=True)
    after = models.CharField(max_length=10, choices=State.choices)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True)
    round = models.PositiveSmallIntegerField(default=1)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=80)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["act", "at"], name="evidence_event_act")]


class Device(models.Model):
    """A device of a field team: its photos are believed the key that is registered here. 举证设备."""

    number = models.CharField(max_length=60, unique=True)
    public_key = models.CharField(max_length=130, help_text="SM2 point, 04 x y, hexadecimal")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    registered_by = models.CharField(max_length=80)
    registered_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=80, blank=True)
    revoked_reason = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.number


class EvidenceImport(models.Model):
    """One package that came in from the open network, one way. 单向导入记录. Rows are only ever added.

    The same file is one import: its SM3 is unique.
    """

    sm3 = models.CharField(max_length=64, unique=True)
    file_name = models.CharField(max_length=255)
    size = models.BigIntegerField()
    package = models.CharField(max_length=200, help_text="as the package calls itself")
    division_code = models.CharField(max_length=12)
    photos = models.PositiveIntegerField()
    photos_bad = models.PositiveIntegerField()
    already_known = models.PositiveIntegerField(default=0, help_text="photos that an earlier package had brought")
    imported_by = models.CharField(max_length=80)
    origin = models.CharField(max_length=20, blank=True)
    imported_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.pk} {self.file_name}"


class EvidencePhoto(models.Model):
    """One photo as it came, good or bad. 举证照片. Angles in degrees, lengths in metres, CGCS2000.

    The picture lies in the object store under ``image_sm3_stored``, encrypted where its label asks for it.
    """

    package = models.ForeignKey(EvidenceImport, on_delete=models.PROTECT, related_name="items")
    task = models.ForeignKey(EvidenceTask, null=True, on_delete=models.PROTECT, related_name="photos")
    position = models.PositiveIntegerField(help_text="place in the package, from 0")
    round = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=60)
    number = models.CharField(max_length=60, blank=True, help_text="JCBH or BSM as the photo says")
    division_code = models.CharField(max_length=12)
    kind = models.CharField(max_length=12, blank=True, help_text="panorama, near, use, interior")
    taken_at = models.DateTimeField(null=True, help_text="satellites' time")
    device_at = models.DateTimeField(null=True)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    elevation_m = models.FloatField(null=True)
    positioning = models.CharField(max_length=12, blank=True)
    accuracy_m = models.FloatField(null=True)
    satellites = models.PositiveSmallIntegerField(null=True)
    azimuth = models.FloatField(null=True)
    pitch = models.FloatField(null=True)
    roll = models.FloatField(null=True)
    focal_mm = models.FloatField(null=True, help_text="35 mm equivalent")
    fov_deg = models.FloatField(null=True)
    distance_m = models.FloatField(null=True, help_text="to the patch along the ellipsoid, 0 inside")
    off_axis_deg = models.FloatField(null=True, help_text="by how much the camera's axis misses the patch")
    surveyor = models.CharField(max_length=60, blank=True, help_text="user id, never a name")
    device_number = models.CharField(max_length=60, blank=True)
    device = models.ForeignKey(Device, null=True, on_delete=models.PROTECT, related_name="photos")
    mock = models.BooleanField(null=True)
    sequence = models.PositiveIntegerField(null=True)
    previous = models.CharField(max_length=64, blank=True)
    image_sm3 = models.CharField(max_length=64, blank=True, help_text="as signed")
    image_sm3_stored = models.CharField(max_length=64, blank=True, help_text="object: the picture as it came")
    size = models.BigIntegerField(default=0)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    digest = models.CharField(max_length=64, blank=True)
    signature = models.CharField(max_length=400, blank=True)
    metadata = models.TextField(help_text="the record as signed, JSON: shown, never queried")
    is_good = models.BooleanField()

    class Meta:
        ordering = ["task_id", "taken_at", "id"]
        indexes = [
            models.Index(fields=["task", "is_good"], name="evidence_photo_task"),
            models.Index(fields=["name"], name="evidence_photo_name"),
            models.Index(fields=["device_number", "-sequence"], name="evidence_photo_chain"),
        ]
        constraints = [models.UniqueConstraint(fields=["package", "position"], name="evidence_photo_place")]

    def __str__(self) -> str:
        return self.name


class PhotoCheck(models.Model):
    """One check of one photo, as it stood when the photo came in."""

    class Verdict(models.TextChoices):
        """How it came out."""

        PASS = "pass", "通过"
        FAIL = "fail", "不通过"
        UNKNOWN = "unknown", "未能核验"

    photo = models.ForeignKey(EvidencePhoto, on_delete=models.PROTECT, related_name="checks")
    check_code = models.CharField(max_length=12)
    outcome = models.CharField(max_length=8, choices=Verdict.choices)
    measured = models.CharField(max_length=200, blank=True)
    limit = models.CharField(max_length=80, blank=True)
    unit = models.CharField(max_length=8, blank=True)
    text_zh = models.TextField(blank=True)
    text_en = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["photo", "check_code"], name="photo_check_once")]
        indexes = [models.Index(fields=["check_code", "outcome"], name="photo_check_outcome")]
