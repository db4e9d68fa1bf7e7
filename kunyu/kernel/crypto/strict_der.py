"""The shape of an encoding before anything parses it: definite lengths only, nested no deeper than signatures are.

The library that parses re-encodes indefinite lengths level by level, each level twice: forty nested ones in a hostile
file would keep a processor busy for years. DER (ITU-T X.690 §10.1) has none. The values of extensions (RFC 5280 §4.1:
an OCTET STRING beside its object identifier) hold DER of their own, and are looked into as well.
"""

from __future__ import annotations

DEEPEST = 40
MOST_ELEMENTS = 20_000
_CONSTRUCTED, _OBJECT_IDENTIFIER, _OCTETS = 0x20, 0x06, 0x04


def whole_length(encoded: bytes) -> int:
    """Return how many bytes the first element takes, having looked at every element inside.

    Raises
    ------
    ValueError
        Cut short, indefinite, too deep, or more elements than a signature has.
    """
    first_end = _element(encoded, 0, len(encoded))[2]
    stack, seen = [(0, first_end, False)], 0
    while stack:
        at, end, is_named = stack.pop()
        while at < end:
            seen += 1
            if seen > MOST_ELEMENTS or len(stack) > DEEPEST:
                raise ValueError("nested too deep or too many elements / 结构过深或元素过多")
            tag, content, after = _element(encoded, at, end)
            if tag & _CONSTRUCTED or (tag == _OCTETS and is_named):
                stack.append((after, end, is_named))
                at, end, is_named = content, after, False
            else:
                is_named = is_named or tag == _OBJECT_IDENTIFIER
                at = after
    return first_end


def _element(encoded: bytes, at: int, end: int) -> tuple[int, int, int]:
    """The first byte of the tag of the element at ``at``, where its content begins and where it ends."""
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
    return tag, at, at + length
