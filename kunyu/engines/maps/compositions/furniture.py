"""What stands about the map on a sheet: scale bar, north arrow, graticule, legend. 图廓整饰. Canvas units are millimetres."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import skia

from kunyu.engines.maps.drawing import legend as legends
from kunyu.engines.maps.drawing import lettering
from kunyu.engines.maps.drawing.legend import Swatch
from kunyu.engines.maps.drawing.view import View

INK, SOFT, LINE = 0xFF17262B, 0xFF4A5A60, 0xFF6B7B80
_DEGREES = (
    30, 20, 15, 10, 5, 4, 3, 2, 1, 1 / 2, 1 / 3, 1 / 4, 1 / 6, 1 / 12, 1 / 20, 1 / 30, 1 / 60, 1 / 120, 1 / 240, 1 / 360,
    1 / 720, 1 / 1800, 1 / 3600,
)  # fmt: skip


@dataclass(frozen=True)
class Rect:
    """A rectangle on the sheet in millimetres."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def skia(self) -> skia.Rect:
        return skia.Rect.MakeXYWH(self.x, self.y, self.width, self.height)


def stroke(width: float, colour: int = INK) -> skia.Paint:
    """A pen of ``width`` millimetres."""
    return skia.Paint(Color=colour, AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=width)


def neatlines(canvas: skia.Canvas, frame: Rect, band: float, k: float) -> None:
    """Inner and outer neat line with a band for the labels of the graticule."""
    canvas.drawRect(frame.skia(), stroke(0.15 * k))
    outer = Rect(frame.x - band, frame.y - band, frame.width + 2 * band, frame.height + 2 * band)
    canvas.drawRect(outer.skia(), stroke(0.5 * k))


def scale_bar(canvas: skia.Canvas, x: float, y: float, room: float, scale: float, k: float) -> None:
    """A bar of four parts centred on ``x``, at most ``room`` long, with the scale in figures above it."""
    length_m = _round_below(room / 1000 * scale)
    length = length_m / scale * 1000
    unit, figures = ("km", length_m / 1000) if length_m >= 2000 else ("m", length_m)
    left, height = x - length / 2, 1.2 * k
    lettering.write(canvas, f"1 : {scale:,.0f}", x, y - 1.8 * k, 3.4 * k, bold=True, align="center", colour=INK)
    fill = skia.Paint(Color=INK, AntiAlias=True)
    for part in range(4):
        box = skia.Rect.MakeXYWH(left + length * part / 4, y, length / 4, height)
        if part % 2 == 0:
            canvas.drawRect(box, fill)
        canvas.drawRect(box, stroke(0.12 * k))
    for place, share in enumerate((0, 0.5, 1)):
        text = f"{figures * share:g}" + (f" {unit}" if place == 2 else "")
        lettering.write(canvas, text, left + length * share, y + height + 2.8 * k, 2.4 * k, align="center", colour=INK)


def _round_below(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(max(value, 1e-9)))
    return max(step for step in (1, 2, 4, 5, 8) if step * power <= value * (1 + 1e-9)) * power


def north_arrow(canvas: skia.Canvas, x: float, y: float, size: float, turned: float, caption: str) -> None:
    """An arrow of ``size`` whose foot stands at ``x``, ``y``; ``turned`` degrees clockwise from the top of the sheet."""
    canvas.save()
    canvas.translate(x, y - size / 2)
    canvas.rotate(turned)
    wing, top, foot = size * 0.26, -size / 2, size / 2
    for side, colour in ((-1, INK), (1, 0xFFFFFFFF)):
        path = skia.Path()
        path.moveTo(0, top)
        path.lineTo(side * wing, foot)
        path.lineTo(0, foot - size * 0.2)
        path.close()
        canvas.drawPath(path, skia.Paint(Color=colour, AntiAlias=True))
        canvas.drawPath(path, stroke(size * 0.018))
    lettering.write(canvas, "北", 0, top - size * 0.1, size * 0.32, bold=True, align="center", colour=INK)
    canvas.restore()
    if caption:
        lettering.write(canvas, caption, x, y + size * 0.28, size * 0.17, align="center", colour=SOFT)


def degrees_text(value: float) -> str:
    """113°30′, 34°30′15″; no sign: sheets of this node lie north and east."""
    seconds = round(abs(value) * 3600)
    degrees, minutes, rest = seconds // 3600, seconds % 3600 // 60, seconds % 60
    text = f"{degrees}°" + (f"{minutes:02d}′" if minutes or rest else "") + (f"{rest:02d}″" if rest else "")
    return text


def graticule(canvas: skia.Canvas, view: View, frame: Rect, kind: str, band: float, k: float) -> None:
    """Meridians and parallels (``geographic``), or the lines of the kilometre grid (``grid``), labelled in the band."""
    if kind == "none":
        return
    for is_vertical in (True, False):
        for text, line in _lines(view, kind, is_vertical):
            _draw_line(canvas, frame, text, line, is_vertical, band, k, faint=kind == "geographic")


def _lines(view: View, kind: str, is_vertical: bool) -> list[tuple[str, np.ndarray]]:
    """Label and points (canvas units of the window) of each line."""
    if kind == "grid":
        low, high = (view.box.x_min, view.box.x_max) if is_vertical else (view.box.y_min, view.box.y_max)
        step = _round_below((view.box.y_max - view.box.y_min) / 3)
        found = []
        for value in np.arange(math.ceil(low / step) * step, high, step):
            at = (value - low) / (high - low)
            ends = np.array([[at, 0], [at, 1]]) if is_vertical else np.array([[0, 1 - at], [1, 1 - at]])
            found.append((f"{value / 1000:,.10g}", ends * (view.width, view.height)))
        return found
    inside = view.lonlat
    step = _degree_step(min(inside.x_max - inside.x_min, inside.y_max - inside.y_min))
    low, high = (inside.x_min, inside.x_max) if is_vertical else (inside.y_min, inside.y_max)
    along = np.linspace(*((inside.y_min, inside.y_max) if is_vertical else (inside.x_min, inside.x_max)), 33)
    found = []
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        fixed = np.full(33, number * step)
        points = np.column_stack([fixed, along] if is_vertical else [along, fixed])
        found.append((degrees_text(number * step), view.to_canvas(points)))
    return found


def _degree_step(span: float) -> float:
    return next((one for one in _DEGREES if span / one >= 2.6), _DEGREES[-1])


def _draw_line(
    canvas: skia.Canvas, frame: Rect, text: str, line: np.ndarray, is_vertical: bool, band: float, k: float, *,
    faint: bool,
) -> None:  # fmt: skip
    pen = stroke(0.1 * k, 0x70406070 if faint else 0x90505A60)
    canvas.save()
    canvas.clipRect(frame.skia())
    canvas.translate(frame.x, frame.y)
    for start, end in itertools.pairwise(line):
        canvas.drawLine(float(start[0]), float(start[1]), float(end[0]), float(end[1]), pen)
    canvas.restore()
    size, axis = 2.2 * k, 0 if is_vertical else 1
    length = frame.width if is_vertical else frame.height
    for at_far in (False, True):
        edge = (frame.height if at_far else 0.0) if is_vertical else (frame.width if at_far else 0.0)
        order = np.argsort(line[:, 1 - axis])
        at = float(np.interp(edge, line[order, 1 - axis], line[order, axis]))
        if not 0 <= at <= length:
            continue
        half = lettering.width_of(text, size) / 2
        if not half < at < length - half:
            continue
        if is_vertical:
            y = frame.bottom + band * 0.72 if at_far else frame.y - band * 0.3
            lettering.write(canvas, text, frame.x + at, y, size, align="center", colour=SOFT)
        else:
            canvas.save()
            canvas.translate(frame.right + band * 0.3 if at_far else frame.x - band * 0.3, frame.y + at)
            canvas.rotate(90 if at_far else -90)
            lettering.write(canvas, text, 0, 0, size, align="center", colour=SOFT)
            canvas.restore()


def legend(canvas: skia.Canvas, place: Rect, groups: Sequence[tuple[str, Sequence[Swatch]]], k: float) -> int:
    """Draw the legend into a rectangle, in as many columns as it needs; return how many entries found no room."""
    lettering.write(canvas, "图  例", place.x + place.width / 2, place.y + 5.2 * k, 4.4 * k, bold=True, align="center")
    lines = sum(len(entries) + (1 if len(entries) > 1 else 0) for _, entries in groups)
    room = place.height - 9 * k
    columns = 1
    while columns < 6 and lines * 4.2 * k > room * (columns - 0.5) and place.width / (columns + 1) > 32 * k:
        columns += 1
    row = min(4.8 * k, max(3.0 * k, room * columns / (lines + columns)))
    size, width = row * 0.62, place.width / columns
    column, y, left_out = 0, place.y + 9 * k, 0
    for title, entries in groups:
        # the name of a layer never stands alone at the foot of a column
        if len(entries) > 1:
            if y + 2 * row > place.bottom and column + 1 < columns:
                column, y = column + 1, place.y + 9 * k
            if y + row <= place.bottom:
                text = lettering.wrapped(title, size * 1.05, width - 3 * k, 1)[0]
                lettering.write(
                    canvas, text, place.x + width * column + 1.5 * k, y + row * 0.72, size * 1.05, bold=True
                )
                y += row
        for one in entries:
            if y + row > place.bottom and column + 1 < columns:
                column, y = column + 1, place.y + 9 * k
            if y + row > place.bottom:
                left_out += 1
                continue
            x = place.x + width * column + 1.5 * k
            legends.draw_swatch(canvas, one, x, y + row * 0.14, 8 * k, row * 0.68, 25.4 / 96 * k)
            text = lettering.wrapped(one.text_zh or title, size, width - 13 * k, 1)[0]
            lettering.write(canvas, text, x + 10 * k, y + row * 0.72, size, colour=INK)
            y += row
    if left_out:
        lettering.write(
            canvas, f"… 另有 {left_out} 项", place.right - 2 * k, place.bottom - 0.4 * k, 2.2 * k, align="right"
        )
    return left_out
