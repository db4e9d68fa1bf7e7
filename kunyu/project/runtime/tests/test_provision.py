"""Roles and schema inside test databases, which are copies of the prepared template."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from kunyu.project.runtime import provision
from kunyu.project.runtime.cluster import PrivateCluster
from kunyu.project.runtime.doctor_database import roles, row_security
from kunyu.project.runtime.external_database import missing_needs
from kunyu.project.runtime.result import BAD, OK, WARN
from kunyu.project.runtime.secret import load_secret


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
def test_the_serving_role_reads_no_table_that_nobody_opened(onemap_emptied: None, serve_dsn: str) -> None:
    """A table that the owner role makes is closed until it is granted; no parallel plans, no JIT; R-142."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE kunyu_onemap")
        cursor.execute("CREATE TABLE onemap.probe (n int)")
        cursor.execute("RESET ROLE")

    with psycopg.connect(serve_dsn, autocommit=True) as serve:
        assert serve.execute("SHOW max_parallel_workers_per_gather").fetchone() == ("0",)
        assert serve.execute("SHOW jit").fetchone() == ("off",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            serve.execute("SELECT n FROM onemap.probe")
        row = serve.execute(
            "SELECT rolsuper, rolbypassrls, pg_has_role('kunyu_serve', 'kunyu_onemap', 'MEMBER') FROM pg_roles "
            "WHERE rolname = 'kunyu_serve'"
        ).fetchone()
        assert row == (False, False, False)


def test_comparisons_of_boxes_and_times_are_leakproof(db: None) -> None:
    """Every function that provisioning names is marked in a database made from the template; nothing is missing."""
    with connection.cursor() as cursor:
        listed = [[name] for name in provision.LEAKPROOF_FUNCTIONS]
        cursor.executemany("SELECT %s::regprocedure", listed)
        cursor.execute(
            "SELECT count(*) FROM pg_proc WHERE proleakproof AND oid = ANY(%s::regprocedure[])",
            [list(provision.LEAKPROOF_FUNCTIONS)],
        )
        assert cursor.fetchone()[0] == len(provision.LEAKPROOF_FUNCTIONS)
    with psycopg.connect(_superuser_address()) as superuser:
        assert provision.missing_steps(superuser) == []


def test_a_lost_mark_or_an_old_privilege_is_seen_and_mended(db: None) -> None:
    """What a dump loses (LEAKPROOF) and what edition 1 granted (every table to the serving role) are steps again."""
    with psycopg.connect(_superuser_address()) as superuser:
        superuser.execute("ALTER FUNCTION geometry_overlaps(geometry, geometry) NOT LEAKPROOF")
        superuser.execute(
            "ALTER DEFAULT PRIVILEGES FOR ROLE kunyu_onemap IN SCHEMA onemap GRANT SELECT ON TABLES TO kunyu_serve"
        )
        missing = provision.missing_steps(superuser)
        assert [(step.name_en, step.is_required) for step in missing] == [
            ("kunyu_serve reads layers only, no partitions and no other tables", True),
            ("LEAKPROOF on spatial and range comparisons", False),
        ]
        provision.prepare_schema(superuser)
        assert provision.missing_steps(superuser) == []
        superuser.rollback()


def test_a_database_without_superuser_works_slowly_and_doctor_says_how_to_mend_it(db: None) -> None:
    """A lost LEAKPROOF is a warning with the statements for the administrator; an old privilege is an error."""
    home = Path(settings.KUNYU_HOME)
    with psycopg.connect(_superuser_address()) as superuser:
        superuser.execute("ALTER FUNCTION geometry_overlaps(geometry, geometry) NOT LEAKPROOF")
        (need,) = missing_needs(superuser, load_secret(home))
        assert not need.is_required
        said = roles(superuser, home)
        assert said.level == WARN
        assert "    ALTER FUNCTION geometry_overlaps(geometry, geometry) LEAKPROOF;" in said.en
        superuser.execute("REVOKE USAGE ON SCHEMA onemap FROM kunyu_serve")
        assert roles(superuser, home).level == BAD
        superuser.rollback()
        assert roles(superuser, home).level == OK


def test_doctor_sees_a_serving_role_that_row_security_does_not_bind(db: None) -> None:
    """BYPASSRLS, or membership of the owner, would make every policy void."""
    with psycopg.connect(_superuser_address()) as superuser:
        assert row_security(superuser).level == OK
        for statement in ("ALTER ROLE kunyu_serve BYPASSRLS", "GRANT kunyu_onemap TO kunyu_serve"):
            superuser.execute(statement)
            assert row_security(superuser).level == BAD
            superuser.rollback()


def _superuser_address() -> str:
    return PrivateCluster(settings.KUNYU_HOME).dsn("postgres", str(connection.settings_dict["NAME"]))
