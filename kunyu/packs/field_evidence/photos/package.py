"""The evidence package: a zip or folder with ``manifest.json`` and JPEG files (docs/reference/evidence-package.md). 举证包.

Nothing in a package is believed. A photo whose record is wrong stays in the list with what is wrong about it; only a
package that is none, or that breaks the rules of safe archives, is refused.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from kunyu.engines.ingest.unpacking import UnpackLimits, safe_unpack
from kunyu.kernel.digests import Sm3, canonical_json
from kunyu.kernel.errors import UnreadableInput, UsageError

FORMAT, VERSION = "kunyu-evidence", 1
MANIFEST = "manifest.json"
MIB = 1 << 20
LIMITS = UnpackLimits(max_bytes=8 << 30, max_files=20_000)
MOST_MANIFEST_BYTES, MOST_IMAGE_BYTES, MOST_PHOTOS = 64 * MIB, 64 * MIB, 20_000
UNSIGNED = ("digest", "signature")
"""Members of a photo's record that the digest does not cover: they are made from it."""

KINDS: dict[str, tuple[str, str]] = {
    "panorama": ("全景", "panorama"), "near": ("近景", "near view"), "use": ("利用特征", "use"),
    "interior": ("建(构)筑物内部", "interior"),
}  # fmt: skip
POSITIONING: dict[str, tuple[str, str]] = {
    "gnss": ("卫星", "satellites"), "beidou": ("北斗", "BeiDou"), "network": ("网络", "network"), "none": ("无", "none"),
}  # fmt: skip
_DECIMAL = re.compile(r"-?[0-9]{1,6}(\.[0-9]{1,12})?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[0-9A-Za-z_.-]{1,60}")
_PERSON = re.compile(r"[0-9A-Za-z_.@-]{1,60}")


class NotEvidence(UnreadableInput):
    """The file is no evidence package, or one whose manifest cannot be read."""

    code = "evidence.not_a_package"
    title_zh, title_en = "不是举证包", "Not an evidence package"


@dataclass(frozen=True)
class Problem:
    """What is wrong with one member of a record."""

    name: str
    zh: str
    en: str


@dataclass(frozen=True)
class PackageTask:
    """One patch or parcel of a package. ``window``: first and last day on which photos may be taken, where given."""

    number: str
    JCBH: str
    TBBH: str
    BSM: str
    TBLX: str
    window: tuple[date | None, date | None]


@dataclass(frozen=True)
class Photo:
    """One photo as its record says: angles in degrees, lengths in metres, CGCS2000 longitude and latitude.

    Values that are missing or malformed are None ('' for texts) and told in ``problems``. ``decimals`` is how many
    places longitude and latitude carry at least. ``metadata`` is the record as signed.
    """

    name: str
    file: str
    JCBH: str
    TBBH: str
    BSM: str
    XZQDM: str
    kind: str
    taken_at: datetime | None
    device_at: datetime | None
    lon: float | None
    lat: float | None
    decimals: int
    elevation_m: float | None
    positioning: str
    accuracy_m: float | None
    satellites: int | None
    azimuth: float | None
    pitch: float | None
    roll: float | None
    focal_mm: float | None
    person: str
    device: str
    mock: bool | None
    sequence: int | None
    previous: str
    image_sm3: str
    digest: str
    signature: str
    metadata: Mapping[str, Any] = field(repr=False)
    problems: tuple[Problem, ...] = ()

    @property
    def number(self) -> str:
        """What the photo is evidence of: the monitoring patch, else the parcel."""
        return self.JCBH or self.BSM


@dataclass(frozen=True)
class EvidencePackage:
    """An opened package. ``certificates`` are PEM or DER texts by device number; ``root`` is where its files lie."""

    name: str
    division: str
    tasks: tuple[PackageTask, ...]
    photos: tuple[Photo, ...]
    certificates: Mapping[str, str]
    root: Path

    def image(self, photo: Photo) -> bytes | None:
        """Return the bytes of a photo's file; None where there is none, or it is larger than any photo."""
        path = (self.root / photo.file).resolve()
        if not path.is_relative_to(self.root.resolve()) or not path.is_file() or not photo.file:
            return None
        return path.read_bytes() if path.stat().st_size <= MOST_IMAGE_BYTES else None


def digest_of(image: bytes, metadata: Mapping[str, Any]) -> str:
    """Return SM3 over the image's bytes followed by the canonical JSON of the record without digest and signature."""
    hasher = Sm3(image)
    hasher.update(canonical_json({name: value for name, value in metadata.items() if name not in UNSIGNED}))
    return hasher.hexdigest()


def try_digest(image: bytes, metadata: Mapping[str, Any]) -> str:
    """As `digest_of`; '' for a record that has no canonical form (1e999, a lone surrogate), which no device signs."""
    try:
        return digest_of(image, metadata)
    except (UsageError, ValueError, TypeError, RecursionError):
        return ""


def is_package(path: Path) -> bool:
    """Tell whether a zip or folder looks like an evidence package; no error, whatever it is."""
    try:
        if path.is_dir():
            manifest = path / MANIFEST
            return manifest.is_file() and _says_format(manifest.read_bytes()[:MOST_MANIFEST_BYTES])
        with zipfile.ZipFile(path) as packed:
            info = packed.getinfo(MANIFEST)
            with packed.open(info) as manifest_file:
                return info.file_size <= MOST_MANIFEST_BYTES and _says_format(manifest_file.read(MOST_MANIFEST_BYTES))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, RuntimeError, NotImplementedError):
        return False


def _says_format(content: bytes) -> bool:
    said = json.loads(content)
    return isinstance(said, dict) and said.get("format") == FORMAT


@contextmanager
def open_package(path: Path, scratch: Path | None = None) -> Iterator[EvidencePackage]:
    """Open a package; what was unpacked is removed at the end.

    Parameters
    ----------
    path : Path
        Zip file or folder.
    scratch : Path, optional
        Where to unpack; the system's temporary folder when left out.

    Raises
    ------
    NotEvidence
        No manifest, or none of this format and version.
    UnreadableInput, UnsafeArchive
        See ``ingest.unpacking.safe_unpack``.
    """
    if path.is_dir():
        yield _read(path, path.name)
        return
    folder = Path(tempfile.mkdtemp(prefix="kunyu-evidence-", dir=scratch))
    try:
        safe_unpack(path, folder, LIMITS)
        yield _read(folder, path.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(root: Path, file_name: str) -> EvidencePackage:
    said = _manifest(root / MANIFEST, file_name)
    photos = _dicts(said.get("photos"))
    if len(photos) > MOST_PHOTOS:
        raise _not_evidence(
            file_name, f"照片 {len(photos)} 张, 上限 {MOST_PHOTOS}", f"{len(photos)} photos, limit {MOST_PHOTOS}"
        )
    certificates = {_text(one, "device"): _text(one, "certificate", 20_000) for one in _dicts(said.get("devices"))}
    return EvidencePackage(
        _text(said, "package") or file_name, _text(said, "division"), tuple(_task(one) for one in _dicts(said.get("tasks"))),
        tuple(read_photo(one) for one in photos), certificates, root,
    )  # fmt: skip


def _manifest(path: Path, file_name: str) -> dict[str, Any]:
    if not path.is_file():
        raise _not_evidence(file_name, f"缺少 {MANIFEST}", f"{MANIFEST} is missing")
    if path.stat().st_size > MOST_MANIFEST_BYTES:
        raise _not_evidence(file_name, f"{MANIFEST} 超过 {MOST_MANIFEST_BYTES} 字节", f"{MANIFEST} is too large")
    try:
        said = json.loads(path.read_text("utf-8"), parse_constant=_no_constant)
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise _not_evidence(file_name, f"{MANIFEST} 不是 JSON ({error})", f"{MANIFEST} is no JSON ({error})") from error
    if not isinstance(said, dict) or said.get("format") != FORMAT or said.get("version") != VERSION:
        raise _not_evidence(
            file_name, f"{MANIFEST} 应为 format {FORMAT}, version {VERSION}",
            f"{MANIFEST} must say format {FORMAT}, version {VERSION}",
        )  # fmt: skip
    return said


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _not_evidence(name: str, zh: str, en: str) -> NotEvidence:
    return NotEvidence(
        f"{name} 不是举证包: {zh}。请用采集端重新导出。", f"{name} is no evidence package: {en}. Export it again."
    )


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(record: Mapping[str, Any], name: str, longest: int = 200) -> str:
    value = record.get(name, "")
    return _storable(value).strip()[:longest] if isinstance(value, str) else ""


def _storable(text: str) -> str:
    """Without what no database takes: NUL, lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _task(record: Mapping[str, Any]) -> PackageTask:
    jcbh, bsm = _text(record, "JCBH", 60), _text(record, "BSM", 60)
    window = (_day(_text(record, "window_from")), _day(_text(record, "window_to")))
    return PackageTask(jcbh or bsm, jcbh, _text(record, "TBBH", 60), bsm, _text(record, "TBLX", 20), window)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


class _Reading:
    """Reads one record; keeps what is wrong."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.record = record
        self.problems: list[Problem] = []

    def text(self, name: str, pattern: re.Pattern[str] | None = None, *, needed: bool = False) -> str:
        value = _text(self.record, name)
        wrong = (needed and not value) or (pattern is not None and value and not pattern.fullmatch(value))
        if wrong or not isinstance(self.record.get(name, ""), str):
            self._wrong(name)
            return "" if pattern is _DIGEST or needed else value
        return value

    def one_of(self, name: str, known: Any) -> str:
        value = _text(self.record, name)
        if value not in known:
            self._wrong(name)
            return ""
        return value

    def decimal(self, name: str, least: float, most: float, *, needed: bool = True) -> float | None:
        """A decimal text such as ``"113.0123456"``; numbers would lose their last places on the way."""
        value = self.record.get(name)
        if value is None and not needed:
            return None
        number = float(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None
        if number is None or not least <= number <= most:
            self._wrong(name)
            return None
        return number

    def whole(self, name: str, most: int, *, needed: bool = True) -> int | None:
        value = self.record.get(name)
        if value is None and not needed:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            self._wrong(name)
            return None
        return value

    def flag(self, name: str) -> bool | None:
        value = self.record.get(name)
        if not isinstance(value, bool):
            self._wrong(name)
            return None
        return value

    def instant(self, name: str) -> datetime | None:
        """An instant with its offset from UTC."""
        try:
            found = datetime.fromisoformat(_text(self.record, name))
        except ValueError:
            found = None
        if found is None or found.tzinfo is None or not 1990 <= found.year <= 2200:
            self._wrong(name)
            return None
        return found

    def _wrong(self, name: str) -> None:
        shown = _storable(json.dumps(self.record.get(name), ensure_ascii=False, default=str)[:60])
        self.problems.append(
            Problem(name, f"{name} 缺失或不合规 ({shown})", f"{name} is missing or malformed ({shown})")
        )


def read_photo(record: Mapping[str, Any]) -> Photo:
    """Read one record of the manifest; never raises."""
    read = _Reading(record)
    decimals = min(len(_text(record, name).partition(".")[2]) for name in ("lon", "lat"))
    photo = Photo(
        name=read.text("photo", _NUMBER, needed=True), file=read.text("file", needed=True),
        JCBH=_text(record, "JCBH", 60), TBBH=_text(record, "TBBH", 60), BSM=_text(record, "BSM", 60),
        XZQDM=_text(record, "XZQDM", 12), kind=read.one_of("kind", KINDS), taken_at=read.instant("taken_at"),
        device_at=read.instant("device_at"), lon=read.decimal("lon", -180, 180), lat=read.decimal("lat", -90, 90),
        decimals=decimals, elevation_m=read.decimal("elevation_m", -1000, 10_000, needed=False),
        positioning=read.one_of("positioning", POSITIONING), accuracy_m=read.decimal("accuracy_m", 0, 100_000),
        satellites=read.whole("satellites", 200, needed=False), azimuth=read.decimal("azimuth", 0, 360),
        pitch=read.decimal("pitch", -180, 180), roll=read.decimal("roll", -180, 180),
        focal_mm=read.decimal("focal_mm", 5, 2000), person=read.text("person", _PERSON, needed=True),
        device=read.text("device", _NUMBER, needed=True), mock=read.flag("mock"), sequence=read.whole("sequence", 10**9),
        previous=read.text("previous", _DIGEST), image_sm3=read.text("image_sm3", _DIGEST, needed=True),
        digest=read.text("digest", _DIGEST, needed=True), signature=_text(record, "signature", 400), metadata=record,
    )  # fmt: skip
    if not photo.number:
        read.problems.append(Problem("JCBH", "没有 JCBH 也没有 BSM", "neither JCBH nor BSM is given"))
    return _with(photo, tuple(read.problems))


def _with(photo: Photo, problems: tuple[Problem, ...]) -> Photo:
    from dataclasses import replace

    return replace(photo, problems=problems)
