"""C-02 to C-05: red line, permanent farmland, urban boundary: pass, fail, boundary, not checked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kunyu.engines.matters.rules.answers import Answer, Overlap
from kunyu.engines.matters.rules.tests.asks import ask, overlap, stale
from kunyu.packs.spatial_planning.rules import control_lines as rules

RED, FARM, URBAN = "20201-001", "10502-001", "20203-001"
FILE = {"file_name": "a.pdf", "faults": []}


def red(*parts: tuple[str, str], **more: Any) -> dict[str, Overlap]:
    """The red line with records of (area, HXLX)."""
    records = tuple({"id": str(k), "county": "990101", "area_m2": Decimal(area), "HXLX": kind}
                    for k, (area, kind) in enumerate(parts))  # fmt: skip
    total = str(sum((one["area_m2"] for one in records), Decimal(0)))
    return {RED: overlap(RED, total, records=records, **more)}


def boundary(**classes: str) -> dict[str, Overlap]:
    by_class = {code: Decimal(area) for code, area in classes.items()}
    total = str(sum(by_class.values(), Decimal(0)))
    return {URBAN: overlap(URBAN, total, by_class=by_class)}


def said(answer: Answer) -> tuple[str, Decimal | None, Decimal | None, str]:
    return answer.state, answer.measured, answer.limit, answer.reason


def test_c02_core_of_the_red_line() -> None:
    """Free: clear; one square metre of core: clear; a centimetre more: conflict with place, exact sentence."""
    free = rules.plot_keeps_off_the_core_of_the_red_line(ask(overlaps={RED: overlap(RED)}))
    assert said(free) == ("clear", Decimal("0"), Decimal("1"), "")
    edge = rules.plot_keeps_off_the_core_of_the_red_line(ask(overlaps=red(("1.00", "核心保护区"))))
    assert said(edge) == ("clear", Decimal("1.00"), Decimal("1"), "")
    over = rules.plot_keeps_off_the_core_of_the_red_line(ask(overlaps=red(("1.01", "核心保护区"))))
    assert said(over) == ("conflict", Decimal("1.01"), Decimal("1"), "")
    assert over.message_zh == "占用生态保护红线核心保护区 1.01 m²。"
    assert over.where is not None
    assert over.remedy_zh == "调整用地范围，避让核心保护区"


def test_c02_says_when_the_layer_does_not_tell_core_from_the_rest() -> None:
    """A red line without HXLX is not clear and not core; one that names another kind is clear of the core."""
    unknown = rules.plot_keeps_off_the_core_of_the_red_line(ask(overlaps=red(("500.00", ""))))
    assert said(unknown) == ("not_checked", Decimal("500.00"), Decimal("1"), "core_unknown")
    other = rules.plot_keeps_off_the_core_of_the_red_line(ask(overlaps=red(("500.00", "一般控制区"))))
    assert said(other) == ("clear", Decimal("0.00"), Decimal("1"), "")
    both = rules.plot_keeps_off_the_core_of_the_red_line(ask(overlaps=red(("500.00", ""), ("2.00", "核心保护区"))))
    assert said(both) == ("conflict", Decimal("2.00"), Decimal("1"), "")


def test_c03_the_red_line_needs_a_certification() -> None:
    overlaps = red(("1234.56", "一般控制区"))
    bare = rules.red_line_is_entered_only_by_what_is_permitted(ask(overlaps=overlaps))
    assert said(bare) == ("conflict", Decimal("1234.56"), Decimal("1"), "")
    assert bare.message_zh == "占用生态保护红线 1234.56 m²，没有有限人为活动认定意见或不可避让论证意见。"
    certified = rules.red_line_is_entered_only_by_what_is_permitted(
        ask(overlaps=overlaps, form={"certification_id": "示自然资函〔2026〕1号"})
    )
    assert said(certified) == ("clear", Decimal("1234.56"), Decimal("1"), "")
    major = {"is_major_project": True}
    assert rules.red_line_is_entered_only_by_what_is_permitted(ask(overlaps=overlaps, form=major)).state == "conflict"
    with_opinion = ask(overlaps=overlaps, form=major, materials={"redline_opinion": FILE})
    assert rules.red_line_is_entered_only_by_what_is_permitted(with_opinion).state == "clear"
    broken = ask(overlaps=overlaps, form=major, materials={"redline_opinion": {"faults": [{"code": "encrypted"}]}})
    assert rules.red_line_is_entered_only_by_what_is_permitted(broken).state == "conflict"


def test_c03_a_square_metre_is_noise() -> None:
    edge = rules.red_line_is_entered_only_by_what_is_permitted(ask(overlaps=red(("1.00", "一般控制区"))))
    assert said(edge) == ("clear", Decimal("1.00"), Decimal("1"), "")


@pytest.mark.parametrize(
    ("form", "materials", "state", "reason"),
    [
        ({}, {}, "conflict", ""),
        ({"is_major_project": True}, {}, "conflict", ""),
        ({"is_major_project": True, "supplement_area_m2": 5000}, {}, "conflict", ""),
        ({"is_major_project": True, "supplement_area_m2": 4999.99}, {"farmland_plan": FILE}, "conflict", ""),
        ({"is_major_project": True, "supplement_area_m2": 5000}, {"farmland_plan": FILE}, "not_checked", "quality_not_stated"),
        ({"is_major_project": True, "supplement_area_m2": 5000, "occupied_grade": 5, "supplement_grade": 6},
         {"farmland_plan": FILE}, "conflict", ""),
        ({"is_major_project": True, "supplement_area_m2": 5000, "occupied_grade": 5, "supplement_grade": 5},
         {"farmland_plan": FILE}, "clear", ""),
    ],
)  # fmt: skip
def test_c04_permanent_farmland(form: dict[str, Any], materials: dict[str, Any], state: str, reason: str) -> None:
    """Only a major project that replaces as much, of no lower grade; equal area and equal grade pass."""
    answer = rules.permanent_farmland_is_replaced(
        ask(overlaps={FARM: overlap(FARM, "5000.00")}, form=form, materials=materials)
    )
    assert said(answer) == (state, Decimal("5000.00"), Decimal("1"), reason)


def test_c04_pass_and_boundary() -> None:
    for area, state in (("0.00", "clear"), ("1.00", "clear"), ("1.01", "conflict")):
        answer = rules.permanent_farmland_is_replaced(ask(overlaps={FARM: overlap(FARM, area, records=())}))
        assert said(answer) == (state, Decimal(area), Decimal("1"), ""), area


def test_c05_urban_building_inside_the_boundary() -> None:
    """Wholly inside; 1 m² and 1.01 m² outside; the flexible area only after its adjustment; other projects: no matter."""
    urban = {"project_type": "urban"}
    for inside, state, outside in (
        ("10000.00", "clear", "0.00"),
        ("9999.00", "clear", "1.00"),
        ("9998.99", "conflict", "1.01"),
    ):
        answer = rules.urban_building_lies_inside_the_boundary(ask(form=urban, overlaps=boundary(JZQ=inside)))
        assert said(answer) == (state, Decimal(outside), Decimal("1"), ""), inside
    flexible = boundary(JZQ="4000.00", TXQ="6000.00")
    bare = rules.urban_building_lies_inside_the_boundary(ask(form=urban, overlaps=flexible))
    assert bare.message_zh == "有 6000.00 m² 在城镇集中建设区外，其中弹性发展区 6000.00 m²。"
    adjusted = ask(form=urban | {"boundary_adjustment_id": "示府函〔2026〕8号"}, overlaps=flexible)
    assert rules.urban_building_lies_inside_the_boundary(adjusted).state == "clear"
    wholly_outside = ask(form={"project_type": "industry"}, overlaps={URBAN: overlap(URBAN)})
    assert rules.urban_building_lies_inside_the_boundary(wholly_outside).measured == Decimal("10000.00")
    road = rules.urban_building_lies_inside_the_boundary(ask(form={"project_type": "transport"}, overlaps=stale(URBAN)))
    assert (road.state, road.message_zh) == ("clear", "不适用：不是城镇建设项目。")
    unsaid = rules.urban_building_lies_inside_the_boundary(ask(overlaps=boundary(JZQ="10000.00")))
    assert said(unsaid) == ("not_checked", None, None, "field_missing")


@pytest.mark.parametrize(
    ("rule", "layer", "form"),
    [
        (rules.plot_keeps_off_the_core_of_the_red_line, RED, {}),
        (rules.red_line_is_entered_only_by_what_is_permitted, RED, {"certification_id": "x"}),
        (rules.permanent_farmland_is_replaced, FARM, {}),
        (rules.urban_building_lies_inside_the_boundary, URBAN, {"project_type": "urban"}),
    ],
)
def test_a_layer_that_was_not_looked_at_is_never_clear(rule: Any, layer: str, form: dict[str, Any]) -> None:
    answer = rule(ask(overlaps=stale(layer), form=form))
    assert (answer.state, answer.reason) == ("not_checked", "stale")
    assert answer.message_zh == f"图层{layer}未核验: 数据过期。"


def test_what_was_found_in_old_data_stays_a_conflict_but_its_absence_is_not_clear() -> None:
    """Found in stale data: a conflict all the same; a sliver in stale data: not checked."""
    old = {"reason": "stale", "reason_zh": "数据过期。", "reason_en": "Too old."}
    found = rules.permanent_farmland_is_replaced(ask(overlaps={FARM: overlap(FARM, "50.00", **old)}))
    assert found.state == "conflict"
    sliver = rules.permanent_farmland_is_replaced(ask(overlaps={FARM: overlap(FARM, "0.50", **old)}))
    assert (sliver.state, sliver.reason) == ("not_checked", "stale")
    inside = rules.urban_building_lies_inside_the_boundary(
        ask(form={"project_type": "urban"}, overlaps={URBAN: overlap(URBAN, "10000", by_class={"JZQ": Decimal(10000)}, **old)})
    )  # fmt: skip
    assert (inside.state, inside.reason) == ("not_checked", "stale")


def test_a_kind_of_red_line_that_nobody_can_read_is_not_taken_for_the_general_zone() -> None:
    """HXLX in codes, or in other words: neither core nor not core, so C-02 is open; 非核心 is not core."""
    for kind in ("10", "生态保护红线", "?"):
        found = rules.plot_keeps_off_the_core_of_the_red_line(ask(overlaps=red(("500.00", kind))))
        assert said(found) == ("not_checked", Decimal("500.00"), Decimal("1"), "core_unknown"), kind
    found = rules.plot_keeps_off_the_core_of_the_red_line(ask(overlaps=red(("500.00", "非核心保护区"))))
    assert said(found)[0] == "clear"


def test_c04_replacement_is_not_enough_while_some_of_the_farmland_is_not_seen() -> None:
    """Area and grade fit what was found; the look was not whole, so more may be taken."""
    form = {"is_major_project": True, "supplement_area_m2": 600, "occupied_grade": 5, "supplement_grade": 5}
    papers = {"farmland_plan": FILE}
    whole = {FARM: overlap(FARM, "500.00")}
    assert rules.permanent_farmland_is_replaced(ask(overlaps=whole, form=form, materials=papers)).state == "clear"
    partly = {FARM: overlap(FARM, "500.00", reason="stale", reason_zh="数据过期。", reason_en="Too old.")}
    found = rules.permanent_farmland_is_replaced(ask(overlaps=partly, form=form, materials=papers))
    assert (found.state, found.reason) == ("not_checked", "stale")
