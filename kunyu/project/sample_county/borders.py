"""Borders between villages: one polyline per coarse edge, the same for both sides. 村界折线.

A border is a smooth curve (the part that shapes the fields on both sides) plus fine detail. Roads, ditches and the
river cross it at *ports*: pairs of vertices that both neighbours use as ends of their strips.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kunyu.project.sample_county.edges import TENTHS_MM
from kunyu.project.sample_county.layout import Layout
from kunyu.project.sample_county.randomness import knot_noise, stream

STRIP_WIDTH_M = {"lane": (4.6, 6.4), "ditch": (5.0, 7.0), "highway": (14.0, 22.0), "river": (70.0, 110.0)}
"""Least and greatest width of a strip where it crosses a border."""


@dataclass(frozen=True)
class Border:
    """One border from its south or west node to the other.

    ``xy`` (n, 2) int64 tenths of a millimetre, both nodes included; ``t`` (n,) position along the chord, 0 to 1.
    ``ports`` (k, 2) vertex numbers of the strips' two sides, in order. ``first``/``last`` and ``bend`` describe the
    smooth curve: offset to the left of the chord, in chord lengths, ``4 t (1 - t) (bend0 + bend1 (2 t - 1))``.
    """

    xy: NDArray[np.int64]
    t: NDArray[np.float64]
    ports: NDArray[np.int64]
    bend: tuple[float, float]

    def smooth(self, t: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points (…, 2) of the smooth curve in metres of the county frame."""
        first, last = self.xy[0] / TENTHS_MM, self.xy[-1] / TENTHS_MM
        along = last - first
        left = np.array([-along[1], along[0]])
        return first + t[..., None] * along + _bend(self.bend, t)[..., None] * left


def _bend(bend: tuple[float, float], t: NDArray[np.float64]) -> NDArray[np.float64]:
    return 4.0 * t * (1.0 - t) * (bend[0] + bend[1] * (2.0 * t - 1.0))


def border(layout: Layout, vertical: bool, row: int, column: int) -> Border:
    """Make the border that starts at coarse node (row, column) and runs north (vertical) or east."""
    rng = stream(layout.seed, 6, int(vertical), row, column)
    first = np.rint(layout.node[row, column] * TENTHS_MM)
    last = np.rint(layout.node[row + vertical, column + (not vertical)] * TENTHS_MM)
    length = float(np.sqrt((((last - first) / TENTHS_MM) ** 2).sum()))
    kinds = layout.row_strips[row] if vertical else layout.column_strips[column]
    port_t = _port_positions(rng, kinds, length)
    spacing = 3.2 if _beside_town(layout, vertical, row, column) else 9.5
    t, ports = _vertices(rng, port_t, length, spacing)
    bend = (0.13 * (rng.random() - 0.5), 0.16 * (rng.random() - 0.5))
    offset = _bend(bend, t) + _detail(rng, t, port_t, length, spacing) / length
    along = (last - first) / TENTHS_MM
    left = np.array([-along[1], along[0]])
    metres = first / TENTHS_MM + t[:, None] * along + offset[:, None] * left
    xy = np.rint(metres * TENTHS_MM).astype(np.int64)
    return Border(xy, t, ports, bend)


def _beside_town(layout: Layout, vertical: bool, row: int, column: int) -> bool:
    town_row, town_column = layout.cells[layout.town]
    other = (row, column - 1) if vertical else (row - 1, column)
    return (row, column) == (town_row, town_column) or other == (town_row, town_column)


def _port_positions(rng: np.random.Generator, kinds: tuple[str, ...], length: float) -> NDArray[np.float64]:
    """Return (k, 2) chord positions of the strips' sides: evenly spread, shifted by up to a tenth of a gap."""
    count = len(kinds)
    centre = (np.arange(count) + 0.5) / count + (rng.random(count) - 0.5) * 0.3 / count
    low, high = np.array([STRIP_WIDTH_M[kind] for kind in kinds]).T
    half = (low + (high - low) * rng.random(count)) / length / 2
    half = np.minimum(half, 0.16 / count)  # a tiny county has narrow rivers
    return np.stack([centre - half, centre + half], axis=1)


def _vertices(
    rng: np.random.Generator, port_t: NDArray[np.float64], length: float, spacing: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Spread vertices over the gaps between ports; none inside a port except across a river."""
    knots = np.concatenate([[0.0], port_t.ravel(), [1.0]])
    pieces, ports, position = [], [], 0
    for index, (low, high) in enumerate(pairwise(knots)):
        inside_port = index % 2 == 1
        count = 1 if inside_port and (high - low) * length < 40 else max(8, round((high - low) * length / spacing))
        if inside_port:
            ports.append((position, position + count))
        step = np.arange(count) / count
        shake = (rng.random(count) - 0.5) * 0.5 / count
        shake[0] = 0.0
        pieces.append(low + (high - low) * (step + shake))
        position += count
    return np.append(np.concatenate(pieces), 1.0), np.array(ports, dtype=np.int64)


def _detail(
    rng: np.random.Generator, t: NDArray[np.float64], port_t: NDArray[np.float64], length: float, spacing: float
) -> NDArray[np.float64]:
    """Fine detail of a border in metres: waves of about 60 m and a little roughness; calm at nodes and ports."""
    knots = rng.random((1, max(3, int(length / 60)))) * 2 - 1
    waves = 3.0 * knot_noise(knots, np.zeros(t.size, dtype=np.int64), t)
    rough = 0.22 * spacing * (rng.random(t.size) - 0.5)
    calm = np.concatenate([[0.0, 1.0], port_t.ravel()])
    near = np.abs(t[:, None] - calm).min(axis=1) * length
    return np.asarray((waves + rough) * np.minimum(1.0, near / 30.0))
