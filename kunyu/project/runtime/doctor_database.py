"""The doctor's questions to the database: versions, roles, migrations, queue, events, tables that nobody owns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from kunyu.project.runtime import provision
from kunyu.project.runtime.django_setup import prepare_django
from kunyu.project.runtime.doctor_audit import audit_results
from kunyu.project.runtime.external_database import missing_needs
from kunyu.project.runtime.preparation import migrations_pending
from kunyu.project.runtime.result import BAD, OK, WARN, Result
from kunyu.project.runtime.secret import load_secret

LATE_MINUTES = 10
SILENT_S = 45  # the worker gives a sign every 10 s (worker.HEARTBEAT_S); a check of a large county may delay it
POSTGIS_MINIMUM = (3, 3)


def database_results(connection: psycopg.Connection, home: Path, node_runs: bool) -> Iterator[Result]:
    """Yield the results for one database; a database without Kunyu's tables gives the first ones only."""
    yield versions(connection)
    yield roles(connection, home)
    pending = migrations()
    yield pending
    if pending.level == OK:
        yield queue(connection)
        if node_runs:
            yield worker(connection)
        yield events(connection)
        yield leftover_partitions(connection)
        yield row_security(connection)
        yield pyramids()
        yield from audit_results(node_runs)


def versions(connection: psycopg.Connection) -> Result:
    """PostgreSQL and PostGIS are new enough."""
    server = connection.info.parameter_status("server_version") or ""
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'postgis'").fetchone()
    postgis = str(row[0]) if row else ""
    said = f"PostgreSQL {server.split()[0]}, PostGIS {postgis or '—'}"
    if not postgis or tuple(int(part) for part in postgis.split(".")[:2]) < POSTGIS_MINIMUM:
        wanted = ".".join(map(str, POSTGIS_MINIMUM))
        return Result(
            "版本", "Versions", BAD, f"{said}；需要 PostGIS ≥ {wanted}", f"{said}; PostGIS ≥ {wanted} is needed"
        )
    return Result("版本", "Versions", OK, said, said)


def roles(connection: psycopg.Connection, home: Path) -> Result:
    """Roles, schema and privileges; for a foreign database the statements that its administrator runs."""
    needs = missing_needs(connection, load_secret(home))
    if not needs:
        return Result("角色与模式", "Roles and schema", OK, "齐全", "complete")
    statements = "\n".join(f"    {statement};" for need in needs for statement in need.statements)
    return Result(
        "角色与模式",
        "Roles and schema",
        BAD if any(need.is_required for need in needs) else WARN,
        f"缺少 {'、'.join(need.name_zh for need in needs)}。请由数据库管理员执行：\n{statements}",
        f"missing: {', '.join(need.name_en for need in needs)}. Let a database administrator run:\n{statements}",
    )


def migrations() -> Result:
    """The tables are those of this release."""
    prepare_django()
    from django.db import connections

    try:
        pending = migrations_pending()
    finally:
        connections.close_all()
    if pending:
        zh, en = f"缺 {pending} 项迁移；kunyu up 会执行", f"{pending} migrations are missing; kunyu up applies them"
        return Result("数据库结构", "Migrations", BAD, zh, en)
    return Result("数据库结构", "Migrations", OK, "是最新的", "up to date")


def queue(connection: psycopg.Connection) -> Result:
    """Jobs wait for nobody, and few have failed."""
    waiting, late, failed = _row(
        connection,
        "SELECT count(*) FILTER (WHERE status = 'todo'), "
        "count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at, now()) < now() - make_interval(mins => %s)), "
        "count(*) FILTER (WHERE status = 'failed') FROM procrastinate_jobs",
        LATE_MINUTES,
    )
    zh, en = f"{waiting} 个等待，{failed} 个失败", f"{waiting} waiting, {failed} failed"
    if late:
        return Result("任务队列", "Job queue", BAD, f"{zh}；{late} 个已等待超过 {LATE_MINUTES} 分钟，请看 log/worker.log",
                      f"{en}; {late} wait for more than {LATE_MINUTES} minutes, see log/worker.log")  # fmt: skip
    return Result("任务队列", "Job queue", WARN if failed else OK, zh, en)


def worker(connection: psycopg.Connection) -> Result:
    """Somebody takes the jobs: a running node's worker gives a sign of life every few seconds."""
    (silent_s,) = _row(connection, "SELECT extract(epoch FROM now() - max(last_heartbeat)) FROM procrastinate_workers")
    if silent_s is None or silent_s > SILENT_S:
        zh = "没有任务进程" if silent_s is None else f"任务进程已 {silent_s:.0f} 秒没有响应"
        en = "there is no worker" if silent_s is None else f"the worker has been silent for {silent_s:.0f} s"
        return Result("任务进程", "Worker", BAD, f"{zh}；汇交不会被检查。请执行 kunyu down 与 kunyu up，并看 log/worker.log",
                      f"{en}: deliveries are not checked. Run kunyu down and kunyu up; see log/worker.log")  # fmt: skip
    return Result("任务进程", "Worker", OK, "正在工作", "at work")


def events(connection: psycopg.Connection) -> Result:
    """Events reach their handlers."""
    failing, error = _row(
        connection,
        "SELECT count(*), coalesce(max(last_error), '') FROM outbox_event WHERE delivered_at IS NULL AND attempts > 0",
    )
    if failing:
        zh, en = f"{failing} 个投递失败，最近原因：{error}", f"{failing} cannot be delivered, for example: {error}"
        return Result("事件", "Events", BAD, zh, en)
    return Result("事件", "Events", OK, "全部送达", "all delivered")


def leftover_partitions(connection: psycopg.Connection) -> Result:
    """Partitions that an interrupted load left without their layer table."""
    (names,) = _row(
        connection,
        "SELECT coalesce(array_agg(c.relname ORDER BY c.relname), '{}') FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'onemap' AND c.relkind = 'r' "
        "AND c.relname ~ '_p[0-9]{6}' AND NOT c.relispartition",
    )
    if names:
        listed = ", ".join(names[:3])
        zh = f"{len(names)} 张分区表没有挂接（{listed}）；确认没有装载在进行后可以删除"
        return Result(
            "遗留分区",
            "Leftover partitions",
            WARN,
            zh,
            f"{len(names)} tables are attached to no layer ({listed}); drop them when no load runs",
        )
    return Result("遗留分区", "Leftover partitions", OK, "没有", "none")


def row_security(connection: psycopg.Connection) -> Result:
    """The serving role is bound by row security, and every table it could reach has it."""
    from kunyu.engines.catalogue.row_security import READER, STATE, Relation

    name = ("行级安全", "Row security")
    (unbound,) = _row(
        connection,
        "SELECT count(*) FROM pg_roles r WHERE pg_has_role(%s, r.oid, 'MEMBER') "
        "AND (r.rolsuper OR r.rolbypassrls OR r.rolname = ANY(%s))",
        READER,
        [provision.ONEMAP, provision.OWNER],
    )
    if unbound:
        zh, en = f"{READER} 不受行级安全约束；请收回其超级用户、BYPASSRLS 或成员身份", f"{READER} is not bound by it"
        return Result(*name, BAD, zh, f"{en}: take SUPERUSER, BYPASSRLS or its memberships away")
    relations = [Relation(*row) for row in connection.execute(STATE).fetchall()]  # type: ignore[call-overload]
    open_ones = [one.name for one in relations if not one.is_protected]
    if open_ones:
        listed = ", ".join(open_ones[:3])
        zh = f"{len(open_ones)} 张表或视图没有保护（{listed}）；kunyu up 会补上"
        return Result(*name, BAD, zh, f"{len(open_ones)} tables or views lack it ({listed}); kunyu up mends them")
    layers = sum(one.is_layer for one in relations)
    return Result(*name, OK, f"{layers} 张图层表全部受保护", f"all {layers} layer tables are protected")


def pyramids() -> Result:
    """What small-scale tiles are drawn from could be built, or is still tried."""
    from django.db import connections

    from kunyu.engines.maps.pyramids.interruptions import given_up
    from kunyu.engines.maps.pyramids.sweep import due

    name = ("瓦片金字塔", "Tile pyramids")
    try:
        failed = given_up((one.collection, one.county) for one in due())
    finally:
        connections.close_all()
    if not failed:
        return Result(*name, OK, "没有放弃生成的", "none was given up")
    more_zh = "" if len(failed) == 1 else f" 共 {len(failed)} 处，见 kunyu pyramids list。"
    more_en = "" if len(failed) == 1 else f" {len(failed)} in all: kunyu pyramids list."
    return Result(*name, WARN, failed[0].zh + more_zh, failed[0].en + more_en)


def _row(connection: psycopg.Connection, statement: str, *values: object) -> tuple[Any, ...]:
    row = connection.execute(statement, values).fetchone()  # type: ignore[call-overload]
    assert row is not None
    return tuple(row)
