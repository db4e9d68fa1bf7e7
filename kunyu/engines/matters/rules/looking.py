"""What the layers of the one map say of a plot, for all rules of a check at once. 核验取图.

One question of :mod:`kunyu.engines.analysis` holds every layer; each is answered on its own, so that one that is missing,
stale, slow or down leaves the others as they are. When the database behind the layers is gone, the first layer waits for it
and the others do not. A plot with very many records is read in pieces; above :data:`RECORDS_MAX` records near the plot a
layer is *not checked* (``too_large``): the count decides, not the clock, so that a replay decides the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import shapely
from django.db import transaction

from kunyu.engines.analysis import overlap as overlapping
from kunyu.engines.analysis.documents import rounded
from kunyu.engines.analysis.errors import BadPlot, PlotTooLarge
from kunyu.engines.analysis.overlap import LayerAnswer, Opened
from kunyu.engines.analysis.pieces import Pieces, count_near, read_pieces
from kunyu.engines.analysis.plots import judge
from kunyu.engines.analysis.questions import OVERLAP, Question, question
from kunyu.engines.analysis.reasons import Reason, failed, missing, stale
from kunyu.engines.analysis.tiling import read_in_tiles
from kunyu.engines.catalogue.models import Dataset, DatasetVersion, Layer
from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.errors import NoServingDatabase, TooSlow
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.matters.rules.answers import CLEAR, NOT_CHECKED, Overlap
from kunyu.engines.matters.rules.reader import readers_of
from kunyu.engines.matters.rules.registry import Rule
from kunyu.engines.security.scope import Principal

RECORDS_MAX = 50_000
"""Records of one layer near one plot: more are not read while somebody waits."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What the rules of a check read of the map: collections with places, collections as sums, fields of records."""

    places: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def collections(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.places, *self.sums)))

    @staticmethod
    def by(rules: Iterable[Rule]) -> Wanted:
        """All that some rules read."""
        listed = list(rules)
        attributes: dict[str, dict[str, None]] = {}
        for one in listed:
            for named in one.attributes:
                collection, _, code = named.partition("/")
                attributes.setdefault(collection, {})[code] = None
        return Wanted(
            tuple(dict.fromkeys(name for one in listed for name in one.layers)),
            tuple(dict.fromkeys(name for one in listed for name in one.sums)),
            {name: tuple(codes) for name, codes in attributes.items()},
        )


def look(
    principal: Principal, plot: shapely.Geometry, wanted: Wanted, division: str, valid_at: date, known_at: datetime
) -> dict[str, Overlap]:
    """The overlap of a plot (EPSG:4490) with every wanted collection; whatever fails is *not checked*, never raised."""
    names = wanted.collections
    if not names:
        return {}
    try:
        asked = question(OVERLAP, judge(plot), list(names), valid_at, known_at)
    except (BadPlot, PlotTooLarge) as error:
        return _none_checked(names, Reason("bad_plot", error.detail_zh, error.detail_en))
    try:
        with transaction.atomic():
            return _looked(principal, asked, wanted, division)
    except Exception as error:  # noqa: BLE001 - one cause may take the map away, never the check
        _log.exception("looking at the map for a check failed")
        return _none_checked(names, failed(error))


def _looked(principal: Principal, asked: Question, wanted: Wanted, division: str) -> dict[str, Overlap]:
    read = _Reading(frozenset(wanted.places))
    there = _published(wanted.collections)
    answers = [_absent(name) for name in wanted.collections if name not in there]
    for reader, names in readers_of(principal, there, division):
        part = replace(asked, layers=names)
        layers = overlapping.prepared(reader, part)
        if overlapping.is_large(part, layers):
            read.in_tiles = True
            layers = [_within_bounds(one, part) for one in layers]
        answers += overlapping.answered(reader, part, layers, read).layers
    titles = _titles([one.collection for one in answers if not one.name_zh])
    return {
        one.collection: _overlap(one, titles, *_records(one, asked, wanted.attributes.get(one.collection, ())))
        for one in answers
    }


def _published(names: Iterable[str]) -> tuple[str, ...]:
    """The collections that anything was ever published of, in one query: a rule may name many that a node lacks."""
    wanted = tuple(names)
    rows = DatasetVersion.objects.filter(status=DatasetVersion.Status.PUBLISHED, layer__collection__in=wanted)
    found = set(rows.values_list("layer__collection", flat=True).distinct())
    return tuple(name for name in wanted if name in found)


def _absent(name: str) -> LayerAnswer:
    return LayerAnswer(name, "", "", NOT_CHECKED, missing(name))


@dataclass
class _Reading:
    """Reads the pieces of one layer after the other; once the database is gone, it is not waited for again."""

    places: frozenset[str]
    in_tiles: bool = False
    gone: NoServingDatabase | None = None

    def __call__(self, selection: Selection, asked: Question) -> Pieces:
        if self.gone is not None:
            raise self.gone
        try:
            with_geometry = selection.layer.collection in self.places
            if self.in_tiles:
                options = {**asked.options, "geometries": with_geometry}
                return read_in_tiles(selection, replace(asked, options=options))
            return read_pieces(selection, asked.plot, with_geometry=with_geometry)
        except NoServingDatabase as error:
            self.gone = error
            raise


def _within_bounds(one: Opened | LayerAnswer, asked: Question) -> Opened | LayerAnswer:
    """A layer with more records near the plot than are read while somebody waits is answered already."""
    if isinstance(one, LayerAnswer):
        return one
    try:
        near = count_near(one.selection(asked), RECORDS_MAX)
    except (TooSlow, NoServingDatabase, psycopg.Error):
        return one  # reading it will say so
    if near <= RECORDS_MAX:
        return one
    layer = one.layer
    return LayerAnswer(layer.collection, layer.name_zh, layer.name_en, NOT_CHECKED, too_large(), one)


def too_large() -> Reason:
    return Reason(
        "too_large",
        f"地块范围内该图层的记录超过 {RECORDS_MAX} 条，办件时不逐条检测；请拆分地块，或作为空间分析作业检测后由人工核对。",
        f"More than {RECORDS_MAX} records of this layer lie near the plot: too many to read while a case waits. Split the "
        "plot, or run the overlap as an analysis job and let a person compare.",
    )


def _records(one: LayerAnswer, asked: Question, codes: tuple[str, ...]) -> tuple[dict[str, dict[str, Any]], bool]:
    """Fields of the records that were found, by record; False when they could not be read."""
    if not codes or one.opened is None or one.pieces is None or not one.pieces.count:
        return {}, True
    selection = one.opened.selection(asked)
    known = [code for code in codes if code in selection.layer.fields]
    if not known:
        return {}, True
    key = f"coalesce({queries.quoted(selection.layer.key)}::text, '~' || fid)"
    statement, parameters = queries.rows(selection, [key, *(queries.attribute(selection, code) for code in known)])
    try:
        found = fetch(selection.granted, statement, parameters)
    except (TooSlow, NoServingDatabase, psycopg.Error):
        _log.warning("fields of %s could not be read for a check", one.collection)
        return {}, False
    fields = {str(row[0]): dict(zip(known, row[1:], strict=True)) for row in found}
    return fields, all(str(name) in fields for name in one.pieces.ids)  # a right may have ended between two statements


def _overlap(
    one: LayerAnswer, titles: Mapping[str, tuple[str, str]], fields: Mapping[str, Mapping[str, Any]], is_whole: bool
) -> Overlap:
    title = (one.name_zh, one.name_en) if one.name_zh else titles.get(one.collection, (one.collection, one.collection))
    reason = _unnamed(one.reason)
    if not is_whole and reason is None:
        reason = Reason("failed", "读取该图层的属性失败。", "Fields of this layer could not be read.")
    return Overlap(
        one.collection, title[0], title[1] or title[0], one.state, square_metres(one.sums.area_m2 if one.sums else 0.0),
        *((reason.code, reason.zh, reason.en) if reason else ("", "", "")),
        geometry=_place(one.pieces), by_class=_classes(one), records=_listed(one, fields), versions=_versions(one),
    )  # fmt: skip


_UNNAMED = {
    "missing": (
        "没有这个图层已发布的数据，或者您无权查看。",
        "No published data of this layer, or you may not see them.",
    ),
    "not_permitted": (
        "您可以看到这个图层，但没有查询权限，因此未检测。",
        "You may see this layer but not query it: not checked.",
    ),
    "no_area": ("这个图层不是面图层，不能叠置。", "This layer holds no areas; it has no overlap."),
}
"""Reasons whose sentence names the layer by its code; the answer of a rule names it before, in words."""


def _unnamed(reason: Reason | None) -> Reason | None:
    return Reason(reason.code, *_UNNAMED[reason.code]) if reason is not None and reason.code in _UNNAMED else reason


def square_metres(value: float) -> Decimal:
    """Half up to 0.01 m², as the digests of analyses state it."""
    return Decimal(str(rounded(value))).quantize(Decimal("0.01"))


def _classes(one: LayerAnswer) -> dict[str, Decimal]:
    return {item.code: square_metres(item.area_m2) for item in one.sums.classes} if one.sums else {}


def _place(pieces: Pieces | None) -> shapely.Geometry | None:
    """What of the layer lies in the plot, as one multipolygon; None where places were not read."""
    if pieces is None or not pieces.count or any(one is None for one in pieces.geometry):
        return None
    parts = shapely.get_parts(pieces.geometry)
    return shapely.multipolygons(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])


def _listed(one: LayerAnswer, fields: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    if one.pieces is None or _place(one.pieces) is None:
        return ()
    found = one.pieces
    return tuple(
        {
            "id": str(name), "county": str(county), "code": code, "area_m2": square_metres(area),
            "share": float(share), **fields.get(str(name), {}),
        }
        for name, county, code, area, share in zip(
            found.ids, found.county, found.code, found.area_m2, found.share, strict=True
        )
    )  # fmt: skip


def _versions(one: LayerAnswer) -> tuple[dict[str, Any], ...]:
    return tuple({"collection": one.collection, **overlapping.facts(version)} for version in one.versions)


def aged(found: Overlap, valid_at: date, days: int | None) -> Overlap:
    """The overlap as a rule sees it that takes no data older than ``days``: a clear answer becomes *not checked*."""
    oldest = min((date.fromisoformat(one["valid_from"]) for one in found.versions), default=None)
    if not days or oldest is None or found.reason or (valid_at - oldest).days <= days:
        return found
    reason = stale(oldest, (valid_at - oldest).days, days)
    state = NOT_CHECKED if found.state == CLEAR else found.state
    return replace(found, state=state, reason=reason.code, reason_zh=reason.zh, reason_en=reason.en)


def none_checked(names: Iterable[str], code: str, zh: str, en: str) -> dict[str, Overlap]:
    """Every collection *not checked* for one reason."""
    return _none_checked(tuple(names), Reason(code, zh, en))


def _none_checked(names: Iterable[str], reason: Reason) -> dict[str, Overlap]:
    listed = tuple(names)
    titles = _titles(listed)
    return {
        name: Overlap(name, *titles.get(name, (name, name)), NOT_CHECKED, Decimal("0.00"), reason.code, reason.zh,
                      reason.en)
        for name in listed
    }  # fmt: skip


def _titles(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Names of collections that could not be opened: of the layer, else of the dataset the catalogue lists."""
    wanted = list(names)
    if not wanted:
        return {}
    datasets = {
        code: (zh, en)
        for code, zh, en in Dataset.objects.filter(code__in={one.partition(".")[0] for one in wanted}).values_list(
            "code", "name_zh", "name_en"
        )
    }
    layers = {
        code: (zh, en)
        for code, zh, en in Layer.objects.filter(collection__in=wanted).values_list("collection", "name_zh", "name_en")
    }
    return {one: layers.get(one) or datasets.get(one.partition(".")[0]) or (one, one) for one in wanted}
