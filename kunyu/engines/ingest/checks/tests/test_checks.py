"""The runner, the report's canonical form, the command and its exit codes, and the sample county's truth."""

from __future__ import annotations

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from docx import Document
from PIL import Image

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.finding import fingerprint, geojson
from kunyu.engines.ingest.checks.reference_page import PAGE, rules_page
from kunyu.engines.ingest.checks.report.drawing import Drawer
from kunyu.engines.ingest.checks.report.html import render_html, render_sheet
from kunyu.engines.ingest.checks.report.picture import SIDE_PX, png_of
from kunyu.engines.ingest.checks.report.write import write_report
from kunyu.engines.ingest.checks.rule import RuleSet, rules_for
from kunyu.engines.ingest.checks.runner import run
from kunyu.engines.ingest.reading import open_delivery
from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.errors import Defect, UsageError
from kunyu.project.cli.main import run as command

SURVEY = "TDT1057-2020"
KEYS = {
    "schema",
    "input_sm3",
    "standard",
    "edition",
    "crs",
    "layers",
    "rules_run",
    "rules_not_run",
    "summary",
    "findings",
}
FINDING_KEYS = {
    "rule", "clause", "severity", "layer", "ids", "geometry", "measured", "limit", "unit", "message_zh", "message_en",
    "remedy_zh", "fingerprint",
}  # fmt: skip
FIRST_RULES = [
    f"Q{n}" for n in (*range(201, 212), *range(301, 305), *range(501, 504), *range(505, 509), *range(510, 518))
]


def sample(folder: Path, *options: str) -> Path:
    code = command(["sample", "county", str(folder), "--parcels", "1000", "--json", *options])
    assert code == 0
    return next(one for one in (folder / "county.gpkg", folder / "county.gdb", folder / "county") if one.exists())


def check(path: Path):
    with open_delivery(path) as source:
        return run(source, load_standard(SURVEY))


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory) -> Path:
    return sample(tmp_path_factory.mktemp("spoiled"), "--seed", "5", "--defects", "all:1")


@pytest.fixture(scope="module")
def report(spoiled):
    return check(spoiled)


@pytest.mark.parametrize("form", ["gpkg", "shp", "gdb", "parquet"])
def test_sample_county_without_defects_is_clean(tmp_path, form):
    """False positives are defects."""
    found = check(sample(tmp_path, "--seed", "11", "--format", form))

    assert [one.message_zh for one in found.findings] == []
    assert set(FIRST_RULES) <= set(found.rules_run)


@pytest.mark.parametrize(("form", "seed"), [("gpkg", 5), ("shp", 6), ("gdb", 7), ("parquet", 8)])
def test_every_seeded_defect_is_found_and_nothing_else(tmp_path, form, seed):
    """truth.json, both ways: each entry's rules fire for its ids, and no finding is without an entry."""
    path = sample(tmp_path, "--seed", str(seed), "--format", form, "--defects", "all:1")
    written = json.loads((tmp_path / "truth.json").read_text("utf-8"))
    truth = [entry for entry in written if entry["file"] == "county"]
    findings = check(path).findings

    claimed, missed = set(), []
    for entry in truth:
        for rule in entry["rule"]:
            hits = [
                at for at, one in enumerate(findings)
                if one.rule == rule and (set(one.ids) & set(entry["ids"]) if entry["ids"] else one.layer == entry["layer"])
            ]  # fmt: skip
            claimed.update(hits)
            if not hits or (
                rule in ("Q303", "Q304") and all(set(findings[at].ids) != set(entry["ids"]) for at in hits)
            ):
                missed.append((rule, entry["kind"], entry["ids"]))
    assert missed == []
    assert [one.message_zh for at, one in enumerate(findings) if at not in claimed] == []
    assert {rule for entry in truth for rule in entry["rule"]} >= set(FIRST_RULES)


def test_json_is_the_contract(report):
    given = json.loads(report.to_json())

    assert set(given) == KEYS
    assert all(set(one) == FINDING_KEYS for one in given["findings"])
    assert (given["schema"], given["standard"], given["edition"], given["crs"]) == (1, SURVEY, "2020", "EPSG:4526")
    assert sum(given["summary"].values()) == len(given["findings"])
    assert set(FIRST_RULES) <= set(given["rules_run"]) and given["rules_run"] == sorted(given["rules_run"])
    assert not set(given["rules_run"]) & {one["rule"] for one in given["rules_not_run"]}
    assert {"Q406", "Q702"} <= {one["rule"] for one in given["rules_not_run"]}
    placed = [one["geometry"] for one in given["findings"] if one["geometry"]]
    assert all(113 < shapely.centroid(shapely.from_geojson(json.dumps(one))).x < 115 for one in placed)


def test_same_input_gives_the_same_bytes_wherever_it_lies(spoiled, report, tmp_path):
    moved = tmp_path / "elsewhere.gpkg"
    moved.write_bytes(spoiled.read_bytes())

    assert check(moved).to_json() == report.to_json()


def test_findings_do_not_depend_on_the_order_of_rules(spoiled, report):
    rules = rules_for(load_standard(SURVEY))
    with open_delivery(spoiled) as source:
        turned = run(source, load_standard(SURVEY), RuleSet(rules.rules[::-1], rules.not_yet))

    assert turned.findings == report.findings


def test_fingerprint_sees_a_millimetre_and_not_less():
    a, b, c = shapely.Point(1, 2), shapely.Point(1.0004, 2), shapely.Point(1.001, 2)

    assert fingerprint("Q303", ("1",), a) == fingerprint("Q303", ("1",), b)
    assert len({fingerprint("Q303", ("1",), a), fingerprint("Q303", ("1",), c), fingerprint("Q304", ("1",), a)}) == 3
    assert geojson(shapely.Point(114.00000000049, 34)) == {"type": "Point", "coordinates": [114.0, 34.0]}


def test_a_rule_that_fails_is_a_defect_of_ours_not_a_clean_report(spoiled):
    from dataclasses import replace

    first = next(one for one in rules_for(load_standard(SURVEY)).rules if one.id == "Q201")
    broken = replace(first, predicate=lambda _delivery: 1 / 0)
    with open_delivery(spoiled) as source, pytest.raises(Defect) as raised:
        run(source, load_standard(SURVEY), RuleSet((broken,)))

    assert raised.value.exit_code == 70
    assert "Q201" in raised.value.detail_zh


def test_change_package_gets_the_rules_that_make_sense(tmp_path):
    sample(tmp_path, "--seed", "5")
    found = check(tmp_path / "change-2025.gpkg")

    assert [one.message_zh for one in found.findings] == []
    assert {"Q303", "Q211", "Q505", "Q507"} <= set(found.rules_run)
    assert {"Q209", "Q304", "Q508"} <= {one.rule for one in found.rules_not_run}


def test_command_exit_codes(spoiled, tmp_path, capfdbinary):
    clean = sample(tmp_path / "clean", "--seed", "5")
    garbage = tmp_path / "garbage.gpkg"
    garbage.write_bytes(b"garbage")
    capfdbinary.readouterr()

    assert command(["check", str(clean), "--standard", SURVEY, "--json"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["findings"] == []
    assert command(["check", str(spoiled), "--standard", SURVEY, "--json"]) == 1
    assert json.loads(capfdbinary.readouterr().out)["summary"]["S"] > 0
    assert command(["check", str(clean), "--standard", "TD9999"]) == 2
    assert command(["check", str(clean), "--standard", SURVEY, "--report", str(tmp_path / "a.xls")]) == 2
    assert command(["check", str(clean), "--standard", SURVEY, "--reference", str(garbage)]) == 3
    assert command(["check", str(garbage), "--standard", SURVEY]) == 3
    assert command(["check", str(tmp_path / "nothing.gpkg"), "--standard", SURVEY]) == 3


def test_table_names_rule_clause_count_and_an_example(spoiled, capsys):
    assert command(["check", str(spoiled), "--standard", SURVEY]) == 1

    shown = capsys.readouterr().out
    assert "Q303" in shown and "拓扑质量" in shown and "重叠" in shown
    assert "未运行 Not run" in shown


def test_page_stands_alone_and_shows_the_places(report):
    page = render_html(report)

    assert "http" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page
    assert page.count("<svg") >= 10
    for one in report.findings:
        assert one.message_zh.split("'")[0] in page
    assert render_html(report) == page


def test_error_layers_open_with_every_finding(report, tmp_path):
    path = tmp_path / "errors.gpkg"
    write_report(report, path)

    layers = {str(name): pyogrio.read_info(path, layer=name) for name, _ in pyogrio.list_layers(path)}
    assert sum(info["features"] for info in layers.values()) == len(report.findings)
    assert {name: info["geometry_type"] for name, info in layers.items()} == {
        "findings_polygons": "MultiPolygon", "findings_lines": "MultiLineString", "findings_points": "MultiPoint",
        "findings_tables": None,
    }  # fmt: skip
    assert layers["findings_polygons"]["crs"] == "EPSG:4490"
    meta, rows = pyogrio.read_arrow(path, layer="findings_polygons")
    shapes = shapely.from_wkb(rows[meta["geometry_name"] or "wkb_geometry"].to_pylist())
    assert (shapely.area(shapes) > 0).all()


def words_of(path):
    sheet = Document(str(path))
    return sheet, "\n".join(
        [*(one.text for one in sheet.paragraphs), *(c.text for t in sheet.tables for r in t.rows for c in r.cells)]
    )


def test_the_sheet_to_sign_has_verdict_score_pictures_and_a_place_to_sign(report, tmp_path):
    """The Word sheet names what was checked, each rule with its verdict, the score, and who signs (R-188)."""
    path = tmp_path / "sheet.docx"
    write_report(report, path)

    sheet, text = words_of(path)
    for said in (
        "自然资源调查成果质量检查表", "Quality Inspection Sheet", report.input_sm3, sm3_hex(report.to_json()), "检查人（签字）",
        "复核人（签字）", "负责人（签字）", "检查单位（盖章）", "不符合", "等级 Grade 不合格 failed", *report.rules_run,
    ):  # fmt: skip
        assert said in text, said
    for one in report.rules_not_run:
        assert one.reason in text
    footers = "".join(part._element.xml for part in (sheet.sections[0].footer, sheet.sections[0].first_page_footer))
    assert footers.count("NUMPAGES") == 4
    assert len(sheet.inline_shapes) >= 5


def test_the_pictures_of_the_sheet_show_the_place_in_red(report):
    """A PNG drawn without a drawing library: the right size, with the colours of place and features (R-188)."""
    overlap = next(one for one in report.findings if one.rule == "Q303")
    png, side_m = png_of(Drawer(report.delivered), overlap)

    picture = np.asarray(Image.open(BytesIO(png)).convert("RGB"))
    assert picture.shape == (SIDE_PX, SIDE_PX, 3)
    red = (picture == (0xDC, 0x93, 0x90)).all(axis=2)
    share = overlap.place.area / side_m**2  # the overlap's own share of the window
    assert red.mean() == pytest.approx(share, abs=0.02)
    assert png_of(Drawer(report.delivered), overlap) == (png, side_m)


def test_the_sheet_for_paper_says_the_same(report):
    """The page that the PDF is made from stands alone and bears score, verdicts and signatures (R-188)."""
    page = render_sheet(report)

    assert "http" not in page.replace("http://www.w3.org", "")
    for said in (
        report.input_sm3,
        sm3_hex(report.to_json()),
        "得分 Score",
        "负责人（签字）",
        "检查单位（盖章）",
        "counter(pages)",
    ):
        assert said in page, said
    assert render_sheet(report) == page
    for rule in report.rules_run:
        assert f">{rule}<" in page


def test_pdf_is_written_or_refused_with_what_to_install(report, tmp_path, monkeypatch):
    path = tmp_path / "report.pdf"
    monkeypatch.setattr("kunyu.engines.ingest.checks.report.write.find_spec", lambda _name: None)

    with pytest.raises(UsageError) as refused:
        write_report(report, path)

    assert refused.value.exit_code == 2
    assert "pip install weasyprint" in refused.value.detail_zh
    assert not path.exists()


def test_pdf(report, tmp_path):
    pytest.importorskip("weasyprint")
    write_report(report, tmp_path / "report.pdf")

    assert (tmp_path / "report.pdf").read_bytes()[:5] == b"%PDF-"


def test_checking_imports_no_django():
    """`pip install kunyu[check]` runs on a laptop without Django."""
    code = (
        "import sys; sys.modules['django'] = None\n"
        "from kunyu.engines.catalogue.standards import load_standard\n"
        "from kunyu.engines.ingest.checks import cli, runner\n"
        "from kunyu.engines.ingest.checks.report import write, html, gpkg, docx\n"
        "from kunyu.engines.ingest.checks.rule import rules_for\n"
        "print(len(rules_for(load_standard('TDT1057-2020')).rules))\n"
        "assert not [name for name in sys.modules if name.startswith('django.')]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert int(done.stdout) > len(FIRST_RULES)


def test_a_finding_is_the_same_whatever_ring_order_and_format_it_came_in():
    """A half of a millimetre goes up, also a hair below it; rings begin anywhere and run either way."""
    one = shapely.Polygon([(38_502_000.1235, 3_803_000.0005), (38_502_010, 3_803_000), (38_502_010, 3_803_010)])
    noisy = shapely.transform(one, lambda xy: xy - 1e-6)
    ring = np.array(one.exterior.coords)[:-1]
    turned = shapely.Polygon(np.roll(ring, 1, axis=0)[::-1])

    assert len({fingerprint("Q303", ("a", "b"), shape) for shape in (one, noisy, turned)}) == 1
    moved = shapely.transform(one, lambda xy: xy + 0.001)
    assert fingerprint("Q303", ("a", "b"), one) != fingerprint("Q303", ("a", "b"), moved)
    assert geojson(one) == geojson(turned)
    assert shapely.from_geojson(json.dumps(geojson(turned))).exterior.is_ccw


def test_a_rule_that_needs_a_coordinate_system_says_that_it_did_not_run(tmp_path):
    """Q507 without a coordinate system stands under rules_not_run (contract.md)."""
    county = sample(tmp_path, "--format", "shp")
    for path in county.glob("*.prj"):
        path.unlink()
    found = check(county)

    assert "Q507" not in found.rules_run
    assert {one.rule: one.reason for one in found.rules_not_run}["Q507"].startswith("成果没有坐标系")


def test_rules_page_is_what_the_rules_say():
    assert PAGE.read_text("utf-8") == rules_page(), "python -m kunyu.engines.ingest.checks.reference_page"
