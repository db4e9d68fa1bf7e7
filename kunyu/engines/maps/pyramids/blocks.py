"""What a build remembers of each block, so that the next one works on changed blocks only. 增量生成.

A block's fingerprint is that of its rows' numbers and own labels: rows are never changed, so blocks of the same
fingerprint hold the same rows. For layers with classes the exact shares of cells are kept as well (compressed): they
are what an edit is compared with. The table is closed to the serving role.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from django.db.backends.utils import CursorWrapper

from kunyu.engines.maps.pyramids.cells import Shares

TABLE = 'onemap_tiles."blocks"'
CREATE = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
  layer bigint NOT NULL, county varchar(6) NOT NULL, kind varchar(8) NOT NULL, block_column integer NOT NULL,
  block_row integer NOT NULL, build bigint NOT NULL, fingerprint text NOT NULL, content bytea,
  PRIMARY KEY (layer, county, kind, block_column, block_row))
"""
Place = tuple[int, int]
Name = tuple[int, str | None]
"""A row's own label and its class."""


@dataclass(frozen=True)
class Block:
    """A block as it was built: ``content`` are its shares, packed, where the layer has classes."""

    place: Place
    fingerprint: str
    content: bytes | None = None


def remembered(
    session: psycopg.Connection, layer: int, county: str, kind: str, build: int
) -> dict[Place, tuple[str, bytes | None]]:
    """Fingerprints and contents of the blocks of the build in force."""
    found = session.execute(
        f"SELECT block_column, block_row, fingerprint, content FROM {TABLE} "
        "WHERE layer = %s AND county = %s AND kind = %s AND build = %s",
        [layer, county, kind, build],
    ).fetchall()
    return {(column, row): (print_, content) for column, row, print_, content in found}


def remember(
    cursor: CursorWrapper, layer: int, county: str, kind: str, build: int, changed: Iterable[Block],
    kept: Iterable[Place],
) -> None:  # fmt: skip
    """Put what a new build knows in the place of what the one before knew."""
    key: list[Any] = [layer, county, kind]
    places = [list(place) for place in kept]
    cursor.execute(
        f"UPDATE {TABLE} SET build = %s WHERE layer = %s AND county = %s AND kind = %s "
        "AND (block_column, block_row) IN (SELECT a, b FROM unnest(%s::int[], %s::int[]) AS p(a, b))",
        [build, *key, [one[0] for one in places], [one[1] for one in places]],
    )
    cursor.execute(f"DELETE FROM {TABLE} WHERE layer = %s AND county = %s AND kind = %s AND build <> %s", [*key, build])
    rows: list[list[Any]] = [[*key, *one.place, build, one.fingerprint, one.content] for one in changed]
    if rows:
        cursor.executemany(f"INSERT INTO {TABLE} VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", rows)


def packed(names: list[Name], shares: Shares, centres: Shares) -> bytes:
    """Shares with the names of their classes as bytes."""
    head = json.dumps([names, len(shares), len(centres)]).encode()
    body = b"".join(
        array.tobytes()
        for array in (
            shares.row.astype("<i4"), shares.column.astype("<i4"), shares.kind.astype("<i2"),
            shares.share.astype("<f4"), centres.row.astype("<i4"), centres.column.astype("<i4"),
        )
    )  # fmt: skip
    return zlib.compress(len(head).to_bytes(4, "little") + head + body, 1)


def unpacked(content: bytes) -> tuple[list[Name], Shares, Shares]:
    """The reverse of :func:`packed`."""
    data = zlib.decompress(content)
    start = 4 + int.from_bytes(data[:4], "little")
    names, many, few = json.loads(data[4:start])
    arrays = []
    for dtype, count in (("<i4", many), ("<i4", many), ("<i2", many), ("<f4", many), ("<i4", few), ("<i4", few)):
        arrays.append(np.frombuffer(data, dtype, count, start))
        start += arrays[-1].nbytes
    row, column, kind, share, centre_row, centre_column = arrays
    shares = Shares(row.astype(np.int64), column.astype(np.int64), kind.astype(np.int64), share.astype(float))
    nought = np.zeros(few, np.int64)
    centres = Shares(centre_row.astype(np.int64), centre_column.astype(np.int64), nought, nought + 1.0)
    return [(int(label), name) for label, name in names], shares, centres
