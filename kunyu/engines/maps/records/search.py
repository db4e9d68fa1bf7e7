"""Which datasets a search of the catalogue finds, each inside what the asking person may know of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Prefetch, Q, QuerySet

from kunyu.engines.catalogue.models import Dataset, DatasetVersion, Layer
from kunyu.engines.catalogue.served.moments import ValidDays
from kunyu.engines.catalogue.visible import visible
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal

Box = tuple[float, float, float, float]
RECORD_TYPE = "dataset"


@dataclass(frozen=True)
class Sought:
    """What a search asks for; empty members do not narrow.

    ``words`` must all be found in code, names, layers, producer or item; ``box`` is west, south, east, north in degrees
    and west may be greater than east (across 180°).
    """

    words: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    box: Box | None = None
    days: ValidDays | None = None


@dataclass(frozen=True)
class LayerData:
    """A layer the person may see, with the union of its published extents and its days in his divisions."""

    layer: Layer
    box: Box | None
    first_day: date | None
    known_from: datetime | None


@dataclass(frozen=True)
class Record:
    """A dataset with what of its layers the person may see."""

    dataset: Dataset
    layers: tuple[LayerData, ...]

    @property
    def box(self) -> Box | None:
        return union(one.box for one in self.layers)

    @property
    def first_day(self) -> date | None:
        return min((one.first_day for one in self.layers if one.first_day), default=None)

    @property
    def updated(self) -> datetime | None:
        return max((one.known_from for one in self.layers if one.known_from), default=None)


@dataclass(frozen=True)
class Found:
    """One page of records in the order of their codes; ``next_after`` is the code the next page begins behind."""

    records: tuple[Record, ...]
    matched: int
    next_after: str | None


def union(boxes: Iterable[Box | None]) -> Box | None:
    """The smallest box around all; None around nothing."""
    known = [box for box in boxes if box]
    if not known:
        return None
    west, south, east, north = zip(*known, strict=True)
    return min(west), min(south), max(east), max(north)


def find(principal: Principal, sought: Sought, limit: int, after: str | None = None) -> Found:
    """A page of at most ``limit`` records behind the code ``after``, and how many there are in all.

    Place and time are compared with what the person may see of a dataset, so that a match tells nothing about
    divisions he has no right in.
    """
    rows = _narrowed(visible(principal), sought)
    if sought.box is not None or sought.days is not None:
        placed = [one for one in _records(principal, rows) if _meets(one, sought)]
        beyond = [one for one in placed if after is None or one.dataset.code > after]
        return Found(tuple(beyond[:limit]), len(placed), _behind([one.dataset.code for one in beyond], limit))
    matched = rows.count()
    page = list(rows.filter(code__gt=after or "").order_by("code").values_list("code", flat=True)[: limit + 1])
    records = _records(principal, visible(principal).filter(code__in=page[:limit]))
    return Found(tuple(records), matched, _behind(page, limit))


def _behind(codes: list[str], limit: int) -> str | None:
    return codes[limit - 1] if len(codes) > limit else None


def record_of(principal: Principal, code: str) -> Record | None:
    """The record of one dataset, None when there is none or the person may not know of it."""
    return next(iter(_records(principal, visible(principal).filter(code=code))), None)


def _narrowed(rows: QuerySet[Dataset], sought: Sought) -> QuerySet[Dataset]:
    if sought.kinds and RECORD_TYPE not in sought.kinds:
        return rows.none()
    if sought.codes:
        rows = rows.filter(Q(code__in=sought.codes) | Q(aliases__overlap=list(sought.codes)))
    for word in sought.words:
        rows = rows.filter(
            Q(code__istartswith=word)
            | Q(name_zh__icontains=word)
            | Q(name_en__icontains=word)
            | Q(layer_names__icontains=word)
            | Q(producer_zh__icontains=word)
            | Q(item__name_zh__icontains=word)
            | Q(item__name_en__icontains=word)
        )
    return rows


def _records(principal: Principal, rows: QuerySet[Dataset]) -> list[Record]:
    listed = rows.order_by("code").select_related("item__parent").prefetch_related(
        Prefetch("layers", Layer.objects.order_by("position", "id"), to_attr="all_layers")
    )  # fmt: skip
    datasets = list(listed)
    published = _published([one.code for one in datasets])
    return [
        Record(
            one,
            tuple(
                _seen(principal, one, layer, published.get(layer.pk, ()))
                for layer in one.all_layers  # type: ignore[attr-defined]
                if scope.may(principal, layer.collection, scope.SEE, public=one.is_public)
            ),
        )
        for one in datasets
    ]


_Version = tuple[str, date, datetime, list[float] | None]


def _published(codes: list[str]) -> Mapping[int, list[_Version]]:
    """County, first day, instant and extent of the published versions, by layer."""
    found: dict[int, list[_Version]] = {}
    versions = DatasetVersion.objects.filter(
        layer__dataset__in=codes, status=DatasetVersion.Status.PUBLISHED
    ).values_list("layer_id", "county", "valid_from", "known_from", "extent")
    for layer, county, valid_from, known_from, extent in versions:
        assert known_from is not None, "a published version is known since an instant"
        found.setdefault(layer, []).append((county, valid_from, known_from, extent))
    return found


def _seen(principal: Principal, dataset: Dataset, layer: Layer, versions: Iterable[_Version]) -> LayerData:
    granted = scope.resolve(principal, layer.collection, scope.SEE, public=dataset.is_public)
    mine = [one for one in versions if granted.allows_division(one[0])]
    return LayerData(
        layer,
        union(_box(extent) for *_, extent in mine),
        min((first for _, first, *_ in mine), default=None),
        max((known for _, _, known, _ in mine), default=None),
    )


def _box(extent: list[float] | None) -> Box | None:
    return (extent[0], extent[1], extent[2], extent[3]) if extent else None


def _meets(record: Record, sought: Sought) -> bool:
    if sought.box is not None and not any(one.box and _overlap(one.box, sought.box) for one in record.layers):
        return False
    if sought.days is None or sought.days.last is None:
        return sought.days is None or record.first_day is not None
    return record.first_day is not None and record.first_day <= sought.days.last


def _overlap(one: Box, other: Box) -> bool:
    west, south, east, north = other
    if one[3] < south or one[1] > north:
        return False
    if west > east:
        return one[2] >= west or one[0] <= east
    return one[2] >= west and one[0] <= east
