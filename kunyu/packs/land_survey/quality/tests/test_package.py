"""Q101 to Q106: the delivery as a whole."""

from dataclasses import replace

import numpy as np
import pytest
import shapely

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.runner import run
from kunyu.engines.ingest.mapping import apply
from kunyu.engines.ingest.reading import open_delivery

pytestmark = pytest.mark.quick

MANDATORY = {"XZQ", "XZQJX", "CJDCQ", "CJDCQJX", "PDT", "DLTB", "YJJBNTTB", "PZWJSTD", "CZCDYD", "GDDB"}


def test_q102_names_each_missing_layer(survey):
    del survey.rows["PDT"], survey.rows["GDDB"]

    found = survey.found("Q102")

    assert [(one.severity, one.layer, one.measured, one.geometry) for one in found] == [
        ("S", "GDDB", "缺", None), ("S", "PDT", "缺", None),
    ]  # fmt: skip
    assert found[1].message_zh == "缺少必选图层 PDT 坡度图"
    assert len({one.fingerprint for one in found}) == 2


def test_q102_an_empty_layer_is_there(survey):
    assert survey.rows["CZCDYD"] == [] and survey.found("Q102") == []


def test_q102_asks_for_what_the_standard_marks_mandatory(survey):
    for code in MANDATORY - {"DLTB"}:
        del survey.rows[code]

    assert {one.layer for one in survey.found("Q102")} == MANDATORY - {"DLTB"}


def _changes(survey, *codes):
    survey.rows = {code: [] for code in codes}


@pytest.mark.parametrize(
    ("codes", "missing"),
    [(("DLTBGX", "DLTBGXGC"), set()), (("DLTBGX", "CZCDYDGX"), {"DLTBGXGC"}), (("CZCDYDGX",), {"DLTBGX", "DLTBGXGC"}),
     (("DLTBGX", "DLTBGXGC", "LSYD"), MANDATORY)],
)  # fmt: skip
def test_q102_a_change_package_is_judged_by_its_update_layers(survey, codes, missing):
    """A single base layer among them makes it a database again."""
    _changes(survey, *codes)

    assert {one.layer for one in survey.found("Q102")} == missing


def test_q102_is_not_asked_where_one_dataset_is_named(survey):
    survey.check()
    with open_delivery(survey.folder / "county.gpkg") as source:
        mapped = apply(source, survey.standard).narrowed({"DLTB"})
        report = run(mapped, load_standard("TDT1057-2020"))

    assert [one.name for one in report.layers] == ["DLTB"]
    (reason,) = [one.reason for one in report.rules_not_run if one.rule == "Q102"]
    assert reason == "只汇交 DLTB，不代表整套成果; only DLTB is delivered, not the whole standard"


# Q103


def replane(survey, crs, *codes):
    """Deliver all layers (or these) under another coordinate system, their coordinates moved into it."""
    import pyproj

    move = pyproj.Transformer.from_crs("EPSG:4526", crs, always_xy=True)
    for code in codes or survey.rows:
        survey.crs[code] = crs
        for row in survey.rows[code]:
            row["geometry"] = shapely.transform(row["geometry"], lambda xy: np.column_stack(move.transform(*xy.T)))


def test_q103_the_countys_zone(survey):
    assert survey.found("Q103") == []


@pytest.mark.parametrize(
    ("crs", "said"),
    [("EPSG:4490", "是经纬度坐标"), ("EPSG:4547", "横坐标不带带号"), ("EPSG:4508", "不是 3 度带"), ("EPSG:32650", "不是 CGCS2000"),
     ("EPSG:2362", "不是 CGCS2000")],
)  # fmt: skip
def test_q103_other_systems(survey, crs, said):
    replane(survey, crs)

    found = survey.found("Q103")

    assert [(one.severity, one.geometry) for one in found][:1] == [("S", None)]
    assert any(said in one.message_zh for one in found)
    assert all(one.message_zh.startswith("XZQ、XZQJX、CJDCQ") for one in found)


@pytest.mark.parametrize(("crs", "count"), [("EPSG:4526", 0), ("EPSG:4527", 1), ("EPSG:4525", 1)])
def test_q103_the_zone_beside(survey, crs, count):
    """The county lies at 114.0°: the neighbouring zones' meridians are 3° away."""
    replane(survey, crs)

    found = survey.found("Q103")

    assert len(found) == count
    assert all(one.limit == "EPSG:4526" and "应为第 38 带" in one.message_zh for one in found) or count == 0


@pytest.mark.parametrize(("east", "count"), [(0, 0), (170_000, 0), (180_000, 0), (190_000, 1)])
def test_q103_how_far_from_the_central_meridian(survey, east, count):
    """2° at latitude 34.35° are about 184 km."""
    for rows in survey.rows.values():
        for row in rows:
            row["geometry"] = shapely.transform(row["geometry"], lambda xy: xy + np.array([east, 0.0]))

    assert len(survey.found("Q103")) == count


def test_q103_coordinates_without_the_prefix_their_system_declares(survey):
    for rows in survey.rows.values():
        for row in rows:
            row["geometry"] = shapely.transform(row["geometry"], lambda xy: xy - np.array([38e6, 0.0]))

    (found,) = survey.found("Q103")

    assert "坐标缺带号" in found.message_zh


def test_q103_one_stray_feature_is_not_the_system(survey):
    survey.parcel(1)["geometry"] = shapely.transform(survey.parcel(1)["geometry"], lambda xy: xy[:, ::-1])

    assert survey.found("Q103") == []


def test_q103_a_layer_in_another_plane_and_one_without(survey):
    replane(survey, "EPSG:4527", "PDT")
    survey.crs["DLTB"] = None

    found = survey.found("Q103")

    assert sorted(one.layer for one in found) == ["DLTB", "PDT", "PDT"]
    assert {one.message_zh for one in found} >= {
        "DLTB: 没有坐标系", "PDT: 坐标系 EPSG:4527 与其他图层的 EPSG:4526 不同",
    }  # fmt: skip


def test_q103_names_the_part_it_cannot_judge(survey):
    assert "Q103.vertical_datum" in [one.rule for one in survey.check().rules_not_run]


# Q104

GOOD_HEAD = {
    "Datamark": "LANDUSE-VCT", "Version": "3.0", "CoordinateSystemType": "P", "Dim": "2", "XYUnit": "M",
    "Spheroid": "CGCS2000,6378137.0,298.257222101", "Projection": "高斯-克吕格投影", "Separator": ",",
}  # fmt: skip


def with_head(survey, head):
    survey.check()
    with open_delivery(survey.folder / "county.gpkg") as source:
        headed = replace(source, headers={"county.vct": head}, _scratch=None)
        return run(apply(headed, survey.standard), survey.standard)


@pytest.mark.parametrize(
    ("key", "value"),
    [("Datamark", "OTHER"), ("Version", "2.0"), ("Spheroid", "Krassovsky,6378245.0,298.3"), ("Projection", "UTM"),
     ("Separator", ""), ("Separator", "ab"), ("XYUnit", "D"), ("CoordinateSystemType", "D"), ("Dim", "4"), ("Datamark", None)],
)  # fmt: skip
def test_q104_each_value_of_the_head(survey, key, value):
    head = {**GOOD_HEAD, key: value} if value is not None else {k: v for k, v in GOOD_HEAD.items() if k != key}

    found = [one for one in with_head(survey, head).findings if one.rule == "Q104"]

    assert [(one.severity, one.layer, one.measured) for one in found] == [
        ("S", "county.vct", "缺" if value is None else value)
    ]


def test_q104_a_good_head_and_no_vct(survey):
    assert [one for one in with_head(survey, GOOD_HEAD).findings if one.rule == "Q104"] == []
    (reason,) = [one.reason for one in survey.check().rules_not_run if one.rule == "Q104"]
    assert reason == "成果中没有 VCT 文件; the delivery holds no VCT file"
