"""The change package and the rules Q601 to Q610 judge each other, with the clean county as the stored state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.base_reference import reference_of_file
from kunyu.engines.ingest.checks.reference import MONITORING, Reference, ReferencePart
from kunyu.engines.ingest.checks.runner import CheckReport, run
from kunyu.engines.ingest.reading import open_delivery
from kunyu.engines.ingest.source_layers import GEOMETRY
from kunyu.kernel.errors import UsageError
from kunyu.kernel.geodesy import to_lonlat
from kunyu.project.sample_county.defects.changes import CHANGE_KINDS, FILE
from kunyu.project.sample_county.generate import generate_county

STANDARD = load_standard("TDT1057-2020")
HISTORY = {f"Q{number}" for number in range(601, 611)}


def _named(folder: Path, name: str, form: str) -> Path:
    return folder / (f"{name}.{form}" if form in ("gpkg", "gdb") else name)


def _reference(folder: Path, form: str = "gpkg") -> Reference:
    """The county as the stored state, with the patches handed down for the year."""
    import shapely

    with open_delivery(_named(folder, "monitoring-2025", form)) as source:
        table = source.layers[0].table()
    shapes = shapely.from_wkb(table.column(GEOMETRY).to_numpy(zero_copy_only=False))
    patches = ReferencePart(table.drop_columns([GEOMETRY]), to_lonlat(shapes, 4526))
    return reference_of_file(_named(folder, "county", form), STANDARD, {MONITORING: patches})


def _check(folder: Path, reference: Reference, form: str = "gpkg") -> CheckReport:
    with open_delivery(_named(folder, FILE, form)) as source:
        return run(source, STANDARD, reference=reference)


@pytest.mark.parametrize(
    ("parcels", "seed", "form"),
    [(60, 1, "gpkg"), (400, 3, "shp"), (400, 4, "gdb"), (400, 5, "parquet"), (3_000, 7, "gpkg")],
)
def test_a_clean_package_has_no_findings(parcels: int, seed: int, form: str, tmp_path: Path) -> None:
    generate_county(tmp_path, parcels, seed, form)

    report = _check(tmp_path, _reference(tmp_path, form), form)

    assert set(report.rules_run) >= HISTORY
    assert [one.message_zh for one in report.findings] == []


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    folder = tmp_path_factory.mktemp("stored")
    generate_county(folder, 3_000, 7)
    return _reference(folder)


@pytest.mark.parametrize("count", [1, 2])
def test_every_seeded_defect_is_found_and_nothing_else(count: int, stored: Reference, tmp_path: Path) -> None:
    """Twice as many: Q602 takes its kinds in turn."""
    generate_county(tmp_path, 3_000, 7, defects=",".join(f"{rule}:{count}" for rule in sorted(HISTORY)))
    report = _check(tmp_path, stored)
    truth = json.loads((tmp_path / "truth.json").read_text("utf-8"))

    assert {entry["file"] for entry in truth} == {FILE}
    explained = set()
    for entry in truth:
        for rule in entry["rule"]:
            hits = {
                at for at, one in enumerate(report.findings) if one.rule == rule and set(one.ids) & set(entry["ids"])
            }
            assert hits, (rule, entry["kind"], entry["ids"])
            explained |= hits
    surplus = [one.message_zh for at, one in enumerate(report.findings) if at not in explained]
    assert surplus == []
    assert {one.rule for one in report.findings} >= HISTORY
    assert all(one.geometry is not None for one in report.findings)


def test_all_seeds_the_change_package_too(tmp_path: Path) -> None:
    generate_county(tmp_path, 3_000, 7, defects="all:1")
    truth = json.loads((tmp_path / "truth.json").read_text("utf-8"))

    kinds = {entry["kind"] for entry in truth if entry["file"] == FILE}
    assert kinds >= {kind for some in CHANGE_KINDS.values() for kind in some}


def test_a_package_without_room_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="变更包"):
        generate_county(tmp_path, 60, 1, defects="Q609:20")
