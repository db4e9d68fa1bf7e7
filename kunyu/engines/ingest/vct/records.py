"""Geometry sections of a VCT file, read piece by piece into arrays. 图形数据读取.

A record is the lines up to a line that is 0. Records of the usual form are taken apart all at once; the few others
go through ``odd_records``. Coordinates go to a temporary file, so that memory does not grow with the number of vertices.
"""

from __future__ import annotations

import tempfile
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kunyu.engines.ingest.vct.chunk_lines import NO_NUMBER, Lines, coordinates, integers, lines_of
from kunyu.engines.ingest.vct.odd_records import Odd, odd_record
from kunyu.engines.ingest.vct.ragged import Ints, inside, ranges, starts_of
from kunyu.engines.ingest.vct.sections import Span

BAD, DIRECT, REFERENCED = 0, 1, 2
_PIECE = 32 << 20
_MOST_PIECE = 256 << 20
_ODD_LINES = 4_000_000
"""Lines looked at for odd records in one section; what is odd after that is bad."""
_NO_INTS = np.zeros(0, np.int64)


class Vertices:
    """Coordinates of all sections, in a file without a name in ``scratch``."""

    def __init__(self, scratch: Path, swapped: bool = False, offset: tuple[float, float] = (0.0, 0.0)) -> None:
        self._file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - lives as long as the layers that read it
        weakref.finalize(self, self._file.close)
        self._swapped, self._offset = swapped, offset
        self.count = 0

    def append(self, xy: NDArray[np.float64]) -> None:
        """Add vertices, easting first."""
        if self._swapped:
            xy = xy[:, ::-1]
        if any(self._offset):
            xy = xy + np.array(self._offset)
        self._file.write(np.ascontiguousarray(xy, np.float64))  # type: ignore[arg-type]
        self.count += len(xy)

    def all(self) -> NDArray[np.float64]:
        """Every vertex, (n, 2), mapped from the file."""
        self._file.flush()
        if not self.count:
            return np.zeros((0, 2))
        return np.asarray(np.memmap(self._file, np.float64, "r", shape=(self.count, 2)))


@dataclass
class Flaws:
    """What was odd in a section: how often, and the first line."""

    found: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, code: str, count: int, line: int = 0) -> None:
        """Count a flaw."""
        if count > 0:
            before, first = self.found.get(code, (0, line))
            self.found[code] = (before + count, first or line)


@dataclass(frozen=True)
class Records:
    """The objects of one geometry section, in file order.

    ``ids`` (n,), ``code`` (n,) index into ``codes``, ``form`` (n,) BAD, DIRECT or REFERENCED. Object i has parts
    ``part_start[i]`` to ``part_start[i + 1]``, part j vertices ``vertex_start[j]`` to ``vertex_start[j + 1]``, and the
    references ``reference_start[i]`` to ``reference_start[i + 1]`` of ``references`` (0 between rings). ``texts`` are
    the contents of annotations, ``angles`` their directions.
    """

    ids: Ints
    code: Ints
    codes: tuple[str, ...]
    form: NDArray[np.uint8]
    part_start: Ints
    vertex_start: Ints
    reference_start: Ints
    references: Ints
    texts: tuple[bytes, ...] = ()
    angles: tuple[str, ...] = ()
    flaws: Flaws = field(default_factory=Flaws)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass
class _Found:
    """Records of one piece, by the number of the text piece between zeros (``at``) they begin with."""

    at: list[Ints] = field(default_factory=list)
    first: list[Ints] = field(default_factory=list)
    form: list[Ints] = field(default_factory=list)
    part_at: list[Ints] = field(default_factory=list)
    part_first: list[Ints] = field(default_factory=list)
    part_count: list[Ints] = field(default_factory=list)
    reference_at: list[Ints] = field(default_factory=list)
    reference_first: list[Ints] = field(default_factory=list)
    reference_count: list[Ints] = field(default_factory=list)
    text: dict[int, int] = field(default_factory=dict)

    def records(self, at: Ints, first: Ints, form: int) -> None:
        self.at.append(at)
        self.first.append(first)
        self.form.append(np.full(len(at), form))

    def parts(self, at: Ints, first: Ints, count: Ints) -> None:
        self.part_at.append(at)
        self.part_first.append(first)
        self.part_count.append(count)

    def refer(self, at: Ints, first: Ints, count: Ints) -> None:
        self.reference_at.append(at)
        self.reference_first.append(first)
        self.reference_count.append(count)


class SectionReader:
    """Reads the spans of one geometry section (``kind`` is point, line, polygon or annotation)."""

    def __init__(self, kind: str, separator: str, vertices: Vertices, encoding: str) -> None:
        self.kind, self.separator, self.vertices, self.encoding = kind, separator, vertices, encoding
        self.flaws = Flaws()
        self._codes: dict[bytes, int] = {}
        self._out: dict[str, list[Any]] = {
            name: [] for name in ("ids", "code", "form", "parts", "counts", "references", "refer", "texts", "angles")
        }
        self._patience = _ODD_LINES

    def read(self, path: Path, spans: list[Span]) -> Records:
        """Read all records."""
        first_vertex = self.vertices.count
        with path.open("rb") as stream:
            for span in spans:
                self._read_span(stream, span)
        out = {
            name: np.concatenate(values) if values else _NO_INTS
            for name, values in self._out.items()
            if name not in ("texts", "angles")
        }
        return Records(
            out["ids"], out["code"], tuple(one.decode(self.encoding, "replace") for one in self._codes),
            out["form"].astype(np.uint8), starts_of(out["parts"]), starts_of(out["counts"]) + first_vertex,
            starts_of(out["refer"]), out["references"], tuple(self._out["texts"]), tuple(self._out["angles"]), self.flaws,
        )  # fmt: skip

    def _read_span(self, stream: Any, span: Span) -> None:
        at, line, size = span.begin, span.line, _PIECE
        while at < span.end:
            stream.seek(at)
            data = np.frombuffer(bytearray(stream.read(min(size, span.end - at))), np.uint8)
            if not len(data):
                break
            final = at + len(data) >= span.end
            used = self._piece(lines_of(data, line, ord(self.separator)), final or size >= _MOST_PIECE)
            if not used and not final:
                size = min(size * 2, _MOST_PIECE)
                continue
            used = len(data) if final or not used else used
            line += int(np.count_nonzero(data[:used] == 10))
            at += used
            size = _PIECE

    def _piece(self, lines: Lines, final: bool) -> int:
        """Take the whole records of a piece; returns the bytes used, 0 when not even one is whole."""
        zero = (
            np.flatnonzero((lines.end - lines.start == 1) & (lines.data[lines.start] == 48)) if len(lines) else _NO_INTS
        )
        if final and len(lines) and (not len(zero) or zero[-1] != len(lines) - 1):
            self.flaws.add("not_ended", 1, int(lines.number[-1]))
            zero = np.append(zero, len(lines))  # the last record lacks its 0
        if not len(zero):
            return len(lines.data) if final else 0
        first = np.concatenate([[0], zero[:-1] + 1])
        found = _Found()
        usual = {"point": self._points, "annotation": self._annotations}.get(self.kind, self._lines_and_polygons)
        odd = usual(lines, first, zero, found)
        until = self._odd(lines, first, zero, odd, found, final)
        self._keep(lines, found, until)
        last = int(zero[until - 1]) if until else -1
        return (
            0 if last < 0 else len(lines.data) if last >= len(lines) else int(min(lines.after[last], len(lines.data)))
        )

    def _lines_and_polygons(self, lines: Lines, first: Ints, zero: Ints, found: _Found) -> Ints:
        polygon = self.kind == "polygon"
        form = lines.integers(np.where(first + 3 < zero, first + 3, len(lines)))
        is_place = np.append(lines.separators > 0, False)
        places = starts_of(is_place[: len(lines)].astype(np.int64))
        todo = np.ones(len(first), bool)
        labelled = is_place[np.minimum(first + 4, len(lines))] if polygon else np.zeros(len(first), bool)
        head = first + 4 + labelled
        direct = np.flatnonzero((form >= 1) & (form <= 6) & (head + 3 <= zero))
        good = self._direct(lines, direct, head, zero, places, found)
        found.records(good, first[good], DIRECT)
        todo[good] = False
        rest = np.flatnonzero((form == 100) & (head + polygon + 2 <= zero))
        if polygon and len(rest):
            rest = rest[lines.integers(head[rest]) == 21]
        begin = head[rest] + polygon
        said = lines.integers(begin)
        tokens = starts_of(lines.separators + 1 - (lines.data[lines.end - 1] == ord(self.separator)))
        same = said == tokens[zero[rest]] - tokens[begin + 1] if len(rest) else np.zeros(0, bool)
        good = rest[same]
        found.records(good, first[good], REFERENCED)
        found.refer(good, begin[same] + 1, zero[good] - begin[same] - 1)
        todo[good] = False
        return np.flatnonzero(todo & (zero > first))

    def _direct(self, lines: Lines, direct: Ints, head: Ints, zero: Ints, places: Ints, found: _Found) -> Ints:
        """Walk the k-th part of all direct records at once; returns those whose counts agree."""
        many = lines.integers(head[direct])
        fits = (many >= 1) & (many <= zero[direct] - head[direct])
        here, left, at = direct[fits], many[fits], head[direct][fits] + 1
        listed: list[tuple[Ints, Ints, Ints]] = []
        good: list[Ints] = []
        alone = left == 1
        while len(here):
            kind, count = lines.integers(at), lines.integers(at + 1)
            room = zero[here] - at - 2
            wrong_count = alone & (kind == 11) & (count != room) & (room > 0) & (at + 2 <= zero[here])
            if wrong_count.any():
                full = places[np.minimum(zero[here], len(lines))] - places[np.minimum(at + 2, len(lines))] == room
                mended = wrong_count & full
                self.flaws.add(
                    "count_differs", int(mended.sum()), int(lines.number[at[mended][0]]) if mended.any() else 0
                )
                count = np.where(mended, room, count)
            fine = np.isin(kind, (1, 11)) & (count >= 0) & (count <= room)
            here, left, at, count, alone = here[fine], left[fine], at[fine], count[fine], alone[fine]
            full = places[at + 2 + count] - places[at + 2] == count
            here, left, at, count, alone = here[full], left[full], at[full], count[full], alone[full]
            listed.append((here, at + 2, count))
            at, left = at + 2 + count, left - 1
            good.append(here[(left == 0) & (at == zero[here])])
            more = left > 0
            here, left, at, alone = here[more], left[more], at[more], alone[more]
        whole = np.sort(np.concatenate(good)) if good else _NO_INTS
        for owner, begin, count in listed:
            keep = np.isin(owner, whole, assume_unique=True)
            found.parts(owner[keep], begin[keep], count[keep])
        return whole

    def _points(self, lines: Lines, first: Ints, zero: Ints, found: _Found) -> Ints:
        form = lines.integers(np.where(first + 3 < zero, first + 3, len(lines)))
        is_place = np.append(lines.separators > 0, False)
        places = starts_of(is_place[: len(lines)].astype(np.int64))
        begin = first + 4 + ~is_place[np.minimum(first + 4, len(lines))]
        ok = (form >= 1) & (form <= 4) & (begin < zero)
        ok[ok] &= places[np.minimum(zero[ok], len(lines))] - places[begin[ok]] == zero[ok] - begin[ok]
        good = np.flatnonzero(ok)
        self.flaws.add("directed_point", int((form[good] == 3).sum()))
        found.records(good, first[good], DIRECT)
        found.parts(good, begin[good], np.where(form[good] == 4, zero[good] - begin[good], 1))
        return np.flatnonzero(~ok & (zero > first))

    def _annotations(self, lines: Lines, first: Ints, zero: Ints, found: _Found) -> Ints:
        form = lines.integers(np.where(first + 3 < zero, first + 3, len(lines)))
        is_place = np.append(lines.separators > 0, False)
        good = np.flatnonzero((form == 1) & (zero - first == 6) & is_place[np.minimum(first + 5, len(lines))])
        found.records(good, first[good], DIRECT)
        found.parts(good, first[good] + 5, np.ones(len(good), np.int64))
        found.text.update(zip(good.tolist(), (first[good] + 4).tolist(), strict=True))
        todo = zero > first
        todo[good] = False
        return np.flatnonzero(todo)

    def _odd(self, lines: Lines, first: Ints, zero: Ints, odd: Ints, found: _Found, final: bool) -> int:
        """Read odd records one by one; returns how many text pieces are done (the rest comes with the next piece)."""
        swallowed_to = -1
        for at in odd.tolist():
            if first[at] <= swallowed_to:
                continue
            begin, end = int(first[at]), int(zero[at])
            one: Odd | None = Odd(end, "form")
            if self._patience > 0:
                one, looked = odd_record(lines, begin, end, self.kind, self.separator.encode(), self._patience)
                self._patience -= looked
            if one is None and not final and at:
                return at
            if one is None:
                one = Odd(int(zero[at]), "count")
            self._one(lines, at, int(first[at]), one, found)
            swallowed_to = one.last
        return len(zero)

    def _one(self, lines: Lines, at: int, first: int, one: Odd, found: _Found) -> None:
        where = np.array([at])
        if one.why:
            self.flaws.add(f"bad_{one.why}", 1, int(lines.number[first]))
        if one.uncounted:
            self.flaws.add("separators_not_counted", 1, int(lines.number[first]))
        form = BAD if one.why else REFERENCED if one.references else DIRECT
        found.records(where, np.array([first]), form)
        for begin, count in one.parts:
            found.parts(where, np.array([begin]), np.array([count]))
        if one.references:
            found.refer(where, np.array([one.references[0]]), np.array([one.references[1]]))
        if one.text is not None:
            found.text[at] = one.text

    def _keep(self, lines: Lines, found: _Found, until: int) -> None:
        at, first, form = (np.concatenate(one) if one else _NO_INTS for one in (found.at, found.first, found.form))
        order = np.argsort(at, kind="stable")
        order = order[at[order] < until]
        at, first, form = at[order], first[order], form[order]
        if not len(at):
            return
        ids = lines.integers(first)
        bad_id = ids == NO_NUMBER
        self.flaws.add("bad_id", int(bad_id.sum()), int(lines.number[first[bad_id]][0]) if bad_id.any() else 0)
        self._out["code"].append(self._code(lines, first + 1))
        self._keep_texts(lines, at, found)
        refer, bad = self._references(lines, at, found)
        form[bad] = BAD
        self._parts(lines, at, found, until)
        self._out["ids"].append(np.where(bad_id, -1, ids))
        self._out["form"].append(form)
        self._out["refer"].append(refer)

    def _code(self, lines: Lines, which: Ints) -> Ints:
        texts = lines.texts(np.minimum(which, len(lines) - 1)).dictionary_encode()
        numbers = [self._codes.setdefault(one, len(self._codes)) for one in texts.dictionary.to_pylist()]
        found: Ints = np.array(numbers, np.int64)[texts.indices.to_numpy()]
        return found

    def _keep_texts(self, lines: Lines, at: Ints, found: _Found) -> None:
        if self.kind != "annotation":
            return
        mark = self.separator.encode()
        for one in at.tolist():
            line = found.text.get(one)
            self._out["texts"].append(b"" if line is None else lines.text(line))
        parts = (
            dict(zip(np.concatenate(found.part_at).tolist(), np.concatenate(found.part_first).tolist(), strict=True))
            if found.part_at
            else {}
        )
        for one in at.tolist():
            values = lines.text(parts[one]).split(mark) if one in parts else []
            self._out["angles"].append(values[2].strip().decode("ascii", "replace") if len(values) > 2 else "")

    def _parts(self, lines: Lines, at: Ints, found: _Found, until: int) -> None:
        owner, first, count = (
            np.concatenate(one) if one else _NO_INTS for one in (found.part_at, found.part_first, found.part_count)
        )
        keep = owner < until
        owner, first, count = owner[keep], first[keep], count[keep]
        order = np.argsort(first, kind="stable")
        owner, first, count = owner[order], first[order], count[order]
        per_record = np.zeros(len(at), np.int64)
        np.add.at(per_record, np.searchsorted(at, owner), 1)
        xy, high, wrong = coordinates(lines, ranges(first, count), self.separator)
        if self.kind != "annotation":
            self.flaws.add("heights", high)
        self.flaws.add("bad_coordinates", 1 if wrong else 0, int(lines.number[first[0]]) if len(first) else 0)
        self.vertices.append(xy)
        self._out["parts"].append(per_record)
        self._out["counts"].append(count)

    def _references(self, lines: Lines, at: Ints, found: _Found) -> tuple[Ints, NDArray[np.bool_]]:
        """Line numbers of the referenced records: how many each has, and which records have one that is no number."""
        none = np.zeros(len(at), np.int64), np.zeros(len(at), bool)
        if not found.reference_at:
            return none
        owner, first, count = (
            np.concatenate(one) for one in (found.reference_at, found.reference_first, found.reference_count)
        )
        keep = np.isin(owner, at)
        order = np.argsort(first[keep], kind="stable")
        owner, first, count = owner[keep][order], first[keep][order], count[keep][order]
        which = ranges(first, count)
        if not len(which):
            return none
        record = np.repeat(np.searchsorted(at, owner), count)
        start, end = lines.start[which], lines.end[which]
        size = end - start + 1
        data = lines.data.copy() if (end >= len(lines.data)).any() else lines.data
        data = np.append(data, np.uint8(10)) if len(data) <= end.max() else data
        data[end] = ord(self.separator)
        text = data[inside(start - np.concatenate([[0], (end + 1)[:-1]]), size, len(data) - int(end[-1]) - 1)]
        stop = np.flatnonzero(text == ord(self.separator))
        begin = np.concatenate([[0], stop[:-1] + 1])
        owner_of = record[np.searchsorted(starts_of(size), stop, "right") - 1]
        for _ in range(8):
            blank = (begin < stop) & (text[begin] == 32)
            if not blank.any():
                break
            begin = begin + blank
        filled = begin < stop
        begin, stop, owner_of = begin[filled], stop[filled], owner_of[filled]
        for _ in range(8):
            blank = text[stop - 1] == 32
            if not blank.any():
                break
            stop = stop - blank
        values = integers(text, begin, stop)
        bad = np.zeros(len(at), bool)
        wrong = values == NO_NUMBER
        bad[owner_of[wrong]] = True
        self.flaws.add("bad_reference", int(bad.sum()), int(lines.number[which[0]]) if wrong.any() else 0)
        self._out["references"].append(np.where(wrong, 0, values))
        return np.bincount(owner_of, minlength=len(at)), bad
