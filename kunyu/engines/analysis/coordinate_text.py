"""The ministry's coordinate text of plots: ``[属性描述]`` and ``[地块坐标]``. 勘测定界界址点坐标交换格式.

Facts (from memory of the 2008 exchange format, unverified against the print): after ``[属性描述]`` lines ``key=value``
(``坐标系``, ``几度分带``, ``投影类型``, ``计量单位``, ``带号``, ``精度``, ``转换参数``); after ``[地块坐标]`` for each plot a
head ``points,area,number,name,kind,sheet,use,class,@`` and then its points ``name,ring,x,y`` with **x north and y east**,
both in metres, y with or without the zone in front. Ring 1 begins the plot; a ring with a higher number is a hole when it
lies inside, another part when it does not. Areas stated are in hectares. Encodings: UTF-8, UTF-16, GB 18030.
"""

from __future__ import annotations

import math
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from dataclasses import dataclass

import numpy as np
import shapely

from kunyu.engines.analysis.errors import UnreadablePlot
from kunyu.engines.analysis.plots import too_many_vertices
from kunyu.engines.analysis.settings import analysis_settings
from kunyu.kernel.errors import KunyuError
from kunyu.kernel.geodesy import zone_epsg
from kunyu.kernel.tolerances import SAME_POINT_TOLERANCE_M

HEAD, BODY = "[属性描述]", "[地块坐标]"
_ZONES = {3: range(25, 46), 6: range(13, 24)}
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


@dataclass(frozen=True)
class TextPlot:
    """One plot in its plane: ``geometry`` with x east, y north; ``stated_ha`` as the file says, None when it does not."""

    name: str
    geometry: shapely.Geometry
    stated_ha: float | None


@dataclass(frozen=True)
class CoordinateText:
    """What a text holds."""

    attributes: dict[str, str]
    epsg: int
    plots: tuple[TextPlot, ...]


def is_coordinate_text(content: bytes) -> bool:
    """Whether a file begins like one, or means to: then its reader says what is wrong with it."""
    start = _beginning(content)
    return BODY in start or start.lstrip().startswith(HEAD)


def _beginning(content: bytes) -> str:
    """The first characters, whatever stands there; a cut inside of a character does no harm."""
    for encoding in _encodings(content):
        try:
            return getincrementaldecoder(encoding)().decode(content[:65536])
        except UnicodeDecodeError:
            continue
    return content[:65536].decode("gb18030", "ignore")


def _encodings(content: bytes) -> tuple[str, ...]:
    return ("utf-16",) if content[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else ("utf-8-sig", "gb18030")


def decoded(content: bytes) -> str:
    """UTF-8 with or without mark, UTF-16 with its mark (what Notepad calls Unicode), else GB 18030.

    Raises
    ------
    UnreadablePlot
    """
    for encoding in _encodings(content):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _bad("编码既不是 UTF-8、UTF-16 也不是 GB 18030。", "The text is neither UTF-8, UTF-16 nor GB 18030.")


def read_coordinate_text(content: bytes) -> CoordinateText:
    """Read plots of a coordinate text.

    Raises
    ------
    UnreadablePlot
        Names the line and what is wrong with it.
    PlotTooLarge
    """
    attributes: dict[str, str] = {}
    part = ""
    heads: list[tuple[int, list[str]]] = []
    points: list[list[tuple[int, str, float, float]]] = []
    for number, raw in enumerate(decoded(content).splitlines(), start=1):
        line = raw.strip()
        if not line:
            continue
        if line in (HEAD, BODY):
            part = line
        elif part == HEAD:
            key, _, value = line.partition("=")
            attributes[key.strip()] = value.strip()
        elif part == BODY and line.endswith("@"):
            heads.append((number, [cell.strip() for cell in line.rstrip("@").split(",")]))
            points.append([])
        elif part == BODY:
            if not heads:
                raise _bad(
                    f"第 {number} 行是界址点，但前面没有以 @ 结尾的地块行。", f"Line {number}: a point before any plot."
                )
            points[-1].append(_point(number, line))
    if not heads:
        raise _bad(f"没有 {BODY} 段，或其中没有地块。", f"There is no section {BODY}, or no plot in it.")
    if sum(len(rows) for rows in points) > analysis_settings().vertices_max:
        raise too_many_vertices()
    epsg = _epsg(attributes, points)
    plots = tuple(_plot(*head, rows) for head, rows in zip(heads, points, strict=True))
    return CoordinateText(attributes, epsg, plots)


def _bad(zh: str, en: str) -> UnreadablePlot:
    return UnreadablePlot(f"坐标文本：{zh}", f"Coordinate text: {en}")


def _point(number: int, line: str) -> tuple[int, str, float, float]:
    """Ring, name, north, east."""
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != 4 or not cells[1].isdecimal() or not all(_NUMBER.fullmatch(cell) for cell in cells[2:]):
        raise _bad(
            f"第 {number} 行 {line[:60]!r} 应为“点号,圈号,X（北）,Y（东）”。",
            f"Line {number} {line[:60]!r} should be name, ring, X (north), Y (east).",
        )
    north, east = float(cells[2]), float(cells[3])
    if not (math.isfinite(north) and math.isfinite(east)):
        raise _bad(f"第 {number} 行的坐标不是有限的数。", f"Line {number}: a coordinate is not finite.")
    if not 0 < north < 6_500_000:
        swapped = 0 < east < 6_500_000 and north > 10_000_000
        hint_zh, hint_en = ("，像是 X、Y 写反了", "; X and Y look exchanged") if swapped else ("", "")
        raise _bad(
            f"第 {number} 行的 X（北）{north:.3f} 不在中国范围内{hint_zh}。",
            f"Line {number}: X (north) {north:.3f} is outside China{hint_en}.",
        )
    return int(cells[1]), cells[0], north, east


def _epsg(attributes: dict[str, str], points: list[list[tuple[int, str, float, float]]]) -> int:
    system = attributes.get("坐标系", "")
    if not any(name in system.replace(" ", "") for name in ("2000", "CGCS")):
        raise _bad(
            f"坐标系是 {system or '（未写明）'}；只接受 2000 国家大地坐标系，请先转换。",
            f"The CRS is {system or '(not stated)'}; only CGCS2000 is taken: transform it first.",
        )
    width = int(attributes.get("几度分带") or 3) if (attributes.get("几度分带") or "3").isdecimal() else 0
    first = next((rows[0] for rows in points if rows), None)
    if first is None:
        raise _bad("地块没有界址点。", "The plots have no points.")
    prefixed = first[3] >= 1_000_000
    said = attributes.get("带号", "")
    zone = int(said) if said.isdecimal() else int(first[3] // 1_000_000) if prefixed else 0
    if width not in _ZONES or zone not in _ZONES[width]:
        raise _bad(
            f"几度分带={attributes.get('几度分带')}、带号={said or '（未写明）'} 不是中国的高斯克吕格分带。",
            f"Zone {said or '(not stated)'} of width {attributes.get('几度分带')} is no Gauss-Krüger zone of China.",
        )
    if prefixed and int(first[3] // 1_000_000) != zone:
        raise _bad(
            f"带号={zone}，但 Y 坐标 {first[3]:.3f} 的前两位是 {int(first[3] // 1_000_000)}。",
            f"The zone is {zone}, but Y {first[3]:.3f} begins with {int(first[3] // 1_000_000)}.",
        )
    try:
        return int(zone_epsg(zone, 3 if width == 3 else 6, prefixed))
    except (KunyuError, ValueError) as error:
        raise _bad(f"没有这个分带的坐标系：{error}", f"No CRS of this zone: {error}") from None


def _plot(number: int, cells: list[str], rows: list[tuple[int, str, float, float]]) -> TextPlot:
    name = (cells[3] if len(cells) > 3 else "") or (cells[2] if len(cells) > 2 else "") or f"line {number}"
    if cells and cells[0].isdecimal() and int(cells[0]) != len(rows):
        raise _bad(
            f"第 {number} 行说地块 {name} 有 {cells[0]} 个界址点，实际 {len(rows)} 个。",
            f"Line {number}: plot {name} should have {cells[0]} points; it has {len(rows)}.",
        )
    rings = [_ring(name, [row for row in rows if row[0] == ring]) for ring in dict.fromkeys(row[0] for row in rows)]
    if not rings:
        raise _bad(f"地块 {name} 没有界址点。", f"Plot {name} has no points.")
    stated = cells[1] if len(cells) > 1 else ""
    return TextPlot(name, _assembled(rings), float(stated) if _NUMBER.fullmatch(stated) else None)


def _ring(name: str, rows: list[tuple[int, str, float, float]]) -> shapely.Polygon:
    """One ring as a polygon. The first point may be repeated at the end, to close it; when it is not, it is meant."""
    xy = np.array([(east, north) for _, _, north, east in rows])
    if len(xy) > 1 and np.hypot(*(xy[0] - xy[-1])) > SAME_POINT_TOLERANCE_M and rows[0][1] == rows[-1][1]:
        raise _bad(
            f"地块 {name} 第 {rows[0][0]} 圈的首末点同名 {rows[0][1]} 而坐标不同，没有闭合。",
            f"Plot {name}, ring {rows[0][0]}: first and last point are both {rows[0][1]} and differ; it is not closed.",
        )
    if len(np.unique(xy, axis=0)) < 3:
        raise _bad(
            f"地块 {name} 第 {rows[0][0]} 圈不足三个点。", f"Plot {name}, ring {rows[0][0]}: fewer than three points."
        )
    return shapely.Polygon(xy)


def _assembled(rings: list[shapely.Polygon]) -> shapely.Geometry:
    parts: list[list[shapely.Polygon]] = []
    for ring in rings:
        around = next((part for part in parts if shapely.contains_properly(part[0], ring.representative_point())), None)
        if around is None:
            parts.append([ring])
        else:
            around.append(ring)
    made = [shapely.Polygon(part[0].exterior, [hole.exterior for hole in part[1:]]) for part in parts]
    return made[0] if len(made) == 1 else shapely.multipolygons(made)
