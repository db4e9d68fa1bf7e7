"""WMTS 1.0.0 (OGC 07-057r7): the documents. 瓦片地图服务的能力文档与异常.

Every vector and coverage collection that the caller may query is a layer, and so is every composition he may open. The
matrix set CGCS2000Quad writes its corners in the axis order of EPSG:4490, latitude first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from kunyu.engines.maps.grids import GRIDS, PIXELS, TileMatrixSet
from kunyu.engines.maps.settings import maps_settings
from kunyu.kernel.errors import KunyuError

WMTS, OWS, XLINK = "http://www.opengis.net/wmts/1.0", "http://www.opengis.net/ows/1.1", "http://www.w3.org/1999/xlink"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SCHEMA = f"{WMTS} http://schemas.opengis.net/wmts/1.0/wmtsGetCapabilities_response.xsd"
NOW = "current"
FORMATS = ("image/png", "image/jpeg")
INFO_FORMATS = ("application/json", "text/plain")
ET.register_namespace("", WMTS)
ET.register_namespace("ows", OWS)
ET.register_namespace("xlink", XLINK)
ET.register_namespace("xsi", XSI)


@dataclass(frozen=True)
class TiledLayer:
    """A layer of the service; ``dates`` are the days on which its data changed, ``styles`` (id, title)."""

    id: str
    title: str
    abstract: str
    box: tuple[float, ...] | None
    styles: Sequence[tuple[str, str]]
    dates: Sequence[str]
    may_ask: bool = True


def capabilities(root: str, layers: Iterable[TiledLayer]) -> bytes:
    """The capabilities document; ``root`` is the absolute address of the service."""
    document = ET.Element(f"{{{WMTS}}}Capabilities", {"version": "1.0.0", f"{{{XSI}}}schemaLocation": SCHEMA})
    about = _under(document, OWS, "ServiceIdentification")
    _text(about, OWS, "Title", "坤舆 瓦片地图服务 / Kunyu WMTS")
    _text(about, OWS, "Abstract", "本节点中您有权查询的图层与专题图 / layers and compositions you may query")
    _text(about, OWS, "ServiceType", "OGC WMTS")
    _text(about, OWS, "ServiceTypeVersion", "1.0.0")
    provider = _under(document, OWS, "ServiceProvider")
    _text(provider, OWS, "ProviderName", "Kunyu 坤舆")
    _under(provider, OWS, "ServiceContact")
    operations = _under(document, OWS, "OperationsMetadata")
    for name in ("GetCapabilities", "GetTile", "GetFeatureInfo"):
        _operation(operations, name, f"{root}?")
    contents = _under(document, WMTS, "Contents")
    for layer in layers:
        _layer(contents, layer, root)
    for grid in GRIDS.values():
        _matrix_set(contents, grid)
    _under(document, WMTS, "ServiceMetadataURL").set(f"{{{XLINK}}}href", f"{root}/1.0.0/WMTSCapabilities.xml")
    return bytes(ET.tostring(document, encoding="utf-8", xml_declaration=True))


def _under(parent: ET.Element, space: str, tag: str) -> ET.Element:
    return ET.SubElement(parent, f"{{{space}}}{tag}")


def _text(parent: ET.Element, space: str, tag: str, text: str) -> ET.Element:
    made = _under(parent, space, tag)
    made.text = text
    return made


def _operation(parent: ET.Element, name: str, address: str) -> None:
    operation = _under(parent, OWS, "Operation")
    operation.set("name", name)
    get = _under(_under(_under(operation, OWS, "DCP"), OWS, "HTTP"), OWS, "Get")
    get.set(f"{{{XLINK}}}href", address)
    constraint = _under(get, OWS, "Constraint")
    constraint.set("name", "GetEncoding")
    _text(_under(constraint, OWS, "AllowedValues"), OWS, "Value", "KVP")


def _layer(contents: ET.Element, layer: TiledLayer, root: str) -> None:
    made = _under(contents, WMTS, "Layer")
    _text(made, OWS, "Title", layer.title)
    if layer.abstract:
        _text(made, OWS, "Abstract", layer.abstract)
    box = layer.box or (-180.0, -90.0, 180.0, 90.0)
    bounds = _under(made, OWS, "WGS84BoundingBox")
    _text(bounds, OWS, "LowerCorner", f"{box[0]:.9g} {box[1]:.9g}")
    _text(bounds, OWS, "UpperCorner", f"{box[2]:.9g} {box[3]:.9g}")
    _text(made, OWS, "Identifier", layer.id)
    for number, (style, title) in enumerate(layer.styles):
        one = _under(made, WMTS, "Style")
        if number == 0:
            one.set("isDefault", "true")
        _text(one, OWS, "Title", title)
        _text(one, OWS, "Identifier", style)
    for form in FORMATS:
        _text(made, WMTS, "Format", form)
    if layer.may_ask:
        for form in INFO_FORMATS:
            _text(made, WMTS, "InfoFormat", form)
    dimension = _under(made, WMTS, "Dimension")
    _text(dimension, OWS, "Identifier", "Time")
    _text(dimension, WMTS, "Default", NOW)
    _text(dimension, WMTS, "Current", "true")
    for value in (NOW, *layer.dates):
        _text(dimension, WMTS, "Value", value)
    for grid in GRIDS:
        _text(_under(made, WMTS, "TileMatrixSetLink"), WMTS, "TileMatrixSet", grid)
    for form in FORMATS:
        resource = _under(made, WMTS, "ResourceURL")
        resource.set("format", form)
        resource.set("resourceType", "tile")
        place = "{Style}/{Time}/{TileMatrixSet}/{TileMatrix}/{TileRow}/{TileCol}"
        resource.set("template", f"{root}/1.0.0/{layer.id}/{place}.{form.removeprefix('image/')}")


def _matrix_set(contents: ET.Element, grid: TileMatrixSet) -> None:
    made = _under(contents, WMTS, "TileMatrixSet")
    _text(made, OWS, "Title", f"{grid.title_zh} / {grid.title_en}")
    _text(made, OWS, "Identifier", grid.id)
    _text(made, OWS, "SupportedCRS", f"urn:ogc:def:crs:EPSG::{grid.epsg}")
    if grid.uri:
        _text(made, WMTS, "WellKnownScaleSet", "urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible")
    for zoom in range(maps_settings().max_zoom + 1):
        columns, rows = grid.size(zoom)
        one = _under(made, WMTS, "TileMatrix")
        _text(one, OWS, "Identifier", str(zoom))
        _text(one, WMTS, "ScaleDenominator", repr(grid.scale_at_0 / (1 << zoom)))
        _text(one, WMTS, "TopLeftCorner", f"{grid.origin[0]!r} {grid.origin[1]!r}")
        _text(one, WMTS, "TileWidth", str(PIXELS))
        _text(one, WMTS, "TileHeight", str(PIXELS))
        _text(one, WMTS, "MatrixWidth", str(columns))
        _text(one, WMTS, "MatrixHeight", str(rows))


def exception_report(error: KunyuError, code: str, locator: str = "") -> bytes:
    """An OWS exception report (OGC 06-121r3); ``code`` is OWS's own name of the kind of failure."""
    report = ET.Element(
        f"{{{OWS}}}ExceptionReport", {"version": "1.1.0", "{http://www.w3.org/XML/1998/namespace}lang": "zh"}
    )
    one = _under(report, OWS, "Exception")
    one.set("exceptionCode", code)
    if locator:
        one.set("locator", locator)
    _text(one, OWS, "ExceptionText", f"{error.detail_zh} / {error.detail_en}")
    _text(one, OWS, "ExceptionText", f"code: {error.code}")
    return bytes(ET.tostring(report, encoding="utf-8", xml_declaration=True))
