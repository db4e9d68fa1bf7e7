"""What lies nearest to a place, in true metres. 最近要素.

PostGIS finds what lies in a box that grows until enough was found; distances are then measured in the local plane to the
nearest points of both, and those are the ends of a geodesic whose length is the answer. Degrees never order anything: at
34° N a degree of longitude is 0.83 of one of latitude.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import psycopg
import shapely

from kunyu.engines.analysis import planes, reasons
from kunyu.engines.analysis.documents import LENGTH_DECIMALS, digest_of, head, rounded
from kunyu.engines.analysis.overlap import Opened, facts, open_for
from kunyu.engines.analysis.plots import Plot
from kunyu.engines.analysis.questions import Question
from kunyu.engines.analysis.reasons import Reason
from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.errors import NoServingDatabase, TooSlow
from kunyu.engines.catalogue.served.layers import record_read, visible_layers
from kunyu.engines.catalogue.served.queries import Selection, quoted
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import canonical_json

FIRST_M, GROWTH, MOST_CANDIDATES = 50.0, 4.0, 5_000
SLACK = 1.01


@dataclass(frozen=True)
class Near:
    """One record: metres from the plot, and the two points between which they are measured (lon, lat)."""

    id: str
    county: str
    distance_m: float
    here: tuple[float, float]
    there: tuple[float, float]


def nearest(principal: Principal, question: Question) -> dict[str, Any]:
    """The ``limit`` nearest records of each layer within ``within_m``, nearest first."""
    if question.layers is not None:
        names = list(question.layers)
    else:
        names = [one.collection for one in visible_layers(principal, scope.QUERY) if one.is_spatial]
    layers = [_layer(principal, name, question) for name in names]
    values = sorted(
        (
            {"collection": one["collection"], "state": one["state"], "reason": one["reason"],
             "records": [[item["id"], rounded(item["distance_m"], LENGTH_DECIMALS)] for item in one["records"]]}
            for one in layers
        ),
        key=canonical_json,
    )  # fmt: skip
    return {"digest": digest_of(question, values), **head(question), "layers": layers, "job": None}


def _layer(principal: Principal, name: str, question: Question) -> dict[str, Any]:
    found: list[Near] = []
    opened: Opened | None = None
    reason: Reason | None = None
    try:
        opened = open_for(principal, name, question)
        if not opened.layer.is_spatial:
            reason = reasons.no_area(name)
        elif not opened.counties:
            reason = reasons.nothing_published(question)
        else:
            record_read(principal, opened.layer, question.plot.bounds, question.kind)
            found = near(opened, question)
    except (SignInNeeded, NotVisible):
        reason = reasons.missing(name)
    except NotAllowed:
        reason = reasons.not_permitted(name)
    except TooSlow as error:
        reason = reasons.too_slow(error)
    except (NoServingDatabase, psycopg.Error) as error:
        reason = reasons.failed(error)
    counties = {one.county for one in found}
    return {
        "collection": name,
        "name_zh": opened.layer.name_zh if opened else "",
        "name_en": opened.layer.name_en if opened else "",
        "state": "not_checked" if reason else "found" if found else "nothing_within",
        "reason": reason.code if reason else None,
        "reason_zh": reason.zh if reason else None,
        "reason_en": reason.en if reason else None,
        "versions": [facts(one) for one in (opened.counties if opened else ()) if one.county in counties],
        "within_m": question.options["within_m"],
        "records": [
            {
                "id": one.id, "county": one.county, "distance_m": one.distance_m,
                "line": {"type": "LineString", "coordinates": [list(one.here), list(one.there)]},
            }
            for one in found
        ],
    }  # fmt: skip


def near(opened: Opened, question: Question) -> list[Near]:
    """The nearest records of one layer, equal distances by id."""
    limit, farthest = int(question.options["limit"]), float(question.options["within_m"])
    reach = min(FIRST_M, farthest)
    while True:
        found = [one for one in _within(opened, question.plot, reach) if one.distance_m <= reach]
        if len(found) >= limit or reach >= farthest:
            return found[:limit]
        reach = min(reach * GROWTH, farthest)


def _within(opened: Opened, plot: Plot, reach_m: float) -> list[Near]:
    west, south, east, north = plot.bounds
    tall = reach_m / 110_574.0 * SLACK
    wide = reach_m / (111_320.0 * math.cos(math.radians(max(abs(south), abs(north)) + tall))) * SLACK
    box = shapely.box(west - wide, south - tall, east + wide, north + tall)
    selection = Selection(opened.layer, opened.granted, opened.asof.moment, box)
    key = opened.layer.key
    # the nearest by PostGIS's own measure first: a dense place never brings more than is measured here
    order = "ORDER BY geom <-> %(plot)s::geometry LIMIT %(most)s::bigint"
    inner, parameters = queries.rows(
        selection, ["fid", "county", "geom", queries.attribute(selection, key)], each=order
    )
    statement = f"SELECT coalesce({quoted(key)}::text, '~' || fid), county, ST_AsBinary(geom) FROM ({inner}) q"
    got = fetch(opened.granted, statement, {**parameters, "plot": plot.wkb, "most": MOST_CANDIDATES})
    return _measured(got, plot)


def _measured(got: list[tuple[Any, ...]], plot: Plot) -> list[Near]:
    if not got:
        return []
    plane = planes.plane_at(plot.geometry)
    there = planes.into(plane, list(shapely.from_wkb([row[2] for row in got])))
    lines = shapely.shortest_line(planes.into(plane, plot.geometry)[0], there)
    ends = shapely.get_coordinates([planes.out_of(plane, line) for line in lines]).reshape(-1, 2, 2)
    metres = planes.GEOD.inv(ends[:, 0, 0], ends[:, 0, 1], ends[:, 1, 0], ends[:, 1, 1])[2]
    touching = shapely.distance(planes.into(plane, plot.geometry)[0], there) == 0
    found = [
        Near(
            str(row[0]),
            str(row[1]),
            0.0 if touches else float(distance),
            tuple(pair[0].tolist()),
            tuple(pair[1].tolist()),
        )
        for row, distance, touches, pair in zip(got, metres, touching, ends, strict=True)
    ]
    return sorted(found, key=lambda one: (one.distance_m, one.id))
