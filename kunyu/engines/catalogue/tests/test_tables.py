"""Layer tables in a real PostGIS: columns, partitions, indexes, rights, and that nothing is ever altered."""

import dataclasses
import datetime

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from kunyu.engines.catalogue import tables
from kunyu.engines.catalogue.bitemporal import Moment
from kunyu.engines.catalogue.errors import BadCounty, LayerTableDiffers, NoTable
from kunyu.engines.catalogue.loading import Loaded, load_catalogue
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.standards import load_standard

COUNTY = "990101"
SQUARE = "SRID=4490;MULTIPOLYGON(((113 34,113.01 34,113.01 34.01,113 34.01,113 34)))"


def dltb() -> Layer:
    return Layer.objects.get(collection="10401-003")


def insert(partition: str, bsm: str, valid: str, known: str, version: int = 1) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {partition} (county, "BSM", "DLBM", geom, valid, known, version_id, digest) '
            "VALUES (%s, %s, '0101', ST_GeomFromEWKT(%s), %s::daterange, %s::tstzrange, %s, '\\x00')",
            [COUNTY, bsm, SQUARE, valid, known, version],
        )


def rows(sql: str, parameters: list | None = None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or [])
        return cursor.fetchall()


def test_table_has_the_standards_columns_in_order(catalogue: Loaded) -> None:
    """Columns are fid, county, the 30 fields of DLTB in order, geometry, and the two times."""
    name = tables.create_layer_table(dltb())

    found = rows(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
        [name],
    )
    fields = load_standard("TDT1057-2020").layers["DLTB"].fields
    assert name == 'onemap."dltb_tdt1057_2020"'
    assert [column for column, _ in found] == [
        "fid", "county", *[field.code for field in fields], "geom", "area_m2", "source_crs",
        "valid", "known", "version_id", "digest", "label",
    ]  # fmt: skip
    types = dict(found)
    assert types["DLBM"] == "character varying(5)"
    assert types["KCXS"] == "numeric(6,4)"
    assert types["SJNF"] == "integer"
    assert types["BZ"] == "text"
    assert types["geom"] == "geometry(MultiPolygon,4490)"
    assert types["valid"] == "daterange"
    assert types["known"] == "tstzrange"


def test_every_layer_of_every_standard_makes_a_table(catalogue: Loaded) -> None:
    """All stored layers, lines, points and plain tables included; documents have none."""
    for layer in Layer.objects.all():
        tables.create_layer_table(layer)

    made = rows("SELECT count(*) FROM pg_class WHERE relnamespace = 'onemap'::regnamespace AND relkind = 'p'")
    assert made == [(Layer.objects.count(),)]
    assert rows(
        "SELECT type FROM geometry_columns WHERE f_table_name IN ('xzqjx_tdt1057_2020', 'dgx_tdt1057_2020')"
    ) == [("MULTILINESTRING",), ("MULTILINESTRING",)]


def test_partition_and_table_belong_to_the_owner_role(catalogue: Loaded) -> None:
    """Schema objects belong to kunyu_onemap, not to the login role; the session is itself again afterwards."""
    tables.ensure_partition(dltb(), COUNTY)

    owners = rows(
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relname LIKE 'dltb_tdt1057_2020%%' "
        "AND relkind IN ('r', 'p', 'v', 'S')"
    )
    assert owners == [("kunyu_onemap",)]
    assert rows("SELECT current_user = session_user") == [(True,)]
    assert tables.counties(dltb()) == (COUNTY,)


def test_making_twice_changes_nothing(catalogue: Loaded) -> None:
    """A second call returns the same names and makes nothing."""
    first = tables.ensure_partition(dltb(), COUNTY)
    oids = rows("SELECT oid FROM pg_class WHERE relnamespace = 'onemap'::regnamespace ORDER BY oid")

    assert tables.ensure_partition(dltb(), COUNTY) == first == 'onemap."dltb_tdt1057_2020_p990101"'
    assert rows("SELECT oid FROM pg_class WHERE relnamespace = 'onemap'::regnamespace ORDER BY oid") == oids


def test_partition_has_partial_indexes(catalogue: Loaded) -> None:
    """Two partial GiST indexes and one on the key, inherited by the partition."""
    tables.ensure_partition(dltb(), COUNTY)

    found = [
        definition.split(" USING ")[1]
        for (definition,) in rows(
            "SELECT indexdef FROM pg_indexes WHERE tablename = 'dltb_tdt1057_2020_p990101' ORDER BY 1"
        )
    ]
    assert sorted(found) == [
        'btree ("BSM") WHERE upper_inf(known)',
        "gist (geom) WHERE (NOT upper_inf(known))",
        "gist (geom) WHERE upper_inf(known)",
    ]


def test_loading_before_indexing_gives_the_same_partition(catalogue: Loaded) -> None:
    """A county filled without indexes ends attached, with the parent's three indexes and no stray constraint."""
    with tables.without_indexes(dltb(), COUNTY) as partition:
        assert rows("SELECT count(*) FROM pg_indexes WHERE tablename LIKE '%%_p990101'") == [(0,)]
        insert(partition, "990101211000000001", "[2024-12-31,)", "[2025-01-10,)")

    assert tables.counties(dltb()) == (COUNTY,)
    attached = (
        "SELECT count(*) FROM pg_inherits WHERE inhrelid IN "
        "(SELECT indexrelid FROM pg_index WHERE indrelid = %s::regclass)"
    )
    assert rows(attached, ['onemap."dltb_tdt1057_2020_p990101"']) == [(3,)]
    assert rows("SELECT count(*) FROM pg_constraint WHERE conname = 'one_county'") == [(0,)]
    assert rows('SELECT "BSM", fid > 0 FROM onemap.dltb_tdt1057_2020_current') == [("990101211000000001", True)]


def test_changed_fields_need_a_new_table(catalogue: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edition with another field is refused under the old name and gets its own table; the old one stays."""
    layer = dltb()
    tables.ensure_partition(layer, COUNTY)
    before = rows("SELECT attname FROM pg_attribute WHERE attrelid = 'onemap.dltb_tdt1057_2020'::regclass")
    old = load_standard("TDT1057-2020")
    longer = dataclasses.replace(old.layers["DLTB"].fields[4], length=6)
    changed = dataclasses.replace(
        old.layers["DLTB"], fields=(*old.layers["DLTB"].fields[:4], longer, *old.layers["DLTB"].fields[5:])
    )
    new = dataclasses.replace(old, id="TDT1057-2099", layers={**old.layers, "DLTB": changed})
    monkeypatch.setattr(tables, "load_standard", lambda standard_id: new)

    with pytest.raises(LayerTableDiffers, match="DLBM"), transaction.atomic():
        tables.create_layer_table(layer)

    after = Layer.objects.create(
        collection="10401-003.DLTB.TDT1057-2099", dataset=layer.dataset, code="DLTB", name_zh="地类图斑",
        standard_id="TDT1057-2099", edition="2099", geometry="Polygon", table_name="dltb_tdt1057_2099",
    )  # fmt: skip
    tables.create_layer_table(after)
    assert rows("SELECT attname FROM pg_attribute WHERE attrelid = 'onemap.dltb_tdt1057_2020'::regclass") == before
    assert rows(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = 'onemap.dltb_tdt1057_2099'::regclass AND attname = 'DLBM'"
    ) == [("character varying(6)",)]


def test_documents_have_no_table(catalogue: Loaded) -> None:
    """A folder of documents is refused with a sentence."""
    layer = dltb()
    layer.code = "WZBG"
    with pytest.raises(NoTable, match="文档目录"):
        tables.create_layer_table(layer)


@pytest.mark.parametrize("county", ["9901", "99010a", "990101'; DROP TABLE x; --", ""])
def test_county_code_is_six_digits(catalogue: Loaded, county: str) -> None:
    """Nothing but six digits becomes part of a table name."""
    with pytest.raises(BadCounty):
        tables.ensure_partition(dltb(), county)


STATES = [
    # valid_at, known_at, keys believed
    (None, None, {"new", "stays"}),
    ("2025-06-01", None, {"old", "stays"}),
    ("2025-12-30", None, {"old", "stays"}),
    ("2025-12-31", None, {"new", "stays"}),
    ("2024-01-01", None, set()),
    ("2026-06-01", "2025-06-01T00:00:00+00:00", {"old", "stays"}),
    ("2026-06-01", "2026-02-01T00:00:00+00:00", {"new", "stays"}),
    ("2026-06-01", "2026-01-10T00:00:00+00:00", {"new", "stays"}),
    ("2026-06-01", "2026-01-09T23:59:59+00:00", {"old", "stays"}),
    ("2026-06-01", "2024-01-01T00:00:00+00:00", set()),
]


@pytest.mark.parametrize(("valid_at", "known_at", "expected"), STATES)
def test_two_times_give_the_state_asked_for(
    catalogue: Loaded, valid_at: str | None, known_at: str | None, expected: set[str]
) -> None:
    """A parcel replaced at 2025-12-31, learnt on 2026-01-10: each pair of times shows what was true and believed."""
    partition = tables.ensure_partition(dltb(), COUNTY)
    insert(partition, "old", "[2024-12-31,)", "[2025-01-10,2026-01-10)")
    insert(partition, "old", "[2024-12-31,2025-12-31)", "[2026-01-10,)")
    insert(partition, "new", "[2025-12-31,)", "[2026-01-10,)")
    insert(partition, "stays", "[2024-12-31,)", "[2025-01-10,)")
    moment = Moment(
        datetime.date.fromisoformat(valid_at) if valid_at else None,
        datetime.datetime.fromisoformat(known_at) if known_at else None,
    )
    condition, parameters = moment.predicate()

    found = rows(f'SELECT "BSM" FROM onemap.dltb_tdt1057_2020 WHERE {condition}', parameters)

    assert {key for (key,) in found} == expected
    assert len(found) == len(expected)


def test_past_and_present_both_use_an_index(catalogue: Loaded) -> None:
    """The planner answers a box of the past from the two partial indexes, and of the present from one."""
    partition = tables.ensure_partition(dltb(), COUNTY)
    insert(partition, "old", "[2024-12-31,)", "[2025-01-10,2026-01-10)")
    box = "geom && ST_MakeEnvelope(112, 33, 114, 35, 4490)"
    instant = datetime.datetime(2025, 6, 1, tzinfo=datetime.UTC)

    def plan(moment: Moment) -> str:
        condition, parameters = moment.predicate()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN SELECT fid FROM onemap.dltb_tdt1057_2020 WHERE {box} AND {condition}", parameters)
            return "\n".join(line for (line,) in cursor.fetchall())

    present = plan(Moment())
    past = plan(Moment(None, instant))
    assert "Seq Scan" not in present and present.count("geom_idx") == 1
    assert "Seq Scan" not in past and past.count("geom_idx") == 2


@pytest.mark.django_db(transaction=True)
def test_serving_role_reads_and_cannot_write(onemap_emptied: None, serve_dsn: str) -> None:
    """kunyu_serve selects from table and view for a principal, and may neither write nor make anything."""
    load_catalogue()
    partition = tables.ensure_partition(dltb(), COUNTY)
    insert(partition, "990101211000000001", "[2024-12-31,)", "[2025-01-10,)")

    with psycopg.connect(serve_dsn, autocommit=True) as served:
        for name in ("dltb_tdt1057_2020", "dltb_tdt1057_2020_current"):
            assert served.execute(f'SELECT "BSM" FROM onemap.{name}').fetchall() == []
            with served.transaction():
                served.execute("SET LOCAL kunyu.principal = 'operator'")
                assert served.execute(f'SELECT "BSM" FROM onemap.{name}').fetchall() == [("990101211000000001",)]
        served.execute("SET default_transaction_read_only = off")
        for statement in (
            "SELECT * FROM onemap.dltb_tdt1057_2020_p990101",
            "COPY onemap.dltb_tdt1057_2020_p990101 TO STDOUT",
            "DELETE FROM onemap.dltb_tdt1057_2020",
            "UPDATE onemap.dltb_tdt1057_2020_p990101 SET \"DLBM\" = '0103'",
            "INSERT INTO onemap.dltb_tdt1057_2020_current (\"BSM\") VALUES ('x')",
            "TRUNCATE onemap.dltb_tdt1057_2020",
            "CREATE TABLE onemap.mine (a int)",
            "SET ROLE kunyu_onemap",
            "SET ROLE kunyu",
            "SELECT * FROM catalogue_dataset",
            "SELECT * FROM security_rights(1)",
            "ALTER TABLE onemap.dltb_tdt1057_2020 DISABLE ROW LEVEL SECURITY",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                served.execute(statement)


def test_a_label_is_one_of_the_54(catalogue: Loaded) -> None:
    """A label off the axes would be shifted round the mask: no row can bear one."""
    partition = tables.ensure_partition(dltb(), COUNTY)
    insert(partition, "990101211000000001", "[2024-12-31,)", "[2025-01-10,)")
    for label, holds in ((53, True), (54, False), (64, False), (-1, False)):
        statement = f"UPDATE {partition} SET label = {label}"
        if holds:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        else:
            with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
