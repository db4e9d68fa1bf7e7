"""Does a delivery lie where it says? Coordinates against their declared system, and against the division."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import shapely
from django.db import connection
from numpy.typing import NDArray

from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.ingest.errors import BadCoordinates, CrsMissing, WrongPlace
from kunyu.engines.ingest.mapping import MappedLayer
from kunyu.engines.ingest.rows import GEOMETRY
from kunyu.engines.ingest.settings import ingest_settings
from kunyu.kernel.geodesy import coordinate_problems, describe_crs, to_lonlat

KM_PER_DEGREE = 111.2


class Bounds:
    """Collects the extent of a layer's delivered coordinates while its batches pass by."""

    def __init__(self, layer: MappedLayer) -> None:
        self.layer = layer
        self.box: NDArray[np.float64] = np.full(4, np.nan)

    def see(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Look at one batch and hand it on.

        Raises
        ------
        BadCoordinates
            A coordinate is NaN or infinite.
        """
        if self.layer.spatial:
            wkb = batch.column(batch.schema.get_field_index(GEOMETRY)).to_numpy(zero_copy_only=False)
            geometries = shapely.from_wkb(wkb, on_invalid="ignore")
            # the length of a line through a NaN is NaN: one pass in C instead of a copy of all coordinates
            finite = np.isfinite(shapely.length(geometries)) | shapely.is_missing(geometries)
            if not finite.all() or not np.isfinite(_point_coordinates(geometries)).all():
                raise self._bad(batch, geometries)
            box = shapely.total_bounds(geometries)
            self.box = np.concatenate([np.fmin(self.box[:2], box[:2]), np.fmax(self.box[2:], box[2:])])
        return batch

    def _bad(self, batch: pa.RecordBatch, geometries: NDArray[np.object_]) -> BadCoordinates:
        coordinates, owner = shapely.get_coordinates(geometries, return_index=True)
        rows = np.unique(owner[~np.isfinite(coordinates).all(axis=1)])
        key = self.layer.spec.key
        named = (
            batch.column(batch.schema.get_field_index(key))[int(rows[0])].as_py() if key in batch.schema.names else "?"
        )
        return BadCoordinates(
            f"图层 {self.layer.spec.code} 的记录 {named} 坐标含NaN或无穷大（本批共 {len(rows)} 条）。请修正几何后重新汇交。",
            f"Layer {self.layer.spec.code}, record {named}: a coordinate is NaN or infinite ({len(rows)} records so far). "
            "Mend the geometry and deliver again.",
            layer=self.layer.spec.code,
            record=named,
        )


def _point_coordinates(geometries: NDArray[np.object_]) -> NDArray[np.float64]:
    """Coordinates of points, which have no length."""
    kinds = shapely.get_type_id(geometries)
    points = (kinds == shapely.GeometryType.POINT) | (kinds == shapely.GeometryType.MULTIPOINT)
    return shapely.get_coordinates(geometries[points])


def require_crs(layer: MappedLayer) -> None:
    """Raise CrsMissing when a spatial layer names no coordinate system and its mapping gives none."""
    if layer.spatial and layer.crs is None:
        raise CrsMissing(
            f"图层 {layer.spec.code} 没有声明坐标系（缺少 .prj 或定义为空）。请补上坐标系，或在映射文件中用 crs 指定。",
            f"Layer {layer.spec.code} declares no coordinate system (no .prj, or an empty one). Add it, or name it as crs "
            "in a mapping file.",
            layer=layer.spec.code,
        )


def require_place(layer: MappedLayer, box: NDArray[np.float64], division: str) -> None:
    """Raise WrongPlace when coordinates contradict their system or lie far from the division.

    Only systems on CGCS2000 are measured against the division: a survey of the county is delivered in one. Datasets
    of a local extension (``code@division``) may hold data of anywhere.
    """
    if not layer.spatial or layer.crs is None or not np.isfinite(box).all():
        return
    low_x, low_y, high_x, high_y = (float(v) for v in box)
    problems = coordinate_problems(layer.crs, (low_x, low_y, high_x, high_y))
    if problems:
        raise WrongPlace(
            f"图层 {layer.spec.code}：{problems[0].detail_zh}",
            f"Layer {layer.spec.code}: {problems[0].detail_en}",
            layer=layer.spec.code,
            problem=problems[0].code,
        )
    if describe_crs(layer.crs).is_cgcs2000 and "@" not in layer.spec.dataset:
        _require_near(layer, shapely.box(low_x, low_y, high_x, high_y), division)


def _require_near(layer: MappedLayer, extent: shapely.Polygon, division: str) -> None:
    neighbourhood = _box_of(division[:6])
    if neighbourhood is None:
        return
    lonlat = to_lonlat(np.array([extent], dtype=object), layer.crs)[0]
    shrink = np.cos(np.radians(shapely.centroid(neighbourhood).y))
    distance = _scaled(lonlat, shrink).distance(_scaled(neighbourhood, shrink)) * KM_PER_DEGREE
    limit = ingest_settings().neighbourhood_km
    if distance > limit:
        centre = shapely.centroid(lonlat)
        raise WrongPlace(
            f"图层 {layer.spec.code} 位于东经 {centre.x:.3f}°、北纬 {centre.y:.3f}°，距区划 {division} 约 {distance:.0f} 千米，"
            f"上限 {limit:.0f} 千米。请核对坐标系（带号、中央经线）与区划代码。",
            f"Layer {layer.spec.code} lies at {centre.x:.3f}°E {centre.y:.3f}°N, about {distance:.0f} km from division "
            f"{division}; the limit is {limit:.0f} km. Check the coordinate system (zone, central meridian) and the code.",
            layer=layer.spec.code,
            distance_km=round(float(distance), 1),
        )


def _scaled(geometry: shapely.Geometry, shrink: float) -> shapely.Geometry:
    return shapely.transform(geometry, lambda xy: xy * (shrink, 1.0))


def _box_of(county: str) -> shapely.Polygon | None:
    """Extent of the county's boundary, or of what is published of it; None when neither is known."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (SELECT ST_Extent(geom) AS e"
            " FROM reference_divisionboundary WHERE code = %s) AS extent WHERE e IS NOT NULL",
            [county],
        )
        row = cursor.fetchone()
    if row is None:
        row = (
            DatasetVersion.objects.filter(
                county=county, status=DatasetVersion.Status.PUBLISHED, extent__isnull=False,
                lineage__standard="TDT1057-2020",
            ).order_by("-id").values_list("extent", flat=True).first()
        )  # fmt: skip
    return shapely.box(*row) if row else None
