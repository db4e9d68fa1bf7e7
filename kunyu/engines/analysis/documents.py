"""Answers as JSON, and the canonical values a replay digest is over. 结果文档与复算摘要.

Canonical values: areas rounded half up to 0.01 m², distances to 0.001 m, lists sorted by id or code, every record that
counts and not only those listed. The digest is the SM3 of their canonical JSON (contract.md, "Replay").
"""

from __future__ import annotations

import json
from typing import Any

import shapely

from kunyu.engines.analysis.overlap import Answer, LayerAnswer, class_names, facts, listed
from kunyu.engines.analysis.questions import LAND_CLASSES, Question
from kunyu.kernel.digests import canonical_json, sm3_hex
from kunyu.kernel.geodesy import round_area

SCHEMA = 1
AREA_DECIMALS, LENGTH_DECIMALS = 2, 3


def rounded(value: float, decimals: int = AREA_DECIMALS) -> float:
    """Half up, as the rule of the digest states."""
    return float(round_area([value], decimals)[0])


def head(question: Question) -> dict[str, Any]:
    """What every document begins with."""
    return {
        "kind": question.kind,
        "geometry_area_m2": question.plot.area_m2 if question.plot.is_area else None,
        "valid_at": question.valid_at.isoformat(),
        "known_at": question.known_text,
        "parameters": question.parameters,
    }


def digest_of(question: Question, values: Any) -> str:
    """SM3 over question and canonical values."""
    stated = {
        "schema": SCHEMA, "kind": question.kind, "valid_at": question.valid_at.isoformat(),
        "known_at": question.known_text, "parameters": question.parameters, "values": values,
    }  # fmt: skip
    return sm3_hex(canonical_json(stated))


def overlap_document(answer: Answer) -> dict[str, Any]:
    """The answer of ``/api/analysis/overlap`` and ``/api/analysis/land-classes``, with its digest."""
    question = answer.question
    document = {**head(question), "layers": [_layer(one, question) for one in answer.layers], "job": None}
    return {"digest": digest_of(question, overlap_values(answer)), **document}


def overlap_values(answer: Answer) -> list[dict[str, Any]]:
    """Canonical values of every layer, sorted by collection."""
    return sorted((_values(one) for one in answer.layers), key=lambda one: str(one["collection"]))


def _values(one: LayerAnswer) -> dict[str, Any]:
    said: dict[str, Any] = {
        "collection": one.collection,
        "state": one.state,
        "reason": one.reason.code if one.reason else None,
        "versions": [[version.county, version.number] for version in one.versions],
    }
    if one.pieces is None or one.sums is None:
        return said
    return said | {
        "area_m2": rounded(one.sums.area_m2),
        "count": one.sums.count,
        "classes": [[item.code, rounded(item.area_m2), item.count] for item in one.sums.classes],
        "records": [
            [str(name), int(version), float(area)]
            for name, version, area in zip(
                one.pieces.ids, one.pieces.version, round_area(one.pieces.area_m2, AREA_DECIMALS), strict=True
            )
        ],
    }


def _layer(one: LayerAnswer, question: Question) -> dict[str, Any]:
    document: dict[str, Any] = {
        "collection": one.collection,
        "name_zh": one.name_zh,
        "name_en": one.name_en,
        "state": one.state,
        "reason": one.reason.code if one.reason else None,
        "reason_zh": one.reason.zh if one.reason else None,
        "reason_en": one.reason.en if one.reason else None,
        "versions": [facts(version) for version in one.versions],
        "area_m2": one.sums.area_m2 if one.sums else None,
        "count": one.sums.count if one.sums else None,
        "classes": _classes(one),
        "overlaps": [],
        "truncated": False,
        "slivers": {"count": one.pieces.slivers, "area_m2": one.pieces.sliver_m2} if one.pieces else None,
        "uncovered_m2": one.ground.uncovered_m2 if one.ground else None,
    }
    if one.sums and question.kind == LAND_CLASSES:
        document["unclassified_m2"] = max(0.0, question.plot.area_m2 - one.sums.area_m2)
    if one.pieces is not None and question.kind != LAND_CLASSES:
        document["overlaps"] = _overlaps(one, with_geometry=bool(question.options.get("geometries")))
        document["truncated"] = one.pieces.count > len(document["overlaps"])
    return document


def _classes(one: LayerAnswer) -> list[dict[str, Any]]:
    if one.sums is None or one.opened is None:
        return []
    names = class_names(one.opened.layer)
    return [
        {
            "code": item.code, "name_zh": names.get(item.code, ""), "area_m2": item.area_m2, "count": item.count,
            "deducted_m2": item.deducted_m2,
        }
        for item in one.sums.classes
    ]  # fmt: skip


def _overlaps(one: LayerAnswer, *, with_geometry: bool) -> list[dict[str, Any]]:
    assert one.pieces is not None
    found = []
    for place in listed(one.pieces):
        entry: dict[str, Any] = {
            "id": str(one.pieces.ids[place]),
            "county": str(one.pieces.county[place]),
            "code": one.pieces.code[place],
            "area_m2": float(one.pieces.area_m2[place]),
            "share": float(one.pieces.share[place]),
        }
        if with_geometry:
            entry["geometry"] = geojson(one.pieces.geometry[place])
        found.append(entry)
    return found


def geojson(geometry: shapely.Geometry | None) -> Any:
    """A GeoJSON geometry in longitude, latitude, outer rings counter-clockwise; None stays None."""
    if geometry is None:
        return None
    if geometry.geom_type in ("Polygon", "MultiPolygon"):
        geometry = shapely.orient_polygons(geometry) if hasattr(shapely, "orient_polygons") else geometry
    return json.loads(shapely.to_geojson(geometry))
