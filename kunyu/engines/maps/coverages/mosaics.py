"""Several images as one: the newest lies on top, older ones fill what it leaves open. 镶嵌."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.maps.coverages.handles import OpenImage, handles
from kunyu.engines.maps.coverages.sampling import Grid, Method, Sampled, sample
from kunyu.engines.maps.coverages.scenes import Scene


@dataclass(frozen=True)
class Mosaic:
    """Values [band, row, column], where there are any, the bands' names, and the images that took part."""

    values: NDArray[Any]
    valid: NDArray[np.bool_]
    names: tuple[str, ...]
    used: tuple[Scene, ...]


def band_numbers(image: OpenImage, wanted: Sequence[str]) -> tuple[int, ...]:
    """Numbers of bands that are named by their number (``1``, ``b1``) or by the name the image gives them.

    Raises
    ------
    BadParameter
        The image has no such band.
    """
    found = []
    for name in wanted:
        number = name[1:] if name[:1] in "bB" and name[1:].isdecimal() else name
        if name in image.names:
            found.append(image.bands[image.names.index(name)])
        elif number.isdecimal() and len(number) < 6 and 1 <= int(number) <= len(image.bands):
            found.append(image.bands[int(number) - 1])
        else:
            raise BadParameter(
                f"影像没有波段 {name[:40]!r}；可用：{'、'.join(image.names)}（或 1–{len(image.bands)}）。",
                f"The image has no band {name[:40]!r}; it has {', '.join(image.names)} (or 1–{len(image.bands)}).",
            )
    return tuple(found)


def read_mosaic(
    scenes: Sequence[Scene], grid: Grid, wanted: Sequence[str], method: Method = "nearest"
) -> Mosaic | None:
    """Values of ``wanted`` bands (all of the newest image when empty) on ``grid``; None where nothing lies.

    Images whose bands differ from the newest one's are left out only where ``wanted`` is empty; otherwise they refuse.
    """
    values: NDArray[Any] | None = None
    valid = np.zeros((grid.height, grid.width), np.bool_)
    names: tuple[str, ...] = ()
    used: list[Scene] = []
    for scene in scenes:
        with handles().borrowed(scene.sm3) as image:
            bands = band_numbers(image, wanted) if wanted else image.bands
            if values is not None and len(bands) != len(values):
                continue
            part = sample(image, grid, bands, method)
            if part is None or not part.valid.any():
                continue
            if values is None:
                names = tuple(image.names[image.bands.index(one)] for one in bands)
                values = part.values
            else:
                values = filled(values, valid, part)
        valid = valid | part.valid
        used.append(scene)
        if valid.all():
            break
    return None if values is None else Mosaic(values, valid, names, tuple(used))


def filled(values: NDArray[Any], valid: NDArray[np.bool_], below: Sampled) -> NDArray[Any]:
    """``values`` with what lies below wherever they are not valid, in a type that holds both."""
    return np.where(valid, values, below.values)
