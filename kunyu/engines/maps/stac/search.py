"""Finding images: rights, belief and place by the layer's own table, sensor, time and cloud by what filing noted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import Q

from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.layers import ServedLayer, open_layer, record_read
from kunyu.engines.catalogue.served.moments import Moment, read_days
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.catalogue.standards import load_standard, standard_ids
from kunyu.engines.ingest.models import RasterItem
from kunyu.engines.maps.coverages.scenes import open_coverage
from kunyu.engines.maps.stac.errors import NoSuchItem
from kunyu.engines.maps.stac.parameters import Condition, Search
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.scope import Principal, Scope

_COLUMNS = (
    '"BSM"', '"OBJECT"', '"NAME"', '"SENSED_ON"', '"GSD_M"', "lower(valid)", "county",
    "ST_AsGeoJSON(ST_ForcePolygonCCW(geom), 7, 1)", "version_id",
)  # fmt: skip
_FIELDS = {"eo:cloud_cover": "cloud_cover", "platform": "platform", "instruments": "sensor", "gsd": "gsd_m"}
_LOOKUPS = {"lt": "lt", "lte": "lte", "gt": "gt", "gte": "gte", "startsWith": "istartswith"}
_ORDER = {"datetime": '"SENSED_ON"', "id": '"BSM"', "gsd": '"GSD_M"', "collection": "1"}


@dataclass(frozen=True)
class Open:
    """A collection of images the caller may read, and how far."""

    layer: ServedLayer
    granted: Scope


@dataclass(frozen=True)
class FoundImage:
    """One image: its row in the layer, and what filing noted of it (None: nothing)."""

    layer: ServedLayer
    id: str
    sm3: str
    name: str
    sensed_on: date | None
    gsd_m: float | None
    valid_from: date | None
    county: str
    geometry: dict[str, Any]
    noted: RasterItem | None

    @property
    def taken_at(self) -> datetime:
        """The instant it was taken; where nothing says it, the day from which it holds."""
        if self.noted and self.noted.taken_at:
            return self.noted.taken_at
        return datetime.combine(self.sensed_on or self.valid_from or date(1970, 1, 1), time(), UTC)


@dataclass(frozen=True)
class Page:
    """Images of one page, how many there are in all, and whether more follow."""

    images: tuple[FoundImage, ...]
    matched: int
    has_more: bool


def image_collections() -> list[str]:
    """Codes of every collection that holds images, in the catalogue's order."""
    wanted = Q(pk__in=[])
    for standard_id in standard_ids():
        codes = [code for code, layer in load_standard(standard_id).layers.items() if layer.holds_images]
        wanted |= Q(standard_id=standard_id, code__in=codes)
    order = ("dataset__item__position", "dataset__position", "position", "id")
    return list(Layer.objects.filter(wanted).order_by(*order).values_list("collection", flat=True))


def open_collections(principal: Principal, named: Iterable[str] | None, action: str = scope.QUERY) -> list[Open]:
    """Those of the named collections, of all when None, that hold images the caller may read."""
    known, found = image_collections(), []
    for collection in known if named is None else [one for one in known if one in set(named)]:
        try:
            found.append(Open(*open_layer(principal, collection, action)))
        except (NotVisible, NotAllowed, SignInNeeded):
            continue
    return found


def find(principal: Principal, search: Search) -> Page:
    """The page of a search; the reads are on record before a row is read."""
    opened = open_collections(principal, search.collections)
    for one in opened:
        record_read(principal, one.layer, search.area.bounds if search.area is not None else None, "features")
    rows: list[tuple[ServedLayer, tuple[Any, ...]]] = []
    matched, upto = 0, search.offset + search.limit
    for one in opened:
        found, count = _rows(one, search, upto + 1)
        rows += [(one.layer, row) for row in found]
        matched += count
    if len(opened) > 1:
        rows = _sorted(rows, search.sortby)
    page = rows[search.offset : upto]
    return Page(tuple(_noted(page)), matched, matched > upto)


def _rows(one: Open, search: Search, most: int) -> tuple[list[tuple[Any, ...]], int]:
    """The first ``most`` rows of a collection, and how many there are."""
    selection = Selection(one.layer, one.granted, Moment(read_days(None, None), None), area=search.area)
    conditions = ["TRUE"]
    parameters: dict[str, Any] = {"most": most}
    objects = _objects(one.layer, search)
    if objects is not None:
        conditions.append('"OBJECT" = ANY(%(objects)s::text[])')
        parameters["objects"] = objects
    if search.ids is not None:
        conditions.append('"BSM" = ANY(%(ids)s::text[])')
        parameters["ids"] = list(search.ids)
    picked, given = queries.rows(
        selection, [*_COLUMNS, "count(*) OVER () AS whole"], (" AND ".join(conditions), parameters)
    )
    keys = [
        f"{_ORDER[name]} {'DESC' if down else 'ASC'} NULLS LAST" for name, down in search.sortby if name != "collection"
    ]
    order = ", ".join([*keys, '"BSM"'])
    found = fetch(one.granted, f"SELECT * FROM ({picked}) q ORDER BY {order} LIMIT %(most)s", given)
    return [row[:-1] for row in found], int(found[0][-1]) if found else 0


def _objects(layer: ServedLayer, search: Search) -> list[str] | None:
    """Digests of the images of these sensors, times and clouds; None where nothing of that is asked."""
    if not (search.conditions or search.first or search.last):
        return None
    wanted = Q(is_published=True, dataset_code=layer.dataset_code)
    for one in search.conditions:
        wanted &= _condition(one)
    for bound, lookup in ((search.first, "gte"), (search.last, "lte")):
        if bound is not None:
            unknown = Q(taken_at=None, **{f"delivery__valid_from__{lookup}": bound.date()})
            wanted &= Q(**{f"taken_at__{lookup}": bound}) | unknown
    return list(RasterItem.objects.filter(wanted).values_list("sm3", flat=True).distinct())


def _condition(one: Condition) -> Q:
    """Names of satellites and sensors are compared without regard to case."""
    column = _FIELDS[one.name]
    exact = "exact" if column in ("cloud_cover", "gsd_m") else "iexact"
    if one.operator in ("eq", "neq"):
        found = Q(**{f"{column}__{exact}": one.value})
        return ~found if one.operator == "neq" else found
    if one.operator == "in":
        found = Q(pk__in=[])
        for value in one.value:
            found |= Q(**{f"{column}__{exact}": value})
        return found
    return Q(**{f"{column}__{_LOOKUPS[one.operator]}": one.value})


def _sorted(
    rows: list[tuple[ServedLayer, tuple[Any, ...]]], sortby: Sequence[tuple[str, bool]]
) -> list[tuple[ServedLayer, tuple[Any, ...]]]:
    """Rows of several collections in one order; what is unknown comes last either way."""
    place = {"datetime": 3, "id": 0, "gsd": 4}
    rows = sorted(rows, key=lambda one: (one[0].collection, one[1][0]))
    for name, down in reversed(sortby):
        if name == "collection":
            rows.sort(key=lambda one: one[0].collection, reverse=down)
            continue
        known = [one for one in rows if one[1][place[name]] is not None]
        unknown = [one for one in rows if one[1][place[name]] is None]
        known.sort(key=lambda one: one[1][place[name]], reverse=down)
        rows = known + unknown
    return rows


def _noted(rows: Sequence[tuple[ServedLayer, tuple[Any, ...]]]) -> Iterable[FoundImage]:
    wanted = [row[1] for _, row in rows]
    noted = {one.sm3: one for one in RasterItem.objects.filter(sm3__in=wanted, is_published=True).order_by("pk")}
    for layer, row in rows:
        gsd = None if row[4] is None else float(row[4])
        yield FoundImage(
            layer, row[0], row[1], row[2], row[3], gsd, row[5], row[6], json.loads(row[7]), noted.get(row[1])
        )


def one_image(principal: Principal, collection: str, item: str, action: str) -> tuple[FoundImage, Open]:
    """One image the caller may do ``action`` to. Whether it exists is told only to those who may query it.

    Raises
    ------
    NoSuchItem
        The caller sees no such image.
    NotAllowed
        He sees it and may not do that to it.
    """
    opened = Open(*open_coverage(principal, collection, scope.QUERY))
    record_read(principal, opened.layer, None, "features")
    found = _row(opened, item)
    if found is None:
        raise NoSuchItem(f"{collection} 没有影像条目 {item[:60]}。", f"{collection} has no item {item[:60]}.")
    if action == scope.QUERY:
        return found, opened
    allowed = Open(*open_coverage(principal, collection, action))
    if _row(allowed, item) is None:
        raise NotAllowed(
            f"您可以查看影像 {item[:60]}，但没有在该区划下载它的权限；请申请下载权限。",
            f"You may look at {item[:60]} but not download it in that division; ask for the right to download.",
        )
    record_read(principal, allowed.layer, None, "export")
    return found, allowed


def _row(opened: Open, item: str) -> FoundImage | None:
    rows, _ = _rows(opened, Search(ids=(item,)), 1)
    return next(iter(_noted([(opened.layer, row) for row in rows])), None)
