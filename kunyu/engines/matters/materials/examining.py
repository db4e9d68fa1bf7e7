"""Look at a file before it is taken: format by content, whole, harmless, within limits. 材料接收检查.

Runs in the process of :mod:`worker`; needs neither the database nor Django.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kunyu.engines.matters.materials import formats
from kunyu.engines.matters.materials.refusals import refuse


@dataclass(frozen=True)
class Limits:
    """Limits of one look; names as in the settings. ``allowed``: names of formats this kind of material may have."""

    allowed: tuple[str, ...]
    pdf_pages: int
    pdf_objects: int
    zip_entries: int
    zip_unpacked_mb: int
    zip_ratio: int
    image_megapixels: int


@dataclass(frozen=True)
class Examined:
    """What was found of a file that may be taken; ``pages`` None where the format has none."""

    format: formats.Format
    pages: int | None

    def as_json(self) -> dict[str, Any]:
        return {"format": self.format.name, "pages": self.pages}


def examine(path: Path, name: str, limits: Limits) -> Examined:
    """Look at a file whole.

    Raises
    ------
    BadMaterial
        Empty, of another format than allowed, cut off, encrypted, carrying scripts, a bomb, too many pages.
    """
    if path.stat().st_size == 0:
        raise refuse(
            name, "empty", "是空文件（0 字节）", "is empty (0 bytes)", "请检查原文件后重新上传",
            "Check the file and upload it again", 0,
        )  # fmt: skip
    found = formats.recognise(path)
    _require_allowed(name, found, formats.allowed(limits.allowed))
    assert found is not None
    return Examined(found, _look_into(path, name, found, limits))


def _require_allowed(name: str, found: formats.Format | None, allowed: tuple[str, ...]) -> None:
    if found is not None and found.name in allowed:
        return
    wanted = "、".join(one.upper() for one in allowed)
    zh = f"的内容是 {found.name.upper()}" if found else "的内容不是可接收的格式（以内容为准，与文件名无关）"
    en = f"is {found.name.upper()} by its content" if found else "is by its content none of the formats taken"
    raise refuse(
        name, "format", f"{zh}，本项材料接收 {wanted}", f"{en}; this kind takes {wanted}",
        "请另存为可接收的格式后上传", "Save it in one of these formats and upload again", found.name if found else "",
        wanted,
    )  # fmt: skip


def _look_into(path: Path, name: str, found: formats.Format, limits: Limits) -> int | None:
    if found is formats.PDF:
        from kunyu.engines.matters.materials.pdf_safety import examine_pdf

        return examine_pdf(path, name, limits.pdf_pages, limits.pdf_objects)
    if found.name in formats.IMAGES:
        from kunyu.engines.matters.materials.image_safety import examine_image

        return examine_image(path, name, limits.image_megapixels, limits.pdf_pages)
    from kunyu.engines.matters.materials import zip_safety

    zip_safety.examine_zip(
        path, name, found, zip_safety.ZipLimits(limits.zip_entries, limits.zip_unpacked_mb << 20, limits.zip_ratio)
    )
    return zip_safety.pages_of(path, name, found)
