"""The limits of evidence photos, read from ``limits.toml`` beside this module. 举证限值."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class RequiredSet:
    """Photos a patch must have: near views, and panoramas from so many directions."""

    near: int
    panorama_directions: int


@dataclass(frozen=True)
class Limits:
    """What the checks hold photos against; units are in the names. ``required`` is by TBLX, '' is the default."""

    place_m: float = 100.0
    direction_tolerance_deg: float = 15.0
    skew_s: float = 60.0
    accuracy_m: float = 10.0
    decimals: int = 6
    panorama_spread_deg: float = 45.0
    exif_time_s: float = 2.0
    exif_place_m: float = 2.0
    exif_azimuth_deg: float = 1.0
    required: Mapping[str, RequiredSet] = field(default_factory=lambda: {"": RequiredSet(1, 2)})

    def required_for(self, tblx: str) -> RequiredSet:
        """Return the set for a type of patch (TBLX)."""
        return self.required.get(tblx, self.required[""])


@lru_cache(maxsize=1)
def shipped_limits() -> Limits:
    """Return the limits that ship with the pack."""
    said = tomllib.loads((Path(__file__).parent / "limits.toml").read_text("utf-8"))
    sets = {
        "" if name == "default" else name: RequiredSet(int(one["near"]), int(one["panorama_directions"]))
        for name, one in said.pop("required").items()
    }
    return Limits(required=sets, **{name: one["value"] for name, one in said.items()})
