"""What all tiles of one layer have in common for one caller and one set of parameters. 瓦片的共同部分.

Whose rights hold, which versions speak, what is drawn from which rows: found once, it serves every tile of a view of the
map. A plan says nothing about how long it holds; whoever keeps one (``short_road``) asks for the epochs first.
"""

from __future__ import annotations

from dataclasses import dataclass

from kunyu.engines.catalogue.served.asof import AsOf
from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.catalogue.served.queries import Filtered, Selection
from kunyu.engines.maps import tiles
from kunyu.engines.maps.cql.reading import evaluating
from kunyu.engines.maps.grids import TileAddress, TileMatrixSet
from kunyu.engines.maps.pyramids.state import TileState
from kunyu.engines.maps.tile_cache import Kept, tile_cache
from kunyu.engines.security.audit.reads import Extent
from kunyu.engines.security.labels import Label
from kunyu.engines.security.scope import Scope
from kunyu.kernel.digests import sm3_hex

Place = tuple[int, int, int]
"""Zoom, row, column."""


@dataclass(frozen=True)
class TilePlan:
    """How any tile of ``grid`` is drawn and told.

    ``common`` is the digest of everything but the place that an answer follows from; ``label`` the strictest that a tile
    may bear.
    """

    layer: ServedLayer
    granted: Scope
    asof: AsOf
    state: TileState
    grid: TileMatrixSet
    attributes: tuple[str, ...]
    is_full: bool
    filtered: Filtered | None
    label: Label
    common: str

    def tag(self, place: Place) -> str:
        """ETag of a tile: another one whenever the tile may be another."""
        zoom, row, column = place
        return f'"{sm3_hex(f"{self.common} {zoom}/{row}/{column}".encode())[:40]}"'

    def extent(self, place: Place) -> Extent:
        """West, south, east, north in degrees."""
        inside = self.grid.lonlat(TileAddress(self.grid, *place).plane)
        return inside.x_min, inside.y_min, inside.x_max, inside.y_max

    def tile(self, place: Place) -> Kept:
        """The tile as it was kept, or drawn and kept now. The read must stand on record before.

        Raises
        ------
        TooSlow, NoServingDatabase
        """
        tag = self.tag(place)
        kept = tile_cache().get(tag)
        if kept is None:
            with evaluating(self.filtered):
                selection = Selection(self.layer, self.granted, self.asof.moment, filtered=self.filtered)
                address = TileAddress(self.grid, *place)
                drawn = tiles.draw(selection, address, self.attributes, self.state, full=self.is_full)
            kept = Kept(drawn.data, _own_headers(drawn))
            tile_cache().put(tag, kept, self.label)
        return kept


OWN_HEADERS = ("Kunyu-Generalised", "Kunyu-Truncated")


def _own_headers(drawn: tiles.Tile) -> dict[str, str]:
    """What a tile says of itself."""
    headers = {}
    if drawn.is_generalised:
        headers["Kunyu-Generalised"] = ", ".join(drawn.methods)
    if drawn.truncated_to is not None:
        headers["Kunyu-Truncated"] = f"largest {drawn.truncated_to}"
    return headers
