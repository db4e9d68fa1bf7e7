"""Statements that the server has prepared on Django's own connection: planned once, sound after a change of a table."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from kunyu.engines.security import prepared

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = "prepared_statement_sample"


@pytest.fixture
def sample():
    """A table of two rows that only these tests know."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {TABLE} AS SELECT n AS id FROM generate_series(1, 2) n")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {TABLE}")


def plans() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", [f"%{TABLE}%"])
        return cursor.fetchone()[0]


def test_the_server_keeps_one_plan_for_a_statement_asked_again(sample):
    asked = f"SELECT id FROM {TABLE} WHERE id = %s"
    assert [prepared.fetch_one(asked, [n]) for n in (1, 2, 3)] == [(1,), (2,), None]
    assert plans() == 1


def test_what_django_asks_by_itself_is_prepared_no_more_than_before(sample):
    prepared.fetch_one(f"SELECT id FROM {TABLE}", ())
    for _ in range(12):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT max(id) FROM {TABLE}")
    assert plans() == 1


def test_a_table_of_another_shape_is_read_by_a_new_plan(sample):
    asked = f"SELECT * FROM {TABLE} ORDER BY id"
    assert prepared.fetch_one(asked, ()) == (1,)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} ADD COLUMN name text DEFAULT 'x'")
    assert prepared.fetch_one(asked, ()) == (1, "x")


def test_a_write_outside_a_transaction_stands_by_itself(sample):
    assert prepared.execute(f"INSERT INTO {TABLE} VALUES (%s)", [3]) == 1
    with pytest.raises(DatabaseError), transaction.atomic():
        prepared.execute(f"INSERT INTO {TABLE} VALUES (%s)", [4])
        prepared.execute("INSERT INTO no_such_table VALUES (%s)", [1])
    assert prepared.fetch_one(f"SELECT max(id) FROM {TABLE}", ()) == (3,)


def test_a_connection_that_died_is_made_anew(sample):
    assert prepared.fetch_one(f"SELECT id FROM {TABLE} WHERE id = %s", [1]) == (1,)
    connection.connection.close()
    assert prepared.fetch_one(f"SELECT id FROM {TABLE} WHERE id = %s", [1]) == (1,)
