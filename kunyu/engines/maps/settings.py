"""What a node may set about its map services, each value from a ``KUNYU_MAPS_…`` variable with a safe default."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import lru_cache


@dataclass(frozen=True)
class MapsSettings:
    """Limits of the feature and tile services.

    An export's file is kept ``export_keep_days`` days; a person has at most ``export_waiting_max`` unfinished exports.
    ``page_limit`` and ``page_limit_max`` are features per page.
    ``count_exactly_up_to`` is where ``numberMatched`` turns from a count into an estimate. ``small_scale_features`` is
    how many features a tile below zoom 12 may hold before it says ``Kunyu-Truncated``. ``tile_memory_mib`` of each web
    worker and ``tile_disk_mib`` of the state folder keep drawn tiles; 0 keeps none. ``front_seconds`` is how long
    nginx in front answers public data by itself before it asks again. ``build_pyramids`` 0 stops the
    background building of what tiles below zoom 15 are drawn from: then all are drawn live.
    """

    page_limit: int = 10
    page_limit_max: int = 10_000
    count_exactly_up_to: int = 10_000
    small_scale_features: int = 100_000
    max_zoom: int = 20
    export_keep_days: int = 7
    export_waiting_max: int = 5
    tile_memory_mib: int = 64
    tile_disk_mib: int = 1024
    front_seconds: int = 1
    build_pyramids: int = 1


@lru_cache(maxsize=1)
def maps_settings() -> MapsSettings:
    """The settings of this process, read once from the environment."""
    given = {
        field.name: int(os.environ[variable])
        for field in fields(MapsSettings)
        if (variable := f"KUNYU_MAPS_{field.name.upper()}") in os.environ
    }
    return MapsSettings(**given)
