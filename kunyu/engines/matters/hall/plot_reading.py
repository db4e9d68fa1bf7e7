"""A plot as a citizen gives it: drawn, typed, or of a file; read by the engine of analyses, told in plain words. 用地范围.

Several plots of one file become one (:attr:`ReadPlot.notes` says so); what a file leaves unsaid, its coordinate system, the
person says, and nothing is guessed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import shapely
from django.core.files.uploadedfile import UploadedFile

from kunyu.engines.analysis import plot_files
from kunyu.engines.analysis.bodies import too_large
from kunyu.engines.analysis.coordinate_text import is_coordinate_text
from kunyu.engines.analysis.errors import BadPlot, UnreadablePlot
from kunyu.engines.analysis.plots import judge, read_plot
from kunyu.engines.analysis.settings import analysis_settings
from kunyu.engines.pages.words import Pair
from kunyu.kernel.crs import zone_epsg
from kunyu.kernel.errors import KunyuError
from kunyu.kernel.geodesy import to_lonlat

LONLAT = "EPSG:4490"
_LINE = re.compile(r"^(?:[^\s,，;；]+[\s,，;；:：]+)?(-?\d+(?:\.\d+)?)[\s,，;；]+(-?\d+(?:\.\d+)?)[\s,，;；]*$")
_EVER_IN_METRES = 1000.0
"""Degrees are never as large; metres of a plane in China always are."""
_OVERLAP_TOLD_M2 = 1.0


@dataclass(frozen=True)
class ReadPlot:
    """A judged plot in EPSG:4490, where it came from (kept with it) and what the person should know."""

    geometry: shapely.Geometry
    source: str
    notes: tuple[Pair, ...] = ()


def drawn(text: str) -> ReadPlot:
    """A plot drawn on the map: GeoJSON, longitude and latitude.

    Raises
    ------
    BadPlot, PlotTooLarge
    """
    if not text.strip():
        raise BadPlot("还没有画完：请在图上点出至少三个角点，再点“画好了”。",
                      "Nothing is drawn yet: set at least three corners, then press Done.")  # fmt: skip
    _require_length(len(text))
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BadPlot("画的范围没有传完整，请重画。", "The drawing did not arrive whole; draw it again.") from None
    return ReadPlot(read_plot(document).geometry, "在图上绘制")


def typed(text: str, crs: str = "") -> ReadPlot:
    """Coordinates as text: the ministry's format, or one point a line.

    Points are longitude and latitude in degrees, or X (north) and Y (east) in metres with the zone in Y, or without it and then
    with ``crs`` naming it.

    Raises
    ------
    BadPlot, UnreadablePlot, PlotTooLarge
    """
    if not text.strip():
        raise UnreadablePlot("请粘贴或输入坐标。", "Paste or type the coordinates.")
    content = text.encode("utf-8", "surrogateescape")
    _require_length(len(content))
    if is_coordinate_text(content):
        return _of_file(plot_files.read_content(content, "text.txt"), "坐标文本")
    return _of_points(_points(text), crs)


def uploaded(given: UploadedFile | None, crs: str = "") -> ReadPlot:
    """The plots of an uploaded file as one.

    Raises
    ------
    BadPlot, UnreadablePlot, PlotTooLarge, UsageError
    """
    if given is None:
        raise UnreadablePlot("请选择文件。", "Choose a file.")
    _require_length(given.size or 0)
    name = given.name or "plot"
    try:
        return _of_file(plot_files.read_content(given.read(), name, crs), f"文件 {name}")
    except BadPlot as error:
        raise _about_the_zone(error, crs) from None


def _require_length(size: int) -> None:
    if size > analysis_settings().request_bytes_max:
        raise too_large(size)


def _about_the_zone(error: BadPlot, crs: str) -> BadPlot:
    """A plane read in the wrong zone lies outside China or nowhere: say so to whoever chose the zone."""
    if not crs or error.context.get("lon") is not None or crs == LONLAT:
        return error
    return BadPlot(
        f"{error.detail_zh} 若坐标本身没有错，请检查所选的坐标系：分带宽度、带号、坐标前面有没有带号。",
        f"{error.detail_en} If the coordinates are right, check the coordinate system chosen: width, zone, zone in front or not.",
        **error.context,
    )


# -- of a file ----------------------------------------------------------------------------------------------------


def _of_file(found: plot_files.PlotFile, source: str) -> ReadPlot:
    notes = [(zh, en) for _, zh, en in found.notes]
    whole = shapely.union_all([one.plot.geometry for one in found.plots])
    if len(found.plots) > 1:
        notes.append((f"共有 {len(found.plots)} 个地块，已合为一个用地范围。",
                      f"It holds {len(found.plots)} plots; they were joined into one."))  # fmt: skip
    judged = judge(whole)
    twice = sum(one.plot.area_m2 for one in found.plots) - judged.area_m2
    if twice > _OVERLAP_TOLD_M2:
        notes.append((f"各地块之间有 {twice:,.2f} m² 重叠，只计一次。",
                      f"{twice:,.2f} m² of the plots overlap one another and count once."))  # fmt: skip
    return ReadPlot(judged.geometry, f"{source[:150]}，{found.crs}"[:300], tuple(notes))


# -- of points ----------------------------------------------------------------------------------------------------


def _points(text: str) -> list[tuple[float, float]]:
    found = []
    for number, raw in enumerate(text.splitlines(), start=1):
        if not raw.strip():
            continue
        line = _LINE.match(raw.strip())
        if line is None:
            raise UnreadablePlot(
                f"第 {number} 行“{raw.strip()[:40]}”不是一个点。每行写一个点的两个坐标，例如 113.0123, 34.5678；"
                "或粘贴勘测定界坐标文本（含 [地块坐标]）。",
                f"Line {number} '{raw.strip()[:40]}' is no point. Write the two coordinates of one point a line, such as "
                "113.0123, 34.5678; or paste the ministry's coordinate text (with [地块坐标]).",
                line=number,
            )
        found.append((float(line[1]), float(line[2])))
    if len(found) > 1 and found[0] == found[-1]:
        found.pop()
    if len(set(found)) < 3:
        raise BadPlot(f"只有 {len(set(found))} 个不同的点，至少要三个才能围成一块地。",
                      f"There are {len(set(found))} different points; it takes three to bound a plot.")  # fmt: skip
    return found


def _of_points(points: list[tuple[float, float]], crs: str) -> ReadPlot:
    in_metres = [max(abs(a), abs(b)) > _EVER_IN_METRES for a, b in points]
    if not any(in_metres):
        return ReadPlot(judge(shapely.Polygon(points)).geometry, "输入的经纬度坐标")
    if not all(in_metres):
        raise BadPlot("有的行是经纬度，有的行是平面坐标（米）；请用同一种。",
                      "Some lines are degrees, others metres; use one kind.")  # fmt: skip
    epsg = _plane_of(points[0], crs)
    plane = shapely.Polygon([(east, north) for north, east in points])
    try:
        return ReadPlot(judge(to_lonlat([plane], epsg)[0]).geometry, f"输入的平面坐标，{epsg}")
    except BadPlot as error:
        raise _about_the_zone(error, epsg) from None


def _plane_of(point: tuple[float, float], crs: str) -> str:
    """The plane of X (north), Y (east): of the zone in Y, or the one chosen."""
    north, east = point
    if north >= 10_000_000 > east:
        raise BadPlot(f"X（北）{north:.2f} 太大，像是 X、Y 写反了：先写 X（北），再写 Y（东）。",
                      f"X (north) {north:.2f} is too large; X and Y look exchanged: write X (north) first.")  # fmt: skip
    zone = int(east // 1_000_000)
    if zone:
        width = 3 if zone >= 25 else 6
        try:
            return f"EPSG:{zone_epsg(zone, 3 if width == 3 else 6, True)}"
        except KunyuError:
            raise BadPlot(f"Y（东）{east:.2f} 前两位 {zone} 不是中国的带号（3 度带 25—45，6 度带 13—23）。",
                          f"Y (east) {east:.2f} begins with {zone}, which is no zone of China (25-45, or 13-23).") from None  # fmt: skip
    if not crs or crs == LONLAT:
        raise BadPlot("平面坐标的 Y（东）没有带号；请在下面选择坐标系和带号。",
                      "Y (east) bears no zone; choose the coordinate system below.")  # fmt: skip
    return crs
