"""The picture of a seal drawn by the system: round, red, name on an arc, star, marked as a demonstration. 演示印章图样."""

from __future__ import annotations

import math

import skia

PIXELS_PER_MM = 16
"""400 dots per inch: sharper than a laser printer sets a red line, and a third of the bytes of 600."""
RED = 0xFFD7141A
MARK = "演示"
_FAMILIES = ("Noto Serif CJK SC", "Source Han Serif SC", "SimSun", "Noto Sans CJK SC", "WenQuanYi Zen Hei")


def draw_seal(name: str, width_mm: int, second_line: str = "") -> bytes:
    """Return a PNG with transparent ground.

    Parameters
    ----------
    name : str
        Written clockwise on the upper arc; shrunk until it fits.
    width_mm : int
        Diameter.
    second_line : str
        Straight line below the star, e.g. 行政审批专用章.
    """
    side = width_mm * PIXELS_PER_MM
    surface = skia.Surface(side, side)
    with surface as canvas:
        canvas.clear(0x00000000)
        canvas.translate(side / 2, side / 2)
        radius = side / 2
        _ring(canvas, radius)
        _star(canvas, radius * 0.27)
        _arc(canvas, name, radius)
        _straight(canvas, second_line, radius * 0.52, radius * 0.15, radius * 1.2)
        _straight(canvas, MARK, radius * 0.74, radius * 0.16, radius * 0.9)
    picture = surface.makeImageSnapshot().encodeToData(skia.EncodedImageFormat.kPNG, 100)
    return bytes(picture)


def _ring(canvas: skia.Canvas, radius: float) -> None:
    width = radius * 0.05
    paint = skia.Paint(Color=RED, AntiAlias=True, Style=skia.Paint.kStroke_Style, StrokeWidth=width)
    canvas.drawCircle(0, 0, radius - width, paint)


def _star(canvas: skia.Canvas, radius: float) -> None:
    inner = radius * math.sin(math.radians(18)) / math.sin(math.radians(54))
    path = skia.Path()
    for point in range(10):
        reach, angle = (radius, inner)[point % 2], math.radians(36 * point - 90)
        x, y = reach * math.cos(angle), reach * math.sin(angle)
        if point:
            path.lineTo(x, y)
        else:
            path.moveTo(x, y)
    path.close()
    canvas.drawPath(path, skia.Paint(Color=RED, AntiAlias=True))


def _arc(canvas: skia.Canvas, text: str, radius: float) -> None:
    """Letters stand with their feet towards the centre, evenly over at most 250 degrees."""
    size = min(radius * 0.27, radius * 4.0 / max(len(text), 1))
    step = min(math.degrees(size * 1.25 / (radius * 0.72)), 250 / max(len(text) - 1, 1))
    font, paint = _font(size), skia.Paint(Color=RED, AntiAlias=True)
    for place, letter in enumerate(text):
        canvas.save()
        canvas.rotate((place - (len(text) - 1) / 2) * step)
        canvas.drawString(letter, -font.measureText(letter) / 2, -radius * 0.66, font, paint)
        canvas.restore()


def _straight(canvas: skia.Canvas, text: str, baseline: float, size: float, width: float) -> None:
    font = _font(size)
    measured = font.measureText(text)
    if measured > width:
        font = _font(size * width / measured)
        measured = font.measureText(text)
    canvas.drawString(text, -measured / 2, baseline, font, skia.Paint(Color=RED, AntiAlias=True))


def _font(size: float) -> skia.Font:
    manager = skia.FontMgr()
    for family in _FAMILIES:
        found = manager.matchFamilyStyle(family, skia.FontStyle.Bold())
        if found is not None and found.getFamilyName() == family:
            break
    else:
        found = manager.matchFamilyStyleCharacter("serif", skia.FontStyle.Bold(), ["zh-Hans"], ord("章"))
    made = skia.Font(found or skia.Typeface(), size)
    made.setEdging(skia.Font.Edging.kAntiAlias)
    made.setHinting(skia.FontHinting.kNone)
    return made
