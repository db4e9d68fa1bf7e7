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
from kunyu.kernel.crypto.tests.mutating import Damage, mutated

pytestmark = pytest.mark.long

EVERY = ("pdf", "ofd", "jpg", "png", "tiff", "docx", "xlsx", "zip")
ROUNDS = int(os.environ.get("KUNYU_FUZZ_CASES", "40"))
SEED = os.environ.get("KUNYU_FUZZ_SEED", "1")
DAMAGE = Damage((1, 4, 32, 256), (0, 1, 40, 900))


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
        path.write_bytes(mutated(seeds[kind], chance, DAMAGE))
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
