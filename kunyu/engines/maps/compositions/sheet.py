"""A composition on paper: A4 to A0, at scale, with everything an official sheet carries. 专题图成图.

The page is drawn in millimetres. The map is vector: outlines, letters and symbols stay sharp at any enlargement. On the sheet
stand title, scale, north, graticule, legend, approval number or the notice that there is none, label, versions and dates
of the data, author and unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import skia
from django.utils import timezone

from kunyu.engines.catalogue.label_mark import mark_of
from kunyu.engines.catalogue.served.layers import extent_of, published_versions
from kunyu.engines.maps import styles
from kunyu.engines.maps.basemap import NOTICE_ZH
from kunyu.engines.maps.compositions import furniture, looks
from kunyu.engines.maps.compositions.definition import PAPERS, Layout
from kunyu.engines.maps.compositions.errors import BadComposition
from kunyu.engines.maps.compositions.furniture import INK, SOFT, Rect, stroke
from kunyu.engines.maps.compositions.looks import Look
from kunyu.engines.maps.compositions.planes import Plane, convergence, plane_of, view_of
from kunyu.engines.maps.drawing import images, legend, lettering
from kunyu.engines.maps.drawing.base import BASE_LAYERS
from kunyu.engines.maps.drawing.images import Drawn, DrawnLayer
from kunyu.engines.maps.drawing.legend import Swatch
from kunyu.engines.maps.drawing.view import View
from kunyu.engines.maps.grids import Box
from kunyu.engines.security import scope
from kunyu.engines.security.labels import Label
from kunyu.engines.security.scope import Principal

POINTS_PER_MM = 72 / 25.4
PICTURE_DPI = 200
MOST_PICTURE_PIXELS = 8192
PREVIEW, PREVIEW_PIXELS = "preview", 1400
Told = Callable[[int, int], object]


@dataclass(frozen=True)
class Printed:
    """A finished sheet. ``frame`` is the map's rectangle in millimetres from the top left, ``box`` its ground."""

    data: bytes
    media_type: str
    scale: float
    epsg: int
    frame: Rect
    box: Box
    versions: Mapping[str, Any]
    label: Label
    collections: tuple[str, ...]


@dataclass(frozen=True)
class Arrangement:
    """Where things stand on a sheet of ``width`` x ``height`` millimetres; ``k`` enlarges lines and letters."""

    width: float
    height: float
    k: float
    band: float
    frame: Rect
    legend: Rect | None
    foot: Rect


def arrange(layout: Layout) -> Arrangement:
    """Divide a sheet: title above, map, legend beside it (landscape) or below it (portrait), imprint at the foot."""
    short, long = PAPERS[layout.paper]
    width, height = (long, short) if layout.orientation == "landscape" else (short, long)
    k = math.sqrt(short / 210)
    margin, band, head, foot_height = 10 * k, 5 * k, 17 * k, 21 * k
    inner = Rect(margin, margin + head, width - 2 * margin, height - 2 * margin - head - foot_height)
    foot = Rect(margin, inner.bottom + 2 * k, inner.width, foot_height - 2 * k)
    beside = layout.orientation == "landscape"
    side = (58 * k if beside else 52 * k) if layout.legend else 0.0
    gap = 4 * k if layout.legend else 0.0
    if beside:
        frame = Rect(inner.x + band, inner.y + band, inner.width - side - gap - 2 * band, inner.height - 2 * band)
        box = Rect(inner.right - side, inner.y, side, inner.height)
    else:
        frame = Rect(inner.x + band, inner.y + band, inner.width - 2 * band, inner.height - side - gap - 2 * band)
        box = Rect(inner.x, inner.bottom - side, inner.width, side)
    return Arrangement(width, height, k, band, frame, box if layout.legend else None, foot)


def extent_for(principal: Principal, look: Look) -> Box:
    """The extent of the composition, else of all its layers that the caller may see.

    Raises
    ------
    BadComposition
        Neither is known.
    """
    if look.definition.extent:
        return Box(*look.definition.extent)
    boxes = []
    for layer, _ in looks.shown(principal, look.layers):
        granted = scope.resolve(principal, layer.collection, scope.QUERY, public=layer.is_public)
        box = extent_of(published_versions(layer, granted)).box
        if box:
            boxes.append(box)
    if not boxes:
        raise BadComposition(
            "专题图没有范围，其图层也没有您可见的数据；请先在地图上设定范围。",
            "The composition has no extent, and none of its layers has data you may see: set an extent.",
        )
    sides = np.array(boxes)
    whole = Box(*(float(one) for one in (*sides[:, :2].min(axis=0), *sides[:, 2:].max(axis=0))))
    return whole.buffered(0.03)


def print_sheet(
    principal: Principal, look: Look, form: str, times: Mapping[str, str], told: Told = lambda d, t: None
) -> Printed:
    """The composition as ``pdf`` (vector) or ``png``, under the rights of ``principal`` to download.

    ``preview`` is a small picture of the same sheet for the screen, under his rights to query, and says so on it.

    Raises
    ------
    BadComposition
        No extent, or nothing on it that the caller may print.
    """
    layout = look.definition.layout
    place = arrange(layout)
    extent = extent_for(principal, look)
    plane = plane_of(extent, layout.epsg)
    view, scale = view_of(extent, plane, place.frame.width, place.frame.height, layout.scale, place.k)
    is_preview = form == PREVIEW
    layers = looks.drawn_layers(principal, look, times, scope.QUERY if is_preview else scope.DOWNLOAD)
    _require_anything(layers, look)

    def draw(canvas: skia.Canvas) -> tuple[list[Drawn], Label]:
        found = _draw(canvas, principal, look, place, (view, scale, plane), layers, times, told, is_preview=is_preview)
        if is_preview:
            _mark_preview(canvas, place)
        return found

    if form == "pdf":
        data, (drawn, label) = _pdf(draw, place, look)
    else:
        data, (drawn, label) = _png(draw, place, PREVIEW_PIXELS if is_preview else MOST_PICTURE_PIXELS)
    own = tuple(one.collection for one in drawn if one.collection not in BASE_LAYERS)
    return Printed(
        data, "application/pdf" if form == "pdf" else "image/png", scale, plane.epsg, place.frame, view.box,
        versions_of(drawn, view.lonlat), label, own,
    )  # fmt: skip


def _require_anything(layers: Sequence[DrawnLayer], look: Look) -> None:
    if not any(one.collection not in BASE_LAYERS for one in layers) and any(not one.is_base for one in look.layers):
        raise BadComposition(
            "您没有下载权限，这幅图上没有您可以打印的图层；请向数据管理员申请下载权限。",
            "You may print no layer of this map: ask the data steward for the right to download.",
        )


def _pdf(draw: Callable[[skia.Canvas], Any], place: Arrangement, look: Look) -> tuple[bytes, Any]:
    stream = skia.DynamicMemoryWStream()
    about = skia.PDF.Metadata()
    about.fTitle, about.fAuthor = look.definition.title_zh, look.definition.layout.unit or look.definition.layout.author
    about.fCreator = about.fProducer = "Kunyu 坤舆"
    about.fSubject = f"{look.slug} 第 {look.number} 版"
    about.fRasterDPI = 200
    page = (place.width * POINTS_PER_MM, place.height * POINTS_PER_MM)
    with skia.PDF.MakeDocument(stream, about) as document, document.page(*page) as canvas:
        canvas.scale(POINTS_PER_MM, POINTS_PER_MM)
        found = draw(canvas)
    return bytes(stream.detachAsData()), found


def _png(draw: Callable[[skia.Canvas], Any], place: Arrangement, most: int) -> tuple[bytes, Any]:
    scale = min(PICTURE_DPI / 25.4, most / max(place.width, place.height))
    surface = skia.Surface(round(place.width * scale), round(place.height * scale))
    with surface as canvas:
        canvas.clear(0xFFFFFFFF)
        canvas.scale(scale, scale)
        found = draw(canvas)
    return images.encoded(surface), found


def _draw(
    canvas: skia.Canvas, principal: Principal, look: Look, place: Arrangement, ground: tuple[View, float, Plane],
    layers: Sequence[DrawnLayer], times: Mapping[str, str], told: Told, *, is_preview: bool = False,
) -> tuple[list[Drawn], Label]:  # fmt: skip
    view, scale, plane = ground
    layout, k, frame = look.definition.layout, place.k, place.frame
    canvas.drawRect(skia.Rect.MakeWH(place.width, place.height), skia.Paint(Color=0xFFFFFFFF))
    canvas.save()
    canvas.clipRect(frame.skia())
    canvas.translate(frame.x, frame.y)
    drawn = images.draw_layers(canvas, view, principal, layers, times, told, "tiles" if is_preview else "export")
    canvas.restore()
    furniture.graticule(canvas, view, frame, layout.graticule, place.band, k)
    furniture.neatlines(canvas, frame, place.band, k)
    turned = convergence(view)
    if layout.north != "none":
        is_true = layout.north == "true"
        furniture.north_arrow(
            canvas,
            frame.right - 9 * k,
            frame.y + 20 * k,
            12 * k,
            turned if is_true else 0.0,
            "" if is_true else "坐标北",
        )
    if place.legend is not None:
        canvas.drawRect(place.legend.skia(), stroke(0.3 * k))
        furniture.legend(canvas, place.legend, legend_groups(look, layers, drawn), k)
    label = _label(drawn)
    _head(canvas, look, place, label)
    _foot(canvas, principal, look, place, drawn, (scale, plane, turned, view.lonlat))
    return drawn, label


def _mark_preview(canvas: skia.Canvas, place: Arrangement) -> None:
    """Say across the sheet that it is none."""
    canvas.save()
    canvas.translate(place.width / 2, place.height / 2)
    canvas.rotate(-24)
    size = place.width / 9
    lettering.write(canvas, "预览 PREVIEW", 0, size / 3, size, colour=0x1417262B, bold=True, align="center")
    canvas.restore()


def legend_groups(look: Look, layers: Sequence[DrawnLayer], drawn: Sequence[Drawn]) -> list[tuple[str, list[Swatch]]]:
    """What the legend lists, topmost layer first: of coloured classes those that are on the sheet."""
    uses = {use.collection: use for use in look.layers}
    groups: list[tuple[str, list[Swatch]]] = []
    for one, found in reversed(list(zip(layers, drawn, strict=True))):
        if one.collection == "base:boundaries":
            groups.append(
                ("行政区划", [Swatch("LineString", "#6b4a8a", "行政区划界线（示意）", width=1.2, dashes=(6, 2, 1, 2))])
            )
        if found.layer is None or not found.features or not uses[one.collection].in_legend:
            continue
        style = one.style if one.style is not None else tuple(styles.paint_layers(found.layer, one.collection))
        entries = legend.swatches(found.layer, one.style)
        attribute = legend.class_attribute(style)
        if attribute is not None and attribute in found.columns:
            here = {str(value) for value in found.columns[attribute]}
            entries = [entry for entry in entries if entry.value is None or entry.value in here]
            entries.sort(key=lambda entry: entry.value or "")
        groups.append((found.layer.name_zh, entries))
    return groups


def _label(drawn: Sequence[Drawn]) -> Label:
    """The strictest label of what is on the sheet."""
    label = Label()
    for one in drawn:
        if one.layer is not None:
            label = label.join(mark_of(one.collection).label)
    return label


def _head(canvas: skia.Canvas, look: Look, place: Arrangement, label: Label) -> None:
    k, middle, top = place.k, place.width / 2, 10 * place.k
    title, size = look.definition.title_zh, 8.4 * k
    size = min(size, size * (place.width * 0.7) / max(lettering.width_of(title, size, bold=True, serif=True), 1))
    below = look.definition.subtitle or look.definition.title_en
    lettering.write(
        canvas, title, middle, top + (8.4 if below else 10.4) * k, size, bold=True, serif=True, align="center"
    )
    if below:
        lettering.write(canvas, below, middle, top + 14 * k, 3.6 * k, align="center", colour=SOFT)
    if label.secrecy > 0:
        # where the label of a document stands by habit: the upper left corner
        lettering.write(
            canvas, label.name_zh.split("·")[0].strip(), 10 * k, top + 5 * k, 4.6 * k, bold=True, align="left"
        )
        lettering.write(canvas, "按标记保管，不得擅自复制、扩散", 10 * k, top + 9.4 * k, 2.3 * k, colour=SOFT)


def _foot(
    canvas: skia.Canvas, principal: Principal, look: Look, place: Arrangement, drawn: Sequence[Drawn],
    ground: tuple[float, Plane, float, Box],
) -> None:  # fmt: skip
    scale, plane, turned, window = ground
    k, foot, layout = place.k, place.foot, look.definition.layout
    middle = place.frame.x + place.frame.width / 2
    furniture.scale_bar(canvas, middle, foot.y + 6.5 * k, min(80 * k, place.frame.width * 0.34), scale, k)
    size, row = 2.35 * k, 3.5 * k
    left_width = middle - min(80 * k, place.frame.width * 0.34) / 2 - foot.x - 4 * k
    approval = f"审图号：{layout.approval_number}" if layout.approval_number else NOTICE_ZH
    colour = INK if layout.approval_number else 0xFF8A5A00
    left = [(text, colour) for text in lettering.wrapped(approval, size, left_width, 2)]
    about = f"{plane.name_zh}　子午线收敛角 {turned:+.2f}°"
    left += [(text, SOFT) for text in lettering.wrapped(about, size, left_width, 2)]
    if layout.notes:
        left += [(text, SOFT) for text in lettering.wrapped(layout.notes, size, left_width, 2)]
    for number, (text, ink) in enumerate(left[:5]):
        lettering.write(canvas, text, foot.x, foot.y + 3 * k + row * number, size, colour=ink)
    right_width = foot.right - (middle + min(80 * k, place.frame.width * 0.34) / 2) - 6 * k
    day = timezone.localtime()
    right = [
        "　".join(part for part in (layout.unit and f"制图单位：{layout.unit}", f"制图：{layout.author or principal.name_zh or principal.name}") if part),
        f"制图时间：{day:%Y-%m-%d %H:%M}　{look.slug} 第 {look.number} 版",
    ]  # fmt: skip
    lines = [(line, SOFT) for text in right for line in lettering.wrapped(text, size, right_width, 2)]
    lines += [
        (line, SOFT)
        for text in [versions_text(drawn, window, day)]
        for line in lettering.wrapped(text, size, right_width, 4)
    ]
    for number, (text, ink) in enumerate(lines[:6]):
        lettering.write(canvas, text, foot.right, foot.y + 3 * k + row * number, size, colour=ink, align="right")


def versions_of(drawn: Sequence[Drawn], window: Box) -> dict[str, Any]:
    """Dataset versions of the counties in the window behind each layer, with the day and the instant it shows."""
    found: dict[str, Any] = {}
    for one in drawn:
        if one.layer is None or one.granted is None or one.asof is None:
            continue
        known = one.asof.moment.known_at
        newest = {
            version.county: version
            for version in published_versions(one.layer, one.granted)
            if (known is None or version.known_from <= known) and _meets(version.extent, window)
        }
        found[one.collection] = {
            "valid_at": one.asof.valid_text,
            "known_at": one.asof.known_text,
            "versions": {county: version.number for county, version in sorted(newest.items())},
        }
    return found


def _meets(extent: tuple[float, ...] | None, window: Box) -> bool:
    if extent is None:
        return True
    west, south, east, north = extent
    return west <= window.x_max and east >= window.x_min and south <= window.y_max and north >= window.y_min


def versions_text(drawn: Sequence[Drawn], window: Box, now: datetime) -> str:
    """The versions in words, short enough for the foot of a sheet: layers of one state together."""
    by_state: dict[str, list[str]] = {}
    for one in drawn:
        found = versions_of([one], window).get(one.collection)
        if not found or one.layer is None:
            continue
        counties = [f"{county} 第{number}版" for county, number in found["versions"].items()]
        listed = "、".join(counties[:2]) + (f" 等 {len(counties)} 县" if len(counties) > 2 else "")
        day = f"（{found['valid_at']}）"
        by_state.setdefault(f"{listed}{day}", []).append(one.layer.name_zh)
    if not by_state:
        return f"数据日期：{now:%Y-%m-%d}"
    return "数据版本：" + "；".join(f"{state} {'、'.join(names)}" for state, names in by_state.items())
