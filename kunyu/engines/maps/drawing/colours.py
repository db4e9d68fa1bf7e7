"""Colours as styles write them: ``#rgb``, ``#rrggbb``, ``#rrggbbaa``, ``rgb()``, ``rgba()`` and a few names. 颜色."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from kunyu.engines.maps.drawing.errors import BadStyle

COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_FUNCTION = re.compile(r"rgba?\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*(?:,\s*([\d.]+)\s*)?\)")
_NAMED = {"black": "#000000", "white": "#ffffff", "transparent": "#00000000", "red": "#ff0000", "gray": "#808080",
          "grey": "#808080", "green": "#008000", "blue": "#0000ff", "yellow": "#ffff00", "orange": "#ffa500"}  # fmt: skip


@lru_cache(maxsize=4096)
def rgba(text: str) -> tuple[int, int, int, float]:
    """Red, green, blue of 0 … 255 and alpha of 0 … 1; :class:`BadStyle` for what is no colour."""
    named = _NAMED.get(text, text)
    if COLOUR.fullmatch(named):
        digits = named[1:] if len(named) > 4 else "".join(2 * one for one in named[1:])
        red, green, blue = (int(digits[place : place + 2], 16) for place in (0, 2, 4))
        return red, green, blue, int(digits[6:8], 16) / 255 if len(digits) == 8 else 1.0
    found = _FUNCTION.fullmatch(named)
    if found and all(int(found[place]) <= 255 for place in (1, 2, 3)):
        return int(found[1]), int(found[2]), int(found[3]), min(1.0, float(found[4] or 1))
    raise BadStyle(
        f"{text[:40]!r} 不是颜色；请写成 #rrggbb 或 rgba(r, g, b, a)。",
        f"{text[:40]!r} is no colour; write #rrggbb or rgba(r, g, b, a).",
    )


def argb(text: str, opacity: float = 1.0) -> int:
    """The colour as skia takes it, 0xAARRGGBB, made paler by ``opacity``."""
    red, green, blue, alpha = rgba(text)
    return round(255 * alpha * min(1.0, max(0.0, opacity))) << 24 | red << 16 | green << 8 | blue


def mix(colours: Sequence[str], low: Any, high: Any, share: Any) -> Any:
    """Colours between ``colours[low]`` and ``colours[high]``; arrays give an array of ``#rrggbb``."""
    table = np.array([rgba(one)[:3] for one in colours], dtype=float)
    share = np.nan_to_num(np.asarray(share, dtype=float))[..., None]
    mixed = np.rint(table[low] + (table[high] - table[low]) * share).astype(int)
    if mixed.ndim == 1:
        return "#{:02x}{:02x}{:02x}".format(*mixed)
    packed = mixed[:, 0] << 16 | mixed[:, 1] << 8 | mixed[:, 2]
    kinds, inverse = np.unique(packed, return_inverse=True)
    return np.array([f"#{kind:06x}" for kind in kinds], dtype=object)[inverse]
