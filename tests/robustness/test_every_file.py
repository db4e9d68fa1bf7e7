"""Every file of the real data, whatever it is, handed to ``kunyu check``: an answer, always."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.robustness.conftest import Run

LARGEST_BYTES = 40 << 20
FOLDERS = (
    "admin",
    "parcels",
    "zones",
    "mining_geology",
    "raster",
    "three_d",
    "marine",
    "geohazard",
    "stats_text",
    "conformance",
)


@pytest.mark.long
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_gets_an_answer(folder: str, shared_data: Path, kunyu_run: Run) -> None:
    """Foreign formats, broken files, empty files: exit code 0 to 4 within a minute, without a traceback."""
    faults, seen = [], 0
    for path in sorted((shared_data / folder).rglob("*")):
        if not path.is_file() or path.stat().st_size > LARGEST_BYTES:
            continue
        seen += 1
        ending = kunyu_run(["check", str(path), "--standard", "KUNYU-OPEN-2026", "--json"])
        fault = ending.fault()
        if fault is not None:
            faults.append(f"{path.relative_to(shared_data)}: {fault}")
    assert seen > 0
    assert not faults, f"{len(faults)} of {seen}\n" + "\n".join(faults[:20])
