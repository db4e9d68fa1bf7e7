"""Draw pages of a material as pictures: whatever a file carries, a picture only shows. 页面图.

Runs in the process of :mod:`worker`.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image, ImageOps


def draw_pages(
    path: Path, folder: Path, *, format: str, first: int, count: int, pixels: int
) -> Iterator[dict[str, Any]]:
    """Write ``<page>.png`` into ``folder`` for up to ``count`` pages from ``first`` on.

    Parameters
    ----------
    pixels : int
        Longest side of a picture.

    Yields
    ------
    dict
        ``{"page", "width", "height"}`` of each picture written.
    """
    for number, image in _pictures(path, format, first, count, pixels):
        image.save(folder / f"{number}.png", compress_level=4)
        yield {"page": number, "width": image.width, "height": image.height}


def _pictures(path: Path, format: str, first: int, count: int, pixels: int) -> Iterator[tuple[int, Image.Image]]:
    if format == "pdf":
        yield from _pdf(path, first, count, pixels)
    elif format == "ofd":
        yield from _ofd(path, first, count, pixels)
    else:
        Image.MAX_IMAGE_PIXELS = None  # looked at when the file was taken
        with Image.open(path) as image:
            last = min(int(getattr(image, "n_frames", 1)), first + count - 1)
            for number in range(first, last + 1):
                image.seek(number - 1)
                yield number, _small(image, pixels)


def _pdf(path: Path, first: int, count: int, pixels: int) -> Iterator[tuple[int, Image.Image]]:
    with pypdfium2.PdfDocument(path) as document:
        for number in range(first, min(len(document), first + count - 1) + 1):
            try:
                page = document[number - 1]
            except pypdfium2.PdfiumError:  # a damaged page: the others are drawn
                continue
            scale = (pixels - 1) / max(*page.get_size(), 1.0)  # the renderer rounds up
            yield number, page.render(scale=scale, may_draw_forms=False).to_pil()
            page.close()


def _small(image: Image.Image, pixels: int) -> Image.Image:
    image.draft("RGB", (pixels, pixels))
    shown = ImageOps.exif_transpose(image)
    shown.thumbnail((pixels, pixels))
    return shown if shown.mode in ("L", "RGB") else shown.convert("RGB")


def _ofd(path: Path, first: int, count: int, pixels: int) -> Iterator[tuple[int, Image.Image]]:
    """The picture of a scanned page; a page of text as its text, set in the places it has on the page."""
    from kunyu.engines.matters.materials import ofd_text

    for page in ofd_text.pages(path):
        if page.number >= first + count:
            return
        if page.number < first:
            continue
        if page.pictures and not page.lines:
            with Image.open(BytesIO(ofd_text.picture(path, page.pictures[0]))) as image:
                yield page.number, _small(image, pixels)
        else:
            yield page.number, _set(page, pixels)


def _set(page: Any, pixels: int) -> Image.Image:
    from PIL import ImageDraw

    scale = pixels / max(page.width_mm, page.height_mm)
    sheet = Image.new("RGB", (round(page.width_mm * scale), round(page.height_mm * scale)), "white")
    pen = ImageDraw.Draw(sheet)
    for line in page.lines:
        left, top, _, bottom = line.box
        font = _font(max(8, round((bottom - top) * sheet.height)))
        pen.text((left * sheet.width, top * sheet.height), line.text.replace("\t", "    "), fill="black", font=font)
    return sheet


def _font(size: int) -> Any:
    from PIL import ImageFont

    for place in _CHINESE_FONTS:
        if Path(place).is_file():
            return ImageFont.truetype(place, size)
    return ImageFont.load_default(size)


_CHINESE_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
)
"""Where distributions put a font with Chinese letters."""
