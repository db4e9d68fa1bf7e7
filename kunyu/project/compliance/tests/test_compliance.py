"""The checklist is answered from the node as it stands, and its evidence exists (R-063)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kunyu.project.compliance.controls import MET, NOT_MET, OUTSIDE, controls

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.quick
def test_evidence_named_is_there() -> None:
    """Every test that a control cites exists; every control is looked at or said to lie outside."""
    for control in controls():
        assert bool(control.check) != bool(control.outside_zh), control.id
        for path in control.evidence:
            assert (ROOT / path).exists(), f"{control.id} cites {path}"


@pytest.fixture
def keyed(db: None, settings: Any, node_home: Path) -> None:
    """A state folder with keys of its own."""
    from kunyu.engines.security import keys

    settings.KUNYU_HOME = node_home
    keys.make_keys(node_home, production=False)
    keys.forget()


def states() -> dict[str, str]:
    from kunyu.project.compliance.report import answers

    return {one.control.id: one.observed.state for one in answers()}


def test_every_control_is_answered_in_both_languages(keyed: None) -> None:
    from kunyu.project.compliance.report import answers, as_json, as_text

    found = answers()
    assert len(found) == len(controls())
    assert all(one.observed.zh and one.observed.en for one in found)
    assert sum(as_json(found)["summary"].values()) == len(found)  # type: ignore[attr-defined]
    assert "身份鉴别" in as_text(found, "zh") and "Identification" in as_text(found, "en")


def test_answers_follow_the_node(keyed: None) -> None:
    """Demonstration accounts, missing administrators and a late backup show as what they are."""
    from kunyu.engines.security.models import AdminDuty, User

    User.objects.filter(is_active=True).delete()
    before = states()
    assert before["AC-1"] == MET and before["AC-2"] == NOT_MET and before["BR-1"] == NOT_MET
    assert before["CR-2"] == NOT_MET and before["BR-2"] == OUTSIDE
    User.objects.create_user("viewer", "a-Long-passw0rd", name_zh="演示")
    for duty in ("system", "security", "audit"):
        user = User.objects.create_user(f"x-{duty}", "a-Long-passw0rd", name_zh=duty)
        AdminDuty.objects.create(user=user, duty=duty, appointed_by="tests")
    after = states()
    assert after["AC-1"] == NOT_MET and after["AC-2"] == MET


def test_reports_are_written(keyed: None, tmp_path: Path) -> None:
    from kunyu.project.compliance.report import answers, write

    found = answers()
    write(found, tmp_path / "a.json")
    write(found, tmp_path / "a.html")
    assert json.loads((tmp_path / "a.json").read_text("utf-8"))["verified"] is False
    assert "等级保护" in (tmp_path / "a.html").read_text("utf-8")
