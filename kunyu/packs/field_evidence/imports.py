"""Take in an evidence package, one way: every photo verified, kept and marked, in one transaction or not at all. 导入举证包."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely
from django.db import IntegrityError, connection, transaction

from kunyu.engines.ingest.admission import require_admitted
from kunyu.engines.ingest.errors import TooLarge
from kunyu.engines.ingest.receive import quarantine
from kunyu.engines.ingest.settings import ingest_settings
from kunyu.engines.security import audit, protection
from kunyu.engines.security.scope import EDIT, Principal, require_division
from kunyu.kernel.digests import canonical_json, sm3_file
from kunyu.kernel.errors import KunyuError, UnreadableInput, UsageError
from kunyu.kernel.private_folder import private_folder
from kunyu.packs.field_evidence import access, services, worklist
from kunyu.packs.field_evidence.access import COLLECTION
from kunyu.packs.field_evidence.models import (
    Device,
    EvidenceEvent,
    EvidenceImport,
    EvidencePhoto,
    EvidenceTask,
    PhotoCheck,
    State,
)
from kunyu.packs.field_evidence.photos.checks import Assessed, Target, assess
from kunyu.packs.field_evidence.photos.integrity import Anchor, DeviceKey, Trust
from kunyu.packs.field_evidence.photos.package import EvidencePackage, NotEvidence, Photo, open_package

TAKING = (State.PENDING, State.EVIDENCED, State.RETURNED)
"""States in which new photos count towards the task; in the others they are kept with it and change nothing."""


@dataclass(frozen=True)
class Imported:
    """``existing``: the same file was taken in before, and that entry is answered again."""

    entry: EvidenceImport
    existing: bool


def import_package(path: Path, file_name: str, principal: Principal) -> Imported:
    """Take in a package; needs the right to edit evidence in the package's division.

    The second click answers with the first entry. Pictures are stored before the rows that name them, so a crash leaves
    at most objects that nobody names, never a row without its picture.

    Raises
    ------
    NotEvidence, UnreadableInput, TooLarge
        The file; nothing of it stays.
    SignInNeeded, NotVisible, NotAllowed, NotInThisZone
    """
    try:
        granted = access.granted(principal, EDIT)
        require_admitted(COLLECTION)
        _require_file(path, file_name)
        sm3 = sm3_file(path)
        known = EvidenceImport.objects.filter(sm3=sm3).first()
        if known is not None:
            require_division(granted, known.division_code)
            return Imported(known, True)
        with private_folder(quarantine()) as scratch, open_package(path, scratch) as package:
            _require_place(granted, package, file_name)
            return _take_in(package, sm3, path.stat().st_size, file_name, principal)
    except KunyuError as error:
        _record_refusal(principal, file_name, error)
        raise


def _require_file(path: Path, name: str) -> None:
    if not path.is_file():
        raise UnreadableInput(f"没有文件 {name}。请核对路径。", f"There is no file {name}. Check the path.")
    size, limit = path.stat().st_size, ingest_settings().max_file_bytes
    if size > limit:
        raise TooLarge(f"{name} 有 {size} 字节，本节点上限 {limit} 字节。", f"{name} has {size} bytes; limit {limit}.")


def _require_place(granted: Any, package: EvidencePackage, name: str) -> None:
    """A package is of one county, and so is everything in it: nobody brings photos into a neighbour's tasks."""
    division = package.division
    if len(division) not in (6, 9, 12) or not division.isascii() or not division.isdigit():
        raise NotEvidence(
            f"举证包 {name} 的区划代码 {division!r} 应为 6、9 或 12 位数字。",
            f"Division {division!r} of package {name} must have 6, 9 or 12 digits.",
        )
    require_division(granted, division)


def _record_refusal(principal: Principal, name: str, error: KunyuError) -> None:
    with transaction.atomic():
        audit.record(
            principal, "import-evidence", "file", name[:80], "refused", code=error.code, reason=error.detail_zh[:500]
        )


def _take_in(package: EvidencePackage, sm3: str, size: int, name: str, principal: Principal) -> Imported:
    stored: dict[int, tuple[str, int]] = {}
    store, protect = protection.object_store(), protection.must_protect([COLLECTION])

    def keep(at: int, image: bytes | None) -> None:
        if image is not None:
            stored[at] = (store.put_bytes(image, protect=protect).sm3, len(image))

    tasks = _tasks_of(package)
    found = assess(package, _targets(tasks), _trust(package), each=keep)
    try:
        with transaction.atomic():
            entry = _write(package, found, stored, (sm3, size, name), principal)
    except IntegrityError:  # two clicks at one instant: the unique digest let one of them in
        return Imported(EvidenceImport.objects.get(sm3=sm3), True)
    return Imported(entry, False)


def _tasks_of(package: EvidencePackage) -> list[EvidenceTask]:
    numbers = {number for photo in package.photos for number in (photo.JCBH, photo.BSM) if number}
    county = package.division[:6]
    return list(EvidenceTask.objects.filter(number__in=numbers, division_code__startswith=county))


def _targets(tasks: Iterable[EvidenceTask]) -> dict[str, Target]:
    by_id = {task.pk: task for task in tasks}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, ST_AsBinary(geom) FROM field_evidence_evidencetask WHERE id = ANY(%s)", [sorted(by_id)]
        )
        shapes = {pk: shapely.from_wkb(bytes(wkb)) if wkb is not None else None for pk, wkb in cursor.fetchall()}
    return {
        task.number: Target(task.number, shapes.get(pk), (task.window_from, task.window_to), task.tblx)
        for pk, task in by_id.items()
    }


def _trust(package: EvidencePackage) -> Trust:
    numbers = {photo.device for photo in package.photos}
    devices = {
        one.number: DeviceKey(bytes.fromhex(one.public_key), one.revoked_at)
        for one in Device.objects.filter(number__in=numbers)
    }
    names = {photo.name for photo in package.photos}
    known = dict(EvidencePhoto.objects.filter(name__in=names).values_list("name", "digest"))
    return Trust(devices, _anchors(numbers), known)


def _anchors(numbers: set[str]) -> dict[str, Anchor]:
    """The last genuine photo of each device: one whose signature and digest held."""
    bad = PhotoCheck.objects.filter(check_code__in=["digest", "signature", "device"], outcome="fail").values("photo_id")
    rows = (
        EvidencePhoto.objects.filter(device_number__in=numbers, sequence__isnull=False)
        .exclude(pk__in=bad)
        .order_by("device_number", "-sequence", "-id")
        .distinct("device_number")
        .values_list("device_number", "sequence", "digest")
    )
    return {number: Anchor(sequence, digest) for number, sequence, digest in rows if sequence is not None}


def _write(
    package: EvidencePackage, found: list[Assessed], stored: Mapping[int, tuple[str, int]], file: tuple[str, int, str],
    principal: Principal,
) -> EvidenceImport:  # fmt: skip
    """Every row of one package, in the caller's transaction. Tasks are locked in one order, so imports never deadlock."""
    county = package.division[:6]
    numbers = {one.target.number for one in found if one.target is not None}
    locked = EvidenceTask.objects.select_for_update().filter(number__in=numbers, division_code__startswith=county)
    tasks = {task.number: task for task in locked.order_by("pk")}
    before = set(
        EvidencePhoto.objects.filter(digest__in={one.photo.digest for one in found} - {""}).values_list(
            "name", "digest"
        )
    )
    new = [at for at, one in enumerate(found) if (one.photo.name, one.photo.digest) not in before]
    sm3, size, name = file
    entry = EvidenceImport.objects.create(
        sm3=sm3, file_name=name[-255:], size=size, package=package.name[:200], division_code=package.division,
        photos=len(found), photos_bad=sum(not found[at].good for at in new), already_known=len(found) - len(new),
        imported_by=principal.name, origin=principal.origin[:20],
    )  # fmt: skip
    devices = {one.number: one for one in Device.objects.filter(number__in={one.photo.device for one in found})}
    rows = [_photo(entry, at, found[at], stored.get(at), tasks, devices) for at in new]
    EvidencePhoto.objects.bulk_create(rows, batch_size=500)
    PhotoCheck.objects.bulk_create(
        [check for row, at in zip(rows, new, strict=True) for check in _checks(row, found[at])], batch_size=2000
    )
    _place(rows, [found[at] for at in new])
    for task in tasks.values():
        _advance(task, [row for row in rows if row.task_id == task.pk], principal, entry)
    audit.record(
        principal, "import-evidence", "evidence-import", entry.pk, sm3=sm3, file=name[:200], division=package.division,
        photos=len(found), bad=entry.photos_bad, already_known=entry.already_known,
    )  # fmt: skip
    return entry


def _photo(
    entry: EvidenceImport, at: int, one: Assessed, stored: tuple[str, int] | None, tasks: Mapping[str, EvidenceTask],
    devices: Mapping[str, Device],
) -> EvidencePhoto:  # fmt: skip
    photo, jpeg = one.photo, one.jpeg
    task = tasks.get(one.target.number) if one.target is not None else None
    return EvidencePhoto(
        package=entry, task=task, position=at, round=task.round if task else 1, name=photo.name, number=photo.number[:60],
        division_code=task.division_code if task else entry.division_code, kind=photo.kind, taken_at=photo.taken_at,
        device_at=photo.device_at, lon=photo.lon, lat=photo.lat, elevation_m=photo.elevation_m,
        positioning=photo.positioning, accuracy_m=photo.accuracy_m, satellites=photo.satellites, azimuth=photo.azimuth,
        pitch=photo.pitch, roll=photo.roll, focal_mm=photo.focal_mm, fov_deg=one.fov_deg, distance_m=one.distance_m,
        off_axis_deg=one.off_axis_deg, surveyor=photo.person, device_number=photo.device, device=devices.get(photo.device),
        mock=photo.mock, sequence=photo.sequence, previous=photo.previous, image_sm3=photo.image_sm3,
        image_sm3_stored=stored[0] if stored else "", size=stored[1] if stored else 0,
        width=jpeg.width if jpeg else None, height=jpeg.height if jpeg else None, digest=photo.digest,
        signature=photo.signature, metadata=_as_signed(photo), is_good=one.good,
    )  # fmt: skip


def _as_signed(photo: Photo) -> str:
    """The record as signed; one that has no canonical form as ASCII, so that it can be stored at all."""
    try:
        text = canonical_json(photo.metadata).decode("utf-8")
    except (KunyuError, ValueError, TypeError):
        text = json.dumps(photo.metadata, default=str)
    return text[:20_000]


def _checks(row: EvidencePhoto, one: Assessed) -> list[PhotoCheck]:
    return [
        PhotoCheck(photo=row, check_code=v.check, outcome=v.outcome, measured=_text(v.measured, 200), limit=_text(v.limit, 80),
                   unit=v.unit, text_zh=v.zh, text_en=v.en)
        for v in one.verdicts
    ]  # fmt: skip


def _text(value: object, longest: int) -> str:
    return "" if value is None else str(value)[:longest]


def _place(rows: list[EvidencePhoto], found: list[Assessed]) -> None:
    """Fill the geometry columns of the photos in one statement."""
    placed = [
        (
            row.pk,
            shapely.to_wkb(shapely.Point(row.lon, row.lat)),
            None if one.cone is None else shapely.to_wkb(one.cone),
        )
        for row, one in zip(rows, found, strict=True)
        if row.lon is not None and row.lat is not None
    ]
    if not placed:
        return
    ids, points, cones = (list(column) for column in zip(*placed, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE field_evidence_evidencephoto p SET geom = ST_GeomFromWKB(n.point, 4490), "
            "cone = ST_GeomFromWKB(n.cone, 4490) FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[]) "
            "AS n (id, point, cone) WHERE p.id = n.id",
            [ids, points, cones],
        )


def _advance(task: EvidenceTask, rows: list[EvidencePhoto], principal: Principal, entry: EvidenceImport) -> None:
    if not rows:
        return
    before = task.state
    good = sum(row.is_good for row in rows)
    task.photos_good += good
    task.photos_bad += len(rows) - good
    task.is_complete = services.completeness(task).complete
    if before in TAKING:
        task.state, task.outcome = State.EVIDENCED, ""
    task.save()
    services.record(
        task,
        EvidenceEvent.Act.EVIDENCE,
        before,
        principal,
        f"{entry.file_name}: {len(rows)}",
        package=entry.pk,
        good=good,
    )
    if before == State.RETURNED:
        worklist.follow(task, before, principal, "")


def hand_in(file: Any, principal: Principal) -> Imported:
    """Take in an uploaded package; it lies in the quarantine while it is read."""
    if file is None:
        raise UsageError("请选择举证包。", "Choose an evidence package.")
    access.granted(principal, EDIT)
    limit = ingest_settings().max_file_bytes
    if (file.size or 0) > limit:
        raise TooLarge(
            f"{file.name} 有 {file.size} 字节，本节点上限 {limit} 字节。",
            f"{file.name} has {file.size} bytes; limit {limit}.",
        )
    name = Path((file.name or "evidence.zip").replace("\\", "/")).name
    with private_folder(quarantine()) as folder:
        path = folder / "package.zip"
        with path.open("wb") as out:
            for piece in file.chunks(1 << 20):
                out.write(piece)
        return import_package(path, name, principal)


def document(done: Imported) -> dict[str, Any]:
    """An entry of the import log, JSON-ready."""
    one = done.entry
    return {
        "id": one.pk, "sm3": one.sm3, "package": one.package, "division": one.division_code, "photos": one.photos,
        "photos_bad": one.photos_bad, "already_known": one.already_known, "existing": done.existing,
    }  # fmt: skip


def protect_stored() -> int:
    """Encrypt photos that lie in plain although the label, perhaps a later one, asks for it; returns how many.

    Interrupted, it may be run again.
    """
    if not protection.must_protect([COLLECTION]):
        return 0
    store = protection.object_store()
    stored = EvidencePhoto.objects.exclude(image_sm3_stored="").values_list("image_sm3_stored", flat=True).distinct()
    return sum(store.protect(sm3) for sm3 in stored.order_by().iterator() if store.exists(sm3))
