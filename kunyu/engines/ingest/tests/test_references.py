"""The node's reference pack: what it knows, for whom, and the same report on a laptop (contract.md, `kunyu check`)."""

from __future__ import annotations

import json
from pathlib import Path

import pyogrio
import pytest
import shapely

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest import references
from kunyu.engines.ingest.checks.reference_file import inspect_pack, read_pack
from kunyu.engines.ingest.checks.reference_trust import only
from kunyu.engines.ingest.models import CheckRun
from kunyu.engines.ingest.publish import publish
from kunyu.engines.ingest.storage import content_of, object_store
from kunyu.engines.ingest.tests.delivered_files import COUNTY, OPERATOR, SURVEY, accepted
from kunyu.engines.security.keys import node_signer
from kunyu.engines.security.models import AuditEntry
from kunyu.project.cli.main import run as command

ALL = frozenset({
    "control_areas", "coefficients", "units", "neighbours", "retired", "exceptions", "base.DLTB", "base.XZQ",
    "base.CJDCQ", "devices", "control.STBHHX",
})  # fmt: skip


def issue(path: Path, wanted=ALL, principal=OPERATOR, division: str = COUNTY):
    issued = references.write(load_standard(SURVEY), division, principal, wanted, path, 2025)
    return issued, read_pack(path, only([node_signer().public_key]))


@pytest.fixture
def published(node: None, sample: Path) -> None:
    publish(accepted(sample / "county.gpkg", standard=SURVEY, valid_from=None).pk, OPERATOR)


def test_a_pack_holds_what_rules_of_the_delivered_layers_ask_for():
    survey = load_standard(SURVEY)
    full = references.needed_parts(survey, {"DLTB", "XZQ", "CJDCQ"})
    assert {"exceptions", "neighbours", "units"} <= full
    assert not {"control_areas", "coefficients"} & full  # an earlier delivery does not bind one that replaces it
    assert not [one for one in full if one.startswith("base.")]
    package = references.needed_parts(survey, {"DLTBGX", "DLTBGXGC"})
    assert {"base.DLTB", "retired", "control_areas"} <= package
    assert "base.DLTB" not in references.needed_parts(survey, with_base=False)
    assert "control.STBHHX" in references.needed_parts(survey, {"YJJBNTTB"})  # a rule reads it where it is there


def test_an_empty_node_knows_its_exceptions_and_nothing_else(node, tmp_path):
    issued, known = issue(tmp_path / "a.kyref")
    assert issued.parts == ("exceptions",)
    assert len(known.parts["exceptions"]) == 0


def test_what_is_published_is_known(published, sample, tmp_path, sql):
    issued, known = issue(tmp_path / "a.kyref")
    assert set(issued.parts) == {
        "control_areas", "coefficients", "units", "retired", "exceptions", "base.DLTB", "base.XZQ", "base.CJDCQ"
    }  # fmt: skip
    ((rows, area),) = sql("SELECT count(*), sum(\"TBMJ\") FROM onemap.dltb_tdt1057_2020 WHERE county = '990101'")
    parcels = known.parts["base.DLTB"]
    assert (len(parcels), known.rows("base.DLTB").column("BSM").to_pylist()[0][:6]) == (rows, COUNTY)
    assert sum(known.rows("base.DLTB").column("TBMJ").to_pylist()) == pytest.approx(float(area), abs=0.01)
    stored = sql("SELECT ST_AsBinary(geom) FROM onemap.dltb_tdt1057_2020 WHERE county = '990101' ORDER BY \"BSM\"")
    exact = shapely.from_wkb([bytes(one) for (one,) in stored])
    assert shapely.equals_exact(parcels.geometry, exact, tolerance=0).all()  # not a bit is lost on the way
    assert len(known.rows("retired")) == 0
    assert known.parts["base.DLTB"].source["version"] == 1 and known.parts["base.DLTB"].source["digest"]
    villages = sql("SELECT count(*) FROM onemap.qsdwdmb_tdt1057_2020 WHERE county = '990101'")[0][0]
    assert len(known.rows("units")) >= villages > 0


def test_the_same_knowledge_has_the_same_digest(published, tmp_path):
    first, second = issue(tmp_path / "a.kyref")[0], issue(tmp_path / "b.kyref")[0]
    assert first.digest == second.digest
    assert inspect_pack(tmp_path / "a.kyref").digest == first.digest


def test_records_that_ended_are_retired(published, sample, tmp_path):
    package = next(sample.glob("change-*.gpkg"))
    publish(accepted(package, standard=SURVEY, valid_from=None).pk, OPERATOR)
    _, known = issue(tmp_path / "a.kyref")
    before = set(pyogrio.read_arrow(package, layer="DLTBGXGC")[1].column("BGQTBBSM").to_pylist()) - {None}
    ended = before - set(pyogrio.read_arrow(package, layer="DLTBGX")[1].column("BSM").to_pylist())
    retired = known.rows("retired").to_pylist()
    assert {one["BSM"] for one in retired if one["layer"] == "DLTB"} == ended != set()
    alive = set(known.rows("base.DLTB").column("BSM").to_pylist())
    assert not alive & ended


def test_neighbours_are_known_along_the_border(published, tmp_path, sql):
    """Another county's townships near the own county, with the day they became true; nothing else of that county."""
    sql("CREATE TABLE onemap.xzq_tdt1057_2020_p990102 PARTITION OF onemap.xzq_tdt1057_2020 FOR VALUES IN ('990102')")
    from kunyu.engines.catalogue.models import DatasetVersion, Layer

    layer = Layer.objects.get(code="XZQ", standard_id=SURVEY)
    version = DatasetVersion.objects.create(
        layer=layer, county="990102", number=4, valid_from="2023-12-31", status="published", digest="f" * 64
    )
    own = DatasetVersion.objects.get(layer=layer, county=COUNTY)
    _, south, east, north = own.extent
    for name, place in (("990102001000000001", (east, south, east + 0.1, north)),
                        ("990102001000000002", (east + 2, south, east + 2.1, north))):  # fmt: skip
        sql('INSERT INTO onemap.xzq_tdt1057_2020 (fid, county, "BSM", geom, valid, known, version_id, digest) VALUES '
            "(%s, '990102', %s, ST_Multi(ST_MakeEnvelope(%s, %s, %s, %s, 4490)), daterange('2023-12-31', NULL), "
            "tstzrange(now(), NULL), %s, '\\x00')", int(name[-3:]), name, *place, version.pk)  # fmt: skip
    _, known = issue(tmp_path / "a.kyref")
    assert known.rows("neighbours").to_pylist() == [
        {"XZQDM": "990102", "BSM": "990102001000000001", "valid_from": "2023-12-31"}
    ]
    assert known.parts["neighbours"].geometry[0].bounds == pytest.approx((east, south, east + 0.1, north))


def laptop(file: Path, pack: Path, capfdbinary) -> bytes:
    """What `kunyu check --reference` prints, the node's certificate given."""
    (pack.parent / "node.pem").write_bytes(node_signer().certificate.pem())
    capfdbinary.readouterr()
    command(["check", str(file), "--standard", SURVEY, "--reference", str(pack), "--reference-key",
             str(pack.parent / "node.pem"), "--json"])  # fmt: skip
    return capfdbinary.readouterr().out.rstrip(b"\n")


def test_a_laptop_with_the_deliverys_pack_writes_the_same_report(published, sample, tmp_path, capfdbinary):
    """Byte for byte, for the change package: rules that need the stored state ran at both places."""
    package = next(sample.glob("change-*.gpkg"))
    delivery = accepted(package, standard=SURVEY, valid_from=None)
    run = CheckRun.objects.get(delivery=delivery)
    assert object_store().exists(run.reference_sm3) and len(run.reference_digest) == 64
    with object_store().open(run.reference_sm3) as stored:
        (tmp_path / "delivery.kyref").write_bytes(stored.read())
    with object_store().open(run.reports["json"]) as stored:
        told = stored.read()
    assert laptop(package, tmp_path / "delivery.kyref", capfdbinary) == told
    said = json.loads(told)
    assert said["reference"] == run.reference_digest
    assert {"Q601"} <= set(said["rules_run"])
    assert inspect_pack(content_of(run.reference_sm3)).heading.year == 2025


def test_issuing_is_on_record(published, tmp_path):
    issued = references.issue(OPERATOR, SURVEY, COUNTY, tmp_path / "a.kyref", with_base=True)
    entry = AuditEntry.objects.filter(action="issue-reference").latest("pk")
    assert (entry.object_id, entry.detail["digest"]) == (f"{SURVEY}/{COUNTY}", issued.digest)
    assert "base.DLTB" in issued.parts
    light = references.issue(OPERATOR, SURVEY, COUNTY, tmp_path / "b.kyref")
    assert not [one for one in light.parts if one.startswith("base.")]


def test_the_command_writes_a_pack(published, tmp_path, capsys):
    out = tmp_path / "pack.kyref"
    assert command(["reference", COUNTY, str(out), "--standard", SURVEY, "--with-base", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == inspect_pack(out).digest and "base.DLTB" in told["parts"]
    assert command(["reference", "990199", str(out), "--standard", SURVEY]) != 0
