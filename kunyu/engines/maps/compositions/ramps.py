"""Colour ramps for classified maps. 色带.

Sequential and diverging ramps follow ColorBrewer 2.0 (Cynthia Brewer; Apache-2.0 licence), the perceptual ones viridis and cividis
(matplotlib, CC0). Those marked colour-blind-safe are so according to their authors. Colours between the given ones are
mixed, so a ramp serves any number of classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kunyu.engines.maps.drawing.colours import mix


@dataclass(frozen=True)
class Ramp:
    """``kind``: sequential, diverging or qualitative."""

    id: str
    kind: str
    name_zh: str
    name_en: str
    colours: tuple[str, ...]
    is_colour_blind_safe: bool

    def take(self, count: int) -> list[str]:
        """``count`` colours; qualitative ones are taken in turn and begin again when they run out."""
        if self.kind == "qualitative":
            return [self.colours[place % len(self.colours)] for place in range(count)]
        if count == 1:
            return [self.colours[len(self.colours) // 2]]
        places = np.linspace(0, len(self.colours) - 1, count)
        low = np.minimum(places.astype(int), len(self.colours) - 2)
        return [str(one) for one in mix(self.colours, low, low + 1, places - low)]


def _ramp(name: str, kind: str, zh: str, en: str, colours: str, *, safe: bool = True) -> Ramp:
    return Ramp(name, kind, zh, en, tuple(f"#{one}" for one in colours.split()), safe)


RAMPS = {
    one.id: one
    for one in (
        _ramp("YlGnBu", "sequential", "黄绿蓝", "Yellow–green–blue", "ffffcc a1dab4 41b6c4 2c7fb8 253494"),
        _ramp("YlOrBr", "sequential", "黄橙褐", "Yellow–orange–brown", "ffffd4 fed98e fe9929 d95f0e 993404"),
        _ramp("Greens", "sequential", "绿", "Greens", "edf8e9 bae4b3 74c476 31a354 006d2c"),
        _ramp("Blues", "sequential", "蓝", "Blues", "eff3ff bdd7e7 6baed6 3182bd 08519c"),
        _ramp("Purples", "sequential", "紫", "Purples", "f2f0f7 cbc9e2 9e9ac8 756bb1 54278f"),
        _ramp("Greys", "sequential", "灰", "Greys", "f7f7f7 cccccc 969696 636363 252525"),
        _ramp("viridis", "sequential", "翠蓝（等感知）", "Viridis", "440154 3b528b 21918c 5ec962 fde725"),
        _ramp("cividis", "sequential", "蓝黄（等感知）", "Cividis", "00224e 414d6b 7d7c78 bbaf71 fee838"),
        _ramp("RdYlBu", "diverging", "红黄蓝", "Red–yellow–blue", "d7191c fdae61 ffffbf abd9e9 2c7bb6"),
        _ramp("BrBG", "diverging", "褐蓝绿", "Brown–teal", "a6611a dfc27d f5f5f5 80cdc1 018571"),
        _ramp("PuOr", "diverging", "紫橙", "Purple–orange", "e66101 fdb863 f7f7f7 b2abd2 5e3c99"),
        _ramp("Okabe", "qualitative", "八色（色觉友好）", "Okabe–Ito",
              "e69f00 56b4e9 009e73 f0e442 0072b2 d55e00 cc79a7 999999"),
        _ramp("Set2", "qualitative", "柔和八色", "Set2", "66c2a5 fc8d62 8da0cb e78ac3 a6d854 ffd92f e5c494 b3b3b3"),
        _ramp("Paired", "qualitative", "成对十二色", "Paired",
              "a6cee3 1f78b4 b2df8a 33a02c fb9a99 e31a1c fdbf6f ff7f00 cab2d6 6a3d9a ffff99 b15928", safe=False),
    )
}  # fmt: skip
