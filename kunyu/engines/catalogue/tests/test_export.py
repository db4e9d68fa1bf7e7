"""Export of a dataset's state and of the catalogue; the command line."""

import csv
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from django.db import connection
from typer.testing import CliRunner

from kunyu.engines.catalogue import export
from kunyu.engines.catalogue.bitemporal import Moment
from kunyu.engines.catalogue.cli import app
from kunyu.engines.catalogue.errors import ExportFormatUnknown, NothingPublished
from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.models import AuditEntry
from kunyu.engines.security.scope import ANONYMOUS, DOWNLOAD, SEE, Principal, Right, operator

Published = Callable[..., DatasetVersion]
FIRST = "2025-01-10T00:00:00+08:00"
SECOND = "2026-01-10T00:00:00+08:00"


@pytest.fixture
def two_states(county: Published) -> None:
    """Parcels a and b; next year b is gone, c is new and a changed its class."""
    county("2024-12-31", FIRST, {"a": "0101", "b": "0103"})
    county("2025-12-31", SECOND, {"a": "0601", "c": "0301"})


def read(path: Path) -> dict[str, str]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {row["BSM"]: row["DLBM"] for row in csv.DictReader(file)}
    if path.suffix == ".parquet":
        table = pq.read_table(path)
    else:
        _, table = pyogrio.read_arrow(f"/vsizip/{path}/DLTB.shp" if path.suffix == ".zip" else path)
    if not table.num_rows:  # an empty GeoJSON has no attributes
        return {}
    return dict(zip(table["BSM"].to_pylist(), table["DLBM"].to_pylist(), strict=True))


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".csv", ".parquet", ".zip"])
def test_the_state_asked_for_is_written(two_states: None, tmp_path: Path, suffix: str) -> None:
    """Present, a past day, and a past belief, in each format."""
    asked = {
        None: {"a": "0601", "c": "0301"},
        Moment(date(2025, 6, 1)): {"a": "0101", "b": "0103"},
        Moment(date(2026, 6, 1), datetime(2025, 6, 1, tzinfo=UTC)): {"a": "0101", "b": "0103"},
        Moment(date(2020, 1, 1)): {},
    }
    for number, (moment, expected) in enumerate(asked.items()):
        path = tmp_path / f"{number}{suffix}"
        done = export.export_dataset(operator(), "10401-003", path, moment)
        assert (done.records, done.collection) == (len(expected), "10401-003")
        assert read(path) == expected
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_geopackage_keeps_types_and_crs(two_states: None, tmp_path: Path) -> None:
    """The 30 fields in order, numbers as numbers, geometry in CGCS2000 longitude and latitude."""
    path = tmp_path / "dltb.gpkg"
    export.export_dataset(operator(), "10401-003", path)

    info = pyogrio.read_info(path, layer="DLTB", force_total_bounds=True)
    assert info["crs"] == "EPSG:4490"
    assert info["geometry_type"] == "MultiPolygon"
    assert list(info["fields"])[:3] == ["county", "BSM", "YSDM"] and len(info["fields"]) == 31
    _, table = pyogrio.read_arrow(path)
    assert table["TBMJ"].to_pylist() == [1024.5, 1024.5]
    assert info["total_bounds"] == (113.0, 34.0, 113.02, 34.01)


def test_more_rows_than_one_batch(two_states: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are appended to one layer; an exact multiple of the batch ends cleanly."""
    for batch in (1, 2):
        monkeypatch.setattr(export, "BATCH", batch)
        path = tmp_path / f"{batch}.gpkg"
        counted: list[int] = []
        assert export.export_dataset(operator(), "10401-003", path, told=counted.append).records == 2
        assert counted == list(range(batch, 3, batch))
        assert read(path) == {"a": "0601", "c": "0301"}


def test_rights_bound_the_export(two_states: None, tmp_path: Path) -> None:
    """Downloading passes the gateway: by action, by county; a refusal writes no file and no audit entry."""
    path = tmp_path / "out.csv"
    for principal, error in (
        (ANONYMOUS, SignInNeeded),
        (Principal("nobody"), NotVisible),
        (Principal("looks", rights=(Right("", "", SEE),)), NotAllowed),
    ):
        with pytest.raises(error):
            export.export_dataset(principal, "10401-003", path)
    assert not path.exists() and not AuditEntry.objects.filter(action="export").exists()

    elsewhere = Principal("far", rights=(Right("", "9902", DOWNLOAD),))
    assert export.export_dataset(elsewhere, "10401-003", path).records == 0
    assert export.export_dataset(operator(), "10401-003", path, division="9901").records == 2
    assert export.export_dataset(operator(), "10401-003", path, division="99%").records == 0
    assert AuditEntry.objects.filter(action="export", object_id="10401-003").count() == 3


def test_failed_export_leaves_the_old_file(two_states: None, tmp_path: Path) -> None:
    """Unknown format, no data, or a folder that is not there: a sentence, and what stood there stands."""
    path = tmp_path / "out.gpkg"
    path.write_text("before")
    with pytest.raises(NothingPublished, match="没有发布的数据"):
        export.export_dataset(operator(), "10401-004", path)
    with pytest.raises(ExportFormatUnknown, match=r"\.xls"):
        export.export_dataset(operator(), "10401-003", tmp_path / "out.xls")
    with pytest.raises(OSError):
        export.export_dataset(operator(), "10401-003", tmp_path / "nowhere" / "out.csv")
    assert path.read_text() == "before"


def test_catalogue_itself(two_states: None, tmp_path: Path) -> None:
    """The list of datasets as CSV and JSON."""
    for suffix in (".csv", ".json"):
        assert export.export_catalogue(operator(), tmp_path / f"all{suffix}").records == 164
    rows = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))
    with (tmp_path / "all.csv").open(encoding="utf-8-sig", newline="") as file:
        assert [row["code"] for row in csv.DictReader(file)] == [row["code"] for row in rows]
    with pytest.raises(ExportFormatUnknown):
        export.export_catalogue(operator(), tmp_path / "all.gpkg")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_command_line(two_states: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """list, show and export; with --json exactly one document on stdout."""
    monkeypatch.delenv("KUNYU_TOKEN", raising=False)
    assert len(json.loads(run("list", "--json"))["datasets"]) == 164
    assert "10401-003 地类图斑  敏感 · 县级，国家核查 · 1 县 2 条" in run("list")
    assert [one["code"] for one in json.loads(run("list", "--published", "--json"))["datasets"]] == ["10401-003"]
    assert "10104 DEM" not in run("list", "--published")
    shown = run("show", "10401-003")
    assert "  5 DLBM         Char(5)      M 地类编码 DLBM ?" in shown
    assert "0101 水田" in shown and "990101 v2 published" in shown
    assert [one["number"] for one in json.loads(run("show", "10401-003", "--json"))["versions"]] == [2, 1]
    out = tmp_path / "x.geojson"
    told = json.loads(run("export", "10401-003", "--out", str(out), "--valid-at", "2025-06-01", "--json"))
    assert told == {"path": str(out), "collection": "10401-003", "records": 2}
    assert read(out) == {"a": "0101", "b": "0103"}


@pytest.mark.parametrize("arguments", [["--valid-at", "June"], ["--known-at", "2026-01-10T00:00:00"]])
def test_bad_times_are_refused(arguments: list[str]) -> None:
    """A day that is none, or an instant without a zone: exit code 2."""
    result = CliRunner().invoke(app, ["export", "10401-003", *arguments])
    assert result.exception is not None and getattr(result.exception, "exit_code", None) == 2


def test_every_file_carries_its_label(two_states: None, tmp_path: Path) -> None:
    """R-041: metadata of the GeoPackage layer, a member of the GeoJSON, a second file beside the CSV."""
    expected = {"collection": "10401-003", "code": 19, "secrecy": 2, "grading": 0, "sharing": 1,
                "name_zh": "敏感·一般·有条件共享", "name_en": "sensitive, general, shared on conditions"}  # fmt: skip
    paths = {suffix: tmp_path / f"dltb{suffix}" for suffix in (".gpkg", ".geojson", ".csv")}
    for path in paths.values():
        export.export_dataset(operator(), "10401-003", path)
    metadata = pyogrio.read_info(paths[".gpkg"], layer="DLTB")["layer_metadata"]
    assert json.loads(metadata["KUNYU_LABEL"]) == expected
    assert json.loads(paths[".geojson"].read_text(encoding="utf-8"))["label"] == expected
    assert json.loads((tmp_path / "dltb.csv.label.json").read_text(encoding="utf-8")) == expected


def test_shapefile_says_what_it_cuts_and_keeps_chinese(two_states: None, tmp_path: Path) -> None:
    """UTF-8 and GBK with a .cpg; names of ten characters with the list of the full ones; the label in the archive."""
    from kunyu.engines.catalogue.served.asof import read_moment
    from kunyu.engines.catalogue.served.layers import find_layer
    from kunyu.engines.catalogue.served.queries import Selection
    from kunyu.engines.security import scope

    layer = find_layer("10401-003")
    assert layer is not None
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE kunyu_onemap")
        cursor.execute(f'UPDATE {layer.table} SET "DLMC" = %s', ["旱地"])
        cursor.execute("RESET ROLE")
    selection = Selection(layer, scope.resolve(operator(), layer.collection, DOWNLOAD), read_moment(layer, {}).moment)
    for encoding in ("UTF-8", "GBK"):
        path = tmp_path / f"{encoding}.zip"
        done = export.export_selection(operator(), selection, path, epsg=4526, encoding=encoding)
        assert done.records == 2
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            assert {"DLTB.shp", "DLTB.dbf", "DLTB.cpg", "DLTB.prj", "fields.csv", "DLTB.shp.label.json"} <= names
            assert archive.read("DLTB.cpg").decode().strip() in ("UTF-8", "GBK", "CP936", "936")
            fields = archive.read("fields.csv").decode("utf-8-sig")
            assert "DLBM,DLBM,地类编码" in fields and all(len(row.split(",")[0]) <= 10 for row in fields.splitlines())
        meta, table = pyogrio.read_arrow(f"/vsizip/{path}/DLTB.shp")
        assert table["DLMC"].to_pylist() == ["旱地", "旱地"] and meta["crs"] == "EPSG:4526"
        eastings = [shapely.from_wkb(one).bounds[0] for one in table["wkb_geometry"].to_pylist()]
        assert all(38_000_000 < x < 39_000_000 for x in eastings)


def test_drawing_bears_classes_as_layers(two_states: None, tmp_path: Path) -> None:
    """DXF: outlines on layers named by class, with the label beside them; a table cannot be drawn."""
    path = tmp_path / "dltb.dxf.zip"
    assert export.export_dataset(operator(), "10401-003", path).records == 2
    _, table = pyogrio.read_arrow(f"/vsizip/{path}/DLTB.dxf")
    assert set(table["Layer"].to_pylist()) == {"0601", "0301"}
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("DLTB.dxf.label.json"))["collection"] == "10401-003"
        assert "DLTB.prj" in archive.namelist()


def test_geoparquet_declares_itself(two_states: None, tmp_path: Path) -> None:
    """GeoParquet 1.1 metadata with PROJJSON; numbers as doubles, days as days."""
    path = tmp_path / "dltb.parquet"
    export.export_dataset(operator(), "10401-003", path)
    metadata = pq.read_schema(path).metadata
    geo = json.loads(metadata[b"geo"])
    assert geo["version"] == "1.1.0" and geo["columns"]["geom"]["crs"]["id"] == {"authority": "EPSG", "code": 4490}
    assert json.loads(metadata[b"KUNYU_LABEL"])["secrecy"] == 2
    assert pq.read_table(path)["TBMJ"].to_pylist() == [1024.5, 1024.5]
