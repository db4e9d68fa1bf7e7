"""One thing a rule found, in the form contract.md publishes. 检查发现.

A finding carries its own geometry (the overlap, the gap, the vertex) twice: as delivered, which names it to the
millimetre, and in longitude, latitude (CGCS2000), which shows it on a map.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from kunyu.kernel.digests import canonical_json, sm3_hex

Severity = Literal["S", "Z", "Q", "W"]
SEVERITIES: tuple[Severity, ...] = ("S", "Z", "Q", "W")

LONLAT_DECIMALS = 9
"""Decimals of a published longitude or latitude: a tenth of a millimetre."""


@dataclass(frozen=True)
class Finding:
    """A finding.

    ``ids`` are the layer's keys (BSM), or ``#n`` for the n-th row of a layer where the key is blank. ``measured`` and
    ``limit`` are in ``unit``; text where the rule compares texts. ``geometry`` is in longitude, latitude (EPSG:4490);
    ``fingerprint`` = SM3 of rule, ids and the delivered geometry rounded to 1 mm, and is what an exception names.
    ``place`` is the geometry in the delivered plane, for drawing; it is not published.
    """

    rule: str
    clause: str
    severity: Severity
    layer: str
    ids: tuple[str, ...]
    geometry: BaseGeometry | None
    measured: float | int | str | None
    limit: float | int | str | None
    unit: str
    message_zh: str
    message_en: str
    remedy_zh: str
    fingerprint: str = field(default="")
    place: BaseGeometry | None = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as contract.md writes it, JSON-ready."""
        return {
            "rule": self.rule, "clause": self.clause, "severity": self.severity, "layer": self.layer,
            "ids": list(self.ids), "geometry": geojson(self.geometry), "measured": self.measured, "limit": self.limit,
            "unit": self.unit, "message_zh": self.message_zh, "message_en": self.message_en,
            "remedy_zh": self.remedy_zh, "fingerprint": self.fingerprint,
        }  # fmt: skip

    def at_layer(self, layer: str) -> Finding:
        """Return the same finding about another layer: one that is not of the standard."""
        return replace(self, layer=layer)

    @property
    def sort_key(self) -> tuple[str, str, tuple[str, ...], str, str]:
        """Order of findings in a report: rule, layer, ids, fingerprint, message."""
        return self.rule, self.layer, self.ids, self.fingerprint, self.message_zh


def geojson(geometry: BaseGeometry | None) -> dict[str, Any] | None:
    """Return a GeoJSON geometry, rounded to ``LONLAT_DECIMALS``; None for nothing to show.

    Rings begin and run the same way whatever format or order they were delivered in; outer rings run anticlockwise
    (RFC 7946, 3.1.6).
    """
    if geometry is None or shapely.is_empty(geometry):
        return None
    rounded = shapely.transform(shapely.force_2d(geometry), lambda xy: np.round(xy, LONLAT_DECIMALS) + 0.0)
    written: dict[str, Any] = json.loads(shapely.to_geojson(shapely.orient_polygons(shapely.normalize(rounded))))
    return written


def fingerprint(rule: str, ids: tuple[str, ...], geometry: BaseGeometry | None, decimals: int = 3) -> str:
    """Return the SM3 that names a finding.

    Parameters
    ----------
    rule : str
    ids : tuple of str
    geometry : geometry or None
        In the delivered plane.
    decimals : int
        3 for metres; 8 for degrees, which is a millimetre too.
    """
    place = None
    if geometry is not None and not shapely.is_empty(geometry):
        rounded = shapely.transform(shapely.force_2d(geometry), lambda xy: _round_half_up(xy, decimals))
        place = sm3_hex(shapely.to_wkb(shapely.normalize(rounded), byte_order=1))
    return sm3_hex(canonical_json([rule, list(ids), place]))


def _round_half_up(xy: NDArray[np.float64], decimals: int) -> NDArray[np.float64]:
    """Round so that formats agree.

    Surveys deliver four decimals, so every tenth coordinate ends on the half of a millimetre, and a File Geodatabase
    gives it back a hair below: what is within a hundredth of a unit of the half goes up.
    """
    scale = 10.0**decimals
    return np.floor(np.round(xy * scale, 2) + 0.5) / scale + 0.0
