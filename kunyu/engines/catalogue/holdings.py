"""What the catalogue answers when security asks about a collection (``security.holdings``)."""

from __future__ import annotations

from django.db.models import Q

from kunyu.engines.catalogue.models import Dataset, DatasetVersion, Layer
from kunyu.engines.security.labels import Label
from kunyu.engines.security.models import LabelState, RecordLabel


class CatalogueHoldings:
    """Existence and published versions by code."""

    def exists(self, collection: str) -> bool:
        return Dataset.objects.filter(code=collection).exists() or Layer.objects.filter(collection=collection).exists()

    def stands(self, collection: str) -> tuple[str, ...]:
        """Published versions; one per collection and county, the newest."""
        named = Q(layer__collection=collection) | Q(layer__dataset_id=collection)
        rows = (
            DatasetVersion.objects.filter(named, status=DatasetVersion.Status.PUBLISHED)
            .order_by("layer__collection", "county", "-number")
            .distinct("layer__collection", "county")
            .values_list("layer__collection", "county", "number")
        )
        return tuple(f"{name} {county} v{number}" for name, county, number in rows)

    def strictest_record(self, collection: str) -> Label:
        named = Q(collection=collection) | Q(collection__startswith=f"{collection}.")
        found = Label()
        rows = RecordLabel.objects.filter(named, state=LabelState.APPROVED)
        for secrecy, grading, sharing in rows.values_list("secrecy", "grading", "sharing").distinct():
            found = found.join(Label(secrecy, grading, sharing))
        return found
