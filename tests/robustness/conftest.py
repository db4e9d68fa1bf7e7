"""A process that runs ``kunyu`` in children, and small deliveries in every format to spoil."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kunyu.project.cli.main import run as kunyu
from kunyu.project.sample_county.generate import generate_county

SECONDS = 60.0
MEMORY_BYTES = 6 << 30
PEAK_MIB = 1024
"""What one small broken file may cost: a minute, a gigabyte of memory (imports included)."""
ALLOWED = {0, 1, 2, 3, 4}
"""Exit codes of contract.md that a broken file may give; 70 is a defect of ours."""


@dataclass(frozen=True)
class Ending:
    """How one run ended."""

    code: int | None
    signal: int | None
    seconds: float
    peak_mib: int
    errors: str

    def fault(self) -> str | None:
        """Why this ending is not allowed; None when it is."""
        if self.signal is not None:
            return f"ended by signal {self.signal} after {self.seconds} s"
        if self.code not in ALLOWED:
            return f"exit code {self.code}: {self.errors[-600:]}"
        if "Traceback" in self.errors:
            return f"a traceback: {self.errors[-600:]}"
        if self.peak_mib > PEAK_MIB:
            return f"{self.peak_mib} MiB"
        return None


Run = Callable[[list[str]], Ending]


@pytest.fixture(scope="module")
def kunyu_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    errors = tmp_path_factory.mktemp("forker") / "errors.txt"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.robustness.forker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).resolve().parents[2],
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None

        def run(arguments: list[str]) -> Ending:
            job = {"arguments": arguments, "errors": str(errors), "seconds": SECONDS, "memory_bytes": MEMORY_BYTES}
            process.stdin.write(json.dumps(job) + "\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            answer = json.loads(process.stdout.readline())  # type: ignore[union-attr]
            return Ending(**answer, errors=errors.read_text("utf-8", errors="replace"))

        yield run
        process.stdin.close()
        process.wait(30)


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One small survey in every format: ``{"gpkg": file, "shp.zip": file, …}``."""
    folder = tmp_path_factory.mktemp("deliveries")
    made: dict[str, Path] = {}
    for form in ("gpkg", "shp", "gdb", "parquet"):
        generate_county(folder / form, 60, 3, form)
    made["gpkg"] = folder / "gpkg" / "county.gpkg"
    for form, name in (("shp", "county"), ("gdb", "county.gdb"), ("parquet", "county")):
        made[f"{form}.zip"] = Path(
            shutil.make_archive(str(folder / f"{form}-county"), "zip", folder / form, name)
        )  # fmt: skip
    made["vct"] = folder / "county.vct"
    assert kunyu(["convert", str(made["gpkg"]), str(made["vct"]), "--standard", "TDT1057-2020"]) == 0
    made["shp"] = folder / "shp" / "county"
    made["parquet"] = folder / "parquet" / "county"
    return made
