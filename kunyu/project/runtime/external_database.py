"""A database that somebody else runs (``DATABASE_URL``): make what a node needs where that is allowed, else name it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from kunyu.project.runtime import provision
from kunyu.project.runtime.errors import ClusterUnavailable
from kunyu.project.runtime.postgres_programs import MINIMUM_MAJOR
from kunyu.project.runtime.secret import Secret, load_secret, store_addresses


@dataclass(frozen=True)
class Need:
    """Something the database lacks and the statements that a database administrator runs to make it.

    What is not ``is_required`` makes the node slow where it is missing, and is asked for by ``kunyu doctor`` only.
    """

    name_zh: str
    name_en: str
    statements: tuple[str, ...]
    is_required: bool = True


def prepare_external(url: str, home: Path) -> None:
    """Make roles, extension and schema as far as the given role may; record the addresses for other commands.

    Raises
    ------
    ClusterUnavailable
        The server cannot be reached, is too old, or lacks something that this role may not make.
    """
    secret = load_secret(home)
    with connect(url) as connection:
        _require_version(connection)
        for need in missing_needs(connection, secret):
            _make(connection, need)
        missing = [need for need in missing_needs(connection, secret) if need.is_required]
    if missing:
        names_zh, names_en = "、".join(n.name_zh for n in missing), ", ".join(n.name_en for n in missing)
        raise ClusterUnavailable(
            f"数据库缺少：{names_zh}，当前角色无权创建。请让数据库管理员执行 kunyu doctor 列出的语句。",
            f"The database lacks: {names_en}, and this role may not make them. Let a database administrator run "
            "the statements that kunyu doctor prints.",
        )
    store_addresses(home, {"database_url": url, "serve_database_url": serving_address(url, secret)})


def connect(url: str) -> psycopg.Connection:
    """Return an autocommit connection, or say in words that the server cannot be reached."""
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        said = str(error).strip().splitlines()[-1]
        raise ClusterUnavailable(
            f"DATABASE_URL 指向的数据库无法连接：{said}",
            f"The database that DATABASE_URL names cannot be reached: {said}",
        ) from error


def missing_needs(connection: psycopg.Connection, secret: Secret) -> list[Need]:
    """Return what this database lacks, in the order in which it must be made."""
    user = connection.execute("SELECT current_user").fetchone()[0]  # type: ignore[index]
    present = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    needs = []
    if provision.ONEMAP not in present:
        needs.append(_role(provision.ONEMAP, (f"CREATE ROLE {provision.ONEMAP} NOLOGIN",)))
    if provision.SERVE not in present:
        password = sql.Literal(secret.password(provision.SERVE)).as_string(connection)
        settings = ("max_parallel_workers_per_gather = 0", "jit = off", "default_transaction_read_only = on")
        alter = tuple(f"ALTER ROLE {provision.SERVE} SET {setting}" for setting in settings)
        needs.append(_role(provision.SERVE, (f"CREATE ROLE {provision.SERVE} LOGIN PASSWORD {password}", *alter)))
    groups = (provision.ONEMAP, provision.SERVE)
    if not present.issuperset(groups) or not all(_is_member(connection, user, group) for group in groups):
        grant = f"GRANT {', '.join(groups)} TO {sql.Identifier(user).as_string(connection)}"
        needs.append(Need(f"{user} 的角色成员身份", f"membership of {user}", (grant,)))
    missing = provision.missing_steps(connection)
    needs += [Need(step.name_zh, step.name_en, step.make, step.is_required) for step in missing]
    return needs


def serving_address(url: str, secret: Secret) -> str:
    """Return the address for ``kunyu_serve``, or nothing when that role has another password than ours."""
    values = conninfo_to_dict(url)
    host, port = values.get("host") or "", values.get("port") or ""
    user, name = provision.SERVE, values.get("dbname") or provision.DATABASE
    candidate = f"postgresql://{user}:{secret.password(user)}@/{name}?host={host}&port={port}"
    try:
        psycopg.connect(make_conninfo(candidate, connect_timeout=5)).close()
    except psycopg.OperationalError:
        return ""
    return candidate


def _make(connection: psycopg.Connection, need: Need) -> None:
    try:
        with connection.transaction():
            for statement in need.statements:
                connection.execute(statement)  # type: ignore[call-overload]
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedObject, psycopg.errors.FeatureNotSupported):
        return  # asked again afterwards, and reported together


def _role(name: str, statements: tuple[str, ...]) -> Need:
    return Need(f"角色 {name}", f"role {name}", statements)


def _is_member(connection: psycopg.Connection, user: str, group: str) -> bool:
    row = connection.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", [user, group]).fetchone()
    return bool(row and row[0])


def _require_version(connection: psycopg.Connection) -> None:
    major = connection.info.server_version // 10000
    if major < MINIMUM_MAJOR:
        raise ClusterUnavailable(
            f"数据库版本是 PostgreSQL {major}，坤舆需要 {MINIMUM_MAJOR} 或更高。",
            f"The database is PostgreSQL {major}; Kunyu needs {MINIMUM_MAJOR} or newer.",
        )
