"""What the catalogue pages show: rows of the list and one dataset in full, only what the principal may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from django.db.models import Count, Max, Q

from kunyu.engines.catalogue.errors import UnknownDataset
from kunyu.engines.catalogue.lineage import Source, ancestry
from kunyu.engines.catalogue.models import CatalogueItem, Dataset, DatasetVersion
from kunyu.engines.catalogue.models import Layer as CatalogueLayer
from kunyu.engines.catalogue.queries import sees_version
from kunyu.engines.catalogue.standards import CodeList, Standard, Swatch, load_standard
from kunyu.engines.catalogue.standards import Layer as StandardLayer
from kunyu.engines.catalogue.visible import visible
from kunyu.engines.pages.listing import Badge, Cell, Column, Filter, Listing
from kunyu.engines.security import label_registry, scope
from kunyu.engines.security.models import Label as LabelRow
from kunyu.engines.security.models import LabelState
from kunyu.engines.security.scope import Principal

PUBLISHED = DatasetVersion.Status.PUBLISHED
_PUBLISHED_VERSIONS = Q(layers__versions__status=PUBLISHED)


GRADES = ("公开", "内部", "敏感", "涉密")


def _name(one: Dataset) -> Cell:
    badges = (Badge(("本地扩展", "local")),) if one.local_division else ()
    return Cell((one.name_zh, one.name_en), f"/catalogue/{quote(one.code)}/", badges, one.layer_names)


def listing(principal: Principal) -> Listing:
    """The list of datasets; ``published`` counts published versions of all layers of a dataset."""
    rows = visible(principal).select_related("item").annotate(
        published=Count("layers__versions", filter=_PUBLISHED_VERSIONS),
        newest=Max("layers__versions__valid_from", filter=_PUBLISHED_VERSIONS),
    )  # fmt: skip
    total, with_data = rows.count(), rows.filter(published__gt=0).count()
    return Listing(
        name="catalogue.datasets",
        title=("数据目录", "Data catalogue"),
        lead=(
            f"共 {total} 个数据集，{with_data} 个已有发布数据",
            f"{total} datasets, {with_data} with published data",
        ),
        rows=rows,
        columns=(
            Column("code", ("编码", "Code"), kind="code", sort="code"),
            Column("name", ("数据集", "Dataset"), _name, sort="name_zh"),
            Column("item", ("目录项", "Item"), lambda one: one.item and (one.item.name_zh, one.item.name_en), priority=2),
            Column("producer", ("生产单位", "Producer"), "producer_zh", sort="producer_zh"),
            Column("classification", ("分级", "Classification"), sort="classification"),
            Column("update", ("更新方式", "Update"), "update_mode", sort="update_mode", priority=2),
            Column("versions", ("版本", "Versions"), lambda one: one.published or None, kind="count", sort="published"),
            Column("newest", ("最近数据", "Newest data"), kind="date", sort="newest"),
        ),
        filters=(
            Filter("type", ("类型", "Type"), kind="choice", apply="code__startswith", choices=lambda: [
                (one.code, one.name_zh, one.name_en) for one in types()]),
            Filter("grade", ("分级", "Classification"), kind="choice", apply="level", choices=[
                (one, one, one) for one in GRADES]),
            Filter("data", ("只看有数据的", "With data only"), kind="bool", apply=lambda rows, _: rows.filter(published__gt=0)),
        ),
        search=("code__startswith", "name_zh", "name_en", "layer_names", "item__name_zh", "producer_zh"),
        search_hint=("名称、编码、图层、生产单位", "Name, code, layer, producer"),
        order=("item__position", "position", "code"),
        empty=(
            "节点启动（kunyu up）时会装入规划表1的 127 个内容项及其数据集。若仍为空，可能是您还没有查看权限，请找数据管理员。",
            "Starting the node (kunyu up) loads the 127 items of the plan's Table 1 and their datasets. If the list stays"
            " empty, you may lack the right to see it: ask the data steward.",
        ),
    )  # fmt: skip


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
    label: LabelRow | None = None

    @property
    def label_names(self) -> tuple[str, str]:
        """The label in force in words; empty without one."""
        found = label_registry.approved_label(self.dataset.code)
        return (found.name_zh, found.name_en) if found else ("", "")

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
    layers = []
    for layer in dataset.layers.order_by("position", "id"):
        # a layer may bear a stricter label than its dataset, and so be seen in fewer divisions or not at all
        if scope.may(principal, layer.collection, public=dataset.is_public):
            granted = scope.resolve(principal, layer.collection, scope.SEE, public=dataset.is_public)
            layers.append(_layer(principal, layer, granted.prefixes))
    return Detail(
        dataset,
        tuple(_path(dataset.item)),
        tuple(dataset.also_under.order_by("position")),
        tuple(layers),
        LabelRow.objects.filter(collection=code, state=LabelState.APPROVED).first(),
    )


def _path(item: CatalogueItem | None) -> Iterable[CatalogueItem]:
    if item is not None:
        yield from _path(item.parent)
        yield item


def _layer(principal: Principal, layer: CatalogueLayer, prefixes: tuple[str, ...]) -> LayerDetail:
    standard = load_standard(layer.standard_id)
    model = standard.layers[layer.code]
    names = dict.fromkeys(field.codelist for field in model.fields if field.codelist)
    lists = tuple(standard.codelists[name] for name in names if name in standard.codelists)
    published = layer.versions.filter(status=PUBLISHED).order_by("-valid_from", "-number")
    versions = tuple(one for one in published if one.county.startswith(prefixes))
    made_from = ancestry(versions[0]) if versions else []
    sources = tuple(one for one in made_from if one.version is None or sees_version(principal, one.version))
    return LayerDetail(layer, standard, model, lists, standard.styles, versions, sources)
