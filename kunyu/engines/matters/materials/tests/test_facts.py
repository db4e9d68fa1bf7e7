"""Facts found in lines: codes by their check characters, areas by their units and labels, names near labels (R-312)."""

from __future__ import annotations

import json

import pytest

from kunyu.engines.matters.materials.facts import Fact, facts_of, hidden, stored_text
from kunyu.engines.matters.materials.text_pages import Line, Page

pytestmark = pytest.mark.quick


def found(*lines: str, source: str = "text", confidence: float = 1.0) -> list[dict[str, object]]:
    page = Page(3, source, tuple(Line(one, confidence) for one in lines))
    return facts_of([page])["found"]  # type: ignore[no-any-return]


def values(name: str, *lines: str, **more: object) -> list[object]:
    return [one["value"] for one in found(*lines, **more) if one["name"] == name]  # type: ignore[arg-type]


def test_a_credit_code_is_found_with_its_page_and_label() -> None:
    (fact,) = found("统一社会信用代码：91350100M000100Y43")
    assert fact == {
        "name": "applicant_code", "value": "91350100M000100Y43", "page": 3, "confidence": 1.0, "source": "text",
        "label": "统一社会信用代码",
    }  # fmt: skip


@pytest.mark.parametrize(
    "written", ["９１３５０１００Ｍ０００１００Ｙ４３", "9135 0100 M000 100Y 43", "91350100m000100y43"]
)
def test_width_spaces_and_case_do_not_matter(written: str) -> None:
    assert values("applicant_code", f"信用代码 {written}") == ["91350100M000100Y43"]


def test_confused_letters_are_exchanged_only_where_the_check_character_then_holds() -> None:
    (fact,) = found("信用代码：9I3501OOMOOO100Y43", source="ocr", confidence=0.8)
    assert (fact["value"], fact["written"], fact["note"]) == ("91350100M000100Y43", "9I3501OOMOOO100Y43", "corrected")
    (fact,) = found("统一社会信用代码：9I3501OOMOOO100Y44", source="ocr", confidence=0.8)
    assert fact["is_good"] is False
    assert fact["value"] == "9I3501OOMOOO100Y44"


def test_a_wrong_check_character_is_told_only_of_what_is_called_a_credit_code() -> None:
    (fact,) = found("统一社会信用代码 91350100M000100Y44")
    assert (fact["value"], fact["is_good"]) == ("91350100M000100Y44", False)
    assert values("applicant_code", "合同编号 91350100M000100Y44") == []


def test_a_code_of_another_length_is_told_as_bad() -> None:
    (fact,) = found("统一社会信用代码：91350100M000100Y4")
    assert (fact["value"], fact["is_good"]) == ("91350100M000100Y4", False)


def test_a_citizen_id_is_kept_masked_everywhere() -> None:
    pages = [
        Page(
            1,
            "text",
            (Line("身份证号：11010519491231002X，电话13812345678"), Line("另有 １１０１０５１９４９１２３１００２Ｘ")),
        )
    ]
    facts = facts_of(pages)
    assert [one["value"] for one in facts["found"]] == ["110***********002X"]
    for text in (json.dumps(facts), stored_text(pages, 1_000)):
        assert "1949123" not in text
        assert "2345678" not in text
    assert stored_text(pages, 1_000) == "身份证号:110***********002X,电话138****5678\n另有 110***********002X"


def test_an_id_that_recognition_got_wrong_is_masked_too() -> None:
    assert hidden("证号 110105194912310021 完") == "证号 110***********0021 完"
    assert hidden("证号 1101 0519 4912 3100 2X 完") == "证号 110***********002X 完"
    assert hidden("编号 91350100M000100Y43") == "编号 91350100M000100Y43"
    assert hidden("单号 911101050000000000 号") == "单号 911101050000000000 号"


def test_project_codes_with_any_dash() -> None:
    assert values("project_code", "项目代码 2026—990101—84—01—012345") == ["2026-990101-84-01-012345"]
    assert values("project_code", "2026-990101-84-01-0123456") == []


@pytest.mark.parametrize(
    ("line", "value", "is_total"),
    [
        ("用地总面积：34,567.00平方米", "34567.00", True),
        ("拟用地面积约 3.4567 公顷", "34567.00", True),
        ("项目用地总面积为51.85亩", "34566.67", True),
        ("宗地面积 34567 m²", "34567.00", True),
        ("用地总面积（公顷）\t3.4567", "34567.00", True),
        ("总建筑面积 88,000 平方米", "88000.00", False),
        ("其中新增建设用地面积 1.2 公顷", "12000.00", False),
        ("占用耕地面积0.5hm2", "5000.00", False),
        ("规划范围 2 平方公里", "2000000.00", False),
    ],
)
def test_areas_in_square_metres(line: str, value: str, is_total: bool) -> None:
    (fact,) = [one for one in found(line) if one["name"] == "area_m2"]
    assert (fact["value"], bool(fact.get("is_total"))) == (value, is_total)


@pytest.mark.parametrize(
    ("line", "value"),
    [("二〇二六年十一月二十三日", "2026-11-23"), ("2026 年 11 月 3 日", "2026-11-03"), ("2026-02-28", "2026-02-28")],
)
def test_dates(line: str, value: str) -> None:
    assert values("date", line) == [value]


def test_a_date_the_calendar_lacks_is_none() -> None:
    assert values("date", "2026年2月30日") == []


def test_document_numbers_in_one_form() -> None:
    line = "依据用字第 990101202600001 号、国土资函[2026]12号、临政土（2026）第 003 号"
    assert values("document_number", line) == ["用字第990101202600001号", "国土资函〔2026〕12号", "临政土〔2026〕3号"]
    assert values("document_number", "临政办函（2026）003号") == ["临政办函〔2026〕3号"]


@pytest.mark.parametrize(
    "line",
    [
        "申请单位（盖章）：临江市自然资源局（公章）",
        "申 请 单 位：临江市自然资源局",
        "建设单位\t临江市自然资源局\t联系电话",
        "申请人：临江市自然资源局，住所",
    ],
)
def test_names_near_labels(line: str) -> None:
    assert values("applicant_name", line) == ["临江市自然资源局"]


def test_a_name_may_go_on_in_the_next_line() -> None:
    (fact,) = found("申请单位：临江市城市建设投资", "有限公司")
    assert (fact["value"], fact["or_value"]) == ("临江市城市建设投资", "临江市城市建设投资有限公司")
    (fact,) = [one for one in found("申请单位：临江市自然资源局", "项目名称：医院") if one["name"] == "applicant_name"]
    assert "or_value" not in fact


def test_unread_pages_are_told() -> None:
    facts = facts_of([Page(1, "text", (Line("x"),)), Page(2, "failed", reason="time")])
    assert facts["unread"] == [{"page": 2, "reason": "time"}]
    assert Fact("date", "2026-01-01", 1).as_json()["confidence"] == 1.0
