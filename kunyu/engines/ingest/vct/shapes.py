"""From records to geometry: rings put together from lines, parts and holes told apart, WKB. 由记录组成几何."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kunyu.engines.ingest.vct import wkb
from kunyu.engines.ingest.vct.ragged import Ints, ranges, starts_of
from kunyu.engines.ingest.vct.records import BAD, DIRECT, REFERENCED, Flaws, Records
from kunyu.engines.ingest.vct.ring_roles import parts_and_holes

_AT_ONCE = 1_500_000
BASE = {"point": wkb.POINT, "annotation": wkb.POINT, "line": wkb.LINE, "polygon": wkb.POLYGON}


@dataclass
class LineBook:
    """The lines of a file by object number. The first of two lines with one number counts."""

    records: Records
    begin: Ints = field(init=False)
    end: Ints = field(init=False)
    _order: Ints = field(init=False)
    _sorted: Ints = field(init=False)

    def __post_init__(self) -> None:
        lines = self.records
        self.begin = lines.vertex_start[lines.part_start[:-1]]
        self.end = np.where(lines.form == DIRECT, lines.vertex_start[lines.part_start[1:]], self.begin)
        self._order = np.argsort(lines.ids, kind="stable")
        self._sorted = lines.ids[self._order]

    def find(self, numbers: Ints) -> Ints:
        """Return where the lines of these numbers are, −1 for those that do not exist or have no vertices."""
        if not len(self._sorted):
            return np.full(len(numbers), -1)
        wanted = np.abs(numbers)
        at = np.minimum(np.searchsorted(self._sorted, wanted), len(self._sorted) - 1)
        found = self._order[at]
        usable = (self._sorted[at] == wanted) & (self.end[found] > self.begin[found])
        return np.where(usable, found, -1)


@dataclass(frozen=True)
class Shapes:
    """Geometry of one section's records. ``sizes`` (n,) are their vertices, for batches of bounded memory."""

    kind: str
    records: Records
    book: LineBook
    lines: Ints
    """Where each reference's line is in ``book``; −1 when missing, −2 for the 0 between rings."""
    back: NDArray[np.bool_]
    """Whether each reference runs its line backwards."""
    sizes: Ints
    multi: bool = False
    """Whether a record may have several parts."""

    @classmethod
    def of(cls, kind: str, records: Records, book: LineBook, xy: NDArray[np.float64], flaws: Flaws) -> Shapes:
        """Resolve references and look whether lines meet and rings close; records that name a missing line become bad."""
        lines = book.find(records.references)
        lines[records.references == 0] = -2
        own = np.diff(records.vertex_start)
        sizes = _summed(own, records.part_start)
        length = (
            np.where(lines >= 0, (book.end - book.begin)[np.maximum(lines, 0)], 0)
            if len(book.records)
            else np.zeros(len(lines), np.int64)
        )
        sizes += _summed(length, records.reference_start)
        missing = _summed((lines == -1).astype(np.int64), records.reference_start) > 0
        flaws.add("missing_lines", int((missing & (records.form == REFERENCED)).sum()))
        records.form[missing] = BAD
        back = records.references < 0
        _check_paths(records, book, lines, back, kind == "polygon", xy, flaws)
        found = cls(kind, records, book, lines, back, sizes)
        if kind == "polygon":
            return replace(found, multi=found._note_holes(xy, flaws))
        return replace(found, multi=bool((own > 1).any() if BASE[kind] == wkb.POINT else (found._paths() > 1).any()))

    def _paths(self) -> Ints:
        """Paths of each record: its parts, or one more than it has zeros between references."""
        records = self.records
        zeros = _summed((self.lines == -2).astype(np.int64), records.reference_start)
        found: Ints = np.where(records.form == REFERENCED, zeros + 1, np.diff(records.part_start))
        return found

    def _note_holes(self, xy: NDArray[np.float64], flaws: Flaws) -> bool:
        """Count the holes that only their place tells, among the polygons of several rings; any of several parts?"""
        multi = False
        which = np.flatnonzero((self._paths() > 1) & (self.records.form != BAD))
        bounds = starts_of(self.sizes[which])
        at = 0
        while at < len(which):
            end = max(int(np.searchsorted(bounds, bounds[at] + _AT_ONCE, "right")) - 1, at + 1)
            made = self.wkb(which[at:end], xy, flaws)
            multi = multi or bool((wkb.kinds(made) == wkb.POLYGON + 3).any())
            at = end
        return multi

    def wkb(self, which: Ints, xy: NDArray[np.float64], flaws: Flaws) -> pa.Array:
        """Return the geometry of records ``which`` (−1: none) as WKB in the order given."""
        rows = np.flatnonzero(which >= 0)
        chosen = which[rows]
        form = self.records.form[chosen]
        direct = self._direct(rows[form == DIRECT], chosen[form == DIRECT], xy)
        if (form == REFERENCED).any():
            named = self._referenced(rows[form == REFERENCED], chosen[form == REFERENCED], xy)
            row, counts, vertices = _merged(direct, named) if len(direct[0]) else named
        else:
            row, counts, vertices = direct
        return self._encoded(len(which), row, counts, vertices, flaws)

    def _encoded(self, rows: int, row: Ints, counts: Ints, xy: NDArray[np.float64], flaws: Flaws) -> pa.Array:
        base = BASE[self.kind]
        if base == wkb.POLYGON:
            start = starts_of(counts)
            part, hole, decided = parts_and_holes(xy, start, row)
            flaws.add("holes_by_place", decided)
            if len(part) and (np.diff(part)[row[1:] == row[:-1]] < 0).any():
                order = np.lexsort((hole, part, row))
                xy = xy[ranges(start[:-1][order], counts[order])]
                row, part, counts = row[order], part[order], counts[order]
            return wkb.encode(rows, base, row, part, counts, xy)
        if base == wkb.LINE:
            return wkb.encode(rows, base, *_joined_lines(row, counts, xy))
        owner = np.repeat(row, counts)
        return wkb.encode(rows, base, owner, np.arange(len(owner)), np.ones(len(owner), np.int64), xy)

    def _direct(self, rows: Ints, chosen: Ints, xy: NDArray[np.float64]) -> tuple[Ints, Ints, NDArray[np.float64]]:
        records = self.records
        many = records.part_start[chosen + 1] - records.part_start[chosen]
        parts = ranges(records.part_start[chosen], many)
        begin = records.vertex_start[parts]
        counts = records.vertex_start[parts + 1] - begin
        row = np.repeat(rows, many)
        full = counts > 0
        return row[full], counts[full], np.asarray(xy[ranges(begin[full], counts[full])])

    def _referenced(self, rows: Ints, chosen: Ints, xy: NDArray[np.float64]) -> tuple[Ints, Ints, NDArray[np.float64]]:
        records = self.records
        many = records.reference_start[chosen + 1] - records.reference_start[chosen]
        where = ranges(records.reference_start[chosen], many)
        line, row = self.lines[where], np.repeat(rows, many)
        named = line != -2
        group = np.cumsum(~named) + np.repeat(np.arange(len(rows)), many)  # one number per path
        line, row, group, back = line[named], row[named], group[named], self.back[where][named]
        first, final = _ends(self.book, line, back)
        follows = group[1:] == group[:-1]
        counts = self.book.end[line] - self.book.begin[line]
        counts[:-1] -= follows & _same(xy[final[:-1]], xy[first[1:]])
        gathered = ranges(np.zeros(len(counts), np.int64), counts)
        gathered *= np.repeat(np.where(back, -1, 1), counts)
        gathered += np.repeat(first, counts)
        opening = np.append(True, ~follows) if len(line) else np.zeros(0, bool)
        lengths = np.add.reduceat(counts, np.flatnonzero(opening)) if len(line) else counts
        return row[opening], lengths, np.asarray(xy[gathered])


def _same(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether points are the same; column by column, for numpy is slow along two of them."""
    found: NDArray[np.bool_] = (one[:, 0] == other[:, 0]) & (one[:, 1] == other[:, 1])
    return found


def _ends(book: LineBook, line: Ints, back: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """The first and the last vertex of each line as it is run."""
    begin, last = book.begin[line], book.end[line] - 1
    return np.where(back, last, begin), np.where(back, begin, last)


def _check_paths(
    records: Records,
    book: LineBook,
    lines: Ints,
    back: NDArray[np.bool_],
    rings: bool,
    xy: NDArray[np.float64],
    flaws: Flaws,
) -> None:
    """Look at every place where lines of a path meet; turn lines (``back``) where that makes them meet."""
    owner = np.repeat(np.arange(len(records)), np.diff(records.reference_start))
    named = np.flatnonzero((lines >= 0) & (records.form[owner] == REFERENCED))
    if not len(named):
        return
    group = (np.cumsum(lines == -2) + owner)[named]
    line = lines[named]
    ends = np.asarray(xy[book.begin[line]]), np.asarray(xy[book.end[line] - 1])
    turned = back[named][:, None]
    first, final = np.where(turned, ends[1], ends[0]), np.where(turned, ends[0], ends[1])
    follows = group[1:] == group[:-1]
    apart = follows & ~_same(final[:-1], first[1:])
    bounds = np.flatnonzero(np.append(True, ~follows))
    mended = np.zeros(0, np.int64)
    if apart.any():
        mended = _mend(group, np.unique(group[1:][apart]), ends, back, named)
        flaws.add("directions_mended", len(mended))
        flaws.add("lines_apart", len(np.unique(group[1:][apart])) - len(mended))
    if rings:
        last = np.append(bounds[1:], len(line)) - 1
        unclosed = ~_same(first[bounds], final[last]) & ~np.isin(group[bounds], mended)
        flaws.add("rings_not_closed", int(unclosed.sum()))


def _mend(
    group: Ints,
    broken: Ints,
    ends: tuple[NDArray[np.float64], NDArray[np.float64]],
    back: NDArray[np.bool_],
    named: Ints,
) -> Ints:
    """Lines of a path that do not meet: try the other direction (few paths come here in a sound file)."""
    mended = []
    for one in broken.tolist():
        here = np.arange(*np.searchsorted(group, [one, one + 1]))
        both = np.stack([ends[0][here], ends[1][here]], axis=1)
        found = next((way for start in (False, True) if (way := _chain(both, start)) is not None), None)
        if found is not None:
            back[named[here]] = found
            mended.append(one)
    return np.array(mended, np.int64)


def _chain(ends: NDArray[np.float64], start: bool) -> list[bool] | None:
    """Directions in which lines (first and last vertex each) follow one another, the first one given; None if none."""
    found = [start]
    at = ends[0, 0 if start else 1]
    for one in ends[1:]:
        if (one[0] == at).all():
            found.append(False)
            at = one[1]
        elif (one[1] == at).all():
            found.append(True)
            at = one[0]
        else:
            return None
    return found


def _summed(values: Ints, starts: Ints) -> Ints:
    total = starts_of(values)
    found: Ints = total[starts[1:]] - total[starts[:-1]]
    return found


def _merged(
    one: tuple[Ints, Ints, NDArray[np.float64]], other: tuple[Ints, Ints, NDArray[np.float64]]
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    row, counts, xy = (np.concatenate(pair) for pair in zip(one, other, strict=True))
    order = np.argsort(row, kind="stable")
    return row[order], counts[order], xy[ranges(starts_of(counts)[:-1][order], counts[order])]


def _joined_lines(row: Ints, counts: Ints, xy: NDArray[np.float64]) -> tuple[Ints, Ints, Ints, NDArray[np.float64]]:
    """Segments of a line that go on where the one before ended are one part."""
    start = starts_of(counts)
    goes_on = np.zeros(len(row), bool)
    if len(row) > 1:
        goes_on[1:] = (row[1:] == row[:-1]) & _same(xy[start[1:-1] - 1], xy[start[1:-1]])
    if goes_on.any():
        keep = np.ones(len(xy), bool)
        keep[start[:-1][goes_on]] = False
        xy = xy[keep]
        counts = np.add.reduceat(counts - goes_on, np.flatnonzero(~goes_on))
        row = row[~goes_on]
    return row, np.arange(len(row)), counts, xy
