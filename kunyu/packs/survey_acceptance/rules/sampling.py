"""Drawing a sample that anybody can draw again. 抽样.

The parcels are sorted by identifier; the i-th takes the i-th 64-bit number of the PCG64 generator seeded with the
plan's seed (a bit stream NumPy keeps for ever); in each stratum the parcels with the smallest numbers are drawn. Equal
population, strata, size and seed give the same list on every machine, proved by its SM3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kunyu.kernel.digests import sm3_hex

SEED_BITS = 62


@dataclass(frozen=True)
class Stratum:
    """One stratum: its name ('' without strata), parcels in it, parcels drawn from it."""

    name: str
    population: int
    size: int


@dataclass(frozen=True)
class Drawn:
    """A sample: ``rows`` are positions in the arrays that were given, in order of drawing."""

    rows: NDArray[np.intp]
    strata: tuple[Stratum, ...]
    population: int
    population_sm3: str
    list_sm3: str


def draw(identifiers: Sequence[str], strata: Sequence[str], size: int, seed: int) -> Drawn:
    """Draw ``size`` of the parcels, each at most once.

    Parameters
    ----------
    identifiers : (n,) texts
        Blank ones are left out; of equal ones the first is taken.
    strata : (n,) texts
        Stratum of each parcel; all '' draws simply at random.
    size : int
        Of the whole sample; strata get shares in proportion, each at least one as far as ``size`` goes.
    seed : int
        Not negative.
    """
    keys = np.asarray(identifiers, str)
    names = np.asarray(strata, str)
    unique, first = np.unique(keys, return_index=True)  # sorted by identifier
    keep = np.char.str_len(unique) > 0 if len(unique) else np.zeros(0, bool)
    unique, first = unique[keep], first[keep]
    strata_of = names[first]
    raw = np.random.PCG64(seed).random_raw(len(unique)) if len(unique) else np.zeros(0, np.uint64)
    found, owner = np.unique(strata_of, return_inverse=True)
    populations = np.bincount(owner, minlength=len(found)) if len(found) else np.zeros(0, np.intp)
    sizes = allocate(populations, min(size, len(unique)))
    order = np.lexsort((np.arange(len(unique)), raw, owner))
    starts = np.cumsum(populations) - populations
    rank = np.arange(len(unique)) - starts[owner[order]] if len(unique) else np.zeros(0, np.intp)
    chosen = order[rank < sizes[owner[order]]] if len(unique) else order
    chosen = chosen[np.lexsort((chosen, raw[chosen]))]
    return Drawn(
        rows=first[chosen],
        strata=tuple(
            Stratum(str(name), int(population), int(one))
            for name, population, one in zip(found, populations, sizes, strict=True)
        ),
        population=len(unique),
        population_sm3=_sm3(np.char.add(np.char.add(unique, "\t"), strata_of) if len(unique) else unique),
        list_sm3=_sm3(unique[chosen]),
    )


def allocate(populations: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Share ``size`` among strata in proportion to their populations, by largest remainder.

    While there are enough, every stratum gets one; ties go to the earlier stratum.
    """
    count, total = len(populations), int(populations.sum())
    if not total or size <= 0:
        return np.zeros(count, np.intp)
    if size >= total:
        return populations.astype(np.intp)
    base = np.ones(count, np.intp) if size >= count else np.zeros(count, np.intp)
    left = size - int(base.sum())
    room = (populations - base).astype(np.float64)
    shares = room * left / room.sum() if room.sum() else room
    whole = np.floor(shares).astype(np.intp)
    most = np.argsort(-(shares - whole), kind="stable")[: left - int(whole.sum())]
    whole[most] += 1
    return base + whole


def _sm3(lines: NDArray[np.str_]) -> str:
    return sm3_hex("\n".join(lines.tolist()).encode())
