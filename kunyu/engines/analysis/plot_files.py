"""Plots of an uploaded file: Shapefile zip, GeoPackage, GeoJSON, KML, DXF, the ministry's coordinate text. 地块文件.

Nothing is stored: the file lies in a folder of its own for the time of the request. What a file leaves unsaid (its CRS)
must be said by whoever uploads it; nothing is guessed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyogrio
import shapely
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from pyogrio.errors import DataLayerError, DataSourceError

from kunyu.engines.analysis.bodies import require_size, too_large
from kunyu.engines.analysis.coordinate_text import CoordinateText, is_coordinate_text, read_coordinate_text
from kunyu.engines.analysis.documents import geojson
from kunyu.engines.analysis.errors import BadPlot, BadRequest, PlotTooLarge, UnreadablePlot
from kunyu.engines.analysis.plots import AREAS, Plot, judge, too_many_vertices
from kunyu.engines.analysis.settings import analysis_settings
from kunyu.engines.ingest.reading import SourceLayer, UnpackLimits, open_delivery
from kunyu.kernel.crs import describe_crs, read_crs
from kunyu.kernel.geodesy import to_lonlat

SUFFIXES = (".zip", ".gpkg", ".geojson", ".json", ".kml", ".dxf", ".txt", ".parquet", ".fgb", ".gml")
NAME_FIELDS = ("DKMC", "DKBH", "地块名称", "地块编号", "NAME", "name", "Name", "BSM", "TBBH")
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "、".join(SUFFIXES)},
                        "text": {"type": "string", "description": "坐标文本 / coordinate text"},
                        "crs": {
                            "type": "string",
                            "description": "EPSG:4526 … 文件未写明坐标系时 / when the file names none",
                        },
                    },
                }
            },
            "text/plain": {"schema": {"type": "string"}},
        },
    }
}


@dataclass(frozen=True)
class FilePlot:
    """One plot of a file."""

    name: str
    plot: Plot


@dataclass(frozen=True)
class PlotFile:
    """The plots of a file; ``crs`` in words; ``notes`` are (code, Chinese, English)."""

    plots: tuple[FilePlot, ...]
    crs: str
    notes: tuple[tuple[str, str, str], ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        """As ``/api/analysis/plot`` answers."""
        return {
            "features": [
                {"geometry": geojson(one.plot.geometry), "area_m2": one.plot.area_m2, "name": one.name}
                for one in self.plots
            ],
            "crs": self.crs,
            "notes": [{"code": code, "zh": zh, "en": en} for code, zh, en in self.notes],
        }


def read_upload(request: HttpRequest) -> dict[str, Any]:
    """The plots of an upload: multipart ``file`` or ``text``, JSON ``{"text", "crs"}``, or the text itself.

    Raises
    ------
    PlotTooLarge, BadRequest, UnreadablePlot, BadPlot
    """
    require_size(request)
    kind = (request.content_type or "").lower()
    if kind == "multipart/form-data":
        try:
            given, crs, text = request.FILES.get("file"), request.POST.get("crs", ""), request.POST.get("text", "")
        except MultiPartParserError as error:
            raise BadRequest(f"不能读取上传内容：{error}", f"The upload cannot be read: {error}") from None
        if given is not None:
            return _uploaded(given, crs).document
    elif kind == "application/json":
        from kunyu.engines.analysis.bodies import read_json

        document = read_json(request)
        crs = text = ""
        if isinstance(document, dict) and all(isinstance(document.get(one, ""), str) for one in ("text", "crs")):
            text, crs = document.get("text", ""), document.get("crs", "")
    else:
        text, crs = request.body.decode("utf-8", "surrogateescape"), ""
    if not text.strip():
        raise BadRequest("请上传 file，或在 text 中给出坐标文本。", "Upload a file, or give a coordinate text in text.")
    return read_content(text.encode("utf-8", "surrogateescape"), "text.txt", crs).document


def _uploaded(given: UploadedFile, crs: str) -> PlotFile:
    if (given.size or 0) > analysis_settings().request_bytes_max:
        raise too_large(given.size)
    return read_content(given.read(), given.name or "plot", crs)


def read_content(content: bytes, name: str, crs: str = "") -> PlotFile:
    """The plots of a file's content.

    Parameters
    ----------
    name
        Its name; the suffix says the format.
    crs
        ``EPSG:n``, used only where the file names none.
    """
    if not content:
        raise UnreadablePlot(f"{name} 是空文件。", f"{name} is empty.")
    safe = PurePosixPath(name.replace("\\", "/")).name or "plot"
    suffix = Path(safe).suffix.lower()
    if suffix == ".txt" or is_coordinate_text(content):
        return _of_text(read_coordinate_text(content))
    if suffix not in SUFFIXES:
        raise UnreadablePlot(
            f"{safe}：不认识的格式 {suffix or '（没有后缀）'}；可用：{'、'.join(SUFFIXES)}。",
            f"{safe}: format {suffix or '(none)'} is unknown; taken: {', '.join(SUFFIXES)}.",
        )
    with tempfile.TemporaryDirectory(prefix="kunyu-plot-") as folder:
        file = Path(folder) / f"plot{suffix}"
        file.write_bytes(content)
        return _of_dxf(file, crs) if suffix == ".dxf" else _of_layers(file, safe, crs)


def _of_text(found: CoordinateText) -> PlotFile:
    moved = to_lonlat([one.geometry for one in found.plots], f"EPSG:{found.epsg}")
    plots, notes = [], []
    for one, geometry in zip(found.plots, moved, strict=True):
        plot = _judged(one.name, geometry)
        plots.append(FilePlot(one.name, plot))
        if one.stated_ha is not None and abs(one.stated_ha * 1e4 - plot.area_m2) > max(10.0, 0.001 * plot.area_m2):
            notes.append(
                (
                    "stated_area_differs",
                    f"地块 {one.name} 写明 {one.stated_ha:.4f} 公顷，按坐标计算的椭球面积为 {plot.area_m2 / 1e4:.4f} 公顷。",
                    f"Plot {one.name} states {one.stated_ha:.4f} ha; its ellipsoidal area is {plot.area_m2 / 1e4:.4f} ha.",
                )
            )
    return PlotFile(tuple(plots), _words(f"EPSG:{found.epsg}"), tuple(notes))


def _of_layers(file: Path, name: str, crs: str) -> PlotFile:
    most = analysis_settings()
    limits = UnpackLimits(most.request_bytes_max * 8, 500, 200)
    plots: list[FilePlot] = []
    words: list[str] = []
    notes: list[tuple[str, str, str]] = []
    with open_delivery(file, limits=limits, scratch=file.parent) as source:
        notes += [(one.code, one.zh, one.en) for one in source.notes]
        for layer in source.layers:
            if layer.geometry_column is None:
                continue
            own = _crs_of(layer, name, crs)
            words.append(_words(own))
            notes += [(one.code, one.zh, one.en) for one in layer.notes]
            for label, geometry in _rows(layer):
                if len(plots) >= most.plots_max:
                    raise PlotTooLarge(
                        f"{name} 的地块超过 {most.plots_max} 个。", f"{name} holds more than {most.plots_max} plots.",
                        limit=most.plots_max,
                    )  # fmt: skip
                plots.append(FilePlot(label, _judged(label, to_lonlat([geometry], own)[0])))
    if not plots:
        raise UnreadablePlot(f"{name} 里没有面。", f"{name} holds no polygons.")
    return PlotFile(tuple(plots), "; ".join(dict.fromkeys(words)), tuple(dict.fromkeys(notes)))


def _rows(layer: SourceLayer) -> Iterator[tuple[str, shapely.Geometry]]:
    named = next((field for field in NAME_FIELDS if field in layer.field_names), None)
    number = vertices = 0
    for batch in layer.batches([named] if named else [], batch_rows=500):
        columns = batch.to_pydict()
        for row, wkb in enumerate(columns["geometry"]):
            number += 1
            if wkb is None:
                continue
            geometry = shapely.force_2d(shapely.from_wkb(wkb, on_invalid="ignore"))
            vertices += int(shapely.get_num_coordinates(geometry))
            if vertices > analysis_settings().vertices_max:
                raise too_many_vertices()
            label = str(columns[named][row]) if named and columns[named][row] is not None else f"{layer.name} {number}"
            yield label[:120], _as_area(label, geometry)


def _as_area(label: str, geometry: shapely.Geometry | None) -> shapely.Geometry:
    """A polygon as it is; a closed line as the polygon it bounds."""
    if geometry is not None and geometry.geom_type in AREAS:
        return geometry
    if geometry is not None and geometry.geom_type == "LineString" and geometry.is_closed and len(geometry.coords) > 3:
        return shapely.Polygon(geometry)
    kind = "（空）" if geometry is None else geometry.geom_type
    hint = "，而且没有闭合" if geometry is not None and geometry.geom_type == "LineString" else ""
    raise BadPlot(
        f"{label} 是 {kind}{hint}，不是面；请只上传地块的面或闭合线。",
        f"{label} is a {'nothing' if geometry is None else geometry.geom_type}"
        f"{' that is not closed' if hint else ''}, no polygon: upload polygons or closed lines only.",
    )


def _crs_of(layer: SourceLayer, name: str, given: str) -> str:
    stated = layer.crs or given
    if not stated:
        raise BadPlot(
            f"{name} 没有写明坐标系；请在 crs 中给出，例如 EPSG:4526（CGCS2000 3 度带第 38 带，带号在前）。",
            f"{name} names no CRS; say it in crs, such as EPSG:4526 (CGCS2000, 3-degree zone 38, zone in front).",
        )
    read_crs(stated)
    return stated


def _of_dxf(file: Path, crs: str) -> PlotFile:
    """Closed polylines and polygons of a drawing; it never names its CRS, so the uploader must."""
    if not crs:
        raise BadPlot(
            "DXF 不写坐标系；请在 crs 中给出，例如 EPSG:4526。", "A DXF names no CRS; say it in crs, such as EPSG:4526."
        )
    read_crs(crs)
    try:
        _, _, wkb, fields = pyogrio.raw.read(file, columns=["Layer"], max_features=analysis_settings().plots_max + 1)
    except (DataSourceError, DataLayerError, RuntimeError, ValueError) as error:
        raise UnreadablePlot(f"不能读取 DXF：{error}"[:300], f"The DXF cannot be read: {error}"[:300]) from None
    if len(wkb) > analysis_settings().plots_max:
        raise PlotTooLarge(f"图元超过 {analysis_settings().plots_max} 个。", "The drawing holds too many entities.")
    geometries = shapely.force_2d(shapely.from_wkb(wkb))
    if int(shapely.get_num_coordinates(geometries).sum()) > analysis_settings().vertices_max:
        raise too_many_vertices()
    plots, skipped = [], 0
    for number, (geometry, layer) in enumerate(zip(geometries, fields[0], strict=True), start=1):
        label = f"{layer or 'DXF'} {number}"
        if geometry is None or geometry.geom_type in ("Point", "MultiPoint"):
            skipped += 1
            continue
        plots.append(FilePlot(label, _judged(label, to_lonlat([_as_area(label, geometry)], crs)[0])))
    if not plots:
        raise UnreadablePlot("DXF 里没有面或闭合的多段线。", "The drawing holds no polygon or closed polyline.")
    notes = (
        [("entities_skipped", f"略过 {skipped} 个点或文字。", f"{skipped} points or texts were left out.")]
        if skipped
        else []
    )
    return PlotFile(tuple(plots), _words(crs), tuple(notes))


def _judged(label: str, geometry: shapely.Geometry) -> Plot:
    """Judge one plot; a complaint names which."""
    try:
        plot = judge(geometry)
    except BadPlot as error:
        raise BadPlot(f"{label}：{error.detail_zh}", f"{label}: {error.detail_en}", **error.context) from None
    if not np.isin(plot.geometry.geom_type, AREAS):
        raise BadPlot(f"{label} 不是面。", f"{label} is no polygon.")
    return plot


def _words(crs: str) -> str:
    described = describe_crs(crs)
    return f"EPSG:{described.epsg} {described.name}" if described.epsg else described.name


def one_plot(path: Path, crs: str = "") -> PlotFile:
    """The plots of a file on disk, for the command line."""
    if path.stat().st_size > analysis_settings().request_bytes_max:
        raise too_large(path.stat().st_size)
    if path.suffix.lower() == ".shp":
        with tempfile.TemporaryDirectory(prefix="kunyu-plot-"):
            return _of_layers(path, path.name, crs)
    return read_content(path.read_bytes(), path.name, crs)
