"""One build: read a county in one snapshot, derive, write its rows apart, swap them in at once. 生成与切换.

Until the last transaction nobody sees anything of a build; it puts the rows among the layer's, says that they are in
force and that the ones before are replaced. A process that dies leaves a record "building" whose lock is free, and rows
that belong to nobody: the next sweep takes the rows away and counts the record (:mod:`interruptions`). Replaced rows stay
for a minute, for tiles that are being drawn.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import psycopg
from django.db import connection, transaction
from django.utils import timezone

from kunyu.engines.catalogue.roles import owner_role
from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.maps.models import Pyramid
from kunyu.engines.maps.pyramids import blocks, borders, classes, interruptions, tables
from kunyu.engines.maps.pyramids.blocks import Block, Place
from kunyu.engines.maps.pyramids.cells import BASE_ZOOM
from kunyu.engines.maps.pyramids.gathering import Gathered
from kunyu.engines.maps.pyramids.source import County
from kunyu.engines.maps.pyramids.state import EDITION
from kunyu.engines.maps.pyramids.writing import ROWS_PER_COPY, Writer
from kunyu.engines.worklist.progress import own_session

CLASS_SHARE, PRESENCE, SHARED_BORDERS = "class-share", "presence", "shared-borders"
LOCK_SPACE = 0x6B795031  # first key of the advisory locks that running builds hold


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
    """What a build was: its number, rows, blocks derived and taken over, seconds it took."""

    collection: str
    county: str
    kind: str
    build: int
    rows: int
    blocks: int
    blocks_kept: int
    seconds: float


def build(layer: ServedLayer, county: str, kind: str, *, day: date | None = None, anew: bool = False) -> Built | None:
    """Make a county's derived rows of one kind and put them in force.

    Blocks whose rows are those of the build in force are taken from it.

    Parameters
    ----------
    kind
        One of :func:`kinds_of` the layer.
    day
        The day whose rows are drawn, today when None.
    anew
        Take nothing from the build in force, and ask for no count of builds that were interrupted before.

    Returns
    -------
    Built or None
        None when another process builds this county now, the county has no published version, or its builds were
        interrupted so often that it is given up.
    """
    day = day or timezone.localdate()
    tables.ensure_table(layer)
    begun = time.monotonic()
    with own_session() as lock, own_session() as writing, _snapshot() as reading:
        source = County(reading, layer, county, day)
        version = source.newest_version()
        if version is None or not _locked(lock, layer.id, county):
            return None
        dead = interruptions.count_dead(layer.id, county, version)
        if interruptions.is_spent(dead) and not anew:
            return None
        shared_by = source.shared_by()
        before = None if anew else _in_force(layer, county, kind, shared_by)
        # written down before anything of the layer is read: whatever kills this process, it is counted
        record = Pyramid.objects.create(
            layer_id=layer.id, county=county, kind=kind, method=method_of(layer, kind), edition=EDITION,
            version_id=version, labels=source.labels_digest(), shared_by=shared_by,
        )  # fmt: skip
        record.valid_from, record.valid_until = source.holds()
        record.save(update_fields=("valid_from", "valid_until"))
        tables.open_partition(writing, layer, record.pk)
        writer = Writer(writing, layer, county, record)
        _derive(source, writer, before)
        in_tiles = record.method != PRESENCE
        tables.index_partition(writing, record.pk, tuple(sorted(writer.zooms)), in_tiles=in_tiles)
        seconds = time.monotonic() - begun
        _swap(layer, writer, seconds)
    return Built(layer.collection, county, kind, record.pk, writer.rows, len(writer.changed), len(writer.kept), seconds)


def _in_force(layer: ServedLayer, county: str, kind: str, shared_by: int) -> int | None:
    """The build whose rows may be taken over: made in the same way, and still there."""
    found = Pyramid.objects.filter(
        layer_id=layer.id, county=county, kind=kind, status=Pyramid.Status.IN_FORCE, edition=EDITION,
        method=method_of(layer, kind), shared_by=shared_by,
    ).first()  # fmt: skip
    return found.pk if found is not None and found.pk in tables.builds_on_disk() else None


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


def _derive(source: County, writer: Writer, before: int | None) -> None:
    """Derive what is new since build ``before``, take the rest from it."""
    layer, record = source.layer, writer.build
    known = blocks.remembered(source.session, layer.id, source.code, record.kind, before) if before is not None else {}
    present = source.blocks()
    code = class_code(layer)
    if record.method == CLASS_SHARE and code is not None:
        _classes(source, writer, before, known, present, code)
        return
    for place, fingerprint in present.items():
        if known.get(place, ("",))[0] == fingerprint:
            writer.kept.append(place)
            continue
        rows = source.block(*place)
        if record.kind == Pyramid.Kind.LARGE:
            writer.staged(rows, place, borders.large_levels(rows.geometries, layer.geometry))
        else:
            for level in borders.small_levels(rows.geometries, layer.geometry):
                writer.level(rows, place, level)
        writer.changed.append(Block(place, fingerprint))
    if before is not None:
        other = [place for place in known.keys() | present.keys() if place not in set(writer.kept)]
        zooms = borders.LARGE_ZOOMS if record.kind == Pyramid.Kind.LARGE else borders.SMALL_ZOOMS
        places = [[one[0] for one in other], [one[1] for one in other]]
        writer.copy_from(before, "(block_column, block_row)", places, set(zooms))


def _classes(
    source: County, writer: Writer, before: int | None, known: dict[Place, tuple[str, bytes | None]],
    present: dict[Place, str], code: str,
) -> None:  # fmt: skip
    gathered = Gathered()
    for place, fingerprint in present.items():
        old_print, old = known.get(place, ("", None))
        if old is not None and old_print == fingerprint:
            gathered.add_remembered(old)
            writer.kept.append(place)
        else:
            writer.changed.append(Block(place, fingerprint, gathered.add_rows(source.block(*place), code, old)))
    for place in known.keys() - present.keys():
        gathered.lose(known[place][1])
    waiting: list[classes.Drawn] = []
    for one in gathered.drawn(1 / writer.build.shared_by, only_changed=before is not None):
        if waiting and (waiting[0].zoom != one.zoom or len(waiting) >= ROWS_PER_COPY):
            writer.drawn(waiting, gathered.names, code)
            waiting = []
        waiting.append(one)
    writer.drawn(waiting, gathered.names, code)
    if before is not None:
        redrawn = [
            (zoom, column, row)
            for zoom in range(BASE_ZOOM + 1)
            for row, column in classes.touched(gathered.changed, zoom)
        ]
        places = [[one[axis] for one in redrawn] for axis in range(3)]
        writer.copy_from(before, "(zoom, tile_column, tile_row)", places, set())


@transaction.atomic
def _swap(layer: ServedLayer, writer: Writer, seconds: float) -> None:
    """Put a build in force and the one before out of it, in one transaction."""
    now, record = timezone.now(), writer.build
    tables.attach_partition(layer, record.pk)
    Pyramid.objects.filter(
        layer_id=layer.id, county=record.county, kind=record.kind, status=Pyramid.Status.IN_FORCE
    ).update(status=Pyramid.Status.REPLACED, replaced_at=now)
    Pyramid.objects.filter(
        layer_id=layer.id, county=record.county, kind=record.kind, status=Pyramid.Status.INTERRUPTED
    ).delete()
    Pyramid.objects.filter(pk=record.pk).update(
        status=Pyramid.Status.IN_FORCE, in_force_at=now, features=writer.rows, seconds=seconds
    )
    with connection.cursor() as cursor, owner_role(cursor):
        blocks.remember(cursor, layer.id, record.county, record.kind, record.pk, writer.changed, writer.kept)
