"""Area closure: measured areas made to add up exactly, level by level. 面积平差.

Survey areas are kept to 0.01 m². Rounded one by one they never add up to the area of the unit around them, so the
remainder of every unit is given to its members. The way runs downward: the control area is given, townships are closed
to it, villages to their township, parcels to their village. All sums are of whole hundredths (``int64``), hence exact.

Method, for one unit with remainder r (hundredths) and m members of some area:

* |r| ≤ m: the |r| largest members move by one hundredth each, in the direction of r;
* |r| > m: every member moves by ⌊|r| · a / Σa⌋, a being its own area, and what is left over of r goes one hundredth each
  to the largest members.

Equally large members come in the order of their keys. A member without area never moves. The result depends neither on
the order of the members nor on the machine: only correctly rounded operations and integers are used.

Source: TD/T 1055-2019 appendix (面积控制与平差: the remainder inside a control unit is distributed so that sums agree,
normally to the largest parcels), from memory; the text was not at hand, the tie rule and the proportional case are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kunyu.kernel.errors import Refused
from kunyu.kernel.geodesy import round_area

Cents = NDArray[np.int64]
"""Areas in hundredths of a square metre."""


class AreasCannotClose(Refused):
    """Measured areas cannot be made to add up to the control area."""

    code = "areas_cannot_close"
    title_zh, title_en = "面积无法平差", "Areas cannot be closed"


@dataclass(frozen=True)
class Closed:
    """One level after closure; arrays (n,) by member, (g,) by the unit they are in.

    ``own`` is the measured area rounded half up, ``area`` what it became, ``remainder`` (g,) what each unit had to give
    out, ``limit`` (g,) the most that any of its members may have moved by. Hundredths of m².
    """

    own: Cents
    area: Cents
    remainder: Cents
    limit: Cents

    @property
    def moved(self) -> Cents:
        """What each member gained (negative: lost)."""
        return self.area - self.own


@dataclass(frozen=True)
class Level:
    """Members of one level: measured areas (n,) in m², what they lie in, what they are called from below, keys.

    ``inside`` (n,) is the number of the unit of the level above that a member lies in (all zeros at the top); ``number``
    (n,) is the member's own number for the level below. Several members may share a number: parts of one unit.
    ``names`` says how the units of the level above are called in errors.
    """

    area: ArrayLike
    inside: NDArray[np.intp]
    number: NDArray[np.intp]
    keys: NDArray[Any]
    names: Sequence[str] = ()


def to_cents(square_metres: ArrayLike) -> Cents:
    """Return areas in m² as whole hundredths, rounded half up."""
    return np.rint(round_area(square_metres) * 100).astype(np.int64)


def close_areas(
    own: Cents, unit: NDArray[np.intp], totals: Cents, keys: NDArray[Any], names: Sequence[str] = ()
) -> Closed:
    """Make the members of every unit add up to the unit's total.

    Parameters
    ----------
    own : int64 (n,)
        Rounded measured areas (``to_cents``), none negative.
    unit : int (n,)
        Position of each member's unit in ``totals``.
    totals : int64 (g,)
        What the members of each unit must add up to.
    keys : array (n,)
        Break ties between equally large members; sortable, distinct (integers are quickest).
    names : sequence of str (g,), optional
        How units are called in errors.

    Returns
    -------
    Closed
        ``sums_by(area, unit)`` equals ``totals`` exactly; ``|moved| ≤ limit[unit]``.

    Raises
    ------
    AreasCannotClose
        A negative area or total; a unit with a total but no member of any area.
    """
    totals = np.asarray(totals, np.int64)
    sums = sums_by(own, unit, len(totals))
    remainder = totals - sums
    members = np.bincount(unit[own > 0], minlength=len(totals))
    _refuse_impossible(own, totals, remainder, members, names)
    size = np.abs(remainder)
    share = _shares(own, unit, size, sums, members)
    left = size - sums_by(share, unit, len(totals))
    extra = _to_the_largest(own, unit, left, keys)
    moved = np.sign(remainder)[unit] * (share + extra)
    proportional = size > members
    largest = np.zeros(len(totals), np.int64)
    np.maximum.at(largest, unit, share)
    limit = np.where(proportional, largest + 1, np.minimum(size, 1))
    return Closed(own, own + moved, remainder, limit)


def close_down(control: int, levels: Sequence[Level]) -> tuple[Closed, ...]:
    """Close several levels from above: the first to ``control`` (hundredths), each other to the areas above it.

    Levels come from the largest units to the smallest.

    Raises
    ------
    AreasCannotClose
        See ``close_areas``.
    """
    totals = np.array([control], np.int64)
    found = []
    for level in levels:
        closed = close_areas(to_cents(level.area), level.inside, totals, level.keys, level.names)
        found.append(closed)
        totals = sums_by(closed.area, level.number, int(level.number.max(initial=-1)) + 1)
    return tuple(found)


def sums_by(values: Cents, unit: NDArray[np.intp], count: int) -> Cents:
    """Return exact sums by unit, shape (count,): ``bincount`` with weights would go through floats."""
    found = np.zeros(count, np.int64)
    np.add.at(found, unit, values)
    return found


def _shares(own: Cents, unit: NDArray[np.intp], size: Cents, sums: Cents, members: NDArray[np.int64]) -> Cents:
    """Return ⌊size · own / sum⌋ in units whose remainder exceeds a hundredth per member; 0 elsewhere.

    The quotient is a float and may come out one too high where it is a whole number; then it is lowered.
    """
    share = np.zeros(len(own), np.int64)
    at = np.flatnonzero((size > members)[unit] & (own > 0))
    if not len(at):
        return share
    ratio = size.astype(np.float64) / np.maximum(sums, 1)
    share[at] = np.minimum(np.floor(own[at] * ratio[unit[at]]).astype(np.int64), size[unit[at]])
    over = np.flatnonzero(sums_by(share, unit, len(size)) > size)
    for each in over:  # a matter of rounding errors: next to never
        mine = at[unit[at] == each]
        surplus = int(share[mine].sum() - size[each])
        order = mine[np.argsort(-share[mine], kind="stable")]
        share[order[:surplus]] -= 1
    return share


def _to_the_largest(own: Cents, unit: NDArray[np.intp], left: Cents, keys: NDArray[Any]) -> Cents:
    """Return 1 for the ``left`` largest members of each unit, 0 for the others."""
    extra = np.zeros(len(own), np.int64)
    at = np.flatnonzero((left > 0)[unit] & (own > 0))
    order = at[np.lexsort((keys[at], -own[at], unit[at]))]
    first = np.searchsorted(unit[order], np.arange(len(left)))
    rank = np.arange(len(order)) - first[unit[order]]
    extra[order[rank < left[unit[order]]]] = 1
    return extra


def _refuse_impossible(
    own: Cents, totals: Cents, remainder: Cents, members: NDArray[np.int64], names: Sequence[str]
) -> None:
    if (own < 0).any() or (totals < 0).any():
        raise AreasCannotClose(
            "面积为负，无法平差。请先更正图形。", "Negative areas cannot be closed. Correct the shapes first."
        )
    empty = np.flatnonzero((members == 0) & (remainder != 0))
    if len(empty):
        listed = [str(names[one]) if len(names) else str(one) for one in empty[:5]]
        raise AreasCannotClose(
            f"{'、'.join(listed)} 等 {len(empty)} 个单位有控制面积而没有图斑或下级单位，无法平差。请补齐后重试。",
            f"{', '.join(listed)} ({len(empty)} in all) have an area to distribute but nothing inside. Complete them first.",
            units=listed,
        )
