"""Values from ``thresholds.toml`` beside this file. 限值."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def threshold(group: str, name: str) -> float:
    """Return one value, such as ``threshold("interpretation", "least_agreement")``."""
    values = tomllib.loads(files(__package__).joinpath("thresholds.toml").read_text("utf-8"))
    return float(values[group][name])
