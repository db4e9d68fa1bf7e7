"""Pictures of pages for the side-by-side view: drawn in a process of their own, kept encrypted, bounded. 页面图缓存.

A picture shows and does nothing: whatever a file carries stays behind. Pages are drawn a few at a time, because opening
an encrypted file costs more than a page of it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from django.conf import settings

from kunyu.engines.matters.errors import BadMaterial
from kunyu.engines.matters.materials import formats, sandbox
from kunyu.engines.matters.materials.access import UnknownMaterial
from kunyu.engines.matters.materials.settings import MIB, material_settings
from kunyu.engines.matters.materials.stored import content_at, format_of
from kunyu.engines.matters.models import Material
from kunyu.engines.security import keys
from kunyu.kernel.crypto.encrypted_files import EncryptedFile, encrypt_file
from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.errors import KunyuError
from kunyu.kernel.private_folder import private_folder

DRAWN_AT_ONCE = 4
SECONDS = 60
_DRAWN = ("pdf", "ofd", *formats.IMAGES)


def picture(material: Material, page: int) -> bytes:
    """PNG of a page.

    Raises
    ------
    UnknownMaterial
        The material has no such page, or a format that has no pages to draw.
    BadMaterial, WorkerEnded
        It cannot be drawn.
    """
    if format_of(material) not in _DRAWN or not 1 <= page <= (material.pages or 0):
        raise UnknownMaterial(
            f"材料 {material.pk} 没有可显示的第 {page} 页；请下载原件查看。",
            f"Material {material.pk} has no page {page} to show; download it.",
        )
    pixels = material_settings().picture_pixels
    kept = _kept(material.sm3, page, pixels)
    if kept is not None:
        return kept
    _draw(material, page, pixels)
    drawn = _kept(material.sm3, page, pixels)
    if drawn is None:
        raise BadMaterial(
            f"材料 {material.file_name} 的第 {page} 页画不出来，请下载原件查看。",
            f"Page {page} of material {material.file_name} cannot be drawn; download it.", file=material.file_name,
        )  # fmt: skip
    return drawn


def entity_tag(material: Material, page: int) -> str:
    """Names the picture: the same file, page and size give the same picture."""
    return f'"{_key(material.sm3, page, material_settings().picture_pixels)[:32]}"'


def _draw(material: Material, page: int, pixels: int) -> None:
    limits = material_settings()
    more = {"format": format_of(material), "first": page, "count": DRAWN_AT_ONCE, "pixels": pixels}
    with content_at(material) as path, private_folder(Path(settings.KUNYU_QUARANTINE)) as folder:
        order = sandbox.Order("draw", path, material.file_name, SECONDS, limits.worker_memory_mb, folder, more)
        try:
            for drawn in sandbox.run(order):
                _keep(folder / f"{drawn['page']}.png", material.sm3, int(drawn["page"]), pixels)
        except sandbox.WorkerEnded:
            if _kept(material.sm3, page, pixels) is None:  # a later page than the one asked for may be the broken one
                raise
    _make_room(limits.picture_cache_mb * MIB)


def _folder() -> Path:
    folder = Path(settings.KUNYU_HOME) / "cache" / "material-pages"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _key(sm3: str, page: int, pixels: int) -> str:
    return sm3_hex(f"{sm3}:{page}:{pixels}".encode())


def _kept(sm3: str, page: int, pixels: int) -> bytes | None:
    """The picture that was drawn before; what cannot be opened any more is drawn again."""
    key = _key(sm3, page, pixels)
    place = _folder() / key
    try:
        with place.open("rb") as stream, EncryptedFile(keys.node_ring(), stream, context=key) as opened:
            content = b"".join(opened.chunks())
        os.utime(place)
    except FileNotFoundError:
        return None
    except KunyuError:  # damaged, or its key is gone
        place.unlink(missing_ok=True)
        return None
    return content


def _keep(drawn: Path, sm3: str, page: int, pixels: int) -> None:
    key = _key(sm3, page, pixels)
    encrypt_file(keys.node_ring(), keys.FILE_KEY, drawn, _folder() / key, context=key)
    drawn.unlink()


def _make_room(most: int) -> None:
    """Remove what was looked at longest ago until the rest fits."""
    files = []
    for one in _folder().iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process removed it
            found = one.stat()
            files.append((found.st_mtime, found.st_size, one))
    total = sum(size for _, size, _ in files)
    for _, size, one in sorted(files, key=lambda one: one[0]):
        if total <= most:
            return
        one.unlink(missing_ok=True)
        total -= size
