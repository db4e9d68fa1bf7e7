"""What a delivery leaves in the object store, and whether it lies there encrypted. 汇交成果的存储."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kunyu.engines.catalogue.models import Layer
from kunyu.engines.ingest.geoparquet import Content
from kunyu.engines.ingest.models import Delivery, Verification
from kunyu.engines.security import protection
from kunyu.engines.security.duties import SECURITY
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.incidents import Alarm, raise_incident
from kunyu.engines.worklist.models import Incident
from kunyu.kernel.crypto.errors import FileDamaged


def protects(standard_id: str, dataset_code: str = "") -> bool:
    """Tell whether a delivery for this target is encrypted at rest: the strictest label of what it may hold decides."""
    if dataset_code:
        layers = Layer.objects.filter(dataset_id=dataset_code)
        return protection.must_protect([dataset_code, *layers.values_list("collection", flat=True)])
    collections = list(Layer.objects.filter(standard_id=standard_id).values_list("collection", flat=True))
    return protection.must_protect(collections or [standard_id])


def protects_delivery(delivery: Delivery) -> bool:
    """`protects` for a delivery's own target."""
    return protects(delivery.standard_id, delivery.dataset_code)


def content_of(sm3: str) -> Content:
    """Return how to read an object: by its path, or opened anew at each call where it lies encrypted.

    Raises
    ------
    FileDamaged
        A plain object that has not its digest any more; an encrypted one says so when it is read.
    """
    store = object_store()
    if store.is_protected(sm3):
        return lambda: store.open(sm3)
    store.require_sound(sm3)
    return store.path(sm3)


@contextmanager
def alarmed(delivery: Delivery) -> Iterator[None]:
    """Raise an incident for the security administrator when a stored file turns out altered (T7), then the error."""
    try:
        yield
    except FileDamaged as error:
        alarm = Alarm(
            key=f"stored-file-altered:{delivery.input_sm3}", level=Incident.Level.ORANGE,
            title_zh=f"汇交批次 {delivery.pk} 的存储文件被改动：{delivery.file_name}",
            title_en=f"The stored file of delivery {delivery.pk} was altered: {delivery.file_name}",
            source="ingest", duty=SECURITY, division=delivery.division_code, href=f"/deliveries/{delivery.pk}",
            occurrence=f"{delivery.pk}:{error.code}",
        )  # fmt: skip
        raise_incident(alarm, Principal(delivery.created_by, origin="worker"))
        raise


def objects_of(delivery: Delivery) -> Iterator[str]:
    """Yield the digests of everything a delivery holds in the store, the mapping apart: it is no data."""
    yield delivery.input_sm3
    yield from filter(None, delivery.layers.values_list("mapped_sm3", flat=True))
    yield from delivery.rasters.values_list("sm3", flat=True)
    for run in delivery.check_runs.all():
        yield from {run.report_sm3, run.reference_sm3, *run.reports.values()} - {""}
    for files in delivery.exceptions.values_list("evidence", flat=True):
        yield from (str(one["sm3"]) for one in files)


def results_to_protect() -> Iterator[str]:
    """Yield the digests of results of verifications that read data which must be encrypted by now."""
    for one in Verification.objects.filter(status=Verification.Status.DONE).order_by("pk"):
        if protection.must_protect([str(given["dataset"]) for given in one.inputs]):
            yield str(one.summary["report_sm3"])


def protect_stored(say: Callable[[int, int], None] = lambda done, total: None) -> int:
    """Encrypt what lies in plain although its label, perhaps a later one, asks for it. Interrupted, it may be run again.

    Parameters
    ----------
    say : callable
        Receives deliveries done and their number.

    Returns
    -------
    int
        Objects that were encrypted.
    """
    store, done = object_store(), 0
    targets = Delivery.objects.values_list("standard_id", "dataset_code").distinct()
    strict = [target for target in targets if protects(*target)]
    deliveries = [one for one in Delivery.objects.order_by("pk") if (one.standard_id, one.dataset_code) in strict]
    for number, delivery in enumerate(deliveries, 1):
        done += sum(store.protect(sm3) for sm3 in objects_of(delivery) if store.exists(sm3))
        say(number, len(deliveries))
    return done + sum(store.protect(sm3) for sm3 in results_to_protect() if store.exists(sm3))
