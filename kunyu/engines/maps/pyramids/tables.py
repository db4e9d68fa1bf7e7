"""Where derived geometry lies: schema ``onemap_tiles``, one table per layer, one partition per build. 派生几何的表.

It is apart from ``onemap``, since what stands there is believed, and this can be made again. A table bears the row
policy of its layer: whoever may read a county's rows at a label sees what was derived from them, and nobody else. Columns:
``build`` (number of the :class:`Pyramid`), ``zoom``, ``county``, ``label``; ``tile_column`` and ``tile_row`` where the
geometry is in units of a Web Mercator tile (4096 to its side, y south), null where it is in degrees lon/lat;
``block_column`` and ``block_row`` of the block it came from, where it came from one; ``fid`` where one row is (a tile's
part of) one feature; the fields a tile carries, in the types a vector tile knows; ``geom``.
"""

from __future__ import annotations

import psycopg
from django.db import OperationalError, connection, transaction
from psycopg import sql

from kunyu.engines.catalogue import row_security
from kunyu.engines.catalogue.roles import OWNER, READER, owner_role, role_exists
from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.maps.grids import BUFFER_SHARE, MVT_EXTENT
from kunyu.engines.maps.pyramids import blocks
from kunyu.kernel.digests import sm3_hex

SCHEMA = "onemap_tiles"
STAGE = "staged_for_tiles"
_TYPES = {"Float": "double precision", "Int": "bigint"}
_FIXED = (
    ("build", "bigint"), ("zoom", "smallint"), ("county", "character varying(6)"), ("label", "smallint"),
    ("tile_column", "integer"), ("tile_row", "integer"), ("block_column", "integer"), ("block_row", "integer"),
    ("fid", "bigint"),
)  # fmt: skip


def carried(layer: ServedLayer) -> tuple[str, ...]:
    """Fields that derived rows bear: what a tile carries unless asked otherwise, without personal ones."""
    return tuple(code for code in layer.tile_fields if not layer.fields[code].personal)


def sql_type(layer: ServedLayer, code: str) -> str:
    """SQL type of a field in a vector tile."""
    return _TYPES.get(layer.fields[code].type, "text")


def columns_of(layer: ServedLayer) -> list[tuple[str, str]]:
    """Columns of a layer's table with their types, in order."""
    return [*_FIXED, *((code, sql_type(layer, code)) for code in carried(layer)), ("geom", "geometry")]


def table_of(layer: ServedLayer) -> str:
    """Quoted name of a layer's table of derived geometry."""
    return f'{SCHEMA}."{layer.table_name}"'


def partition_of(build: int) -> str:
    """Quoted name of the rows of one build."""
    return f'{SCHEMA}."p{int(build)}"'


@transaction.atomic
def ensure_table(layer: ServedLayer) -> None:
    """Make the table of a layer, or anew when it has other columns than the layer wants, and see to its protection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [table_of(layer)])
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [SCHEMA])
        if not cursor.fetchone()[0]:
            owner = f" AUTHORIZATION {OWNER}" if role_exists(cursor, OWNER) else ""
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}{owner}")
        cursor.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass(%s) "
            "AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            [table_of(layer)],
        )
        present, wanted = cursor.fetchall(), columns_of(layer)
        has_reader = role_exists(cursor, READER)
        with owner_role(cursor):
            cursor.execute(blocks.CREATE)
        with owner_role(cursor):
            if present and present != wanted:
                cursor.execute(f"DROP TABLE {table_of(layer)} CASCADE")
            if present != wanted:
                listed = ", ".join(f'"{name}" {kind}' for name, kind in wanted)
                cursor.execute(f"CREATE TABLE {table_of(layer)} ({listed}) PARTITION BY LIST (build)")
                cursor.execute(f"ALTER TABLE {table_of(layer)} ALTER COLUMN geom SET STORAGE EXTERNAL")
            if has_reader:
                cursor.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {READER}")
                _protect(layer)


def _protect(layer: ServedLayer) -> None:
    """Give a table the policy of its layer, unless it bears it; without one its rows are seen by nobody."""
    name, condition = table_of(layer), row_security.condition(layer.table_name, layer.collection)
    mark = f"kunyu {sm3_hex(condition.encode())[:16]}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relrowsecurity, (SELECT array_agg(obj_description(p.oid, 'pg_policy')) FROM pg_policy p "
            "WHERE p.polrelid = c.oid) FROM pg_class c WHERE c.oid = to_regclass(%s)",
            [name],
        )
        if cursor.fetchone() == (True, [mark]):
            return
        cursor.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
        cursor.execute(f"DROP POLICY IF EXISTS serve ON {name}")
        cursor.execute(f"CREATE POLICY serve ON {name} FOR SELECT TO {READER} USING ({condition})")
        cursor.execute(f"COMMENT ON POLICY serve ON {name} IS {sql.quote(mark)}")
        cursor.execute(f"GRANT SELECT ON {name} TO {READER}")


def open_partition(session: psycopg.Connection, layer: ServedLayer, build: int) -> None:
    """Make the table of a build, apart from the layer's; ``session`` goes on as the owner of the tables."""
    found = session.execute(
        "SELECT 1 FROM pg_roles WHERE rolname = %s AND pg_has_role(current_user, oid, 'MEMBER')", [OWNER]
    ).fetchone()
    if found:
        session.execute(f"SET ROLE {OWNER}")
    name = partition_of(build)
    session.execute(f"DROP TABLE IF EXISTS {name}")
    session.execute(f"CREATE TABLE {name} (LIKE {table_of(layer)} INCLUDING STORAGE)")
    session.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    session.execute(f"ALTER TABLE {name} ADD CONSTRAINT one_build CHECK (build IS NOT NULL AND build = {int(build)})")


def open_stage(session: psycopg.Connection, layer: ServedLayer) -> None:
    """A table of the session's own for rows in degrees that :func:`cut_into_tiles` takes."""
    session.execute(f"CREATE TEMPORARY TABLE {STAGE} (LIKE {table_of(layer)} INCLUDING STORAGE)")


def cut_into_tiles(session: psycopg.Connection, layer: ServedLayer, build: int) -> int:
    """Move what is staged into a build, cut into tiles with their margins and rounded to their units.

    What ``ST_AsMVTGeom`` costs is paid here once and not at each request. Bounds in degrees stand for the projection,
    which at these zooms is within one unit. Answers with the number of rows.
    """
    wide, share = "(2 ^ zoom)", repr(BUFFER_SHARE)
    fields = "".join(f', "{code}"' for code in carried(layer))

    def across(lon: str) -> str:
        return f"({lon} + 180) / 360 * {wide}"

    def down(lat: str) -> str:
        return f"(1 - asinh(tan(radians({lat}))) / pi()) / 2 * {wide}"

    def latitude(row: str) -> str:
        return f"degrees(atan(sinh(pi() * (1 - 2 * ({row}) / {wide}))))"

    bounds = (
        f"ST_MakeEnvelope(x / {wide} * 360 - 180, {latitude('y + 1')}, (x + 1) / {wide} * 360 - 180, {latitude('y')})"
    )
    done = session.execute(
        f"INSERT INTO {partition_of(build)} (build, zoom, county, label, tile_column, tile_row, block_column, block_row, "
        f"fid{fields}, geom) SELECT build, zoom, county, label, x, y, block_column, block_row, fid{fields}, "
        f"ST_SetSRID(cut, 0) FROM (SELECT s.*, x, y, ST_AsMVTGeom(geom, {bounds}::box2d, {MVT_EXTENT}, "
        f"{int(MVT_EXTENT * BUFFER_SHARE)}, true) AS cut FROM {STAGE} s, "
        f"LATERAL generate_series(floor({across('ST_XMin(geom)')} - {share})::int, "
        f"floor({across('ST_XMax(geom)')} + {share})::int) x, "
        f"LATERAL generate_series(floor({down('ST_YMax(geom)')} - {share})::int, "
        f"floor({down('ST_YMin(geom)')} + {share})::int) y OFFSET 0) q WHERE cut IS NOT NULL ORDER BY zoom, x, y, fid"
    )
    session.execute(f"TRUNCATE {STAGE}")
    return done.rowcount


def copy_rows(session: psycopg.Connection, source: int, target: int, without: str, places: list[list[int]]) -> int:
    """Copy rows of a build into another, all but those of some places; answers with how many.

    Parameters
    ----------
    without
        Columns that name a place, as a row of SQL.
    places
        A list of values for each of the columns.
    """
    name, given = partition_of(source), ", ".join(["%s::int[]"] * len(places))
    columns = session.execute(f"SELECT * FROM {name} LIMIT 0").description or []
    listed = ", ".join(str(int(target)) if one.name == "build" else f'"{one.name}"' for one in columns)
    done = session.execute(
        f"INSERT INTO {partition_of(target)} SELECT {listed} FROM {name} "
        f"WHERE {without} NOT IN (SELECT * FROM unnest({given}))",
        places,
    )
    return done.rowcount


def index_partition(session: psycopg.Connection, build: int, zooms: tuple[int, ...], *, in_tiles: bool) -> None:
    """Index a filled build: by tile, or by place for each zoom; statistics too."""
    name = partition_of(build)
    if in_tiles:
        session.execute(f"CREATE INDEX ON {name} (zoom, tile_column, tile_row)")
    else:
        for zoom in zooms:
            session.execute(f"CREATE INDEX ON {name} USING gist (geom) WHERE zoom = {int(zoom)}")
    session.execute(f"ANALYZE {name}")


def attach_partition(layer: ServedLayer, build: int) -> None:
    """Put a build among the layer's rows, inside the running transaction; readers are not held up."""
    name = partition_of(build)
    with connection.cursor() as cursor, owner_role(cursor):
        cursor.execute(f"ALTER TABLE {table_of(layer)} ATTACH PARTITION {name} FOR VALUES IN ({int(build)})")
        cursor.execute(f"ALTER TABLE {name} DROP CONSTRAINT one_build")


def builds_on_disk() -> set[int]:
    """Numbers of the builds that have a table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT substr(relname, 2)::bigint FROM pg_class WHERE relnamespace = to_regnamespace(%s) "
            "AND relkind = 'r' AND relname ~ '^p[0-9]+$'",
            [SCHEMA],
        )
        return {row[0] for row in cursor.fetchall()}


def drop_partition(build: int) -> bool:
    """Drop the rows of a build; False when readers held it for longer than a second: then a later sweep drops it."""
    try:
        with transaction.atomic(), connection.cursor() as cursor, owner_role(cursor):
            cursor.execute("SET LOCAL lock_timeout = '1s'")
            cursor.execute(f"DROP TABLE IF EXISTS {partition_of(build)}")
    except OperationalError:
        return False
    return True
