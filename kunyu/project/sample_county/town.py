"""The county town: a street grid of blocks, every block cut into parcels. 县城."""

from __future__ import annotations

from kunyu.project.sample_county.layout import Layout
from kunyu.project.sample_county.terrain import Terrain
from kunyu.project.sample_county.village import Village, make_village


def make_town(layout: Layout, terrain: Terrain) -> Village:
    """Generate the county town."""
    return make_village(layout, terrain, layout.town)
