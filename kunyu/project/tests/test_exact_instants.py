"""An instant that the house API tells can be asked with: none is cut."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.test import RequestFactory

from kunyu.project.api import house
from kunyu.project.exact_instants import ExactRenderer

pytestmark = pytest.mark.quick


def test_microseconds_stay() -> None:
    written = ExactRenderer().render(
        RequestFactory().get("/"),
        {
            "utc": datetime(2026, 11, 23, 14, 39, 12, 345678, tzinfo=UTC),
            "china": datetime(2026, 11, 23, 22, 39, 12, 1, tzinfo=timezone(timedelta(hours=8))),
        },
        response_status=200,
    )

    assert written == '{"utc": "2026-11-23T14:39:12.345678Z", "china": "2026-11-23T22:39:12.000001+08:00"}'


def test_the_house_api_answers_so() -> None:
    assert isinstance(house.renderer, ExactRenderer)
