"""通查通验: complete and consistent, each answer naming both places; what was not read is never clear (R-312)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kunyu.engines.matters.materials.comparing import RULES, compare
from kunyu.engines.matters.materials.facts import facts_of
from kunyu.engines.matters.materials.text_pages import Line, Page
from kunyu.engines.matters.rules.answers import Answer
from kunyu.engines.matters.rules.registry import find_rule

NAME, CODE, PROJECT, PROJECT_CODE = (
    "临江市城市建设投资有限公司",
    "91350100M000100Y43",
    "临江市第二人民医院迁建工程",
    "2026-990101-84-01-012345",
)
APPLICANT = {"kind": "organisation", "name": NAME, "code_masked": CODE}
ALL = ["applicant_name", "applicant_code", "project_name", "project_code", "area_m2"]


def kind(code: str, name: str, reads: list[str], **more: Any) -> dict[str, Any]:
    return {"code": code, "name_zh": name, "name_en": code, "is_required": True, "when": "", "reads": reads, **more}


TITLES = {"is_major": ("重大建设项目", "Major project"), "prior_number": ("预审意见书编号", "Number of the opinion")}
KINDS = {"form": kind("form", "申请表", ALL), "reply": kind("reply", "立项批复", ["project_name", "project_code"])}


def given(
    *lines: str, sm3: str = "a", source: str = "text", confidence: float = 1.0, reading: str = "", unread: bool = False
) -> dict[str, Any]:
    pages = [Page(1, source, tuple(Line(one, confidence) for one in lines))]
    pages += [Page(2, "failed", reason="time")] if unread else []
    return {
        "file_name": f"{sm3}.pdf",
        "sm3": sm3,
        "pages": 1,
        "reading": reading or source,
        "facts": facts_of(pages),
        "faults": [],
    }


LINES = (
    f"申请单位：{NAME}",
    f"统一社会信用代码：{CODE}",
    f"项目名称：{PROJECT}",
    f"项目代码：{PROJECT_CODE}",
    "用地总面积：3.4567公顷",
)
REPLY = (f"项目名称：{PROJECT}", f"项目代码：{PROJECT_CODE}")


def asked(materials: dict[str, Any], **more: Any) -> dict[str, Answer]:
    values: dict[str, Any] = {
        "form": {"declared_area_m2": 34567}, "applicant": APPLICANT, "area": 34567.0, "kinds": KINDS,
        "project_code": PROJECT_CODE, "project_name": PROJECT, **more,
    }  # fmt: skip
    answers = compare(
        values["form"], values["applicant"], values["area"], materials, kinds=values["kinds"],
        project_code=values["project_code"], project_name=values["project_name"], titles=TITLES,
    )  # fmt: skip
    return dict(zip(RULES, answers, strict=True))


def good() -> dict[str, Any]:
    return {"form": given(*LINES), "reply": given(*REPLY, sm3="b")}


def test_everything_agrees() -> None:
    answers = asked(good())
    assert {one.state for one in answers.values()} == {"clear"}
    assert answers["MA-03"].message_zh == "1 处申请人名称与申请信息一致。"
    assert answers["MA-05"].message_zh == "2 处项目名称与申请信息一致。"
    assert answers["MA-07"].measured == Decimal("0.00")


def test_ma01_names_what_is_missing() -> None:
    answer = asked({"form": given(*LINES)})["MA-01"]
    assert answer.state == "conflict"
    assert answer.message_zh == "缺少 1 项材料：“立项批复”。"
    assert (answer.measured, answer.limit) == (1, 2)
    kinds = {**KINDS, "reply": kind("reply", "立项批复", [], when="is_major", is_required=False)}
    assert asked({"form": given(*LINES)}, kinds=kinds)["MA-01"].state == "clear"
    answer = asked({"form": given(*LINES)}, kinds=kinds, form={"is_major": True})["MA-01"]
    assert answer.message_zh == "缺少 1 项材料：“立项批复”（因表单中“重大建设项目”为是）。"
    assert answer.message_en == "1 materials are missing: reply (the form says yes to 'Major project')."


def test_ma02_tells_one_file_under_two_kinds() -> None:
    answer = asked({"form": given(*LINES), "reply": given(*REPLY)})["MA-02"]
    assert answer.message_zh == "同一个文件作了不同材料：“申请表”（a.pdf）、“立项批复”（a.pdf）。"


def test_ma03_names_differ() -> None:
    lines = ("申请单位：临江市交通建设投资有限公司", *LINES[1:])
    answer = asked({**good(), "form": given(*lines)})["MA-03"]
    assert answer.state == "conflict"
    assert (
        answer.message_zh
        == f"申请人名称不一致：材料“申请表”第 1 页为“临江市交通建设投资有限公司”，申请信息为“{NAME}”。"
    )
    assert answer.message_en == (
        f"The applicant's name differs: material form, page 1 says '临江市交通建设投资有限公司', the application '{NAME}'."
    )


@pytest.mark.parametrize(
    "written", ["临江市城市建设投资有限公司", "临江市城市建设投资 有限公司", "（临江市）城市建设投资有限公司"]
)
def test_ma03_brackets_width_and_spaces_do_not_matter(written: str) -> None:
    assert asked({**good(), "form": given(f"申请单位：{written}", *LINES[1:])})["MA-03"].state == "clear"


def test_ma04_codes_differ_and_bad_check_characters() -> None:
    lines = (LINES[0], "统一社会信用代码：91440300708461136T", *LINES[2:])
    answer = asked({**good(), "form": given(*lines)})["MA-04"]
    assert (
        answer.message_zh == f"统一社会信用代码不一致：材料“申请表”第 1 页为“91440300708461136T”，申请信息为“{CODE}”。"
    )
    lines = (LINES[0], "统一社会信用代码：91350100M000100Y44", *LINES[2:])
    answer = asked({**good(), "form": given(*lines)})["MA-04"]
    assert (
        answer.message_zh
        == f"统一社会信用代码不一致：材料“申请表”第 1 页为“91350100M000100Y44”（校验码不符），申请信息为“{CODE}”。"
    )


def test_ma04_a_person_is_compared_by_the_mask() -> None:
    person = {"kind": "person", "name": "张三", "code_masked": "110***********002X"}
    lines = ("申请人：张三", "身份证号：11010519491231002X")
    assert asked({"form": given(*lines), "reply": given(*REPLY, sm3="b")}, applicant=person)["MA-04"].state == "clear"
    other = {**person, "code_masked": "110***********0033"}
    answer = asked({"form": given(*lines)}, applicant=other)["MA-04"]
    assert answer.state == "conflict"
    assert "1949" not in answer.message_zh


@pytest.mark.parametrize(("area", "state"), [(34567.0, "clear"), (34909.0, "clear"), (34920.0, "conflict")])
def test_ma07_areas_within_one_percent(area: float, state: str) -> None:
    """34567 is 0.98 % below 34909 and 1.01 % below 34920."""
    answer = asked(good(), area=area, form={})["MA-07"]
    assert answer.state == state
    assert (answer.limit, answer.unit) == (1, "%")
    if state == "conflict":
        assert answer.measured == Decimal("1.02"), "1.011 % is never shown as less"
        assert answer.message_zh == (
            "用地面积不一致：材料“申请表”第 1 页为“3.4567 公顷”（34567.00 m²），用地范围为“34920.00 m²”，相差 1.02%；"
            "允许相差不超过 1%。"
        )
        assert answer.message_en == (
            "The area differs: material form, page 1 says '3.4567 公顷' (34567.00 m²), the plot '34920.00 m²', 1.02% apart; "
            "at most 1% apart is allowed."
        )
    else:
        assert (
            answer.message_zh == f"1 处用地面积与用地范围（{area:.2f} m²，最多相差 {answer.measured}%，允许 1%）一致。"
        )


def test_ma07_the_form_against_the_plot() -> None:
    answer = asked(good(), form={"declared_area_m2": 40000})["MA-07"]
    assert (
        answer.message_zh
        == "用地面积不一致：申请表（填报）为“40000.00 m²”，用地范围为“34567.00 m²”，相差 15.72%；允许相差不超过 1%。"
    )


def test_ma07_square_metres_are_not_said_twice_and_the_first_material_has_its_unit() -> None:
    """Without a plot and a declared area, a later material is held against the first."""
    kinds = {**KINDS, "reply": kind("reply", "立项批复", ["area_m2"])}
    materials = {"form": given(*LINES), "reply": given("用地总面积：30000 平方米", sm3="b")}
    answer = asked(materials, kinds=kinds, area=None, form={})["MA-07"]
    assert answer.message_zh == (
        "用地面积不一致：材料“立项批复”第 1 页为“30000 平方米”，材料“申请表”第 1 页为“34567.00 m²”，相差 13.22%；允许相差不超过 1%。"
    )


def test_ma07_a_difference_just_over_the_limit_is_not_rounded_down_to_it() -> None:
    answer = asked(good(), area=34916.5, form={})["MA-07"]
    assert (answer.state, answer.measured) == ("conflict", Decimal("1.01")), "1.00096 %"


def test_ma07_an_area_without_a_label_decides_nothing() -> None:
    lines = (*LINES[:4], "共计 12,000 平方米")
    answer = asked({**good(), "form": given(*lines)}, form={})["MA-07"]
    assert (answer.state, answer.reason) == ("not_checked", "unsure")


def test_ma06_materials_contradict_each_other() -> None:
    reply = given(REPLY[0], "项目代码：2026-990101-84-01-054321", sm3="b")
    answer = asked({"form": given(*LINES), "reply": reply}, project_code="")["MA-06"]
    assert answer.message_zh == (
        f"投资项目代码不一致：材料“立项批复”第 1 页为“2026-990101-84-01-054321”，材料“申请表”第 1 页为“{PROJECT_CODE}”。"
    )


def test_ma08_the_number_of_an_earlier_document() -> None:
    kinds = {"prior": kind("prior", "预审意见书", ["prior_number"])}
    materials = {"prior": given("用字第990101202600001号")}
    form = {"prior_number": "用字第990101202600001号"}
    assert asked(materials, kinds=kinds, form=form)["MA-08"].state == "clear"
    answer = asked(materials, kinds=kinds, form={"prior_number": "用字第990101202600002号"})["MA-08"]
    assert answer.message_zh == (
        "前序文书编号不一致：材料“预审意见书”第 1 页为“用字第990101202600001号”，"
        "申请表“预审意见书编号”为“用字第990101202600002号”。"
    )
    answer = asked({"prior": given("国土资函〔2026〕12号")}, kinds=kinds, form=form)["MA-08"]
    assert (answer.state, answer.reason) == ("not_checked", "not_stated")


# --- what was not read is never clear ---
@pytest.mark.parametrize(
    ("reading", "reason"), [("waiting", "reading"), ("failed", "unread"), ("none", "unread"), ("ocr", "unread")]
)
def test_an_unread_material_is_not_checked(reading: str, reason: str) -> None:
    unread = {**given(sm3="a"), "reading": reading, "facts": {} if reading == "waiting" else facts_of([])}
    answers = asked({"form": unread, "reply": given(*REPLY, sm3="b")})
    for rule in ("MA-03", "MA-04", "MA-05", "MA-06", "MA-07"):
        assert (answers[rule].state, answers[rule].reason) == ("not_checked", reason), rule


def test_a_page_that_was_not_read_may_hold_it() -> None:
    answers = asked({**good(), "form": given(*LINES[:1], unread=True)})
    assert answers["MA-03"].state == "clear"
    assert (answers["MA-04"].state, answers["MA-04"].reason) == ("not_checked", "unread")


def test_recognised_unsurely_is_not_checked_even_when_it_agrees() -> None:
    answers = asked({**good(), "form": given(*LINES, source="ocr", confidence=0.5)})
    assert {answers[one].state for one in ("MA-03", "MA-05", "MA-06")} == {"not_checked"}
    assert answers["MA-04"].state == "clear", "its check character holds"


def test_a_slip_of_recognition_is_no_conflict() -> None:
    lines = ("申请单位：临江市城市建没投资有限公司", *LINES[1:3], "项目代码：2026-990101-84-01-012346", LINES[4])
    answers = asked({**good(), "form": given(*lines, source="ocr", confidence=0.9)})
    assert (answers["MA-03"].state, answers["MA-03"].reason) == ("not_checked", "unsure")
    assert "识别把握 90%" in answers["MA-03"].message_zh
    assert answers["MA-06"].state == "not_checked"
    answers = asked({**good(), "form": given("申请单位：青川县水务集团有限公司", source="ocr", confidence=0.9)})
    assert answers["MA-03"].state == "conflict"


def test_nothing_stated_anywhere_is_not_clear() -> None:
    answers = asked({"form": given("无"), "reply": given("无", sm3="b")})
    assert (answers["MA-03"].state, answers["MA-03"].reason) == ("not_checked", "not_stated")
    assert answers["MA-03"].message_zh == "材料“申请表”没有载明申请人名称，未核对。"


def test_the_rules_are_in_the_registry() -> None:
    """A pack names them in its matters.toml like any other rule."""
    assert [find_rule(one).weight for one in RULES] == ["document", "warn", *["document"] * 6]
