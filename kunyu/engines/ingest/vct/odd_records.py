"""Geometry records that the quick way does not understand, read line by line by their counts. 不规则图形记录.

Only records of unusual form come here: line numbers written one per line with a 0 between rings, counts that leave
the separators out, an annotation that reads "0", and damaged ones. How far such a record may reach is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kunyu.engines.ingest.vct.chunk_lines import Lines

MOST_LINES = 50_000
"""Longest record that is read here, in lines."""


@dataclass
class Odd:
    """One record: ``last`` is the line of the 0 that ends it; ``why`` says why it is bad, empty for a good one."""

    last: int
    why: str = ""
    parts: list[tuple[int, int]] = field(default_factory=list)
    references: tuple[int, int] | None = None
    text: int | None = None
    uncounted: bool = False


class _Ends(Exception):
    """The piece of the file ends inside the record."""


class _Bad(Exception):
    """The record is no record of its section."""


def odd_record(lines: Lines, first: int, zero: int, kind: str, separator: bytes, limit: int) -> tuple[Odd | None, int]:
    """Read the record that begins at line ``first``; None when it needs lines beyond the piece. Also: lines looked at.

    ``limit`` bounds the number of lines looked at. A bad record ends at its first 0, line ``zero``.
    """
    reader = _Reader(lines, first, separator, min(limit, MOST_LINES))
    found: Odd | None
    try:
        found = reader.record(kind)
    except _Ends:
        found = None
    except _Bad as bad:
        found = Odd(zero, str(bad))
    return found, reader.at - first + 1


@dataclass
class _Reader:
    lines: Lines
    first: int
    separator: bytes
    limit: int

    def __post_init__(self) -> None:
        self.at = self.first

    def next(self) -> bytes:
        if self.at - self.first >= self.limit:
            raise _Bad("long")
        if self.at >= len(self.lines):
            raise _Ends
        self.at += 1
        return self.lines.text(self.at - 1)

    def integer(self) -> int:
        text = self.next()
        if not text.lstrip(b"-+").isdigit() or len(text) > 18:
            raise _Bad("form")
        return int(text)

    def end(self) -> int:
        if self.next() != b"0":
            raise _Bad("count")
        return self.at - 1

    def record(self, kind: str) -> Odd:
        self.integer()
        self.next(), self.next()  # code and style
        form = self.integer()
        if kind == "annotation":
            return self.annotation()
        if kind == "polygon" and self.at < len(self.lines) and self.lines.separators[self.at]:
            self.next()  # the label point
        if form == 100:
            if kind == "polygon":
                what = self.integer()
                if what != 21:
                    raise _Bad("polygons" if what == 22 else "form")
            return self.by_reference()
        if kind == "point":
            return self.points()
        return self.direct()

    def annotation(self) -> Odd:
        text = self.at
        self.next()
        if not self.lines.separators[min(self.at, len(self.lines) - 1)]:
            self.integer()
        first = self.at
        while self.next() != b"0":
            if self.at - first > 1000:
                raise _Bad("count")
        return Odd(self.at - 1, parts=[(first, min(self.at - 1 - first, 1))], text=text)

    def points(self) -> Odd:
        if self.at < len(self.lines) and not self.lines.separators[self.at]:
            self.integer()
        first = self.at
        while self.next() != b"0":
            if not self.lines.separators[self.at - 1]:
                raise _Bad("count")
        if self.at - 1 == first:
            raise _Bad("empty")
        return Odd(self.at - 1, parts=[(first, self.at - 1 - first)])

    def by_reference(self) -> Odd:
        count = self.integer()
        first = self.at
        every, named = 0, 0
        while True:
            tokens = [one.strip() for one in self.next().split(self.separator) if one.strip()]
            if not all(one.lstrip(b"-+").isdigit() for one in tokens):
                raise _Bad("count")  # the next record has begun: this one is short of numbers
            every += len(tokens)
            named += sum(one != b"0" for one in tokens)
            if count in (every, named) and self.peek() == b"0" and (every == count or tokens != [b"0"]):
                return Odd(self.end(), references=(first, self.at - 1 - first), uncounted=every != count)
            if named > count:
                raise _Bad("count")

    def peek(self) -> bytes:
        if self.at >= len(self.lines):
            raise _Ends
        return self.lines.text(self.at)

    def direct(self) -> Odd:
        parts = []
        for _ in range(self.integer()):
            kind, count = self.integer(), self.integer()
            if kind not in (1, 11):
                raise _Bad("curve")
            if count < 0 or self.at + count - self.first > self.limit:
                raise _Bad("count")
            if self.at + count > len(self.lines):
                raise _Ends
            if count and not (self.lines.separators[self.at : self.at + count] > 0).all():
                raise _Bad("count")
            parts.append((self.at, count))
            self.at += count
        if not parts:
            raise _Bad("empty")
        return Odd(self.end(), parts=parts)
