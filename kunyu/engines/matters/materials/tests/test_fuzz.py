"""Damaged and hostile bytes: a sentence or a reading each time, never a traceback, never a hang.

``KUNYU_FUZZ_CASES`` files of each kind (40), by ``KUNYU_FUZZ_SEED``.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from kunyu.engines.matters.errors import BadMaterial
from kunyu.engines.matters.materials import sandbox
from kunyu.engines.matters.materials.settings import MaterialSettings
from kunyu.engines.matters.materials.taking import examined
from kunyu.engines.matters.materials.tests import samples

pytestmark = pytest.mark.long

EVERY = ("pdf", "ofd", "jpg", "png", "tiff", "docx", "xlsx", "zip")
ROUNDS = int(os.environ.get("KUNYU_FUZZ_CASES", "40"))
SEED = os.environ.get("KUNYU_FUZZ_SEED", "1")


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, a piece cut out, doubled or moved."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 4, 32, 256))):
        data[chance.randrange(len(data))] = chance.randrange(256)
    first, length = chance.randrange(len(data)), chance.choice((0, 1, 40, 900))
    piece = bytes(data[first : first + length])
    match chance.randrange(4):
        case 0:
            del data[first : first + length]
        case 1:
            data[first:first] = piece * chance.choice((1, 3))
        case 2:
            at = chance.randrange(len(data))
            data[at:at] = piece
    return bytes(data)


@pytest.mark.parametrize("kind", ["text", "scan", "ofd", "docx", "png", "hidden"])
def test_readers_survive(kind: str, tmp_path: Path) -> None:
    seeds = {
        "text": samples.form_pdf(), "scan": samples.scan_pdf(dpi=60), "ofd": samples.ofd(["申请单位：某局"] * 20),
        "docx": samples.docx(), "png": samples.scan_png(dpi=60), "hidden": samples.hidden_script_pdf(),
    }  # fmt: skip
    chance = random.Random(f"{SEED} {kind}")
    limits = MaterialSettings(examine_seconds=20)
    path = tmp_path / "upload"
    for number in range(ROUNDS):
        path.write_bytes(mutated(seeds[kind], chance))
        begun = time.monotonic()
        try:
            found = examined(path, f"{number}.bin", EVERY, limits)
            read(path, str(found["format"]), tmp_path)
        except BadMaterial as error:
            assert error.context["why"] != "unreadable", f"round {number}: {error}"
        except sandbox.WorkerEnded as error:
            raise AssertionError(f"round {number}: {error}") from error
        assert time.monotonic() - begun < 30, number


def read(path: Path, form: str, folder: Path) -> None:
    if form == "zip":
        return
    more = {"format": form, "dpi": 100, "page_seconds": 10, "left_to_recognise": 0, "letters": 100_000}
    list(sandbox.run(sandbox.Order("read", path, path.name, 20, 2_048, folder, more)))
    if form in ("pdf", "png", "ofd"):
        more = {"format": form, "first": 1, "count": 2, "pixels": 400}
        list(sandbox.run(sandbox.Order("draw", path, path.name, 20, 2_048, folder, more)))
