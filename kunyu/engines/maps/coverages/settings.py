"""Limits of the coverage services, each value from a ``KUNYU_COVERAGE_…`` variable with a safe default."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import lru_cache


@dataclass(frozen=True)
class CoverageSettings:
    """``open_images``: images a process keeps open. ``map_pixels``: pixels of one map. ``subset_values``: pixels times
    bands of one subset. ``mosaic_images``: images one picture is put together from. ``expression_nodes``: operations in
    one band expression.
    """

    open_images: int = 64
    map_pixels: int = 16_777_216
    subset_values: int = 67_108_864
    mosaic_images: int = 100
    expression_nodes: int = 64


@lru_cache(maxsize=1)
def coverage_settings() -> CoverageSettings:
    """The settings of this process, read once from the environment."""
    given = {
        field.name: int(os.environ[variable])
        for field in fields(CoverageSettings)
        if (variable := f"KUNYU_COVERAGE_{field.name.upper()}") in os.environ
    }
    return CoverageSettings(**given)
