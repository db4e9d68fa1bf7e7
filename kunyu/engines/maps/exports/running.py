"""One export, written by a worker: into a folder of its own, offered only when whole. 执行导出.

A session of its own holds an advisory lock while the file is written: when the worker dies, however it dies, the
server ends the session, and the job is free to be run again from its beginning.
"""

from __future__ import annotations

import contextlib
import shutil
from datetime import timedelta
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from kunyu.engines.catalogue.export import export_selection
from kunyu.engines.maps.cql.reading import evaluating
from kunyu.engines.maps.exports.asking import Asked, read_request
from kunyu.engines.maps.exports.errors import ExportInterrupted
from kunyu.engines.maps.models import Export
from kunyu.engines.maps.settings import maps_settings
from kunyu.engines.security import epochs
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.models import User
from kunyu.engines.security.protection import must_protect, object_store
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of
from kunyu.engines.worklist.holding import held
from kunyu.engines.worklist.progress import Job, Reporter
from kunyu.engines.worklist.settings import worklist_settings
from kunyu.kernel.errors import Defect, KunyuError, NodeUnavailable

LOCK_CLASS = 0x6B7D
State = Export.State


def run(export_id: int) -> Export | None:
    """Write an export; None where another worker holds it or it needs no work.

    What goes wrong stands on the export; a worker that is killed leaves it running, to be taken up again.
    """
    with held(LOCK_CLASS, export_id) as session:
        found = Export.objects.filter(pk=export_id, state__in=(State.WAITING, State.RUNNING)).first()
        if session is None or found is None:
            return None
        with Reporter(_job(found), session) as told:
            try:
                _begin(found)
                _write(found, told, session)
            except Exception as error:
                _fail(found, error)
                told.finish(error)
                if not isinstance(error, KunyuError | OSError | DatabaseError | psycopg.Error):
                    raise
            else:
                told.finish(message_zh=f"{found.done} 条，{found.size} 字节", message_en=f"{found.done} records")
    return found


def _job(export: Export) -> Job:
    return Job(
        key=f"map-export:{export.pk}", kind="map_export", href=f"/api/map/exports/{export.pk}/file",
        title_zh=f"导出 {export.collection}（{export.format}）", title_en=f"Export of {export.collection} ({export.format})",
        owner=export.owner.username,
    )  # fmt: skip


def _begin(export: Export) -> None:
    if export.attempts >= worklist_settings().job_attempts_max:
        raise ExportInterrupted(
            f"导出 {export.pk} 已中断 {export.attempts} 次，不再重试；请缩小范围后重新导出。",
            f"Export {export.pk} was interrupted {export.attempts} times and is given up; ask for less.",
        )
    export.attempts += 1
    export.state, export.done = State.RUNNING, 0
    export.save(update_fields=["attempts", "state", "done"])


def _write(export: Export, told: Reporter, session: psycopg.Connection) -> None:
    principal = _principal(export)
    asked = read_request(principal, export.collection, export.request)
    folder = Path(settings.KUNYU_HOME) / "exports" / str(export.pk)
    shutil.rmtree(folder, ignore_errors=True)  # what a killed worker left of it
    folder.mkdir(parents=True, mode=0o700)
    try:
        path = folder / f"{export.collection.replace('@', '_')}_{export.pk}{asked.suffix}"
        _export(export, principal, asked, path, told, session)
        protect = must_protect([export.collection])
        stored = object_store().put_file(path, protect=protect)
        _finish(export, path.name, stored.sm3, stored.size)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _export(
    export: Export, principal: Principal, asked: Asked, path: Path, told: Reporter, session: psycopg.Connection
) -> None:
    def show(count: int) -> None:
        if told.show("写出", "writing", count, max(export.records or 0, count)):
            session.execute("UPDATE maps_export SET done = %s WHERE id = %s", [count, export.pk])

    with evaluating(asked.selection.filtered):
        done = export_selection(
            principal, asked.selection, path, attributes=asked.attributes, epsg=asked.out.epsg,
            encoding=str(export.request.get("encoding") or "UTF-8"), told=show, export=export.pk,
        )  # fmt: skip
    export.done = done.records


def _principal(export: Export) -> Principal:
    """The owner with the rights that hold now."""
    epochs.refresh()
    user = User.objects.filter(pk=export.owner_id, is_active=True).first()
    if user is None:
        raise SignInNeeded("导出人的账号已停用。", "The account that asked for it is disabled.")
    return principal_of(user, "worker")


def _finish(export: Export, name: str, sm3: str, size: int) -> None:
    now = timezone.now()
    export.state, export.records, export.file_name, export.sm3, export.size = State.DONE, export.done, name, sm3, size
    export.finished_at, export.expires_at = now, now + timedelta(days=maps_settings().export_keep_days)
    with transaction.atomic():
        export.save()


def _fail(export: Export, error: Exception) -> None:
    told = error if isinstance(error, KunyuError) else _as_kunyu(error)
    export.state, export.finished_at = State.FAILED, timezone.now()
    export.error_code, export.error_zh, export.error_en = told.code, told.detail_zh, told.detail_en
    with contextlib.suppress(DatabaseError):
        export.save()


def _as_kunyu(error: Exception) -> KunyuError:
    name = type(error).__name__
    if isinstance(error, OSError):
        return NodeUnavailable(f"无法写文件（{error.strerror or name}）。", f"The file cannot be written ({name}).")
    return Defect(f"导出失败（{name}），已记入日志。", f"The export failed ({name}); it is in the log.")
