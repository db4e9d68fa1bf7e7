"""A point inside each polygon, for the label point of a VCT polygon record. 面标识点.

On the height of half a unit of the last decimal nearest to the middle of the polygon, where no vertex can lie, the
widest stretch inside is halved: always inside, also in rings and crescents, which a centroid is not.
"""

from __future__ import annotations

import numpy as np

from kunyu.engines.ingest.vct.ragged import Ints, starts_of


def label_points(x: Ints, y: Ints, start: Ints, row: Ints) -> tuple[Ints, Ints, Ints]:
    """Return x and y of a point inside each polygon, and the rows they belong to.

    Parameters
    ----------
    x, y : (v,)
        Vertices of all rings in units of the last decimal.
    start : (m + 1,)
        Where rings begin.
    row : (m,)
        Which polygon each ring belongs to, ascending.

    Returns
    -------
    x, y, rows : (p,)
        Whole units. A polygon without height gets its first vertex.
    """
    if not len(row):
        return row, row, row
    opening = np.ones(len(row), bool)
    opening[1:] = row[1:] != row[:-1]
    begin = start[:-1][opening]
    counts = np.diff(np.append(begin, start[-1]))
    low = np.minimum.reduceat(y, begin)
    high = np.maximum.reduceat(y, begin)
    middle = (low + high) // 2  # the line lies half a unit above
    above = y > np.repeat(middle, counts)
    crossing = above[1:] != above[:-1]
    crossing[start[1:-1] - 1] = False  # from one ring to the next is no edge
    edge = np.flatnonzero(crossing)
    polygon = np.searchsorted(begin, edge, "right") - 1
    rise = (middle[polygon] + 0.5 - y[edge]) / (y[edge + 1] - y[edge])
    where = x[edge] + rise * (x[edge + 1] - x[edge])
    order = np.lexsort((where, polygon))
    where, polygon = where[order], polygon[order]
    nth = np.arange(len(polygon)) - starts_of(np.bincount(polygon, minlength=len(begin)))[polygon]
    left = np.flatnonzero((nth[:-1] % 2 == 0) & (polygon[1:] == polygon[:-1])) if len(polygon) else polygon
    width = where[left + 1] - where[left]
    widest = left[np.lexsort((width, polygon[left]))]
    last = np.ones(len(widest), bool)
    last[:-1] = polygon[widest][1:] != polygon[widest][:-1]
    widest = widest[last]
    found_x, found_y = x[begin].copy(), y[begin].copy()
    found_x[polygon[widest]] = np.rint((where[widest] + where[widest + 1]) / 2).astype(np.int64)
    found_y[polygon[widest]] = middle[polygon[widest]]
    return found_x, found_y, row[opening]
