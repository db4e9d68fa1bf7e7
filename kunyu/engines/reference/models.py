"""Administrative divisions in time and organisations: what every other engine points at."""

from django.db import models


class DivisionLevel(models.IntegerChoices):
    NATION = 0, "国家"
    PROVINCE = 1, "省级"
    CITY = 2, "地级"
    COUNTY = 3, "县级"
    TOWNSHIP = 4, "乡级"
    VILLAGE = 5, "村级"


class Division(models.Model):
    """One administrative division while one code is valid. 行政区划 (GB/T 2260, GB/T 10114).

    A code that merges or splits ends (``valid_to``) and names its successors in ``DivisionChange``;
    old codes therefore stay resolvable. Geometry lives in ``DivisionBoundary``, EPSG:4490.
    """

    code = models.CharField(max_length=12, db_index=True, help_text="2/4/6/9/12 digits; nation is 0")
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=120, blank=True)
    level = models.PositiveSmallIntegerField(choices=DivisionLevel.choices)
    parent_code = models.CharField(max_length=12, db_index=True, blank=True)
    valid_from = models.DateField(null=True, help_text="null: before the loaded code table began")
    valid_to = models.DateField(null=True, help_text="null: still valid")
    source = models.CharField(max_length=80, help_text="data package and version")
    is_fictional = models.BooleanField(default=False, help_text="sample divisions such as 990101")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["code", "valid_from"], nulls_distinct=False, name="division_code_once_at_a_time"
            )
        ]
        indexes = [models.Index(fields=["level", "code"])]

    def __str__(self) -> str:
        return f"{self.name_zh} {self.code}"


class DivisionChange(models.Model):
    """Where the land of an ended code went. 区划变更: rename, merge, split, transfer."""

    class Kind(models.TextChoices):
        RENAME = "rename", "更名"
        RECODE = "recode", "改码"
        MERGE = "merge", "合并"
        SPLIT = "split", "拆分"

    from_code = models.CharField(max_length=12, db_index=True)
    to_code = models.CharField(max_length=12, db_index=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    effective_on = models.DateField()
    basis = models.CharField(max_length=200, blank=True)


class Organisation(models.Model):
    """A bureau, a department in it, a unit, or an outside body: a node of the organisation tree. 单位、内设机构.

    ``path`` holds the ids from the root down to the node itself, each closed by ``/`` (``1/5/9/``): a subtree is one
    prefix. ``division_code`` is where it has jurisdiction; '' is the whole nation.
    """

    class Kind(models.TextChoices):
        BUREAU = "bureau", "自然资源主管部门"
        DEPARTMENT = "department", "内设机构"
        UNIT = "unit", "直属（技术）单位"
        OUTSIDE = "outside", "外部单位"

    code = models.CharField(max_length=24, unique=True, help_text="local code; its own USCC where it has one")
    uscc = models.CharField(
        max_length=18, unique=True, null=True, blank=True, help_text="GB 32100 unified social credit code"
    )
    name_zh = models.CharField(max_length=120)
    name_en = models.CharField(max_length=160, blank=True)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    path = models.CharField(max_length=200, blank=True, db_index=True)
    division_code = models.CharField(max_length=12, blank=True)
    position = models.PositiveIntegerField(default=0)
    closed_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["path"]

    def __str__(self) -> str:
        return self.name_zh


class DivisionBoundary(models.Model):
    """The outline of a division at one level of detail, or a boundary line of the base map. 行政区划界线.

    Column ``geom`` (geometry, EPSG:4490, lon/lat) is added by migration. Illustration only: the data package states no
    map approval number, so public printing is refused (示意).
    """

    class Detail(models.IntegerChoices):
        FULL = 0, "as delivered by the data package"
        MIDDLE = 1, "coverage simplified to about 0.003 degree"
        LOW = 2, "coverage simplified to about 0.02 degree"

    code = models.CharField(max_length=12, db_index=True, blank=True, help_text="empty for a boundary line")
    name_zh = models.CharField(max_length=80)
    level = models.PositiveSmallIntegerField(choices=DivisionLevel.choices)
    detail = models.PositiveSmallIntegerField(choices=Detail.choices)
    source = models.CharField(max_length=80)

    class Meta:
        indexes = [models.Index(fields=["level", "detail"])]
