"""Reading the checklist and answering it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MET, PARTLY, NOT_MET, OUTSIDE = "met", "partly", "not met", "outside"
NAMES_ZH = {MET: "符合", PARTLY: "部分符合", NOT_MET: "不符合", OUTSIDE: "软件之外"}


@dataclass(frozen=True)
class Control:
    """One requirement. ``check`` is a function of ``observed``; '' when it lies outside the software."""

    id: str
    area_zh: str
    area_en: str
    zh: str
    en: str
    check: str = ""
    outside_zh: str = ""
    outside_en: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Observed:
    """What the node shows now, in two languages, and whether it meets the requirement."""

    state: str
    zh: str
    en: str


@dataclass(frozen=True)
class Answer:
    """A control with what was observed."""

    control: Control
    observed: Observed

    def as_json(self) -> dict[str, Any]:
        """JSON of one line of the report."""
        return {**asdict(self.control), **asdict(self.observed), "state_zh": NAMES_ZH[self.observed.state]}


def controls() -> tuple[Control, ...]:
    """Every control of the checklist, in its order."""
    text = (Path(__file__).parent / "controls.toml").read_text("utf-8")
    return tuple(
        Control(**{**one, "evidence": tuple(one.get("evidence", ()))}) for one in tomllib.loads(text)["control"]
    )


def answer(control: Control, checks: dict[str, Callable[[], Observed]]) -> Answer:
    """Look, or say whose business it is."""
    if not control.check:
        return Answer(control, Observed(OUTSIDE, control.outside_zh, control.outside_en))
    return Answer(control, checks[control.check]())
