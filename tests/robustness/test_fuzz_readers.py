"""Broken deliveries in every format: an answer with an exit code, never a traceback, a hang or a flood of memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.robustness.conftest import Run
from tests.robustness.spoiling import spoiled_copy

CASES = int(os.environ.get("KUNYU_FUZZ_CASES", "150"))
FIRST = int(os.environ.get("KUNYU_FUZZ_SEED", "1"))
FORMS = ("gpkg", "shp", "shp.zip", "gdb.zip", "parquet", "parquet.zip", "vct")


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
def test_a_broken_delivery_gets_an_answer(
    form: str, deliveries: dict[str, Path], kunyu_run: Run, tmp_path: Path
) -> None:
    """R-188: a bad record never stops the batch; what cannot be read at all is said with exit code 3."""
    faults = []
    codes: dict[int | None, int] = {}
    for seed in range(FIRST, FIRST + CASES):
        path = spoiled_copy(deliveries[form], tmp_path / "case", seed)
        ending = kunyu_run(["check", str(path), "--standard", "TDT1057-2020", "--json"])
        codes[ending.code] = codes.get(ending.code, 0) + 1
        fault = ending.fault()
        if fault is not None:
            faults.append(f"seed {seed}: {fault}")
    print(form, codes)
    assert not faults, "\n".join(faults[:20])
    assert codes.keys() & {1, 3}, f"nothing was broken: {codes}"
