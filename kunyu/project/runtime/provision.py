"""Roles, database, extension and schema that a node needs; every statement may be run again.

==================  =======================================================================================
``kunyu``           Django's role: logs in, may create databases (tests), owns the database
``kunyu_onemap``    owns schema ``onemap`` and the layer tables; nobody logs in as it, ``kunyu`` is a member
``kunyu_serve``     serves maps: reads the layers of ``onemap`` only, under row security; no parallel plans (a z14
                    tile is eight times slower with them) and no JIT. ``kunyu`` is a member, to read for a person
==================  =======================================================================================

Row security evaluates its own condition before a function that might leak what it is given, unless that function is
marked LEAKPROOF: without the mark on ``&&`` a box is answered by reading the whole table (0.3 ms become 267 ms). The mark
needs a superuser and no dump keeps it, so ``up`` and ``restore`` set it again and ``doctor`` looks for it.
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
    """One thing that a database must have: how to see it, how to make it, what to call it.

    A node also works without what is not ``is_required``, only more slowly.
    """

    name_zh: str
    name_en: str
    exists: str
    make: tuple[str, ...]
    is_required: bool = True


# What the indexes of layers answer (boxes) and the conditions beside it (times). They compare values and return true or
# false; none tells of its arguments otherwise.
LEAKPROOF_FUNCTIONS = (
    "geometry_overlaps(geometry, geometry)",
    "pg_catalog.range_contains_elem(anyrange, anyelement)",
    "pg_catalog.elem_contained_by_range(anyelement, anyrange)",
    "pg_catalog.range_contains(anyrange, anyrange)",
    "pg_catalog.range_contained_by(anyrange, anyrange)",
    "pg_catalog.range_overlaps(anyrange, anyrange)",
    "pg_catalog.upper_inf(anyrange)",
)
_LEAKPROOF_LISTED = ", ".join(f"'{name}'::regprocedure" for name in LEAKPROOF_FUNCTIONS)

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
        "SELECT 1 FROM pg_namespace n "
        f"WHERE n.nspname = '{SCHEMA}' AND pg_get_userbyid(n.nspowner) = '{ONEMAP}' "
        f"AND has_schema_privilege('{SERVE}', n.oid, 'USAGE')",
        (
            f"CREATE SCHEMA IF NOT EXISTS {SCHEMA} AUTHORIZATION {ONEMAP}",
            f"GRANT USAGE ON SCHEMA {SCHEMA} TO {SERVE}",
        ),
    ),
    Step(
        f"{SERVE} 只读图层表，不读分区和其他表",
        f"{SERVE} reads layers only, no partitions and no other tables",
        "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace, "
        f"aclexplode(d.defaclacl) a WHERE n.nspname = '{SCHEMA}' AND a.grantee IN (0, '{SERVE}'::regrole))",
        (f"ALTER DEFAULT PRIVILEGES FOR ROLE {ONEMAP} IN SCHEMA {SCHEMA} REVOKE ALL ON TABLES FROM {SERVE}, PUBLIC",),
    ),
    Step(
        "空间与区间运算的 LEAKPROOF 标记",
        "LEAKPROOF on spatial and range comparisons",
        f"SELECT 1 FROM pg_proc WHERE oid IN ({_LEAKPROOF_LISTED}) "
        f"HAVING count(*) FILTER (WHERE proleakproof) = {len(LEAKPROOF_FUNCTIONS)}",
        tuple(f"ALTER FUNCTION {name} LEAKPROOF" for name in LEAKPROOF_FUNCTIONS),
        is_required=False,
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
        connection.execute(f"GRANT {ONEMAP}, {SERVE} TO {OWNER}")
        connection.execute(f"ALTER ROLE {SERVE} NOBYPASSRLS")
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
    """Return the steps that this database still lacks, in the order in which they are made."""
    roles = connection.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", [[ONEMAP, SERVE]]).fetchone()
    extension, *others = SCHEMA_STEPS
    # the later questions name the roles and the functions of the extension
    if not roles or roles[0] < 2 or connection.execute(extension.exists).fetchone() is None:
        return list(SCHEMA_STEPS)
    return [step for step in others if connection.execute(step.exists).fetchone() is None]


def prepare_schema(connection: psycopg.Connection) -> Sequence[Step]:
    """Make extension, schema and privileges in one database; return the steps that were needed."""
    steps = missing_steps(connection)
    with connection.transaction():
        for step in steps:
            for statement in step.make:
                connection.execute(statement)
    return steps
