"""Rules of mineral plans. R-108."""

from __future__ import annotations

import pytest

from kunyu.packs.spatial_planning.quality.tests.conftest import Plan, box, part


def test_a_sound_plan_has_no_findings(minerals: Plan) -> None:
    report = minerals.check({"control.STBHHX": part([box(0, 400, 50, 450)], BSM=["r"])})

    assert report.findings == ()
    assert {"M101", "M102", "M103", "M104", "P101", "P501"} <= set(report.rules_run)
    assert [one.rule for one in report.rules_not_run] == ["M104.YJJBNT", "M601"]


@pytest.mark.parametrize(
    ("number", "ok"),
    [
        ("C1000002011011110103842", True), ("T51120080102000012", True), ("D51020080600000012", True),
        ("C100000201101111010384", False), ("T51620080102000012", False), ("T51120081302000012", False),
        ("S1000002011011110103842", False),
    ],
)  # fmt: skip
def test_m101_layout_of_numbers(number: str, ok: bool, minerals: Plan) -> None:
    minerals.rows["KFGHQK"][0]["KYQH"] = number

    assert (minerals.found("M101") == []) is ok


def test_m102_blocks_in_zones_of_the_right_kind(minerals: Plan) -> None:
    minerals.rows["KFGHQK"][0]["geometry"] = box(400, 100, 600, 200)
    (found,) = minerals.found("M102")
    assert found.measured == 10000.0
    assert found.place is not None and found.place.equals(box(500, 100, 600, 200))

    minerals.rows["KCGHFQ"][1]["FQLX"] = "GK"
    assert minerals.found("M102") == []


def test_m103_blocks_of_one_mineral(minerals: Plan) -> None:
    again = dict(minerals.rows["KFGHQK"][0]) | {"BSM": "990101542000000002", "KYQH": None}
    minerals.rows["KFGHQK"].append(again | {"geometry": box(290, 100, 400, 300)})
    (found,) = minerals.found("M103")
    assert (found.measured, found.ids) == (2000.0, ("990101542000000001", "990101542000000002"))

    minerals.rows["KFGHQK"][1]["KZMC"] = "铁矿"
    assert minerals.found("M103") == []


def test_m104_blocks_keep_off_control_lines(minerals: Plan) -> None:
    lines = {"control.YJJBNT": part([box(250, 100, 350, 200)], BSM=["f"])}
    (found,) = minerals.found("M104", lines)

    assert found.ids == ("990101542000000001", "f")
    assert found.measured == pytest.approx(5000.0, abs=0.01)
