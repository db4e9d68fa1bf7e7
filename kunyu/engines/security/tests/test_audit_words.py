"""Every act on record is said in both languages: a code alone tells an auditor nothing (R-135)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kunyu
from kunyu.engines.security import audit_words

pytestmark = pytest.mark.quick
RECORDED = re.compile(r"\baudit\.record\(\s*[\w.()]+,\s*\"([a-z-]+)\"")


def test_acts_that_services_record_have_words() -> None:
    sources = [one for one in Path(kunyu.__file__).parent.rglob("*.py") if "tests" not in one.parts]
    acts = {act for one in sources for act in RECORDED.findall(one.read_text("utf-8"))}
    assert len(acts) > 50
    assert {act for act in acts if audit_words.action(act) == (act, act)} == set()
    assert audit_words.action("access") == ("访问", "Open")
