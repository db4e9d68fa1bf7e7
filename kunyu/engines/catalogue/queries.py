"""Questions about the catalogue, each answered inside what the asking principal may see."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db.models import Count, Max, Prefetch, Q, Sum

from kunyu.engines.catalogue.errors import UnknownDataset
from kunyu.engines.catalogue.lineage import ancestry, descendants
from kunyu.engines.catalogue.models import CatalogueItem, Dataset, DatasetVersion, Layer
from kunyu.engines.catalogue.services import find_dataset
from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.catalogue.tables import standard_layer
from kunyu.engines.catalogue.visible import visible
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.scope import Principal, Scope

_PUBLISHED = DatasetVersion.Status.PUBLISHED


@dataclass
class DatasetSummary:
    """A dataset in a list; ``counties`` and ``records`` count what is published now, in its first layer."""

    code: str
    name_zh: str
    name_en: str
    level: str
    producer_zh: str
    update_mode: str
    geometry: str
    verified: bool
    has_schema: bool
    is_local: bool
    counties: int = 0
    records: int = 0
    last_known: datetime.datetime | None = None


@dataclass
class TreeNode:
    """A node of Table 1 with the datasets right below it; counts include everything underneath."""

    code: str
    name_zh: str
    name_en: str
    level: int
    dataset_count: int = 0
    published_count: int = 0
    datasets: list[DatasetSummary] = field(default_factory=list)
    children: list[TreeNode] = field(default_factory=list)


def datasets(principal: Principal) -> list[DatasetSummary]:
    """Datasets the principal may see, in the catalogue's order."""
    state = _state_of_first_layers()
    return [_summary(one, state.get(one.code)) for one in _visible(principal)]


def search_datasets(principal: Principal, text: str, limit: int = 20) -> list[DatasetSummary]:
    """The first ``limit`` datasets, in the catalogue's order, that the principal may see and that hold every word.

    A word is found at the beginning of the code, or anywhere in names, layers, producer or content item. Permission is
    part of the query, so a catalogue of any length is searched at the same price for everybody.
    """
    rows = visible(principal).order_by("item__position", "position", "code")
    for word in text.split():
        rows = rows.filter(
            Q(code__startswith=word)
            | Q(name_zh__icontains=word)
            | Q(name_en__icontains=word)
            | Q(layer_names__icontains=word)
            | Q(producer_zh__icontains=word)
            | Q(item__name_zh__icontains=word)
        )
    found = list(rows.prefetch_related(Prefetch("layers", to_attr="all_layers"))[: max(1, limit)])
    state = _state_of_first_layers([one.code for one in found])
    return [_summary(one, state.get(one.code)) for one in found]


def _visible(principal: Principal) -> list[Dataset]:
    rows = visible(principal).order_by("item__position", "position", "code")
    return list(
        rows.prefetch_related(Prefetch("also_under", to_attr="further_items"), Prefetch("layers", to_attr="all_layers"))
    )


def _state_of_first_layers(codes: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """Counties, records and last publish per dataset code; of ``codes`` only, where they are named.

    Records are those of the version that speaks of the latest days in each county: a correction of an earlier year is
    published later, and says nothing about today.
    """
    published = DatasetVersion.objects.filter(status=_PUBLISHED)
    if codes is not None:
        published = published.filter(layer__collection__in=codes)
    latest = published.order_by("layer", "county", "-valid_from", "-number").distinct("layer", "county").values("pk")
    rows = (
        DatasetVersion.objects.filter(pk__in=latest)
        .values("layer__collection")
        .annotate(counties=Count("id"), records=Sum("record_count"))
    )
    known = dict(published.values_list("layer__collection").annotate(Max("known_from")))
    return {row["layer__collection"]: {**row, "last_known": known[row["layer__collection"]]} for row in rows}


def _summary(one: Dataset, state: dict[str, Any] | None) -> DatasetSummary:
    found = DatasetSummary(
        code=one.code,
        name_zh=one.name_zh,
        name_en=one.name_en,
        level=one.level,
        producer_zh=one.producer_zh,
        update_mode=one.update_mode,
        geometry=one.geometry,
        verified=one.verified,
        has_schema=bool(one.all_layers),  # type: ignore[attr-defined]
        is_local=bool(one.local_division),
    )
    if state:
        found.counties, found.records = state["counties"], state["records"] or 0
        found.last_known = state["last_known"]
    return found


def tree(principal: Principal) -> list[TreeNode]:
    """Table 1 as a tree with the datasets the principal may see.

    A dataset stands under its own item and under every further item it is referenced from (一数一源); counts above
    take it once.
    """
    nodes = {
        item.code: TreeNode(item.code, item.name_zh, item.name_en, item.level)
        for item in CatalogueItem.objects.order_by("position")
    }
    roots = [node for node in nodes.values() if node.level == CatalogueItem.Level.TYPE]
    for code, parent in CatalogueItem.objects.order_by("position").values_list("code", "parent"):
        if parent is not None:
            nodes[parent].children.append(nodes[code])
    state = _state_of_first_layers()
    for one in _visible(principal):
        summary = _summary(one, state.get(one.code))
        further = [item.code for item in one.further_items]  # type: ignore[attr-defined]
        for code in (one.item_id, *further):
            nodes[code].datasets.append(summary)
    for root in roots:
        _count(root)
    return roots


def _count(node: TreeNode) -> dict[str, bool]:
    below = {one.code: one.counties > 0 for one in node.datasets}
    for child in node.children:
        below |= _count(child)
    node.dataset_count, node.published_count = len(below), sum(below.values())
    return below


def table_1() -> Iterator[tuple[str, str, str]]:
    """(数据类型, 数据类别, 数据内容) row by row, the last put together from the content items (R-079)."""
    contents: dict[str, list[str]] = {}
    items = list(CatalogueItem.objects.order_by("position"))
    for item in items:
        if item.level == CatalogueItem.Level.CONTENT:
            contents.setdefault(str(item.parent_id), []).append(item.name_zh)
    names = {item.code: item.name_zh for item in items}
    for item in items:
        if item.level == CatalogueItem.Level.CATEGORY:
            yield names[str(item.parent_id)], item.name_zh, "/".join(contents[item.code])


def open_dataset(principal: Principal, code: str, action: str) -> tuple[Dataset, Layer | None, Scope]:
    """The dataset of a code, alias or collection, the layer meant, and the scope of ``action`` on it.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed
        As ``security.scope`` says. Whether a code exists is told only to those who may see it.
    UnknownDataset
        Nothing bears the code.
    """
    try:
        dataset, layer = find_dataset(code)
    except UnknownDataset:
        scope.resolve(principal, code, action)
        raise
    collection = layer.collection if layer else dataset.code
    return dataset, layer, scope.resolve(principal, collection, action, public=dataset.is_public)


def dataset_detail(principal: Principal, code: str) -> dict[str, Any]:
    """Everything about one dataset, JSON-ready: its entry, layers with fields and codes, versions, lineage.

    Parameters
    ----------
    code
        Dataset code, alias, or the collection of one layer.

    Raises
    ------
    SignInNeeded, NotVisible
        As ``security.scope`` says.
    UnknownDataset
        Nothing bears the code, and the principal may see the whole branch.
    """
    dataset, _, _ = open_dataset(principal, code, scope.SEE)
    layers = Layer.objects.filter(dataset=dataset).order_by("standard_id", "position")
    # a layer may bear a stricter label than its dataset, and so be seen in fewer divisions or not at all
    seen = {
        one.pk: scope.resolve(principal, one.collection, scope.SEE, public=dataset.is_public)
        for one in layers
        if scope.may(principal, one.collection, scope.SEE, public=dataset.is_public)
    }
    first = sorted(
        (one for one in layers if one.pk in seen), key=lambda one: (one.collection != dataset.code, one.position)
    )
    return {
        "code": dataset.code,
        "aliases": dataset.aliases,
        "also_under": sorted(dataset.also_under.values_list("code", flat=True)),
        "item": dataset.item_id,
        "name_zh": dataset.name_zh,
        "name_en": dataset.name_en,
        "producer_zh": dataset.producer_zh,
        "level": dataset.level,
        "classification": dataset.classification,
        "update_mode": dataset.update_mode,
        "local_division": dataset.local_division,
        "verified": dataset.verified,
        "source": dataset.source,
        "layers": [layer_detail(one) for one in first],
        "versions": [
            _version(one)
            for one in versions(dataset)
            if one.layer_id in seen and seen[one.layer_id].allows_division(one.county)
        ],
    }


def layer_detail(layer: Layer) -> dict[str, Any]:
    """A layer in the words of its standard: fields in order and the code lists they name."""
    standard = load_standard(layer.standard_id)
    model = standard_layer(layer)
    used = {one.codelist for one in model.fields if one.codelist}
    return {
        "collection": layer.collection,
        "code": layer.code,
        "name_zh": layer.name_zh,
        "name_en": layer.name_en,
        "standard": standard.id,
        "standard_number": standard.number,
        "edition": layer.edition,
        "geometry": layer.geometry,
        "table": layer.table_name,
        "clause": model.clause,
        "verified": model.verified,
        "key": model.key,
        "fields": [{**asdict(one), "aliases": list(one.aliases)} for one in model.fields],
        "codelists": {name: dict(standard.codelists[name].codes) for name in sorted(used)},
    }


def versions(dataset: Dataset) -> list[DatasetVersion]:
    """Versions of all layers of a dataset, newest first; open and abandoned ones too."""
    return list(
        DatasetVersion.objects.select_related("layer")
        .filter(Q(layer__dataset=dataset))
        .order_by("layer__collection", "county", "-number")
    )


def _version(one: DatasetVersion) -> dict[str, Any]:
    return {
        "id": one.pk,
        "collection": one.layer.collection,
        "county": one.county,
        "number": one.number,
        "status": one.status,
        "valid_from": one.valid_from.isoformat(),
        "known_from": one.known_from.isoformat() if one.known_from else None,
        "delivery": one.delivery_id,
        "incremental": one.is_incremental,
        "records": one.record_count,
        "inserted": one.inserted,
        "closed": one.closed,
        "area_m2": one.area_m2,
        "digest": one.digest,
        "lineage": one.lineage,
    }


def lineage_of(principal: Principal, version_id: int) -> dict[str, Any]:
    """Where a version comes from and what was made of it, JSON-ready.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed
        As ``security.scope`` says; a version that does not exist is not visible either.
    """
    version = DatasetVersion.objects.select_related("layer__dataset").filter(pk=version_id).first()
    collection = version.layer.collection if version else ""
    public = bool(version and version.layer.dataset.is_public)
    granted = scope.resolve(principal, collection, scope.SEE, public=public)
    if version is None or not granted.allows_division(version.county):
        raise NotVisible(f"没有版本 {version_id}。", f"There is no version {version_id}.")
    return {
        "version": _version(version),
        "made_from": [
            {"depth": one.depth, "sm3": one.sm3, "name": one.name, "version": one.version and _version(one.version)}
            for one in ancestry(version)
            if one.version is None or sees_version(principal, one.version)
        ],
        "used_by": [_version(one) for one in descendants(version) if sees_version(principal, one)],
    }


def sees_version(principal: Principal, version: DatasetVersion) -> bool:
    """May the principal know of this version: its layer, in its county?"""
    layer = version.layer
    if not scope.may(principal, layer.collection, scope.SEE, public=layer.dataset.is_public):
        return False
    granted = scope.resolve(principal, layer.collection, scope.SEE, public=layer.dataset.is_public)
    return granted.allows_division(version.county)
