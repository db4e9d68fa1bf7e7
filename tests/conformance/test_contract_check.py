"""contract.md, "Commands", "kunyu check" and "kunyu sample": judged from outside, without a node."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import pyproj
import pytest
import shapely
from shapely.geometry import shape

from tests.conformance.commands import (
    DONE,
    FOUND,
    PROBLEM_KEYS,
    UNAVAILABLE,
    UNREADABLE,
    USAGE,
    Ended,
    check,
    kunyu,
    without_node,
)  # fmt: skip

PARCELS = 150
REPORT_KEYS = {
    "schema", "input_sm3", "standard", "edition", "crs", "layers", "rules_run", "rules_not_run", "summary", "findings",
}  # fmt: skip
FINDING_KEYS = {
    "rule", "clause", "severity", "layer", "ids", "geometry", "measured", "limit", "unit", "message_zh", "message_en",
    "remedy_zh", "fingerprint",
}  # fmt: skip
FIRST_RULES = [
    f"Q{n}" for n in (*range(201, 212), *range(301, 305), *range(501, 504), *range(505, 509), *range(510, 518))
]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """County without defects."""
    folder = tmp_path_factory.mktemp("clean")
    assert kunyu("sample", "county", folder, "--parcels", PARCELS, "--seed", 3, "--json").code == DONE
    return folder / "county.gpkg"


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The same county with one defect of every kind, in the format asked for; made once per format."""
    folder, made = tmp_path_factory.mktemp("spoiled"), {}

    def make(form: str) -> Path:
        if form not in made:
            options = ("--parcels", PARCELS, "--seed", 7, "--defects", "all:1", "--format", form)
            assert kunyu("sample", "county", folder / form, *options, "--json").code == DONE
            made[form] = next((folder / form).glob("county*"))
        return made[form]

    return make


@pytest.fixture(scope="module")
def faults(spoiled: Callable[[str], Path]) -> Ended:
    """The report about the spoiled GeoPackage."""
    return check(spoiled("gpkg"))


def edited(source: Path, target: Path, *statements: str) -> Path:
    """A copy of a GeoPackage after SQL statements; its triggers, which want GDAL's functions, are dropped first."""
    shutil.copy(source, target)
    with sqlite3.connect(target) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            database.execute(statement)
    database.close()
    return target


def parcels(source: Path) -> tuple[dict[str, Any], pa.Table, np.ndarray]:
    """Metadata, table and shapes of DLTB."""
    meta, table = pyogrio.read_arrow(source, layer="DLTB")
    return meta, table, shapely.from_wkb(table[meta["geometry_name"] or "geom"].to_pylist())


def rewritten(
    source: Path, target: Path, table: pa.Table, shapes: Any, others: tuple[str, ...] = ("CJDCQ", "XZQ")
) -> Path:
    """A GeoPackage with DLTB of these rows and shapes, and other layers of ``source`` as they are."""
    meta, _, _ = parcels(source)
    name = meta["geometry_name"] or "geom"
    given = pa.array([None if one is None else shapely.to_wkb(one) for one in shapes], pa.binary())
    table = table.set_column(table.column_names.index(name), name, given)
    options = {"driver": "GPKG", "geometry_name": name, "geometry_type": "Polygon", "crs": meta["crs"]}
    pyogrio.write_arrow(table, target, layer="DLTB", **options)
    for layer in others:
        _, rows = pyogrio.read_arrow(source, layer=layer)
        pyogrio.write_arrow(rows, target, layer=layer, append=True, **options)
    return target


def rules(report: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Findings by rule."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in report["findings"]:
        found.setdefault(one["rule"], []).append(one)
    return found


def test_a_clean_county_ends_with_0_and_one_document(clean: Path) -> None:
    """Exit code 0; every rule of the first set ran; what did not run says why."""
    ended = check(clean)
    report = ended.document
    assert ended.code == DONE and set(report) == REPORT_KEYS and report["schema"] == 1
    assert report["findings"] == [] and report["summary"] == {"S": 0, "Z": 0, "Q": 0, "W": 0}
    assert (report["standard"], report["edition"], report["crs"]) == ("TDT1057-2020", "2020", "EPSG:4526")
    assert set(FIRST_RULES) <= set(report["rules_run"]) and report["rules_run"] == sorted(report["rules_run"])
    assert {"name": "DLTB", "records": PARCELS} in report["layers"]
    assert all(one["reason"] for one in report["rules_not_run"])
    assert not {one["rule"] for one in report["rules_not_run"]} & set(report["rules_run"])
    assert ended.stderr == ""  # progress only on a terminal


def test_the_same_input_gives_the_same_bytes_anywhere(
    spoiled: Callable[[str], Path], faults: Ended, tmp_path: Path
) -> None:
    """Canonical: another folder, name, working directory; a zip of it has the same findings."""
    place = tmp_path / "成果 甲" / "第二次 county.gpkg"
    place.parent.mkdir()
    shutil.copy(spoiled("gpkg"), place)
    again = check(Path(place.name), folder=place.parent)
    assert again.code == faults.code == FOUND and again.stdout == faults.stdout
    with zipfile.ZipFile(tmp_path / "夹 一.zip", "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.write(place, "内 层/county.gpkg")
    assert check(tmp_path / "夹 一.zip").document["findings"] == faults.document["findings"]


def test_findings_have_the_published_form(faults: Ended) -> None:
    """Keys, severities, geometry in longitude and latitude, sorted by rule, fingerprints once each."""
    report = faults.document
    findings = report["findings"]
    assert all(set(one) == FINDING_KEYS for one in findings)
    assert {one: sum(f["severity"] == one for f in findings) for one in "SZQW"} == report["summary"]
    assert [one["rule"] for one in findings] == sorted(one["rule"] for one in findings)
    assert len({one["fingerprint"] for one in findings}) == len(findings)
    for one in findings:
        assert one["message_zh"] and one["message_en"] and one["remedy_zh"] and one["clause"]
        if one["geometry"] is not None:
            west, south, east, north = shape(one["geometry"]).bounds
            assert 113.5 < west <= east < 114.5 and 34 < south <= north < 35


def test_every_seeded_defect_is_reported_under_its_rule(spoiled: Callable[[str], Path], faults: Ended) -> None:
    """truth.json: each entry's rules fire for its ids."""
    found = rules(faults.document)
    truth = json.loads(spoiled("gpkg").with_name("truth.json").read_text("utf-8"))
    for entry in (one for one in truth if one["file"] == "county"):
        for rule in entry["rule"]:
            named = [set(one["ids"]) for one in found[rule]]
            assert any(set(entry["ids"]) <= ids or ids & set(entry["ids"]) or not entry["ids"] for ids in named), entry


@pytest.mark.parametrize("form", ["shp", "gdb", "parquet"])
def test_formats_agree_on_findings(spoiled: Callable[[str], Path], faults: Ended, form: str) -> None:
    """What a format can hold it reports alike, to the byte; DBF alone declares another type for one field."""
    found = check(spoiled(form)).document["findings"]
    expected = faults.document["findings"]
    assert [one for one in found if one["rule"] != "Q201"] == [one for one in expected if one["rule"] != "Q201"]
    if form != "shp":
        assert found == expected


def test_order_of_records_and_rings_changes_nothing(clean: Path, tmp_path: Path) -> None:
    """Fingerprints, and the findings that bear them, outlive another order of rows and vertices."""
    _, table, shapes = parcels(clean)
    shapes[3], shapes[7] = shapely.buffer(shapes[3], 1.5), shapely.buffer(shapes[7], -2)
    order = np.random.default_rng(0).permutation(len(shapes))
    turned = [
        shapely.Polygon(np.roll(shapely.get_coordinates(one.exterior)[:-1], -5, axis=0), one.interiors)
        for one in shapes[order]
    ]
    first = check(rewritten(clean, tmp_path / "a.gpkg", table, shapes)).document
    second = check(rewritten(clean, tmp_path / "b.gpkg", table.take(pa.array(order)), turned)).document
    assert {"Q303", "Q507"} <= set(rules(first)) and second["findings"] == first["findings"]


def test_an_overlap_shows_itself(clean: Path, tmp_path: Path) -> None:
    """Q303: a parcel of 2 m × 3 m inside another is found whole, its area right to 0.01 m², its shape the overlap's."""
    _, table, shapes = parcels(clean)
    host = int(np.argmax(shapely.area(shapes)))
    middle = shapely.point_on_surface(shapes[host])
    inside = shapely.box(middle.x, middle.y, middle.x + 2, middle.y + 3)
    extra = table.slice(host, 1)
    for name, value in (("BSM", "990101211090000001"), ("TBBH", "9001")):
        extra = extra.set_column(extra.column_names.index(name), extra.schema.field(name), pa.array([value]))
    path = rewritten(clean, tmp_path / "inside.gpkg", pa.concat_tables([table, extra]), [*shapes, inside])
    (found,) = rules(check(path).document)["Q303"]
    assert found["ids"] == sorted([table["BSM"][host].as_py(), "990101211090000001"])
    assert abs(found["measured"] - 6.0) <= 0.01 and found["unit"] == "m²" and found["severity"] == "S"
    to_plane = pyproj.Transformer.from_crs(4490, 4526, always_xy=True)
    back = shapely.transform(shape(found["geometry"]), lambda xy: np.column_stack(to_plane.transform(*xy.T)))
    assert shapely.area(shapely.symmetric_difference(back, inside)) < 0.01


def test_limits_of_the_figures_are_inclusive(clean: Path, tmp_path: Path) -> None:
    """Q505, Q506: exactly 0.01 m² off is clean, more is not; Q508: a cent too many in a township; Q208: year 2099."""
    with sqlite3.connect(clean) as database:
        query = "SELECT fid, BSM FROM DLTB WHERE KCXS > 0 ORDER BY fid LIMIT 4"
        (one, _), (two, over), (three, _), (four, off) = database.execute(query).fetchall()
    path = edited(
        clean, tmp_path / "edited.gpkg",
        f"UPDATE DLTB SET KCMJ = round(KCMJ + 0.01, 2), TBDLMJ = round(TBDLMJ - 0.01, 2) WHERE fid = {one}",
        f"UPDATE DLTB SET KCMJ = round(KCMJ + 0.02, 2), TBDLMJ = round(TBDLMJ - 0.02, 2) WHERE fid = {two}",
        f"UPDATE DLTB SET TBDLMJ = round(TBDLMJ + 0.01, 2) WHERE fid = {three}",
        f"UPDATE DLTB SET TBDLMJ = round(TBDLMJ + 0.02, 2), SJNF = 2099 WHERE fid = {four}",
        "UPDATE XZQ SET DCMJ = round(DCMJ + 0.01, 2)",
    )  # fmt: skip
    ended = check(path)
    assert ended.code == FOUND
    named = {rule: [one["ids"] for one in found] for rule, found in rules(ended.document).items()}
    town = ["990101111000000001"]  # neither its villages' sum nor, as the only one, the county's control area
    assert named == {"Q505": [[over]], "Q506": [[off]], "Q208": [[off]], "Q508": [town, town]}


def test_a_stray_copy_beside_a_layer_is_one_remark(clean: Path, tmp_path: Path) -> None:
    """Q202 for DLTB_BF, nothing else; remarks do not fail a delivery."""
    path = tmp_path / "stray.gpkg"
    shutil.copy(clean, path)
    meta, table, _ = parcels(clean)
    options = {"driver": "GPKG", "geometry_name": meta["geometry_name"], "geometry_type": "Polygon", "crs": meta["crs"]}
    pyogrio.write_arrow(table, path, layer="DLTB_BF", append=True, **options)
    ended = check(path)
    assert ended.code == DONE
    assert [(one["rule"], one["layer"]) for one in ended.document["findings"]] == [("Q202", "DLTB_BF")]


def test_broken_records_are_findings(clean: Path, tmp_path: Path) -> None:
    """NaN, no geometry, an empty one and text that is no number never end in a defect."""
    _, table, shapes = parcels(clean)
    wild = shapely.get_coordinates(shapes[12])
    wild[3] = np.nan
    shapes[10], shapes[11] = None, shapely.Polygon()
    with np.errstate(invalid="ignore"):
        shapes[12] = shapely.Polygon(wild)
    areas = [str(one) if row != 20 else "约一亩" for row, one in enumerate(table["TBMJ"].to_pylist())]
    table = table.set_column(table.column_names.index("TBMJ"), "TBMJ", pa.array(areas))
    ended = check(rewritten(clean, tmp_path / "broken.gpkg", table, shapes))
    assert ended.code == FOUND
    found, names = rules(ended.document), table["BSM"].to_pylist()
    assert [one["ids"] for one in found["Q301"]] == [[names[10]], [names[11]], [names[12]]]
    assert [names[20]] in [one["ids"] for one in found["Q201"]]


def test_coordinates_outside_their_system_are_found(clean: Path, tmp_path: Path) -> None:
    """Swapped axes: nothing can be measured, and that is a finding of every parcel."""
    _, table, shapes = parcels(clean)
    swapped = shapely.transform(shapes, lambda xy: xy[:, ::-1])
    ended = check(rewritten(clean, tmp_path / "swapped.gpkg", table, swapped, others=()))
    assert ended.code == FOUND and len(rules(ended.document)["Q507"]) == PARCELS


def test_what_a_delivery_leaves_unsaid_is_said(spoiled: Callable[[str], Path], tmp_path: Path) -> None:
    """Without a coordinate system: crs is null, Q507 stands under rules_not_run, places are null."""
    folder = tmp_path / "没有 prj"
    shutil.copytree(spoiled("shp"), folder)
    for path in folder.glob("*.prj"):
        path.unlink()
    report = check(folder).document
    assert report["crs"] is None and "Q507" in {one["rule"] for one in report["rules_not_run"]}
    assert "Q303" in rules(report) and all(one["geometry"] is None for one in report["findings"])


def test_text_in_an_unknown_encoding_is_a_finding(spoiled: Callable[[str], Path], tmp_path: Path) -> None:
    """A shapefile in BIG5 that does not say so: odd names, never a defect of ours (exit code 70)."""
    folder = tmp_path / "big5"
    shutil.copytree(spoiled("shp"), folder)
    (folder / "DLTB.cpg").unlink(missing_ok=True)
    raw = (folder / "DLTB.dbf").read_bytes()
    (folder / "DLTB.dbf").write_bytes(
        raw.replace("水田".encode("gbk"), b"\xa4\xf4\xa5\xff").replace("旱".encode("gbk"), b"\xf9\xff")
    )
    assert check(folder).code == FOUND


def test_reports_repeat_and_the_json_one_is_the_output(
    spoiled: Callable[[str], Path], faults: Ended, tmp_path: Path
) -> None:
    """``--report`` may repeat; the JSON report is what stands on standard output."""
    paths = [tmp_path / f"报告 1.{form}" for form in ("json", "html", "docx", "gpkg")]
    ended = check(spoiled("gpkg"), *(word for path in paths for word in ("--report", path)))
    assert ended.code == FOUND and ended.stdout == faults.stdout
    assert paths[0].read_bytes().strip() == faults.stdout.strip()
    assert [path.read_bytes()[:4] for path in paths[2:]] == [b"PK\x03\x04", b"SQLi"]
    assert "<html" in paths[1].read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("check", "{clean}", "--standard", "TDT9999", "--json"), USAGE),
        (("check", "{clean}", "--json"), USAGE),
        (("check", "{clean}", "--standard", "TDT1057-2020", "--json", "--report", "{here}/no/such/r.json"), USAGE),
        (("check", "{clean}", "--standard", "TDT1057-2020", "--json", "--report", "{here}/r.xyz"), USAGE),
        (("check", "{clean}", "--standard", "TDT1057-2020", "--json", "--mapping", "{here}/no.toml"), USAGE),
        (("check", "{here}/no.gpkg", "--standard", "TDT1057-2020", "--json"), UNREADABLE),
        (("check", "{here}/half.gpkg", "--standard", "TDT1057-2020", "--json"), UNREADABLE),
        (("check", "{here}/half.zip", "--standard", "TDT1057-2020", "--json"), UNREADABLE),
        (("check", "{here}/empty.zip", "--standard", "TDT1057-2020", "--json"), UNREADABLE),
        (("sample", "county", "{here}/s", "--parcels", "3", "--json"), USAGE),
        (("deliver", "{clean}", "--standard", "TDT1057-2020", "--division", "990101", "--json"), UNAVAILABLE),
        (("deliveries", "--json"), UNAVAILABLE),
    ],
)
def test_a_command_that_cannot_says_so_in_one_problem_document(
    clean: Path, tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    """Exit codes 2, 3 and 5; with ``--json`` the error is a problem document, and nothing was written."""
    raw = clean.read_bytes()
    (tmp_path / "half.gpkg").write_bytes(raw[: len(raw) // 2])
    (tmp_path / "half.zip").write_bytes(b"PK\x03\x04" + raw[:2000])
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    before = sorted(tmp_path.rglob("*"))
    environment = {**without_node(), "KUNYU_HOME": str(tmp_path / "never started")}
    ended = kunyu(*(word.format(clean=clean, here=tmp_path) for word in words), environment=environment)
    assert ended.code == code, ended.stderr
    assert set(ended.document) >= PROBLEM_KEYS and ended.document["detail_zh"] != ended.document["code"]
    assert sorted(tmp_path.rglob("*")) == before
