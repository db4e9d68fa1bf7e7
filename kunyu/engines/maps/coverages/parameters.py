"""Boxes, subsets and sizes of coverage requests, read strictly. 覆盖请求的范围与大小."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from kunyu.engines.catalogue.served.asof import TIME_PARAMETERS
from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.maps import crs
from kunyu.engines.maps.coverages.options import RENDER_PARAMETERS
from kunyu.engines.maps.coverages.sampling import Grid
from kunyu.engines.maps.crs import OfferedCrs
from kunyu.engines.maps.grids import Box

TILE_PARAMETERS = ("f", *TIME_PARAMETERS, *RENDER_PARAMETERS)
MAP_PARAMETERS = (*TILE_PARAMETERS, "bbox", "bbox-crs", "crs", "width", "height", "transparent", "bgcolor")
COVERAGE_PARAMETERS = (
    "f", *TIME_PARAMETERS, "bbox", "bbox-crs", "crs", "width", "height", "scale-size", "scale-factor", "subset",
    "properties", "resampling",
)  # fmt: skip
POSITION_PARAMETERS = ("f", *TIME_PARAMETERS, "coords", "properties")
_SUBSET = re.compile(r"\s*([A-Za-z]+)\s*\(\s*([^():]+?)\s*(?::\s*([^():]+?)\s*)?\)\s*")
_X_AXES, _Y_AXES = ("lon", "long", "longitude", "e", "x"), ("lat", "latitude", "n", "y")
_POINT = re.compile(r"POINT\s*\(\s*(\S+)\s+(\S+?)\s*\)", re.I)


def _numbers(text: str, count: int, name: str) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
        if len(found) != count or not all(map(math.isfinite, found)):
            raise ValueError
    except ValueError:
        raise BadParameter(
            f"{name}={text[:80]!r} 应为 {count} 个用逗号分开的数。",
            f"{name}={text[:80]!r} must be {count} numbers separated by commas.",
        ) from None
    return found


def read_plane(query: Mapping[str, str]) -> OfferedCrs:
    """The plane of the answer: ``crs``, else that of the bbox, else CRS84."""
    name = query.get("crs") or query.get("bbox-crs")
    return crs.offered(name) if name else crs.DEFAULT


def read_box(query: Mapping[str, str], plane: OfferedCrs, whole: Box) -> Box:
    """The box asked for in ``plane``: ``bbox`` (in ``bbox-crs``), cut by ``subset``; ``whole`` (lon/lat) without either.

    Raises
    ------
    BadParameter
        Unreadable, reversed, without area, or outside the CRS.
    """
    box, given = whole, crs.DEFAULT
    if "bbox" in query:
        given = crs.offered(query["bbox-crs"]) if query.get("bbox-crs") else crs.DEFAULT
        numbers = _numbers(query["bbox"], 4, "bbox")
        crs.bbox_polygon(numbers, given)
        box = Box(numbers[1], numbers[0], numbers[3], numbers[2]) if given.is_swapped else Box(*numbers)
    if given.epsg != plane.epsg and not (given.is_geographic and plane.is_geographic):
        box = _moved(box, given, plane)
    box = _cut(box, query.get("subset"))
    if not (box.x_max > box.x_min and box.y_max > box.y_min):
        raise BadParameter(
            "所要的范围没有面积，或者跨过了 180° 经线；请检查 bbox、subset 与轴序。",
            "The area asked for is empty or crosses the antimeridian; check bbox, subset and axis order.",
        )
    return box


def _moved(box: Box, given: OfferedCrs, plane: OfferedCrs) -> Box:
    """The box around a box in another plane (its sides may bend there)."""
    from pyproj import Transformer

    move = Transformer.from_crs(given.epsg, plane.epsg, always_xy=True)
    bounds = move.transform_bounds(box.x_min, box.y_min, box.x_max, box.y_max, densify_pts=21)
    if not all(map(math.isfinite, bounds)):
        raise BadParameter(
            f"bbox 不在坐标系 {plane.uri} 的可用范围内。",
            f"The bbox lies outside the area in which {plane.uri} is usable.",
        )
    return Box(*bounds)


def _cut(box: Box, text: str | None) -> Box:
    """``subset=Lat(30:31),Lon(118:119)`` in the plane of the answer; ``*`` leaves a side open."""
    if not text:
        return box
    sides = {"x_min": box.x_min, "y_min": box.y_min, "x_max": box.x_max, "y_max": box.y_max}
    for part in re.split(r",(?![^()]*\))", text):
        match = _SUBSET.fullmatch(part)
        axis = match[1].lower() if match else ""
        letter = "x" if axis in _X_AXES else "y" if axis in _Y_AXES else ""
        if match is None or not letter or match[3] is None:
            raise BadParameter(
                f"subset={part[:60]!r} 看不懂；请写成 Lat(30:31),Lon(118:119)，投影坐标用 E(…:…),N(…:…)。时间请用 datetime。",
                f"subset={part[:60]!r} is not understood; write Lat(30:31),Lon(118:119), in a plane E(…:…),N(…:…). For "
                "time use datetime.",
            )
        for side, value in ((f"{letter}_min", match[2]), (f"{letter}_max", match[3])):
            if value != "*":
                (number,) = _numbers(value.strip('"'), 1, "subset")
                sides[side] = max(sides[side], number) if side.endswith("min") else min(sides[side], number)
    return Box(**sides)


def read_size(query: Mapping[str, str], box: Box, plane: OfferedCrs, gsd_m: float | None) -> tuple[int, int]:
    """Columns and rows of the answer: ``width``/``height`` or ``scale-size``, else from the ground resolution.

    One side alone keeps pixels square in the plane. ``gsd_m`` is the finest resolution of the images; without it, 256
    pixels along the longer side.
    """
    across, down = box.x_max - box.x_min, box.y_max - box.y_min
    width, height = _side(query, "width"), _side(query, "height")
    if "scale-size" in query:
        width, height = _scale_size(query["scale-size"])
    if width and height:
        return width, height
    if width or height:
        return width or max(round((height or 1) * across / down), 1), height or max(
            round((width or 1) * down / across), 1
        )
    if gsd_m is None:
        longer = max(across, down)
        return max(round(256 * across / longer), 1), max(round(256 * down / longer), 1)
    unit = 111_320.0 if plane.is_geographic else 1.0
    shrink = _factor(query.get("scale-factor"))
    return tuple(max(math.ceil(min(side * unit / gsd_m / shrink, 2**31)), 1) for side in (across, down))  # type: ignore[return-value]


def _factor(text: str | None) -> float:
    if text is None:
        return 1.0
    (value,) = _numbers(text, 1, "scale-factor")
    if value <= 0:
        raise BadParameter(f"scale-factor={text[:20]!r} 应大于 0。", f"scale-factor={text[:20]!r} must be above 0.")
    return value


def _side(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not text.isdecimal() or not int(text[:9]) >= 1 or len(text) > 9:
        raise BadParameter(
            f"{name}={text[:20]!r} 应为正整数。", f"{name}={text[:20]!r} must be a positive whole number."
        )
    return int(text)


def _scale_size(text: str) -> tuple[int, int]:
    """``Lon(800),Lat(600)``."""
    found: dict[str, int] = {}
    for part in re.split(r",(?![^()]*\))", text):
        match = _SUBSET.fullmatch(part)
        axis = match[1].lower() if match else ""
        letter = "x" if axis in _X_AXES else "y" if axis in _Y_AXES else ""
        if match is None or not letter or match[3] is not None or not match[2].isdecimal() or len(match[2]) > 9:
            raise BadParameter(
                f"scale-size={text[:60]!r} 应写成 Lon(800),Lat(600)。", "Write scale-size as Lon(800),Lat(600)."
            )
        found[letter] = int(match[2])
    if set(found) != {"x", "y"} or min(found.values()) < 1:
        raise BadParameter("scale-size 要两个轴，各为正整数。", "scale-size needs both axes, each a positive number.")
    return found["x"], found["y"]


def read_point(query: Mapping[str, str]) -> tuple[float, float]:
    """``coords=POINT(lon lat)`` in degrees."""
    match = _POINT.fullmatch(query.get("coords", "").strip())
    if match is None:
        raise BadParameter("请给出 coords=POINT(经度 纬度)。", "Give coords=POINT(longitude latitude).")
    lon, lat = _numbers(f"{match[1]},{match[2]}", 2, "coords")
    crs.bbox_polygon([lon, lat, lon, lat], crs.DEFAULT)
    return lon, lat


def grid_of_request(query: Mapping[str, str], plane: OfferedCrs, whole: Box, gsd_m: float | None) -> Grid:
    """The grid of a map or subset request."""
    box = read_box(query, plane, whole)
    return Grid(box, plane.epsg, *read_size(query, box, plane, gsd_m))
