"""Ask for an export, look at one's own, fetch the file, remove what is old. 导出服务."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from kunyu.engines.maps import features
from kunyu.engines.maps.cql.reading import evaluating
from kunyu.engines.maps.exports.asking import read_request
from kunyu.engines.maps.exports.errors import ExportNotReady, TooManyExports, UnknownExport
from kunyu.engines.maps.models import Export
from kunyu.engines.maps.settings import maps_settings
from kunyu.engines.security import audit
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import Principal

State = Export.State
JOB, QUEUE = "maps.run_export", "exports"
UNFINISHED = (State.WAITING, State.RUNNING)


def ask(principal: Principal, collection: str, request: Mapping[str, Any]) -> Export:
    """Write an export down and queue its job; everything that can be refused is refused now.

    Raises
    ------
    SignInNeeded, NotAllowed, NotVisible, BadParameter, FieldMasked
        As ``read_request`` says.
    TooManyExports
        The person has ``export_waiting_max`` unfinished ones.
    """
    asked = read_request(principal, collection, request)
    if principal.user_id is None:
        raise SignInNeeded("导出须先登录。", "Sign in to export.")
    most = maps_settings().export_waiting_max
    with evaluating(asked.selection.filtered):
        expected = features.count(asked.selection).number
    fixed = dict(request)
    if not request.get("datetime"):
        fixed["valid_at"] = asked.asof.valid_text
    fixed["known_at"] = asked.asof.known_text
    with transaction.atomic():
        waiting = Export.objects.filter(owner_id=principal.user_id, state__in=UNFINISHED).count()
        if waiting >= most:
            raise TooManyExports(
                f"您有 {waiting} 个未完成的导出，上限 {most}；请等其中一个完成。",
                f"You have {waiting} unfinished exports, at most {most}; wait until one is done.",
            )
        made = Export.objects.create(
            owner_id=principal.user_id, collection=collection, format=request["format"], request=fixed, records=expected
        )
        audit.record(
            principal, "export-asked", "collection", collection, export=made.pk, format=made.format, records=expected
        )
        _queue(made.pk)  # with the row or not at all
    return made


def _queue(export_id: int) -> None:
    """By name, since the task imports this module."""
    app.configure_task(JOB, queue=QUEUE).defer(export_id=export_id)


def own(principal: Principal, export_id: int) -> Export:
    """One's own export, or the same answer as for one that does not exist."""
    found = None
    if principal.user_id is not None and 0 < export_id < 2**63:
        found = Export.objects.filter(pk=export_id, owner_id=principal.user_id).first()
    if found is None:
        raise UnknownExport(f"没有导出 {export_id}，或者它不是您的。", f"There is no export {export_id} of yours.")
    return found


def newest(principal: Principal, limit: int = 50) -> list[Export]:
    """One's own exports, newest first."""
    if principal.user_id is None:
        return []
    return list(Export.objects.filter(owner_id=principal.user_id).order_by("-asked_at", "-pk")[:limit])


def fetch_file(principal: Principal, export_id: int) -> tuple[Export, BinaryIO]:
    """The file, while the right to download holds still; on record.

    Raises
    ------
    UnknownExport, ExportNotReady, SignInNeeded, NotAllowed, NotVisible
    """
    found = own(principal, export_id)
    if found.state != State.DONE:
        raise ExportNotReady(
            f"导出 {export_id} 的状态是“{found.get_state_display()}”，没有文件可取。{found.error_zh}",
            f"Export {export_id} is {found.state}: there is no file. {found.error_en}",
            state=found.state,
        )
    # rights taken away since the file was written hold at this request
    read_request(principal, found.collection, found.request)
    file = object_store().open(found.sm3)
    with transaction.atomic():
        audit.record(principal, "export-fetched", "collection", found.collection, export=found.pk, size=found.size)
    return found, file


def remove_old() -> int:
    """Remove files whose time is over; a file that another export still offers stays."""
    removed = 0
    for old in Export.objects.filter(state=State.DONE, expires_at__lt=timezone.now()):
        with transaction.atomic():
            Export.objects.filter(pk=old.pk).update(state=State.EXPIRED)
            shared = Export.objects.filter(state=State.DONE, sm3=old.sm3).exists()
        if not shared:
            object_store().remove(old.sm3)
        removed += 1
    return removed


def unfinished() -> list[int]:
    """Exports that a worker should take up: new ones, and those a killed worker left behind."""
    return list(Export.objects.filter(state__in=UNFINISHED).order_by("id").values_list("id", flat=True))
