"""Q101 to Q106: the delivery as a whole."""

import pytest

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
