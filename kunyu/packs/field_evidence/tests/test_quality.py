"""Rule Q701 on delivered packages: a county file with evidence beside it (R-088, R-186)."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.reference import DEVICES, MONITORING, Reference, ReferencePart
from kunyu.engines.ingest.checks.rule import RuleSet
from kunyu.engines.ingest.checks.runner import CheckReport, run
from kunyu.engines.ingest.reading import open_delivery
from kunyu.kernel.geodesy import from_lonlat
from kunyu.packs.field_evidence.quality import RULES
from kunyu.packs.field_evidence.samples.simulate import Parcel, Simulated

pytestmark = pytest.mark.quick
EPSG = 4526


def county(folder: Path, parcels: list[Parcel]) -> Path:
    shapes = from_lonlat(np.array([one.geometry for one in parcels], object), EPSG)
    columns = {"BSM": [one.BSM for one in parcels], "TBBH": [one.TBBH for one in parcels]}
    path = folder / "county.gpkg"
    pyogrio.raw.write(path, shapely.to_wkb(shapes), [np.array(one, object) for one in columns.values()], list(columns),
                      layer="DLTB", geometry_type="Polygon", crs=f"EPSG:{EPSG}", promote_to_multi=False)  # fmt: skip
    return path


def delivered(folder: Path, parcels: list[Parcel], *evidence: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "delivery.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.write(county(folder, parcels), "county.gpkg")
        for one in evidence:
            packed.write(one, f"举证/{one.name}")
    return path


def check(path: Path, reference: Reference | None = None) -> CheckReport:
    with open_delivery(path) as source:
        return run(source, load_standard("TDT1057-2020"), RuleSet(RULES), reference)


def reference(made: Simulated, *patches: Parcel) -> Reference:
    devices = pa.table({"device": list(made.devices), "public_key": [key.hex() for key in made.devices.values()]})
    parts = {DEVICES: ReferencePart(devices)}
    if patches:
        rows = pa.table({"JCBH": [one.JCBH for one in patches], "TBLX": [one.TBLX for one in patches]})
        parts[MONITORING] = ReferencePart(rows, np.array([one.geometry for one in patches], object))
    return Reference("TDT1057-2020", "990101", parts)


def test_a_delivery_without_evidence_says_so(tmp_path: Path, parcels: list[Parcel]) -> None:
    """Q701 stands as not run, with the reason: a clean report must not look as if photos had been checked."""
    found = check(county(tmp_path, parcels))
    assert found.rules_run == ()
    assert {one.rule: one.reason for one in found.rules_not_run}["Q701"].startswith("成果中没有举证包")


def test_honest_evidence_is_clean(tmp_path: Path, honest: Simulated) -> None:
    """Without a register the own certificates are used, and the report says that the register was not at hand."""
    found = check(delivered(tmp_path, list(honest.parcels), honest.path))
    assert found.findings == ()
    assert {one.rule for one in found.rules_not_run} == {"Q701.devices", "Q701.monitoring"}
    assert check(delivered(tmp_path, list(honest.parcels), honest.path), reference(honest)).findings == ()


def test_seeded_defects_become_findings(tmp_path: Path, seeded: Simulated) -> None:
    """Every seeded defect and nothing else, each with severity, measured value, limit and its own geometry."""
    found = check(delivered(tmp_path, list(seeded.parcels), seeded.path), reference(seeded)).findings
    photos = Counter(one.ids[1] for one in found if len(one.ids) > 1)
    expected = {name: len(checks) for name, checks in seeded.truth.items()}
    twice = next(name for name, checks in seeded.truth.items() if checks == ("id",))
    expected[twice] = 2  # both photos of one id
    assert photos == expected
    lacking = {one.ids[0] for one in found if len(one.ids) == 1}
    assert set(seeded.incomplete) < lacking and len(lacking) == 2
    assert {one.severity for one in found} == {"Z"}
    kinds = {one.message_zh.split(": ")[1].split(" — ")[0]: one for one in found if len(one.ids) > 1}
    assert kinds["拍摄位置"].geometry.geom_type == "LineString"
    assert (kinds["拍摄位置"].limit, kinds["拍摄位置"].unit) == (100.0, "m")
    assert kinds["拍摄方向"].geometry.geom_type == "Polygon"
    assert kinds["设备时钟"].measured == 300.0
    assert all(one.geometry is not None and one.remedy_zh for one in found)
    assert len({one.fingerprint for one in found}) == len(found)


def test_every_monitoring_patch_needs_photos(tmp_path: Path, honest: Simulated, parcels: list[Parcel]) -> None:
    """A patch of the national list without a photo is a finding in the shape of the patch."""
    known = reference(honest, *honest.parcels, parcels[6])
    found = check(delivered(tmp_path, list(parcels[:8]), honest.path), known).findings
    assert [one.ids for one in found] == [(parcels[6].JCBH,)]
    assert found[0].geometry.equals_exact(parcels[6].geometry, 1e-8)


def test_photos_of_no_parcel_of_the_delivery(tmp_path: Path, honest: Simulated) -> None:
    found = check(delivered(tmp_path, list(honest.parcels[1:]), honest.path)).findings
    assert {one.ids[0] for one in found} == {honest.parcels[0].JCBH}
    assert len(found) == 3


def test_a_broken_package_is_a_finding_and_no_error(tmp_path: Path, honest: Simulated) -> None:
    """A zip that says it is evidence and breaks off does not stop the check."""
    broken = tmp_path / "broken.zip"
    content = honest.path.read_bytes()
    at = content.index(b"\xff\xd8\xff", 5000)
    broken.write_bytes(content[: at + 400] + bytes(200) + content[at + 600 :])
    found = check(delivered(tmp_path / "d", list(honest.parcels), broken, honest.path)).findings
    assert [one.measured for one in found] == ["broken.zip"]
    assert "broken.zip" in found[0].message_zh
