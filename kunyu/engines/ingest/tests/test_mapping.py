"""Mapping to a standard: names, codes, types and what is lost. R-019, R-027. No database."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.column_conversion import convert
from kunyu.engines.ingest.loss import LayerLoss, transformation
from kunyu.engines.ingest.mapping import BadMapping, NothingMatches, apply, load_mapping
from kunyu.engines.ingest.reading import open_delivery

pytestmark = pytest.mark.quick

ROOT = Path(__file__).resolve().parents[4]
MAPPINGS = ROOT / "kunyu" / "standards" / "KUNYU-OPEN-2026" / "mappings"
DATA = Path(os.environ.get("KUNYU_SHARED_DATA", ROOT.parent / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets (KUNYU_SHARED_DATA) are not here")

SURVEY, OPEN = "TDT1057-2020", "KUNYU-OPEN-2026"


def write(path: Path, layer: str, columns: dict[str, list], crs: str | None = "EPSG:4526", shapes=None) -> Path:
    rows = len(next(iter(columns.values())))
    given = shapes if shapes is not None else [shapely.box(i, 0, i + 1, 1) for i in range(rows)]
    table = pa.table({**columns, "geometry": pa.array(shapely.to_wkb(given), pa.binary())})
    pyogrio.write_arrow(
        table,
        path,
        layer=layer,
        driver="GPKG",
        geometry_name="geometry",
        geometry_type="Polygon",
        crs=crs,
        append=path.exists(),
    )
    return path


def plan(folder: Path, text: str):
    path = folder / "plan.toml"
    path.write_text(f'standard = "{OPEN}"\n[[layer]]\nsource = "s"\ntarget = "LANDCOVER"\nid = "row"\n' + text, "utf-8")
    return load_mapping(path)


def mapped(path: Path, standard: str, mapping=None):
    with open_delivery(path) as source:
        outcome = apply(source, load_standard(standard), mapping)
        return outcome, {one.spec.code: one.table() for one in outcome.layers}


def test_names_match_whatever_their_case_by_alias_and_in_chinese(tmp_path):
    path = write(tmp_path / "a.gpkg", "dltb", {"bsm": ["1"], "GDZZSXDM": ["LS"], "图斑面积": [12.5], "别的": ["x"]})

    outcome, tables = mapped(path, SURVEY)

    row = tables["DLTB"].to_pylist()[0]
    assert (row["BSM"], row["ZZSXDM"], row["TBMJ"]) == ("1", "LS", 12.5)
    assert outcome.loss.to_dict()["layers"]["DLTB"]["fields_dropped"] == {"别的": 1}
    assert {"XZQ", "CJDCQ"} <= set(outcome.missing_layers)
    assert tables["DLTB"].column_names == [
        *(one.code for one in load_standard(SURVEY).layers["DLTB"].fields),
        "geometry",
    ]


def test_text_in_an_encoding_nobody_declared_is_kept_as_far_as_it_can_be_read():
    """One bad byte spoils one value, never the delivery."""
    broken = pa.array([b"\xb8x", "好".encode(), None, b"  "], pa.binary()).cast(
        pa.string(), safe=False
    )  # as GDAL hands it over
    spec = load_standard(SURVEY).layers["DLTB"].field("DLMC")

    found = convert(broken, spec, pa.array([1, 2, 3, 4]), LayerLoss("DLTB"))

    assert found.to_pylist() == ["\ufffdx", "好", None, None]


def test_a_copy_beside_the_layer_is_not_the_layer(tmp_path):
    write(tmp_path / "a.gpkg", "DLTB", {"BSM": ["1"]})
    path = write(tmp_path / "a.gpkg", "DLTB_OLD", {"BSM": ["2"]})

    outcome, tables = mapped(path, SURVEY)

    assert tables["DLTB"]["BSM"].to_pylist() == ["1"]
    assert outcome.unmatched == ("DLTB_OLD",)


def test_a_name_with_county_and_year_is_found(tmp_path):
    path = write(tmp_path / "a.gpkg", "990101DLTB_2024", {"BSM": ["1"]})

    assert list(mapped(path, SURVEY)[1]) == ["DLTB"]


def test_nothing_matches(tmp_path):
    with pytest.raises(NothingMatches) as refused:
        mapped(write(tmp_path / "a.gpkg", "roads", {"A": ["1"]}), SURVEY)

    assert refused.value.exit_code == 2
    assert "(roads) 都不属于 TD/T 1057-2020" in refused.value.detail_zh


def test_values_become_the_standards_types_and_failures_are_counted_with_their_row(tmp_path):
    columns = {
        "BSM": ["1", "2", "3"], "TBMJ": ["12.5", "约十亩", " 7 "], "GDDB": [8.0, 8.5, np.nan], "SJNF": ["2024", "2024.0", "x"],
        "DLBM": [101, 102, 103], "TBBH": ["1", "123456789", None],
    }  # fmt: skip
    outcome, tables = mapped(write(tmp_path / "a.gpkg", "DLTB", columns), SURVEY)

    table, loss = tables["DLTB"], outcome.loss.to_dict()["layers"]["DLTB"]
    assert table["TBMJ"].to_pylist() == [12.5, None, 7.0]
    assert table["GDDB"].to_pylist() == [8, None, None]
    assert table["SJNF"].to_pylist() == [2024, 2024, None]
    assert table["DLBM"].to_pylist() == ["101", "102", "103"]
    assert table["TBBH"].to_pylist() == ["1", "12345678", None]
    assert loss["type_failures"]["TBMJ"] == {"count": 1, "examples": [{"row": 2, "value": "约十亩"}]}
    assert loss["type_failures"]["GDDB"]["examples"] == [{"row": 2, "value": "8.5"}]
    assert loss["type_failures"]["SJNF"]["count"] == 1
    assert loss["values_truncated"]["TBBH"] == {"count": 1, "examples": [{"row": 2, "value": "123456789"}]}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("2024-12-31", datetime.date(2024, 12, 31)), ("20241231", datetime.date(2024, 12, 31)),
     ("2024/12/31 08:00", datetime.date(2024, 12, 31)), ("2024-13-31", None), ("去年", None)],
)  # fmt: skip
def test_dates(tmp_path, given, wanted):
    path = write(tmp_path / "a.gpkg", "s", {"d": [given], "c": ["x"]})
    mapping = plan(tmp_path, '[layer.fields]\nSRC_DATE = "d"\nCODE = "c"\n')

    outcome, tables = mapped(path, OPEN, mapping)

    assert tables["LANDCOVER"]["SRC_DATE"].to_pylist() == [wanted]
    assert ("SRC_DATE" in outcome.loss.to_dict()["layers"]["LANDCOVER"]["type_failures"]) == (wanted is None)


def test_codes_translate_and_say_what_they_lost(tmp_path):
    """R-019: a table with two sources for one target has no way back, and the report names it."""
    path = write(tmp_path / "a.gpkg", "s", {"k": [1.0, 2.0, 3.0, 9.0]})
    mapping = plan(tmp_path, '[layer.fields]\nCODE = "k"\n[layer.codes.CLASS]\nfrom = "k"\n'
                             'table = { "1" = "01", "2" = "03", "3" = "03" }\n')  # fmt: skip

    outcome, tables = mapped(path, OPEN, mapping)

    assert tables["LANDCOVER"]["CODE"].to_pylist() == ["1", "2", "3", "9"]
    assert tables["LANDCOVER"]["CLASS"].to_pylist() == ["01", "03", "03", None]
    loss = outcome.loss.to_dict()["layers"]["LANDCOVER"]
    assert loss["codes_untranslated"] == {"CLASS": {"9": 1}}
    assert loss["codes_merged"] == {"CLASS": {"03": ["2", "3"]}}


def test_old_survey_classes_convert_by_the_standards_own_table(tmp_path):
    """R-019: classes of the second survey (GB/T 21010-2007) become those of the third."""
    path = write(tmp_path / "a.gpkg", "s", {"BSM": ["1", "2"], "DLBM": ["011", "051"]})
    file = tmp_path / "old.toml"
    file.write_text(
        f'standard = "{SURVEY}"\n[[layer]]\nsource = "s"\ntarget = "DLTB"\nmatch_rest = true\n[layer.codes.DLBM]\n'
        f'from = "DLBM"\nconversion = "{SURVEY}:DLBM2007_DLBM"\nat = 2019-12-31\n', "utf-8",
    )  # fmt: skip

    assert mapped(path, SURVEY, file)[1]["DLTB"]["DLBM"].to_pylist() == ["0101", "05H1"]


def test_rows_left_out_constants_and_row_keys(tmp_path):
    path = write(tmp_path / "a.gpkg", "s", {"use": ["forest", None, "road", "forest"]})
    mapping = plan(
        tmp_path, 'where = { use = ["forest"] }\n[layer.fields]\nCODE = "use"\n[layer.constants]\nSOURCE = "x"\n'
    )

    outcome, tables = mapped(path, OPEN, mapping)

    assert [key[-8:] for key in tables["LANDCOVER"]["BSM"].to_pylist()] == ["00000001", "00000004"]
    assert tables["LANDCOVER"]["SOURCE"].to_pylist() == ["x", "x"]
    assert outcome.loss.to_dict()["layers"]["LANDCOVER"]["rows_left_out"] == 2
    assert outcome.layer("LANDCOVER").loss.kept_rows().tolist() == [1, 4]


def test_repair_mends_and_counts(tmp_path):
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    good = shapely.box(5, 5, 6, 6)
    path = write(tmp_path / "a.gpkg", "s", {"k": ["a", "b"]}, shapes=[bow, good])
    mapping = plan(tmp_path, 'repair = true\n[layer.fields]\nCODE = "k"\n')

    outcome, tables = mapped(path, OPEN, mapping)

    shapes = shapely.from_wkb(tables["LANDCOVER"]["geometry"].to_pylist())
    assert shapely.is_valid(shapes).all() and shapely.get_dimensions(shapes).tolist() == [2, 2]
    assert shapes[1].equals_exact(good, 0)
    assert outcome.loss.to_dict()["layers"]["LANDCOVER"]["geometries_repaired"] == 1


def test_reading_twice_gives_the_same_rows_and_losses(tmp_path):
    path = write(tmp_path / "a.gpkg", "DLTB", {"BSM": ["1", "2"], "TBMJ": ["x", "1"], "ODD": ["a", None]})
    with open_delivery(path) as source:
        layer = apply(source, load_standard(SURVEY)).layer("DLTB")
        first, lost = layer.table(), layer.loss.to_dict()
        again = layer.table()

    assert again.equals(first)
    assert layer.loss.to_dict() == lost


@pytest.mark.parametrize(
    ("text", "said"),
    [('[layer.fields]\nNOPE = "k"\n', "没有字段 NOPE"), ('[layer.fields]\nCODE = "nope"\n', "没有字段 nope"),
     ('colour = "red"\n', "不认识的键 colour"), ('[layer.functions]\nCODE = "eval"\n', "没有映射函数 eval"),
     ('[layer.codes.CLASS]\nfrom = "k"\ncsv = "gone.csv"\n', "gone.csv")],
)  # fmt: skip
def test_a_wrong_mapping_says_what_is_wrong(tmp_path, text, said):
    path = write(tmp_path / "a.gpkg", "s", {"k": ["a"]})

    with pytest.raises(BadMapping) as refused:
        mapped(path, OPEN, plan(tmp_path, text))

    assert said in refused.value.detail_zh
    assert refused.value.exit_code == 2


def test_layers_in_two_planes_do_not_become_one(tmp_path):
    write(tmp_path / "a.gpkg", "DLTB", {"BSM": ["1"]})
    (tmp_path / "b").mkdir()
    write(tmp_path / "b" / "b.gpkg", "DLTB", {"BSM": ["2"]}, crs="EPSG:4527")

    with pytest.raises(BadMapping, match="坐标系不同"):
        mapped(tmp_path, SURVEY)


def test_the_way_to_cgcs2000_is_named_with_its_accuracy():
    """R-027: Xi'an 1980 has no public parameters; the report says that nothing was moved."""
    xian = transformation("EPSG:2362")

    assert xian["ballpark"] is True and xian["accuracy_m"] is None
    assert transformation("EPSG:4526")["ballpark"] is False


@needs_data
@pytest.mark.parametrize(
    ("mapping", "path", "rows"),
    [("finland_terrain", "finland_topo_L4132R.zip", {"LANDCOVER": 4304}), ("trpa_zoning", "trpa_zoning.gdb.zip", {"ZONING": 385}),
     ("slovenia_lulc", "slovenia_lulc/LULC.gpkg", {"LULC": 88}), ("anhui_counties", "cn_gbk_shapefile", {"BOUNDARY": 78}),
     ("osm_landuse", "osm_extracts/liechtenstein-latest.osm.pbf", {"LANDUSE": 382, "NATURAL": 207, "BUILDING": 8994})],
)  # fmt: skip
def test_real_data_through_the_mappings_the_project_keeps(mapping, path, rows):
    chosen = load_mapping(MAPPINGS / f"{mapping}.toml")
    with open_delivery(DATA / "parcels" / path, encoding=chosen.encoding) as source:
        outcome = apply(source, load_standard(OPEN), chosen)
        tables = {one.spec.code: one.table() for one in outcome.layers}

    assert {code: table.num_rows for code, table in tables.items()} == rows
    for table in tables.values():
        assert table["BSM"].null_count == 0
        assert len(table["BSM"].unique()) == table.num_rows
    report = json.loads(outcome.loss.to_json())
    assert all(not one["type_failures"] and not one["values_truncated"] for one in report["layers"].values())
