"""A bad record never aborts a run, whatever is in it."""

import struct

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.quick

TEXTS = st.one_of(st.none(), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30), st.just("  "))
NUMBERS = st.one_of(st.none(), st.floats(allow_nan=True), st.just(-1.0), st.just(1e300))
WHOLE = st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1))
POINTS = st.lists(st.tuples(st.floats(), st.floats()), min_size=0, max_size=6)


def polygon_bytes(points):
    """WKB of a ring exactly as given: open, empty, with NaN, crossing itself."""
    return struct.pack("<BIII", 1, 3, 1, len(points)) + b"".join(struct.pack("<dd", *one) for one in points)


SHAPES = st.one_of(
    st.none(), POINTS.map(polygon_bytes), st.just(shapely.Polygon()), st.just(shapely.GeometryCollection()),
    st.just(shapely.box(38_502_000, 3_803_000, 38_502_000, 3_803_100)), st.just(shapely.Point(0, 0)),
)  # fmt: skip


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_nothing_in_a_record_stops_a_run(survey, data):
    kept = [dict(row) for row in survey.rows["DLTB"]]
    for row in survey.rows["DLTB"][:3]:
        row.update(
            {name: data.draw(TEXTS) for name in ("BSM", "YSDM", "TBBH", "DLBM", "DLMC", "QSDWDM", "ZLDWDM", "ZLDWMC")}
        )
        row.update({name: data.draw(NUMBERS) for name in ("TBMJ", "KCXS", "KCMJ", "TBDLMJ")})
        row.update({name: data.draw(WHOLE) for name in ("GDDB", "SJNF")})
        row["geometry"] = data.draw(SHAPES)
    try:
        report = survey.check()
        assert report.rules_run[-1] == "Q517"
        assert report.to_json()
    finally:
        survey.rows["DLTB"] = kept
