"""Pictures: whole, and not larger unpacked than a sheet can be. 图片检查."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image

from kunyu.engines.matters.materials.refusals import damaged, refuse

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, MemoryError)
"""What Pillow raises, by and by, on bytes that are no picture any more."""


def examine_image(path: Path, name: str, megapixels: int, most_frames: int) -> int:
    """Number of frames of a picture whose every pixel can be read.

    Raises
    ------
    BadMaterial
        Larger than ``megapixels`` in a frame, more frames than ``most_frames``, cut off.
    """
    Image.MAX_IMAGE_PIXELS = None  # our own limit is asked before a pixel is unpacked
    warnings.simplefilter("ignore")
    try:
        with Image.open(path, formats=["JPEG", "PNG", "TIFF", "MPO"]) as image:
            frames = int(getattr(image, "n_frames", 1))
            _require_few(name, frames, most_frames)
            for number in range(frames):
                if frames > 1:
                    image.seek(number)
                _require_small(name, image.size, megapixels)
                image.draft("L", (image.width // 8, image.height // 8))  # a JPEG is read whole at an eighth of its size
                image.load()
            return frames
    except _BROKEN as error:
        raise damaged(name, "图片", "picture", error) from error


def _require_small(name: str, size: tuple[int, int], megapixels: int) -> None:
    measured = size[0] * size[1] / 1e6
    if measured > megapixels:
        raise refuse(
            name, "image_size", f"有 {size[0]}×{size[1]} 像素（{measured:.0f} 百万），上限 {megapixels} 百万",
            f"has {size[0]}×{size[1]} pixels ({measured:.0f} million), the limit is {megapixels} million",
            "请以 200—300 dpi 重新扫描", "Scan it anew at 200 to 300 dpi", round(measured, 1), megapixels, "Mpx",
        )  # fmt: skip


def _require_few(name: str, frames: int, most: int) -> None:
    if frames > most:
        raise refuse(
            name, "pages", f"有 {frames} 页，上限 {most} 页", f"has {frames} pages, the limit is {most}",
            "请分成几份上传", "Upload it in parts", frames, most,
        )  # fmt: skip
