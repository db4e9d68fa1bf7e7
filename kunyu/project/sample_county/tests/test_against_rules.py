"""The land-survey rules and the sample county judge each other: ``kunyu check`` on clean and on spoiled counties."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kunyu.kernel.errors import UsageError
from kunyu.project.cli.main import run
from kunyu.project.sample_county.defects.plan import read_spec
from kunyu.project.sample_county.generate import Report, generate_county

RULES = [f"Q{k}" for k in (*range(201, 212), *range(301, 305), *range(501, 504), *range(505, 509), *range(510, 518))]


ALONE = {"P101", "P102"}
"""P101 takes away what others are seeded in; P102 (the coordinate system) the generator cannot spoil."""
CONTROL = "MNR-CONTROL-2021"
PLAN_RULES = {
    *(f"P{k}" for k in (101, 102, 201, 302, 303, 304, 306, 307, 401, 402, 403, 404, 405, 501, 502)),
    *(f"F{k}" for k in (101, 103, 104, 105, 106)),
}  # fmt: skip


def _check(
    path: Path, capsys: pytest.CaptureFixture[str], standard: str = "TDT1057-2020"
) -> tuple[int, dict[str, Any]]:
    code = run(["check", str(path), "--standard", standard, "--json"])
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
    _explain(tmp_path, "county", result)
    assert code == 1


def _explain(folder: Path, file: str, result: dict[str, Any]) -> None:
    """Every defect that the truth names in this file was found, and no finding is left without one."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    explained = set()
    for entry in truth:
        if entry["file"] != file:
            continue
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


@pytest.mark.parametrize("form", ["gpkg", "shp", "gdb", "parquet"])
@pytest.mark.parametrize("parcels", [500, 3_000])
def test_clean_control_lines_have_no_findings(
    parcels: int, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """P101–P502 and F101–F106 but those that need a reference; R-098, R-105."""
    generate_county(tmp_path, parcels, 3, form)
    name = f"control.{form}" if form in ("gpkg", "gdb") else "control"
    code, result = _check(tmp_path / name, capsys, CONTROL)

    assert set(result["rules_run"]) >= PLAN_RULES
    assert {one["rule"] for one in result["rules_not_run"]} == {"F102", "P304.scope", "P305", "P311", "P601"}
    assert result["findings"] == []
    assert code == 0


@pytest.mark.parametrize(("parcels", "seed", "form"), [(1_000, 5, "gpkg"), (3_000, 1, "gpkg"), (3_000, 7, "gdb")])
def test_every_defect_of_control_lines_is_found_and_nothing_else(
    parcels: int, seed: int, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate_county(tmp_path, parcels, seed, form, defects=",".join(f"{one}:1" for one in sorted(PLAN_RULES - ALONE)))
    code, result = _check(tmp_path / f"control.{form}", capsys, CONTROL)
    _explain(tmp_path, "control", result)
    assert {one["rule"] for one in result["findings"]} == PLAN_RULES - ALONE
    assert code == 1


def test_all_defects_of_both_files_live_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate_county(tmp_path, 3_000, 4, defects="P501:4,P303:3,P304:3,Q303:2")
    for file, standard in (("control", CONTROL), ("county", "TDT1057-2020")):
        _explain(tmp_path, file, _check(tmp_path / f"{file}.gpkg", capsys, standard)[1])


def test_an_emptied_line_is_missed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """P101: a mandatory layer without records."""
    generate_county(tmp_path, 500, 3, defects="P101:1")
    code, result = _check(tmp_path / "control.gpkg", capsys, CONTROL)
    _explain(tmp_path, "control", result)
    assert [one["rule"] for one in result["findings"]] == ["P101"]
    assert code == 1


def test_what_takes_away_the_ground_of_others_is_refused() -> None:
    with pytest.raises(UsageError, match="P101"):
        read_spec("P101:1,P402:1")
