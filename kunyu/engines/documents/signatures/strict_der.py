"""The shape of an encoding before anything parses it: definite lengths only, nested no deeper than signatures are.

The library that parses re-encodes indefinite lengths level by level, each level twice: forty nested ones in a hostile
file would keep a processor busy for years. DER (ITU-T X.690 §10.1) has none.
"""

from __future__ import annotations

DEEPEST = 40
MOST_ELEMENTS = 20_000
_CONSTRUCTED = 0x20


def whole_length(encoded: bytes) -> int:
    """Return how many bytes the first element takes, having looked at every element inside.

    Raises
    ------
    ValueError
        Cut short, indefinite, too deep, or more elements than a signature has.
    """
    first_end = _element(encoded, 0, len(encoded))[2]
    stack, seen = [(0, first_end)], 0
    while stack:
        at, end = stack.pop()
        while at < end:
            seen += 1
            if seen > MOST_ELEMENTS or len(stack) > DEEPEST:
                raise ValueError("nested too deep or too many elements / 结构过深或元素过多")
            is_constructed, content, after = _element(encoded, at, end)
            if is_constructed:
                stack.append((after, end))
                at, end = content, after
            else:
                at = after
    return first_end


def _element(encoded: bytes, at: int, end: int) -> tuple[bool, int, int]:
    """Whether the element at ``at`` is constructed, where its content begins and where it ends."""
    if at + 2 > end:
        raise ValueError("cut short / 数据不完整")
    tag, at = encoded[at], at + 1
    if tag & 0x1F == 0x1F:
        while at < end and encoded[at] & 0x80:
            at += 1
        at += 1
    if at >= end:
        raise ValueError("cut short / 数据不完整")
    length, at = encoded[at], at + 1
    if length == 0x80:
        raise ValueError("indefinite length / 不定长编码")
    if length > 0x80:
        count = length & 0x7F
        if count > 4 or at + count > end:
            raise ValueError("cut short / 数据不完整")
        length, at = int.from_bytes(encoded[at : at + count], "big"), at + count
    if at + length > end:
        raise ValueError("cut short / 数据不完整")
    return bool(tag & _CONSTRUCTED), at, at + length
