"""Answers as people read them on licences and letters."""

from __future__ import annotations

from typing import Any

import pytest

from kunyu.engines.matters.cases.filling import shown_answer
from kunyu.engines.matters.definitions.form_fields import Choice, FormField

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("unit", "value", "said"),
    [
        ("m²", 1672.78, "1,672.78 m²"),
        ("m²", 30000, "30,000 m²"),
        ("%", 35.0, "35 %"),
        ("层", 30, "30层"),
        ("", 1234.5, "1,234.5"),
        ("", "0601", "0601"),
        ("m²", None, ""),
    ],
)
def test_a_figure_has_thousands_and_stands_apart_from_its_unit(unit: str, value: Any, said: str) -> None:
    assert shown_answer(FormField("area", "area", "面积", "Area", unit=unit), value) == said


def test_choices_are_said_by_their_titles() -> None:
    choices = (Choice("0601", "0601 农村道路", "0601 Rural roads"),)
    assert shown_answer(FormField("use", "choice", "用途", "Use", choices=choices), "0601") == "0601 农村道路"
    assert shown_answer(FormField("joint", "boolean", "会审", "Joint"), value=True) == "是"
