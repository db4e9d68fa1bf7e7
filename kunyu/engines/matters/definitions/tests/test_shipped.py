"""The 55 matters of the catalogue, guides and consistency across levels (R-010, R-298, R-300, R-301, R-302)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from kunyu.engines.matters.definitions import canonical, consistency, differences, editions, guides, reading, shipped
from kunyu.engines.matters.definitions.overlays import Content
from kunyu.engines.matters.definitions.tests.folder import read
from kunyu.engines.matters.errors import BadMatter
from kunyu.engines.matters.models import Matter, MatterEdition
from kunyu.engines.security.scope import operator
from kunyu.kernel.errors import UnreadableInput

OPERATOR = operator("tests")
CODES = [f"S-{number:03d}" for number in range(1, 56)]


@pytest.mark.quick
def test_the_catalogue_has_all_55_matters() -> None:
    """services.md §1: codes in order, kinds as counted there, nothing claimed to be verified."""
    found = {one.code: one for one in reading.read_folder(shipped.DATA)}

    assert list(found) == CODES
    assert Counter(one.kind for one in found.values()) == {"01": 31, "10": 8, "07": 9, "20": 6, "06": 1}
    assert not any(one.is_verified or one.basic_code or one.is_complete for one in found.values())
    assert all(one.branch and one.levels for one in found.values())
    assert (found["S-001"].statutory_days, found["S-044"].statutory_days, found["S-013"].statutory_days) == (20, 30, 10)
    assert found["S-018"].statutory_days is None and found["S-018"].extra["statutory_zh"] == "40日"
    assert [material.name_zh for material in found["S-006"].materials] == ["批准文件", "划拨决定书或出让合同"]
    assert found["S-036"].zones == ("business", "secret")


@pytest.mark.django_db
def test_loading_twice_changes_nothing() -> None:
    """R-298: every matter is in the catalogue with its guide."""
    assert shipped.load(OPERATOR) >= 55
    digests = dict(MatterEdition.objects.values_list("matter__code", "digest"))
    assert shipped.load(OPERATOR) == 0
    assert dict(MatterEdition.objects.values_list("matter__code", "digest")) == digests
    assert set(CODES) <= set(Matter.objects.values_list("code", flat=True))
    assert all(guides.guide(editions.definition_of(one)) for one in editions.editions_in_use())


@pytest.mark.django_db
def test_an_owners_edition_outlives_the_next_start() -> None:
    shipped.load(OPERATOR, ["S-053"])
    one = editions.definition_of(editions.edition_in_use("S-053"))
    editions.publish(OPERATOR, replace(one, window_zh="信息公开窗口"))

    assert shipped.load(OPERATOR, ["S-053"]) == 0
    assert editions.definition_of(editions.edition_in_use("S-053")).window_zh == "信息公开窗口"


@pytest.mark.django_db
def test_a_node_of_another_network_closes_what_is_not_its_own(settings: object) -> None:
    """R-310."""
    shipped.load(OPERATOR, ["S-036"])
    settings.KUNYU_ZONE = "internet"  # type: ignore[attr-defined]
    assert not editions.is_of_this_zone(editions.definition_of(editions.edition_in_use("S-036")))


@pytest.mark.quick
def test_a_guide_says_what_people_ask(tmp_path: Path) -> None:
    """R-301: conditions, materials, limits, basis, steps; and what is missing by name."""
    one = read(tmp_path, window_zh="政务大厅", conditions_zh=["须有项目"], conditions_en=["a project"]).definitions[
        "sample"
    ]
    parts = {part.code: part for part in guides.guide(one)}

    assert [line.text for line in parts["limit"].lines] == [
        ("法定 20 个工作日", "20 workdays by law"), ("承诺 15 个工作日", "15 workdays promised"),
    ]  # fmt: skip
    assert parts["materials"].lines[1].note[0] == "符合条件时提交；PDF、OFD、JPG、PNG"
    assert parts["conditions"].lines[0].text == ("须有项目", "a project")
    assert [zh for zh, _ in guides.missing_elements(one)] == [
        "收费", "办理结果", "网上办理", "代办", "预约办理", "送达方式", "是否进驻政务大厅", "中介服务", "结果样本", "咨询与投诉",
    ]  # fmt: skip


@pytest.mark.quick
def test_what_differs_between_two_editions(tmp_path: Path) -> None:
    found = read(tmp_path)
    before = Content(found.definitions["sample"], found.flow, found.decisions)
    form = json.loads(json.dumps(before.definition.form))
    form["properties"]["declared_area_m2"]["maximum"] = 5
    del form["properties"]["area_ha"]
    form["properties"] = {"road": {"type": "string", "title": "路名", "x-title-en": "Road", "x-order": -1}} | form[
        "properties"
    ]
    after = replace(
        before, definition=replace(before.definition, promised_days=10, materials=before.definition.materials[1:], form=form),
        flow=before.flow + "<!-- -->",
    )  # fmt: skip
    said = [(one.key, one.what[0], one.kind) for one in differences.difference(before, after)]

    assert said == [
        ("promised_days", "", "changed"), ("materials", "申请表", "removed"), ("form", "用地面积", "changed"),
        ("form", "面积（公顷）", "removed"), ("form", "路名", "added"), ("flow", "", "changed"),
    ]  # fmt: skip
    assert differences.difference(before, before) == []
    area = next(one for one in differences.difference(before, after) if one.what[0] == "用地面积")
    assert (area.before, area.after) == ("maximum = 10000000", "maximum = 5")


# -- consistency ----------------------------------------------------------------------------------------------------

OURS = [
    consistency.Entry(
        "S-001", "建设项目用地预审", "01", "000115001000", ("《土地管理法》第五十二条", "乙"), ("city", "county")
    ),
    consistency.Entry("S-002", "农用地转用审批", "01", "", ("丙",), ("province",)),
]


@pytest.mark.quick
@pytest.mark.parametrize("suffix", ["csv", "json", "toml"])
def test_lists_of_other_levels(suffix: str) -> None:
    """R-300: the same matters read the same from every form."""
    text = {
        "csv": "编码,名称,类型,基本编码,依据,层级\nS-001,建设项目用地预审,1,000115001000,乙；《土地管理法》第五十二条,市级；县级\n",
        "json": json.dumps({"matters": [{"code": "S-001", "name_zh": "建设项目用地预审", "kind": "01", "basic_code": "000115001000",
                                         "basis": ["乙", "《土地管理法》第五十二条"], "levels": ["city", "county"]}]}),
        "toml": '[S-001]\ncode = "S-001"\nname_zh = "建设项目用地预审"\nkind = "01"\nbasic_code = "000115001000"\n'
                'basis = ["乙", "《土地管理法》第五十二条"]\nlevels = ["city", "county"]\n',
    }[suffix]  # fmt: skip
    theirs = consistency.read_list(text.encode("utf-8"), f"list.{suffix}")

    report = consistency.compare(OURS, theirs, "county")
    assert report.is_consistent and report.compared == 1 and report.missing == ()
    assert consistency.compare(OURS, theirs).missing == ("S-002",)


@pytest.mark.quick
def test_each_deviation_is_named() -> None:
    """R-010: name, code, kind and basis; the width of letters and spaces do not count."""
    theirs = [
        consistency.Entry("S-001", "建设项目 用地预审", "10", "000115002000", ("乙",)),
        consistency.Entry("S-900", "地方事项", "20"),
    ]
    report = consistency.compare(OURS, theirs, "county")

    assert [(one.key, one.ours, one.theirs) for one in report.deviations] == [
        ("basic_code", "000115001000", "000115002000"), ("kind", "01", "10"), ("basis", "《土地管理法》第五十二条；乙", "乙"),
    ]  # fmt: skip
    assert (report.missing, report.surplus, report.is_consistent) == ((), ("S-900",), False)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("content", "name", "error"),
    [
        (b"code,name_zh\n", "a.csv", BadMatter),
        (b"code,name_zh\nS-001,\n", "a.csv", BadMatter),
        ("code,name_zh\nS-001,甲\nS-001,甲\n".encode(), "a.csv", BadMatter),
        (b"{", "a.json", UnreadableInput),
        (b"[1]", "a.json", BadMatter),
        (b"x", "a.docx", UnreadableInput),
        (b"\x81\xff\x00", "a.csv", UnreadableInput),
    ],
)
def test_lists_that_cannot_be_read(content: bytes, name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        consistency.read_list(content, name)


@pytest.mark.django_db
def test_the_nodes_own_list_is_consistent_with_itself() -> None:
    shipped.load(OPERATOR)
    own = consistency.own_entries()

    assert consistency.compare(own, own).document() == {
        "consistent": True, "compared": len(own), "missing": [], "surplus": [], "deviations": [],
    }  # fmt: skip
    gaps = {one.code: one for one in consistency.completeness()}
    assert ("受理条件", "Conditions") in gaps["S-055"].missing


@pytest.mark.quick
def test_new_elements_change_no_digest() -> None:
    one = reading.read_folder(shipped.DATA)[0]
    assert set(canonical.to_json(one)) == {
        "code", "name_zh", "name_en", "kind", "basis", "levels", "branch", "statutory_days", "materials", "result_zh",
        "result_en", "extra",
    }  # fmt: skip
