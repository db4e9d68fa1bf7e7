"""``pip install kunyu[check]`` on a surveyor's laptop: the lock alone, no Django, no database client, no server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    made = folder / "bin" / "python"
    pip = [made, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    lock = ROOT / "requirements" / "check.txt"
    subprocess.run([*pip, "--require-hashes", "-r", lock], check=True, stdin=subprocess.DEVNULL)
    subprocess.run([*pip, str(ROOT)], check=True, stdin=subprocess.DEVNULL)
    return made


def run(python: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KUNYU_", "DJANGO_", "PYTHON"))}
    return subprocess.run(
        [python, "-m", "kunyu", *words], capture_output=True, text=True, check=False, cwd=cwd, env=kept
    )


def test_the_environment_has_nothing_of_a_node(python: Path, tmp_path: Path) -> None:
    for name in ("django", "psycopg", "procrastinate", "granian"):
        done = subprocess.run([python, "-c", f"import {name}"], capture_output=True, check=False, cwd=tmp_path)
        assert done.returncode == 1, name


def test_a_sample_county_is_made_and_checked(python: Path, tmp_path: Path) -> None:
    made = run(python, "sample", "county", "county", "--parcels", "300", "--seed", "3", "--json", cwd=tmp_path)
    assert made.returncode == 0, made.stderr

    words = ("check", "county/county.gpkg", "--standard", "TDT1057-2020", "--json")
    first, second = (run(python, *words, cwd=tmp_path) for _ in range(2))

    assert first.returncode in (0, 1), first.stderr
    assert json.loads(first.stdout)["standard"] == "TDT1057-2020"
    assert first.stdout == second.stdout
