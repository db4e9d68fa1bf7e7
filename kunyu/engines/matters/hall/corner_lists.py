"""A plain list of corners, one a line, typed or of a text file: read with the line each came from. 界址点清单.

A line is two coordinates, with or without a number or name in front. The first line may name the columns; where it names
longitude and latitude, or north and east, they are read in that order. Otherwise degrees are longitude, latitude, and
metres X (north), Y (east). Nothing else is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import shapely

from kunyu.engines.analysis.errors import BadPlot, UnreadablePlot
from kunyu.engines.analysis.plots import EAST, NORTH, SOUTH, WEST, judge, too_many_vertices
from kunyu.engines.analysis.settings import analysis_settings
from kunyu.kernel.crs import zone_epsg
from kunyu.kernel.errors import KunyuError
from kunyu.kernel.geodesy import to_lonlat

LONLAT = "EPSG:4490"
_BREAK = re.compile(r"[\s,，;；:：]+")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_SERIAL = re.compile(r"\d{1,5}")
_EVER_IN_METRES = 1000.0
"""Degrees are never as large; metres of a plane in China always are."""
_EASTWARD = re.compile(r"经度|东|lon|east|^e$", re.IGNORECASE)
_NORTHWARD = re.compile(r"纬度|北|lat|north|^n$", re.IGNORECASE)
_NAMED = re.compile(r"坐标|^[xy](?![a-z])", re.IGNORECASE)
_SHOWN = 40


@dataclass(frozen=True)
class Corner:
    """One corner as it stands in a line: its two coordinates in the order of the list."""

    line: int
    first: float
    second: float


@dataclass(frozen=True)
class CornerList:
    """The corners of one plot. ``east_first``: what the line of names says; None where it says nothing."""

    corners: tuple[Corner, ...]
    east_first: bool | None = None


def read_corners(text: str) -> CornerList:
    """The corners of a list.

    Raises
    ------
    UnreadablePlot
        Names the line, what stands there and how to write it.
    BadPlot
        Fewer than three different corners.
    PlotTooLarge
    """
    found: list[Corner] = []
    east_first: bool | None = None
    is_begun = False
    most = analysis_settings().vertices_max
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line:
            continue
        if not is_begun and _is_names(line):
            east_first = _order(line)
        else:
            found.append(_corner(number, line))
        is_begun = True
        if len(found) > most + 1:
            raise too_many_vertices()
    return CornerList(_bounding(found), east_first)


def _is_names(line: str) -> bool:
    """Whether the first line names columns: no number in it, and at least two names of coordinates."""
    cells = _cells(line)
    if any(_NUMBER.fullmatch(cell) for cell in cells):
        return False
    return sum(any(one.search(cell) for one in (_EASTWARD, _NORTHWARD, _NAMED)) for cell in cells) >= 2


def _order(line: str) -> bool | None:
    """Whether the eastward column is named first; None where the names do not tell."""
    cells = _cells(line)
    east = next((place for place, cell in enumerate(cells) if _EASTWARD.search(cell)), None)
    north = next((place for place, cell in enumerate(cells) if _NORTHWARD.search(cell)), None)
    return None if east is None or north is None or east == north else east < north


def _cells(line: str) -> list[str]:
    return [cell for cell in _BREAK.split(line) if cell]


def _corner(number: int, line: str) -> Corner:
    cells = _cells(line)
    if len(cells) in (2, 3) and all(_NUMBER.fullmatch(cell) for cell in cells[-2:]):
        if len(cells) == 2 or not _is_coordinate(cells[0]):
            return Corner(number, float(cells[-2]), float(cells[-1]))
        raise UnreadablePlot(
            f"第 {number} 行“{line[:_SHOWN]}”有三个数，分不清哪两个是坐标；请去掉高程，只留两个坐标（前面可以有点号）。",
            f"Line {number} '{line[:_SHOWN]}' has three numbers, and which two are the coordinates is not clear; remove the "
            "height and leave two (a number of the point may stand in front).",
            line=number,
        )
    raise UnreadablePlot(
        f"第 {number} 行“{line[:_SHOWN]}”不是一个点。每行写一个点的两个坐标，例如 113.0123, 34.5678；"
        "或用勘测定界坐标文本（含 [地块坐标]）。",
        f"Line {number} '{line[:_SHOWN]}' is no point. Write the two coordinates of one point a line, such as "
        "113.0123, 34.5678; or use the ministry's coordinate text (with [地块坐标]).",
        line=number,
    )


def _is_coordinate(cell: str) -> bool:
    """A number that cannot be the number of a point."""
    return bool(_NUMBER.fullmatch(cell)) and not _SERIAL.fullmatch(cell)


def _bounding(found: list[Corner]) -> tuple[Corner, ...]:
    """The corners without the first repeated at the end, at least three of them."""
    if len(found) > 1 and (found[0].first, found[0].second) == (found[-1].first, found[-1].second):
        found = found[:-1]
    different = len({(one.first, one.second) for one in found})
    if different < 3:
        raise BadPlot(f"只有 {different} 个不同的点，至少要三个才能围成一块地。",
                      f"There are {different} different points; it takes three to bound a plot.")  # fmt: skip
    return tuple(found)


# -- where they lie ---------------------------------------------------------------------------------------------------


def plane_of(found: CornerList, crs: str) -> str:
    """The plane the corners are given in, ``EPSG:n``; empty for degrees.

    Parameters
    ----------
    crs
        The plane chosen, used only for metres without the zone in Y.

    Raises
    ------
    BadPlot
    """
    in_metres = [max(abs(one.first), abs(one.second)) > _EVER_IN_METRES for one in found.corners]
    if not any(in_metres):
        return ""
    if all(in_metres):
        return _plane(_north_first(found), crs)
    other = found.corners[in_metres.index(not in_metres[0])]
    raise BadPlot(
        f"有的行是经纬度，有的行是平面坐标（米）：第 {other.line} 行“{other.first}, {other.second}”与前面的不同；请用同一种。",
        f"Some lines are degrees, others metres: line {other.line} '{other.first}, {other.second}' differs from those before "
        "it; use one kind.",
        line=other.line,
    )


def bounded(found: CornerList, plane: str) -> shapely.Geometry:
    """What the corners bound, in EPSG:4490; ``plane`` as :func:`plane_of` says.

    Raises
    ------
    BadPlot, PlotTooLarge
    """
    if plane:
        given = shapely.Polygon([(one.second, one.first) for one in _north_first(found)])
        return judge(to_lonlat([given], plane)[0]).geometry
    degrees = [Corner(one.line, one.second, one.first) if found.east_first is False else one for one in found.corners]
    _require_no_stray(degrees)
    return judge(shapely.Polygon([(one.first, one.second) for one in degrees])).geometry


def _north_first(found: CornerList) -> list[Corner]:
    return [Corner(one.line, one.second, one.first) if found.east_first else one for one in found.corners]


def _require_no_stray(degrees: list[Corner]) -> None:
    """Where only some corners lie outside China, the line is wrong; where all do, the judge of plots says why."""
    outside = [one for one in degrees if not (WEST <= one.first <= EAST and SOUTH <= one.second <= NORTH)]
    if not outside or len(outside) == len(degrees):
        return
    raise BadPlot(
        f"第 {outside[0].line} 行“{outside[0].first}, {outside[0].second}”不在中国范围内"
        f"（{WEST:g}–{EAST:g}°E，{SOUTH:g}–{NORTH:g}°N），其他行在；请核对这一行：先经度，后纬度。",
        f"Line {outside[0].line} '{outside[0].first}, {outside[0].second}' lies outside China ({WEST:g}-{EAST:g} E, "
        f"{SOUTH:g}-{NORTH:g} N), other lines do not; check this line: longitude, then latitude.",
        line=outside[0].line,
    )


def _plane(corners: list[Corner], crs: str) -> str:
    """The plane of corners X (north), Y (east): of the zone in Y, the same in all lines, or the one chosen."""
    zone = _zone(corners[0])
    other = next((one for one in corners if _zone(one) != zone), None)
    if other is not None:
        raise BadPlot(
            f"第 {other.line} 行的 Y（东）{other.second:.2f} 与第 {corners[0].line} 行的 {corners[0].second:.2f} 带号不同；"
            "请核对这两行，同一块地用同一个带。",
            f"Y (east) {other.second:.2f} of line {other.line} is of another zone than {corners[0].second:.2f} of line "
            f"{corners[0].line}; check both, one plot takes one zone.",
            line=other.line,
        )
    if zone:
        return _prefixed(corners[0], zone)
    if not crs or crs == LONLAT:
        raise BadPlot(f"平面坐标的 Y（东）没有带号（第 {corners[0].line} 行 {corners[0].second:.2f}）；请在下面选择坐标系和带号。",
                      f"Y (east) bears no zone (line {corners[0].line}: {corners[0].second:.2f}); choose the coordinate "
                      "system below.", line=corners[0].line)  # fmt: skip
    return crs


def _zone(corner: Corner) -> int:
    if corner.first >= 10_000_000 > corner.second:
        raise BadPlot(
            f"第 {corner.line} 行的 X（北）{corner.first:.2f} 太大，像是 X、Y 写反了：先写 X（北），再写 Y（东）。",
            f"X (north) {corner.first:.2f} of line {corner.line} is too large; X and Y look exchanged: write X (north) first.",
            line=corner.line,
        )
    return int(corner.second // 1_000_000)


def _prefixed(corner: Corner, zone: int) -> str:
    try:
        return f"EPSG:{zone_epsg(zone, 3 if zone >= 25 else 6, True)}"
    except KunyuError:
        raise BadPlot(
            f"第 {corner.line} 行的 Y（东）{corner.second:.2f} 前两位 {zone} 不是中国的带号（3 度带 25—45，6 度带 13—23）。",
            f"Y (east) {corner.second:.2f} of line {corner.line} begins with {zone}, which is no zone of China (25-45, or 13-23).",
            line=corner.line,
        ) from None
