"""What a pyramid is made from: a county's rows as they are believed now and true on a day, block by block."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray

from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.maps.pyramids.borders import tile_degrees
from kunyu.engines.maps.pyramids.state import LABELS_DIGEST, power_of_two
from kunyu.engines.maps.pyramids.tables import carried, sql_type

BLOCK_DEGREES = tile_degrees(11)
_NOW = "county = %(county)s AND upper_inf(known)"
_ON = _NOW + " AND valid @> %(day)s::date AND geom IS NOT NULL AND NOT ST_IsEmpty(geom)"


@dataclass(frozen=True)
class Rows:
    """Rows of a block: ``fids``, own ``labels``, the ``fields`` a tile carries by code, ``geometries`` (lon/lat)."""

    fids: NDArray[np.int64]
    labels: NDArray[np.int64]
    fields: dict[str, list[object]]
    geometries: NDArray[np.object_]


@dataclass(frozen=True)
class County:
    """One county of a layer on one day, read inside one snapshot by ``session``."""

    session: psycopg.Connection
    layer: ServedLayer
    code: str
    day: date

    @property
    def _values(self) -> dict[str, object]:
        return {"county": self.code, "day": self.day}

    def newest_version(self) -> int | None:
        """Number of the newest published version."""
        row = self.session.execute(
            "SELECT max(id) FROM catalogue_datasetversion WHERE layer_id = %s AND county = %s AND status = 'published'",
            [self.layer.id, self.code],
        ).fetchone()
        return row[0] if row else None

    def shared_by(self) -> int:
        """Counties with published data of the layer, rounded up to a power of two."""
        row = self.session.execute(
            "SELECT count(DISTINCT county) FROM catalogue_datasetversion WHERE layer_id = %s AND status = 'published'",
            [self.layer.id],
        ).fetchone()
        return power_of_two(row[0] if row else 1)

    def labels_digest(self) -> str:
        """What stands for the decisions on single records' labels."""
        row = self.session.execute(
            f"SELECT {LABELS_DIGEST} FROM security_recordlabel "
            "WHERE state = 'approved' AND collection = %s AND county = %s",
            [self.layer.collection, self.code],
        ).fetchone()
        return str(row[0]) if row and row[0] else ""

    def holds(self) -> tuple[date | None, date | None]:
        """The days on which the same rows are true as on ``day``: from the first to before the second."""
        row = self.session.execute(
            "SELECT max(d) FILTER (WHERE d <= %(day)s), min(d) FILTER (WHERE d > %(day)s) FROM ("
            f"SELECT lower(valid) AS d FROM {self.layer.table} WHERE {_NOW} UNION "
            f"SELECT upper(valid) FROM {self.layer.table} WHERE {_NOW}) ends",
            self._values,
        ).fetchone()
        return (row[0], row[1]) if row else (None, None)

    def blocks(self) -> dict[tuple[int, int], str]:
        """Fingerprint of every block in which a feature has its south-western corner, by column and row."""
        side = repr(BLOCK_DEGREES)
        found = self.session.execute(
            f"SELECT floor(ST_XMin(geom) / {side})::int, floor(ST_YMin(geom) / {side})::int, "
            "count(*) || '.' || sum(fid) || '.' || bit_xor(fid # (label::bigint << 48)) "
            f"FROM {self.layer.table} WHERE {_ON} GROUP BY 1, 2 ORDER BY 1, 2",
            self._values,
        ).fetchall()
        return {(column, row): fingerprint for column, row, fingerprint in found}

    def block(self, column: int, row: int) -> Rows:
        """The rows of one block, ordered by ``fid``."""
        side = BLOCK_DEGREES
        west, south = column * side, row * side
        codes = carried(self.layer)
        listed = "".join(f', "{code}"::{sql_type(self.layer, code)}' for code in codes)
        cursor = self.session.cursor(binary=True)
        cursor.execute(
            f"SELECT fid, label::int8, ST_AsBinary(geom){listed} FROM {self.layer.table} WHERE {_ON} "
            "AND geom && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4490) "
            f"AND floor(ST_XMin(geom) / {side!r})::int = %(column)s AND floor(ST_YMin(geom) / {side!r})::int = %(row)s "
            "ORDER BY fid",
            {**self._values, "west": west, "south": south, "east": west + side, "north": south + side,
             "column": column, "row": row},
        )  # fmt: skip
        found = cursor.fetchall()
        columns = list(zip(*found, strict=True)) or [()] * (3 + len(codes))
        return Rows(
            fids=np.array(columns[0], np.int64),
            labels=np.array(columns[1], np.int64),
            fields={code: list(values) for code, values in zip(codes, columns[3:], strict=True)},
            geometries=shapely.from_wkb(np.array([bytes(one) for one in columns[2]], object)),
        )
