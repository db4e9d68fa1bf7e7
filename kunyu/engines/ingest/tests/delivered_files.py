"""Small files to deliver, made on the spot: a grid of squares as land cover in the county's plane (EPSG:4526)."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import shapely

from kunyu.engines.ingest.models import Delivery
from kunyu.engines.ingest.process import process
from kunyu.engines.ingest.receive import Request, receive
from kunyu.engines.security.scope import Principal, operator

COUNTY = "990101"
OPEN_STANDARD = "KUNYU-OPEN-2026"
SURVEY = "TDT1057-2020"
TABLE = "onemap.landcover_kunyu_open_2026"
OPERATOR = operator("test")
Y2024, Y2025, Y2026 = (datetime.date(year, 12, 31) for year in (2024, 2025, 2026))


@dataclass(frozen=True)
class Cover:
    """What to write: ``names`` overrides the NAME of a row, ``without`` leaves rows out, ``shift`` moves all east."""

    rows: int = 60
    names: Mapping[int, str] | None = None
    without: Collection[int] = ()
    geometry: Mapping[int, shapely.Geometry] | None = None
    keys: Mapping[int, str] | None = None
    shift: float = 0.0
    crs: str | None = "EPSG:4526"


def key(row: int) -> str:
    """BSM of a row."""
    return f"9901018110{row:08d}"


def square(row: int, shift: float = 0.0) -> shapely.Polygon:
    """30 m square number ``row`` of a grid ten wide."""
    x, y = 38_500_000 + shift + row % 10 * 30.0, 3_820_000 + row // 10 * 30.0
    return shapely.box(x, y, x + 30, y + 30)


def write_cover(path: Path, cover: Cover = Cover()) -> Path:
    """Write the land cover as a GeoPackage."""
    keep = [row for row in range(cover.rows) if row not in set(cover.without)]
    shapes = np.array([(cover.geometry or {}).get(row, square(row, cover.shift)) for row in keep], dtype=object)
    table = pa.table(
        {
            "BSM": [(cover.keys or {}).get(row, key(row)) for row in keep],
            "CODE": ["0101"] * len(keep),
            "NAME": [(cover.names or {}).get(row, f"plot {row}") for row in keep],
            "geom": shapely.to_wkb(shapes),
        }
    )
    path.unlink(missing_ok=True)
    pyogrio.write_arrow(
        table, path, layer="LANDCOVER", driver="GPKG", geometry_name="geom", geometry_type="Unknown", crs=cover.crs
    )
    return path


def hand_in(
    path: Path,
    *,
    standard: str = OPEN_STANDARD,
    dataset: str = "",
    division: str = COUNTY,
    valid_from: datetime.date | None = Y2024,
    mapping: Path | None = None,
    actor: Principal = OPERATOR,
) -> Delivery:
    """Receive a file without processing it."""
    request = Request(path.name, division, "" if dataset else standard, dataset, valid_from, mapping)
    return receive(path, request, actor).delivery


def accepted(path: Path, **target: object) -> Delivery:
    """Receive and process a file."""
    return process(hand_in(path, **target).pk)  # type: ignore[arg-type]
