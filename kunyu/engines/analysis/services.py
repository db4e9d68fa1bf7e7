"""Ask, keep, ask again: what other engines, packs and every interface call. 空间分析服务."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import shapely

from kunyu.engines.analysis import buffering, documents, history, jobs, keeping, nearest
from kunyu.engines.analysis import overlap as overlapping
from kunyu.engines.analysis.plots import judge
from kunyu.engines.analysis.questions import BUFFER, HISTORY, LAND_CLASSES, NEAREST, OVERLAP, Question, question
from kunyu.engines.analysis.tiling import read_in_tiles
from kunyu.engines.security.scope import Principal


def overlap(
    principal: Principal,
    geometry: shapely.Geometry,
    layers: list[str] | None,
    valid_at: date | None = None,
    known_at: datetime | None = None,
    **options: Any,
) -> dict[str, Any]:
    """What ``geometry`` (EPSG:4490, longitude, latitude) overlaps in each layer: conflict, clear or not checked.

    Parameters
    ----------
    layers
        Collections; None for every area layer the principal may query that has data near the plot.
    valid_at, known_at
        Today and now when left out.
    **options
        ``max_age_days``: a layer older than this is stale; ``geometries``: answer with the pieces as GeoJSON.

    Returns
    -------
    dict
        As ``/api/analysis/overlap`` answers (docs/reference/analysis.md); areas in m² on the CGCS2000 ellipsoid.
        ``job`` is set, and ``layers`` empty, when more records lie near the plot than one answer may take.

    Raises
    ------
    BadPlot, PlotTooLarge, BadRequest
    """
    return answer(principal, question(OVERLAP, judge(geometry), layers, valid_at, known_at, **options))


def land_classes(
    principal: Principal,
    geometry: shapely.Geometry,
    layers: list[str] | None = None,
    valid_at: date | None = None,
    known_at: datetime | None = None,
) -> dict[str, Any]:
    """The land-class table of a plot: areas by class of the land parcels, or of other classed layers."""
    return answer(principal, question(LAND_CLASSES, judge(geometry), layers, valid_at, known_at))


def history_of(
    principal: Principal,
    geometry: shapely.Geometry,
    layers: list[str] | None = None,
    known_at: datetime | None = None,
) -> dict[str, Any]:
    """Every state a place was ever believed to be in, and what each version changed."""
    return answer(principal, question(HISTORY, judge(geometry), layers, None, known_at))


def nearest_to(
    principal: Principal,
    geometry: shapely.Geometry,
    layers: list[str] | None,
    valid_at: date | None = None,
    known_at: datetime | None = None,
    **options: Any,
) -> dict[str, Any]:
    """The nearest records of each layer with true metres; options ``limit``, ``within_m``."""
    return answer(principal, question(NEAREST, judge(geometry), layers, valid_at, known_at, **options))


def answer(principal: Principal, asked: Question, *, may_queue: bool = True) -> dict[str, Any]:
    """Answer a question now, or make it a job; the answer is kept for its owner, to be replayed.

    ``may_queue`` False computes a large question in pieces at once: for jobs and the command line.
    """
    if asked.kind in (OVERLAP, LAND_CLASSES):
        return _overlaid(principal, asked, may_queue=may_queue)
    found = {HISTORY: history.history, NEAREST: nearest.nearest}
    document = buffering.buffer(asked) if asked.kind == BUFFER else found[asked.kind](principal, asked)
    return _kept(principal, asked, document)


def _overlaid(principal: Principal, asked: Question, *, may_queue: bool) -> dict[str, Any]:
    layers = overlapping.prepared(principal, asked)
    read = None
    if overlapping.is_large(asked, layers):
        if may_queue:
            job = jobs.queue(principal, asked)
            return {"digest": None, **documents.head(asked), "layers": [], "job": job.pk, "result": None}
        read = read_in_tiles
    return _kept(principal, asked, documents.overlap_document(overlapping.answered(principal, asked, layers, read)))


def _kept(principal: Principal, asked: Question, document: dict[str, Any]) -> dict[str, Any]:
    stored = keeping.keep(principal, asked, document)
    return {**document, "result": stored.pk if stored else None}


def replay(principal: Principal, named: int | str, *, may_queue: bool = True) -> dict[str, Any]:
    """Run one's own stored result (number or digest) again at the instant it spoke of, and say whether it is equal.

    Raises
    ------
    NoSuchResult
    """
    stored = keeping.find(principal, named)
    asked = keeping.again(stored)
    if asked.kind in (OVERLAP, LAND_CLASSES):
        layers = overlapping.prepared(principal, asked)
        large = overlapping.is_large(asked, layers)
        if large and may_queue:
            return {"result": stored.pk, "digest": stored.digest, "job": jobs.queue(principal, asked, stored.pk).pk}
        read = read_in_tiles if large else None
        document = documents.overlap_document(overlapping.answered(principal, asked, layers, read))
    elif asked.kind == BUFFER:
        document = buffering.buffer(asked)
    else:
        document = (history.history if asked.kind == HISTORY else nearest.nearest)(principal, asked)
    return {"result": stored.pk, "kind": stored.kind, "job": None, **keeping.compare(stored, document["digest"])}
