"""The small map of a finding as pixels (PNG), for documents that take no SVG. 示意小图（位图）.

Drawn with numpy alone: a laptop with the extra ``check`` has no drawing library. Two pixels are averaged into one, so
that lines are smooth.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.report.drawing import Drawer, View

SIDE_PX = 360
_OVER = 2
_NEAR, _NAMED, _PLACE, _INK = (0xAA, 0xB6, 0xBA), (0x0B, 0x55, 0x63), (0xB3, 0x26, 0x1E), (0x1C, 0x24, 0x27)
_NEAR_FILL, _NAMED_FILL, _PLACE_FILL = (0xF2, 0xF4, 0xF4), (0xCF, 0xE3, 0xE7), (0xDC, 0x93, 0x90)


def png_of(drawer: Drawer, finding: Finding) -> tuple[bytes, float] | None:
    """Return the picture and the length in metres of its side; None when there is nothing to show."""
    view = drawer.view(finding)
    if view is None:
        return None
    canvas = _Canvas(view.window)
    for geometry in view.near:
        canvas.fill(geometry, _NEAR_FILL)
    for geometry in view.named:
        canvas.fill(geometry, _NAMED_FILL)
    canvas.fill(view.place, _PLACE_FILL)
    for geometry in view.near:
        canvas.line(geometry, _NEAR, 1)
    for geometry in view.named:
        canvas.line(geometry, _NAMED, 2)
    canvas.line(view.place, _PLACE, 3)
    canvas.dots(view.place, _PLACE, 9)
    canvas.frame()
    return canvas.png(), view.side_m


def side_in_words(view: View) -> str:
    """Return the length of a picture's side for its caption."""
    return f"{view.side_m / 1000:.2f} km" if view.side_m >= 1000 else f"{view.side_m:.1f} m"


class _Canvas:
    """A square of pixels over a window of the delivered plane; north is up."""

    def __init__(self, window: tuple[float, float, float, float]) -> None:
        self.window = window
        self.side = SIDE_PX * _OVER
        self.scale = self.side / (window[2] - window[0])
        self.pixels = np.full((self.side, self.side, 3), 255, np.uint8)

    def fill(self, geometry: BaseGeometry, colour: tuple[int, int, int]) -> None:
        clipped = shapely.clip_by_rect(geometry, *self.window)
        if shapely.get_dimensions(clipped) != 2:
            return
        west, south, east, north = shapely.bounds(clipped)
        left, right = self._column(west), self._column(east) + 1
        top, bottom = self._row(north), self._row(south) + 1
        x = self.window[0] + (np.arange(left, right) + 0.5) / self.scale
        y = self.window[3] - (np.arange(top, bottom) + 0.5) / self.scale
        shapely.prepare(clipped)
        inside = shapely.contains_xy(clipped, *np.meshgrid(x, y))
        self.pixels[top:bottom, left:right][inside] = colour

    def line(self, geometry: BaseGeometry, colour: tuple[int, int, int], width: int) -> None:
        clipped = shapely.clip_by_rect(geometry, *self.window)
        for part in shapely.get_parts(clipped):
            dimension = shapely.get_dimensions(part)
            for one in shapely.get_rings(part) if dimension == 2 else [part] if dimension == 1 else []:
                self._stroke(one, colour, width * _OVER)

    def _stroke(self, line: BaseGeometry, colour: tuple[int, int, int], width: int) -> None:
        dense = shapely.get_coordinates(shapely.segmentize(line, 0.7 / self.scale))
        self._stamp(dense, colour, width)

    def dots(self, geometry: BaseGeometry, colour: tuple[int, int, int], width: int) -> None:
        if shapely.get_dimensions(geometry) == 0:
            self._stamp(shapely.get_coordinates(geometry), colour, width * _OVER)

    def _stamp(self, xy: NDArray[np.float64], colour: tuple[int, int, int], width: int) -> None:
        """Put a round stamp of ``width`` fine pixels on every point."""
        reach = np.arange(width) - (width - 1) / 2
        dx, dy = (one.ravel() for one in np.meshgrid(reach, reach))
        round_ = dx * dx + dy * dy <= (width / 2) ** 2 + 0.3
        columns = np.floor((xy[:, :1] - self.window[0]) * self.scale + dx[round_]).astype(np.intp).ravel()
        rows = np.floor((self.window[3] - xy[:, 1:]) * self.scale + dy[round_]).astype(np.intp).ravel()
        seen = (columns >= 0) & (columns < self.side) & (rows >= 0) & (rows < self.side)
        self.pixels[rows[seen], columns[seen]] = colour

    def frame(self) -> None:
        for edge in (self.pixels[:_OVER], self.pixels[-_OVER:], self.pixels[:, :_OVER], self.pixels[:, -_OVER:]):
            edge[:] = _INK

    def _column(self, x: float) -> int:
        return int(np.clip((x - self.window[0]) * self.scale, 0, self.side - 1))

    def _row(self, y: float) -> int:
        return int(np.clip((self.window[3] - y) * self.scale, 0, self.side - 1))

    def png(self) -> bytes:
        small = self.pixels.reshape(SIDE_PX, _OVER, SIDE_PX, _OVER, 3).mean(axis=(1, 3)).round().astype(np.uint8)
        lines = np.concatenate([np.zeros((SIDE_PX, 1), np.uint8), small.reshape(SIDE_PX, -1)], axis=1)
        head = struct.pack(">IIBBBBB", SIDE_PX, SIDE_PX, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            _chunk(name, data)
            for name, data in ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
        )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
