"""What an image says of how it was taken: satellite, sensor, cloud cover, where the sun stood. 影像元数据.

Read from the tags of the file, from a Landsat ``…_MTL.txt`` or a STAC item (``<stem>.json``) delivered beside it, and last
from the names of Landsat and Sentinel-2 scenes. What nothing says stays unknown; nothing is guessed from pixels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_MOST_BYTES = 1 << 20
"""A larger file beside an image is no description of it."""
_MTL_LINE = re.compile(r"^\s*([A-Z0-9_]+)\s*=\s*\"?([^\"\n]*)\"?\s*$", re.M)
_LANDSAT_NAME = re.compile(r"(?<![A-Z0-9])L(?P<kind>[CETMO])(?:0?)(?P<number>[1-9])")
_LANDSAT_SENSORS = {"C": "OLI_TIRS", "E": "ETM", "T": "TM", "M": "MSS", "O": "OLI"}
_SENTINEL_NAME = re.compile(r"(?<![A-Z0-9])S2(?P<unit>[A-D])_MSI")
_CLOUD_TAGS = ("CLOUD_COVER", "CLOUDCOVER", "CLOUD_COVERAGE_ASSESSMENT", "CLOUDY_PIXEL_PERCENTAGE", "EO:CLOUD_COVER")
_PLATFORM_TAGS = ("SPACECRAFT_ID", "SATELLITEID", "SPACECRAFT_NAME", "PLATFORM")
_SENSOR_TAGS = ("SENSOR_ID", "SENSORID", "INSTRUMENT", "INSTRUMENTS", "SENSOR")


@dataclass(frozen=True)
class Taken:
    """How an image was taken; None or '' where nothing says. Angles in degrees, cloud cover in percent (0–100)."""

    platform: str = ""
    sensor: str = ""
    cloud_cover: float | None = None
    sun_azimuth: float | None = None
    sun_elevation: float | None = None
    off_nadir: float | None = None
    taken_at: datetime | None = None


def read_taken(name: str, tags: Mapping[str, str], beside: Iterable[Path] = ()) -> Taken:
    """Gather what is known of one image.

    Parameters
    ----------
    name
        Its file name as delivered.
    tags
        The metadata of the file, as GDAL tells them.
    beside
        The other files of the delivery; those that describe this image are read.
    """
    told = {key.upper(): value for key, value in tags.items()}
    properties: dict[str, Any] = {}
    for file in beside:
        if file.stat().st_size > _MOST_BYTES:
            continue
        if file.name.upper().endswith("_MTL.TXT") and name.upper().startswith(file.name.upper()[: -len("_MTL.TXT")]):
            text = file.read_text("utf-8", errors="replace")
            told = {**{match[1]: match[2].strip() for match in _MTL_LINE.finditer(text)}, **told}
        elif file.suffix.lower() == ".json" and file.stem == Path(name).stem:
            properties = _stac_properties(file)
    platform, sensor = _named(name)
    instruments = properties.get("instruments")
    return Taken(
        platform=_text(properties.get("platform")) or _first(told, _PLATFORM_TAGS) or platform,
        sensor=_text(",".join(map(str, instruments)) if isinstance(instruments, list) else None)
        or _first(told, _SENSOR_TAGS)
        or sensor,
        cloud_cover=_number(properties.get("eo:cloud_cover"), _first(told, _CLOUD_TAGS), low=0, high=100),
        sun_azimuth=_number(properties.get("view:sun_azimuth"), told.get("SUN_AZIMUTH"), low=-360, high=360),
        sun_elevation=_number(properties.get("view:sun_elevation"), told.get("SUN_ELEVATION"), low=-90, high=90),
        off_nadir=_number(properties.get("view:off_nadir"), told.get("OFF_NADIR_ANGLE"), low=0, high=90),
        taken_at=_instant(properties.get("datetime")) or _scene_time(told),
    )


def _stac_properties(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))["properties"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _named(name: str) -> tuple[str, str]:
    """Satellite and sensor of a scene name, as Landsat and Sentinel-2 products are called."""
    landsat, sentinel = _LANDSAT_NAME.search(name.upper()), _SENTINEL_NAME.search(name.upper())
    if landsat:
        return f"LANDSAT_{landsat['number']}", _LANDSAT_SENSORS[landsat["kind"]]
    return (f"SENTINEL-2{sentinel['unit']}", "MSI") if sentinel else ("", "")


def _text(value: Any) -> str:
    return str(value).strip()[:80] if value else ""


def _first(told: Mapping[str, str], names: Iterable[str]) -> str:
    return next((_text(told[name]) for name in names if told.get(name)), "")


def _number(*values: Any, low: float, high: float) -> float | None:
    for value in values:
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if low <= number <= high:
            return number
    return None


def _instant(text: Any) -> datetime | None:
    try:
        instant = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _scene_time(told: Mapping[str, str]) -> datetime | None:
    day, hour = told.get("DATE_ACQUIRED"), told.get("SCENE_CENTER_TIME", "00:00:00Z")
    return _instant(f"{day}T{re.sub(r'[.].*', '', hour).rstrip('Z')}+00:00") if day else None
