"""The natural-resources data catalogue: items, datasets, their layers and their versions. 自然资源数据目录."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class CatalogueItem(models.Model):
    """A node of the plan's Table 1: type, category or content item; text verbatim. 目录项."""

    class Level(models.IntegerChoices):
        TYPE = 1, "数据类型"
        CATEGORY = 2, "数据类别"
        CONTENT = 3, "数据内容"

    code = models.CharField(max_length=5, primary_key=True, help_text="T, TCC or TCCNN")
    level = models.PositiveSmallIntegerField(choices=Level.choices)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=120, blank=True)
    content_zh = models.CharField(
        max_length=200,
        blank=True,
        help_text="category rows: the 数据内容 string, verbatim",
    )
    aliases = ArrayField(models.CharField(max_length=80), default=list)
    position = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.code} {self.name_zh}"


class Dataset(models.Model):
    """A level-2 dataset: what is delivered, published, granted and served under one code. 数据集."""

    class Level(models.TextChoices):
        OPEN = "公开", "公开"
        INTERNAL = "内部", "内部"
        SENSITIVE = "敏感", "敏感"
        SECRET = "涉密", "涉密"

    code = models.CharField(
        max_length=24,
        primary_key=True,
        help_text="TCCNN-nnn, local: TCCNN-nnn@division",
    )
    item = models.ForeignKey(CatalogueItem, on_delete=models.PROTECT, related_name="datasets")
    also_under = models.ManyToManyField(CatalogueItem, related_name="referenced_datasets", blank=True)
    name_zh = models.CharField(max_length=160)
    name_en = models.CharField(max_length=200, blank=True)
    producer_zh = models.CharField(max_length=160, help_text="谁生产、谁负责")
    level = models.CharField(
        max_length=2,
        choices=Level.choices,
        help_text="the strictest level its text names",
    )
    classification = models.CharField(max_length=120, help_text="公开/内部/敏感/涉密 with the reason key, verbatim")
    update_mode = models.CharField(max_length=80)
    geometry = models.CharField(
        max_length=20,
        blank=True,
        help_text="P L Pt R T TS 3D Doc, as the catalogue says",
    )
    layer_names = models.CharField(max_length=200, blank=True, help_text="tables as the catalogue names them")
    standard_id = models.CharField(
        max_length=40,
        blank=True,
        help_text="whose first layer bears the dataset's code",
    )
    aliases = ArrayField(
        models.CharField(max_length=24),
        default=list,
        help_text="other codes of the same data",
    )
    local_division = models.CharField(max_length=12, blank=True, help_text="set for a local extension")
    is_public = models.BooleanField(default=False, help_text="may be served without signing in")
    verified = models.BooleanField(default=False)
    source = models.CharField(max_length=200, blank=True)
    position = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.code} {self.name_zh}"


class Layer(models.Model):
    """One layer of a dataset in one edition of a standard, with its own table in schema ``onemap``. 图层."""

    collection = models.CharField(
        max_length=60,
        unique=True,
        help_text="dataset code, or code.LAYER for further layers",
    )
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="layers")
    code = models.CharField(max_length=40, help_text="the standard's table name, e.g. DLTB")
    name_zh = models.CharField(max_length=120)
    name_en = models.CharField(max_length=160, blank=True)
    standard_id = models.CharField(max_length=40)
    edition = models.CharField(max_length=20)
    geometry = models.CharField(max_length=12, help_text="Polygon LineString Point Table Raster")
    table_name = models.CharField(max_length=63, unique=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["standard_id", "edition", "code"], name="layer_once_per_edition")
        ]

    def __str__(self) -> str:
        return f"{self.collection} {self.code} ({self.standard_id})"


class DatasetVersion(models.Model):
    """One published belief about one layer in one county. 数据版本.

    Full deliveries replace a county's rows from ``valid_from`` on; what did not change is not written again.
    """

    class Status(models.TextChoices):
        OPEN = "open", "待发布"
        PUBLISHED = "published", "已发布"
        ABANDONED = "abandoned", "已放弃"

    layer = models.ForeignKey(Layer, on_delete=models.PROTECT, related_name="versions")
    county = models.CharField(max_length=6, help_text="county whose partition it fills")
    number = models.PositiveIntegerField(help_text="1, 2, 3 … per layer and county")
    valid_from = models.DateField()
    known_from = models.DateTimeField(null=True, help_text="instant at which its publication was committed")
    rows_known_from = models.DateTimeField(
        null=True, help_text="instant its rows' known ranges begin at; None: known_from"
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    delivery_id = models.BigIntegerField(null=True, db_index=True)
    is_incremental = models.BooleanField(default=False)
    record_count = models.BigIntegerField(null=True, help_text="records believed after this version")
    inserted = models.BigIntegerField(null=True)
    closed = models.BigIntegerField(null=True)
    area_m2 = models.FloatField(null=True)
    digest = models.CharField(max_length=64, blank=True, help_text="SM3 of the mapped content")
    extent = ArrayField(
        models.FloatField(),
        size=4,
        null=True,
        help_text="min lon, min lat, max lon, max lat",
    )
    lineage = models.JSONField(default=dict, help_text="input digests, mapping, rule edition, software version")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["layer", "county", "number"], name="version_number_once"),
        ]
        indexes = [models.Index(fields=["layer", "status", "known_from"])]

    def __str__(self) -> str:
        return f"{self.layer.collection} {self.county} v{self.number}"


class Theme(models.Model):
    """A thematic catalogue: another tree over the same data, for one task. 专题目录."""

    code = models.SlugField(max_length=40, primary_key=True)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=120, blank=True)
    owner_zh = models.CharField(max_length=160, help_text="who keeps it")

    def __str__(self) -> str:
        return f"{self.code} {self.name_zh}"


class ThemeLeaf(models.Model):
    """A leaf of a theme and the unified code it stands for.

    The code is text on purpose: a theme may come from another node and name a dataset this one does not have. Such
    leaves are what the broken-link report lists (R-081).
    """

    theme = models.ForeignKey(Theme, on_delete=models.CASCADE, related_name="leaves")
    branch_zh = models.CharField(max_length=200, blank=True, help_text="path inside the theme, parts joined by /")
    name_zh = models.CharField(max_length=160)
    name_en = models.CharField(max_length=200, blank=True)
    dataset_code = models.CharField(max_length=24, db_index=True)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["theme", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["theme", "branch_zh", "name_zh"], name="theme_leaf_once")]

    def __str__(self) -> str:
        return f"{self.theme_id}: {self.name_zh} → {self.dataset_code}"
