"""Random numbers that are the same on every machine. 可复现的随机数.

Only PCG64's uniform doubles and 64-bit integer hashing are used, and noise is built from + − × ÷ alone: no library
sine, exponential or normal deviate whose last bit differs between platforms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MASK = (1 << 64) - 1


def stream(seed: int, *keys: int) -> np.random.Generator:
    """Return the generator that belongs to ``seed`` and a path of non-negative integers."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed & _MASK, *keys])))


def hashed_unit(x: NDArray[np.int64], y: NDArray[np.int64], salt: int) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each lattice point (SplitMix64 finaliser)."""
    with np.errstate(over="ignore"):
        z = x.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = z + y.astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F) + np.uint64(salt & _MASK)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def value_noise(x: NDArray[np.float64], y: NDArray[np.float64], cell_m: float, salt: int) -> NDArray[np.float64]:
    """Return smooth noise in [-1, 1] with features of about ``cell_m`` metres; ``x``, ``y`` in metres."""
    fx, fy = np.asarray(x) / cell_m, np.asarray(y) / cell_m
    ix, iy = np.floor(fx), np.floor(fy)
    tx, ty = _smooth(fx - ix), _smooth(fy - iy)
    ix, iy = ix.astype(np.int64), iy.astype(np.int64)
    low = hashed_unit(ix, iy, salt) * (1 - tx) + hashed_unit(ix + 1, iy, salt) * tx
    high = hashed_unit(ix, iy + 1, salt) * (1 - tx) + hashed_unit(ix + 1, iy + 1, salt) * tx
    return 2.0 * (low * (1 - ty) + high * ty) - 1.0


def knot_noise(knots: NDArray[np.float64], row: NDArray[np.int64], t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate ``knots[row]`` smoothly at ``t`` in [0, 1]; ``knots`` has shape (rows, k), values in [-1, 1]."""
    spans = knots.shape[1] - 1
    position = t * spans
    left = np.minimum(position.astype(np.int64), spans - 1)
    weight = _smooth(position - left)
    return knots[row, left] * (1 - weight) + knots[row, left + 1] * weight


def _smooth(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quintic step: value noise with continuous slope and curvature, so that slopes show no lattice."""
    return t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
