"""Prepared copies of geometries that other threads may hold too.

A prepared geometry builds its indexes while it is asked (GEOS PreparedGeometry): two threads that ask the same one at
once crash the process, and destroying it under the other's hands does too. Layers are shared between the rules of a
check and kept outlines between requests, so nothing shared is ever prepared itself.
"""

from __future__ import annotations

from typing import Any

import shapely


def prepared(geometries: Any) -> Any:
    """Return prepared copies, for the calling thread alone; a geometry gives a geometry, an array an array."""
    own = shapely.set_srid(geometries, shapely.get_srid(geometries))
    shapely.prepare(own)
    return own
