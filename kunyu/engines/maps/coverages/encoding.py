"""Pictures and grids as bytes: PNG, JPEG, WebP, GeoTIFF."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.maps.coverages.sampling import Grid

MEDIA_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
GEOTIFF = "image/tiff; application=geotiff"
_WHITE = 255


def read_format(text: str | None) -> str:
    """``png`` (also when nothing is asked for), ``jpeg`` or ``webp``."""
    name = {"jpg": "jpeg", None: "png"}.get(text, text)
    if name not in MEDIA_TYPES:
        raise BadParameter(
            f"f={str(text)[:20]!r} 不可用；可用 png、jpeg、webp。",
            f"f={str(text)[:20]!r} is not offered; use png, jpeg, webp.",
        )
    return name


def encode(rgba: NDArray[np.uint8], form: str) -> bytes:
    """Encode [row, column, 4] as ``png``, ``jpeg`` (on white) or ``webp``. The encoders work without the GIL.

    A picture without gaps is written without transparency, one of grey tones as grey: fewer bytes, less work.
    """
    out = io.BytesIO()
    alpha = rgba[..., 3]
    is_whole = bool((alpha == _WHITE).all())
    if form == "jpeg":
        shown = rgba if is_whole else on_ground(rgba, (_WHITE, _WHITE, _WHITE))
        Image.fromarray(np.ascontiguousarray(shown[..., :3])).save(out, "JPEG", quality=85)
    elif form == "webp":
        Image.fromarray(rgba if not is_whole else np.ascontiguousarray(rgba[..., :3])).save(
            out, "WEBP", quality=85, method=2
        )
    else:
        _png(rgba, is_whole).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _png(rgba: NDArray[np.uint8], is_whole: bool) -> Image.Image:
    red = rgba[..., 0]
    is_grey = bool((red == rgba[..., 1]).all() and (red == rgba[..., 2]).all())
    if is_grey:
        return Image.fromarray(np.ascontiguousarray(red if is_whole else rgba[..., [0, 3]]))
    return Image.fromarray(np.ascontiguousarray(rgba[..., :3]) if is_whole else rgba)


def on_ground(rgba: NDArray[np.uint8], ground: tuple[int, int, int] | None) -> NDArray[np.uint8]:
    """The picture over a colour; as it is without one."""
    if ground is None:
        return rgba
    part = rgba[..., 3:].astype(np.uint16)
    under = np.array(ground, np.uint16)
    mixed = (rgba[..., :3] * part + under * (_WHITE - part)) // _WHITE
    return np.concatenate([mixed.astype(np.uint8), np.full_like(rgba[..., 3:], _WHITE)], axis=-1)


def geotiff(values: NDArray[Any], valid: NDArray[np.bool_], grid: Grid, names: tuple[str, ...]) -> bytes:
    """Values [band, row, column] as a deflated GeoTIFF; where there is none, nodata (NaN for floats) or a mask."""
    dx, dy = grid.pixel
    profile: dict[str, Any] = {
        "driver": "GTiff", "width": grid.width, "height": grid.height, "count": len(values), "dtype": values.dtype,
        "crs": f"EPSG:{grid.epsg}", "transform": from_origin(grid.box.x_min, grid.box.y_max, dx, dy),
        "compress": "deflate", "tiled": min(grid.width, grid.height) >= 256, "interleave": "band",
    }  # fmt: skip
    if profile["tiled"]:
        profile |= {"blockxsize": 256, "blockysize": 256}
    is_float = values.dtype.kind == "f"
    if is_float:
        values = np.where(valid, values, np.nan).astype(values.dtype)
        profile["nodata"] = np.nan
    with MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(values)
            for number, name in enumerate(names, 1):
                target.set_band_description(number, name)
            if not is_float and not valid.all():
                target.write_mask(valid)
        return bytes(memory.read())
