"""May these data stand on this node, and may they be published? Asked of the labels, at every step of a delivery.

Receiving and mapping ask the label in force or, before anybody approved one, the proposed one: data that look too
strict for the zone are refused before they are stored. Publishing asks for an approved label (R-041, R-142).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.services import dataset_for_delivery
from kunyu.engines.catalogue.versions import require_publishable
from kunyu.engines.ingest.models import CheckRun, DeliveredLayer, Delivery, RasterItem
from kunyu.engines.ingest.storage import objects_of
from kunyu.engines.security import label_services, zones
from kunyu.engines.security.errors import NotInThisZone
from kunyu.engines.security.label_registry import approved_label
from kunyu.engines.security.protection import object_store


def require_admitted(collection: str) -> None:
    """Refuse data that do not belong in this zone; without any label they are taken in, and wait for one.

    Raises
    ------
    NotInThisZone
    """
    label = label_services.expected_label(collection)
    if label is not None:
        zones.require_admitted(label, f"数据集 {collection} ", f"Dataset {collection}")


def require_target(standard_id: str, dataset_code: str) -> None:
    """Refuse a delivery when nothing of its target may stand in this zone; nothing of the file is stored then.

    A whole standard passes while one of its layers may stand here: which layers a file holds is known once it is
    opened, and :func:`require_admitted` is asked again for each.

    Raises
    ------
    NotInThisZone
    """
    if dataset_code:
        require_admitted(dataset_for_delivery(dataset_code)[1].collection)
        return
    refusal: NotInThisZone | None = None
    for collection in Layer.objects.filter(standard_id=standard_id).values_list("collection", flat=True):
        try:
            require_admitted(collection)
        except NotInThisZone as error:
            refusal = error
        else:
            return
    if refusal is not None:
        raise refusal


def require_approved(delivery: Delivery) -> None:
    """Refuse to publish while a layer lacks an approved label, or bears one that this zone may not hold.

    Raises
    ------
    NotLabelled, NotInThisZone
    """
    for collection in _collections(delivery):
        require_publishable(collection)


def warnings(delivery: Delivery) -> list[dict[str, Any]]:
    """What will stop the publication, told early: layers without an approved label, with the one that is proposed."""
    found = []
    for collection in _collections(delivery):
        if approved_label(collection) is None:
            proposed = label_services.expected_label(collection)
            found.append(
                {
                    "collection": collection,
                    "proposed_zh": proposed.name_zh if proposed else "",
                    "proposed_en": proposed.name_en if proposed else "",
                }
            )
    return found


def purge(delivery: Delivery) -> int:
    """Remove what a refused delivery left in the object store; objects that another delivery holds too are kept.

    Returns
    -------
    int
        Objects removed.
    """
    store, removed = object_store(), 0
    for sm3 in set(objects_of(delivery)):
        if not _held_elsewhere(sm3, delivery):
            store.remove(sm3)
            removed += 1
    return removed


def _collections(delivery: Delivery) -> Iterable[str]:
    filled = delivery.layers.exclude(collection="").order_by("id").values_list("collection", flat=True)
    if filled:
        return list(dict.fromkeys(filled))
    return [dataset_for_delivery(delivery.dataset_code)[1].collection] if delivery.dataset_code else []


def _held_elsewhere(sm3: str, delivery: Delivery) -> bool:
    return (
        Delivery.objects.filter(input_sm3=sm3).exclude(pk=delivery.pk).exists()
        or DeliveredLayer.objects.filter(mapped_sm3=sm3).exclude(delivery=delivery).exists()
        or RasterItem.objects.filter(sm3=sm3).exclude(delivery=delivery).exists()
        or CheckRun.objects.filter(report_sm3=sm3).exclude(delivery=delivery).exists()
    )
