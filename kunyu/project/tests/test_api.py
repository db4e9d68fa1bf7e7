"""The house API describes itself once in a process, for making the description is dear and anybody may ask for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from ninja import main
from ninja.openapi import get_schema
from ninja.responses import NinjaJSONEncoder

from kunyu.project.api import house

ADDRESS = "/api/openapi.json"


def test_the_description_is_made_once_and_is_the_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(**asked: Any) -> Any:
        made.append(asked["path_prefix"])
        return get_schema(**asked)

    monkeypatch.setattr(main, "get_schema", counted)
    monkeypatch.setattr(house, "_described", {})

    answers = [Client().get(ADDRESS).json() for _ in range(3)]

    assert made == ["/api/"]
    whole = json.loads(json.dumps(get_schema(api=house, path_prefix="/api/"), cls=NinjaJSONEncoder))
    assert answers == [whole] * 3 and "/api/deliveries" in whole["paths"]


def test_another_prefix_is_described_by_itself() -> None:
    assert "/elsewhere/deliveries" in house.get_openapi_schema(path_prefix="/elsewhere/")["paths"]
    assert "/elsewhere/deliveries" not in house.get_openapi_schema()["paths"]
