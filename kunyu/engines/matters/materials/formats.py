"""What a file is, by its content: its name is only what somebody called it. 文件格式识别."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 1_024


@dataclass(frozen=True)
class Format:
    """A format by the name that ``MaterialKind.formats`` uses, its media type and its suffix."""

    name: str
    media_type: str
    suffix: str


PDF = Format("pdf", "application/pdf", ".pdf")
OFD = Format("ofd", "application/ofd", ".ofd")
JPG = Format("jpg", "image/jpeg", ".jpg")
PNG = Format("png", "image/png", ".png")
TIFF = Format("tiff", "image/tiff", ".tif")
_OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX = Format("docx", f"{_OFFICE}wordprocessingml.document", ".docx")
XLSX = Format("xlsx", f"{_OFFICE}spreadsheetml.sheet", ".xlsx")
ZIP = Format("zip", "application/zip", ".zip")
FORMATS = {one.name: one for one in (PDF, OFD, JPG, PNG, TIFF, DOCX, XLSX, ZIP)}
IMAGES = ("jpg", "png", "tiff")
PACKED = ("ofd", "docx", "xlsx", "zip")
_OTHER_NAMES = {"jpeg": "jpg", "tif": "tiff", "shp": "zip"}


def allowed(formats: tuple[str, ...]) -> tuple[str, ...]:
    """Names of formats as a matter's definition writes them, in this module's words."""
    return tuple(dict.fromkeys(_OTHER_NAMES.get(one.lower(), one.lower()) for one in formats))


def recognise(path: Path) -> Format | None:
    """The format of a file, or None when it is none of those taken."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if b"%PDF-" in head:
        return PDF
    if head.startswith(b"\xff\xd8\xff"):
        return JPG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return TIFF
    if head.startswith(b"PK\x03\x04"):
        return _packed(path)
    return None


def _packed(path: Path) -> Format:
    """Which of the formats that are zip files; a damaged one is called ZIP and refused where it is looked into."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return ZIP
    if "OFD.xml" in names:
        return OFD
    if "[Content_Types].xml" in names and "word/document.xml" in names:
        return DOCX
    if "[Content_Types].xml" in names and "xl/workbook.xml" in names:
        return XLSX
    return ZIP
