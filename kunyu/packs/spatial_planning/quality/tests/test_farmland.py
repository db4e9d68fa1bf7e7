"""Rules of permanent basic farmland. R-105."""

from __future__ import annotations

import pytest

from kunyu.packs.spatial_planning.quality.tests.conftest import Plan, box, part


@pytest.mark.parametrize(("code", "ok"), [("0103", True), ("0201K", True), ("0201", False), ("0301", False)])
def test_f101_classes(code: str, ok: bool, plan: Plan) -> None:
    plan.rows["YJJBNT"][0] |= {"DLBM": code, "DLMC": None}

    assert (plan.found("F101") == []) is ok


def test_f102_the_survey_has_something_else_there(plan: Plan) -> None:
    survey = {
        "base.DLTB": part(
            [box(100, 0, 190, 100), box(190, 0, 200, 100), box(200, 0, 300, 100)],
            BSM=["a", "b", "c"], DLBM=["0101", "0301", "0701"],
        )
    }  # fmt: skip
    (found,) = plan.found("F102", survey)

    assert found.ids == ("990101512000000001", "b")
    assert found.measured == pytest.approx(1000.0, abs=0.01)


def test_f103_more_than_the_parcel(plan: Plan) -> None:
    row = plan.rows["YJJBNT"][0]
    row["JBNTMJ"] = row["TBMJ"] + 0.01
    assert plan.found("F103") == []
    row["JBNTMJ"] = row["TBMJ"] + 0.02
    assert len(plan.found("F103")) == 1


def test_f104_a_number_twice(plan: Plan) -> None:
    plan.add("YJJBNT", box(100, 200, 200, 300), "TBMJ", JBNTTBBH="1", DLBM="0101", DLMC="水田", JBNTMJ=1.0)
    (found,) = plan.found("F104")
    assert found.ids == ("990101512000000001", "990101512000000002")

    plan.rows["YJJBNT"][1]["XZQDM"] = "990101002"
    assert plan.found("F104") == []


def moved(plan: Plan, kind: str, size: float, grade: int) -> None:
    plan.add("YJJBNTBH", box(0, 500, 100, 600), BHLX=kind, DLBM="0101", DLMC="水田", GDDB=grade, MJ=size)


def test_f105_and_f106_no_less_and_no_worse(plan: Plan) -> None:
    """Quantity to 0.01 m²; quality by the mean grade, weighted by area."""
    moved(plan, "ZY", 10000.0, 8)
    moved(plan, "BH", 5000.0, 9)
    moved(plan, "BH", 5000.0, 7)
    assert plan.found("F105") == plan.found("F106") == []

    plan.rows["YJJBNTBH"][1]["MJ"] = 4999.98
    (less,) = plan.found("F105")
    assert (less.measured, less.limit) == (9999.98, 10000.0)
    plan.rows["YJJBNTBH"][2]["GDDB"] = 8
    (worse,) = plan.found("F106")
    assert worse.ids == ("990101514000000002",)
    assert worse.limit == 8.0
