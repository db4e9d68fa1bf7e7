"""What a JPEG says of itself: size and EXIF, read without decoding the picture. EXIF 读取.

Source: CIPA DC-008 (Exif 2.32), TIFF 6.0, ITU-T T.81. Offsets are checked before they are followed; a broken file
answers with what could be read, never with an error.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

MOST_ENTRIES = 400
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_ORIGINAL, _OFFSET, _FOCAL_35 = 0x9003, 0x9011, 0xA405
_LAT_REF, _LAT, _LON_REF, _LON, _TIME, _DIRECTION, _DATE = 1, 2, 3, 4, 7, 17, 29
CHINA = timezone(timedelta(hours=8))
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class JpegFacts:
    """``width`` and ``height`` in pixels; ``complete`` when the file ends as a JPEG does. None: not told.

    ``taken_at`` is the device's clock (DateTimeOriginal), ``gps_at`` the satellites' time; both aware.
    """

    width: int
    height: int
    complete: bool
    has_exif: bool = False
    taken_at: datetime | None = None
    gps_at: datetime | None = None
    lon: float | None = None
    lat: float | None = None
    azimuth: float | None = None
    focal_mm: float | None = None


def read_jpeg(content: bytes) -> JpegFacts | None:
    """Return what the file says, or None when it is no JPEG with a frame."""
    if content[:2] != b"\xff\xd8":
        return None
    size, exif = _segments(content)
    if size is None:
        return None
    complete = b"\xff\xd9" in content[-64:]
    if exif is None:
        return JpegFacts(*size, complete)
    try:
        return _facts(size, complete, _Tiff(exif))
    except (struct.error, IndexError, ValueError, OverflowError, ZeroDivisionError):
        return JpegFacts(*size, complete, has_exif=True)


def _segments(content: bytes) -> tuple[tuple[int, int] | None, bytes | None]:
    """Walk the markers up to the scan; (width, height) and the TIFF block of EXIF."""
    at, size, exif = 2, None, None
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in (0xD9, 0xDA):
            break
        (length,) = struct.unpack_from(">H", content, at + 2)
        body = content[at + 4 : at + 2 + length]
        if marker in _FRAMES and len(body) >= 5:
            height, width = struct.unpack_from(">HH", body, 1)
            size = (width, height)
        elif marker == 0xE1 and body[:6] == b"Exif\0\0":
            exif = body[6:]
        at += 2 + max(length, 2)
    return size, exif


class _Tiff:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.order = {b"II": "<", b"MM": ">"}[content[:2]] if content[:2] in (b"II", b"MM") else ""
        if not self.order:
            raise ValueError("no TIFF")
        (self.first,) = struct.unpack_from(self.order + "I", content, 4)

    def directory(self, at: int) -> dict[int, Any]:
        (count,) = struct.unpack_from(self.order + "H", self.content, at)
        found: dict[int, Any] = {}
        for number in range(min(count, MOST_ENTRIES)):
            tag, kind, length = struct.unpack_from(self.order + "HHI", self.content, at + 2 + 12 * number)
            total = _SIZES.get(kind, 0) * length
            if not 0 < total <= len(self.content):
                continue
            where = at + 10 + 12 * number
            if total > 4:
                (where,) = struct.unpack_from(self.order + "I", self.content, where)
            found[tag] = self._value(kind, length, where)
        return found

    def _value(self, kind: int, length: int, at: int) -> Any:
        if kind in (1, 2, 7):
            return self.content[at : at + length]
        if kind in (5, 10):
            pairs = struct.unpack_from(f"{self.order}{2 * length}{'I' if kind == 5 else 'i'}", self.content, at)
            return [up / down if down else None for up, down in zip(pairs[::2], pairs[1::2], strict=True)]
        return list(struct.unpack_from(f"{self.order}{length}{ {3: 'H', 4: 'I', 9: 'i'}[kind] }", self.content, at))


def _facts(size: tuple[int, int], complete: bool, tiff: _Tiff) -> JpegFacts:
    main = tiff.directory(tiff.first)
    exif = tiff.directory(main[_EXIF_IFD][0]) if _EXIF_IFD in main else {}
    gps = tiff.directory(main[_GPS_IFD][0]) if _GPS_IFD in main else {}
    return JpegFacts(
        *size, complete, True, _original(exif), _satellite_time(gps), _degrees(gps, _LON, _LON_REF, b"W"),
        _degrees(gps, _LAT, _LAT_REF, b"S"), _first(gps.get(_DIRECTION)), _first(exif.get(_FOCAL_35)),
    )  # fmt: skip


def _first(value: Any) -> float | None:
    return float(value[0]) if isinstance(value, list) and value and value[0] is not None else None


def _ascii(value: Any) -> str:
    return value.split(b"\0")[0].decode("ascii", "replace").strip() if isinstance(value, bytes) else ""


def _original(exif: dict[int, Any]) -> datetime | None:
    text, offset = _ascii(exif.get(_ORIGINAL)), _ascii(exif.get(_OFFSET))
    try:
        found = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")
        return datetime.fromisoformat(found.isoformat() + offset) if offset else found.replace(tzinfo=CHINA)
    except ValueError:
        return None


def _satellite_time(gps: dict[int, Any]) -> datetime | None:
    clock = gps.get(_TIME)
    try:
        day = datetime.strptime(_ascii(gps.get(_DATE)), "%Y:%m:%d").replace(tzinfo=UTC)
        hours, minutes, seconds = clock  # type: ignore[misc]
        return day + timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, TypeError):
        return None


def _degrees(gps: dict[int, Any], tag: int, ref: int, negative: bytes) -> float | None:
    parts = gps.get(tag)
    if not isinstance(parts, list) or len(parts) != 3 or None in parts:
        return None
    value = float(parts[0] + parts[1] / 60 + parts[2] / 3600)
    return -value if bytes(gps.get(ref, b""))[:1] == negative else value
