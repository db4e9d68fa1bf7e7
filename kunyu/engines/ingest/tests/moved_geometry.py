"""A delivered GeoPackage in which one overlap was moved by a centimetre, as a surveyor would nudge it."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from pathlib import Path

import numpy as np
import shapely

CENTIMETRE = 0.01
_DIRECTIONS = ((CENTIMETRE, 0.0), (-CENTIMETRE, 0.0), (0.0, CENTIMETRE), (0.0, -CENTIMETRE))


def move_overlap(source: Path, target: Path, ids: list[str]) -> None:
    """Copy ``source`` and move, in one of the two parcels, the vertices that reach into the other, outward by 1 cm."""
    shutil.copyfile(source, target)
    with sqlite3.connect(target) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')  # they call functions that only GDAL brings along
        blobs = dict(database.execute('SELECT "BSM", geom FROM DLTB WHERE "BSM" IN (?, ?)', ids).fetchall())
        shapes = {key: shapely.from_wkb(_wkb(blob)) for key, blob in blobs.items()}
        key, moved = _moved(shapes)
        header = struct.pack("<2sBBi", b"GP", 0, 1, _srs(blobs[key]))
        blob = header + shapely.to_wkb(moved, byte_order=1)
        database.execute('UPDATE DLTB SET geom = ? WHERE "BSM" = ?', [blob, key])


def _moved(shapes: dict[str, shapely.Geometry]) -> tuple[str, shapely.Geometry]:
    (a, first), (b, second) = shapes.items()
    before = first.intersection(second).area
    for key, own, other in ((a, first, second), (b, second, first)):
        xy = shapely.get_coordinates(own)
        inside = shapely.contains_properly(other, shapely.points(xy))
        for step in _DIRECTIONS if inside.any() else ():
            candidate = shapely.set_coordinates(own, xy + np.where(inside[:, None], step, 0.0))
            if candidate.is_valid and candidate.intersection(other).area > before:
                return key, candidate
    raise AssertionError("neither parcel reaches into the other with a vertex")


def _wkb(blob: bytes) -> bytes:
    envelope = (0, 32, 48, 48, 64)[blob[3] >> 1 & 7]
    return blob[8 + envelope :]


def _srs(blob: bytes) -> int:
    return int(struct.unpack("<i" if blob[3] & 1 else ">i", blob[4:8])[0])
