"""Pages of features as GeoJSON, written in SQL. 要素.

Each feature becomes text in the database and pages arrive as a few long strings: no Python loop per feature. The rows
are complete before the connection goes back to the pool, so a slow reader holds memory, not a connection. Validity
stands in the member ``time`` of OGC JSON-FG, because the properties are the standard's attributes and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.layers import current_records
from kunyu.engines.catalogue.served.queries import After, Selection
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.maps.crs import OfferedCrs
from kunyu.engines.maps.errors import NoSuchFeature
from kunyu.engines.maps.settings import maps_settings

PIECE_FEATURES = 500


@dataclass(frozen=True)
class Page:
    """Features as comma-separated GeoJSON ``pieces``; ``next_after`` begins the next page, None on the last."""

    pieces: tuple[str, ...]
    returned: int
    next_after: After | None

    def text(self) -> Iterator[str]:
        """The members of the ``features`` array."""
        for number, piece in enumerate(self.pieces):
            yield f",{piece}" if number else piece


@dataclass(frozen=True)
class Matched:
    """How many features a selection holds; ``is_exact`` is False for the planner's estimate."""

    number: int
    is_exact: bool


def _feature_sql(selection: Selection, crs: OfferedCrs, attributes: tuple[str, ...]) -> str:
    """SQL text expression of one GeoJSON feature over columns of a layer table."""
    listed = ", ".join(queries.quoted(code) for code in attributes)
    # to_json of a row writes every control character, quote and NaN as JSON wants it; joining text would not
    properties = f"(SELECT to_json(p)::text FROM (SELECT {listed}) p)" if attributes else "'{}'"
    oriented = "ST_ForcePolygonCCW(geom)" if selection.layer.geometry == "Polygon" else "geom"
    geometry = f"coalesce({crs.geojson_sql(oriented)}, 'null')" if selection.layer.is_spatial else "'null'"
    interval = (
        '\'"time":{"interval":["\' || coalesce(lower(valid)::text, \'..\') || \'","\' || '
        "coalesce((upper(valid) - 1)::text, '..') || '\"]}'"
    )
    return (
        f'\'{{"type":"Feature","id":\' || {queries.feature_id_sql(selection.layer)} || \',"geometry":\' || {geometry} '
        f"|| ',\"properties\":' || {properties} || ',' || {interval} || '}}'"
    )


def read_page(selection: Selection, crs: OfferedCrs, attributes: tuple[str, ...], limit: int) -> Page:
    """Read at most ``limit`` features after ``selection.after``, in the order of the key."""
    layer, key = selection.layer, queries.quoted(selection.layer.key)
    codes = dict.fromkeys((*attributes, layer.key))
    columns = ["fid", "valid", *(["geom"] if layer.is_spatial else [])]
    columns += [queries.attribute(selection, code) for code in codes]
    order = queries.page_order(selection, key)
    picked, parameters = queries.rows(selection, columns, each=f"ORDER BY {order} LIMIT %(limit)s + 1")
    statement = (
        f"WITH page AS MATERIALIZED (SELECT * FROM ({picked}) q ORDER BY {order} LIMIT %(limit)s + 1), "
        f"numbered AS (SELECT *, row_number() OVER (ORDER BY {order}) - 1 AS place FROM page) "
        f"SELECT string_agg({_feature_sql(selection, crs, attributes)}, ',' ORDER BY place), count(*), "
        f"(array_agg({key}::text ORDER BY place DESC))[1], (array_agg(fid ORDER BY place DESC))[1], "
        f"(SELECT count(*) FROM page) FROM numbered WHERE place < %(limit)s "
        f"GROUP BY place / {PIECE_FEATURES} ORDER BY place / {PIECE_FEATURES}"
    )
    found = fetch(selection.granted, statement, {**parameters, "limit": limit})
    has_more = bool(found) and found[0][4] > limit
    return Page(
        pieces=tuple(row[0] for row in found),
        returned=sum(row[1] for row in found),
        next_after=After(found[-1][2], found[-1][3]) if has_more else None,
    )


def read_feature(selection: Selection, crs: OfferedCrs, attributes: tuple[str, ...]) -> str:
    """The GeoJSON object of ``selection.feature``; the oldest row where several share the key.

    Raises
    ------
    NoSuchFeature
        Not there, or not at that time.
    """
    page = read_page(selection, crs, attributes, 1)
    if not page.pieces:
        name, days = selection.feature, selection.moment.days.text
        raise NoSuchFeature(
            f"{selection.layer.collection} 在 {days} 没有要素 {name}；请核对标识码，或换一个日期。",
            f"{selection.layer.collection} has no feature {name} on {days}; check the identifier or the date.",
            feature=name,
        )
    return page.pieces[0]


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
