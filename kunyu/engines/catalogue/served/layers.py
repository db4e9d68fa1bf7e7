"""Layers as the services see them: catalogue entry, fields of the standard, and the state of their versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Q, QuerySet

from kunyu.engines.catalogue.models import DatasetVersion, Layer
from kunyu.engines.catalogue.served.moments import Moment
from kunyu.engines.catalogue.standards import Field, Standard, load_standard
from kunyu.engines.catalogue.standards import Layer as StandardLayer
from kunyu.engines.security import audit, epochs, label_registry, prepared, scope
from kunyu.engines.security.errors import NotVisible
from kunyu.engines.security.scope import Principal, Scope

GEOMETRIES = ("Polygon", "LineString", "Point")
_PUBLISHED = Q(versions__status=DatasetVersion.Status.PUBLISHED)
_IS_PUBLISHED = Q(status=DatasetVersion.Status.PUBLISHED)
_COLUMNS = (
    "id", "collection", "code", "name_zh", "name_en", "standard_id", "geometry", "table_name",
    "dataset__code", "dataset__name_zh", "dataset__name_en", "dataset__is_public", "dataset__item_id",
)  # fmt: skip


@dataclass(frozen=True)
class VersionState:
    """What is published of a layer at an instant: changes with every publish, never otherwise."""

    count: int
    newest_id: int | None
    known_from: datetime | None


@dataclass(frozen=True)
class ServedLayer:
    """One collection: where its rows are, what its attributes are called, which versions stand behind it."""

    id: int
    collection: str
    code: str
    name_zh: str
    name_en: str
    standard_id: str
    geometry: str
    table_name: str
    dataset_code: str
    dataset_name_zh: str
    dataset_name_en: str
    is_public: bool
    item_code: str
    state: VersionState

    @property
    def is_spatial(self) -> bool:
        return self.geometry in GEOMETRIES

    @property
    def table(self) -> str:
        """Quoted name of its table in SQL."""
        return f'onemap."{self.table_name}"'

    @cached_property
    def standard(self) -> Standard:
        return load_standard(self.standard_id)

    @cached_property
    def model(self) -> StandardLayer:
        """The layer in the words of its standard."""
        return self.standard.layer(self.code)

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Attributes by code, in the standard's order."""
        return {field.code: field for field in self.model.fields}

    @property
    def key(self) -> str:
        """The attribute that names a feature (BSM); its values may be missing."""
        return self.model.key

    @cached_property
    def class_field(self) -> Field | None:
        """The attribute that colours the map: one whose code list has colours, else one whose name is spelled out."""
        listed = [field for field in self.fields.values() if field.codelist]
        coloured = [field for field in listed if field.codelist in self.standard.styles]
        named = {field.name_of for field in self.fields.values() if field.name_of}
        return next(iter(coloured or [field for field in listed if field.code in named]), None)

    @cached_property
    def tile_fields(self) -> tuple[str, ...]:
        """Attributes a tile carries unless asked otherwise: key, class, area."""
        area = next((c for c, f in self.fields.items() if f.type == "Float" and c.endswith("MJ")), None)
        wanted = (self.key, self.class_field and self.class_field.code, area)
        return tuple(code for code in wanted if code)


def _counted(layers: QuerySet[Layer]) -> QuerySet[Layer, tuple[Any, ...]]:
    counted = layers.annotate(
        published=Count("versions", filter=_PUBLISHED),
        newest=Max("versions__id", filter=_PUBLISHED),
        known=Max("versions__known_from", filter=_PUBLISHED),
    )
    return counted.values_list(*_COLUMNS, "published", "newest", "known")


def _served(row: tuple[Any, ...]) -> ServedLayer:
    values: tuple[Any, ...] = (*row[:-3], VersionState(*row[-3:]))
    return ServedLayer(*values)


@lru_cache(maxsize=1)
def _one_layer_sql() -> tuple[str, tuple[Any, ...]]:
    """The query of one layer, written by Django once per process: writing it costs more than running it."""
    return _counted(Layer.objects.filter(collection=_ANY)).query.sql_with_params()


_ANY = "\x01any"


def find_layer(collection: str) -> ServedLayer | None:
    """The layer of a collection with the versions published now (one query), or None."""
    statement, parameters = _one_layer_sql()
    row = prepared.fetch_one(statement, [collection if value == _ANY else value for value in parameters])
    return _served(row) if row else None


_known: dict[tuple[str, str], tuple[int, ServedLayer]] = {}


def _unchanged_layer(principal: Principal, collection: str) -> ServedLayer | None:
    """As :func:`find_layer`, without asking again while nothing was published, opened or described since.

    Triggers raise the data epoch at the end of every transaction that changes layers, datasets or versions. It is read
    together with who asks, before the layer: what is remembered is never older than its epoch. Inside a transaction it
    says nothing yet of that transaction's own changes.
    """
    epoch = epochs.current().data if principal.row_identity and not connection.in_atomic_block else None
    if epoch is None or epoch <= 1:  # a node where nothing has ever raised it
        return find_layer(collection)
    key = (str(connection.settings_dict["NAME"]), collection)
    known = _known.get(key)
    if known is not None and known[0] == epoch:
        return known[1]
    layer = find_layer(collection)
    if layer is not None:
        _known[key] = (epoch, layer)
    return layer


def open_layer(
    principal: Principal, collection: str, action: str, *, only_reads: bool = False
) -> tuple[ServedLayer, Scope]:
    """The layer and the scope in which ``principal`` may do ``action`` to it.

    ``only_reads`` says that the caller is a request which has changed nothing before it asks.

    Raises
    ------
    SignInNeeded, NotAllowed, NotVisible
        As ``scope.resolve`` says. Whether a collection exists is told only to those who may see it.
    """
    layer = _unchanged_layer(principal, collection) if only_reads else find_layer(collection)
    if layer is None or layer.state.count == 0:
        # a wide grant reaches codes that nothing bears: what is not there is unseen, not forbidden
        scope.resolve(principal, collection, scope.SEE, public=bool(layer and layer.is_public))
        raise NotVisible(
            f"{collection} 没有已发布的数据，或者您无权查看。",
            f"There is no published data of {collection}, or you may not see it.",
        )
    return layer, scope.resolve(principal, collection, action, public=layer.is_public)


def require_division(principal: Principal, layer: ServedLayer, granted: Scope, division: str) -> None:
    """Refuse what ``granted`` does not reach in a layer.

    Raises
    ------
    NotVisible
        He may not see the layer in that division at all.
    NotAllowed
        He may see it there, but not do what he asks.
    """
    if granted.allows_division(division):
        return
    if not scope.resolve(principal, layer.collection, scope.SEE, public=layer.is_public).allows_division(division):
        raise NotVisible(
            f"没有 {layer.collection} 在 {division[:12]} 的数据，或者您无权查看。",
            f"There is no data of {layer.collection} in {division[:12]}, or you may not see it.",
        )
    scope.require_division(granted, division)


def visible_layers(principal: Principal, action: str = scope.SEE) -> list[ServedLayer]:
    """Every layer with a published version that ``principal`` may see, in the catalogue's order."""
    published = Layer.objects.filter(id__in=DatasetVersion.objects.filter(_IS_PUBLISHED).values("layer_id"))
    order = ("dataset__item__position", "dataset__position", "position", "id")
    return [
        layer
        for layer in map(_served, _counted(published).order_by(*order))
        if scope.may(principal, layer.collection, action, public=layer.is_public)
    ]


def record_read(principal: Principal, layer: ServedLayer, extent: tuple[float, ...] | None, kind: str) -> None:
    """Put on record that ``principal`` reads this layer; called before the rows are read, so nothing goes unrecorded.

    ``extent`` is west, south, east, north in degrees, None for no place in particular. The label recorded is the
    strictest that the answer may hold: the dataset's, joined with those of its labelled records.

    Raises
    ------
    ReadNotRecorded
        The audit cannot be written; the read is not answered.
    """
    where: Any = tuple(extent) if extent is not None else None
    audit.record_read(principal, layer.collection, where, label_registry.strictest_of(layer.collection).code, kind)


def state_at(layer: ServedLayer, known_at: datetime | None) -> VersionState:
    """The versions published at ``known_at``; the present state costs no further query."""
    if known_at is None or layer.state.known_from is None or layer.state.known_from <= known_at:
        return layer.state
    found = (
        _published(layer)
        .filter(known_from__lte=known_at)
        .aggregate(count=Count("id"), newest_id=Max("id"), known_from=Max("known_from"))
    )
    return VersionState(**found)


def current_records(layer: ServedLayer, granted: Scope, moment: Moment) -> int | None:
    """Records of the newest version of each county, as counted when it was published.

    None when the moment is not the present belief on a day that every newest version covers, or a count is missing. A
    correction of an earlier date is newest in number only: another version speaks of the days after its own. None too
    where single records bear labels of their own: the caller may be told only how many he may see.
    """
    day = moment.days.first
    if moment.known_at is not None or day is None or not moment.days.is_one_day:
        return None
    if layer.collection in label_registry.record_labels():
        return None
    newest = _published(layer).order_by("county", "-number").distinct("county")
    rows = [
        row for row in newest.values_list("county", "valid_from", "record_count") if granted.allows_division(row[0])
    ]
    if any(records is None or valid_from > day for _, valid_from, records in rows):
        return None
    last = dict(_published(layer).order_by("county").values_list("county").annotate(Max("valid_from")))
    if any(last[county] > valid_from for county, valid_from, _ in rows):
        return None
    return sum(records or 0 for _, _, records in rows)


@dataclass(frozen=True)
class Extent:
    """Where and since when a layer has data: lon/lat box and the first day."""

    box: tuple[float, float, float, float] | None
    valid_from: date | None


@dataclass(frozen=True)
class PublishedVersion:
    """One published version of a county, for lists and time sliders."""

    county: str
    number: int
    valid_from: date
    known_from: datetime
    record_count: int | None
    is_incremental: bool
    extent: tuple[float, ...] | None


def _published(layer: ServedLayer) -> QuerySet[DatasetVersion]:
    return DatasetVersion.objects.filter(_IS_PUBLISHED, layer_id=layer.id)


def published_versions(layer: ServedLayer, granted: Scope) -> list[PublishedVersion]:
    """Published versions in the counties of ``granted``, oldest first."""
    rows = (
        _published(layer)
        .order_by("known_from", "id")
        .values_list("county", "number", "valid_from", "known_from", "record_count", "is_incremental", "extent")
    )
    return [_version(*row) for row in rows if granted.allows_division(row[0])]


def _version(*values: Any) -> PublishedVersion:
    typed: tuple[Any, ...] = (*values[:-1], tuple(values[-1]) if values[-1] else None)
    return PublishedVersion(*typed)


def extent_of(versions: Iterable[PublishedVersion]) -> Extent:
    """The union of the versions' boxes and their first day of validity."""
    listed = list(versions)
    boxes = [version.extent for version in listed if version.extent]
    box = None
    if boxes:
        lows, highs = zip(*(b[:2] for b in boxes), strict=True), zip(*(b[2:] for b in boxes), strict=True)
        west, south = (min(side) for side in lows)
        east, north = (max(side) for side in highs)
        box = (west, south, east, north)
    return Extent(box, min((version.valid_from for version in listed), default=None))


def known_instant(state: VersionState, known_at: datetime | None) -> datetime:
    """The instant an answer speaks of: the last publish it has seen, which as ``known_at`` gives the same answer."""
    return state.known_from or known_at or datetime.now(UTC)


@lru_cache(maxsize=256)
def code_names(standard_id: str, codelist: str) -> dict[str, str]:
    """Codes of a list with their Chinese names."""
    found = load_standard(standard_id).codelists.get(codelist)
    return dict(found.codes) if found else {}
