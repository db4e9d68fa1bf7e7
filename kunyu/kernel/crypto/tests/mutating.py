"""Damaged copies of files, for fuzzing whatever reads what people bring."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Damage:
    """What may happen to a file; of each list one is drawn."""

    changes: Sequence[int]
    """How many bytes are written over."""
    pieces: Sequence[int]
    """How long a piece is cut out, doubled or moved."""
    letters: Sequence[int] = ()
    """Bytes likelier than others to be written."""
    put_in: bytes = b""
    """Put in, once or often, where otherwise a piece would be moved: bytes that the format gives a meaning."""


def mutated(content: bytes, chance: random.Random, damage: Damage) -> bytes:
    """A copy with bytes written over and a piece cut out, doubled, moved or put in."""
    data = bytearray(content)
    for _ in range(chance.choice(damage.changes)):
        data[chance.randrange(len(data))] = chance.choice([*damage.letters, chance.randrange(256)])
    first, length = chance.randrange(len(data)), chance.choice(damage.pieces)
    piece = bytes(data[first : first + length])
    match chance.randrange(4):
        case 0:
            del data[first : first + length]
        case 1:
            data[first:first] = piece * chance.choice((1, 3, 5))
        case 2:
            at = chance.choice((first, chance.randrange(len(data))))
            data[at:at] = damage.put_in * chance.randrange(60) if damage.put_in else piece
    return bytes(data)
