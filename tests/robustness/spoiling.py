"""Ways to break a file, each drawn from a seed so that a failure can be had again."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

HOSTILE = (b"\x00" * 8, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\xf8\x7f", b"-1", b"NaN", b"1e999",
           b"' OR 1=1 --", b"\xef\xbb\xbf", "地".encode("gbk")[:1])  # fmt: skip


def spoil(data: bytes, seed: int) -> bytes:
    """Return broken bytes: flipped, cut, doubled, emptied or overwritten in one to eight places."""
    draw = random.Random(seed)
    found = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 8))):
        if not found:
            break
        at = draw.randrange(len(found))
        size = min(len(found) - at, draw.choice((1, 4, 64, 4096)))
        way = draw.randrange(7)
        if way == 0:
            found[at] ^= 1 << draw.randrange(8)
        elif way == 1:
            del found[at:]
        elif way == 2:
            del found[at : at + size]
        elif way == 3:
            found[at:at] = found[at : at + size]
        elif way == 4:
            found[at : at + size] = bytes(size)
        elif way == 5:
            found[at : at + size] = draw.randbytes(size)
        else:
            evil = draw.choice(HOSTILE)
            found[at : at + len(evil)] = evil
    return bytes(found)


def spoiled_copy(source: Path, folder: Path, seed: int) -> Path:
    """Copy a file, or a folder with one of its files broken; ``folder`` is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    target = folder / source.name
    if source.is_file():
        target.write_bytes(spoil(source.read_bytes(), seed))
        return target
    shutil.copytree(source, target)
    files = sorted(one for one in target.rglob("*") if one.is_file())
    chosen = files[random.Random(seed).randrange(len(files))]
    chosen.write_bytes(spoil(chosen.read_bytes(), seed + 1))
    return target
