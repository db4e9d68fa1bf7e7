"""A buffer of true metres around a geometry. 缓冲区.

Made in the local plane of ``planes``; circles have 128 sides, so that a point's buffer reaches 0.03 % less far between
its vertices than at them.
"""

from __future__ import annotations

from typing import Any

import shapely

from kunyu.engines.analysis import planes
from kunyu.engines.analysis.documents import digest_of, geojson, head, rounded
from kunyu.engines.analysis.plots import SRID, judge
from kunyu.engines.analysis.questions import Question

QUARTER_SEGMENTS = 32


def buffer(question: Question) -> dict[str, Any]:
    """The buffer of ``distance_m`` metres as GeoJSON with its ellipsoidal area.

    Raises
    ------
    BadPlot
        The geometry is too wide, or the buffer leaves China.
    """
    made = buffered(question.plot.geometry, float(question.options["distance_m"]))
    found = judge(made)
    values = {"area_m2": rounded(found.area_m2)}
    document = head(question) | {"srid": SRID, "geometry": geojson(found.geometry), "area_m2": found.area_m2}
    return {"digest": digest_of(question, values), **document}


def buffered(geometry: shapely.Geometry, distance_m: float) -> shapely.Geometry:
    """The buffer in degrees."""
    plane = planes.plane_at(geometry)
    wide = planes.into(plane, geometry)[0].buffer(distance_m, quad_segs=QUARTER_SEGMENTS)
    return shapely.make_valid(planes.out_of(plane, wide))
