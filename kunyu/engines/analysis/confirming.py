"""Whether the database showed the layer at all: asked after reading, because a look through closed eyes is no look. 读后核实.

The gateway decides from rights and labels as they were read some moments ago; row security decides from those of the
moment of reading, and hides rows without a word. A right that expired in between, an account switched off, a stricter
label, a zone the database was not told, a principal that row security does not know: each reads as an empty layer. So
after reading, two questions are asked of the same connection, as the same principal:

* Does row security reach every label in every county that the gateway let through?
* Is there any record of the day and belief asked about, where the version of the county says that there are some? Else
  either all of them have ended since, and the layer was looked at; or a partition is gone, or a copy of the database
  lags behind. The rows that the version itself brought tell which: they stay in the table when they end.

And one of the catalogue: was a version published while the layer was being read? Then it is read again as it was known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from kunyu.engines.analysis.coverage import County, Ground
from kunyu.engines.analysis.pieces import Pieces
from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.layers import ServedLayer, find_layer
from kunyu.engines.catalogue.served.moments import ValidDays
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.security.scope import Scope

READINGS = 3
"""A layer that is published anew while it is read is read again, so often in all."""


def has_moved(layer: ServedLayer) -> bool:
    """Whether what is published of a layer is no longer what it was when the layer was opened."""
    now = find_layer(layer.collection)
    return now is None or now.state != layer.state


def concerned(ground: Ground, pieces: Pieces) -> set[str]:
    """Counties an answer speaks of: those the plot lies in, and those whose records were found."""
    return {*ground.counties, *map(str, pieces.county.tolist())}


def unseen(selection: Selection, counties: Collection[County], ground: Ground, pieces: Pieces) -> tuple[str, ...]:
    """Counties the plot lies in whose records the reader was not shown, or not all of them, sorted.

    A county whose records have all ended by the day asked about was shown: nothing is true there, and that is an answer.

    Raises
    ------
    TooSlow, NoServingDatabase, psycopg.Error
        As ``serving.fetch``.
    """
    wanted = concerned(ground, pieces)
    found = set(map(str, pieces.county.tolist()))
    filled = [one for one in counties if one.county in wanted - found and one.records != 0]
    statement, parameters = _statement(selection, filled)
    everywhere, by_county, empty = fetch(selection.granted, statement, parameters)[0]
    hidden = _hidden(selection.granted, wanted, int(everywhere or 0), by_county or {})
    return tuple(sorted({*hidden, *empty}))


def _statement(selection: Selection, counties: Collection[County]) -> tuple[str, dict[str, object]]:
    """What row security shows of the layer, and which of ``counties`` are empty to the reader.

    Empty is a county without a record at the moment asked about and without any row, of whatever day or belief, that its
    version brought (any row at all where the version only ended some). The sub-selects have a LIMIT: as NOT EXISTS the
    planner might join, and read a whole county to find one record.
    """
    anywhere = replace(selection, area=None)
    inner, parameters = queries.rows(anywhere, ["1"], ("county = wanted.code", {}))
    ever = replace(anywhere, moment=replace(selection.moment, days=ValidDays(None, None), every_belief=True))
    brought, more = queries.rows(ever, ["1"], ("county = wanted.code AND wanted.version IN (0, version_id)", {}))
    return (
        "SELECT public.security_reach_everywhere(%(collection)s::text), "
        "public.security_reach(%(collection)s::text, %(layer_table)s::text::regclass), "
        "ARRAY(SELECT wanted.code FROM unnest(%(counties)s::text[], %(versions)s::bigint[]) AS wanted(code, version) "
        f"WHERE (SELECT 1 FROM ({inner}) AS shown LIMIT 1) IS NULL "
        f"AND (SELECT 1 FROM ({brought}) AS brought LIMIT 1) IS NULL)",
        {**parameters, **more, "collection": selection.layer.collection, "layer_table": selection.layer.table,
         "counties": [one.county for one in counties],
         "versions": [0 if one.inserted == 0 else one.id for one in counties]},
    )  # fmt: skip


def _hidden(granted: Scope, counties: Collection[str], everywhere: int, by_county: Mapping[str, int]) -> set[str]:
    """Counties in which row security hides labels that the gateway let through."""
    return {
        county for county in counties if allowed_in(granted, county) & ~(everywhere | int(by_county.get(county, 0)))
    }


def allowed_in(granted: Scope, county: str) -> int:
    """The set of row labels that the gateway lets through in a county, as a mask."""
    allowed = 0
    for clause in granted.clauses:
        if county.startswith(clause.prefix):
            allowed |= clause.row_labels
    return allowed
