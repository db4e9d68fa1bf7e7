"""Pages of features as GeoJSON, written in SQL. 要素.

Each feature becomes UTF-8 text in the database and arrives as bytes that nobody decodes on the way to the client. The
rows are complete before the connection goes back to the pool, so a slow reader holds memory, not a connection. Validity
stands in the member ``time`` of OGC JSON-FG, because the properties are the standard's attributes and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.layers import current_records
from kunyu.engines.catalogue.served.queries import After, Selection
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.maps.crs import OfferedCrs
from kunyu.engines.maps.errors import NoSuchFeature
from kunyu.engines.maps.settings import maps_settings
from kunyu.engines.maps.sorting import Sorting


@dataclass(frozen=True)
class Page:
    """Features as GeoJSON in UTF-8, one of ``pieces`` each; ``next_after`` (``after`` of a link) is None on the last page.

    ``last_fid`` is the row of the last feature: a row is never changed, so it names the state of a single feature.
    """

    pieces: tuple[bytes, ...]
    next_after: str | None
    last_fid: int | None = None

    @property
    def returned(self) -> int:
        return len(self.pieces)

    def members(self) -> bytes:
        """The members of the ``features`` array."""
        return b",".join(self.pieces)

    def text(self) -> Iterator[str]:
        """The members of the ``features`` array as text."""
        yield self.members().decode()


@dataclass(frozen=True)
class Matched:
    """How many features a selection holds; ``is_exact`` is False for the planner's estimate."""

    number: int
    is_exact: bool


def _feature_sql(
    selection: Selection, crs: OfferedCrs, attributes: tuple[str, ...], *, with_geometry: bool = True
) -> str:
    """SQL text expression of one GeoJSON feature over columns of a layer table."""
    listed = ", ".join(queries.quoted(code) for code in attributes)
    # to_json of a row writes every control character, quote and NaN as JSON wants it; joining text would not
    properties = f"(SELECT to_json(p)::text FROM (SELECT {listed}) p)" if attributes else "'{}'"
    oriented = "ST_ForcePolygonCCW(geom)" if selection.layer.geometry == "Polygon" else "geom"
    geometry = f"coalesce({crs.geojson_sql(oriented)}, 'null')" if _is_drawn(selection, with_geometry) else "'null'"
    since, until = "coalesce(lower(valid)::text, '..')", "coalesce((upper(valid) - 1)::text, '..')"
    # concat copies the long texts once, where each || copies all before it
    return (
        f'convert_to(concat(\'{{"type":"Feature","id":\', {queries.feature_id_sql(selection.layer)}, '
        f"',\"geometry\":', {geometry}, ',\"properties\":', {properties}, "
        f"',\"time\":{{\"interval\":[\"', {since}, '\",\"', {until}, '\"]}}}}'), 'UTF8')"
    )


def _is_drawn(selection: Selection, with_geometry: bool) -> bool:
    return with_geometry and selection.layer.is_spatial


def read_page(
    selection: Selection,
    crs: OfferedCrs,
    attributes: tuple[str, ...],
    limit: int,
    *,
    sorting: Sorting | None = None,
    with_geometry: bool = True,
) -> Page:
    """Read at most ``limit`` features after ``selection.after`` in the order of the key, or in that of ``sorting``."""
    order = _order(selection, sorting)
    beyond = sorting.narrowing() if sorting else ("", {})
    columns = _columns(selection, attributes, sorting, with_geometry)
    picked, parameters = queries.rows(selection, columns, beyond, each=f"ORDER BY {order} LIMIT %(limit)s + 1")
    statement = (
        f"SELECT {_feature_sql(selection, crs, attributes, with_geometry=with_geometry)}, "
        f"{_cursor(selection, sorting)}, fid FROM ({picked}) page ORDER BY {order} LIMIT %(limit)s + 1"
    )
    return _page(fetch(selection.granted, statement, {**parameters, "limit": limit}), limit, sorting)


def read_counted(
    selection: Selection,
    crs: OfferedCrs,
    attributes: tuple[str, ...],
    limit: int,
    *,
    sorting: Sorting | None = None,
    with_geometry: bool = True,
) -> tuple[Page, Matched]:
    """A page as :func:`read_page` reads it, and how many features the selection holds, as :func:`count` counts them.

    The first page of an area of the present comes with its count in one statement, which looks at every match once. Above
    the number to which is counted exactly, and for everything else, both are asked for one after the other.
    """
    if selection.area is not None and selection.after is None and sorting is None and selection.moment.known_at is None:
        together = _read_together(selection, crs, attributes, limit, with_geometry)
        if together is not None:
            return together
    page = read_page(selection, crs, attributes, limit, sorting=sorting, with_geometry=with_geometry)
    return page, count(selection)


def _read_together(
    selection: Selection, crs: OfferedCrs, attributes: tuple[str, ...], limit: int, with_geometry: bool
) -> tuple[Page, Matched] | None:
    """Page and count; None when more than is counted matches: what a limit leaves is no ordered page.

    Where too many match, rows still come, without features: no row at all means that nothing matches.
    """
    order, most = _order(selection, None), maps_settings().count_exactly_up_to
    picked, parameters = queries.rows(selection, _columns(selection, attributes, None, with_geometry))
    feature = _feature_sql(selection, crs, attributes, with_geometry=with_geometry)
    statement = (
        f"SELECT CASE WHEN matched <= %(most)s THEN {feature} END, {_cursor(selection, None)}, fid, matched "
        f"FROM (SELECT *, count(*) OVER () AS matched FROM ({picked} LIMIT %(most)s + 1) hit) page "
        f"ORDER BY {order} LIMIT %(limit)s + 1"
    )
    found = fetch(selection.granted, statement, {**parameters, "limit": limit, "most": most})
    matched = found[0][3] if found else 0
    return (_page(found, limit, None), Matched(matched, is_exact=True)) if matched <= most else None


def _columns(
    selection: Selection, attributes: tuple[str, ...], sorting: Sorting | None, with_geometry: bool
) -> list[str]:
    codes = dict.fromkeys((*attributes, selection.layer.key, *(sorting.codes if sorting else ())))
    columns = ["fid", "valid", *(["geom"] if _is_drawn(selection, with_geometry) else [])]
    return columns + [queries.attribute(selection, code) for code in codes]


def _order(selection: Selection, sorting: Sorting | None) -> str:
    return sorting.order_sql() if sorting else queries.page_order(selection, queries.quoted(selection.layer.key))


def _cursor(selection: Selection, sorting: Sorting | None) -> str:
    return sorting.cursor_sql() if sorting else f"{queries.quoted(selection.layer.key)}::text"


def _page(found: list[tuple[Any, ...]], limit: int, sorting: Sorting | None) -> Page:
    """Rows of feature, place in the order and ``fid``; one more than ``limit`` says that another page follows."""
    shown = found[:limit]
    return Page(
        pieces=tuple(map(itemgetter(0), shown)),
        next_after=_next(sorting, shown[-1][1], shown[-1][2]) if len(found) > limit else None,
        last_fid=shown[-1][2] if shown else None,
    )


def _next(sorting: Sorting | None, cursor: str, fid: int) -> str:
    return sorting.token(cursor, fid) if sorting else After(cursor, fid).text


def read_feature(
    selection: Selection, crs: OfferedCrs, attributes: tuple[str, ...], *, with_geometry: bool = True
) -> tuple[str, int]:
    """The GeoJSON object of ``selection.feature`` and its row; the oldest row where several share the key.

    Raises
    ------
    NoSuchFeature
        Not there, or not at that time.
    """
    page = read_page(selection, crs, attributes, 1, with_geometry=with_geometry)
    if not page.pieces or page.last_fid is None:
        name, days = selection.feature, selection.moment.days.text
        raise NoSuchFeature(
            f"{selection.layer.collection} 在 {days} 没有要素 {name}；请核对标识码，或换一个日期。",
            f"{selection.layer.collection} has no feature {name} on {days}; check the identifier or the date.",
            feature=name,
        )
    return page.pieces[0].decode(), page.last_fid


def count(selection: Selection) -> Matched:
    """Count what a selection matches, exactly up to a threshold, by the planner's estimate beyond it.

    A whole collection as it stands today is what its versions said when they were published.
    """
    if selection.is_whole and (published := current_records(selection.layer, selection.granted, selection.moment)):
        return Matched(published, is_exact=True)
    whole = replace(selection, after=None)
    inner, parameters = queries.rows(whole, ["1"])
    most = maps_settings().count_exactly_up_to
    bounded = f"SELECT count(*) FROM (SELECT 1 FROM ({inner}) q LIMIT %(most)s + 1) n"
    exact = fetch(selection.granted, bounded, {**parameters, "most": most})[0][0]
    if exact <= most:
        return Matched(exact, is_exact=True)
    estimated, parameters = queries.unfiltered_in_time(whole)
    plan = fetch(whole.granted, f"EXPLAIN (FORMAT JSON) {estimated}", parameters, prepare=False)[0][0]
    return Matched(max(int(plan[0]["Plan"]["Plan Rows"]), most + 1), is_exact=False)
