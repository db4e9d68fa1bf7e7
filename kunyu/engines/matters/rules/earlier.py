"""Valid approvals and running cases that touch the plot or bear the project code. 在先审批与在办件.

Cases are found in one statement over ``matters_case``; approvals without a case here are licences of the same project in
the register of licences, whose plots are not known. A licence that is revoked, replaced or past its last day is no valid
approval.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import shapely
from django.db import connection, transaction

from kunyu.engines.documents.models import Licence
from kunyu.engines.matters.rules.looking import square_metres
from kunyu.kernel.geodesy import area_of_lonlat

APPROVAL, RUNNING = "approval", "running"
MOST = 500
GRID_DEGREES = 1e-12
"""Grid of the overlay, as analyses use it: a tenth of a micrometre."""
_CASES = """
SELECT c.id, c.number, m.code, c.state, c.project_code, c.plot_area_m2, c.decided_at::date, c.licence_number,
  a.form ->> 'use_code', ST_AsBinary(c.plot), c.application_id = %(application)s
FROM matters_case c JOIN matters_matter m ON m.id = c.matter_id JOIN matters_application a ON a.id = c.application_id
LEFT JOIN matters_decision d ON d.case_id = c.id
WHERE c.id IN (
  SELECT id FROM matters_case WHERE %(plot)s::geometry IS NOT NULL AND plot && %(plot)s::geometry
    AND ST_Intersects(plot, %(plot)s::geometry)
  UNION SELECT id FROM matters_case WHERE project_code = %(project)s AND project_code <> ''
)
AND (c.application_id <> %(application)s OR (c.id <> %(case)s AND c.state IN ('granted', 'decided')))
AND (c.state IN ('granted', 'submitted', 'correcting', 'in_review', 'paused') OR (c.state = 'decided' AND d.outcome = 'grant'))
ORDER BY c.number LIMIT %(most)s
"""


@dataclass(frozen=True)
class Sought:
    """Whose earlier approvals are looked for: not those of its own application, but for its own granted siblings."""

    application: int
    case: int
    project_code: str
    plot: shapely.Geometry | None
    area_m2: Decimal | None
    day: date


class TooMany(Exception):
    """More approvals and cases touch the plot than a rule should weigh."""


def find(sought: Sought) -> tuple[dict[str, Any], ...]:
    """Approvals and running cases as ``Ask.earlier`` describes them, sorted by kind and number.

    Raises
    ------
    TooMany
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _CASES,
            {
                "plot": _wkb(sought.plot), "project": sought.project_code, "application": sought.application,
                "case": sought.case, "most": MOST + 1,
            },
        )  # fmt: skip
        rows = cursor.fetchall()
        if len(rows) > MOST:
            raise TooMany
        cases = _in_force([_case(row) for row in rows], sought.day)
        licences = _licences_of(sought, {one["number"] for one in cases})
    return tuple(sorted((*_measured(cases, sought), *licences), key=lambda one: (one["kind"], one["number"])))


def _wkb(geometry: shapely.Geometry | None) -> str | None:
    return None if geometry is None else shapely.to_wkb(shapely.set_srid(geometry, 4490), hex=True, include_srid=True)


def _case(row: Sequence[Any]) -> dict[str, Any]:
    _, number, matter, state, project, area, decided, licence, use, plot, is_together = row
    is_approval = state in ("granted", "decided")
    return {
        "number": licence or number, "case": number, "kind": APPROVAL if is_approval else RUNNING, "matter": matter,
        "state": state, "project_code": project, "area_m2": None if area is None else square_metres(area),
        "shared_m2": None, "outside_m2": None, "use_code": use or "",
        "decided_on": decided.isoformat() if decided and is_approval else "",
        "plot": shapely.from_wkb(bytes(plot)) if plot else None, "is_together": bool(is_together),
    }  # fmt: skip


def _in_force(cases: list[dict[str, Any]], day: date) -> list[dict[str, Any]]:
    """Cases without those whose licence no longer holds; a licence still being made counts."""
    numbers = [one["number"] for one in cases if one["kind"] == APPROVAL]
    newest = {one.number: one for one in Licence.objects.filter(number__in=numbers).order_by("version")}
    return [one for one in cases if one["number"] not in newest or _holds(newest[one["number"]], day)]


def _holds(licence: Licence, day: date) -> bool:
    states = (Licence.State.ISSUING, Licence.State.VALID, Licence.State.SUSPENDED)
    return licence.state in states and (licence.valid_to is None or licence.valid_to >= day)


def _licences_of(sought: Sought, known: set[str]) -> list[dict[str, Any]]:
    if not sought.project_code:
        return []
    found = Licence.objects.filter(project_code=sought.project_code).exclude(number__in=known).order_by("version")
    newest = {one.number: one for one in found}
    return [_licence(one) for one in newest.values() if _holds(one, sought.day)]


def _licence(one: Licence) -> dict[str, Any]:
    return {
        "number": one.number, "case": "", "kind": APPROVAL, "matter": str(one.facts.get("matter", "")),
        "state": "granted", "project_code": one.project_code, "area_m2": None, "shared_m2": None, "outside_m2": None,
        "use_code": str(one.facts.get("use_code", "")), "decided_on": one.issued_on.isoformat(), "plot": None,
        "is_together": False,
    }  # fmt: skip


def _measured(cases: Iterable[dict[str, Any]], sought: Sought) -> list[dict[str, Any]]:
    """What each shares with the plot asked about, and what of that plot lies outside it; m² on the ellipsoid."""
    listed = list(cases)
    with_plot = [one for one in listed if one["plot"] is not None]
    if sought.plot is None or sought.area_m2 is None or not with_plot:
        return listed
    plots = np.array([one["plot"] for one in with_plot], dtype=object)
    shared = area_of_lonlat(shapely.intersection(plots, sought.plot, grid_size=GRID_DEGREES))
    for one, area in zip(with_plot, shared, strict=True):
        one["shared_m2"] = square_metres(float(area))
        one["outside_m2"] = max(Decimal("0.00"), sought.area_m2 - one["shared_m2"])
    return listed
