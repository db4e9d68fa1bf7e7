"""What stands ready to be drawn: one record per build of derived geometry of a layer in a county. 瓦片金字塔."""

from django.db import models


class Pyramid(models.Model):
    """One build of derived geometry; its rows are the partition of its number in the layer's table of ``onemap_tiles``.

    It holds on days ``valid_from`` to before ``valid_until`` (None is open): on them the county shows the same rows.
    ``labels`` is the digest of the own labels its rows were made under; a build of other labels is not drawn. One that is
    ``interrupted`` has no rows: it stays to be counted, until a build of the county's kind comes into force.
    """

    class Kind(models.TextChoices):
        SMALL = "small", "小比例尺综合"
        LARGE = "large", "保持公共边界的简化"

    class Status(models.TextChoices):
        BUILDING = "building", "生成中"
        IN_FORCE = "in_force", "使用中"
        REPLACED = "replaced", "已替换"
        INTERRUPTED = "interrupted", "已中断"

    layer = models.ForeignKey("catalogue.Layer", on_delete=models.CASCADE, related_name="pyramids")
    county = models.CharField(max_length=6)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    method = models.CharField(max_length=40, help_text="as the header Kunyu-Generalised says it")
    edition = models.PositiveSmallIntegerField(help_text="edition of the method; another edition is built anew")
    version_id = models.BigIntegerField(help_text="newest published version of the county it was made from")
    labels = models.CharField(max_length=64, blank=True, help_text="digest of the records' own labels")
    shared_by = models.PositiveIntegerField(default=1, help_text="counties of the layer, rounded up to a power of two")
    valid_from = models.DateField(null=True)
    valid_until = models.DateField(null=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.BUILDING)
    features = models.BigIntegerField(null=True)
    seconds = models.FloatField(null=True, help_text="how long the build took")
    began_at = models.DateTimeField(auto_now_add=True)
    in_force_at = models.DateTimeField(null=True)
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["layer", "county", "kind"],
                condition=models.Q(status="in_force"),
                name="pyramid_one_in_force",
            )
        ]
        indexes = [models.Index(fields=["layer", "status"], name="pyramid_of_layer")]

    def __str__(self) -> str:
        return f"{self.layer.collection} {self.county} {self.kind} #{self.pk}"
