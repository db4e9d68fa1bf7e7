"""The coordinate systems a citizen may choose for a file that names none, nearest zones of his county first. 坐标系选择."""

from __future__ import annotations

from dataclasses import dataclass

from kunyu.engines.matters.hall.corner_lists import LONLAT
from kunyu.engines.pages.words import Pair
from kunyu.kernel.crs import zone_epsg

_THREE, _SIX = range(25, 46), range(13, 24)


@dataclass(frozen=True)
class Choices:
    """Choices of one group: value and words."""

    title: Pair
    listed: tuple[tuple[str, Pair], ...]


def choices(longitude: float | None) -> tuple[Choices, ...]:
    """All planes of CGCS2000, those of the zones over a longitude (degrees) first, and degrees themselves."""
    near: list[tuple[str, Pair]] = []
    if longitude is not None:
        three, six = round(longitude / 3), int(longitude // 6) + 1
        near = [*(_of(three, 3) if three in _THREE else []), *(_of(six, 6) if six in _SIX else [])]
    groups = [
        Choices(("本县常用", "Usual here"), tuple(near)),
        Choices(("经纬度", "Degrees"), ((LONLAT, ("CGCS2000 经纬度（度）", "CGCS2000 longitude, latitude")),)),
        Choices(("3 度带", "3-degree zones"), tuple(one for zone in _THREE for one in _of(zone, 3))),
        Choices(("6 度带", "6-degree zones"), tuple(one for zone in _SIX for one in _of(zone, 6))),
    ]
    return tuple(one for one in groups if one.listed)


def is_choice(value: str) -> bool:
    """Is it one of them, or nothing chosen?"""
    return not value or any(value == name for group in choices(None) for name, _ in group.listed)


def _of(zone: int, width: int) -> list[tuple[str, Pair]]:
    """A zone with its number in front of Y, and without."""
    meridian = zone * 3 if width == 3 else zone * 6 - 3
    return [
        (f"EPSG:{zone_epsg(zone, 3 if width == 3 else 6, prefixed)}",
         (f"{width} 度带第 {zone} 带（中央经线 {meridian}°），Y {'前有带号 ' + str(zone) if prefixed else '前没有带号'}",
          f"{width}-degree zone {zone} (meridian {meridian}°), Y {'begins with ' + str(zone) if prefixed else 'without zone'}"))
        for prefixed in (True, False)
    ]  # fmt: skip
