"""The reference pack as a file: what is written is read, and nothing else is believed (contract.md, `kunyu check`)."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from docx import Document

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.reference import CONTROL_AREAS, EXCEPTIONS, NEIGHBOURS, ReferencePart
from kunyu.engines.ingest.checks.reference_errors import (
    ReferenceAltered,
    ReferenceNotForThis,
    ReferenceNotTrusted,
    ReferenceUnreadable,
)
from kunyu.engines.ingest.checks.reference_file import (
    MANIFEST,
    SIGNATURE,
    Heading,
    PartContent,
    inspect_pack,
    read_pack,
    write_pack,
)
from kunyu.engines.ingest.checks.reference_trust import key_file, on_first_use, only
from kunyu.engines.ingest.checks.report.write import write_report
from kunyu.engines.ingest.checks.runner import run
from kunyu.engines.ingest.checks.tests.signers import ISSUED, TestSigner
from kunyu.engines.ingest.reading import open_delivery
from kunyu.engines.ingest.unpacking import UnpackLimits
from kunyu.kernel.digests import canonical_json, sm3_hex
from kunyu.project.cli.main import run as command

SURVEY = "TDT1057-2020"
HEADING = Heading(SURVEY, "0" * 64, "990101", 2024)
PARTS = {
    NEIGHBOURS: ReferencePart(
        pa.table({"XZQDM": ["990102"], "BSM": ["990102100000000001"], "valid_from": ["2024-12-31"]}),
        np.array([shapely.box(113.1, 34.5, 113.2, 34.6)], object), {"dataset": "10401-001", "version": 3},
    ),
    CONTROL_AREAS: ReferencePart(pa.table({"XZQDM": ["990101"], "KZMJ": [12345678.25]}), source={"delivery": 7}),
    EXCEPTIONS: ReferencePart(
        pa.table({name: pa.array([], pa.string()) for name in ("rule", "fingerprint", "number", "reason")})
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def signer() -> TestSigner:
    return TestSigner.make()


def write(path: Path, signer: TestSigner, heading: Heading = HEADING, issued=ISSUED, **more: ReferencePart) -> str:
    return write_pack(path, heading, {k: PartContent.of(v) for k, v in (PARTS | more).items()}, signer, issued)


def anybody(_signed) -> None:
    """Accept whoever signed: these tests are about the rest."""


@pytest.fixture
def pack(tmp_path, signer) -> Path:
    write(tmp_path / "a.kyref", signer)
    return tmp_path / "a.kyref"


def rewritten(pack: Path, **changed: bytes | None) -> Path:
    """The pack with members replaced (None: left out), as somebody with a zip program would."""
    names = {"manifest": MANIFEST, "signature": SIGNATURE, "part": f"parts/{CONTROL_AREAS}.parquet"}
    wanted = {names[key]: content for key, content in changed.items()}
    out = pack.with_name("changed.kyref")
    with zipfile.ZipFile(pack) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        for info in source.infolist():
            content = wanted.get(info.filename, source.read(info))
            if content is not None:
                target.writestr(info.filename, content)
    return out


def test_what_is_written_is_read(pack, signer):
    found = read_pack(pack, only([signer.certificate.public_key]))
    assert (found.standard, found.division, found.year) == (SURVEY, "990101", 2024)
    assert found.issued_by == signer.certificate.subject and "node-1" in found.issued_by
    assert set(found.parts) == set(PARTS)
    for name, part in PARTS.items():
        assert found.rows(name).equals(part.rows), name
        assert dict(found.parts[name].source) == dict(part.source)
    assert shapely.equals_exact(found.parts[NEIGHBOURS].geometry, PARTS[NEIGHBOURS].geometry).all()
    assert found.has(EXCEPTIONS) and len(found.parts[EXCEPTIONS]) == 0  # known, and there are none
    assert not found.has("retired")


def test_the_same_knowledge_has_the_same_digest_whenever_it_is_issued(tmp_path, signer):
    first = write(tmp_path / "1.kyref", signer)
    later = write(tmp_path / "2.kyref", signer, issued=ISSUED + timedelta(days=1))
    other = write(tmp_path / "3.kyref", signer, retired=ReferencePart(pa.table({"layer": ["DLTB"], "BSM": ["1"]})))
    assert first == later != other
    assert inspect_pack(tmp_path / "2.kyref").issued_at == ISSUED + timedelta(days=1)
    with zipfile.ZipFile(tmp_path / "1.kyref") as packed:
        assert sm3_hex(packed.read(MANIFEST)) == first
        names = [f"parts/{name}.parquet" for name in sorted(PARTS)]
        assert packed.namelist() == [MANIFEST, *names, SIGNATURE]


def test_a_changed_manifest_is_refused(pack, signer):
    with zipfile.ZipFile(pack) as packed:
        said = json.loads(packed.read(MANIFEST))
    said["division"] = "990102"
    with pytest.raises(ReferenceAltered, match="清单"):
        read_pack(rewritten(pack, manifest=canonical_json(said)), anybody)


def test_a_changed_part_is_refused(pack, tmp_path, signer):
    forged = dict(PARTS) | {CONTROL_AREAS: ReferencePart(pa.table({"XZQDM": ["990101"], "KZMJ": [1.0]}))}
    write(tmp_path / "forged.kyref", signer, **forged)
    with zipfile.ZipFile(tmp_path / "forged.kyref") as packed:
        content = packed.read(f"parts/{CONTROL_AREAS}.parquet")
    with pytest.raises(ReferenceAltered, match=CONTROL_AREAS):
        read_pack(rewritten(pack, part=content), anybody)
    with pytest.raises(ReferenceAltered, match=CONTROL_AREAS):
        read_pack(rewritten(pack, part=None), anybody)


def test_a_manifest_signed_again_by_another_is_somebody_elses(pack, tmp_path, signer):
    """An attacker can sign anything with a key of his own, and name himself as the node: trust is in the key."""
    thief = TestSigner.make(signer.node_id, signer.name)
    write(tmp_path / "theirs.kyref", thief)
    with pytest.raises(ReferenceNotTrusted):
        read_pack(tmp_path / "theirs.kyref", only([signer.certificate.public_key]))
    with zipfile.ZipFile(tmp_path / "theirs.kyref") as packed:
        said = json.loads(packed.read(SIGNATURE))
    said["certificate"] = signer.certificate.pem().decode()
    with pytest.raises(ReferenceAltered, match="签名不符"):  # another's certificate put under one's own signature
        read_pack(rewritten(tmp_path / "theirs.kyref", signature=canonical_json(said)), anybody)


def test_an_unsigned_pack_is_refused(pack):
    with pytest.raises(ReferenceAltered, match="没有签名"):
        read_pack(rewritten(pack, signature=None), anybody)
    with pytest.raises(ReferenceAltered):
        read_pack(rewritten(pack, signature=b"{}"), anybody)


def test_the_time_of_issue_is_signed_too(pack):
    with zipfile.ZipFile(pack) as packed:
        said = json.loads(packed.read(SIGNATURE))
    said["signed"]["issued_at"] = "2026-12-01T00:00:00+00:00"
    with pytest.raises(ReferenceAltered):
        read_pack(rewritten(pack, signature=canonical_json(said)), anybody)


def test_a_pack_issued_outside_the_certificates_time_is_refused(tmp_path, signer):
    write(tmp_path / "late.kyref", signer, issued=ISSUED + timedelta(days=4000))
    with pytest.raises(ReferenceAltered, match="有效期"):
        read_pack(tmp_path / "late.kyref", anybody)


def test_every_truncation_is_refused(pack):
    whole = pack.read_bytes()
    cut = pack.with_name("cut.kyref")
    for length in (0, 10, len(whole) // 3, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        cut.write_bytes(whole[:length])
        with pytest.raises(ReferenceUnreadable):
            read_pack(cut, anybody)


def test_every_changed_byte_is_refused_or_changes_nothing(pack):
    """Flip one byte at a time, spread over the whole file: an error of ours each time, or the very same content."""
    whole, good = pack.read_bytes(), read_pack(pack, anybody)
    bad = pack.with_name("bad.kyref")
    refused = 0
    for at in range(0, len(whole), max(1, len(whole) // 400)):
        bad.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            found = read_pack(bad, anybody)
        except (ReferenceUnreadable, ReferenceAltered):
            refused += 1
            continue
        assert found.digest == good.digest
        assert all(found.rows(name).equals(good.rows(name)) for name in good.parts)
    assert refused > 350


def test_limits_hold_before_anything_is_read(pack):
    with pytest.raises(ReferenceUnreadable, match="上限 2"):
        read_pack(pack, anybody, UnpackLimits(max_files=2))
    with pytest.raises(ReferenceUnreadable, match="上限 100"):
        read_pack(pack, anybody, UnpackLimits(max_bytes=100))
    packed = pack.with_name("packed.kyref")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr(MANIFEST, b" " * 10_000_000)
    with pytest.raises(ReferenceUnreadable, match="压缩"):
        read_pack(packed, anybody)


def test_a_node_is_trusted_on_first_use_and_held_to_its_key(tmp_path, signer):
    notes: list[str] = []
    accept = on_first_use(lambda zh, en: notes.append(zh + en), tmp_path / "trust")
    write(tmp_path / "1.kyref", signer)
    read_pack(tmp_path / "1.kyref", accept)
    assert len(notes) == 1 and signer.certificate.fingerprint in notes[0]
    read_pack(tmp_path / "1.kyref", accept)
    assert len(notes) == 1
    write(tmp_path / "2.kyref", TestSigner.make(signer.node_id))
    with pytest.raises(ReferenceNotTrusted, match="换了签名密钥"):
        read_pack(tmp_path / "2.kyref", accept)
    write(tmp_path / "3.kyref", TestSigner.make("node-2"))  # another node is another first use
    read_pack(tmp_path / "3.kyref", accept)
    (tmp_path / "trust" / "node-1.pem").write_text("garbage")
    with pytest.raises(ReferenceNotTrusted, match="无法读取"):
        read_pack(tmp_path / "1.kyref", accept)


def test_a_name_of_a_node_never_leaves_the_folder_of_trust(tmp_path):
    write(tmp_path / "1.kyref", TestSigner.make("../../evil"))
    read_pack(tmp_path / "1.kyref", on_first_use(lambda zh, en: None, tmp_path / "a" / "trust"))
    assert [one.name for one in (tmp_path / "a" / "trust").iterdir()] == ["______evil.pem"]
    assert not (tmp_path / "evil.pem").exists()


# --- the command ---
@pytest.fixture(scope="module")
def county(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("county")
    assert command(["sample", "county", str(folder), "--parcels", "300", "--seed", "5", "--defects", "Q303:2"]) == 0
    return folder / "county.gpkg"


def checked(county: Path, pack: Path, *options: str, capsys) -> tuple[int, dict, str]:
    capsys.readouterr()
    code = command(["check", str(county), "--standard", SURVEY, "--json", "--reference", str(pack), *options])
    told = capsys.readouterr()
    return code, json.loads(told.out), told.err


def test_an_exception_takes_a_finding_out_of_the_count_and_shows_it(county, tmp_path, signer, capsys, monkeypatch):
    """R-185: known exceptions travel in the pack; the report names the pack by its content digest."""
    monkeypatch.setenv("KUNYU_TRUST", str(tmp_path / "trust"))
    with open_delivery(county) as source:
        plain = run(source, load_standard(SURVEY))
    first, second = [one for one in plain.findings if one.rule == "Q303"]
    accepted = pa.table({
        "rule": ["Q303"], "fingerprint": [first.fingerprint], "number": ["1"], "reason": ["河流改道, 见举证"]
    })  # fmt: skip
    known = {EXCEPTIONS: PartContent.of(ReferencePart(accepted))}
    digest = write_pack(tmp_path / "1.kyref", HEADING, known, signer, ISSUED)
    code, report, told = checked(county, tmp_path / "1.kyref", capsys=capsys)
    assert code == 1
    assert report["reference"] == digest
    assert [one["fingerprint"] for one in report["excepted"]] == [first.fingerprint]
    assert [one["fingerprint"] for one in report["findings"] if one["rule"] == "Q303"] == [second.fingerprint]
    assert sum(report["summary"].values()) == len(report["findings"]) == len(plain.findings) - 1
    assert signer.certificate.fingerprint in told  # first use is said
    _, again, told = checked(county, tmp_path / "1.kyref", capsys=capsys)
    assert again == report and signer.certificate.fingerprint not in told


def test_without_a_pack_the_report_has_no_new_keys(county, capsys):
    capsys.readouterr()
    assert command(["check", str(county), "--standard", SURVEY, "--json"]) == 1
    assert not {"reference", "excepted"} & set(json.loads(capsys.readouterr().out))


def test_the_key_given_must_be_the_signers(county, tmp_path, signer, capsys):
    write(tmp_path / "1.kyref", signer)
    (tmp_path / "right.pem").write_bytes(signer.certificate.pem())
    (tmp_path / "wrong.pem").write_bytes(TestSigner.make().certificate.pem())
    code, report, told = checked(
        county, tmp_path / "1.kyref", "--reference-key", str(tmp_path / "right.pem"), capsys=capsys
    )
    assert code == 1 and "reference" in report and told == ""
    code, problem, _ = checked(
        county, tmp_path / "1.kyref", "--reference-key", str(tmp_path / "wrong.pem"), capsys=capsys
    )
    assert (code, problem["code"]) == (4, "reference.not_trusted")
    assert key_file(tmp_path / "right.pem") == (signer.certificate.public_key,)
    assert command(["check", str(county), "--standard", SURVEY, "--reference-key", str(tmp_path / "right.pem")]) == 2


@pytest.mark.parametrize(
    ("heading", "code", "name"),
    [
        (replace(HEADING, division="990102"), 4, "reference.not_for_this"),
        (replace(HEADING, standard="MNR-CONTROL-2021"), 4, "reference.not_for_this"),
    ],
)
def test_a_foreign_pack_is_refused(county, tmp_path, signer, capsys, monkeypatch, heading, code, name):
    monkeypatch.setenv("KUNYU_TRUST", str(tmp_path / "trust"))
    write(tmp_path / "1.kyref", signer, heading)
    ended, problem, _ = checked(county, tmp_path / "1.kyref", capsys=capsys)
    assert (ended, problem["code"]) == (code, name)
    assert problem["detail_zh"] and problem["detail_en"]


def test_a_file_that_is_no_pack_cannot_be_read(county, tmp_path, capsys):
    (tmp_path / "x.kyref").write_bytes(b"not a pack")
    code, problem, _ = checked(county, tmp_path / "x.kyref", capsys=capsys)
    assert (code, problem["code"]) == (3, "reference.unreadable")
    code, problem, _ = checked(county, tmp_path / "none.kyref", capsys=capsys)
    assert (code, problem["code"]) == (3, "reference.unreadable")


def test_an_unsigned_pack_ends_with_4(county, pack, capsys):
    code, problem, _ = checked(county, rewritten(pack, signature=None), capsys=capsys)
    assert (code, problem["code"]) == (4, "reference.altered")


def test_foreign_packs_are_told_before_rules_run(tmp_path, signer, county):
    reference = read_pack((write(tmp_path / "1.kyref", signer), tmp_path / "1.kyref")[1], anybody)
    with open_delivery(county) as source, pytest.raises(ReferenceNotForThis):
        run(source, load_standard(SURVEY), reference=replace(reference, division="990102"), division="990101")


def test_findings_stream_out_as_rules_end(county, tmp_path, capsys):
    capsys.readouterr()
    lines = tmp_path / "found.ndjson"
    assert command(["check", str(county), "--standard", SURVEY, "--json", "--stream", str(lines)]) == 1
    report = json.loads(capsys.readouterr().out)
    streamed = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    order = [one["fingerprint"] for one in report["findings"]]
    assert sorted(order) == sorted(one["fingerprint"] for one in streamed)
    assert all(one in report["findings"] for one in streamed)
    assert command(["check", str(county), "--standard", SURVEY, "--stream", str(tmp_path / "no" / "x")]) == 2


def test_a_pack_is_read_without_django(pack):
    script = (
        "import sys; sys.modules['django'] = None\n"
        "from pathlib import Path\n"
        "from kunyu.engines.ingest.checks.reference_file import read_pack\n"
        "from kunyu.engines.ingest.checks.reference_trust import on_first_use\n"
        f"found = read_pack(Path({str(pack)!r}), on_first_use(lambda zh, en: None, Path({str(pack.parent / 't')!r})))\n"
        "print(found.division)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.stdout.strip() == "990101", ended.stderr


def test_every_form_of_the_report_lists_exceptions_apart(county, tmp_path, signer):
    with open_delivery(county) as source:
        plain = run(source, load_standard(SURVEY))
    first = next(one for one in plain.findings if one.rule == "Q303")
    row = {"rule": ["Q303"], "fingerprint": [first.fingerprint], "number": ["1"], "reason": ["属实"]}
    write(tmp_path / "1.kyref", signer, **{EXCEPTIONS: ReferencePart(pa.table(row))})
    reference = read_pack(tmp_path / "1.kyref", anybody)
    with open_delivery(county) as source:
        report = run(source, load_standard(SURVEY), reference=reference)
    for form in ("html", "docx", "gpkg"):
        write_report(report, tmp_path / f"r.{form}")
    assert "已确认的例外" in (tmp_path / "r.html").read_text("utf-8")
    assert any("已确认的例外" in one.text for one in Document(str(tmp_path / "r.docx")).paragraphs)
    layers = {name for name, _ in pyogrio.list_layers(tmp_path / "r.gpkg")}
    assert {"findings_polygons", "findings_tables", "exceptions_polygons"} <= layers
    apart = pyogrio.read_arrow(tmp_path / "r.gpkg", layer="exceptions_polygons")[1].column("fingerprint").to_pylist()
    counted = pyogrio.read_arrow(tmp_path / "r.gpkg", layer="findings_polygons")[1].column("fingerprint").to_pylist()
    assert apart == [first.fingerprint] and first.fingerprint not in counted
