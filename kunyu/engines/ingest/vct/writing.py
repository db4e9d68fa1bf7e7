"""Write layers as one VCT 3.0 file (GB/T 17798-2007): borders once, polygons by reference. 写出 VCT.

Each layer is written as it arrives into one file per section, and the sections are put together at the end: the head
needs the extent of everything. Memory is that of the largest layer's vertices (``topology``) and one batch.
"""

from __future__ import annotations

import datetime
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kunyu.engines.ingest.source_layers import GEOMETRY
from kunyu.engines.ingest.vct import wkb
from kunyu.engines.ingest.vct.coordinate_system import head_of
from kunyu.engines.ingest.vct.header import BORDER_CODE, NO_STYLE, FeatureCode, Table
from kunyu.engines.ingest.vct.label_points import label_points
from kunyu.engines.ingest.vct.losses import Losses
from kunyu.engines.ingest.vct.numbers import MOST_UNITS, coordinate_lines, lengths_of, to_fixed
from kunyu.engines.ingest.vct.ragged import (
    Ints,
    closed_sums,
    numbers_as_text,
    ranges,
    starts_of,
    text_array,
    text_bytes,
    woven,
)
from kunyu.engines.ingest.vct.ring_roles import turned
from kunyu.engines.ingest.vct.topology import Topology
from kunyu.engines.ingest.vct.written_rows import END, SEPARATOR, encoded, rows_as_text

SECTIONS = ("Point", "Line", "Polygon", "Annotation", "Attribute")
_BASE = {"Point": wkb.POINT, "Annotation": wkb.POINT, "Line": wkb.LINE, "Polygon": wkb.POLYGON}
_PER_LINE = 8
"""Line numbers of a polygon per line of text."""
_POLYGONS_AT_ONCE = 100_000


class VctWriter:
    """One file in the making. ``close`` puts it together; leaving the ``with`` by an error leaves no file.

    Parameters
    ----------
    path : Path
        The file; its folder takes the unfinished sections.
    crs : str or None
        Plane of all layers, anything pyproj takes.
    decimals : int, optional
        Digits after the point of a coordinate, 0 to 10; 4, or 9 for degrees, when left out.
    """

    def __init__(self, path: Path, crs: str | None, decimals: int | None = None) -> None:
        self.path = path
        self.head = head_of(crs)
        self.decimals = decimals if decimals is not None else 9 if self.head["CoordinateSystemType"] == "D" else 4
        self.losses = Losses()
        self.codes: list[FeatureCode] = []
        self.tables: list[Table] = []
        self._next = 1
        self._low, self._high = np.full(2, np.inf), np.full(2, -np.inf)
        self._folder = Path(tempfile.mkdtemp(prefix=".vct-", dir=path.parent))
        self._files: dict[str, BinaryIO] = {one: (self._folder / one).open("wb", 1 << 20) for one in SECTIONS}

    def __enter__(self) -> VctWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        try:
            if kind is None:
                self._put_together()
        finally:
            for one in self._files.values():
                one.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, code: FeatureCode | None, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
        """Write a layer; batches hold the table's fields in order and ``geometry`` (WKB). Returns the rows.

        ``code`` is None for a table without geometry.
        """
        self.tables.append(table)
        if code is not None:
            self.codes.append(code)
        attributes = self._files["Attribute"]
        attributes.write(encoded(f"{table.name}{END}".encode(), table.name, self.losses))
        shapes = None if code is None else _Shapes(self, code, table.name)
        first = self._next
        for batch in batches:
            ids = np.arange(self._next, self._next + batch.num_rows)
            self._next += batch.num_rows
            columns = [(one.name, batch.column(place)) for place, one in enumerate(table.fields)]
            attributes.write(rows_as_text(ids, columns, table.name, self.losses))
            if shapes is not None:
                shapes.take(ids, batch)
        rows = self._next - first
        attributes.write(f"TableEnd{END}".encode())
        if shapes is not None:
            shapes.finish()
        return rows

    def new_numbers(self, count: int) -> int:
        """Reserve object numbers and return the first."""
        first = self._next
        self._next += count
        return first

    def write(self, section: str, data: bytes | NDArray[np.uint8]) -> None:
        """Append to a section."""
        self._files[section].write(data)  # type: ignore[arg-type]

    def seen(self, xy: NDArray[np.float64]) -> None:
        """Let the extent cover these coordinates."""
        if len(xy):
            self._low = np.minimum(self._low, np.array([xy[:, 0].min(), xy[:, 1].min()]))
            self._high = np.maximum(self._high, np.array([xy[:, 0].max(), xy[:, 1].max()]))

    def _put_together(self) -> None:
        for one in self._files.values():
            one.close()
        unfinished = self._folder / "whole"
        with unfinished.open("wb", 1 << 20) as out:
            out.write(encoded(self._beginning().encode(), "", self.losses))
            for section in SECTIONS:
                out.write(f"{section}Begin{END}".encode())
                out.flush()
                with (self._folder / section).open("rb") as part:
                    _copy(part, out)
                out.write(f"{section}End{END}{END}".encode())
                (self._folder / section).unlink()
            out.write(f"StyleBegin{END}StyleEnd{END}".encode())
        unfinished.replace(self.path)

    def _beginning(self) -> str:
        low, high = (self._low, self._high) if np.isfinite(self._low).all() else (np.zeros(2), np.zeros(2))
        values: Mapping[str, str] = {
            "Datamark": "LANDUSE-VCT", "Version": "3.0", **self.head, "VerticalDatum": "1985国家高程基准",
            "TemporalReferenceSystem": "北京时间",
            "ExtentMin": f"{low[0]:.{self.decimals}f},{low[1]:.{self.decimals}f}",
            "ExtentMax": f"{high[0]:.{self.decimals}f},{high[1]:.{self.decimals}f}",
            "MapScale": "10000", "Offset": "0,0", "Date": f"{_today():%Y%m%d}", "Separator": SEPARATOR,
        }  # fmt: skip
        lines = ["HeadBegin", *(f"{key}:{value}" for key, value in values.items()), "HeadEnd", "", "FeatureCodeBegin"]
        lines += [SEPARATOR.join((one.code, one.name, one.geometry, one.table)) for one in self.codes]
        lines += ["FeatureCodeEnd", "", "TableStructureBegin"]
        lines += [line for one in self.tables for line in one.lines(SEPARATOR)]
        return END.join([*lines, "TableStructureEnd", "", ""])


def _today() -> datetime.date:
    """The date of the head; SOURCE_DATE_EPOCH makes files comparable byte by byte."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.datetime.fromtimestamp(int(given), datetime.UTC) if given.isdigit() else datetime.datetime.now()
    return moment.date()


def _copy(part: BinaryIO, out: BinaryIO) -> None:
    if hasattr(os, "copy_file_range"):
        try:
            while os.copy_file_range(part.fileno(), out.fileno(), 1 << 28):
                pass
            out.seek(0, os.SEEK_END)
            return
        except OSError:
            out.seek(0, os.SEEK_END)
    shutil.copyfileobj(part, out, 1 << 22)


class _Shapes:
    """The geometry of one layer on its way into its section."""

    def __init__(self, writer: VctWriter, code: FeatureCode, layer: str) -> None:
        self.writer, self.code, self.layer, self.base = writer, code, layer, _BASE[code.geometry]
        self.topology = Topology()
        self.waiting: list[tuple[Ints, Ints, Ints, Ints]] = []

    def take(self, ids: Ints, batch: pa.RecordBatch) -> None:
        """Write a batch's points and lines; keep its polygons until their borders are known."""
        shapes = self._fit(wkb.decode(batch.column(batch.schema.get_field_index(GEOMETRY))))
        if not len(shapes.row):
            return
        xy, writer, decimals = shapes.xy, self.writer, self.writer.decimals
        if self.base == wkb.POLYGON:
            xy, flipped, unclear = turned(xy, shapes.start, shapes.row, shapes.part, shapes.hole)
            writer.losses.add("turned_rings", self.layer, flipped)
            writer.losses.add("unclear_parts", self.layer, unclear)
        x, y = to_fixed(xy[:, 0], decimals), to_fixed(xy[:, 1], decimals)
        self._note_moved(xy, x, y)
        writer.seen(xy)
        if self.base == wkb.POLYGON:
            label_x, label_y, rows = label_points(x, y, shapes.start, shapes.row)
            self.topology.add(x, y, shapes.start)
            self.waiting.append((ids[rows], label_x, label_y, np.searchsorted(rows, shapes.row)))
        elif self.code.geometry == "Annotation":
            self._annotations(ids, shapes, x, y, batch)
        else:
            self._points_or_lines(ids, shapes, x, y)

    def finish(self) -> None:
        """Write what waited."""
        if self.base != wkb.POLYGON or not self.waiting:
            return
        self.topology.build()
        first = self.writer.new_numbers(self.topology.lines)
        number = first
        for x, y, counts in self.topology.line_vertices():
            self._write_lines(np.arange(number, number + len(counts)), BORDER_CODE, x, y, counts)
            number += len(counts)
        for (ids, x, y, polygon), pieces in zip(self.waiting, self.topology.pieces, strict=True):
            self._write_polygons(
                ids, x, y, polygon, pieces.ring, np.sign(pieces.line) * (np.abs(pieces.line) + first - 1)
            )

    def _fit(self, shapes: wkb.Shapes) -> wkb.Shapes:
        """Leave out what a section cannot hold."""
        losses = self.writer.losses
        losses.add("curves", self.layer, len(shapes.lost))
        losses.add("heights", self.layer, shapes.flattened)
        other = (shapes.kind != 0) & (shapes.kind != self.base)
        losses.add("other_kinds", self.layer, int(other.sum()))
        limit = MOST_UNITS / 10**self.writer.decimals / 4
        x, y = np.abs(shapes.xy[:, 0]), np.abs(shapes.xy[:, 1])  # column by column: sums along two columns are slow
        wild = ~((x < limit) & (y < limit))
        bad = other[shapes.row]
        if wild.any():
            broken = np.zeros(len(shapes.kind), bool)
            broken[shapes.row[closed_sums(wild, shapes.start) > 0]] = True
            losses.add("not_finite_geometries", self.layer, int(broken.sum()))
            bad = bad | broken[shapes.row]
        short = (shapes.counts < (1 if self.base == wkb.POINT else 2)) & ~bad
        losses.add("short_rings", self.layer, int(short.sum()))
        bad |= short
        if not bad.any():
            return shapes
        keep = ~bad
        return wkb.Shapes(
            shapes.kind, shapes.row[keep], shapes.part[keep], shapes.hole[keep], starts_of(shapes.counts[keep]),
            shapes.xy[np.repeat(keep, shapes.counts)], shapes.lost, shapes.flattened,
        )  # fmt: skip

    def _note_moved(self, xy: NDArray[np.float64], x: Ints, y: Ints) -> None:
        scale = 10.0**self.writer.decimals
        off_x, off_y = x / scale - xy[:, 0], y / scale - xy[:, 1]
        if self.writer.decimals > 4:  # nearer than neighbouring doubles: the text reads back as the same number
            off_x[np.abs(off_x) <= np.spacing(np.abs(xy[:, 0]))] = 0
            off_y[np.abs(off_y) <= np.spacing(np.abs(xy[:, 1]))] = 0
        moved = (off_x != 0) | (off_y != 0)
        if moved.any():
            far = float(max(np.abs(off_x).max(), np.abs(off_y).max()))
            self.writer.losses.add("moved_vertices", self.layer, int(moved.sum()), example=f"{far:.3g}")

    def _write_lines(self, ids: Ints, code: str, x: Ints, y: Ints, counts: Ints) -> None:
        heads = pc.binary_join_element_wise(
            numbers_as_text(ids), _lines("", code, NO_STYLE, "1", "1", "11", ""), numbers_as_text(counts), END, ""
        )
        self._woven("Line", heads, x, y, counts)

    def _points_or_lines(self, ids: Ints, shapes: wkb.Shapes, x: Ints, y: Ints) -> None:
        line = self.base == wkb.LINE
        parts = np.bincount(shapes.row, minlength=len(ids))
        opening = np.ones(len(shapes.row), bool)
        opening[1:] = shapes.row[1:] != shapes.row[:-1]
        several = parts[shapes.row]
        kind = pa.array(np.where(several > 1, "4", "1")) if not line else "1"
        head = pc.binary_join_element_wise(
            numbers_as_text(ids[shapes.row]), _lines("", self.code.code, NO_STYLE, ""), kind, END, numbers_as_text(several),
            END, "",
        )  # fmt: skip
        heads = pc.if_else(pa.array(opening), head, "")
        if line:
            heads = pc.binary_join_element_wise(heads, _lines("11", ""), numbers_as_text(shapes.counts), END, "")
            ends, begins = shapes.start[1:-1] - 1, shapes.start[1:-1]
            joined = ~opening[1:] & (x[ends] == x[begins]) & (y[ends] == y[begins])
            self.writer.losses.add("joined_parts", self.layer, int(joined.sum()))
        self._woven("Line" if line else "Point", heads, x, y, shapes.counts, opening)

    def _annotations(self, ids: Ints, shapes: wkb.Shapes, x: Ints, y: Ints, batch: pa.RecordBatch) -> None:
        opening = np.ones(len(shapes.row), bool)
        opening[1:] = shapes.row[1:] != shapes.row[:-1]
        rows = pa.array(shapes.row[opening])
        said = pc.take(batch.column(batch.schema.get_field_index("ZJNR")).cast(pa.string()), rows)
        said = pc.replace_substring_regex(pc.fill_null(said, ""), r"[\r\n]+", " ")
        place = batch.schema.get_field_index("ZJFX")
        turn = pc.take(batch.column(place), rows).cast(pa.string()) if place >= 0 else pa.nulls(len(rows), pa.string())
        text, lengths = coordinate_lines(x[opening], y[opening], self.writer.decimals, SEPARATOR.encode(), b"")
        lines = pc.binary_join_element_wise(
            numbers_as_text(ids[shapes.row[opening]]), _lines("", self.code.code, NO_STYLE, "1", ""), said, END,
            text_array(text, lengths_of(text, lengths, len(rows))), SEPARATOR, pc.fill_null(turn, "0"), _lines("", "0", ""), "",
        )  # fmt: skip
        self.writer.write("Annotation", encoded("".join(lines.to_pylist()).encode(), self.layer, self.writer.losses))

    def _woven(
        self, section: str, heads: pa.Array, x: Ints, y: Ints, counts: Ints, opening: NDArray[np.bool_] | None = None
    ) -> None:
        """Write heads and coordinates in turn; the 0 that ends an object stands before the head of the next one."""
        if not len(counts):
            return
        before = np.ones(len(counts), bool) if opening is None else opening.copy()
        before[0] = False
        heads = pc.binary_join_element_wise(pc.if_else(pa.array(before), "0" + END, ""), heads, "")
        text, lengths = coordinate_lines(x, y, self.writer.decimals, SEPARATOR.encode(), END.encode())
        size = counts * len(text) // max(len(x), 1) if lengths is None else closed_sums(lengths, starts_of(counts))
        self.writer.write(section, woven(heads, text, size))
        self.writer.write(section, ("0" + END).encode())

    def _write_polygons(self, ids: Ints, x: Ints, y: Ints, polygon: Ints, ring: Ints, line: Ints) -> None:
        """Write polygons by reference; ``polygon`` gives the polygon of a ring, ``ring`` the ring of a line."""
        of_ring = np.flatnonzero(np.append(True, ring[1:] != ring[:-1])) if len(ring) else ring
        apart = of_ring[1:][polygon[1:] == polygon[:-1]]
        tokens = np.insert(line, apart, 0)
        owner = np.insert(polygon[ring], apart, polygon[ring[apart]])
        counts = np.bincount(owner, minlength=len(ids))
        begin = starts_of(counts)
        for at in range(0, len(ids), _POLYGONS_AT_ONCE):
            end = min(at + _POLYGONS_AT_ONCE, len(ids))
            some, many = tokens[begin[at] : begin[end]], counts[at:end]
            nth = ranges(np.zeros(end - at, np.int64), many)
            last = np.zeros(len(some), bool)
            last[begin[at + 1 : end + 1] - begin[at] - 1] = True
            after = pc.if_else(pa.array(last | (nth % _PER_LINE == _PER_LINE - 1)), END, SEPARATOR)
            references = pc.binary_join_element_wise(numbers_as_text(some), after, "")
            data, lengths = text_bytes(references)
            label, label_lengths = coordinate_lines(x[at:end], y[at:end], self.writer.decimals, SEPARATOR.encode(), b"")
            heads = pc.binary_join_element_wise(
                pa.array(np.where(np.arange(at, end) > at, "0" + END, "")), numbers_as_text(ids[at:end]),
                _lines("", self.code.code, NO_STYLE, "100", ""), text_array(label, lengths_of(label, label_lengths, end - at)), _lines("", "21", ""),
                numbers_as_text(many), END, "",
            )  # fmt: skip
            self.writer.write("Polygon", woven(heads, data, closed_sums(lengths, starts_of(many))))
            self.writer.write("Polygon", ("0" + END).encode())


def _lines(*parts: str) -> str:
    return END.join(parts)
