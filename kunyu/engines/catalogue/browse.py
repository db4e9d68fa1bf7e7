"""What the catalogue pages show: rows of the list and one dataset in full, only what the principal may see."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Max, Q

from kunyu.engines.catalogue.errors import UnknownDataset
from kunyu.engines.catalogue.lineage import Source, ancestry
from kunyu.engines.catalogue.models import CatalogueItem, Dataset, DatasetVersion
from kunyu.engines.catalogue.models import Layer as CatalogueLayer
from kunyu.engines.catalogue.standards import CodeList, Standard, Swatch, load_standard
from kunyu.engines.catalogue.standards import Layer as StandardLayer
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal

PUBLISHED = DatasetVersion.Status.PUBLISHED
_PUBLISHED_VERSIONS = Q(layers__versions__status=PUBLISHED)


@dataclass(frozen=True)
class Filter:
    """What a person asked the list for; empty strings ask for everything."""

    words: str = ""
    type_code: str = ""
    grade: str = ""
    with_data: bool = False
    sort: str = "code"

    @property
    def is_empty(self) -> bool:
        return not (self.words or self.type_code or self.grade or self.with_data)


@dataclass(frozen=True)
class Row:
    """One dataset in the list. ``versions`` counts published versions of all its layers."""

    dataset: Dataset
    versions: int
    newest: datetime.date | None


# the list offers these sortings; a leading minus is not taken from the address
_SORTS = {
    "code": ("item__position", "position", "code"),
    "name": ("name_zh", "code"),
    "producer": ("producer_zh", "code"),
    "classification": ("classification", "code"),
    "update": ("update_mode", "code"),
    "versions": ("-published", "code"),
    "newest": ("-newest", "code"),
}
GRADES = ("公开", "内部", "敏感", "涉密")


def rows(principal: Principal, asked: Filter) -> list[Row]:
    """Datasets that match and that ``principal`` may know of."""
    found = Dataset.objects.select_related("item").annotate(
        published=Count("layers__versions", filter=_PUBLISHED_VERSIONS),
        newest=Max("layers__versions__valid_from", filter=_PUBLISHED_VERSIONS),
    )
    for word in asked.words.split():
        found = found.filter(
            Q(code__startswith=word)
            | Q(name_zh__icontains=word)
            | Q(name_en__icontains=word)
            | Q(layer_names__icontains=word)
            | Q(item__name_zh__icontains=word)
            | Q(producer_zh__icontains=word)
        )
    if asked.type_code:
        found = found.filter(code__startswith=asked.type_code)
    if asked.grade:
        found = found.filter(level=asked.grade)
    if asked.with_data:
        found = found.filter(published__gt=0)
    ordered = found.order_by(*_SORTS.get(asked.sort, _SORTS["code"]))
    return [
        Row(one, one.published, one.newest) for one in ordered if scope.may(principal, one.code, public=one.is_public)
    ]


def types() -> list[CatalogueItem]:
    """The top of the catalogue: the plan's data types."""
    return list(CatalogueItem.objects.filter(level=CatalogueItem.Level.TYPE).order_by("position"))


@dataclass(frozen=True)
class LayerDetail:
    """One layer with the words of its standard and its versions, newest first."""

    layer: CatalogueLayer
    standard: Standard
    model: StandardLayer
    codelists: tuple[CodeList, ...]
    swatches: Mapping[str, Mapping[str, Swatch]]
    versions: tuple[DatasetVersion, ...]
    sources: tuple[Source, ...]

    @property
    def is_spatial(self) -> bool:
        return self.model.spatial

    @property
    def fields_unverified(self) -> int:
        return sum(not field.verified for field in self.model.fields)


@dataclass(frozen=True)
class Detail:
    """One dataset in full. ``path`` leads from the type to the content item."""

    dataset: Dataset
    path: tuple[CatalogueItem, ...]
    also_under: tuple[CatalogueItem, ...]
    layers: tuple[LayerDetail, ...]

    @property
    def has_data(self) -> bool:
        return any(layer.versions for layer in self.layers)


def detail(principal: Principal, code: str) -> Detail:
    """A dataset with its layers.

    Raises
    ------
    UnknownDataset
        No such code, or the principal may not know of it: the same words for both.
    """
    dataset = Dataset.objects.select_related("item__parent__parent").filter(code=code).first()
    if dataset is None or not scope.may(principal, code, public=dataset.is_public):
        raise UnknownDataset(
            f"目录中没有 {code}，或者您无权查看。", f"The catalogue has no {code}, or you may not see it.", dataset=code
        )
    layers = dataset.layers.order_by("position", "id")
    granted = principal.divisions(code, scope.SEE)
    prefixes = ("",) if dataset.is_public else granted
    return Detail(
        dataset,
        tuple(_path(dataset.item)),
        tuple(dataset.also_under.order_by("position")),
        tuple(_layer(one, prefixes) for one in layers),
    )


def _path(item: CatalogueItem | None) -> Iterable[CatalogueItem]:
    if item is not None:
        yield from _path(item.parent)
        yield item


def _layer(layer: CatalogueLayer, prefixes: tuple[str, ...]) -> LayerDetail:
    standard = load_standard(layer.standard_id)
    model = standard.layers[layer.code]
    names = dict.fromkeys(field.codelist for field in model.fields if field.codelist)
    lists = tuple(standard.codelists[name] for name in names if name in standard.codelists)
    published = layer.versions.filter(status=PUBLISHED).order_by("-valid_from", "-number")
    versions = tuple(one for one in published if one.county.startswith(prefixes))
    sources = tuple(ancestry(versions[0])) if versions else ()
    return LayerDetail(layer, standard, model, lists, standard.styles, versions, sources)
