"""Pictures of seals that people bring: checked, cleaned, written anew. 印章图片检查."""

from __future__ import annotations

import io
import warnings

from PIL import Image, UnidentifiedImageError

from kunyu.engines.documents.seal_errors import BadSealPicture
from kunyu.engines.documents.seals.settings import seals_settings

LEAST_PIXELS, MOST_PIXELS = 200, 3000
LEAST_TRANSPARENT, LEAST_DRAWN = 0.2, 0.02
"""Shares of the picture: a seal must let the text below be read, and must show something."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def checked_picture(content: bytes, width_mm: int, height_mm: int) -> bytes:
    """Return the picture as a fresh PNG with nothing but its pixels: no texts, no second frame, no profile.

    Raises
    ------
    BadSealPicture
        Names what was measured and the limit.
    """
    limit = seals_settings().picture_bytes_max
    if len(content) > limit:
        raise _bad(f"文件 {len(content)} 字节，上限 {limit} 字节", f"{len(content)} bytes, at most {limit}")
    if not content.startswith(_SIGNATURE):
        raise _bad("不是PNG文件", "it is no PNG file")
    picture = _opened(content)
    _require_shape(picture, width_mm, height_mm)
    _require_ground(picture)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _opened(content: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=["PNG"]) as found:
                if max(found.size) > MOST_PIXELS:  # before anything is decoded
                    raise _bad(
                        f"图片 {found.width}×{found.height} 像素，每边至多 {MOST_PIXELS}",
                        f"{found.width}×{found.height} pixels, at most {MOST_PIXELS} a side",
                    )
                if getattr(found, "n_frames", 1) > 1:
                    raise _bad("是动画图片", "it is animated")
                pixels = found.convert("RGBA")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombWarning) as error:
        raise _bad(f"图片损坏（{error}）", f"the picture is damaged ({error})") from error
    # a copy of the bare pixels: nothing of the file's texts and profiles stays
    return Image.frombytes("RGBA", pixels.size, pixels.tobytes())


def _require_shape(picture: Image.Image, width_mm: int, height_mm: int) -> None:
    if min(picture.size) < LEAST_PIXELS:
        raise _bad(
            f"图片 {picture.width}×{picture.height} 像素，每边至少 {LEAST_PIXELS}",
            f"{picture.width}×{picture.height} pixels, at least {LEAST_PIXELS} a side",
        )
    shape, wanted = picture.width / picture.height, width_mm / height_mm
    if abs(shape / wanted - 1) > 0.02:
        raise _bad(
            f"图片宽高比 {shape:.2f} 与印章尺寸 {width_mm}×{height_mm} 毫米（{wanted:.2f}）不符",
            f"its shape {shape:.2f} differs from {width_mm}×{height_mm} mm ({wanted:.2f})",
        )


def _require_ground(picture: Image.Image) -> None:
    shares = picture.getchannel("A").histogram()
    pixels = picture.width * picture.height
    clear, drawn = sum(shares[:16]) / pixels, sum(shares[128:]) / pixels
    if clear < LEAST_TRANSPARENT:
        raise _bad(
            f"透明部分占 {clear:.0%}，至少应为 {LEAST_TRANSPARENT:.0%}",
            f"{clear:.0%} of it is transparent, at least {LEAST_TRANSPARENT:.0%} must be",
        )
    if drawn < LEAST_DRAWN:
        raise _bad(f"图案仅占 {drawn:.1%}", f"only {drawn:.1%} of it is drawn")


def _bad(zh: str, en: str) -> BadSealPicture:
    return BadSealPicture(
        f"印章图片不可用：{zh}。请上传透明底的PNG。", f"Unusable seal picture: {en}. Upload a PNG with transparent ground.",
        field="picture",
    )  # fmt: skip
