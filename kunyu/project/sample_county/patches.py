"""Areas of equal meaning inside a village: slope classes, built-up land, farmland grades. 同质区."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kunyu.project.sample_county.edges import build_faces
from kunyu.project.sample_county.land_use import CZCSXM
from kunyu.project.sample_county.layout import ORIGIN
from kunyu.project.sample_county.tracing import equal_components, trace
from kunyu.project.sample_county.village import Village

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Patch:
    """Connected areas of one village with the value each stands for."""

    value: Ints
    polygon: NDArray[np.object_]


@dataclass(frozen=True)
class Patches:
    """Patches of one village by purpose; values: slope class, number in ``BUILT``, land kind."""

    village: int
    slope: Patch
    built: Patch


BUILT = tuple(sorted(set(CZCSXM.tolist()) - {""}))


def patches_of(village: Village) -> Patches:
    """Cut a village into slope classes and built-up areas along the edges of its parcels' lattice."""
    built_of_kind = np.array([BUILT.index(code) if code else -1 for code in CZCSXM.tolist()])
    return Patches(
        village.index, patch(village, village.cells.slope), patch(village, built_of_kind[village.cells.kind])
    )


def patch(village: Village, value: Ints) -> Patch:
    """Return the connected areas of equal, non-negative ``value`` (rows, columns)."""
    if not (value >= 0).any():
        return Patch(np.empty(0, dtype=np.int64), np.empty(0, dtype=object))
    label = equal_components(value)
    first = np.unique(label, return_index=True)[1]
    faces = build_faces(trace(np.where(value >= 0, label, -1)), village.edges, ORIGIN)
    return Patch(value.ravel()[first[faces.label]], faces.polygon)
