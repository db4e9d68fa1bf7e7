"""What the functions find that a local rule set may name."""

from __future__ import annotations

import pytest
import shapely

from kunyu.engines.ingest.checks.local.tests.conftest import Found, entry


@pytest.mark.parametrize(
    ("check", "values", "ids"),
    [
        ("filled", {"fields": '["BZ"]'}, ["b", "c"]),
        ("filled", {"fields": '["BZ"]', "where": '{ DLBM = ["0602"] }'}, ["c"]),
        ("filled", {"fields": '["BZ"]', "where": '{ DLBM = ["06*"] }'}, ["b", "c"]),
        ("one_of", {"field": '"DLBM"', "values": '["0101", "0601"]'}, ["c"]),
        ("matches", {"field": '"DLBM"', "pattern": '"06.."'}, ["a"]),
        ("within", {"field": '"TBMJ"', "minimum": "25.0", "maximum": "9999"}, ["a"]),
        ("within", {"field": '"TBMJ"', "minimum": "25.01"}, ["c"]),
        ("unique", {"fields": '["TBBH"]'}, ["b", "c"]),
        ("unique", {"fields": '["TBBH", "DLBM"]'}, []),
        ("at_least_area", {"minimum_m2": "100"}, ["c"]),
        ("inside", {"other": '"XZQ"'}, ["b"]),
        ("apart_from", {"other": '"XZQ"', "where": '{ DLBM = ["0101"] }'}, ["a"]),
    ],
)  # fmt: skip
def test_a_function_finds_these_parcels(found: Found, check: str, values: dict[str, str], ids: list[str]) -> None:
    """R-188: a local rule is a function and values; blank texts are empty, limits are included."""
    assert [one.ids[0] for one in found(entry(check, **values))] == ids


def test_a_finding_of_inside_is_what_sticks_out(found: Found) -> None:
    [finding] = found(entry("inside", other='"XZQ"'))
    assert finding.place is not None
    assert shapely.area(finding.place) == pytest.approx(5.0)
    assert finding.measured == pytest.approx(5.0)
    assert "XZQ" in finding.message_zh and "XZQ" in finding.message_en


def test_logic_is_a_python_function(found: Found) -> None:
    python = """
import numpy as np

def first_only(ask):
    rows = ask.rows[:1]
    yield from ask.report.rows(rows, measured=len(ask.rows), limit=ask.values["most"], zh="多", en="many", remedy="删")
"""
    [finding] = found(entry("local:first_only", most="1"), python)
    assert (finding.measured, finding.limit, finding.rule) == (3, 1, "L1")


def test_a_rule_whose_layer_is_not_delivered_does_not_run(found: Found) -> None:
    assert found(entry("inside", other='"CJDCQ"')) == []
