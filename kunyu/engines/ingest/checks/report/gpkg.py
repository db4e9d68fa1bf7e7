"""The report as a GeoPackage that opens in QGIS: one layer per kind of geometry, one row per finding. 错误图层."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import shapely

from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.runner import CheckReport

_KINDS = {2: ("polygons", "MultiPolygon"), 1: ("lines", "MultiLineString"), 0: ("points", "MultiPoint")}
NO_GEOMETRY = "tables"


def write_gpkg(report: CheckReport, path: Path) -> None:
    """Write ``findings_polygons``, ``findings_lines``, ``findings_points`` (EPSG:4490) and ``findings_tables``.

    Layers without findings are left out, but a clean report still has the empty ``findings_tables``. Accepted exceptions
    stand in layers of their own, ``exceptions_polygons`` and so on.
    """
    path.unlink(missing_ok=True)
    _write_groups(report.findings, path, "findings", {NO_GEOMETRY: []})
    _write_groups(report.excepted, path, "exceptions", {})


def _write_groups(findings: Sequence[Finding], path: Path, prefix: str, groups: dict[str, list[Finding]]) -> None:
    for one in findings:
        groups.setdefault(_kind(one), []).append(one)
    for name, geometry_type in [*_KINDS.values(), (NO_GEOMETRY, None)]:
        if name in groups:
            _write(groups[name], path, f"{prefix}_{name}", geometry_type)


def _kind(finding: Finding) -> str:
    if finding.geometry is None or shapely.is_empty(finding.geometry):
        return NO_GEOMETRY
    return _KINDS[int(shapely.get_dimensions(finding.geometry))][0]


def _write(findings: list[Finding], path: Path, layer: str, geometry_type: str | None) -> None:
    texts = {
        "rule": [one.rule for one in findings], "clause": [one.clause for one in findings],
        "severity": [one.severity for one in findings], "layer": [one.layer for one in findings],
        "ids": [",".join(one.ids) for one in findings], "measured": [_text(one.measured) for one in findings],
        "limit": [_text(one.limit) for one in findings], "unit": [one.unit for one in findings],
        "message_zh": [one.message_zh for one in findings], "message_en": [one.message_en for one in findings],
        "remedy_zh": [one.remedy_zh for one in findings], "fingerprint": [one.fingerprint for one in findings],
    }  # fmt: skip
    columns: dict[str, pa.Array] = {name: pa.array(values, pa.string()) for name, values in texts.items()}
    if geometry_type is not None:
        places = np.array([*(one.geometry for one in findings), None], object)[:-1]
        columns["geometry"] = pa.array(shapely.to_wkb(_multi(places, geometry_type)), pa.binary())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*crs.*")
        pyogrio.write_arrow(
            pa.table(columns),
            path,
            layer=layer,
            driver="GPKG",
            append=path.exists(),
            geometry_type=geometry_type,
            geometry_name="geometry" if geometry_type else None,
            crs="EPSG:4490" if geometry_type else None,
        )


def _multi(places: np.ndarray, geometry_type: str) -> np.ndarray:
    """Promote to the multi type of the layer; of a collection only the parts of that dimension are kept."""
    make = {"MultiPolygon": shapely.multipolygons, "MultiLineString": shapely.multilinestrings,
            "MultiPoint": shapely.multipoints}[geometry_type]  # fmt: skip
    dimension = {"MultiPolygon": 2, "MultiLineString": 1, "MultiPoint": 0}[geometry_type]
    parts, owner = shapely.get_parts(places, return_index=True)
    right = shapely.get_dimensions(parts) == dimension
    return np.asarray(make(parts[right], indices=owner[right], out=np.full(len(places), None, object)))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
