"""A received delivery, laid out in quarantine and planned as layers of its standard."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kunyu.engines.catalogue.models import Layer as CatalogueLayer
from kunyu.engines.catalogue.services import dataset_for_delivery
from kunyu.engines.catalogue.standards import Layer, Standard, load_standard
from kunyu.engines.ingest.errors import EmptyDelivery
from kunyu.engines.ingest.mapping import MappedDelivery, apply
from kunyu.engines.ingest.mapping_file import MappingFile, load_mapping
from kunyu.engines.ingest.models import Delivery
from kunyu.engines.ingest.reading import open_delivery
from kunyu.engines.ingest.receive import quarantine
from kunyu.engines.ingest.settings import ingest_settings
from kunyu.engines.ingest.storage import alarmed, object_store
from kunyu.engines.ingest.unpacking import UnpackLimits
from kunyu.kernel.digests import sm3_file
from kunyu.kernel.private_folder import private_folder

RASTER_SUFFIXES = (".tif", ".tiff")
RASTER_LAYER = "IMAGERY"
"""Where an image goes when only a standard was named."""


@contextmanager
def laid_out(delivery: Delivery) -> Iterator[Path]:
    """Yield the delivered file under its own name in a folder of its own, which vanishes afterwards."""
    # named by the delivery, which one worker holds at a time: what a killed one left behind is removed first
    with private_folder(quarantine(), str(delivery.pk)) as folder:
        file = folder / (Path(delivery.file_name.replace("\\", "/")).name or "delivery")
        with alarmed(delivery):
            _lay_out(delivery.input_sm3, file)
        yield file


def _lay_out(sm3: str, file: Path) -> None:
    """Put the plain content at ``file``; FileDamaged when what is stored has not its digest any more."""
    store = object_store()
    if store.is_protected(sm3):
        store.copy_to(sm3, file)
        return
    try:
        os.link(store.path(sm3), file)
    except OSError:  # another file system
        shutil.copyfile(store.path(sm3), file)
    if sm3_file(file) != sm3:
        file.unlink()
        # just encrypted under a new label, or altered: then this raises
        store.copy_to(sm3, file)


def limits() -> UnpackLimits:
    """What an archive may claim on this node."""
    known = ingest_settings()
    return UnpackLimits(known.max_unpacked_bytes, known.max_members, known.max_ratio)


@contextmanager
def opened(delivery: Delivery, file: Path) -> Iterator[MappedDelivery]:
    """Yield the delivery planned as layers; only those of the named dataset when one was named.

    Raises
    ------
    UnreadableInput, UnsafeArchive, NothingMatches, BadMapping, EmptyDelivery
    """
    mapping = _mapping(delivery, file.parent)
    encoding = mapping.encoding if mapping else None
    with open_delivery(file, limits=limits(), encoding=encoding, scratch=file.parent) as source:
        mapped = apply(source, load_standard(delivery.standard_id), mapping)
        wanted = _wanted(delivery, mapped.standard)
        yield mapped.narrowed(wanted) if wanted else mapped


def _wanted(delivery: Delivery, standard: Standard) -> set[str]:
    if not delivery.dataset_code:
        return set()
    _, layer = dataset_for_delivery(delivery.dataset_code)
    return {layer.code}


def stored_codes(standard: Standard) -> set[str]:
    """Codes of the standard's layers that have a place in the catalogue."""
    return set(CatalogueLayer.objects.filter(standard_id=standard.id).values_list("code", flat=True))


def _mapping(delivery: Delivery, folder: Path) -> MappingFile | None:
    if not delivery.mapping_sm3:
        return None
    place = folder / "mapping"
    place.mkdir()
    with object_store().open(delivery.mapping_sm3) as packed, zipfile.ZipFile(packed) as bundle:
        bundle.extractall(place)  # our own bundle: names were checked when it was made
    return replace(load_mapping(place / "mapping.toml"), name=Path(delivery.mapping_name).stem)


def is_raster(delivery: Delivery) -> bool:
    """Whether an image was delivered: by its suffix, or because the dataset named is one of images."""
    if delivery.file_name.lower().endswith(RASTER_SUFFIXES):
        return True
    if not delivery.dataset_code:
        return False
    return dataset_layer(delivery).holds_images


def dataset_layer(delivery: Delivery) -> Layer:
    """The standard's layer of the dataset that was named."""
    return load_standard(delivery.standard_id).layers[dataset_for_delivery(delivery.dataset_code)[1].code]


def raster_layer_of(delivery: Delivery) -> Layer:
    """The layer that a delivery of images fills.

    Raises
    ------
    EmptyDelivery
        An image was delivered for a standard or a dataset without images.
    """
    if delivery.dataset_code:
        layer: Layer | None = dataset_layer(delivery)
    else:
        layer = load_standard(delivery.standard_id).layers.get(RASTER_LAYER)
    if layer is None or not layer.holds_images:
        raise nothing_inside(delivery)
    return layer


def nothing_inside(delivery: Delivery) -> EmptyDelivery:
    target = delivery.dataset_code or delivery.standard_id
    return EmptyDelivery(
        f"{delivery.file_name} 中没有属于 {target} 的图层。请核对标准或数据集代码，或用映射文件指定图层。",
        f"{delivery.file_name} holds no layer of {target}. Check the standard or dataset, or name the layer in a mapping.",
    )
