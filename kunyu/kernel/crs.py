"""Gauss–Krüger zones of CGCS2000 and what a delivered coordinate system is. 坐标系识别.

Zones: GB/T 13989 convention. A 3-degree zone n has central meridian 3n°, a 6-degree zone n has 6n − 3°. With zone
prefix the false easting is n × 1 000 000 + 500 000 m, without it 500 000 m. EPSG gives China's 3-degree zones 25–45
and 6-degree zones 13–23, each with prefix and without: codes 4491–4554.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from kunyu.kernel.errors import UnreadableInput, UsageError

ZoneWidth = Literal[3, 6]

_ZONES: dict[int, range] = {3: range(25, 46), 6: range(13, 24)}
_FIRST_EPSG: dict[tuple[int, bool], int] = {(6, True): 4491, (6, False): 4502, (3, True): 4513, (3, False): 4534}
_PREFIX_M = 1_000_000
_FALSE_EASTING_M = 500_000
# Half a 3° zone is at most 167 km wide, half a 6° zone 334 km, at the equator; neighbours are often kept in one zone.
_ZONE_HALF_WIDTH_M = {3: 250_000, 6: 420_000}
_CHINA_LONLAT = (70.0, 0.0, 140.0, 60.0)
"""Generous window of China's land and sea: only for telling axis order and units, never for judging a border."""

_WIDTH_IN_NAME = re.compile(r"(?<![0-9])([36])[ _-]?(?:degree|deg|度)", re.IGNORECASE)


@overload
def gauss_kruger_zone(longitude: float, width: ZoneWidth = 3) -> int: ...
@overload
def gauss_kruger_zone(longitude: NDArray[Any], width: ZoneWidth = 3) -> NDArray[np.int64]: ...


def gauss_kruger_zone(longitude: ArrayLike, width: ZoneWidth = 3) -> int | NDArray[np.int64]:
    """Return the Gauss–Krüger zone number of a longitude in degrees, or of an array of them.

    A longitude on the border of two zones belongs to the eastern one: 112.5°E is in 3-degree zone 38.

    Raises
    ------
    UsageError
        When ``width`` is neither 3 nor 6.
    """
    _require_width(width)
    degrees = np.asarray(longitude, dtype=np.float64)
    shift, count = (1.5, 120) if width == 3 else (0.0, 60)
    zones = (np.floor((degrees - shift) / width).astype(np.int64) % count) + 1
    return int(zones) if zones.ndim == 0 else zones


def central_meridian(zone: int, width: ZoneWidth = 3) -> float:
    """Return the central meridian of a zone in degrees east."""
    _require_width(width)
    return 3.0 * zone if width == 3 else 6.0 * zone - 3.0


def zone_epsg(zone: float, width: ZoneWidth = 3, prefixed: bool = True) -> int:
    """Return the EPSG code of a CGCS2000 Gauss–Krüger zone.

    Parameters
    ----------
    zone : float
        A zone number (3-degree: 25–45, 6-degree: 13–23) or a central meridian in degrees (75–135): the two ranges
        do not meet.
    width : {3, 6}
        Zone width in degrees.
    prefixed : bool
        Whether eastings bear the zone number.

    Raises
    ------
    UsageError
        When China has no such zone.
    """
    _require_width(width)
    zones = _ZONES[width]
    number = zone if zone in zones else (zone / 3 if width == 3 else (zone + 3) / 6)
    if number not in zones:
        raise UsageError(
            f"没有{width}度分带 {zone:g}: 带号须为{zones[0]}—{zones[-1]}, 或中央经线75—135度。请核对带号与分带宽度。",
            f"There is no {width}-degree zone {zone:g}: give a zone number {zones[0]}-{zones[-1]} or a central meridian "
            f"75-135. Check zone and width.",
            zone=zone,
            width=width,
        )
    return _FIRST_EPSG[width, prefixed] + int(number) - zones[0]


def read_crs(crs: Any) -> CRS:
    """Return ``crs`` as a two-dimensional pyproj CRS.

    Raises
    ------
    UnreadableInput
        When pyproj cannot understand it.
    """
    try:
        read = CRS.from_user_input(crs)
    except CRSError as error:
        raise UnreadableInput(
            f"无法识别坐标系: {str(crs)[:200]}。请用 --crs 指定, 例如 EPSG:4526。",
            f"The coordinate system is not understood: {str(crs)[:200]}. Name it, for example EPSG:4526.",
            crs=str(crs)[:200],
        ) from error
    return read if len(read.axis_info) <= 2 else read.to_2d()


@dataclass(frozen=True)
class CrsDescription:
    """What a coordinate system is, in the words of a Chinese survey.

    Attributes
    ----------
    name : str
        As the file says.
    kind : str
        ``geographic``, ``gauss_kruger``, ``projected`` or ``other``.
    is_cgcs2000 : bool
        Datum CGCS2000, by authority code or by name and ellipsoid.
    epsg : int or None
        The EPSG code; for a CGCS2000 Gauss–Krüger plane found by its parameters when the file names none.
    zone_width : int or None
        3 or 6; None when parameters and name leave it open (117°E is the middle of zone 39 and of zone 20).
    zone : int or None
        Zone number for that width.
    central_meridian : float or None
        Degrees east.
    false_easting : float or None
        Metres, prefix included.
    prefixed : bool or None
        Whether eastings bear the zone number; None outside Gauss–Krüger.
    axis_order : str
        What the definition declares: ``xy`` (east first) or ``yx`` (north first). Arrays here are always x, y.
    unit : str
        Unit of the first axis.
    """

    name: str
    kind: Literal["geographic", "gauss_kruger", "projected", "other"]
    is_cgcs2000: bool
    epsg: int | None
    zone_width: ZoneWidth | None
    zone: int | None
    central_meridian: float | None
    false_easting: float | None
    prefixed: bool | None
    axis_order: Literal["xy", "yx"]
    unit: str


@dataclass(frozen=True)
class CrsProblem:
    """One way in which coordinates contradict their declared system. ``code`` is stable."""

    code: str
    detail_zh: str
    detail_en: str


def describe_crs(crs: Any) -> CrsDescription:
    """Describe a coordinate system, whatever form it comes in (EPSG, WKT 1, WKT 2, ESRI ``.prj``, PROJ text).

    Raises
    ------
    UnreadableInput
        When pyproj cannot understand it.
    """
    return _describe(read_crs(crs))


@lru_cache(maxsize=128)
def _describe(crs: CRS) -> CrsDescription:
    base: dict[str, Any] = {
        "name": crs.name,
        "is_cgcs2000": _is_cgcs2000(crs),
        "epsg": crs.to_epsg(),
        "axis_order": "yx" if crs.axis_info and crs.axis_info[0].direction == "north" else "xy",
        "unit": crs.axis_info[0].unit_name if crs.axis_info else "unknown",
        "zone_width": None,
        "zone": None,
        "central_meridian": None,
        "false_easting": None,
        "prefixed": None,
    }
    if crs.is_geographic:
        epsg = base["epsg"] or (4490 if base["is_cgcs2000"] else None)
        return CrsDescription(**{**base, "kind": "geographic", "epsg": epsg})
    if not crs.is_projected:
        return CrsDescription(**{**base, "kind": "other"})
    plane = _gauss_kruger_parameters(crs)
    if plane is None:
        return CrsDescription(**{**base, "kind": "projected"})
    return CrsDescription(**{**base, "kind": "gauss_kruger", **_zone_facts(crs, base, *plane)})


def _is_cgcs2000(crs: CRS) -> bool:
    geodetic = crs.geodetic_crs
    if geodetic is None or geodetic.ellipsoid is None:
        return False
    ellipsoid = geodetic.ellipsoid
    same_ellipsoid = (
        abs(ellipsoid.semi_major_metre - 6378137.0) < 1e-6 and abs(ellipsoid.inverse_flattening - 298.257222101) < 1e-8
    )
    datum = geodetic.datum.name if geodetic.datum is not None else ""
    names = f"{datum} {geodetic.name} {crs.name} {ellipsoid.name}".upper()
    # GRS80 alone is not enough: NAD83 and ETRS89 have the same ellipsoid.
    named = any(word in names for word in ("CGCS2000", "CGCS 2000", "CHINA_2000", "CHINA 2000", "国家2000", "2000国家"))
    return same_ellipsoid and (named or geodetic.to_epsg(min_confidence=70) == 4490)


def _gauss_kruger_parameters(crs: CRS) -> tuple[float, float] | None:
    """Return (central meridian, false easting) when ``crs`` is a Gauss–Krüger plane: scale 1, origin on the equator."""
    operation = crs.coordinate_operation
    if operation is None or operation.method_name not in {"Transverse Mercator", "Gauss-Kruger", "Gauss Kruger"}:
        return None
    # Normalised to degrees and metres: files may give either in other units.
    values = {
        parameter.name: float(parameter.value)
        * _to_degrees_or_metres(parameter.unit_name, parameter.unit_conversion_factor)
        for parameter in operation.params
    }
    origin = values.get("Latitude of natural origin", 0.0)
    scale = values.get("Scale factor at natural origin", 1.0)
    northing = values.get("False northing", 0.0)
    if abs(origin) > 1e-12 or abs(scale - 1.0) > 1e-12 or abs(northing) > 1e-6:
        return None
    return round(values["Longitude of natural origin"], 9), values["False easting"]


def _to_degrees_or_metres(unit_name: str, factor: float) -> float:
    if unit_name in {"degree", "Degree", "metre", "meter", "Meter", "unity"}:
        return 1.0
    angular = unit_name.lower() in {"radian", "grad", "gon"} or "degree" in unit_name.lower()
    return float(np.degrees(factor)) if angular else factor


def _zone_facts(crs: CRS, base: dict[str, Any], meridian: float, false_easting: float) -> dict[str, Any]:
    prefix = round((false_easting - _FALSE_EASTING_M) / _PREFIX_M)
    prefixed = prefix > 0 and abs(prefix * _PREFIX_M + _FALSE_EASTING_M - false_easting) < 1.0
    width = _width_of(crs, meridian, prefix if prefixed else None)
    zone = _zone_of(meridian, width)
    epsg = base["epsg"]
    standard_easting = (prefixed and prefix == zone) or (not prefixed and abs(false_easting - _FALSE_EASTING_M) < 1e-6)
    if (
        epsg is None
        and base["is_cgcs2000"]
        and width
        and zone is not None
        and zone in _ZONES[width]
        and standard_easting
    ):
        epsg = zone_epsg(zone, width, prefixed)
    return {
        "zone_width": width,
        "zone": zone,
        "central_meridian": meridian,
        "false_easting": false_easting,
        "prefixed": prefixed,
        "epsg": epsg,
    }


def _width_of(crs: CRS, meridian: float, prefix: int | None) -> ZoneWidth | None:
    if meridian % 3 != 0:
        return None  # a local central meridian: a city's own plane
    if meridian % 6 == 0 or prefix == meridian / 3:
        return 3
    if prefix == (meridian + 3) / 6 or (crs.to_epsg() or 0) in range(4491, 4513):
        return 6
    named = _WIDTH_IN_NAME.search(crs.name)
    if named is None:
        return None
    return 3 if named.group(1) == "3" else 6


def _zone_of(meridian: float, width: ZoneWidth | None) -> int | None:
    if width is None:
        return None
    return round(meridian / 3) if width == 3 else round((meridian + 3) / 6)


def coordinate_problems(crs: Any, bounds: tuple[float, float, float, float]) -> tuple[CrsProblem, ...]:
    """Tell how coordinates contradict the system they are declared in.

    Parameters
    ----------
    crs : anything pyproj takes
    bounds : (minx, miny, maxx, maxy)
        Of all coordinates as they stand in the file, in the unit of ``crs``.

    Returns
    -------
    tuple of CrsProblem
        Codes: ``crs.not_finite``, ``crs.axes_swapped``, ``crs.degrees_in_plane``, ``crs.metres_in_degrees``,
        ``crs.prefix_missing``, ``crs.prefix_unexpected``, ``crs.other_zone``, ``crs.outside_zone``,
        ``crs.prefix_contradicts_meridian``. Empty when the
        coordinates are plausible. Only Gauss–Krüger planes and CGCS2000 longitude/latitude can be judged.
    """
    description = describe_crs(crs)
    if not np.isfinite(bounds).all():
        return (CrsProblem("crs.not_finite", "坐标含NaN或无穷大。", "Coordinates hold NaN or infinity."),)
    if description.kind == "geographic":
        return _geographic_problems(description, bounds)
    if description.kind == "gauss_kruger":
        return _plane_problems(description, bounds)
    return ()


def _geographic_problems(
    description: CrsDescription, bounds: tuple[float, float, float, float]
) -> tuple[CrsProblem, ...]:
    minx, miny, maxx, maxy = bounds
    if max(abs(minx), abs(maxx)) > 360 or max(abs(miny), abs(maxy)) > 360:
        return (
            CrsProblem(
                "crs.metres_in_degrees",
                f"坐标系声明为经纬度({description.name}), 坐标却是米级数值({minx:.1f}, {miny:.1f})。请指定平面坐标系。",
                f"The system is longitude/latitude ({description.name}) but values look like metres ({minx:.1f}, "
                f"{miny:.1f}). Name the plane system.",
            ),
        )
    swapped = (miny, minx, maxy, maxx)
    if not description.is_cgcs2000 or _inside(bounds, _CHINA_LONLAT) or not _inside(swapped, _CHINA_LONLAT):
        return ()
    return (
        CrsProblem(
            "crs.axes_swapped",
            f"经纬度顺序颠倒: 第一列 {minx:.4f}—{maxx:.4f} 像纬度。请按经度、纬度顺序提交。",
            f"Longitude and latitude are swapped: the first column {minx:.4f} to {maxx:.4f} looks like latitude.",
        ),
    )


def _inside(bounds: tuple[float, float, float, float], window: tuple[float, float, float, float]) -> bool:
    return bounds[0] >= window[0] and bounds[1] >= window[1] and bounds[2] <= window[2] and bounds[3] <= window[3]


def _plane_problems(description: CrsDescription, bounds: tuple[float, float, float, float]) -> tuple[CrsProblem, ...]:
    minx, miny, maxx, maxy = bounds
    contradiction = _prefix_contradiction(description)
    if contradiction is not None:
        return (contradiction,)
    if _inside(bounds, (-360.0, -360.0, 360.0, 360.0)):
        return (
            CrsProblem(
                "crs.degrees_in_plane",
                f"坐标系声明为平面({description.name}), 坐标却是度({minx:.4f}, {miny:.4f})。请指定经纬度坐标系。",
                f"The system is a plane ({description.name}) but values look like degrees ({minx:.4f}, {miny:.4f}).",
            ),
        )
    problem = _easting_problem(description, minx, maxx)
    if problem is None:
        return ()
    if _easting_problem(description, miny, maxy) is None and maxx < 1e7 - 1e6 and minx > 0:
        return (
            CrsProblem(
                "crs.axes_swapped",
                f"坐标轴颠倒: 第二列 {miny:.1f}—{maxy:.1f} 才像横坐标(东)。请按东、北顺序提交。",
                f"Axes are swapped: the second column {miny:.1f} to {maxy:.1f} looks like the easting.",
            ),
        )
    return (problem,)


def _prefix_contradiction(description: CrsDescription) -> CrsProblem | None:
    """Judge the definition itself: a prefix that is not the number of the zone around its central meridian."""
    if not description.prefixed or description.central_meridian is None:
        return None
    prefix = round(((description.false_easting or 0.0) - _FALSE_EASTING_M) / _PREFIX_M)
    if description.central_meridian in (3.0 * prefix, 6.0 * prefix - 3.0):
        return None
    return CrsProblem(
        "crs.prefix_contradicts_meridian",
        f"坐标系 {description.name} 的带号 {prefix} 与中央经线 {description.central_meridian:g}° 不符。请核对坐标系定义。",
        f"{description.name}: zone prefix {prefix} contradicts the central meridian {description.central_meridian:g}°. "
        f"Check the definition.",
    )


def _easting_problem(description: CrsDescription, low: float, high: float) -> CrsProblem | None:
    """Judge the range of eastings against the false easting the definition declares."""
    false_easting = description.false_easting or 0.0
    half_width = _ZONE_HALF_WIDTH_M[description.zone_width or 6]
    if low >= false_easting - half_width and high <= false_easting + half_width:
        return None
    found = int(low // _PREFIX_M) if low // _PREFIX_M == high // _PREFIX_M else 0
    centred = low >= _FALSE_EASTING_M - half_width and high <= _FALSE_EASTING_M + half_width
    facts_zh = f"坐标系 {description.name} 的东偏移为 {false_easting:.0f} 米, 横坐标却在 {low:.1f}—{high:.1f}"
    facts_en = f"{description.name} has a false easting of {false_easting:.0f} m, eastings are {low:.1f} to {high:.1f}"
    if description.prefixed and centred:
        return CrsProblem(
            "crs.prefix_missing",
            f"{facts_zh}: 坐标缺带号。请改用不带带号的坐标系, 或给横坐标加带号。",
            f"{facts_en}: coordinates lack the zone prefix. Use the system without prefix or add it.",
        )
    if not description.prefixed and 13 <= found <= 45:
        return CrsProblem(
            "crs.prefix_unexpected",
            f"{facts_zh}: 坐标带有带号 {found}。请改用带带号的坐标系。",
            f"{facts_en}: coordinates bear the zone prefix {found}. Use the system with prefix.",
        )
    if description.prefixed and 13 <= found <= 45 and found != int(false_easting // _PREFIX_M):
        return CrsProblem(
            "crs.other_zone",
            f"{facts_zh}: 坐标属于 {found} 带。请改用该带的坐标系。",
            f"{facts_en}: coordinates belong to zone {found}. Use that zone's system.",
        )
    return CrsProblem(
        "crs.outside_zone",
        f"{facts_zh}, 超出分带范围(±{half_width / 1000:.0f} 千米)。请核对坐标系。",
        f"{facts_en}, outside the zone (±{half_width / 1000:.0f} km). Check the system.",
    )


def _require_width(width: int) -> None:
    if width not in _ZONES:
        raise UsageError(
            f"分带宽度须为3度或6度, 实为 {width}。", f"Zone width must be 3 or 6 degrees, not {width}.", width=width
        )
