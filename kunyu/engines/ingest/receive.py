"""Take a file in: digest, object store, one row, one event, one audit entry. Nothing in the file is believed yet."""

from __future__ import annotations

import errno
import io
import re
import shutil
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from kunyu.engines.catalogue.services import dataset_for_delivery
from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest import admission
from kunyu.engines.ingest.errors import AlreadyOpen, DiskFull, TooLarge, UnknownTarget
from kunyu.engines.ingest.mapping_file import BadMapping, load_mapping
from kunyu.engines.ingest.models import Delivery, DeliveryEvent
from kunyu.engines.ingest.services import OPEN
from kunyu.engines.ingest.settings import ingest_settings
from kunyu.engines.ingest.storage import object_store, protects
from kunyu.engines.reference import queries as reference
from kunyu.engines.security import audit
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import KunyuError, UnreadableInput, UsageError
from kunyu.kernel.private_folder import private_folder

SHAPE_PARTS = (".shp", ".dbf", ".shx", ".prj", ".cpg", ".sbn", ".sbx", ".qix")


@dataclass(frozen=True)
class Received:
    """``existing``: the same file for the same target was open already, and that delivery is answered again."""

    delivery: Delivery
    existing: bool


@dataclass(frozen=True)
class Request:
    """What somebody wants delivered. ``standard_id`` or ``dataset_code`` names the target, ``division`` the place."""

    file_name: str
    division: str
    standard_id: str = ""
    dataset_code: str = ""
    valid_from: date | None = None
    mapping: Path | None = None


def quarantine() -> Path:
    """Folder in which deliveries are unpacked (mode 0700), each in a `private_folder`; nothing in it is believed.

    ``kunyu up`` sweeps what ended processes left in it.
    """
    return Path(settings.KUNYU_QUARANTINE)


def receive(path: Path, request: Request, actor: Principal) -> Received:
    """Take in a file, or a folder (packed into one zip in the object store).

    The second click: the same content for the same target, while the first delivery is still open, answers with the
    first one and writes nothing. Once that one is published, returned, rejected or failed, a new delivery is made.

    Raises
    ------
    NotInThisZone
        The label of the target does not belong on this node; nothing of the file is stored.
    UnreadableInput, TooLarge, UsageError, DiskFull, and whatever the catalogue says of a target without a schema.
    """
    try:
        target = _target(request)
        admission.require_target(*target)
        _check_size(path)
        with _room(path):
            return _store(path, request, target, actor)
    except KunyuError as error:
        _record_refusal(request, actor, error)
        raise


def _record_refusal(request: Request, actor: Principal, error: KunyuError) -> None:
    with transaction.atomic():
        audit.record(
            actor, "deliver", "file", request.file_name[:80], "refused", code=error.code, reason=error.detail_zh,
            division=request.division,
        )  # fmt: skip


def _target(request: Request) -> tuple[str, str]:
    """Return (standard id, dataset code or '') of what is delivered, refusing what has no schema (R-031)."""
    if bool(request.standard_id) == bool(request.dataset_code):
        raise UnknownTarget(
            "请在标准（--standard）与数据集（--dataset）中恰好指定一个。",
            "Name exactly one of --standard and --dataset.",
        )
    if not re.fullmatch(r"\d{6}(\d{3}(\d{3})?)?", request.division):
        raise UsageError(
            f"区划代码 {request.division!r} 应为6、9或12位数字（县、乡、村）。",
            f"Division {request.division!r} must have 6, 9 or 12 digits (county, township, village).",
        )
    reference.division(request.division[:6])
    if request.dataset_code:
        _, layer = dataset_for_delivery(request.dataset_code)
        return layer.standard_id, request.dataset_code
    return load_standard(request.standard_id).id, ""


def _check_size(path: Path) -> None:
    if not path.exists():
        raise UnreadableInput(f"文件不存在：{path.name}。请核对路径。", f"No such file: {path.name}. Check the path.")
    size, limit = size_of(path), ingest_settings().max_file_bytes
    if size > limit:
        raise TooLarge(
            f"{path.name} 有 {size} 字节，本节点上限 {limit} 字节。请分县、分图层汇交，或由管理员调整 KUNYU_INGEST_MAX_FILE_BYTES。",
            f"{path.name} has {size} bytes, this node takes {limit}. Deliver by county or layer, or raise "
            "KUNYU_INGEST_MAX_FILE_BYTES.",
            size=size,
            limit=limit,
        )


def size_of(path: Path) -> int:
    """Bytes of a file or of all files below a folder."""
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())


@contextmanager
def _room(path: Path) -> Iterator[None]:
    """Turn a full disk into an answer a person understands; the store leaves no half object behind."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise disk_full(path.name, error) from error


def disk_full(name: str, error: BaseException) -> DiskFull:
    return DiskFull(
        f"磁盘空间不足，{name} 没有接收完，也没有留下残余。请清理磁盘后重新汇交。",
        f"The disk is full ({error}): {name} was not taken in and nothing of it stays. Make room and deliver again.",
        file=name,
    )


def _store(path: Path, request: Request, target: tuple[str, str], actor: Principal) -> Received:
    store = object_store()
    mapping = store.put_bytes(mapping_bundle(request.mapping)) if request.mapping else None
    standard_id, dataset_code = target
    with _one_file(path) as single:
        content = store.put_file(single, protect=protects(standard_id, dataset_code))
    values = {
        "standard_id": standard_id,
        "dataset_code": dataset_code,
        "division_code": request.division,
        "input_sm3": content.sm3,
        "mapping_sm3": mapping.sm3 if mapping else "",
    }
    name = (
        request.file_name if path.is_file() and path.suffix.lower() != ".shp" else f"{Path(request.file_name).stem}.zip"
    )
    try:
        with transaction.atomic():
            open_one = Delivery.objects.filter(status__in=OPEN, **values).first()
            if open_one is not None:
                return _again(open_one, request)
            delivery = Delivery.objects.create(
                **values,
                valid_from=request.valid_from or default_valid_from(),
                file_name=name[-255:],
                input_size=content.size,
                mapping_name=request.mapping.name[:120] if request.mapping else "",
                created_by=actor.name,
                summary={"valid_from_given": request.valid_from is not None},
            )
            DeliveryEvent.objects.create(delivery=delivery, status=delivery.status, actor=actor.name)
            audit.record(
                actor, "deliver", "delivery", delivery.pk, sm3=content.sm3, file=name, division=request.division,
                standard=standard_id, dataset=dataset_code,
            )  # fmt: skip
    except IntegrityError:  # two clicks at the same instant: the constraint let one of them in
        return _again(Delivery.objects.get(status__in=OPEN, **values), request)
    return Received(delivery, False)


def _again(delivery: Delivery, request: Request) -> Received:
    """The second click, unless it asks for another date: then the person must say which of the two is meant."""
    if request.valid_from is None or request.valid_from == delivery.valid_from:
        return Received(delivery, True)
    raise AlreadyOpen(
        f"同一文件已作为批次 {delivery.pk} 汇交，生效日期是 {delivery.valid_from}，不是 {request.valid_from}。"
        "请先拒绝该批次，再按新日期汇交。",
        f"The same file is open as delivery {delivery.pk} with valid-from {delivery.valid_from}, not "
        f"{request.valid_from}. Reject that one first, then deliver with the new date.",
        delivery=delivery.pk,
    )


def default_valid_from(survey_year: int | None = None) -> date:
    """31 December of the survey year found in the data (SJNF), or of last year: TD/T 1055's survey time point."""
    return date(survey_year or date.today().year - 1, 12, 31)


@contextmanager
def _one_file(path: Path) -> Iterator[Path]:
    """A folder, and a shapefile with its parts, travel as one uncompressed zip with fixed dates: same content, same digest."""
    if path.is_file() and path.suffix.lower() != ".shp":
        yield path
        return
    parts = _parts(path)
    with private_folder(quarantine()) as folder:
        packed = folder / f"{path.stem}.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for name, part in parts:
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                info.external_attr = 0o100644 << 16
                with part.open("rb") as source, archive.open(info, "w", force_zip64=True) as out:
                    shutil.copyfileobj(source, out, 1 << 20)
        yield packed


def mapping_bundle(path: Path) -> bytes:
    """A mapping file and the code tables it names, as one zip: ``mapping.toml`` and the tables beside it."""
    tables = _tables_named(path)
    load_mapping(path)  # refused now, with a sentence, rather than by the worker later
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, file in [("mapping.toml", path), *((name, path.parent / name) for name in sorted(tables))]:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), file.read_bytes())
    return packed.getvalue()


def _tables_named(path: Path) -> set[str]:
    """Names of the code tables of a mapping; one that leaves the mapping's folder is refused unread."""
    try:
        layers = tomllib.loads(path.read_text("utf-8")).get("layer", [])
        named = {str(codes["csv"]) for one in layers for codes in one.get("codes", {}).values() if "csv" in codes}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError, TypeError):
        return set()  # load_mapping says what is wrong with it
    for name in named:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise BadMapping(
                f"映射文件 {path.name} 的代码表 {name} 在映射文件目录之外。请放在同一目录。",
                f"Code table {name} of mapping {path.name} lies outside its folder. Put it beside the mapping.",
            )
    return named


def _parts(path: Path) -> list[tuple[str, Path]]:
    if path.is_dir():
        prefix = f"{path.name}/" if path.suffix.lower() == ".gdb" else ""  # a geodatabase is known by its folder's name
        files = sorted(f for f in path.rglob("*") if f.is_file() and not f.is_symlink())
        return [(prefix + f.relative_to(path).as_posix(), f) for f in files]
    mine = [f for f in path.parent.iterdir() if f.stem == path.stem and f.suffix.lower() in SHAPE_PARTS]
    return [(f.name, f) for f in sorted(mine)]
