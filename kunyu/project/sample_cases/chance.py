"""Chance that comes out the same every time: named by what it decides. 可重现的随机."""

from __future__ import annotations

import random


def chance(*named: object) -> random.Random:
    """A generator of its own for every name; samples hold no secrets."""
    return random.Random(":".join(map(str, named)))  # noqa: S311  # nosec B311
