"""Rules of plans and control lines: each passes, fails and stands on its boundary. R-098, R-105."""

from __future__ import annotations

import pytest
import shapely

from kunyu.packs.spatial_planning.quality.tests.conftest import Plan, area, box, part


def test_a_sound_plan_has_no_findings(plan: Plan) -> None:
    report = plan.check()

    assert report.findings == ()
    assert {"P101", "P303", "P304", "P401", "P501", "F101", "Q203"} <= set(report.rules_run)


def test_p101_a_mandatory_layer_is_missing(plan: Plan) -> None:
    del plan.rows["YJJBNT"]
    (found,) = plan.found("P101")

    assert (found.layer, found.severity, found.measured) == ("YJJBNT", "S", "缺少")
    assert found.message_en == "YJJBNT: the mandatory layer is missing"


def test_p102_one_system_of_cgcs2000(plan: Plan) -> None:
    assert plan.found("P102") == []
    plan.crs["CZKFBJ"] = 4525
    (other,) = plan.found("P102")
    assert (other.layer, other.measured, other.limit) == ("CZKFBJ", "EPSG:4525", "EPSG:4526")
    plan.crs["CZKFBJ"] = 32650
    (foreign,) = plan.found("P102")
    assert foreign.message_zh == "CZKFBJ: 坐标系为 EPSG:32650, 应为 CGCS2000"


def test_p201_a_division_of_another_county(plan: Plan) -> None:
    plan.rows["GHYDYH"][0]["XZQDM"] = "990102001"
    (found,) = plan.found("P201")

    assert (found.measured, found.limit, found.ids) == ("990102001", "990101", ("990101521000000001",))


def test_p303_overlap_in_one_layer(plan: Plan) -> None:
    plan.rows["GHYDYH"][0]["geometry"] = box(0, 0, 102, 100)
    (found,) = plan.found("P303")

    assert (found.measured, found.layer) == (200.0, "GHYDYH")
    assert found.place is not None and found.place.equals(box(100, 0, 102, 100))


def test_p304_a_hole_without_and_the_rim_with_the_county(plan: Plan) -> None:
    """Without the county only what the plan encloses is asked; with it, the whole scope."""
    plan.rows["GHYDYH"][0]["geometry"] = box(0, 0, 100, 100) - box(40, 40, 50, 50)
    (hole,) = plan.found("P304")
    assert hole.measured == 100.0

    county = {"base.XZQ": part([box(0, 0, 400, 120)], BSM=["1"])}
    assert sorted(one.measured for one in plan.found("P304", county)) == [100.0, 8000.0]


def test_p305_lines_stay_in_the_county(plan: Plan) -> None:
    county = {"base.XZQ": part([box(0, 0, 400, 100)], BSM=["1"])}
    assert plan.found("P305", county) == []

    county = {"base.XZQ": part([box(10, 0, 400, 100)], BSM=["1"])}
    (found,) = plan.found("P305", county)
    assert found.layer == "STBHHX" and found.measured == pytest.approx(1000.0, abs=0.01)


def test_p306_and_p307_small_narrow_and_sharp(plan: Plan) -> None:
    plan.add("XZYDYH", box(0, 0, 2, 2.4), "YDYHMJ", DLBM="0301", YDYHFLDM="0301", YDYHFLMC="乔木林地")
    plan.add("XZYDYH", box(10, 0, 10.9, 50), "YDYHMJ", DLBM="0301", YDYHFLDM="0301", YDYHFLMC="乔木林地")
    plan.add("XZYDYH", box(20, 0, 22, 2.6), "YDYHMJ", DLBM="0301", YDYHFLDM="0301", YDYHFLMC="乔木林地")
    west, south = box(100, 0, 101, 1).bounds[:2]
    blade = shapely.Polygon([(west, south), (west + 3.6, south), (west + 1.8, south + 20.0)])  # 10.28°
    plan.add("XZYDYH", blade, "YDYHMJ", DLBM="0101", YDYHFLDM="0101", YDYHFLMC="水田")
    assert [one.measured for one in plan.found("P306")] == [4.8, 45.0]
    assert plan.found("P307") == []

    plan.rows["XZYDYH"][-1]["geometry"] = shapely.Polygon(
        [(west, south), (west + 3.4, south), (west + 1.7, south + 20)]
    )
    (sharp,) = plan.found("P307")
    assert sharp.measured == pytest.approx(9.717, abs=0.001)
    assert sharp.place is not None and sharp.place.equals(shapely.Point(west + 1.7, south + 20))


@pytest.mark.parametrize(("reach", "found"), [(0.0, 0), (0.0099, 0), (0.0101, 1)])
def test_p401_lines_may_share_one_square_metre(reach: float, found: int, plan: Plan) -> None:
    """0.99 m² is let pass, 1.01 m² is not."""
    plan.rows["STBHHX"][0]["geometry"] = box(0, 0, 100 + reach, 100)

    assert len(plan.found("P401")) == found


def test_p402_and_p403_growth_boundary(plan: Plan) -> None:
    """P403 asks the concentrated construction area alone; P402 every zone."""
    plan.rows["CZKFBJ"][0]["geometry"] = box(195, 0, 300, 100)
    (core,) = plan.found("P403")
    assert core.measured == 500.0
    assert core.ids == ("990101512000000001", "990101513000000001")
    assert core.place is not None and core.place.equals(box(195, 0, 200, 100))

    plan.rows["CZKFBJ"][0]["GHFQDM"] = "TXQ"
    assert plan.found("P403") == []
    plan.rows["CZKFBJ"][0]["geometry"] = box(95, 0, 100, 100)
    assert [one.measured for one in plan.found("P402")] == [500.0]


def test_p404_construction_planned_on_permanent_farmland(plan: Plan) -> None:
    plan.rows["GHYDYH"][2]["geometry"] = box(198, 0, 300, 100)
    plan.rows["GHYDYH"][1]["geometry"] = box(100, 0, 198, 100)
    (found,) = plan.found("P404")

    assert (found.measured, found.limit) == (200.0, 1.0)
    assert "(07) 占永久基本农田" in found.message_zh


@pytest.mark.parametrize(
    ("land", "use", "ok"),
    [("0701", "0701", True), ("0701", "07", True), ("0701", "070101", True), ("0301K", "0301", True),
     ("0701", "0703", False), ("0303", "0507", True), ("0303", "03", False)],
)  # fmt: skip
def test_p405_base_conversion(land: str, use: str, ok: bool, plan: Plan) -> None:
    names = plan.standard.codelists["YDYH"].codes
    plan.add("XZYDYH", box(200, 0, 250, 50), "YDYHMJ", DLBM=land, YDYHFLDM=use, YDYHFLMC=names[use])

    assert (plan.found("P405") == []) is ok


@pytest.mark.parametrize(("more", "found"), [(99.9, 0), (100.2, 1)])
def test_p501_a_hundredth_of_a_hectare(more: float, found: int, plan: Plan) -> None:
    plan.rows["STBHHX"][0]["HXMJ"] = round(area(plan.rows["STBHHX"][0]["geometry"]) + more, 2)

    assert len(plan.found("P501")) == found


def test_p502_indicators(plan: Plan) -> None:
    """10,000 m² of red line is 0.01 km²; 9,000 m² of farmland is 13.5 亩 = 0.0014 万亩 to four decimals."""
    red = area(plan.rows["STBHHX"][0]["geometry"])
    plan.add("GHZB", None, ZBBM="I-01", ZBMC="生态保护红线面积", ZBZ=round(red / 1e6, 4), DW="km²")
    plan.add("GHZB", None, ZBBM="I-03", ZBMC="永久基本农田保护面积", ZBZ=0.0014, DW="万亩")
    plan.add("GHZB", None, ZBBM="I-02", ZBMC="用水总量", ZBZ=3.0, DW="亿m³")
    assert plan.found("P502") == []

    plan.rows["GHZB"][0]["ZBZ"] = 0.0102
    (found,) = plan.found("P502")
    assert (found.measured, found.limit) == (10200.0, red)


def test_p601_lines_of_the_plan_above(plan: Plan) -> None:
    upper = {"control.STBHHX": part([box(0, 0, 50, 100), box(50, 0, 100, 100)], BSM=["1", "2"])}
    report = plan.check(upper)
    assert report.findings == ()
    assert "P601" in report.rules_run
    assert [one.rule for one in report.rules_not_run if one.rule.startswith("P601")] == ["P601.CZKFBJ", "P601.YJJBNT"]

    less = {"control.STBHHX": part([box(0, 0, 100, 110)], BSM=["1"])}
    (found,) = plan.found("P601", less)
    assert found.measured == pytest.approx(1000.0, abs=0.01)
    assert "少" in found.message_zh
