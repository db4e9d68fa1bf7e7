"""What a person keeps at hand in the layer tree. 收藏与最近使用的图层."""

from django.db import models


class FavouriteLayer(models.Model):
    """A layer that a person marked; ``collection`` is text, so that a layer that is gone for now is not forgotten."""

    user = models.ForeignKey("security.User", on_delete=models.CASCADE, related_name="favourite_layers")
    collection = models.CharField(max_length=60)
    position = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "collection"], name="favourite_layer_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.collection}"


class RecentLayer(models.Model):
    """When a person last switched a layer on."""

    user = models.ForeignKey("security.User", on_delete=models.CASCADE, related_name="recent_layers")
    collection = models.CharField(max_length=60)
    used_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "collection"], name="recent_layer_once")]
        indexes = [models.Index(fields=["user", "-used_at"], name="recent_layer_newest")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.collection}"
