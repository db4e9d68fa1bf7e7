"""Write prepared rows into a county's partition: a fresh table copied and indexed, or a difference to what stands.

Everything here runs inside the caller's transaction on Django's connection. Rows never pass through Python objects:
threads prepare batches (reprojection, areas, digests) while this one feeds the server's COPY.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from kunyu.engines.catalogue.standards import Layer
from kunyu.engines.ingest import copy_rows, rows
from kunyu.engines.ingest.rows import Batch, Constants

PIECE = 1 << 20

STAND_DTYPE = np.dtype(
    [("fields", ">i2"), ("l1", ">i4"), ("fid", ">i8"), ("l2", ">i4"), ("high", ">u8"), ("low", ">u8"), ("l3", ">i4"),
     ("covers", "u1")]
)  # fmt: skip
"""A row of ``COPY (SELECT fid, digest, covers) … (FORMAT binary)``: every field present, every width fixed."""


class Stages(dict[str, float]):
    """Seconds by stage, added up over threads: stages overlap where threads do."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self[name] = self.get(name, 0.0) + time.perf_counter() - started


@dataclass
class Loaded:
    """What one layer's load did. ``digests`` (n, 2) words of all delivered rows, also of those not written."""

    delivered: int = 0
    inserted: int = 0
    closed: int = 0
    area_m2: float | None = None
    bounds: NDArray[np.float64] = field(default_factory=lambda: np.full(4, np.nan))
    digests: list[NDArray[np.uint64]] = field(default_factory=list)

    def saw(self, batch: Batch) -> None:
        """Count a delivered batch."""
        self.delivered += len(batch)
        self.digests.append(rows.digest_words(batch.digests))
        if np.isfinite(batch.area_m2).any():
            self.area_m2 = (self.area_m2 or 0.0) + float(np.nansum(batch.area_m2))
        low, high = np.fmin(self.bounds[:2], batch.bounds[:2]), np.fmax(self.bounds[2:], batch.bounds[2:])
        self.bounds = np.concatenate([low, high])


@dataclass(frozen=True)
class Target:
    """Where a layer's rows of one county go. ``table`` and ``partition`` lie in schema ``onemap``."""

    layer: Layer
    table: str
    partition: str
    constants: Constants

    @property
    def where(self) -> sql.Identifier:
        return sql.Identifier("onemap", self.partition)


class Difference:
    """Rows believed now that touch the period a delivery speaks of, found again by their digests."""

    def __init__(self, cursor: psycopg.Cursor, target: Target) -> None:
        stand = _standing(cursor, target)
        # sorted by the first word: two rows of one county sharing 64 bits is a matter of 1e-8 and still told apart
        order = np.lexsort((stand["low"], stand["high"]))
        self._fid = stand["fid"][order].astype(np.int64)
        self._high, self._low = stand["high"][order].astype(np.uint64), stand["low"][order].astype(np.uint64)
        self._covers = stand["covers"][order].astype(bool)
        self._seen = np.zeros(len(stand), bool)

    def unchanged(self, batch: Batch) -> NDArray[np.bool_]:
        """Mark rows of ``batch`` that stand already for the whole period."""
        words = rows.digest_words(batch.digests)
        found = np.zeros(len(words), bool)
        if len(self._high) == 0:
            return found
        at = np.searchsorted(self._high, words[:, 0])
        for _ in range(_longest_run(self._high)):
            inside = np.minimum(at, len(self._high) - 1)
            same = (self._high[inside] == words[:, 0]) & (self._low[inside] == words[:, 1]) & (at < len(self._high))
            hit = np.flatnonzero(same & self._covers[inside] & ~found & ~self._seen[inside])
            hit = hit[np.unique(inside[hit], return_index=True)[1]]  # one standing row vouches for one delivered row
            self._seen[inside[hit]] = True
            found[hit] = True
            at = at + 1
        return found

    def gone(self) -> NDArray[np.int64]:
        """``fid`` of rows that the delivery no longer has, or has only for a part of the period."""
        return self._fid[~self._seen]


def _longest_run(values: NDArray[np.uint64]) -> int:
    """Length of the longest run of equal values in a sorted array."""
    change = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1], [True])))
    return int(np.diff(change).max())


def _standing(cursor: psycopg.Cursor, target: Target) -> NDArray[np.void]:
    query = sql.SQL(
        "COPY (SELECT fid, digest, valid @> {window} FROM {table} WHERE upper_inf(known) AND valid && {window})"
        " TO STDOUT (FORMAT binary)"
    ).format(table=target.where, window=_window(target.constants))
    with cursor.copy(query) as copy:
        stream = b"".join(copy)
    body = memoryview(stream)[len(copy_rows.HEADER) : -len(copy_rows.TRAILER)]
    return np.frombuffer(body, STAND_DTYPE)


def _window(constants: Constants) -> sql.Composable:
    return sql.SQL("daterange({}, {})").format(sql.Literal(constants.valid_from), sql.Literal(constants.valid_to))


def copy_batches(
    cursor: psycopg.Cursor,
    target: Target,
    batches: Iterable[Batch],
    loaded: Loaded,
    *,
    keep: Callable[[Batch], NDArray[np.bool_]] | None = None,
    freeze: bool = False,
    seen: Callable[[int], None] = lambda rows: None,
) -> None:
    """Feed batches to one COPY; ``keep`` marks the rows worth writing, ``freeze`` suits a table made just now."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary{})").format(
        target.where,
        sql.SQL(", ").join(map(sql.Identifier, rows.columns(target.layer))),
        sql.SQL(", FREEZE" if freeze else ""),
    )
    with cursor.copy(statement) as copy:
        copy.write(copy_rows.HEADER)
        for batch in batches:
            loaded.saw(batch)
            chosen = batch if keep is None else batch.only(keep(batch))
            stream = rows.encode(chosen, target.layer, target.constants)
            for start in range(0, len(stream), PIECE):
                copy.write(stream[start : start + PIECE])
            loaded.inserted += len(chosen)
            seen(loaded.delivered)
        copy.write(copy_rows.TRAILER)


def close_rows(cursor: psycopg.Cursor, target: Target, fids: NDArray[np.int64]) -> int:
    """End the belief in rows and believe from now on only what lies outside the delivery's period.

    The old row keeps its ``valid`` and gets an end of ``known``; its parts before and after the period are written
    again under this version. Nothing is ever deleted: what was believed at any instant can be asked for.
    """
    if len(fids) == 0:
        return 0
    _temporary(cursor, "closing_fids", "fid bigint")
    _copy_fids(cursor, fids)
    return close_listed(cursor, target)


def close_listed(cursor: psycopg.Cursor, target: Target) -> int:
    """As ``close_rows`` for the ``fid`` in temporary table ``closing_fids``."""
    constants = target.constants
    names = [name for name in rows.columns(target.layer) if name not in ("valid", "known", "version_id")]
    plain = sql.SQL(", ").join(map(sql.Identifier, names))
    parts = [("daterange(lower(t.valid), {start})", "lower_inf(t.valid) OR lower(t.valid) < {start}")]
    if constants.valid_to is not None:
        parts.append(("daterange({end}, upper(t.valid))", "upper_inf(t.valid) OR upper(t.valid) > {end}"))
    bounds = {"start": sql.Literal(constants.valid_from), "end": sql.Literal(constants.valid_to)}
    for valid, condition in parts:
        cursor.execute(
            sql.SQL(
                "INSERT INTO {table} ({plain}, valid, known, version_id) SELECT {plain}, {valid},"
                " tstzrange({now}, NULL), {version} FROM {table} t JOIN closing_fids USING (fid)"
                " WHERE upper_inf(t.known) AND ({condition})"
            ).format(
                table=target.where, plain=plain, valid=sql.SQL(valid).format(**bounds),
                now=sql.Literal(constants.known_from), version=sql.Literal(constants.version_id),
                condition=sql.SQL(condition).format(**bounds),
            )
        )  # fmt: skip
    cursor.execute(
        sql.SQL(
            "UPDATE {table} t SET known = tstzrange(lower(t.known), {now}) FROM closing_fids c"
            " WHERE t.fid = c.fid AND upper_inf(t.known)"
        ).format(table=target.where, now=sql.Literal(constants.known_from))
    )
    return cursor.rowcount


def list_keys(cursor: psycopg.Cursor, target: Target, keys: Iterable[str]) -> list[str]:
    """Fill ``closing_fids`` with the rows of ``keys`` that stand at the start of the period; return absent keys."""
    _temporary(cursor, "closing_keys", "key text")
    with cursor.copy("COPY closing_keys (key) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["text"])
        for key in keys:  # a change package names thousands of keys, not millions
            copy.write_row((key,))
    _temporary(cursor, "closing_fids", "fid bigint, key text")
    cursor.execute(
        sql.SQL(
            "INSERT INTO closing_fids SELECT t.fid, k.key FROM closing_keys k JOIN {table} t ON t.{key} = k.key"
            " WHERE upper_inf(t.known) AND t.valid @> {start}::date"
        ).format(
            table=target.where, key=sql.Identifier(target.layer.key), start=sql.Literal(target.constants.valid_from)
        )
    )
    cursor.execute("SELECT key FROM closing_keys EXCEPT SELECT key FROM closing_fids ORDER BY 1")
    return [row[0] for row in cursor.fetchall()]


def doubled_keys(cursor: psycopg.Cursor, target: Target, limit: int = 5) -> list[str]:
    """Keys that two rows claim at the same time after this load: one set-wise statement over the rows written."""
    key = sql.Identifier(target.layer.key)
    cursor.execute(
        sql.SQL(
            "SELECT DISTINCT n.{key} FROM {table} n JOIN {table} o ON o.{key} = n.{key} AND o.fid <> n.fid"
            " AND o.valid && n.valid AND upper_inf(o.known)"
            " WHERE n.version_id = {version} AND upper_inf(n.known) ORDER BY 1 LIMIT {limit}"
        ).format(
            key=key, table=target.where, version=sql.Literal(target.constants.version_id), limit=sql.Literal(limit)
        )
    )
    return [str(row[0]) for row in cursor.fetchall()]


@dataclass(frozen=True)
class State:
    """What is believed of one county on one day. ``digest`` words sorted, so that equal states are equal."""

    records: int
    area_m2: float | None
    digests: NDArray[np.uint64]


def state_on(cursor: psycopg.Cursor, target: Target, day: date) -> State:
    """Count, area and row digests of what is believed now to be true on ``day``."""
    area = "sum(area_m2)" if target.layer.geometry == "Polygon" else "NULL::float8"
    where = sql.SQL("FROM {table} WHERE upper_inf(known) AND valid @> {day}::date").format(
        table=target.where, day=sql.Literal(day)
    )
    cursor.execute(sql.SQL("SELECT count(*), {} ").format(sql.SQL(area)) + where)
    found = cursor.fetchone()
    assert found is not None
    with cursor.copy(sql.SQL("COPY (SELECT digest ") + where + sql.SQL(") TO STDOUT (FORMAT binary)")) as copy:
        stream = b"".join(copy)
    layout = np.dtype([("fields", ">i2"), ("length", ">i4"), ("high", ">u8"), ("low", ">u8")])
    body = np.frombuffer(memoryview(stream)[len(copy_rows.HEADER) : -len(copy_rows.TRAILER)], layout)
    return State(found[0], found[1], sorted_words(np.stack([body["high"], body["low"]], 1).astype(np.uint64)))


def sorted_words(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Sort an (n, 2) array of digest words."""
    return words[np.lexsort((words[:, 1], words[:, 0]))]


def _temporary(cursor: psycopg.Cursor, name: str, columns: str) -> None:
    cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
    cursor.execute(f"CREATE TEMPORARY TABLE {name} ({columns}) ON COMMIT DROP")


def _copy_fids(cursor: psycopg.Cursor, fids: NDArray[np.int64]) -> None:
    layout = np.dtype([("fields", ">i2"), ("length", ">i4"), ("fid", ">i8")])
    packed = np.zeros(len(fids), layout)
    packed["fields"], packed["length"], packed["fid"] = 1, 8, fids
    with cursor.copy("COPY closing_fids (fid) FROM STDIN (FORMAT binary)") as copy:
        copy.write(copy_rows.HEADER)
        copy.write(packed.tobytes())
        copy.write(copy_rows.TRAILER)
    cursor.execute("ANALYZE closing_fids")
