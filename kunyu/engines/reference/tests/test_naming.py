"""Divisions by name: the newest bearer of a code, once asked, and the code where nothing bears it."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kunyu.engines.pages.listing import Cell
from kunyu.engines.reference.models import Division
from kunyu.engines.reference.naming import DivisionNames, division_cell

pytestmark = pytest.mark.django_db


@pytest.fixture
def renamed() -> None:
    """One code, first a county, later a district."""
    for name, english, since, until in (
        ("旧名县", "Oldname", None, date(2020, 1, 1)), ("新名区", "", date(2020, 1, 1), None),
    ):  # fmt: skip
        Division.objects.create(
            code="998877", name_zh=name, name_en=english, level=3, parent_code="9988", valid_from=since,
            valid_to=until, source="test",
        )  # fmt: skip


def test_a_code_is_said_by_its_newest_name_and_chinese_stands_in_for_missing_english(renamed: None) -> None:
    assert DivisionNames()("998877") == ("新名区", "新名区")


def test_a_code_is_asked_for_once(renamed: None) -> None:
    names = DivisionNames()
    with CaptureQueriesContext(connection) as asked:
        assert [names("998877") for _ in range(3)] == [("新名区", "新名区")] * 3

    assert len(asked) == 1


def test_a_code_that_nothing_bears_is_said_as_it_is() -> None:
    assert DivisionNames()("000001") == ("000001", "000001")


def test_the_page_of_a_record_keeps_the_code_beside_the_name(renamed: None) -> None:
    assert division_cell("998877") == Cell(("新名区", "新名区"), note="998877")
    assert division_cell("") == ""
