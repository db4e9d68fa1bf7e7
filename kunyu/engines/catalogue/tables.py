"""Layer tables in schema ``onemap``: made once per layer and edition from the standard, never altered.

One function makes each thing, under the owner role where it exists. A table is partitioned by county; a row is what
was believed (``known``) to be true in the world (``valid``). Columns in order: ``fid``, ``county``, the standard's
fields (quoted, upper case), for spatial layers ``geom`` (EPSG:4490, longitude then latitude), ``area_m2``
(ellipsoidal, polygons only) and ``source_crs`` (EPSG code as delivered), then ``valid``, ``known``, ``version_id``,
``digest`` (of attributes and geometry) and ``label`` (the record's own label; with the dataset's it decides who sees
it, see ``security.labels``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from kunyu.engines.catalogue import row_security
from kunyu.engines.catalogue.errors import LayerTableDiffers, NoTable
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.roles import OWNER, READER, owner_role, role_exists
from kunyu.engines.catalogue.standards import Field, load_standard
from kunyu.engines.catalogue.standards import Layer as StandardLayer
from kunyu.engines.catalogue.table_names import SCHEMA, partition_name, view_name
from kunyu.engines.security import labels

_GEOMETRY = {
    "Polygon": "MultiPolygon",
    "LineString": "MultiLineString",
    "Point": "Point",
}
_CURRENT = "upper_inf(known)"


@dataclass(frozen=True)
class Column:
    """A column as PostgreSQL's ``format_type`` spells it."""

    name: str
    sql_type: str
    not_null: bool = False


def field_type(field: Field) -> str:
    """SQL type of a standard's field, for example ``character varying(5)`` or ``numeric(15,2)``."""
    match field.type:
        case "Char" | "VarChar":
            return f"character varying({field.length})" if field.length else "text"
        case "Int":
            return "bigint" if field.length > 9 else "integer"
        case "Float":
            return f"numeric({field.length},{field.decimals})"
        case "Date":
            return "date"
        case "DateTime":
            return "timestamp with time zone"


def columns_of(layer: StandardLayer) -> tuple[Column, ...]:
    """The columns of a layer's table, in order.

    No field of the standard is NOT NULL here: whether a value may be missing is for the checks to say, and a delivery
    accepted with exceptions must still be stored.
    """
    columns = [
        Column("fid", "bigint", True),
        Column("county", "character varying(6)", True),
    ]
    columns += [Column(field.code, field_type(field)) for field in layer.fields]
    if layer.spatial:
        columns.append(Column("geom", f"geometry({_GEOMETRY[layer.geometry]},4490)"))
        if layer.geometry == "Polygon":
            columns.append(Column("area_m2", "double precision"))
        columns.append(Column("source_crs", "integer"))
    return (
        *columns,
        Column("valid", "daterange", True),
        Column("known", "tstzrange", True),
        Column("version_id", "bigint", True),
        Column("digest", "bytea", True),
        Column("label", "smallint", True),
    )


def standard_layer(layer: Layer) -> StandardLayer:
    """What the standard says about a catalogued layer."""
    return load_standard(layer.standard_id).layers[layer.code]


@transaction.atomic
def ensure_schema() -> None:
    """Make schema ``onemap`` when absent; a node's own cluster has it from the start."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [SCHEMA])
        if cursor.fetchone()[0]:
            return
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", [OWNER])
        authorised = f" AUTHORIZATION {OWNER}" if cursor.fetchone()[0] else ""
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}{authorised}")
        if role_exists(cursor, READER):
            with owner_role(cursor):
                cursor.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {READER}")


@transaction.atomic
def create_layer_table(layer: Layer) -> str:
    """Make the table of a layer with its view and indexes, unless it stands already.

    Returns
    -------
    str
        The table's name with its schema, ready for SQL: ``onemap."dltb_tdt1057_2020"``.

    Raises
    ------
    NoTable
        The layer is a folder of documents.
    LayerTableDiffers
        The table exists with other columns than the standard names. Tables are never altered: an edition with
        changed fields bears another standard id and so gets another table.
    """
    standard = standard_layer(layer)
    if standard.geometry == "Documents":
        raise NoTable(
            f"{layer.code} 是文档目录，没有数据表；文件存于对象库。",
            f"{layer.code} is a folder of documents and has no table; files live in the object store.",
        )
    ensure_schema()
    with connection.cursor() as cursor:
        # two deliveries may be the first of one layer at the same time
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{SCHEMA}.{layer.table_name}"],
        )
        present = _present_columns(cursor, layer.table_name)
        wanted = columns_of(standard)
        if present and present != wanted:
            _refuse_difference(layer, present, wanted)
        if not present:
            with owner_role(cursor):
                for statement in _statements(layer.table_name, standard, wanted):
                    cursor.execute(statement)
                if role_exists(cursor, READER):
                    for statement in row_security.layer_statements(layer.table_name, layer.collection):
                        cursor.execute(statement)
                    cursor.execute(f"GRANT SELECT ON {qualified(view_name(layer.table_name))} TO {READER}")
    return qualified(layer.table_name)


def qualified(table: str) -> str:
    """Name with schema, quoted for SQL."""
    return f'{SCHEMA}."{table}"'


def _present_columns(cursor: CursorWrapper, table: str) -> tuple[Column, ...]:
    cursor.execute(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute "
        "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [qualified(table)],
    )
    return tuple(Column(*row) for row in cursor.fetchall())


def _refuse_difference(layer: Layer, present: tuple[Column, ...], wanted: tuple[Column, ...]) -> None:
    odd = sorted({one.name for one in set(present) ^ set(wanted)}) or ["order"]
    names = "、".join(odd)
    raise LayerTableDiffers(
        f"表 {layer.table_name} 与标准 {layer.standard_id} 的 {layer.code} 不一致：{names}。"
        "图层表从不修改；字段有变的新版本请用新的标准编号。",
        f"Table {layer.table_name} differs from {layer.code} of {layer.standard_id}: {names}. "
        "Layer tables are never altered; give an edition with changed fields a new standard id.",
        table=layer.table_name,
        columns=odd,
    )


def _statements(table: str, layer: StandardLayer, columns: tuple[Column, ...]) -> Iterator[str]:
    name = qualified(table)
    # A plain sequence and not GENERATED AS IDENTITY: before PostgreSQL 17 partitions do not inherit an identity, and
    # COPY goes straight into the partition.
    sequence = f'{SCHEMA}."{table}_fid_seq"'
    yield f"CREATE SEQUENCE {sequence}"
    body = ", ".join(
        f'"{one.name}" {one.sql_type}'
        + (" NOT NULL" if one.not_null else "")
        + (f" DEFAULT nextval('{sequence}')" if one.name == "fid" else "")
        + (f" DEFAULT 0 CHECK (label BETWEEN 0 AND {labels.COUNT - 1})" if one.name == "label" else "")
        for one in columns
    )
    yield f"CREATE TABLE {name} ({body}) PARTITION BY LIST (county)"
    yield f"ALTER SEQUENCE {sequence} OWNED BY {name}.fid"
    if layer.spatial:
        # compressing coordinates saves half a percent and doubles the time of COPY (measured, 100,000 parcels)
        yield f"ALTER TABLE {name} ALTER COLUMN geom SET STORAGE EXTERNAL"
    for suffix, definition in _indexes(layer):
        yield f'CREATE INDEX "{table}_{suffix}" ON {name} {definition}'
    hidden = ("valid", "known", "digest", "label")
    listed = ", ".join(f'"{one.name}"' for one in columns if one.name not in hidden)
    yield (
        f"CREATE VIEW {qualified(view_name(table))} WITH (security_invoker = true) AS "
        f"SELECT {listed}, lower(valid) AS valid_from FROM {name} "
        f"WHERE {_CURRENT} AND valid @> current_date"
    )
    yield f"COMMENT ON TABLE {name} IS '{layer.name_zh} {layer.code}: {layer.clause}'".replace("%", "%%")


def _indexes(layer: StandardLayer) -> Iterator[tuple[str, str]]:
    if layer.spatial:
        yield "geom_now", f"USING gist (geom) WHERE {_CURRENT}"
        yield "geom_past", f"USING gist (geom) WHERE NOT {_CURRENT}"
    yield "key_now", f'("{layer.key}") WHERE {_CURRENT}'


@transaction.atomic
def ensure_partition(layer: Layer, county: str) -> str:
    """Make the partition of a county, and the table when it is the first; return its name with schema.

    Raises
    ------
    BadCounty
        ``county`` is not six digits.
    """
    partition = partition_name(layer.table_name, county)
    table = create_layer_table(layer)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{SCHEMA}.{partition}"],
        )
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [qualified(partition)])
        if not cursor.fetchone()[0]:
            with owner_role(cursor):
                cursor.execute(f"CREATE TABLE {qualified(partition)} PARTITION OF {table} FOR VALUES IN ('{county}')")
                _close(cursor, partition)
    return qualified(partition)


@contextmanager
def without_indexes(layer: Layer, county: str) -> Iterator[str]:
    """Yield the partition of a county, empty and without indexes; when the block ends they are built at once.

    For the first load of a county: building three indexes after COPY is several times faster than keeping them
    up to date row by row. The partition stands alone until then, so readers never see a half-filled county. A
    partition that exists already is yielded as it is.
    """
    partition = partition_name(layer.table_name, county)
    table = create_layer_table(layer)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{SCHEMA}.{partition}"],
        )
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [qualified(partition)])
        if cursor.fetchone()[0]:
            yield qualified(partition)
            return
        with owner_role(cursor):
            alike = "INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING CONSTRAINTS"
            cursor.execute(f"CREATE TABLE {qualified(partition)} (LIKE {table} {alike})")
            # spares the scan of the whole partition when it is attached
            cursor.execute(f"ALTER TABLE {qualified(partition)} ADD CONSTRAINT one_county CHECK (county = '{county}')")
        yield qualified(partition)
        with owner_role(cursor):
            for suffix, definition in _indexes(standard_layer(layer)):
                cursor.execute(f'CREATE INDEX "{partition}_{suffix}" ON {qualified(partition)} {definition}')
            cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {qualified(partition)} FOR VALUES IN ('{county}')")
            cursor.execute(f"ALTER TABLE {qualified(partition)} DROP CONSTRAINT one_county")
            _close(cursor, partition)


def _close(cursor: CursorWrapper, partition: str) -> None:
    """Rows are read through the layer's table, where its policy stands, never from a partition."""
    if role_exists(cursor, READER):
        for statement in row_security.partition_statements(partition):
            cursor.execute(statement)


def counties(layer: Layer) -> tuple[str, ...]:
    """Counties that have a partition of the layer, sorted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT right(c.relname, 6) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = to_regclass(%s) ORDER BY 1",
            [qualified(layer.table_name)],
        )
        return tuple(row[0] for row in cursor.fetchall())
