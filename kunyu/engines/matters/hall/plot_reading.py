"""A plot as a citizen gives it: drawn, typed, or of a file; read by the engine of analyses, told in plain words. 用地范围.

Several plots of one file become one (:attr:`ReadPlot.notes` says so); what a file leaves unsaid, its coordinate system, the
person says, and nothing is guessed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import shapely
from django.core.files.uploadedfile import UploadedFile

from kunyu.engines.analysis import plot_files
from kunyu.engines.analysis.bodies import too_large
from kunyu.engines.analysis.coordinate_text import decoded, is_coordinate_text
from kunyu.engines.analysis.errors import BadPlot, UnreadablePlot
from kunyu.engines.analysis.plots import judge, read_plot
from kunyu.engines.analysis.settings import analysis_settings
from kunyu.engines.matters.hall import corner_lists
from kunyu.engines.pages.words import Pair

LISTS = (".txt", ".csv")
"""Suffixes of files that may be a plain list of corners."""
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
    return _of_corners(text, crs)


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
    content = given.read()
    if content and name.lower().endswith(LISTS) and not is_coordinate_text(content):
        return _of_corners(decoded(content), crs, name)
    try:
        return _of_file(plot_files.read_content(content, name, crs), f"文件 {name}")
    except BadPlot as error:
        raise _about_the_zone(error, crs) from None


def _require_length(size: int) -> None:
    if size > analysis_settings().request_bytes_max:
        raise too_large(size)


def _about_the_zone(error: BadPlot, crs: str) -> BadPlot:
    """A plane read in the wrong zone lies outside China or nowhere: say so to whoever chose the zone."""
    if not crs or error.context.get("lon") is not None or crs == corner_lists.LONLAT:
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


# -- of a list of corners -----------------------------------------------------------------------------------------


def _of_corners(text: str, crs: str, file_name: str = "") -> ReadPlot:
    """The same reader for what is typed and what is uploaded; only the source differs."""
    found = corner_lists.read_corners(text)
    plane = corner_lists.plane_of(found, crs)
    try:
        geometry = corner_lists.bounded(found, plane)
    except BadPlot as error:
        raise _about_the_zone(error, plane) from None
    where = f"文件 {file_name[:150]}，" if file_name else "输入的"
    return ReadPlot(geometry, f"{where}平面坐标，{plane}" if plane else f"{where}经纬度坐标")
