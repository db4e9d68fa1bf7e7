"""Who owns which parcel: neighbours of one land class belong to different owner units. 权属单位.

Two neighbours that agree in every attribute should be one parcel (Q310). In the county they differ in the villagers'
group (or, on state land, the using unit) that owns them: groups are colours of the map of same-class neighbours.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kunyu.project.sample_county.land_use import DLBM, QSXZ, STATE_OWNED
from kunyu.project.sample_county.layout import Layout
from kunyu.project.sample_county.randomness import hashed_unit
from kunyu.project.sample_county.tables import text_of

Ints = NDArray[np.int64]
_USE = np.array([f"{dlbm}/{qsxz}" for dlbm, qsxz in zip(DLBM.tolist(), QSXZ.tolist(), strict=True)])
_CLASS = np.unique(_USE, return_inverse=True)[1]
"""Number of the land class and ownership of each land kind."""


def owner_groups(parcel: Ints, kind: Ints, seed: int) -> Ints:
    """Return the owner group of each parcel, 0 for the village as a whole.

    Parameters
    ----------
    parcel : int array (rows, columns)
        Parcel number of each lattice cell, from 0.
    kind : int array (n,)
        Land kind of each parcel.
    seed : int
        Decides which of two neighbours is served first.
    """
    beside = np.concatenate([_pairs(parcel[:, :-1], parcel[:, 1:]), _pairs(parcel[:-1], parcel[1:])])
    use = _CLASS[kind]
    beside = beside[use[beside[:, 0]] == use[beside[:, 1]]]
    group = np.zeros(kind.size, dtype=np.int64)
    if not beside.size:
        return group
    both = np.concatenate([beside, beside[:, ::-1]])
    rank = np.argsort(np.argsort(hashed_unit(np.arange(kind.size), kind, seed), kind="stable"))
    group[both[:, 0]] = -1
    while (group < 0).any():  # some ten rounds, however many parcels: each serves whoever comes before all neighbours
        one, other = both[group[both[:, 0]] < 0].T
        waits = np.zeros(kind.size, dtype=bool)
        waits[one[(group[other] < 0) & (rank[other] < rank[one])]] = True
        taken = np.zeros(kind.size, dtype=np.int64)
        served = group[other] >= 0
        np.bitwise_or.at(taken, one[served], 1 << group[other[served]])
        ready = (group < 0) & ~waits
        lowest = ~taken[ready] & (taken[ready] + 1)
        group[ready] = np.rint(np.log2(lowest)).astype(np.int64)
    return group


def _pairs(one: Ints, other: Ints) -> Ints:
    differ = one != other
    return np.stack([one[differ], other[differ]], axis=1)


def owner_columns(kind: Ints, group: Ints, layout: Layout, village: int) -> dict[str, pa.Array]:
    """Return QSDWDM and QSDWMC of parcels of these land kinds and owner groups."""
    units = owner_units(layout, village, int(group.max(initial=0)))
    codes, names = np.array([code for code, _ in units]), np.array([name for _, name in units])
    number = np.where(group > 0, 2 * group - 1 + STATE_OWNED[kind], 0)
    return {"QSDWDM": text_of(codes, number), "QSDWMC": text_of(names, number)}


def owner_units(layout: Layout, village: int, groups: int) -> list[tuple[str, str]]:
    """Return code and name of the village and of its ``groups`` villagers' groups and units on state land, in turn."""
    code, name = layout.village_code[village], layout.village_name[village]
    who = "居民小组" if village == layout.town else "村民小组"
    units = [(layout.zldwdm(village), name)]
    for number in range(1, groups + 1):
        units.append((f"{code}{number:07d}", f"{name}第{number}{who}"))
        units.append((f"{code}9{number:06d}", f"{name}国有土地第{number}使用单位"))
    return units
