"""Rows of one build on their way into its table. 写入一次生成的行."""

from __future__ import annotations

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
        self._session, self._county, self.build = session, county, build
        self._codes = tables.carried(layer)
        self.rows = 0
        self.changed: list[Block] = []
        self.kept: list[Place] = []
        self.zooms: set[int] = set()

    def write(
        self, zoom: int, labels: NDArray[np.int64], places: list[NDArray[np.int64]], fids: NDArray[np.int64] | None,
        fields: dict[str, list[object]], geometries: NDArray[np.object_],
    ) -> None:  # fmt: skip
        """Rows of one zoom; ``places`` are columns and rows: of their tiles, or of their blocks."""
        count = len(geometries)
        if not count:
            return
        nothing = ["\\N"] * count
        columns, rows = ([_text(one) for one in place] for place in places)
        listed = [
            [str(self.build.pk)] * count, [str(zoom)] * count, [self._county] * count, [_text(one) for one in labels],
            columns, rows, [_text(one) for one in fids] if fids is not None else nothing,
            *([_text(one) for one in fields[code]] if code in fields else nothing for code in self._codes),
            shapely.to_wkb(geometries, hex=True, include_srid=True),
        ]  # fmt: skip
        with (
            self._session.cursor() as cursor,
            cursor.copy(f"COPY {tables.partition_of(self.build.pk)} FROM STDIN") as copy,
        ):
            lines = list(map("\t".join, zip(*listed, strict=True)))
            for start in range(0, count, ROWS_PER_COPY):
                copy.write("\n".join(lines[start : start + ROWS_PER_COPY]) + "\n")
        self.rows += count
        self.zooms.add(zoom)

    def level(self, rows: Rows, place: Place, level: borders.Level) -> None:
        """The features of a block at one zoom, in lon/lat."""
        kept = level.kept
        fields = {code: [values[one] for one in kept] for code, values in rows.fields.items()}
        where = [np.full(len(kept), one) for one in place]
        self.write(
            level.zoom, rows.labels[kept], where, rows.fids[kept], fields, shapely.set_srid(level.geometries, 4490)
        )

    def drawn(self, parts: list[classes.Drawn], names: list[Name], code: str) -> None:
        """Classes of tiles of one zoom, in units of their tiles."""
        if not parts:
            return
        labels = np.array([names[one.kind][0] for one in parts], np.int64)
        places = [np.array([one.column for one in parts]), np.array([one.row for one in parts])]
        geometries = np.array([one.geometry for one in parts], object)
        self.write(parts[0].zoom, labels, places, None, {code: [names[one.kind][1] for one in parts]}, geometries)

    def copy_from(self, build: int, without: str, places: list[list[int]], zooms: set[int]) -> None:
        """Rows of the build before that are still true."""
        self.rows += tables.copy_rows(self._session, build, self.build.pk, without, places)
        self.zooms |= zooms


def _text(value: object) -> str:
    return "\\N" if value is None else str(value).translate(_ESCAPES)
