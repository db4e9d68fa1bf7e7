"""What the generator keeps of each village while the parcels stream to disk."""

from __future__ import annotations

from dataclasses import dataclass, field

import shapely


@dataclass
class Gathered:
    """What is kept of every village while parcels stream to disk; areas in hundredths of m²."""

    village_polygon: list[shapely.Polygon] = field(default_factory=list)
    village_area: list[int] = field(default_factory=list)
    village_groups: list[int] = field(default_factory=list)
    class_area: dict[int, int] = field(default_factory=dict)
    slope_area: dict[tuple[str, str], int] = field(default_factory=dict)
    planting_area: dict[str, int] = field(default_factory=dict)
    parcels: int = 0
    vertices: int = 0
    new_parcels: int = 0
    red_line_area: int = 0
    farmland_area: int = 0
