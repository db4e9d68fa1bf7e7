"""Rows of one build on their way into its table. 写入一次生成的行."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray

from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.maps.models import Pyramid
from kunyu.engines.maps.pyramids import borders, classes, tables
from kunyu.engines.maps.pyramids.blocks import Block, Name, Place
from kunyu.engines.maps.pyramids.source import Rows

ROWS_PER_COPY = 2_000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Writer:
    """Writes rows of one build by COPY; gathers what to remember of its blocks."""

    def __init__(self, session: psycopg.Connection, layer: ServedLayer, county: str, build: Pyramid) -> None:
        self._session, self._layer, self._county, self.build = session, layer, county, build
        self._has_stage = False
        self.rows = 0
        self.changed: list[Block] = []
        self.kept: list[Place] = []
        self.zooms: set[int] = set()

    def level(self, rows: Rows, place: Place, level: borders.Level, table: str | None = None) -> None:
        """The features of a block at one zoom, in lon/lat."""
        kept = level.kept
        columns: dict[str, Iterable[object]] = {
            "label": rows.labels[kept], "fid": rows.fids[kept], "block_column": [place[0]] * len(kept),
            "block_row": [place[1]] * len(kept), **{code: [v[one] for one in kept] for code, v in rows.fields.items()},
        }  # fmt: skip
        self._copy(level.zoom, columns, shapely.set_srid(level.geometries, 4490), table)
        if table is None:
            self.rows += len(kept)

    def staged(self, rows: Rows, place: Place, levels: Iterable[borders.Level]) -> None:
        """The features of a block at several zooms, cut into tiles."""
        if not self._has_stage:
            tables.open_stage(self._session, self._layer)
            self._has_stage = True
        for level in levels:
            self.level(rows, place, level, tables.STAGE)
        self.rows += tables.cut_into_tiles(self._session, self._layer, self.build.pk)

    def drawn(self, parts: list[classes.Drawn], names: list[Name], code: str) -> None:
        """Classes of tiles of one zoom, in units of their tiles."""
        if not parts:
            return
        columns: dict[str, Iterable[object]] = {
            "label": [names[one.kind][0] for one in parts], code: [names[one.kind][1] for one in parts],
            "tile_column": [one.column for one in parts], "tile_row": [one.row for one in parts],
        }  # fmt: skip
        self._copy(parts[0].zoom, columns, np.array([one.geometry for one in parts], object), None)
        self.rows += len(parts)

    def _copy(
        self, zoom: int, columns: dict[str, Iterable[object]], geometries: NDArray[np.object_], table: str | None
    ) -> None:
        """Rows of one zoom into the build, or into ``table``."""
        count = len(geometries)
        if not count:
            return
        given: dict[str, Iterable[object]] = {
            "build": [self.build.pk] * count, "zoom": [zoom] * count, "county": [self._county] * count, **columns
        }  # fmt: skip
        listed = ", ".join(f'"{name}"' for name in (*given, "geom"))
        texts = [[_text(one) for one in values] for values in given.values()]
        texts.append(list(shapely.to_wkb(geometries, hex=True, include_srid=True)))
        lines = list(map("\t".join, zip(*texts, strict=True)))
        target = table or tables.partition_of(self.build.pk)
        with self._session.cursor() as cursor, cursor.copy(f"COPY {target} ({listed}) FROM STDIN") as copy:
            for start in range(0, count, ROWS_PER_COPY):
                copy.write("\n".join(lines[start : start + ROWS_PER_COPY]) + "\n")
        self.zooms.add(zoom)

    def copy_from(self, build: int, without: str, places: list[list[int]], zooms: set[int]) -> None:
        """Rows of the build before that are still true."""
        self.rows += tables.copy_rows(self._session, build, self.build.pk, without, places)
        self.zooms |= zooms


def _text(value: object) -> str:
    return "\\N" if value is None else str(value).translate(_ESCAPES)
