"""Q504, Q509, Q702: coefficients, summary tables, interpreted samples."""

import pyarrow as pa
import pytest

from kunyu.engines.ingest.checks.reference import Reference, ReferencePart
from kunyu.packs.land_survey.quality.areas import division
from kunyu.packs.land_survey.quality.thresholds import threshold

pytestmark = pytest.mark.quick

COUNTY = "990101"


def reference(**parts):
    return Reference("TDT1057-2020", COUNTY, {name: ReferencePart(pa.table(rows)) for name, rows in parts.items()})


@pytest.fixture(autouse=True)
def tables_have_no_geometry(monkeypatch, survey):
    """Rows of tables are given without a geometry."""
    write = type(survey)._write

    def with_geometry(self, path, code, rows):
        return write(self, path, code, [{"geometry": None, **row} for row in rows])

    monkeypatch.setattr(type(survey), "_write", with_geometry)


def ridged(survey, number, factor, form="TT", slope="3"):
    parcel = survey.parcel(number)
    ridge = int(parcel["TBMJ"] * 100 * factor + 0.5) / 100
    parcel.update(
        KCDLBM="1203", KCXS=factor, KCMJ=ridge, TBDLMJ=round(parcel["TBMJ"] - ridge, 2), GDLX=form, GDPDJB=slope
    )


def coefficients(survey, *rows):
    survey.rows["TKXSB"] = [
        {"XH": at, "XZQDM": where, "GDLX": form, "GDPDJB": slope, "KCXS": factor}
        for at, (where, form, slope, factor) in enumerate(rows, 1)
    ]


# Q504


@pytest.mark.parametrize(
    ("factor", "count"), [(0.0912, 0), (0.0912 + 1e-9, 0), (0.0911, 1), (0.0913, 1), (0.0, 1), (None, 1)]
)
def test_q504_the_countys_coefficient(survey, factor, count):
    coefficients(survey, (COUNTY, "TT", "3", 0.0912), (COUNTY, "PD", "3", 0.0766))
    ridged(survey, 1, factor or 0.0)
    survey.parcel(1)["KCXS"] = factor

    found = survey.found("Q504")

    assert [(one.severity, one.ids, one.limit) for one in found] == [("Z", (survey.parcel(1)["BSM"],), 0.0912)] * count
    assert all("TT 3 的县系数为 0.0912" in one.message_zh for one in found)


def test_q504_asks_fields_with_ridges_only(survey):
    coefficients(survey, (COUNTY, "TT", "3", 0.0912))
    ridged(survey, 1, 0.5, form="TT", slope="1")
    ridged(survey, 2, 0.5, form=None, slope="3")
    ridged(survey, 3, 0.5)
    survey.parcel(3).update(DLBM="0201", DLMC="果园")

    assert survey.found("Q504") == []


def test_q504_the_reference_goes_before_the_table(survey):
    coefficients(survey, (COUNTY, "TT", "3", 0.0912))
    ridged(survey, 1, 0.0912)
    known = reference(coefficients={"GDLX": ["TT"], "GDPDJB": ["3"], "KCXS": [0.1]})

    assert [one.limit for one in survey.found("Q504", reference=known)] == [0.1]
    del survey.rows["TKXSB"]
    assert [one.limit for one in survey.found("Q504", reference=known)] == [0.1]
    assert "Q504" not in survey.check().rules_run


def test_q504_a_townships_own_coefficient_and_one_that_is_missing(survey):
    coefficients(survey, ("990101000000", "TT", "3", 0.09), ("990101100000", "TT", "3", 0.08))
    ridged(survey, 1, 0.08)
    ridged(survey, 2, 0.07, form="PD")
    ridged(survey, 5, 0.07, form="PD")

    (found,) = survey.found("Q504")

    assert (found.ids, found.measured) == ((), "PD 3") and found.message_en.endswith("has no coefficient for PD 3")


# Q509


def summary(survey, code, *rows, where=COUNTY):
    survey.rows[code] = [
        {"XH": at, "SJNF": 2024, "XZQDM": where, "XZQMC": "坤舆县", **row} for at, row in enumerate(rows, 1)
    ]


def net(survey, *numbers):
    return sum(round(survey.parcel(one)["TBDLMJ"] * 100) for one in numbers)


def hectares(cents):
    return (cents + 5000) // 10_000 / 100


@pytest.mark.parametrize(("off", "count"), [(0.0, 0), (1e-9, 0), (0.01, 1), (-0.01, 1)])
def test_q509_a_cell_of_the_class_table(survey, off, count):
    right = hectares(net(survey, *range(1, 9)))
    summary(survey, "YJFLMJB", {"YJLBM": "01", "MJ": right + off})

    found = survey.found("Q509")

    assert [(one.severity, one.layer, one.ids, one.limit, one.unit) for one in found] == [
        ("S", "YJFLMJB", ("1",), right, "ha")
    ] * count
    if found:
        assert found[0].message_zh == f"YJFLMJB {COUNTY} 01: 面积 {right + off:.2f} ha, 由 DLTB 汇总为 {right:.2f} ha"


def test_q509_half_a_hundredth_goes_up(survey):
    """100.00 m² is a hundredth of a hectare; 50.00 m² is half of one."""
    for number in range(1, 9):
        survey.parcel(number).update(TBMJ=50.0, TBDLMJ=50.0)
    survey.parcel(1)["DLBM"] = "0103"
    summary(survey, "EJFLMJB", {"DLBM": "0101", "MJ": 0.04}, {"DLBM": "0103", "MJ": 0.01})

    assert survey.found("Q509") == []
    survey.parcel(1).update(TBMJ=49.99, TBDLMJ=49.99)
    assert [(one.measured, one.limit) for one in survey.found("Q509")] == [(0.01, 0.0)]


def test_q509_ridges_are_class_1203(survey):
    ridged(survey, 1, 0.2)
    ridge = round(survey.parcel(1)["KCMJ"] * 100)
    rows = {"0101": hectares(net(survey, *range(1, 9))), "1203": hectares(ridge)}
    summary(survey, "EJFLMJB", *({"DLBM": code, "MJ": area} for code, area in rows.items()))

    assert rows["1203"] == 0.2 and survey.found("Q509") == []
    survey.rows["EJFLMJB"][1]["MJ"] = 0.19
    assert [(one.measured, one.limit) for one in survey.found("Q509")] == [(0.19, 0.2)]
    del survey.rows["EJFLMJB"][1]
    (found,) = survey.found("Q509")
    assert (found.measured, found.limit, found.ids) == ("缺", 0.2, ())
    assert "缺少该行" in found.message_zh


def test_q509_wetland_classes_belong_to_wetland_and_variants_to_their_class(survey):
    survey.parcel(1)["DLBM"], survey.parcel(2)["DLBM"] = "1106", "0201K"
    summary(
        survey, "YJFLMJB", {"YJLBM": "00", "MJ": hectares(net(survey, 1))},
        {"YJLBM": "02", "MJ": hectares(net(survey, 2))}, {"YJLBM": "01", "MJ": hectares(net(survey, *range(3, 9)))},
    )  # fmt: skip
    summary(survey, "KTZDLB", {"DLBM": "0201K", "MJ": hectares(net(survey, 2))})

    assert survey.found("Q509") == []
    survey.rows["KTZDLB"][0]["MJ"] += 1
    assert [one.layer for one in survey.found("Q509")] == ["KTZDLB"]


def test_q509_townships_villages_and_the_county_in_one_table(survey):
    rows = [("990101000000", range(1, 9)), ("990101100", range(1, 9)), ("990101100201", range(1, 5))]
    survey.rows["YJFLMJB"] = [
        {"XH": at, "SJNF": 2024, "XZQDM": where, "YJLBM": "01", "MJ": hectares(net(survey, *some))}
        for at, (where, some) in enumerate(rows, 1)
    ]

    assert survey.found("Q509") == []
    survey.rows["YJFLMJB"][2]["MJ"] = 1.0
    (found,) = survey.found("Q509")
    assert found.ids == ("3",) and "990101100201 01" in found.message_zh


@pytest.mark.parametrize(
    ("code", "rows"),
    [
        ("JCTJB", [{"QSDWDM": "9901011002010000000", "DLBM": "0101", "MJ": 4}, {"QSDWDM": "9901011002020000000",
                                                                                   "DLBM": "0101", "MJ": 4}]),
        ("JCTJB", [{"QSDWDM": f"990101100{village}0000000", "QSXZ": "30", "DLBM": "0101", "MJ": 4}
                   for village in ("201", "202")]),
        ("GDPDB", [{"GDPDJB": "1", "MJ": 8}]),
        ("GDZZLXB", [{"ZZSXDM": "LS", "MJ": 8}]),
        ("CZCMJB", [{"CZCSXM": "203", "DLBM": "0101", "MJ": 0}]),
        ("FRDB", [{"QSDWDM": "9901011002010000000", "ZLDWDM": "9901011002010000000", "MJ": 0}]),
    ],
)  # fmt: skip
def test_q509_every_table(survey, code, rows):
    """The squares measure a hectare less a few m², so that tables of whole hectares are right to two decimals."""
    for number in range(1, 9):
        survey.parcel(number).update(TBMJ=10_000.0, TBDLMJ=10_000.0)
    summary(survey, code, *rows)

    assert survey.found("Q509") == []
    survey.rows[code][0]["MJ"] += 0.5
    assert [(one.layer, one.ids) for one in survey.found("Q509")] == [(code, ("1",))]


def test_q509_enclaves_by_their_marks(survey):
    survey.parcel(1)["FRDBS"] = "1"
    unit = {"QSDWDM": survey.parcel(1)["QSDWDM"], "ZLDWDM": survey.parcel(1)["ZLDWDM"]}
    summary(survey, "FRDB", {**unit, "MJ": hectares(round(survey.parcel(1)["TBMJ"] * 100))})

    assert survey.found("Q509") == []


def test_a_code_of_the_whole_is_its_division():
    assert [division(one) for one in ("990101000000", "990101000", "990101100000", "990101100201", "990101")] == [
        "990101", "990101", "990101100", "990101100201", "990101",
    ]  # fmt: skip


# Q702


def sampled(survey, classes):
    keys = [survey.parcel(number)["BSM"] for number in range(1, 9)]
    return reference(interpretation={"BSM": keys[: len(classes)], "DLBM": classes})


def test_q702_full_agreement_also_with_the_first_level_alone(survey):
    survey.parcel(3).update(DLBM="0301K", DLMC="可调整乔木林地")

    assert survey.found("Q702", reference=sampled(survey, ["0101", "01", "0301"])) == []


def test_q702_each_disagreement_and_the_rate(survey):
    found = survey.found("Q702", reference=sampled(survey, ["0101"] * 7 + ["0301"]))

    assert [(one.severity, one.ids, one.measured, one.limit) for one in found] == [
        ("W", (), 87.5, 95.0), ("W", (survey.parcel(8)["BSM"],), "0101", "0301"),
    ]  # fmt: skip
    assert found[0].message_zh == "DLTB: 抽样 8 个图斑, 7 个与解译一致, 一致率 87.50%, 应不低于 95%"
    assert found[1].geometry is not None


@pytest.mark.parametrize(("wrong", "rate"), [(1, 0), (2, 1)])
def test_q702_at_95_of_a_hundred_the_rate_holds(survey, wrong, rate):
    """Twenty parcels: one that disagrees is 95 %, two are 90 %."""
    last = dict(survey.parcel(8))
    for number in range(9, 21):
        survey.rows["DLTB"].append({**last, "BSM": f"9901012110{number:08d}", "TBBH": str(number)})
    keys = [one["BSM"] for one in survey.rows["DLTB"]]
    known = reference(interpretation={"BSM": keys, "DLBM": ["0301"] * wrong + ["0101"] * (20 - wrong)})

    found = survey.found("Q702", reference=known)

    assert threshold("interpretation", "least_agreement") == 0.95
    assert [len(found), sum(one.unit == "%" for one in found)] == [wrong + rate, rate]


def test_q702_a_sampled_parcel_that_is_not_delivered(survey):
    known = reference(interpretation={"BSM": ["990101211099999999"], "DLBM": ["0101"]})

    (found,) = survey.found("Q702", reference=known)

    assert found.message_zh == "DLTB: 抽样图斑 990101211099999999 不在成果中"


def test_q702_needs_the_reference(survey):
    (reason,) = [one.reason for one in survey.check().rules_not_run if one.rule == "Q702"]

    assert reason == "须参考包 (interpretation); needs a reference pack (interpretation)"
