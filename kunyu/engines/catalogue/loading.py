"""Load the catalogue that ships with the product: Table 1, level-2 datasets, layers of the standards, local entries."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from kunyu.engines.catalogue.level_labels import proposal_of
from kunyu.engines.catalogue.models import CatalogueItem, Dataset, Layer
from kunyu.engines.catalogue.services import LocalDataset, register_local_dataset
from kunyu.engines.catalogue.standards import Layer as StandardLayer
from kunyu.engines.catalogue.standards import Standard, load_standard, standard_ids
from kunyu.engines.catalogue.table_names import table_name
from kunyu.engines.security import label_services

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Loaded:
    """How many entries stand in the catalogue after loading."""

    items: int
    datasets: int
    local_datasets: int
    layers: int


@transaction.atomic
def load_catalogue() -> Loaded:
    """Bring the catalogue tables to what the files say; run again, nothing changes (R-076, R-079).

    Entries are updated in place and never deleted: versions and grants point at them. Local extensions that a
    division registered itself are left alone. Every dataset gets a proposed label after its catalogue text; nothing
    is published before a security administrator approved one.
    """
    _load_items()
    datasets = _load_datasets()
    local = sum(_load_local(path) for path in sorted((DATA / "local").glob("*.csv")))
    layers = sum(_load_layers(load_standard(standard_id)) for standard_id in standard_ids())
    label_services.propose_from_catalogue(map(proposal_of, Dataset.objects.all()))
    return Loaded(CatalogueItem.objects.count(), datasets, local, layers)


@transaction.atomic
def load_labelled_catalogue(approver: str) -> Loaded:
    """As `load_catalogue`, with the proposed labels approved in ``approver``'s name (no state secrets).

    For demonstration nodes, benchmarks and tests; in production labels are decided one by one.
    """
    loaded = load_catalogue()
    label_services.approve_proposed(approver)
    return loaded


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _split(text: str) -> list[str]:
    return [part for part in text.split("|") if part]


def _load_items() -> None:
    items = [
        CatalogueItem(
            code=row["code"],
            level=int(row["level"]),
            parent_id=row["parent"] or None,
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            content_zh=row["content_zh"],
            aliases=_split(row["aliases"]),
            position=position,
        )
        for position, row in enumerate(_rows(DATA / "items.csv"), 1)
    ]
    CatalogueItem.objects.bulk_create(
        items,
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=[
            "level",
            "parent",
            "name_zh",
            "name_en",
            "content_zh",
            "aliases",
            "position",
        ],
    )


def _load_datasets() -> int:
    rows = list(_rows(DATA / "datasets.csv"))
    datasets = [
        Dataset(
            code=row["code"],
            item_id=row["item"],
            aliases=_split(row["aliases"]),
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            producer_zh=row["producer"],
            level=row["level"],
            classification=row["classification"],
            update_mode=row["update_mode"],
            geometry=row["geometry"],
            layer_names=row["layers"],
            standard_id=row["standard"],
            is_public=row["level"] == Dataset.Level.OPEN,
            verified=row["verified"] == "true",
            source=row["source"],
            position=position,
        )
        for position, row in enumerate(rows, 1)
    ]
    fields = [one.name for one in Dataset._meta.fields if one.name not in ("code", "local_division")]
    Dataset.objects.bulk_create(datasets, update_conflicts=True, unique_fields=["code"], update_fields=fields)
    for row in rows:
        if row["also_under"]:
            Dataset.objects.get(code=row["code"]).also_under.set(
                CatalogueItem.objects.filter(code__in=_split(row["also_under"]))
            )
    return len(rows)


def _load_local(path: Path) -> int:
    rows = list(_rows(path))
    for row in rows:
        register_local_dataset(
            LocalDataset(
                code=row["code"],
                name_zh=row["name_zh"],
                name_en=row["name_en"],
                producer_zh=row["producer"],
                level=row["level"],
                classification=row["classification"],
                update_mode=row["update_mode"],
                geometry=row["geometry"],
                layer_names=row["layers"],
                standard_id=row["standard"],
                source=row["source"],
                verified=row["verified"] == "true",
            )
        )
    return len(rows)


def _load_layers(standard: Standard) -> int:
    known = dict(Dataset.objects.values_list("code", "standard_id"))
    stored = [one for one in standard.layers.values() if one.geometry != "Documents" and one.dataset in known]
    layers = [
        Layer(
            collection=collection_of(one, standard, known[one.dataset]),
            dataset_id=one.dataset,
            code=one.code,
            name_zh=one.name_zh,
            name_en=one.name_en,
            standard_id=standard.id,
            edition=standard.edition,
            geometry=one.geometry,
            table_name=table_name(one.code, standard.id),
            position=position,
        )
        for position, one in enumerate(stored, 1)
    ]
    Layer.objects.bulk_create(
        layers,
        update_conflicts=True,
        unique_fields=["standard_id", "edition", "code"],
        update_fields=[
            "collection",
            "dataset",
            "name_zh",
            "name_en",
            "geometry",
            "table_name",
            "position",
        ],
    )
    return len(layers)


def collection_of(layer: StandardLayer, standard: Standard, primary_standard: str) -> str:
    """Name a layer for services.

    The dataset's code for the first layer of the dataset's own standard; ``code.LAYER`` for that standard's further
    layers; ``code.LAYER.STANDARD`` for a layer that another standard keeps under the same dataset.
    """
    if standard.id != primary_standard:
        return f"{layer.dataset}.{layer.code}.{standard.id}"
    first = next(one for one in standard.layers_of(layer.dataset) if one.geometry != "Documents")
    return layer.dataset if first.code == layer.code else f"{layer.dataset}.{layer.code}"
