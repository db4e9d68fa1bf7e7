"""Take a material in: streamed, digested, looked at, encrypted in the object store, one more version. 接收材料.

Nothing is overwritten. A file that is refused leaves nothing but an entry in the audit.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from kunyu.engines.matters.definitions.matter import MaterialKind
from kunyu.engines.matters.errors import BadMaterial
from kunyu.engines.matters.materials import access, formats, sandbox
from kunyu.engines.matters.materials.kinds import kind_of, kinds_of
from kunyu.engines.matters.materials.refusals import refuse
from kunyu.engines.matters.materials.settings import MIB, MaterialSettings, material_settings
from kunyu.engines.matters.models import Application, Material
from kunyu.engines.security import audit
from kunyu.engines.security.protection import object_store
from kunyu.engines.security.scope import Principal
from kunyu.kernel.objects import ObjectRef, StoreFull
from kunyu.kernel.private_folder import private_folder

Source = Material.Source
_PIECE_BYTES = MIB
_NAME_LETTERS = 300


class Stream(Protocol):
    """What is uploaded: read piece by piece, never whole."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Taken:
    """``existing``: the newest version of this kind has the same content, and is answered again."""

    material: Material
    existing: bool


@dataclass(frozen=True)
class Content:
    """What a material consists of, however it came."""

    file_name: str
    media_type: str
    sm3: str
    size: int
    pages: int | None


def take(
    principal: Principal, application_id: int, kind: str, file_name: str, stream: Stream, *, source: str = Source.UPLOAD
) -> Material:
    """Take an upload as the newest version of a kind; the same file again is the version there is.

    Raises
    ------
    UnknownCase, WrongStep, NotYourStep
    BadMaterial
        Too large, empty, cut off, of a format not taken, encrypted, carrying scripts, a bomb.
    StoreFull, StoreUnavailable
        There is no room for it, or the store cannot be written; nothing of it stays.
    """
    return taken(principal, application_id, kind, file_name, stream, source=source).material


def taken(
    principal: Principal, application_id: int, kind: str, file_name: str, stream: Stream, *, source: str = Source.UPLOAD
) -> Taken:
    """As :func:`take`; tells whether the file was there already."""
    name = plain_name(file_name)
    with transaction.atomic():
        application = access.changed_application(principal, application_id)
        wanted = kind_of(application, kind, name)
    try:
        content = _stored(name, stream, wanted, material_settings())
    except BadMaterial as error:
        _record_refusal(principal, application_id, kind, error)
        raise
    return add(principal, application_id, wanted, content, source)


def plain_name(given: str) -> str:
    """The last part of a name, without letters that no file has."""
    name = "".join(one for one in Path(given.replace("\\", "/")).name if one.isprintable()).strip()
    return (name or "material")[-_NAME_LETTERS:]


def _stored(name: str, stream: Stream, kind: MaterialKind, limits: MaterialSettings) -> Content:
    with private_folder(Path(settings.KUNYU_QUARANTINE)) as folder:
        path = folder / "upload"
        with _room(name):
            _lay_down(name, stream, path, limits.material_mb)
        found = examined(path, name, kind.formats, limits)
        stored: ObjectRef = object_store().put_file(path, protect=True)
    form = formats.FORMATS[found["format"]]
    return Content(name, form.media_type, stored.sm3, stored.size, found["pages"])


@contextmanager
def _room(name: str) -> Iterator[None]:
    """Turn a full disk into an answer a person understands; the folder of the upload vanishes with it."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise StoreFull(
            f"存储空间不足，材料 {name} 没有保存，已填写的内容不受影响。请稍后再上传；仍然如此，请联系受理窗口。",
            f"Storage is full: {name} was not kept; what you filled in stays. Upload again later, or ask the counter.",
            file=name,
        ) from error


def _lay_down(name: str, stream: Stream, path: Path, megabytes: int) -> None:
    """Write the stream to a file; stops reading once it is larger than the limit."""
    written, limit = 0, megabytes * MIB
    with path.open("xb") as file:
        path.chmod(0o600)
        while piece := stream.read(_PIECE_BYTES):
            written += len(piece)
            if written > limit:
                raise too_large(name, written, megabytes)
            file.write(piece)


def too_large(name: str, measured: int, megabytes: int) -> BadMaterial:
    """The file is larger than this node takes."""
    return refuse(
        name, "too_large", f"超过 {megabytes} MB（已收到 {math.ceil(measured / MIB)} MB）",
        f"is larger than {megabytes} MB ({math.ceil(measured / MIB)} MB came)",
        "请以 200—300 dpi、灰度重新扫描，或分成几份上传", "Scan it anew at 200 to 300 dpi in grey, or upload it in parts",
        measured, megabytes * MIB, "B",
    )  # fmt: skip


def examined(path: Path, name: str, allowed: tuple[str, ...], limits: MaterialSettings) -> dict[str, Any]:
    """What :func:`examining.examine` finds, looked for in a process of its own. Raises BadMaterial."""
    more = {
        "allowed": list(allowed),
        **{
            one: getattr(limits, one)
            for one in ("pdf_pages", "pdf_objects", "zip_entries", "zip_unpacked_mb", "zip_ratio", "image_megapixels")
        },
    }
    order = sandbox.Order("examine", path, name, limits.examine_seconds, limits.worker_memory_mb, None, more)
    try:
        return sandbox.answer_of(order)
    except sandbox.WorkerEnded as error:
        raise BadMaterial(error.detail_zh, error.detail_en, why="unreadable", **error.context) from error


def add(principal: Principal, application_id: int, kind: MaterialKind, content: Content, source: str) -> Taken:
    """Write down one more version and queue its reading: both or neither."""
    from kunyu.engines.matters.materials.tasks import read_material

    with transaction.atomic():
        application = access.changed_application(principal, application_id)
        newest = (
            Material.objects.filter(application=application, kind=kind.code, is_withdrawn=False)
            .order_by("-version")
            .first()
        )
        if newest is not None and newest.sm3 == content.sm3:
            return Taken(newest, True)
        version = _next_version(application, kind.code)
        material = Material.objects.create(
            application=application, kind=kind.code, version=version, source=source, file_name=content.file_name,
            media_type=content.media_type, sm3=content.sm3, size=content.size, pages=content.pages,
            faults=_faults(application, kind, content.sm3), uploaded_by=principal.name,
        )  # fmt: skip
        audit.record(
            principal, "material-taken", "material", material.pk, application=application.pk, kind=kind.code,
            version=version, sm3=content.sm3, size=content.size, source=source,
        )  # fmt: skip
        read_material.defer(material_id=material.pk)
    return Taken(material, False)


def withdraw(principal: Principal, application_id: int, material_id: int) -> Material:
    """Take a version out again; it stays on record, and the one before it counts.

    Raises
    ------
    UnknownCase, WrongStep, NotYourStep, UnknownMaterial
    """
    with transaction.atomic():
        application = access.changed_application(principal, application_id)
        material = Material.objects.filter(application=application, pk=material_id).first()
        if material is None:
            raise access.unknown_material(material_id)
        if not material.is_withdrawn:
            material.is_withdrawn = True
            material.save(update_fields=["is_withdrawn"])
            audit.record(principal, "material-withdrawn", "material", material.pk, application=application.pk)
    return material


def _next_version(application: Application, kind: str) -> int:
    """One more than the highest, withdrawn ones counted; the application is locked."""
    highest = Material.objects.filter(application=application, kind=kind).aggregate(highest=Max("version"))["highest"]
    return int(highest or 0) + 1


def _faults(application: Application, kind: MaterialKind, sm3: str) -> list[dict[str, str]]:
    """The same file under another kind is no error, but rarely meant."""
    names = kinds_of(application)
    others = Material.objects.filter(application=application, sm3=sm3, is_withdrawn=False).exclude(kind=kind.code)
    return [
        {
            "code": "same_as_other_kind",
            "zh": f"与“{names[one.kind].name_zh if one.kind in names else one.kind}”（{one.file_name}）是同一个文件，请核对。",
            "en": f"The same file was handed in as {one.kind} ({one.file_name}); check it.",
        }
        for one in others.order_by("pk")
    ]


def _record_refusal(principal: Principal, application_id: int, kind: str, error: BadMaterial) -> None:
    with transaction.atomic():
        audit.record(
            principal, "material-taken", "application", application_id, "refused", kind=kind[:60], code=error.code,
            why=str(error.context.get("why", "")),
        )  # fmt: skip
