"""Codes merge, split and end, and old codes still resolve (R-019; registers.md §2.4)."""

from datetime import date

import pytest

from kunyu.engines.reference import queries, services
from kunyu.engines.reference.errors import DivisionConflict, UnknownDivision
from kunyu.engines.reference.models import Division, DivisionChange
from kunyu.engines.reference.services import NewDivision

pytestmark = pytest.mark.django_db
MERGE_DAY = date(2025, 7, 1)


@pytest.fixture
def county():
    services.register_fictional(
        [
            NewDivision("99", "示范省", "0"),
            NewDivision("9901", "示范市", "99"),
            NewDivision("990101", "坤舆县", "9901"),
            NewDivision("990101001", "城关镇", "990101"),
            NewDivision("990101002", "河东乡", "990101"),
        ]
    )


def test_tree_and_path(county):
    assert [d.code for d in queries.children("990101")] == ["990101001", "990101002"]
    assert [d.name_zh for d in queries.path("990101002")] == ["示范省", "示范市", "坤舆县", "河东乡"]


def test_registering_again_adds_only_what_is_missing(county):
    assert services.register_fictional([NewDivision("990101", "坤舆县", "9901")]) == 0
    assert Division.objects.filter(code="990101").count() == 1


def test_real_codes_cannot_be_registered_as_samples(db):
    with pytest.raises(DivisionConflict, match="410105"):
        services.register_fictional([NewDivision("410105", "假区", "4101")])
    assert not Division.objects.filter(code="410105").exists()


def merge():
    services.change_codes(
        ["990101001", "990101002"],
        [NewDivision("990101003", "城东镇", "990101")],
        DivisionChange.Kind.MERGE,
        MERGE_DAY,
        "示范省政函〔2025〕1号",
    )


def test_merged_codes_end_and_resolve_to_their_heir(county):
    merge()
    assert [d.code for d in queries.children("990101", date(2025, 6, 30))] == ["990101001", "990101002"]
    assert [d.code for d in queries.children("990101", MERGE_DAY)] == ["990101003"]
    assert [d.code for d in queries.successors("990101001", MERGE_DAY)] == ["990101003"]
    with pytest.raises(UnknownDivision, match="城东镇 990101003"):
        queries.division("990101002", MERGE_DAY)


def test_successors_follow_several_changes(county):
    merge()
    services.change_codes(
        ["990101003"],
        [NewDivision("990101004", "甲镇", "990101"), NewDivision("990101005", "乙镇", "990101")],
        DivisionChange.Kind.SPLIT,
        date(2026, 1, 1),
    )
    assert [d.code for d in queries.successors("990101001", date(2026, 6, 1))] == ["990101004", "990101005"]


def test_unknown_code_is_named(db):
    with pytest.raises(UnknownDivision, match="123456"):
        queries.division("123456")


def test_search_by_name_and_by_code(county):
    assert [d.code for d in queries.search("河东")] == ["990101002"]
    assert [d.code for d in queries.search("99010100")] == ["990101001", "990101002"]
