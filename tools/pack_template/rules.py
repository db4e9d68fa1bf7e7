"""Rules of {name_en}: may this be approved? One function per rule, named as a sentence, citing its clause."""

from __future__ import annotations

from decimal import Decimal

LARGEST_M2 = Decimal("10000")  # TODO: the clause that sets this limit, with its edition


def plot_is_within_the_limit(area_m2: Decimal) -> bool:
    """Tell whether an ellipsoidal area in square metres is allowed. 面积不超过限额."""
    return area_m2 <= LARGEST_M2
