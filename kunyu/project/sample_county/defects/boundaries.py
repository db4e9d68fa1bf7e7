"""Defects of village areas and boundary lines: overlap, crowded vertices, stubs, cut and stray lines. 界线缺陷."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from kunyu.project.sample_county.defects.kinds import Seeded
from kunyu.project.sample_county.defects.sheet import NoRoom
from kunyu.project.sample_county.layout import COUNTY
from kunyu.project.sample_county.shelf import Shelf
from kunyu.project.sample_county.tables import GEOMETRY, survey_layer

Points = NDArray[np.float64]
REACH_M, STUB_M, CROWD = 3.0, 5.0, 110
_FIRST_NEW = 90_000_000


def village_overlap(shelf: Shelf, turn: int) -> Seeded:
    """A village area reaches three metres into its neighbour of the same township."""
    table, shapes = _read(shelf, "CJDCQ")
    codes = table.column("ZLDWDM").to_pylist()
    row, other, a, b = _taken(_common_edges(shapes, codes), turn)
    along = (b - a) / np.hypot(*(b - a))
    tip = np.round((a + b) / 2 + REACH_M * np.array([along[1], -along[0]]), 4)
    shell = shapely.get_coordinates(shapes[row].exterior)
    at = int(np.flatnonzero((shell == a).all(axis=1))[0])
    shapes[row] = shapely.Polygon(np.insert(shell, at + 1, tip, axis=0))
    _write(shelf, "CJDCQ", table, shapes)
    ids = tuple(sorted(table.column("BSM")[k].as_py() for k in (row, other)))
    return Seeded(("Q305", "Q309"), ids, shapely.Polygon([a, tip, b]), layer="CJDCQ")


def crowded(shelf: Shelf, turn: int) -> Seeded:
    """A hundred and ten vertices stand on one edge of a village area."""
    table, shapes = _read(shelf, "CJDCQ")
    row = turn % len(shapes)
    shell = shapely.get_coordinates(shapes[row].exterior)
    length = np.hypot(*np.diff(shell, axis=0).T)
    at = int(np.argsort(-length, kind="stable")[turn // len(shapes)])
    share = np.arange(1, CROWD + 1)[:, None] / (CROWD + 1)
    points = np.round(shell[at] + share * (shell[at + 1] - shell[at]), 4)
    shapes[row] = shapely.Polygon(np.insert(shell, at + 1, points, axis=0))
    _write(shelf, "CJDCQ", table, shapes)
    rules = ("Q308", "Q307") if length[at] / (CROWD + 1) < 0.2 else ("Q308",)
    return Seeded(rules, (table.column("BSM")[row].as_py(),), shapely.LineString(points), layer="CJDCQ")


def stub(shelf: Shelf, turn: int) -> Seeded:
    """A line of five metres leaves a boundary line and ends in a field."""
    table, lines = _read(shelf, "CJDCQJX")
    inner = np.flatnonzero(np.array(table.column("JXLX").to_pylist()) == "670500")
    row = int(inner[turn % len(inner)])
    xy = shapely.get_coordinates(lines[row])
    at = 1 + (2 + turn // len(inner)) % (len(xy) - 2)
    along = (xy[at + 1] - xy[at - 1]) / np.hypot(*(xy[at + 1] - xy[at - 1]))
    line = shapely.LineString([xy[at], np.round(xy[at] + STUB_M * np.array([-along[1], along[0]]), 4)])
    bsm = _append(shelf, table, lines, row, line)
    return Seeded(("Q308", "Q309"), (bsm,), line, layer="CJDCQJX")


def cut_line(shelf: Shelf, turn: int) -> Seeded:
    """A boundary line is two records that meet for no reason."""
    table, lines = _read(shelf, "CJDCQJX")
    row = int(np.argsort(-shapely.get_num_coordinates(lines), kind="stable")[turn % len(lines)])
    xy = shapely.get_coordinates(lines[row])
    at = len(xy) // 3
    lines[row] = shapely.LineString(xy[: at + 1])
    bsm = _append(shelf, table, lines, row, shapely.LineString(xy[at:]))
    ids = tuple(sorted((table.column("BSM")[row].as_py(), bsm)))
    return Seeded(("Q308",), ids, shapely.Point(xy[at]), layer="CJDCQJX")


def stray_vertex(shelf: Shelf, turn: int) -> Seeded:
    """A vertex of a boundary line stands half a metre beside the boundary."""
    table, lines = _read(shelf, "CJDCQJX")
    row = turn % len(lines)
    xy = shapely.get_coordinates(lines[row]).copy()
    at = (len(xy) // 2 + 5 * (turn // len(lines))) % (len(xy) - 2) + 1
    along = (xy[at + 1] - xy[at - 1]) / np.hypot(*(xy[at + 1] - xy[at - 1]))
    place = shapely.LineString(xy[at - 1 : at + 2])
    xy[at] = np.round(xy[at] + 0.5 * np.array([-along[1], along[0]]), 4)
    lines[row] = shapely.LineString(xy)
    _write(shelf, "CJDCQJX", table, lines)
    villages, shapes = _read(shelf, "CJDCQ")
    beside = np.flatnonzero(shapely.dwithin(shapes, shapely.Point(place.coords[1]), 1e-3))
    ids = tuple(sorted(villages.column("BSM")[int(k)].as_py() for k in beside))
    bare = Seeded(("Q309",), ids, place, "stray_vertex_boundary", "CJDCQ")
    return Seeded(("Q309",), (table.column("BSM")[row].as_py(),), shapely.LineString(xy[at - 1 : at + 2]),
                  layer="CJDCQJX", also=(bare,))  # fmt: skip


def _read(shelf: Shelf, code: str) -> tuple[pa.Table, NDArray[np.object_]]:
    table = pa.Table.from_batches(shelf.read(code)[1]).combine_chunks()
    return table, np.asarray(shapely.from_wkb(table.column(GEOMETRY).to_numpy()), dtype=object)


def _write(shelf: Shelf, code: str, table: pa.Table, shapes: NDArray[np.object_]) -> None:
    at = table.schema.get_field_index(GEOMETRY)
    wkb = pa.array(shapely.to_wkb(shapes), pa.binary())
    shelf.replace(code, table.set_column(at, table.schema.field(at), wkb).combine_chunks().to_batches())


def _append(shelf: Shelf, table: pa.Table, lines: NDArray[np.object_], source: int, line: shapely.LineString) -> str:
    """Add a copy of record ``source`` with this geometry and a BSM of its own, which is returned."""
    bsm = f"{COUNTY}{survey_layer('CJDCQJX').layer_code}{_FIRST_NEW + table.num_rows:08d}"
    copy = table.slice(source, 1)
    at = table.schema.get_field_index("BSM")
    copy = copy.set_column(at, table.schema.field(at), pa.array([bsm], table.schema.field(at).type))
    _write(shelf, "CJDCQJX", pa.concat_tables([table, copy]), np.append(lines, line))
    return bsm


def _common_edges(shapes: NDArray[np.object_], codes: list[str]) -> list[tuple[int, int, Points, Points]]:
    """Return (row, other row, a, b) of one long edge for each two villages of a township that share one."""
    edges: dict[tuple[Any, ...], int] = {}
    shells = [shapely.get_coordinates(shape.exterior) for shape in shapes]
    for row, shell in enumerate(shells):
        edges.update({(*p, *q): row for p, q in zip(shell[:-1].tolist(), shell[1:].tolist(), strict=True)})
    found: dict[tuple[int, int], tuple[int, int, Points, Points]] = {}
    for (ax, ay, bx, by), row in edges.items():
        other = edges.get((bx, by, ax, ay), -1)
        if other > row and codes[row][:9] == codes[other][:9] and np.hypot(bx - ax, by - ay) > 2 * REACH_M:
            found.setdefault((row, other), (row, other, np.array([ax, ay]), np.array([bx, by])))
    return list(found.values())


def _taken(found: list[Any], turn: int) -> Any:
    if turn >= len(found):
        raise NoRoom
    return found[turn]


BOUNDARY_KINDS: dict[str, dict[str, Callable[[Shelf, int], Seeded]]] = {
    "Q305": {"village_overlap": village_overlap},
    "Q308": {"crowded": crowded, "stub": stub, "cut_line": cut_line},
    "Q309": {"stray_vertex": stray_vertex},
}
"""Kinds seeded in CJDCQ and CJDCQJX, by the rule they are named for."""
