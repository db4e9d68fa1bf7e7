"""The coordinate system in a VCT head: Gauss–Krüger of CGCS2000, Xi'an 1980, Beijing 1954. 文件头中的坐标系.

``Parameters`` holds central meridian, scale, false easting, false northing, zone width, zone number, as seen in a
writer of the third national survey. Whatever is found is compared with EPSG's own parameters before its code is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError

from kunyu.engines.ingest.source_layers import Note
from kunyu.engines.ingest.vct.header import value_of
from kunyu.kernel.crs import zone_epsg
from kunyu.kernel.errors import UsageError

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d{1,2})?")
_SPHEROIDS = (  # words in the head, name and semi-axis, geographic code, first 3° zone (25) with prefix and without
    (("cgcs2000", "cgcs 2000", "2000国家"), 4490, 6378137.0, None, None),
    (("xian", "xi'an", "西安", "iag", "1975"), 4610, 6378140.0, 2349, 2370),
    (("beijing", "北京", "krasovsky", "krassovsky", "克拉索夫"), 4214, 6378245.0, 2401, 2422),
)
_ELLIPSOIDS = {4490: "GRS80", 4610: "IAU76", 4214: "krass"}
GAUSS_KRUGER = "高斯-克吕格投影"
CGCS2000 = "CGCS2000,6378137.0,298.257222101"


@dataclass(frozen=True)
class Plane:
    """What a head says of the plane: ``crs`` is ``EPSG:n`` or WKT, None when it says too little."""

    crs: str | None
    epsg: int | None
    swapped: bool = False
    offset: tuple[float, float] = (0.0, 0.0)
    notes: tuple[Note, ...] = ()


def plane_of(values: Mapping[str, str], file: str) -> Plane:
    """Return the plane that a head describes; what is assumed or unusable becomes a note."""
    notes: list[Note] = []
    swapped = value_of(values, "XAxisDirection").strip().upper()[:1] in ("N", "北")
    if swapped:
        notes.append(Note("axes_swapped", f"{file} 的 X 轴向北, 读取时已换为东坐标在前",
                          f"The X axis of {file} points north; read with the easting first"))  # fmt: skip
    offset = tuple(float(one) for one in (*_NUMBER.findall(value_of(values, "Offset")), "0", "0")[:2])
    if any(offset):
        notes.append(Note("offset_added", f"{file} 的坐标偏移量 {offset[0]:g},{offset[1]:g} 已加到坐标上",
                          f"The offset {offset[0]:g},{offset[1]:g} of {file} was added to its coordinates"))  # fmt: skip
    crs, epsg = _crs(values)
    if crs is None:
        notes.append(Note("crs_missing", f"{file} 的文件头没有可用的坐标系, 须在映射文件中给出",
                          f"The head of {file} gives no usable coordinate system; a mapping file must give it"))  # fmt: skip
    return Plane(crs, epsg, swapped, (offset[0], offset[1]), tuple(notes))


def head_of(crs: str | None) -> dict[str, str]:
    """Return the head values from CoordinateSystemType to Parameters for a plane.

    Raises
    ------
    UsageError
        Neither Gauss–Krüger nor longitude and latitude: a VCT head cannot say it.
    """
    if crs is None:
        return {"CoordinateSystemType": "P", **_AXES, **_NOWHERE}
    system = CRS.from_user_input(crs)
    geodetic = system.geodetic_crs
    spheroid = _spheroid_text(system)
    if system.is_geographic or geodetic is None:
        return {"CoordinateSystemType": "D", **_AXES, "XYUnit": "D", **_NOWHERE, "Spheroid": spheroid}
    found = _transverse(system)
    if found is None:
        raise UsageError(
            f"坐标系 {system.name} 不是高斯-克吕格投影, VCT 文件头无法表达。请先投影到 CGCS2000 高斯-克吕格 3 度带。",
            f"{system.name} is not a Gauss-Krüger projection; a VCT head cannot say it. Project to a 3-degree CGCS2000 "
            "Gauss-Krüger zone first.",
        )
    meridian, scale, easting, northing = found
    width, zone = _zone(system.name, meridian, easting)
    parameters = ",".join(f"{one:.10g}" for one in (meridian, scale, easting, northing, width, zone))
    return {
        "CoordinateSystemType": "P", **_AXES, **_NOWHERE, "Spheroid": spheroid, "Projection": GAUSS_KRUGER,
        "Parameters": parameters,
    }  # fmt: skip


_NOWHERE = {"Spheroid": "", "PrimeMeridian": "Greenwich", "Projection": "", "Parameters": ""}
_AXES = {"Dim": "2", "XAxisDirection": "E", "YAxisDirection": "N", "XYUnit": "M", "ZUnit": "M"}


@lru_cache(maxsize=64)
def _transverse(system: CRS) -> tuple[float, float, float, float] | None:
    """Central meridian, scale, false easting, false northing of a transverse Mercator from the equator, in metres."""
    operation = system.coordinate_operation
    if operation is None or operation.method_code not in ("9807", "9808"):
        return None
    values = {one.code: one.value for one in operation.params}
    by_name = {one.name.lower(): one.value for one in operation.params}

    def value(code: str, name: str, default: float) -> float:
        return float(values.get(code, by_name.get(name, default)))

    if value("8801", "latitude of natural origin", 0.0) or system.axis_info[0].unit_conversion_factor != 1.0:
        return None
    return (
        value("8802", "longitude of natural origin", 0.0), value("8805", "scale factor at natural origin", 1.0),
        value("8806", "false easting", 0.0), value("8807", "false northing", 0.0),
    )  # fmt: skip


def _zone(name: str, meridian: float, easting: float) -> tuple[int, int]:
    """Zone width and number; 3-degree unless the name or the prefix of the easting says 6."""
    prefix = int(easting // 1_000_000)
    six = "6-degree" in name.lower() or (
        prefix and prefix == round((meridian + 3) / 6) and prefix != round(meridian / 3)
    )
    return (6, round((meridian + 3) / 6)) if six else (3, round(meridian / 3))


def _spheroid_text(system: CRS) -> str:
    ellipsoid = system.ellipsoid
    if ellipsoid is None or abs(ellipsoid.inverse_flattening - 298.257222101) < 1e-9:
        return CGCS2000  # the ellipsoid of CGCS2000, to the last digit that the head has
    name = {6378140.0: "西安80", 6378245.0: "北京54"}.get(ellipsoid.semi_major_metre, ellipsoid.name.replace(",", " "))
    return f"{name},{ellipsoid.semi_major_metre:.10g},{ellipsoid.inverse_flattening:.12g}"


def _crs(values: Mapping[str, str]) -> tuple[str | None, int | None]:
    said = value_of(values, "Spheroid").lower()
    axis = next((float(one) for one in _NUMBER.findall(said) if 6.3e6 < float(one) < 6.4e6), None)
    known: tuple[Any, ...] | None = next((one for one in _SPHEROIDS if any(word in said for word in one[0])), None)
    if known is None and axis is not None and axis != 6378137.0:
        known = next((one for one in _SPHEROIDS if one[2] == axis), None)
    if known is None:
        size = [float(one) for one in _NUMBER.findall(said)]
        known = next(
            ((None, None, a, None, None, rf) for a, rf in pairwise(size) if a == axis and 290 < rf < 305), None
        )
    if known is None:
        return None, None
    kind = value_of(values, "CoordinateSystemType").strip().upper()[:1]
    unit = value_of(values, "XYUnit").strip().upper()[:1]
    if kind in ("D", "G") or (unit == "D" and kind != "P"):
        if known[1] is None:
            return _made({"proj": "longlat"}, known)
        return f"EPSG:{known[1]}", known[1]
    if kind == "C":
        return None, None  # geocentric: no plane
    numbers = [float(one) for one in _NUMBER.findall(value_of(values, "Parameters"))]
    if not numbers or not 60 <= numbers[0] <= 150 or len(numbers) < 3:
        return None, None
    return _projected(known, numbers)


def _projected(known: tuple[Any, ...], numbers: list[float]) -> tuple[str | None, int | None]:
    geographic, three, plain = known[1], known[3], known[4]
    meridian, scale, easting = numbers[:3]
    northing = numbers[3] if len(numbers) > 3 else 0.0
    width = 6 if len(numbers) > 4 and numbers[4] == 6 else 3
    wanted = (meridian, scale, easting, northing)
    candidates = []
    if geographic == 4490:
        for wide in (width, 9 - width):
            try:
                candidates += [zone_epsg(meridian, wide, True), zone_epsg(meridian, wide, False)]  # type: ignore[arg-type]
            except UsageError:
                continue
    elif isinstance(three, int) and isinstance(plain, int) and meridian % 3 == 0:
        candidates = [first + round(meridian / 3) - 25 for first in (three, plain)]
    for code in candidates:
        if _transverse(CRS.from_epsg(code)) == wanted:
            return f"EPSG:{code}", code
    plane = {"proj": "tmerc", "lat_0": 0, "lon_0": meridian, "k": scale, "x_0": easting, "y_0": northing, "units": "m"}
    return _made(plane, known)


def _made(plane: dict[str, Any], known: tuple[Any, ...]) -> tuple[str | None, int | None]:
    """A system of its own: no code, but every parameter."""
    ellipsoid = {"a": known[2], "rf": known[5]} if known[1] is None else {"ellps": _ELLIPSOIDS[known[1]]}
    try:
        return CRS.from_dict({**plane, **ellipsoid, "no_defs": None, "type": "crs"}).to_wkt(), None
    except CRSError:
        return None, None
