"""The reference pages say what the data says."""

import pytest

from kunyu.engines.catalogue.reference_pages import pages


@pytest.mark.parametrize("name", ["standards.md", "catalogue.md"])
def test_pages_are_up_to_date(name: str) -> None:
    """Run ``python -m kunyu.engines.catalogue.reference_pages`` when this fails."""
    path, text = next((path, text) for path, text in pages().items() if path.name == name)
    assert path.read_text(encoding="utf-8") == text


def test_unverified_facts_are_marked() -> None:
    """A recalled fact carries its question mark to the reader."""
    text = next(text for path, text in pages().items() if path.name == "standards.md")
    assert "| 5 | DLBM ? | 地类编码 Land class code | Char | 5 | M | DLBM |" in text
    assert "| 12 | TBMJ | 图斑面积" in text
