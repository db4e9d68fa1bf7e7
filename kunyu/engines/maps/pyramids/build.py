"""One build: read a county in one snapshot, derive, write its rows apart, swap them in at once. 生成与切换.

Until the last transaction nobody sees anything of a build; it puts the rows among the layer's, says that they are in
force and that the ones before are replaced. A process that dies leaves a record "building" whose lock is free, and rows
that belong to nobody: the next sweep takes both away. Replaced rows stay for a minute, for tiles that are being drawn.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import numpy as np
import psycopg
import shapely
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.maps.models import Pyramid
from kunyu.engines.maps.pyramids import borders, cells, classes, tables
from kunyu.engines.maps.pyramids.source import County, Rows
from kunyu.engines.maps.pyramids.state import EDITION
from kunyu.engines.worklist.progress import own_session

CLASS_SHARE, PRESENCE, SHARED_BORDERS = "class-share", "presence", "shared-borders"
LOCK_SPACE = 0x6B795031  # first key of the advisory locks that running builds hold
ROWS_PER_COPY = 2_000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

logger = logging.getLogger(__name__)


def method_of(layer: ServedLayer, kind: str) -> str:
    """How rows of a kind are derived for a layer, as the header ``Kunyu-Generalised`` says it."""
    if kind == Pyramid.Kind.LARGE:
        return SHARED_BORDERS
    return CLASS_SHARE if layer.geometry == "Polygon" and class_code(layer) else PRESENCE


def class_code(layer: ServedLayer) -> str | None:
    """The field whose classes are generalised; None when it is personal or there is none."""
    field = layer.class_field
    return field.code if field is not None and not field.personal else None


def kinds_of(layer: ServedLayer) -> tuple[str, ...]:
    """What is built for a layer: points are drawn live from zoom 12 on."""
    if not layer.is_spatial:
        return ()
    small, large = str(Pyramid.Kind.SMALL), str(Pyramid.Kind.LARGE)
    return (small,) if layer.geometry == "Point" else (small, large)


@dataclass(frozen=True)
class Built:
    """What a build was: numbers of the records by kind, rows written, seconds it took."""

    county: str
    builds: dict[str, int]
    rows: int
    seconds: float


class _Writer:
    """Writes rows of one build by COPY."""

    def __init__(self, session: psycopg.Connection, layer: ServedLayer, county: str, build: Pyramid) -> None:
        self._session, self._county, self.build = session, county, build
        self._codes = tables.carried(layer)
        self.rows = 0
        self.zooms: set[int] = set()

    def write(
        self, zoom: int, labels: NDArray[np.int64], places: list[NDArray[np.int64]] | None, fids: NDArray[np.int64] | None,
        fields: dict[str, list[object]], geometries: NDArray[np.object_],
    ) -> None:  # fmt: skip
        """Rows of one zoom; ``places`` are columns and rows of tiles, None for geometry in lon/lat."""
        count = len(geometries)
        if not count:
            return
        nothing = ["\\N"] * count
        columns, rows = ([_text(one) for one in place] for place in places) if places else (nothing, nothing)
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


def _text(value: object) -> str:
    return "\\N" if value is None else str(value).translate(_ESCAPES)


def build(layer: ServedLayer, county: str, day: date | None = None, kinds: Iterable[str] | None = None) -> Built | None:
    """Make a county's derived rows anew and put them in force.

    Parameters
    ----------
    day
        The day whose rows are drawn, today when None.
    kinds
        What to build; all that the layer has when None.

    Returns
    -------
    Built or None
        None when another process builds this county now, or the county has no published version.
    """
    wanted = tuple(kinds if kinds is not None else kinds_of(layer))
    day = day or timezone.localdate()
    if not wanted:
        return None
    tables.ensure_table(layer)
    begun = time.monotonic()
    with own_session() as lock, own_session() as writing, _snapshot() as reading:
        if not _locked(lock, layer.id, county):
            return None
        source = County(reading, layer, county, day)
        version = source.newest_version()
        if version is None:
            return None
        holds, labels = source.holds(), source.labels_digest()
        made = {
            kind: Pyramid.objects.create(
                layer_id=layer.id, county=county, kind=kind, method=method_of(layer, kind), edition=EDITION,
                version_id=version, labels=labels, valid_from=holds[0], valid_until=holds[1],
            )
            for kind in wanted
        }  # fmt: skip
        writers = {}
        for kind, record in made.items():
            tables.open_partition(writing, layer, record.pk)
            writers[kind] = _Writer(writing, layer, county, record)
        extent = _derive(source, writers)
        for kind, writer in writers.items():
            in_tiles = made[kind].method == CLASS_SHARE
            tables.index_partition(writing, writer.build.pk, tuple(sorted(writer.zooms)), in_tiles=in_tiles)
        seconds = time.monotonic() - begun
        _swap(layer, county, writers, extent, seconds)
    return Built(county, {kind: one.pk for kind, one in made.items()}, sum(w.rows for w in writers.values()), seconds)


@contextmanager
def _snapshot() -> Iterator[psycopg.Connection]:
    """A session that sees the database as it is now until it ends."""
    with own_session() as session:
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        session.execute("SET LOCAL jit = off")
        yield session
        session.execute("COMMIT")


def _locked(session: psycopg.Connection, layer: int, county: str) -> bool:
    """Take the lock of a county's builds until the session ends, unless somebody has it."""
    row = session.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [LOCK_SPACE, f"{layer} {county}"]).fetchone()
    return bool(row and row[0])


def _derive(source: County, writers: dict[str, _Writer]) -> list[float] | None:
    """Read block after block, write what each kind derives from it; the extent of all, west, south, east, north."""
    small, large = writers.get(Pyramid.Kind.SMALL), writers.get(Pyramid.Kind.LARGE)
    gathered = _Classes() if small and small.build.method == CLASS_SHARE else None
    extents = []
    code = class_code(source.layer)
    for rows in source.rows():
        if not len(rows.fids):
            continue
        extents.append(shapely.total_bounds(rows.geometries))
        if large:
            for level in borders.large_levels(rows.geometries, source.layer.geometry):
                _write_level(large, rows, level)
        if gathered is not None and code is not None:
            gathered.add(rows, code)
        elif small:
            for level in borders.small_levels(rows.geometries, source.layer.geometry):
                _write_level(small, rows, level)
    if gathered is not None and small and code is not None:
        gathered.write(small, code)
    if not extents:
        return None
    corners = np.array(extents)
    return [float(one) for one in (*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0))]


def _write_level(writer: _Writer, rows: Rows, level: borders.Level) -> None:
    kept = level.kept
    fields = {code: [values[one] for one in kept] for code, values in rows.fields.items()}
    geometries = shapely.set_srid(level.geometries, 4490)
    writer.write(level.zoom, rows.labels[kept], None, rows.fids[kept], fields, geometries)


class _Classes:
    """Gathers exact shares of classes by own label: rows of different labels never become one."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, object], int] = {}
        self._shares: list[cells.Shares] = []
        self._centres: list[cells.Shares] = []

    def add(self, rows: Rows, code: str) -> None:
        pairs = list(zip(rows.labels.tolist(), rows.fields[code], strict=True))
        for pair in dict.fromkeys(pairs):
            self._numbers.setdefault(pair, len(self._numbers))
        kinds = np.array([self._numbers[pair] for pair in pairs], np.int64)
        shares, centres = cells.shares_of(rows.geometries, kinds)
        self._shares.append(shares)
        self._centres.append(centres)

    def write(self, writer: _Writer, code: str) -> None:
        names = list(self._numbers)
        if not self._shares:
            return
        shares, centres = cells.together(self._shares), cells.together(self._centres)
        waiting: list[classes.Drawn] = []
        for one in classes.generalise(shares, centres):
            if waiting and (waiting[0].zoom != one.zoom or len(waiting) >= ROWS_PER_COPY):
                self._flush(writer, waiting, names, code)
                waiting = []
            waiting.append(one)
        self._flush(writer, waiting, names, code)

    @staticmethod
    def _flush(writer: _Writer, drawn: list[classes.Drawn], names: list[tuple[int, object]], code: str) -> None:
        if not drawn:
            return
        labels = np.array([names[one.kind][0] for one in drawn], np.int64)
        places = [np.array([one.column for one in drawn]), np.array([one.row for one in drawn])]
        geometries = np.array([one.geometry for one in drawn], object)
        writer.write(drawn[0].zoom, labels, places, None, {code: [names[one.kind][1] for one in drawn]}, geometries)


@transaction.atomic
def _swap(
    layer: ServedLayer, county: str, writers: dict[str, _Writer], extent: list[float] | None, seconds: float
) -> None:
    """Put builds in force and those before out of it, in one transaction."""
    now = timezone.now()
    for kind, writer in writers.items():
        tables.attach_partition(layer, writer.build.pk)
        Pyramid.objects.filter(layer_id=layer.id, county=county, kind=kind, status=Pyramid.Status.IN_FORCE).update(
            status=Pyramid.Status.REPLACED, replaced_at=now
        )
        Pyramid.objects.filter(pk=writer.build.pk).update(
            status=Pyramid.Status.IN_FORCE, in_force_at=now, features=writer.rows, seconds=seconds, extent=extent
        )
