"""Q606, Q607, Q609: classes balance; suspicious flows have evidence; new construction land is approved or marked."""

from __future__ import annotations

from typing import Any

import pytest
import shapely

from kunyu.packs.land_survey.quality.history_evidence import Evidence
from kunyu.packs.land_survey.quality.history_flows import suspicious_flows
from kunyu.packs.land_survey.quality.tests.change_package import Package, cents, part

pytestmark = pytest.mark.quick
RECORD_2 = "990101401000000002"
PARCEL_1, EAST_HALF = "990101211000000001", "990101211000009002"
APPROVAL = "坤自然资地〔2025〕12号"


@pytest.fixture
def package(survey: Any) -> Package:
    return Package(survey)


@pytest.fixture
def orchard(survey: Any) -> Package:
    """East half of parcel 1: a field becomes an orchard."""
    return Package(survey, "0201", "果园")


@pytest.fixture
def factory(survey: Any) -> Package:
    """East half of parcel 1: a field becomes industrial land."""
    return Package(survey, "0601", "工业用地")


def _with_ridges(package: Package) -> None:
    """Ridges of a tenth on the east half and on the parcel it came from."""
    for row in (package.survey.parcel(1), package.after(1), package.after(2)):
        ridge = round(row["TBMJ"] * 0.1, 2)
        row.update(GDPDJB="2", GDLX="TT", KCDLBM="1203", KCXS=0.1, KCMJ=ridge, TBDLMJ=round(row["TBMJ"] - ridge, 2))


def test_q606_a_clean_package_balances(package: Package) -> None:
    _with_ridges(package)

    assert package.found("Q606") == []


@pytest.mark.parametrize(("off", "count"), [(0.01, 0), (0.03, 3)])
def test_q606_boundary(package: Package, off: float, count: int) -> None:
    """A piece too large: its class gains and the class it came from loses more than the parcels do."""
    package.change(2)["TBBGMJ"] = round(package.change(2)["TBBGMJ"] + off, 2)

    found = package.found("Q606")

    assert len(found) == min(count, 2)
    if found:
        assert {round(one.measured - one.limit, 2) for one in found} == {0.03, -0.03}
        assert all(one.severity == "S" and one.geometry is not None for one in found)


def test_q606_a_record_that_names_the_wrong_class(package: Package) -> None:
    package.change(2)["BGHDLBM"] = "0102"

    found = package.found("Q606")

    assert {one.ids for one in found} == {(RECORD_2,)}
    assert {one.message_zh.split(":")[0] for one in found} == {"990101100 地类 0102", "990101100 地类 0103"}
    assert found[0].place.equals(shapely.MultiPolygon([package.after(2)["geometry"]]))


def _flow_table(package: Package, hectares: float) -> None:
    moved = package.after(3)["TBMJ"] + package.after(2)["TBMJ"]
    assert moved == pytest.approx(16_000, abs=60)
    package.rows["LLB"] = [{
        "XH": 1, "SJNF": 2025, "XZQDM": "990101", "XZQMC": "坤舆县", "BGQDLBM": "0101", "BGHDLBM": "0103", "BHMJ": hectares,
    }]  # fmt: skip


@pytest.mark.parametrize(("hectares", "classes"), [(1.60, set()), (1.62, {"0101", "0103"})])
def test_q606_the_flow_table(package: Package, hectares: float, classes: set[str]) -> None:
    _flow_table(package, hectares)

    found = package.found("Q606")

    assert {one.message_zh.split(":")[0][-4:] for one in found} == classes
    assert all((one.layer, one.unit, one.ids) == ("LLB", "ha", ("990101",)) for one in found)


def test_q606_says_when_there_is_no_flow_table(package: Package) -> None:
    assert "Q606.flow_table" in {one.rule for one in package.check().rules_not_run}


def test_q607_fields_to_orchard_without_evidence(orchard: Package) -> None:
    (found,) = orchard.found("Q607")

    assert (found.severity, found.ids, found.measured) == ("W", (RECORD_2,), "0101→0201")
    assert found.place.equals(orchard.after(2)["geometry"])


def test_q607_between_fields_is_not_suspicious(package: Package) -> None:
    assert package.found("Q607") == []


@pytest.mark.parametrize(("outcome", "count"), [("TG", 0), ("MJZ", 0), ("BTG", 1), ("CY", 1)])
@pytest.mark.parametrize("key", [PARCEL_1, EAST_HALF])
def test_q607_a_check_that_was_passed_or_waived(orchard: Package, outcome: str, count: int, key: str) -> None:
    orchard.rows["HCJL"] = [{"XH": 1, "TBBSM": key, "HCJG": outcome}]

    assert len(orchard.found("Q607")) == count


@pytest.mark.parametrize("row", ["after", "change"])
def test_q607_an_approval_in_the_remarks(orchard: Package, row: str) -> None:
    getattr(orchard, row)(2)["BZ"] = f"项目 {APPROVAL}"
    assert orchard.found("Q607") == []

    orchard.parts["approvals"] = part({"PZWH": ["坤自然资地〔2025〕13号"], "kind": ["转用"]})
    assert len(orchard.found("Q607")) == 1

    orchard.parts["approvals"] = part({"PZWH": ["坤自然资地[2025]12号"], "kind": ["转用"]})
    assert orchard.found("Q607") == []


def test_q607_an_approval_without_year_is_one_where_the_node_knows_it(orchard: Package) -> None:
    orchard.after(2)["BZ"] = "XM-77"
    assert len(orchard.found("Q607")) == 1

    orchard.parts["approvals"] = part({"PZWH": ["XM-77"], "kind": ["项目"]})
    assert orchard.found("Q607") == []


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [("0701", "0101", "construction_to_cultivated"), ("1201", "0103", "construction_to_cultivated"),
     ("1101", "0102", "river_to_cultivated"), ("0103", "0404", "cultivated_to_orchard_woods_grass"),
     ("0101", "0201K", "cultivated_to_orchard_woods_grass"), ("1104", "0101", None), ("0201", "0301", None),
     ("0101", "0601", None)],
)  # fmt: skip
def test_q607_the_table_of_flows(survey: Any, before: str, after: str, code: str | None) -> None:
    package = Package(survey, after, "")
    survey.parcel(1)["DLBM"] = before

    found = package.found("Q607")

    names = {one.code: one.name_zh for one in suspicious_flows()}
    assert [one.message_zh.split(": ")[1].split(" (")[0] for one in found if one.ids == (RECORD_2,)] == (
        [names[code]] if code else []
    )


def test_q609_new_construction_without_approval(factory: Package) -> None:
    (found,) = factory.found("Q609")

    assert (found.severity, found.ids, found.measured) == ("W", (RECORD_2,), "无批准文号")
    assert "0101→0601" in found.message_zh and found.place.equals(factory.after(2)["geometry"])


@pytest.mark.parametrize("remark", [f"批准文号：{APPROVAL}", "未批先建", "临时用地", "设施农用地"])
@pytest.mark.parametrize("row", ["after", "change"])
def test_q609_approved_or_marked(factory: Package, remark: str, row: str) -> None:
    getattr(factory, row)(2)["BZ"] = remark

    assert factory.found("Q609") == []


def test_q609_the_approval_must_be_known_where_the_node_knows_approvals(factory: Package) -> None:
    factory.after(2)["BZ"] = APPROVAL
    factory.parts["approvals"] = part({"PZWH": ["坤自然资地〔2025〕99号"], "kind": ["转用"]})

    (found,) = factory.found("Q609")

    assert (found.measured, found.limit) == (APPROVAL, "已登记的批准文号")


def _approved(factory: Package, shape: shapely.Geometry) -> dict[str, Any]:
    return {
        "BSM": "990101232000000001", "YSDM": "2099020100", "TBBH": "1", "PZWH": APPROVAL, "PZMJ": cents(shape),
        "TBMJ": cents(shape), "geometry": shape,
    }  # fmt: skip


@pytest.mark.parametrize(("share", "count"), [(1.0, 0), (0.91, 0), (0.5, 1)])
@pytest.mark.parametrize("where", ["stored", "delivered"])
def test_q609_land_approved_before(factory: Package, share: float, count: int, where: str) -> None:
    """PZWJSTD of last year, or of this package, covers the land that is built on now."""
    west, south, east, north = factory.after(2)["geometry"].bounds
    row = _approved(factory, shapely.box(west, south, west + share * (east - west), north))
    (factory.survey.rows if where == "stored" else factory.rows)["PZWJSTD"] = [row]

    assert len(factory.found("Q609")) == count


def test_q609_temporary_land_by_its_parcel(factory: Package) -> None:
    factory.rows["LSYD"] = [{
        "BSM": "990101231000000001", "YSDM": "2099010100", "GLTBBSM": EAST_HALF, "PZWJMC": "临时用地批复", "PZWH": APPROVAL,
        "geometry": factory.after(2)["geometry"],
    }]  # fmt: skip

    assert factory.found("Q609") == []


def test_q609_from_construction_to_construction_is_not_new(survey: Any) -> None:
    package = Package(survey, "0701", "城镇住宅用地")
    survey.parcel(1)["DLBM"] = "1201"

    assert package.found("Q609") == []


@pytest.mark.parametrize(
    ("remark", "numbers"),
    [
        ("国土资函[2019]345号", ["国土资函[2019]345号"]),
        ("见 川府土（2020）第8号, 已建", ["川府土（2020）第8号"]),
        ("12号楼", []),
        ("", []),
    ],
)
def test_what_looks_like_an_approval_number(remark: str, numbers: list[str], factory: Package) -> None:
    delivered = factory.check().delivered
    assert delivered is not None
    from kunyu.packs.land_survey.quality.history import history_of

    assert Evidence(delivered, history_of(delivered)).numbers(remark) == numbers
