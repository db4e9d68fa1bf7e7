"""Roles and schema inside test databases, which are copies of the prepared template."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection


def test_postgis_and_roles_are_in_the_test_database(db: None) -> None:
    """Django's role is no superuser, is a member of the layer owner, and PostGIS is there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT postgis_version(), current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        version, user, superuser = cursor.fetchone()
        cursor.execute("SET LOCAL ROLE kunyu_onemap")
        cursor.execute("SELECT current_user")
        owner = cursor.fetchone()[0]

    assert version >= "3.3"
    assert (user, superuser, owner) == ("kunyu", False, "kunyu_onemap")


@pytest.mark.django_db(transaction=True)
def test_the_serving_role_reads_new_layers_and_writes_nothing(onemap_emptied: None, serve_dsn: str) -> None:
    """A table that the owner role makes later is readable at once; writing is refused; no parallel plans, no JIT."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE kunyu_onemap")
        cursor.execute("CREATE TABLE onemap.probe (n int)")
        cursor.execute("INSERT INTO onemap.probe VALUES (7)")
        cursor.execute("RESET ROLE")

    with psycopg.connect(serve_dsn, autocommit=True) as serve:
        assert serve.execute("SELECT n FROM onemap.probe").fetchone() == (7,)
        assert serve.execute("SHOW max_parallel_workers_per_gather").fetchone() == ("0",)
        assert serve.execute("SHOW jit").fetchone() == ("off",)
        serve.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            serve.execute("INSERT INTO onemap.probe VALUES (8)")
