"""Attribute tables of a VCT file: indexed once, then read piece by piece as text columns. 属性数据读取.

A row is an object number and the values of the table's fields, in order. Values stay text, as they stand in the file:
what is no number or no date must reach the checks as it was delivered.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from kunyu.engines.ingest.vct.chunk_lines import NO_NUMBER, Lines, integers, lines_of
from kunyu.engines.ingest.vct.header import Table
from kunyu.engines.ingest.vct.ragged import Ints
from kunyu.engines.ingest.vct.records import Flaws
from kunyu.engines.ingest.vct.sections import Span

PIECE = 8 << 20
_ASCII_LOW = 0x30
"""Separators below this byte never are the second byte of a GBK character."""
_SAMPLE = 200


@dataclass(frozen=True)
class RowPiece:
    """Some rows of a table: where they lie, how many, whether every line has the usual number of values."""

    begin: int
    end: int
    line: int
    rows: int
    regular: bool


@dataclass(frozen=True)
class RowIndex:
    """All rows of a table: ``ids`` (n,), −1 where a row has no number. ``numbered`` is false for rows without one."""

    table: Table
    ids: Ints
    pieces: tuple[RowPiece, ...]
    numbered: bool
    quoted: bool
    flaws: Flaws


@dataclass(frozen=True)
class Text:
    """How the file writes text."""

    path: Path
    encoding: str
    separator: str

    def utf8(self, data: bytes) -> bytes:
        """Bytes of the file as UTF-8."""
        return data if self.encoding == "UTF-8" else data.decode(self.encoding, "replace").encode()

    def lines(self, data: bytes, line: int) -> Lines:
        """Index bytes of the file; as UTF-8 where the separator could be half a GBK character."""
        if ord(self.separator) >= _ASCII_LOW:
            data = self.utf8(data)
        return lines_of(np.frombuffer(bytearray(data), np.uint8), line, ord(self.separator))


def table_names(text: Text, spans: list[Span]) -> list[tuple[str, Span]]:
    """Return the table name that opens each span of the attribute section, and the span of its rows."""
    found = []
    with text.path.open("rb") as stream:
        for span in spans:
            at, line = span.begin, span.line
            stream.seek(at)
            while at < span.end:
                raw = stream.readline(min(span.end - at, 1 << 16))
                if not raw:
                    break
                at, line = at + len(raw), line + 1
                if name := raw.strip():
                    found.append((name.decode(text.encoding, "replace").strip('"'), Span(at, span.end, line)))
                    break
    return found


def index_rows(text: Text, table: Table, spans: list[Span]) -> RowIndex:
    """Find the rows of a table and their object numbers."""
    flaws = Flaws()
    wanted = len(table.fields)
    first = next(_pieces(text, spans), None)
    sample = first[1].separators[:_SAMPLE] if first else np.zeros(0, np.int64)
    numbered = table.spatial or not len(sample) or int(np.bincount(sample).argmax()) != wanted - 1
    expected = wanted - (not numbered)
    ids: list[Ints] = []
    pieces = []
    for (begin, end, line), lines in _pieces(text, spans):
        wrong = lines.separators != expected
        flaws.add("row_values", int(wrong.sum()), int(lines.number[wrong][0]) if wrong.any() else 0)
        pieces.append(RowPiece(begin, end, line, len(lines), not wrong.any() and _no_blank_lines(lines)))
        ids.append(_ids(lines, text, flaws) if numbered else np.full(len(lines), -1))
    quoted = first is not None and _looks_quoted(first[1], text)
    if quoted:
        flaws.add("quoted_values", 1, int(first[1].number[0]) if first else 0)
    return RowIndex(table, np.concatenate([np.zeros(0, np.int64), *ids]), tuple(pieces), numbered, quoted, flaws)


def read_rows(text: Text, index: RowIndex, wanted: list[str]) -> Iterator[list[pa.Array]]:
    """Yield the columns ``wanted``, as text, null where nothing stands, piece by piece."""
    fields = [one.name for one in index.table.fields]
    names = [*(["#"] if index.numbered else []), *fields]
    trim = {one.name for one in index.table.fields if one.as_source().kind in ("integer", "real", "date", "datetime")}
    with text.path.open("rb") as stream:
        for piece in index.pieces:
            stream.seek(piece.begin)
            data = stream.read(piece.end - piece.begin)
            if not piece.rows:
                continue
            body = text.utf8(data) if piece.regular else _mended(text.utf8(data), names, text.separator)
            table = _parse(body, names, text.separator)
            yield [_value(table.column(names.index(name)), index.quoted, name in trim) for name in wanted]


def _pieces(text: Text, spans: list[Span]) -> Iterator[tuple[tuple[int, int, int], Lines]]:
    with text.path.open("rb") as stream:
        for span in spans:
            at, line = span.begin, span.line
            while at < span.end:
                stream.seek(at)
                data = stream.read(min(PIECE, span.end - at))
                if not data:
                    break
                if at + len(data) < span.end and (cut := data.rfind(b"\n") + 1):
                    data = data[:cut]
                yield (at, at + len(data), line), text.lines(data, line)
                line += data.count(b"\n")
                at += len(data)


def _no_blank_lines(lines: Lines) -> bool:
    """Whether the CSV reader sees the same lines: it skips empty ones, but not those of spaces."""
    between = lines.start[1:] - lines.end[:-1]
    return bool((between <= 2).all()) and (not len(lines) or lines.start[0] == 0)


def _ids(lines: Lines, text: Text, flaws: Flaws) -> Ints:
    if not len(lines):
        return lines.start
    places = np.append(np.flatnonzero(lines.data == ord(text.separator)), len(lines.data))
    stop = np.minimum(places[np.searchsorted(places, lines.start)], lines.end)
    start, stop = _unquoted(lines, lines.start, stop)
    found = integers(lines.data, start, stop)
    bad = found == NO_NUMBER
    flaws.add("bad_row_id", int(bad.sum()), int(lines.number[bad][0]) if bad.any() else 0)
    return np.where(bad, -1, found)


def _unquoted(lines: Lines, start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    data = lines.data
    for _ in range(4):
        start = start + ((start < stop) & np.isin(data[np.minimum(start, len(data) - 1)], (32, 34)))
        stop = stop - ((start < stop) & np.isin(data[stop - 1], (32, 34)))
    return start, stop


def _looks_quoted(lines: Lines, text: Text) -> bool:
    """Whether all texts of the first rows stand in double quotes."""
    mark = text.separator.encode()
    cells = [cell for line in range(min(len(lines), 20)) for cell in lines.text(line).split(mark)]
    filled = [one for one in cells if one and not one.replace(b".", b"").replace(b"-", b"").isdigit()]
    return bool(filled) and all(len(one) > 1 and one[:1] == b'"' == one[-1:] for one in filled)


def _mended(body: bytes, names: list[str], separator: str) -> bytes:
    """Give every row as many values as the table has fields: quoted values are taken apart, missing ones left empty."""
    out = []
    for raw in body.splitlines():
        line = raw.strip(b" \t\r\n")
        if not line:
            continue
        text = line.decode()
        cells = text.split(separator)
        if len(cells) != len(names) and '"' in text and len(separator) == 1:
            cells = next(csv.reader([text], delimiter=separator), cells)
        cells = [one.replace(separator, "，") for one in cells]
        if len(cells) > len(names):
            cells = [*cells[: len(names) - 1], "，".join(cells[len(names) - 1 :])]
        out.append(separator.join([*cells, *[""] * (len(names) - len(cells))]))
    return ("\n".join(out) + "\n").encode()


def _parse(body: bytes, names: list[str], separator: str) -> pa.Table:
    keys = [str(place) for place in range(len(names))]  # two fields may bear one name
    try:
        return _csv(body, keys, separator)
    except pa.ArrowInvalid:
        return _csv(_mended(body, names, separator), keys, separator)


def _csv(body: bytes, keys: list[str], separator: str) -> pa.Table:
    return pcsv.read_csv(
        pa.BufferReader(body),
        read_options=pcsv.ReadOptions(column_names=keys, block_size=max(len(body) + 1, 1 << 16), use_threads=True),
        parse_options=pcsv.ParseOptions(
            delimiter=separator, quote_char=False, ignore_empty_lines=len(keys) > 1, newlines_in_values=False
        ),
        convert_options=pcsv.ConvertOptions(
            column_types=dict.fromkeys(keys, pa.string()), null_values=[""], strings_can_be_null=True, check_utf8=False
        ),
    )


def _value(column: pa.ChunkedArray, quoted: bool, trim: bool) -> pa.Array:
    values: Any = column.combine_chunks()
    if quoted:
        bare = pc.utf8_slice_codeunits(values, 1, -1)
        inside = pc.and_(pc.starts_with(values, '"'), pc.ends_with(values, '"'))
        values = pc.if_else(pc.and_(inside, pc.greater(pc.utf8_length(values), 1)), bare, values)
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
    return pc.utf8_trim_whitespace(values) if trim else values
