"""What each process takes and gives, once: for OGC API – Processes and for the house API's description. 处理说明."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kunyu.engines.analysis.questions import BUFFER, HISTORY, LAND_CLASSES, NEAREST, OVERLAP
from kunyu.engines.analysis.settings import analysis_settings

_GEOMETRY = "http://www.opengis.net/def/format/ogcapi-processes/0/geojson-geometry"


@dataclass(frozen=True)
class Input:
    """One input: its words, its JSON schema, whether it must be given."""

    title_zh: str
    title_en: str
    schema: dict[str, Any]
    required: bool = False


@dataclass(frozen=True)
class Process:
    """One analysis as a process."""

    id: str
    title_zh: str
    title_en: str
    description_zh: str
    description_en: str
    inputs: dict[str, Input]


def _time_inputs() -> dict[str, Input]:
    return {
        "valid_at": Input("有效日期", "Valid on", {"type": "string", "format": "date"}),
        "known_at": Input("认知时刻", "As known at", {"type": "string", "format": "date-time"}),
    }


def _geometry(*types: str) -> Input:
    schema = {
        "type": "object", "format": "geojson-geometry", "contentMediaType": "application/geo+json",
        "description": f"{' / '.join(types)}; longitude, latitude, CGCS2000 (EPSG:4490)",
    }  # fmt: skip
    return Input("几何", "Geometry", schema, required=True)


def _layers() -> Input:
    schema = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": analysis_settings().layers_max}
    return Input("图层代码", "Collections", schema)


def _age() -> Input:
    return Input("数据最大年龄（天）", "Oldest data allowed, days", {"type": "integer", "minimum": 1})


def processes() -> dict[str, Process]:
    """Every process by id."""
    area, anything = _geometry("Polygon", "MultiPolygon"), _geometry("Point", "LineString", "Polygon", "Multi…")
    widest = analysis_settings().buffer_m_max
    found = (
        Process(
            OVERLAP, "冲突检测", "Overlap of a plot",
            "地块与各图层的重叠面积；每个图层：有冲突、无冲突，或未检测及理由。",
            "What a plot overlaps in each layer: conflict, clear, or not checked with a reason.",
            {"geometry": area, "layers": _layers(), **_time_inputs(), "max_age_days": _age(),
             "geometries": Input("返回重叠部分的几何", "Answer with the pieces", {"type": "boolean", "default": False})},
        ),
        Process(
            LAND_CLASSES, "地类统计", "Land classes of a plot", "地块内各地类的椭球面积。",
            "Ellipsoidal areas of a plot by land class.",
            {"geometry": area, "layers": _layers(), **_time_inputs(), "max_age_days": _age()},
        ),
        Process(
            HISTORY, "地块历史", "History of a place", "一个地方在有效时间与认知时间上的各个状态，以及每个版本改变了什么。",
            "The states of a place over valid and known time, and what each version changed.",
            {"geometry": anything, "layers": _layers(), "known_at": _time_inputs()["known_at"]},
        ),
        Process(
            NEAREST, "最近要素", "Nearest records", "各图层中最近的要素及真实距离（米）。",
            "The nearest records of each layer with true metres.",
            {"geometry": anything, "layers": _layers(), **_time_inputs(),
             "limit": Input("每层个数", "Records of each layer", {"type": "integer", "minimum": 1, "maximum": 100, "default": 5}),
             "within_m": Input("最远（米）", "Farthest, metres",
                               {"type": "number", "exclusiveMinimum": True, "minimum": 0, "maximum": widest, "default": 1000})},
        ),
        Process(
            BUFFER, "缓冲区", "Buffer", "几何周围若干米的缓冲区。", "A buffer of true metres around a geometry.",
            {"geometry": anything,
             "distance_m": Input("距离（米）", "Distance, metres",
                                 {"type": "number", "exclusiveMinimum": True, "minimum": 0, "maximum": widest}, required=True)},
        ),
    )  # fmt: skip
    return {one.id: one for one in found}


def house_body(kind: str) -> dict[str, Any]:
    """The request body of the house API for ninja's description: the inputs are its members."""
    inputs = processes()[kind].inputs
    schema = {
        "type": "object",
        "required": [name for name, one in inputs.items() if one.required],
        "properties": {
            name: one.schema | {"title": f"{one.title_zh} / {one.title_en}"} for name, one in inputs.items()
        },
        "additionalProperties": False,
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
