"""``kunyu close-areas``: areas computed, closed to the control area, everything else left as it was."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import pytest

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.reference import Reference, ReferencePart
from kunyu.engines.ingest.checks.runner import run as check
from kunyu.engines.ingest.closure import close_delivery
from kunyu.engines.ingest.reading import open_delivery
from kunyu.kernel.area_closure import AreasCannotClose
from kunyu.kernel.errors import UsageError
from kunyu.project.cli.main import run
from kunyu.project.sample_county.generate import generate_county

STANDARD = load_standard("TDT1057-2020")
AREA_RULES = {"Q505", "Q506", "Q507", "Q508"}
CHANGED = {"DLTB": {"TBMJ", "KCMJ", "TBDLMJ"}, "CJDCQ": {"DCMJ", "JSMJ"}, "XZQ": {"DCMJ", "JSMJ"}}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("closure")
    generate_county(folder, 120, 5)
    return folder / "county.gpkg"


def _table(path: Path, layer: str) -> pa.Table:
    return pyogrio.read_arrow(path, layer=layer)[1]


def _rewritten(source: Path, target: Path, layers: dict[str, pa.Table | None]) -> Path:
    """A copy of a GeoPackage with some layers replaced, or left out where None."""
    for name in pyogrio.list_layers(source)[:, 0]:
        table = layers.get(name, _table(source, name))
        if table is None:
            continue
        spatial = "geom" in table.column_names
        pyogrio.write_arrow(
            table, target, layer=name, driver="GPKG", geometry_name="geom" if spatial else None,
            geometry_type=("LineString" if name.endswith("JX") else "Polygon") if spatial else None,
            crs="EPSG:4526" if spatial else None, append=target.exists(),
        )  # fmt: skip
    return target


def _with(table: pa.Table, **columns: Any) -> pa.Table:
    for name, values in columns.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))
    return table


@pytest.fixture
def unclosed(clean: Path, tmp_path: Path) -> Path:
    """The county before anybody computed areas: every figure is wrong."""
    parcels, villages, towns = (_table(clean, code) for code in ("DLTB", "CJDCQ", "XZQ"))
    ones = np.ones(parcels.num_rows)
    return _rewritten(clean, tmp_path / "unclosed.gpkg", {
        "DLTB": _with(parcels, TBMJ=ones, KCMJ=ones, TBDLMJ=ones),
        "CJDCQ": _with(villages, DCMJ=np.ones(villages.num_rows), JSMJ=np.ones(villages.num_rows)),
        "XZQ": _with(towns, DCMJ=np.ones(towns.num_rows), JSMJ=np.ones(towns.num_rows)),
    })  # fmt: skip


def _findings(path: Path) -> set[str]:
    with open_delivery(path) as source:
        return {one.rule for one in check(source, STANDARD).findings}


def test_a_county_without_areas_gets_areas_that_no_rule_objects_to(unclosed: Path, clean: Path, tmp_path: Path) -> None:
    """Q507, Q508 before; of Q505–Q508 nothing after."""
    assert _findings(unclosed) >= {"Q507", "Q508"}

    report = close_delivery(unclosed, tmp_path / "closed.gpkg", STANDARD)

    assert _findings(tmp_path / "closed.gpkg") == _findings(clean)
    assert _findings(clean) & AREA_RULES == set()
    assert report.control_from == "KZMJB"
    assert report.changed["DLTB.TBMJ"] == 120
    assert 0 <= max(report.largest_move.values()) <= 0.02


def test_sums_are_the_control_area_at_every_level(unclosed: Path, tmp_path: Path) -> None:
    out = tmp_path / "closed.gpkg"
    report = close_delivery(unclosed, out, STANDARD)

    cents = {
        code: np.rint(np.asarray(_table(out, code).column(field)) * 100).astype(np.int64)
        for code, field in (("DLTB", "TBMJ"), ("CJDCQ", "DCMJ"), ("XZQ", "DCMJ"))
    }  # fmt: skip
    assert {int(one.sum()) for one in cents.values()} == {round(report.control_area * 100)}
    for level in ("XZQ", "CJDCQ", "DLTB"):
        own = [one for one in report.units if one.layer == level]
        assert sum(one.records for one in own) == len(cents[level])
        assert round(sum(one.closed for one in own), 2) == report.control_area


def test_nothing_but_the_areas_changes(unclosed: Path, clean: Path, tmp_path: Path) -> None:
    out = tmp_path / "closed.gpkg"
    close_delivery(unclosed, out, STANDARD)

    assert set(pyogrio.list_layers(out)[:, 0]) == set(pyogrio.list_layers(unclosed)[:, 0])
    for name in pyogrio.list_layers(unclosed)[:, 0]:
        before, after = _table(unclosed, name), _table(out, name)
        assert before.column_names == after.column_names, name
        for column in set(before.column_names) - CHANGED.get(name, set()):
            assert before.column(column).to_pylist() == after.column(column).to_pylist(), (name, column)
    assert np.abs(np.asarray(_table(out, "DLTB")["TBMJ"]) - np.asarray(_table(clean, "DLTB")["TBMJ"])).max() <= 0.021


def test_closing_twice_changes_nothing(unclosed: Path, tmp_path: Path) -> None:
    close_delivery(unclosed, tmp_path / "once.gpkg", STANDARD)
    again = close_delivery(tmp_path / "once.gpkg", tmp_path / "twice.gpkg", STANDARD)

    assert set(again.changed.values()) == {0}
    assert _table(tmp_path / "once.gpkg", "DLTB").equals(_table(tmp_path / "twice.gpkg", "DLTB"))


@pytest.mark.parametrize("form", ["shp", "gdb", "parquet", "zip"])
def test_every_format_is_closed(form: str, clean: Path, tmp_path: Path) -> None:
    if form == "zip":
        given = tmp_path / "county.zip"
        with zipfile.ZipFile(given, "w") as archive:
            archive.write(clean, "county.gpkg")
    else:
        generate_county(tmp_path, 60, 5, form)
        given = tmp_path / ("county.gdb" if form == "gdb" else "county")
    close_delivery(given, tmp_path / "closed.gpkg", STANDARD)

    assert _findings(tmp_path / "closed.gpkg") & AREA_RULES == set()
    assert _findings(tmp_path / "closed.gpkg") == _findings(given)


def _control(area: float) -> Reference:
    rows = pa.table({"XZQDM": ["990101", "990101100"], "KZMJ": [area, 1.0]})
    return Reference("TDT1057-2020", "990101", {"control_areas": ReferencePart(rows)})


def test_the_control_area_of_a_reference_is_used_where_the_delivery_has_none(clean: Path, tmp_path: Path) -> None:
    given = _rewritten(clean, tmp_path / "given.gpkg", {"KZMJB": None})
    own = close_delivery(given, tmp_path / "own.gpkg", STANDARD)
    assert own.control_from == "own_sum"

    wanted = round(own.control_area + 12.34, 2)
    told = close_delivery(given, tmp_path / "told.gpkg", STANDARD, _control(wanted))

    assert (told.control_from, told.control_area) == ("reference", wanted)
    cents = np.rint(np.asarray(_table(tmp_path / "told.gpkg", "DLTB")["TBMJ"]) * 100).astype(np.int64)
    assert cents.sum() == round(wanted * 100)
    assert _findings(tmp_path / "told.gpkg") & AREA_RULES == set()


def test_another_countys_control_area_is_refused(clean: Path, tmp_path: Path) -> None:
    given = _rewritten(clean, tmp_path / "given.gpkg", {"KZMJB": None})

    with pytest.raises(AreasCannotClose, match="允许") as refused:
        close_delivery(given, tmp_path / "out.gpkg", STANDARD, _control(5_000_000.0))

    assert refused.value.exit_code == 4 and not (tmp_path / "out.gpkg").exists()


def test_a_hole_is_not_closed_over(clean: Path, tmp_path: Path) -> None:
    """A parcel is missing: the village's other parcels may not swallow its area."""
    parcels = _table(clean, "DLTB")
    given = _rewritten(clean, tmp_path / "given.gpkg", {"DLTB": parcels.slice(1)})

    with pytest.raises(AreasCannotClose, match="Q304"):
        close_delivery(given, tmp_path / "out.gpkg", STANDARD)


@pytest.mark.parametrize(
    ("layer", "field", "value", "says"),
    [
        ("DLTB", "ZLDWDM", None, "没有 ZLDWDM"),
        ("DLTB", "ZLDWDM", "9901019999990000000", "不在 CJDCQ 中"),
        ("CJDCQ", "ZLDWDM", "9901019990010000000", "不在 XZQ 中"),
        ("XZQ", "XZQDM", None, "没有 XZQDM"),
    ],
)
def test_rows_without_codes_are_refused_by_name(
    layer: str, field: str, value: str | None, says: str, clean: Path, tmp_path: Path
) -> None:
    table = _table(clean, layer)
    codes = table.column(field).to_pylist()
    codes[0] = value
    given = _rewritten(clean, tmp_path / "given.gpkg", {layer: _with(table, **{field: codes})})

    with pytest.raises(AreasCannotClose, match=says) as refused:
        close_delivery(given, tmp_path / "out.gpkg", STANDARD)

    assert refused.value.context["records"] == [table.column("BSM")[0].as_py()]
    assert list(tmp_path.iterdir()) == [given]


def test_a_row_without_shape_is_refused(clean: Path, tmp_path: Path) -> None:
    table = _table(clean, "DLTB")
    shapes = table.column("geom").to_pylist()
    shapes[3] = None
    at = table.schema.get_field_index("geom")
    spoiled = table.set_column(at, table.schema.field(at), pa.array(shapes, pa.binary()))
    given = _rewritten(clean, tmp_path / "given.gpkg", {"DLTB": spoiled})

    with pytest.raises(AreasCannotClose, match="没有可以计算面积的图形"):
        close_delivery(given, tmp_path / "out.gpkg", STANDARD)


def test_a_delivery_without_villages_is_refused(clean: Path, tmp_path: Path) -> None:
    given = _rewritten(clean, tmp_path / "given.gpkg", {"CJDCQ": None})

    with pytest.raises(AreasCannotClose, match="CJDCQ"):
        close_delivery(given, tmp_path / "out.gpkg", STANDARD)


def test_nothing_is_overwritten(clean: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.gpkg"
    out.write_bytes(b"mine")
    with pytest.raises(UsageError, match="已存在"):
        close_delivery(clean, out, STANDARD)
    assert out.read_bytes() == b"mine"
    with pytest.raises(UsageError, match=r"须为 \.gpkg"):
        close_delivery(clean, tmp_path / "out.shp", STANDARD)


def test_the_command_tells_what_moved(clean: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = tmp_path / "county.gpkg"
    shutil.copy(clean, given)
    code = run(["close-areas", str(given), str(tmp_path / "out.gpkg"), "--standard", "TDT1057-2020", "--json"])
    told = json.loads(capsys.readouterr().out)

    assert code == 0 and told["schema"] == 1 and told["county"] == "990101"
    assert {one["layer"] for one in told["units"]} == {"XZQ", "CJDCQ", "DLTB"}

    assert run(["close-areas", str(given), str(tmp_path / "second.gpkg"), "--standard", "TDT1057-2020"]) == 0
    assert "控制面积 Control area" in capsys.readouterr().out
    assert run(["close-areas", str(given), str(tmp_path / "out.gpkg"), "--standard", "TDT1057-2020"]) == 2
