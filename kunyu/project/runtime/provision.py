"""Roles, database, extension and schema that a node needs; every statement may be run again.

==================  =======================================================================================
``kunyu``           Django's role: logs in, may create databases (tests), owns the database
``kunyu_onemap``    owns schema ``onemap`` and the layer tables; nobody logs in as it, ``kunyu`` is a member
``kunyu_serve``     serves maps: reads ``onemap`` only; no parallel plans (a z14 tile is eight times slower
                    with them) and no JIT
==================  =======================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from kunyu.project.runtime.secret import Secret

OWNER = "kunyu"
ONEMAP = "kunyu_onemap"
SERVE = "kunyu_serve"
SCHEMA = "onemap"
DATABASE = "kunyu"


@dataclass(frozen=True)
class Step:
    """One thing that a database must have: how to see it, how to make it, what to call it."""

    name_zh: str
    name_en: str
    exists: str
    make: tuple[str, ...]


# Privileges have no cheap yes-or-no question for all of them; the default privilege is made last and stands for the rest.
SCHEMA_STEPS = (
    Step(
        "PostGIS 扩展",
        "extension postgis",
        "SELECT 1 FROM pg_extension WHERE extname = 'postgis'",
        ("CREATE EXTENSION IF NOT EXISTS postgis",),
    ),
    Step(
        f"模式 {SCHEMA} 及其权限",
        f"schema {SCHEMA} and its privileges",
        "SELECT 1 FROM pg_namespace n JOIN pg_default_acl d ON d.defaclnamespace = n.oid "
        f"WHERE n.nspname = '{SCHEMA}' AND d.defaclrole = '{ONEMAP}'::regrole "
        f"AND pg_get_userbyid(n.nspowner) = '{ONEMAP}'",
        (
            f"CREATE SCHEMA IF NOT EXISTS {SCHEMA} AUTHORIZATION {ONEMAP}",
            f"GRANT USAGE ON SCHEMA {SCHEMA} TO {SERVE}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO {SERVE}",
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {ONEMAP} IN SCHEMA {SCHEMA} GRANT SELECT ON TABLES TO {SERVE}",
        ),
    ),
)


def ensure_roles(connection: psycopg.Connection, secret: Secret) -> None:
    """Make the three roles and set their passwords and settings; `connection` may create roles."""
    with connection.transaction():
        present = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
        if ONEMAP not in present:
            connection.execute(f"CREATE ROLE {ONEMAP} NOLOGIN")
        for role, options in ((OWNER, "LOGIN CREATEDB"), (SERVE, "LOGIN")):
            if role not in present:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
            connection.execute(
                sql.SQL("ALTER ROLE {} NOSUPERUSER NOCREATEROLE {} PASSWORD {}").format(
                    sql.Identifier(role), sql.SQL(options), sql.Literal(secret.password(role))
                )
            )
        connection.execute(f"GRANT {ONEMAP} TO {OWNER}")
        connection.execute(f"ALTER ROLE {SERVE} SET max_parallel_workers_per_gather = 0")
        connection.execute(f"ALTER ROLE {SERVE} SET jit = off")
        connection.execute(f"ALTER ROLE {SERVE} SET default_transaction_read_only = on")


def ensure_database(connection: psycopg.Connection, name: str = DATABASE, owner: str = OWNER) -> bool:
    """Make the node's database when it is absent (autocommit connection); tell whether it was made."""
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return False
    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))
    return True


def missing_steps(connection: psycopg.Connection) -> list[Step]:
    """Return the steps that this database still lacks."""
    roles = connection.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", [[ONEMAP, SERVE]]).fetchone()
    if not roles or roles[0] < 2:
        return list(SCHEMA_STEPS)
    return [step for step in SCHEMA_STEPS if connection.execute(step.exists).fetchone() is None]


def prepare_schema(connection: psycopg.Connection) -> Sequence[Step]:
    """Make extension, schema and privileges in one database; return the steps that were needed."""
    steps = missing_steps(connection)
    with connection.transaction():
        for step in steps:
            for statement in step.make:
                connection.execute(statement)
    return steps
