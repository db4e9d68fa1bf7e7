"""How a picture of a coverage is asked for, and how that is read from a query. 渲染参数."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.maps.coverages.expressions import read_expression

Style = Literal["", "image", "hillshade", "slope", "relief"]
STYLES = ("image", "hillshade", "slope", "relief")
RENDER_PARAMETERS = (
    "bands", "expression", "rescale", "percent", "gamma", "colormap", "style", "azimuth", "altitude", "exaggeration",
    "resampling",
)  # fmt: skip
_MOST_BANDS = 16


@dataclass(frozen=True)
class RenderOptions:
    """How values become colours.

    ``style`` '' is the layer's own: relief for heights, the image itself otherwise. ``bands`` are names or numbers from 1,
    in the order red, green, blue; ``expression`` is band math instead. ``rescale`` are (low, high) per band, or one for
    all; ``percent`` a stretch between two percentiles of the whole image; without either, bytes stay as they are and other
    values are stretched between 2 and 98 %. ``gamma`` above 1 brightens. ``colormap`` names a matplotlib map for a single
    band. The sun of relief and hillshade stands at ``azimuth`` and ``altitude`` (degrees); ``exaggeration`` multiplies
    heights.
    """

    style: Style = ""
    bands: tuple[str, ...] = ()
    expression: str = ""
    rescale: tuple[tuple[float, float], ...] = ()
    percent: tuple[float, float] | None = None
    gamma: float = 1.0
    colormap: str = ""
    azimuth: float = 315.0
    altitude: float = 45.0
    exaggeration: float = 1.0
    resampling: Literal["", "nearest", "bilinear"] = ""


def read_options(query: Mapping[str, str]) -> RenderOptions:
    """Read the render parameters of a request.

    Raises
    ------
    BadParameter, BadExpression
    """
    expression = query.get("expression", "")
    bands = tuple(part.strip() for part in query.get("bands", "").split(",") if part.strip())
    if expression:
        read_expression(expression)
        if bands:
            raise BadParameter("bands 与 expression 只能用一个。", "Use bands or expression, not both.")
    if len(bands) > _MOST_BANDS:
        raise BadParameter(f"bands 最多 {_MOST_BANDS} 个。", f"At most {_MOST_BANDS} bands.")
    if query.get("colormap"):
        colours_of(query["colormap"])
    percent = _pairs(query, "percent", 0, 100)
    if len(percent) > 1:
        raise BadParameter("percent 只要两个数，如 2,98。", "percent takes two numbers, as 2,98.")
    return RenderOptions(
        style=cast(Style, _choice(query, "style", STYLES)),
        bands=bands,
        expression=expression,
        rescale=_pairs(query, "rescale", -math.inf, math.inf),
        percent=percent[0] if percent else None,
        gamma=_number(query, "gamma", 1.0, 0.1, 10),
        colormap=query.get("colormap", ""),
        azimuth=_number(query, "azimuth", 315.0, 0, 360),
        altitude=_number(query, "altitude", 45.0, 1, 90),
        exaggeration=_number(query, "exaggeration", 1.0, 0.1, 100),
        resampling=cast(Literal["", "nearest", "bilinear"], _choice(query, "resampling", ("nearest", "bilinear"))),
    )


@lru_cache(maxsize=64)
def colours_of(name: str) -> NDArray[np.uint8]:
    """The 256 colours [256, 3] of a named map; :class:`BadParameter` names some there are."""
    from rio_tiler.colormap import cmap

    if name not in cmap.list():
        raise BadParameter(
            f"没有色带 {name[:40]!r}；可用如 viridis、terrain、rdylgn、greys、spectral。",
            f"No colormap {name[:40]!r}; there are viridis, terrain, rdylgn, greys, spectral and others.",
        )
    table = cmap.get(name)
    return np.array([table[n][:3] for n in range(256)], np.uint8)


def _choice(query: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    text = query.get(name, "")
    if text and text not in allowed:
        raise BadParameter(
            f"{name}={text[:40]!r} 不可用；可用：{'、'.join(allowed)}。",
            f"{name}={text[:40]!r} is not offered; use {', '.join(allowed)}.",
        )
    return text


def _number(query: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = query.get(name)
    if text is None:
        return default
    try:
        value = float(text)
        if not low <= value <= high:
            raise ValueError
    except ValueError:
        raise BadParameter(
            f"{name}={text[:40]!r} 应为 {low:g} 到 {high:g} 之间的数。",
            f"{name}={text[:40]!r} must be a number from {low:g} to {high:g}.",
        ) from None
    return value


def _pairs(query: Mapping[str, str], name: str, low: float, high: float) -> tuple[tuple[float, float], ...]:
    """``0,3000`` or, one for each band, ``0,3000;0,4000;0,5000``."""
    text = query.get(name)
    if not text:
        return ()
    try:
        pairs = tuple(tuple(float(number) for number in part.split(",")) for part in text.split(";"))
        sound = all(len(pair) == 2 and low <= pair[0] < pair[1] <= high for pair in pairs)
        if not sound or len(pairs) > _MOST_BANDS or not all(math.isfinite(n) for pair in pairs for n in pair):
            raise ValueError
    except ValueError:
        raise BadParameter(
            f"{name}={text[:60]!r} 应为“小,大”，各波段之间用分号，如 0,3000。",
            f"{name}={text[:60]!r} must be low,high, one pair or one for each band parted by semicolons.",
        ) from None
    return cast(tuple[tuple[float, float], ...], pairs)
