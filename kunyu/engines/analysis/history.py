"""What a place was, over valid and over known time: which states, what changed when, from which delivery. 地块历史.

A *state* is one record that shares area with the plot (or meets it, for a point or line), with the days it is true and
the instants it was believed. A *change* compares the classes before and after each version that brought or ended a
record here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import psycopg
import shapely

from kunyu.engines.analysis import reasons
from kunyu.engines.analysis.documents import digest_of, head, rounded
from kunyu.engines.analysis.overlap import PARCELS, Opened, class_names, open_for
from kunyu.engines.analysis.pieces import GRID_DEGREES, is_sliver
from kunyu.engines.analysis.questions import Question
from kunyu.engines.analysis.reasons import Reason
from kunyu.engines.analysis.settings import analysis_settings
from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.catalogue.served import queries
from kunyu.engines.catalogue.served.errors import NoServingDatabase, TooSlow
from kunyu.engines.catalogue.served.layers import record_read
from kunyu.engines.catalogue.served.moments import ValidDays, instant_text
from kunyu.engines.catalogue.served.queries import Selection, quoted
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.scope import Principal
from kunyu.kernel.geodesy import area_of_lonlat


@dataclass(frozen=True)
class State:
    """One record at the place: true in [valid_from, valid_to), believed in [known_from, known_to); None is open."""

    id: str
    county: str
    version: int
    code: str
    area_m2: float
    valid_from: date | None
    valid_to: date | None
    known_from: datetime | None
    known_to: datetime | None

    def holds(self, day: date, known: datetime) -> bool:
        """Whether it was believed at ``known`` to be true on ``day``."""
        return (
            (self.valid_from is None or self.valid_from <= day)
            and (self.valid_to is None or day < self.valid_to)
            and (self.known_from is None or self.known_from <= known)
            and (self.known_to is None or known < self.known_to)
        )


def history(principal: Principal, question: Question) -> dict[str, Any]:
    """States and changes of each layer asked; the land parcels when none is named."""
    names = list(question.layers) if question.layers is not None else [PARCELS]
    layers = [_layer(principal, name, question) for name in names]
    values = sorted(
        (
            {"collection": one["collection"], "state": one["state"], "reason": one["reason"],
             "states": [[s["id"], s["code"], rounded(s["area_m2"]), s["valid"], s["known"]] for s in one["states"]]}
            for one in layers
        ),
        key=lambda one: str(one["collection"]),
    )  # fmt: skip
    return {"digest": digest_of(question, values), **head(question), "layers": layers, "job": None}


def _layer(principal: Principal, name: str, question: Question) -> dict[str, Any]:
    opened: Opened | None = None
    found: list[State] = []
    truncated = False
    reason: Reason | None = None
    try:
        opened = open_for(principal, name, question)
        if not opened.layer.is_spatial:
            reason = reasons.no_area(name)
        else:
            record_read(principal, opened.layer, question.plot.bounds, question.kind)
            found, truncated = read_states(opened, question)
    except (SignInNeeded, NotVisible):
        reason = reasons.missing(name)
    except NotAllowed:
        reason = reasons.not_permitted(name)
    except TooSlow as error:
        reason = reasons.too_slow(error)
    except (NoServingDatabase, psycopg.Error) as error:
        reason = reasons.failed(error)
    names = class_names(opened.layer) if opened else {}
    versions = _versions(opened, question) if opened else []
    return {
        "collection": name,
        "name_zh": opened.layer.name_zh if opened else "",
        "name_en": opened.layer.name_en if opened else "",
        "state": "not_checked" if reason else "found" if found else "nothing_found",
        "reason": reason.code if reason else None,
        "reason_zh": reason.zh if reason else None,
        "reason_en": reason.en if reason else None,
        "truncated": truncated,
        "states": [_state_document(one, names) for one in found],
        "changes": [_change(one, found, names) for one in versions] if not reason else [],
    }


def read_states(opened: Opened, question: Question) -> tuple[list[State], bool]:
    """Every record ever believed at the place, oldest belief first; and whether there are more than one answer takes."""
    plot, layer = question.plot, opened.layer
    known = question.known_at or question.asked_at
    moment = replace(opened.asof.moment, days=ValidDays(None, None), known_at=known, every_belief=True)
    selection = Selection(layer, opened.granted, moment, plot.geometry)
    codes = dict.fromkeys([layer.key, *([layer.class_field.code] if layer.class_field else [])])
    columns = [
        "fid",
        "county",
        "version_id",
        "valid",
        "known",
        "geom",
        *(queries.attribute(selection, c) for c in codes),
    ]
    most = analysis_settings().interactive_hits_max
    inner, parameters = queries.rows(selection, columns, each="LIMIT %(most)s::bigint + 1")
    area = "%(area)s::geometry"
    code = f"{quoted(layer.class_field.code)}::text" if layer.class_field else "NULL::text"
    cut = plot.is_area and layer.geometry == "Polygon"
    shape = f"ST_AsBinary(ST_Intersection(geom, {area}, {GRID_DEGREES!r}::float8))" if cut else "NULL::bytea"
    statement = (
        f"SELECT coalesce({quoted(layer.key)}::text, '~' || fid), county, version_id, {code}, lower(valid), upper(valid), "
        f"lower(known), upper(known), {shape} FROM ({inner}) q"
    )
    rows = fetch(opened.granted, statement, {**parameters, "most": most})
    areas = _areas([row[8] for row in rows]) if cut else [0.0] * len(rows)
    found = [
        State(
            str(row[0]), str(row[1]), int(row[2]), str(row[3] or ""), area_m2, row[4], row[5], row[6],
            # what ended after the instant asked was still believed then
            row[7] if row[7] is not None and row[7] <= (moment.known_in(str(row[1])) or known) else None,
        )
        for row, area_m2 in zip(rows, areas, strict=True)
        if area_m2 > 0 or not cut
    ]  # fmt: skip
    found.sort(key=lambda one: (one.known_from or datetime.min, one.valid_from or date.min, one.id, one.version))
    return found[:most], len(rows) > most


def _areas(cut: list[Any]) -> list[float]:
    """Ellipsoidal area of each cut piece without its slivers."""
    sums = [0.0] * len(cut)
    if not cut:
        return sums
    parts, owner = shapely.get_parts(shapely.from_wkb(cut), return_index=True)
    while (shapely.get_type_id(parts) > shapely.GeometryType.POLYGON).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner = owner[inner]
    is_area = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    parts, owner = parts[is_area], owner[is_area]
    areas = area_of_lonlat(parts)
    for row, area, sliver in zip(owner.tolist(), areas.tolist(), is_sliver(parts, areas).tolist(), strict=True):
        sums[row] += 0.0 if sliver else area
    return sums


def _versions(opened: Opened, question: Question) -> list[DatasetVersion]:
    """Published versions the asker's divisions reach, in the order they became known."""
    found = DatasetVersion.objects.filter(
        layer_id=opened.layer.id, status=DatasetVersion.Status.PUBLISHED,
        known_from__lte=question.known_at or question.asked_at,
    ).order_by("known_from", "id")  # fmt: skip
    return [one for one in found if opened.granted.allows_division(one.county)]


def _change(version: DatasetVersion, states: list[State], names: dict[str, str]) -> dict[str, Any]:
    """What a version changed here on its first day: areas by class before it was known and after."""
    known = version.rows_known_from or version.known_from
    assert known is not None and version.known_from is not None
    own = [one for one in states if one.county == version.county]
    after = _by_class(one for one in own if one.holds(version.valid_from, known))
    before_state = [one for one in own if one.known_from is not None and one.known_from < known]
    before = _by_class(
        one
        for one in before_state
        if (one.valid_from is None or one.valid_from <= version.valid_from)
        and (one.valid_to is None or version.valid_from < one.valid_to)
        and (one.known_to is None or known <= one.known_to)
    )
    return {
        "county": version.county, "number": version.number, "version": version.pk, "delivery": version.delivery_id,
        "valid_from": version.valid_from.isoformat(), "known_from": instant_text(version.known_from),
        "changed": {code: rounded(area) for code, area in before.items()}
        != {code: rounded(area) for code, area in after.items()},
        "before": _classes(before, names), "after": _classes(after, names),
    }  # fmt: skip


def _by_class(states: Iterable[State]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for one in states:
        found.setdefault(one.code, []).append(one.area_m2)
    return {code: math.fsum(found[code]) for code in sorted(found)}


def _classes(areas: dict[str, float], names: dict[str, str]) -> list[dict[str, Any]]:
    return [{"code": code, "name_zh": names.get(code, ""), "area_m2": area} for code, area in areas.items()]


def _state_document(one: State, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": one.id, "county": one.county, "version": one.version, "code": one.code,
        "name_zh": names.get(one.code, ""), "area_m2": one.area_m2,
        "valid": [one.valid_from and one.valid_from.isoformat(), one.valid_to and one.valid_to.isoformat()],
        "known": [one.known_from and instant_text(one.known_from), one.known_to and instant_text(one.known_to)],
    }  # fmt: skip
