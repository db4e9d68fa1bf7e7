"""How much of a plot earlier approvals cover together: land under two of them counts once. 在先审批覆盖面积."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import shapely

from kunyu.engines.matters.rules.answers import Ask
from kunyu.engines.matters.rules.looking import square_metres
from kunyu.kernel.geodesy import area_of_lonlat

GRID_DEGREES = 1e-12
"""Grid of the overlay, as analyses use it: a tenth of a micrometre."""


def covered_m2(ask: Ask, approvals: Iterable[Mapping[str, Any]]) -> Decimal:
    """Square metres of the plot within any of the approvals; those whose plot is not known cover nothing."""
    measured = [one for one in approvals if one["shared_m2"] is not None]
    total = sum((one["shared_m2"] for one in measured), Decimal("0.00"))
    plots = [one["plot"] for one in measured if one["plot"] is not None]
    if len(plots) < 2 or ask.plot is None:
        return total
    within = shapely.intersection(plots, ask.plot, grid_size=GRID_DEGREES)
    together = shapely.union_all(within, grid_size=GRID_DEGREES)
    return min(total, square_metres(float(area_of_lonlat([together])[0])))
