"""Real divisions at an address of their own, seen by people who sign in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django.test import Client


@pytest.fixture
def divisions(db: None) -> Iterator[None]:
    from django.test import override_settings

    from kunyu.engines.pages.tests.division_pages import Urls
    from kunyu.engines.reference.models import Division

    Division.objects.all().delete()
    rows = [("99", "示范省", 1, ""), ("9901", "示范市", 2, "99"), ("990101", "坤舆县", 3, "9901"),
            ("990102", "甲县", 3, "9901"), ("990103", "乙县", 3, "9901"), ("11", "看不见的省", 1, "")]  # fmt: skip
    for number, (code, name, level, parent) in enumerate(rows):
        Division.objects.create(
            code=code, name_zh=name, name_en=f"name {code}", level=level, parent_code=parent, source="test",
            valid_from=f"20{10 + number}-01-01", is_fictional=code == "990101",
        )  # fmt: skip
    with override_settings(ROOT_URLCONF=Urls):
        yield


@pytest.fixture
def person(divisions: None) -> Client:
    from kunyu.engines.pages.tests.division_pages import entered

    return entered("li")
