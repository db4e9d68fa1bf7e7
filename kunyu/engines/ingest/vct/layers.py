"""A VCT file as delivered layers. VCT 文件的图层.

Opening reads the geometry sections once (coordinates into a temporary file) and indexes the attribute rows; batches
are put together when they are asked for. Rows are the rows of the attribute tables in order, then objects that have no
attribute row; rows and objects meet by object number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kunyu.engines.ingest.source_layers import (
    BATCH_ROWS,
    GEOMETRY,
    GeometryKind,
    Note,
    SourceLayer,
    unreadable,
)
from kunyu.engines.ingest.vct import header
from kunyu.engines.ingest.vct.attributes import RowIndex, Text, index_rows, read_rows, table_names
from kunyu.engines.ingest.vct.coordinate_system import Plane, plane_of
from kunyu.engines.ingest.vct.notes import flaw_notes
from kunyu.engines.ingest.vct.ragged import Ints
from kunyu.engines.ingest.vct.records import Flaws, Records, SectionReader, Vertices
from kunyu.engines.ingest.vct.sections import Outline, Span, outline
from kunyu.engines.ingest.vct.shapes import LineBook, Shapes

DRIVER = "VCT"
_KINDS: dict[str, GeometryKind] = {"point": "Point", "annotation": "Point", "line": "LineString", "polygon": "Polygon"}
_MOST_VERTICES = 1_500_000
_MOST_HEAD = 64 << 20
_SAMPLE = 4 << 20


@dataclass(frozen=True)
class _Objects:
    """Which rows of a table have which objects: ``of_row`` (n,) −1 for none; ``further`` have no row."""

    of_row: Ints
    further: Ints


@dataclass(frozen=True)
class VctLayer(SourceLayer):
    """One table of a VCT file, with its geometry."""

    rows: RowIndex = field(kw_only=True, repr=False, compare=False)
    shapes: Shapes | None = field(kw_only=True, repr=False, compare=False)
    objects: _Objects = field(kw_only=True, repr=False, compare=False)
    vertices: Vertices = field(kw_only=True, repr=False, compare=False)
    text: Text = field(kw_only=True, repr=False, compare=False)

    def batches(
        self, columns: list[str] | None = None, batch_rows: int = BATCH_ROWS, with_geometry: bool = True
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows; every attribute is text, as the file has it (see ``SourceLayer.batches``)."""
        names = [one.name for one in self.fields if columns is None or one.name in columns]
        spatial = with_geometry and self.geometry_column is not None
        schema = pa.schema(
            [pa.field(name, pa.string()) for name in names] + ([pa.field(GEOMETRY, pa.binary())] if spatial else [])
        )
        at = 0
        try:
            for arrays in read_rows(self.text, self.rows, names):
                rows = len(arrays[0]) if arrays else 0
                yield from self._cut(schema, arrays, self.objects.of_row[at : at + rows], batch_rows, spatial)
                at += rows
        except OSError as error:
            raise unreadable(self.file, error, layer=self.name) from error
        if len(self.objects.further):
            yield from self._cut(schema, self._unlisted(names), self.objects.further, batch_rows, spatial)

    def _cut(
        self, schema: pa.Schema, arrays: list[pa.Array], objects: Ints, batch_rows: int, spatial: bool
    ) -> Iterator[pa.RecordBatch]:
        sizes = np.zeros(len(objects), np.int64)
        if spatial and self.shapes is not None and len(self.shapes.sizes):
            sizes = np.where(objects >= 0, self.shapes.sizes[objects], 0)
        reached = np.cumsum(sizes)
        begin = 0
        while begin < len(objects):
            before = int(reached[begin - 1]) if begin else 0
            end = int(np.searchsorted(reached, before + _MOST_VERTICES, "right"))
            end = min(max(end, begin + 1), begin + batch_rows, len(objects))
            made = [one.slice(begin, end - begin) for one in arrays]
            if spatial and self.shapes is not None:
                made.append(self.shapes.wkb(objects[begin:end], self.vertices.all(), Flaws()))
            yield pa.RecordBatch.from_arrays(made, schema=schema)
            begin = end

    def _unlisted(self, names: list[str]) -> list[pa.Array]:
        """Attributes of objects without a row: none, but an annotation has its number, code, text and direction."""
        assert self.shapes is not None
        records, which = self.shapes.records, self.objects.further
        known: dict[str, Any] = {}
        if self.shapes.kind == "annotation":
            known = {
                "BSM": lambda at: str(records.ids[at]), "YSDM": lambda at: records.codes[records.code[at]],
                "ZJNR": lambda at: records.texts[at].decode(self.encoding, "replace"),
                "ZJFX": lambda at: records.angles[at] or None,
            }  # fmt: skip
        return [
            pa.array([known[name](at) for at in which], pa.string())
            if name in known
            else pa.nulls(len(which), pa.string())
            for name in names
        ]


@dataclass
class VctFile:
    """An opened file: its head, its objects, its tables."""

    path: Path
    file: str
    scratch: Path
    outline: Outline = field(init=False)
    text: Text = field(init=False)
    values: dict[str, str] = field(init=False)
    plane: Plane = field(init=False)
    notes: list[Note] = field(init=False)

    def __post_init__(self) -> None:
        self.outline = outline(self.path, self.file)
        encoding, self.notes = self._encoding()
        self.values = header.head_values(self._lines("head", encoding))
        self.text = Text(self.path, encoding, header.separator_of(self.values))
        if ord(self.text.separator) > 126 or self.text.separator in "\r\n0123456789.-":
            raise unreadable(
                self.file, f"its separator is {self.text.separator!r}", f"分隔符 {self.text.separator!r} 不可用"
            )
        self.plane = plane_of(self.values, self.file)
        self.notes += [*self.outline.notes, *self.plane.notes]
        self.vertices = Vertices(self.scratch, self.plane.swapped, self.plane.offset)

    def layers(self) -> list[SourceLayer]:
        """Return one layer per attribute table (and geometry, should a table serve two)."""
        codes = [one for line in self._lines("featurecode") if (one := header.feature_code(line, self.text.separator))]
        declared = {one.name: one for one in header.tables(self._lines("tablestructure"), self.text.separator)}
        spans: dict[str, list[Span]] = {}
        for name, span in table_names(self.text, self.outline.tables):
            spans.setdefault(_known(name, declared), []).append(span)
        sections = {kind: self._records(kind) for kind in _KINDS}
        book = LineBook(sections["line"])
        found: list[VctLayer] = []
        for name in dict.fromkeys([*declared, *spans, *(one.table for one in codes)]):
            mine = [one for one in codes if one.table == name]
            kinds = [kind for kind in _KINDS if any(one.geometry.lower() == kind for one in mine)]
            if name not in declared and name not in spans and not self._used(mine, sections):
                continue
            table, renamed = _distinct(
                declared.get(name) or self._guessed(name, spans.get(name, []), bool(kinds), kinds)
            )
            index = index_rows(self.text, table, spans.get(name, []))
            index.flaws.add("renamed_fields", renamed)
            for place, kind in enumerate(kinds or [""]):
                label = name if len(kinds) < 2 or not place else f"{name}_{kind}"
                wanted = {one.code for one in mine if one.geometry.lower() == kind}
                found.append(self._layer(label, table, index, kind, wanted, sections, book, name in declared))
        found = self._claimed(found)
        self._note_strays(sections, codes, found)
        return list(found)

    def _layer(
        self, name: str, table: header.Table, index: RowIndex, kind: str, codes: set[str], sections: dict[str, Records],
        book: LineBook, declared: bool,
    ) -> VctLayer:  # fmt: skip
        flaws = Flaws(dict(index.flaws.found))
        if not declared:
            flaws.add("no_structure", 1)
        if table.announced is not None and table.announced != len(table.fields):
            flaws.add("field_count", 1)
        shapes = None
        objects = _Objects(np.full(len(index.ids), -1), np.zeros(0, np.int64))
        if kind:
            records = sections[kind]
            read = [records] if kind != "polygon" or not len(records.references) else [records, sections["line"]]
            for section in read:  # polygons made of lines share the flaws of the lines
                for code, what in section.flaws.found.items():
                    flaws.add(code, *what)
            shapes = Shapes.of(kind, records, book, self.vertices.all(), flaws)
            mine = np.isin(records.code, [at for at, code in enumerate(records.codes) if code in codes])
            objects = _meet(index.ids, records.ids, np.flatnonzero(mine), flaws, kind != "annotation")
        return VctLayer(
            name=name, file=self.file, dataset=self.path, driver=DRIVER, geometry_kind=_KINDS[kind] if kind else "Table",
            crs=self.plane.crs if kind else None, epsg=self.plane.epsg if kind else None, encoding=self.text.encoding,
            encoding_assumed=any(one.code == "encoding_assumed" for one in self.notes), fields=tuple(one.as_source() for one in table.fields),
            count=len(index.ids) + len(objects.further), geometry_column=GEOMETRY if kind else None,
            notes=(*self.notes, *flaw_notes(name, flaws)), rows=index, shapes=shapes, objects=objects,
            vertices=self.vertices, text=self.text,
        )  # fmt: skip

    def _claimed(self, layers: list[VctLayer]) -> list[VctLayer]:
        """Several tables may share a feature code: an object is further only where no table has its row, and once."""
        taken: dict[str, NDArray[np.bool_]] = {}
        for one in layers:
            if one.shapes is not None:
                seen = taken.setdefault(one.shapes.kind, np.zeros(len(one.shapes.records), bool))
                seen[one.objects.of_row[one.objects.of_row >= 0]] = True
        found = []
        for layer in layers:
            one = layer
            if one.shapes is not None and len(one.objects.further):
                further = one.objects.further[~taken[one.shapes.kind][one.objects.further]]
                taken[one.shapes.kind][further] = True
                flaws = Flaws()
                if one.shapes.kind != "annotation" or len(one.rows.ids):
                    flaws.add("objects_without_row", len(further))
                one = replace(
                    one, objects=_Objects(one.objects.of_row, further), count=len(one.rows.ids) + len(further),
                    notes=(*one.notes, *flaw_notes(one.name, flaws)),
                )  # fmt: skip
            found.append(one)
        return found

    def _used(self, codes: list[header.FeatureCode], sections: dict[str, Records]) -> bool:
        return any(
            one.code in sections[one.geometry.lower()].codes for one in codes if one.geometry.lower() in sections
        )

    def _records(self, kind: str) -> Records:
        return SectionReader(kind, self.text.separator, self.vertices, self.text.encoding).read(
            self.path, self.outline.of(kind)
        )

    def _guessed(self, name: str, spans: list[Span], spatial: bool, kinds: list[str]) -> header.Table:
        """A table that no structure declares: its values are numbered; annotations have the fields they carry."""
        if not spans and kinds == ["annotation"]:
            names = ["BSM", "YSDM", "ZJNR", "ZJFX"]
            return header.Table(name, tuple(header.TableField(one, "VarChar") for one in names))
        values = 0
        if spans:
            with self.path.open("rb") as stream:
                stream.seek(spans[0].begin)
                values = stream.readline(1 << 16).count(self.text.separator.encode())
        return header.Table(name, tuple(header.TableField(f"F{at + 1}", "VarChar") for at in range(values)), spatial)

    def _lines(self, section: str, encoding: str | None = None) -> list[str]:
        found: list[str] = []
        with self.path.open("rb") as stream:
            for span in self.outline.of(section):
                if span.end - span.begin > _MOST_HEAD:
                    raise unreadable(
                        self.file, f"its {section} section of line {span.line} is larger than {_MOST_HEAD >> 20} MiB",
                        f"第 {span.line} 行的 {section} 部分超过 {_MOST_HEAD >> 20} MiB", line=span.line,
                    )  # fmt: skip
                stream.seek(span.begin)
                text = stream.read(span.end - span.begin).decode(encoding or self.text.encoding, "replace")
                found += [
                    line.strip() if section != "head" else line.rstrip("\r")
                    for line in text.split("\n")
                    if line.strip()
                ]
        return found

    def _encoding(self) -> tuple[str, list[Note]]:
        """GB18030 holds GBK and GB2312; text that is UTF-8 throughout a sample is UTF-8, which nothing prescribes."""
        samples = []
        with self.path.open("rb") as stream:
            start = stream.read(3)
            for name in ("head", "featurecode", "tablestructure", "attribute", "annotation"):
                for span in self.outline.of(name):
                    stream.seek(span.begin)
                    piece = stream.read(min(span.end - span.begin, _SAMPLE))
                    samples.append(piece[: piece.rfind(b"\n") + 1] or piece)
        wide = [one for one in samples if max(one, default=0) >= 0x80]
        if start != b"\xef\xbb\xbf" and not (wide and all(_is_utf8(one) for one in wide)):
            return "GB18030", []
        note = Note(
            "encoding_assumed",
            f"{self.file} 的文本是 UTF-8, 标准规定为 GBK",
            f"The text of {self.file} is UTF-8; the standard has GBK",
        )
        return "UTF-8", [note]

    def _note_strays(
        self, sections: dict[str, Records], codes: list[header.FeatureCode], found: list[VctLayer]
    ) -> None:
        known = {(one.geometry.lower(), one.code) for one in codes}
        for kind, records in sections.items():
            for at, code in enumerate(records.codes):
                if (kind, code) in known or kind == "line":
                    continue
                count = int((records.code == at).sum())
                note = Note("unknown_feature_code", f"{count} 个 {kind} 对象的要素代码 {code} 没有声明, 未读取",
                            f"{count} {kind} objects have feature code {code}, which nothing declares: not read")  # fmt: skip
                if found:
                    found[0] = _with_note(found[0], note)


def read_vct(path: Path, file: str, scratch: Path) -> tuple[list[SourceLayer], dict[str, str]]:
    """Return the layers of a VCT file and the values of its head.

    Raises
    ------
    UnreadableInput
        No VCT file, or broken off; names the file and the line.
    """
    try:
        opened = VctFile(path, file, scratch)
        layers = opened.layers()
    except (OSError, MemoryError, UnicodeError, pa.ArrowException) as error:
        raise unreadable(file, error) from error
    if not layers:
        raise unreadable(file, "it declares no layer", "文件没有声明任何图层")
    return layers, opened.values


def _with_note(layer: VctLayer, note: Note) -> VctLayer:
    return replace(layer, notes=(*layer.notes, note))


def _is_utf8(piece: bytes) -> bool:
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _known(name: str, declared: dict[str, header.Table]) -> str:
    return next((one for one in declared if one.lower() == name.lower()), name)


def _distinct(table: header.Table) -> tuple[header.Table, int]:
    """A field name that comes twice gets a number: a column needs a name of its own."""
    seen: set[str] = set()
    fields = []
    for one in table.fields:
        name, number = one.name, 2
        while name in seen:
            name, number = f"{one.name}_{number}", number + 1
        seen.add(name)
        fields.append(replace(one, name=name))
    renamed = sum(a.name != b.name for a, b in zip(fields, table.fields, strict=True))
    return replace(table, fields=tuple(fields)), renamed


def _meet(rows: Ints, ids: Ints, mine: Ints, flaws: Flaws, say: bool) -> _Objects:
    """Match rows and objects by number, the k-th row of a number with its k-th object."""
    own = ids[mine]
    if len(own) == len(rows) and (own == rows).all() and len(np.unique(own)) == len(own):
        return _Objects(mine.copy(), np.zeros(0, np.int64))
    left, right = _ranked(rows), _ranked(own)
    order = np.lexsort((right, own))
    keys = _pairs(own[order], right[order])
    wanted = _pairs(rows, left)
    at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    hit = (keys[at] == wanted) & (rows >= 0) if len(keys) else np.zeros(len(rows), bool)
    of_row = np.full(len(rows), -1)
    of_row[hit] = mine[order[at[hit]]]
    if len(own):
        flaws.add("duplicate_objects", int((right > 0).sum()))
    flaws.add("duplicate_rows", int(((left > 0) & (rows >= 0)).sum()))
    if say:
        flaws.add("rows_without_object", int((~hit).sum()))
    free = np.ones(len(ids), bool)
    free[of_row[of_row >= 0]] = False
    return _Objects(of_row, mine[free[mine]])


def _ranked(values: Ints) -> Ints:
    """How many equal values stand before each."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.append(True, ordered[1:] != ordered[:-1]) if len(values) else np.zeros(0, bool)
    begin = np.maximum.accumulate(np.where(new, np.arange(len(values)), 0)) if len(values) else values
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values)) - begin
    return rank


def _pairs(values: Ints, rank: Ints) -> NDArray[Any]:
    found = np.empty(len(values), dtype=[("value", np.int64), ("rank", np.int64)])
    found["value"], found["rank"] = values, rank
    return found
