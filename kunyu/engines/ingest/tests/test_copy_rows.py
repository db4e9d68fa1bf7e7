"""Binary COPY rows: every type of a standard's field comes back from PostgreSQL as it went in."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
import shapely
from django.db import connection

from kunyu.engines.catalogue.standards import Field
from kunyu.engines.ingest import copy_rows

SQUARE = shapely.box(0, 0, 1, 1)
TWO = shapely.MultiPolygon([SQUARE, shapely.box(2, 2, 3, 3)])


def field(kind: str, length: int = 0, decimals: int = 0) -> Field:
    return Field("X", "", "", kind, length, decimals)  # type: ignore[arg-type]


def through_postgres(columns: str, fields: list[list[copy_rows.Piece]], rows: int) -> list[tuple[object, ...]]:
    body = copy_rows.join_fields([[pa.scalar(len(fields).to_bytes(2, "big"), pa.binary())], *fields], rows)
    with connection.cursor() as wrapper:
        wrapper.execute(f"CREATE TEMPORARY TABLE t ({columns}) ON COMMIT DROP")
        with wrapper.cursor.copy("COPY t FROM STDIN (FORMAT binary)") as copy:
            copy.write(copy_rows.HEADER)
            copy.write(b"".join(body.to_pylist()))
            copy.write(copy_rows.TRAILER)
        wrapper.execute("SELECT * FROM t")
        return wrapper.fetchall()


@pytest.mark.django_db
def test_text_with_nulls_and_chinese() -> None:
    given = ["a", "坤舆", None, ""]
    rows = through_postgres("a varchar(5)", [copy_rows.attribute_field(pa.array(given), field("Char", 5))], 4)
    assert [row[0] for row in rows] == given


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("decimals", "given", "expected"),
    [
        (2, [1.005, -2.675, None, 9999999999999.99, 0.0], ["1.01", "-2.68", None, "9999999999999.99", "0.00"]),
        (4, [0.1234, 0.99995, None, 0.5], ["0.1234", "1.0000", None, "0.5000"]),
        (0, [12345678.0, -1.0], ["12345678", "-1"]),
        (1, [12.34, 9999.9], ["12.3", "9999.9"]),
        (6, [1.2345674, 1.2345675], ["1.234567", "1.234568"]),
    ],
)
def test_numeric_rounds_half_up(decimals: int, given: list[float | None], expected: list[str | None]) -> None:
    column = copy_rows.attribute_field(pa.array(given, pa.float64()), field("Float", 15, decimals))
    rows = through_postgres(f"n numeric(20,{decimals})", [column], len(given))
    assert [row[0] for row in rows] == [None if one is None else Decimal(one) for one in expected]


@pytest.mark.django_db
def test_whole_numbers_dates_and_instants() -> None:
    day, instant = datetime.date(1999, 1, 1), datetime.datetime(2024, 12, 31, 5, 6, 7)
    fields = [
        copy_rows.attribute_field(pa.array([2**31 - 1, None, -3]), field("Int", 4)),
        copy_rows.attribute_field(pa.array([2**40, None, -3]), field("Int", 12)),
        copy_rows.attribute_field(pa.array([day, None, day]), field("Date")),
        copy_rows.attribute_field(pa.array([instant, None, instant]), field("DateTime")),
    ]
    rows = through_postgres("i integer, b bigint, d date, t timestamp", fields, 3)
    assert rows == [(2**31 - 1, 2**40, day, instant), (None, None, None, None), (-3, -3, day, instant)]


@pytest.mark.django_db
def test_ranges_are_half_open() -> None:
    known = datetime.datetime(2026, 1, 1, 8, tzinfo=datetime.UTC)
    fields = [
        copy_rows.constant(copy_rows.date_range(datetime.date(2024, 12, 31), datetime.date(2025, 12, 31))),
        copy_rows.constant(copy_rows.date_range(datetime.date(2024, 12, 31), None)),
        copy_rows.constant(copy_rows.instant_range(known)),
        copy_rows.constant(None),
    ]
    ((closed, open_, instants, nothing),) = through_postgres("a daterange, b daterange, c tstzrange, d text", fields, 1)
    assert (str(closed), str(open_)) == ("[2024-12-31, 2025-12-31)", "[2024-12-31, None)")
    assert instants.lower == known and instants.upper is None and nothing is None


@pytest.mark.django_db
def test_single_and_multi_polygons_share_a_column() -> None:
    geometries = np.array([SQUARE, TWO, None, SQUARE], dtype=object)
    column = copy_rows.bytes_field(copy_rows.ewkb_multi(geometries, "Polygon"))
    rows = through_postgres("g geometry(MultiPolygon,4490)", [column], 4)
    found = [None if row[0] is None else shapely.from_wkb(row[0]) for row in rows]
    assert found[0].equals(SQUARE) and found[1].equals(TWO) and found[2] is None
    assert found[0].geom_type == "MultiPolygon" and shapely.get_srid(found[3]) == 4490


def test_digests_differ_by_row_and_not_by_batch() -> None:
    rows = pa.array([b"one", b"two", b"", b"one"], pa.binary())
    digests = copy_rows.row_digests(rows).to_pylist()
    assert digests[0] == digests[3] != digests[1] and len(set(digests)) == 3
    assert copy_rows.row_digests(rows.slice(1, 2)).to_pylist() == digests[1:3]
