"""``kunyu evidence``: sample, tasks, device, import, statistics, with the exit codes of the contract (R-186)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kunyu.kernel.errors import UnreadableInput, UsageError
from kunyu.packs.field_evidence.cli import app
from kunyu.packs.field_evidence.samples.simulate import Simulated, write_task_list
from kunyu.packs.field_evidence.tests import people
from kunyu.packs.field_evidence.tests.test_quality import county

pytestmark = pytest.mark.django_db


def run(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(one) for one in words], catch_exceptions=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def test_from_the_list_to_the_figures(tmp_path: Path, honest: Simulated, seeded: Simulated) -> None:
    people.bureau()
    write_task_list(tmp_path / "list.gpkg", seeded.parcels)
    assert json.loads(run("tasks", tmp_path / "list.gpkg", "--json")) == {"made": len(seeded.parcels), "existing": 0}
    for number, key in seeded.devices.items():
        run("device", number, "--public-key", key.hex(), "--organisation", "KY990101")
    said = json.loads(run("import", seeded.path, "--json", code=1))  # bad photos
    assert (said["photos"], said["existing"]) == (seeded.photos, False)
    assert json.loads(run("import", seeded.path, "--json", code=1)) == said | {"existing": True}
    (figures,) = json.loads(run("statistics", "--json"))["counties"]
    assert (figures["tasks"], figures["photos_bad"]) == (len(seeded.parcels), said["photos_bad"])
    run("revoke", "KY-D-0001", "--why", "遗失")
    with pytest.raises(UnreadableInput):
        run("import", tmp_path / "nothing.zip")


def test_samples_from_a_county_file(tmp_path: Path, parcels: list) -> None:
    """Packages are made from any survey file with DLTB; unknown defects are refused."""
    import pyogrio

    path = county(tmp_path, parcels)
    meta, _, wkb, columns = pyogrio.raw.read(path, layer="DLTB")
    villages = columns[0].copy()
    villages[:] = "9901011002010000000"
    pyogrio.raw.write(path, wkb, [*columns, villages], ["BSM", "TBBH", "ZLDWDM"], layer="DLTB", geometry_type="Polygon",
                      crs=meta["crs"])  # fmt: skip
    run("sample", path, tmp_path / "out", "--parcels", 5, "--defects", "mock:1,image:1")
    truth = json.loads((tmp_path / "out" / "truth.json").read_text("utf-8"))
    assert sorted(truth["photos"].values()) == [["image", "digest"], ["mock"]]
    with pytest.raises(UsageError):
        run("sample", path, tmp_path / "out", "--defects", "flood:1")
