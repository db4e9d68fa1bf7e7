"""A node judges deliveries by the rule sets in its folder too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kunyu.engines.ingest.models import CheckRun
from kunyu.engines.ingest.process import process
from kunyu.engines.ingest.storage import object_store
from kunyu.engines.ingest.tests.delivered_files import SURVEY, hand_in
from kunyu.kernel.errors import KunyuError

RULES = """
id = "DB99-1"
name_zh = "补充规则"
standard = "TDT1057-2020"
edition = "2026"
divisions = ["{division}"]

[[rule]]
id = "L101"
clause = "5.1"
severity = "S"
check = "at_least_area"
layer = "XZQ"
minimum_m2 = 1e12
name_zh = "乡镇不小于一百万平方公里"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "rules"
    place.mkdir()
    monkeypatch.setenv("KUNYU_RULES", str(place))
    return place


@pytest.mark.parametrize(("division", "status"), [("99", "returned"), ("11", "accepted")])
def test_a_rule_set_holds_for_its_divisions(node: None, sample: Path, folder: Path, division: str, status: str) -> None:
    (folder / "a.toml").write_text(RULES.format(division=division), encoding="utf-8")
    delivery = process(hand_in(sample / "county.gpkg", standard=SURVEY, valid_from=None).pk)
    assert delivery.status == status
    run = CheckRun.objects.get(delivery=delivery)
    with object_store().open(run.report_sm3) as stored:
        report = json.load(stored)
    assert [one["id"] for one in report.get("rule_sets", [])] == (["DB99-1"] if status == "returned" else [])
    assert ("L101" in run.rules_run) is (status == "returned")


def test_a_broken_rule_set_stops_the_check_and_says_so(node: None, sample: Path, folder: Path) -> None:
    (folder / "a.toml").write_text("= broken", encoding="utf-8")
    delivery = hand_in(sample / "county.gpkg", standard=SURVEY, valid_from=None)
    with pytest.raises(KunyuError, match=r"a\.toml"):
        process(delivery.pk)
    event = delivery.events.order_by("id").last()
    assert event is not None
    assert (event.status, "a.toml" in event.reason_zh) == ("failed", True)
