"""The land-survey rules and the sample county judge each other: ``kunyu check`` on clean and on spoiled counties."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kunyu.project.cli.main import run
from kunyu.project.sample_county.generate import Report, generate_county

RULES = [f"Q{k}" for k in (*range(201, 212), *range(301, 305), *range(501, 504), *range(505, 509), *range(510, 518))]


def _check(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = run(["check", str(path), "--standard", "TDT1057-2020", "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_clean_county_has_no_findings(county: tuple[Path, Report], capsys: pytest.CaptureFixture[str]) -> None:
    """Q201–Q211, Q301–Q304, Q501–Q503, Q505–Q508, Q510–Q517 on 3,000 parcels."""
    code, result = _check(county[0] / "county.gpkg", capsys)
    assert set(RULES) <= set(result["rules_run"])
    assert result["findings"] == []
    assert code == 0


@pytest.mark.parametrize("form", ["shp", "gdb", "parquet"])
def test_a_clean_county_is_clean_in_every_format(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate_county(tmp_path, 400, 4, form)
    name = "county.gdb" if form == "gdb" else "county"
    assert _check(tmp_path / name, capsys)[1]["findings"] == []


@pytest.mark.parametrize("seed", [1, 7])
def test_every_seeded_defect_is_found_and_nothing_else(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate_county(tmp_path, 3_000, seed, defects="all:1")
    code, result = _check(tmp_path / "county.gpkg", capsys)
    truth = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    explained = set()
    for entry in truth:
        for rule in entry["rule"]:
            hits = {
                k
                for k, finding in enumerate(result["findings"])
                if finding["rule"] == rule
                and (
                    set(finding["ids"]) & set(entry["ids"]) or (not entry["ids"] and finding["layer"] == entry["layer"])
                )
            }
            assert hits, f"{rule} did not find {entry['kind']} {entry['ids']}"
            explained |= hits
    assert explained == set(range(len(result["findings"])))
    assert code == 1
