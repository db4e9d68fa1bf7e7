"""What a rule may say of a case: conflict, clear, or not checked with a reason. 三值结论.

*Clear* is said only after looking. A decision on *not checked* needs a reasoned override (:mod:`cases.services`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import shapely

State = Literal["conflict", "clear", "not_checked"]
Weight = Literal["block", "document", "warn"]
CONFLICT: State = "conflict"
CLEAR: State = "clear"
NOT_CHECKED: State = "not_checked"


@dataclass(frozen=True)
class Answer:
    """The answer of one rule. ``measured`` and ``limit`` in ``unit``; ``where`` in EPSG:4490, longitude, latitude."""

    state: State
    message_zh: str
    message_en: str
    measured: Decimal | None = None
    limit: Decimal | None = None
    unit: str = ""
    where: shapely.Geometry | None = None
    remedy_zh: str = ""
    remedy_en: str = ""
    reason: str = ""
    versions: tuple[Mapping[str, Any], ...] = ()


def clear(zh: str, en: str, **more: Any) -> Answer:
    """Looked at whole, nothing found against it."""
    return Answer(CLEAR, zh, en, **more)


def conflict(zh: str, en: str, remedy_zh: str, remedy_en: str, **more: Any) -> Answer:
    """Something stands against it; ``measured``, ``limit`` and ``unit`` where it was measured."""
    return Answer(CONFLICT, zh, en, remedy_zh=remedy_zh, remedy_en=remedy_en, **more)


def not_checked(reason: str, zh: str, en: str, **more: Any) -> Answer:
    """Not looked at, or not whole. ``reason``: a code, e.g. ``missing``, ``stale``, ``failed``, ``not_permitted``."""
    return Answer(NOT_CHECKED, zh, en, reason=reason, **more)


@dataclass(frozen=True)
class Overlap:
    """What one layer of the one map says of the plot (``analysis.services.overlap``)."""

    collection: str
    name_zh: str
    name_en: str
    state: State
    area_m2: Decimal
    reason: str = ""
    reason_zh: str = ""
    reason_en: str = ""
    geometry: shapely.Geometry | None = None
    by_class: Mapping[str, Decimal] = field(default_factory=dict)
    records: tuple[Mapping[str, Any], ...] = ()
    versions: tuple[Mapping[str, Any], ...] = ()

    def unanswered(self) -> Answer:
        """The *not checked* a rule gives back when this layer could not be looked at whole."""
        return not_checked(
            self.reason or "not_checked", f"{self.name_zh}未核验: {self.reason_zh}",
            f"{self.name_en} not checked: {self.reason_en}", versions=self.versions,
        )  # fmt: skip


@dataclass(frozen=True)
class Ask:
    """All a rule may look at. ``form`` holds typed answers; ``overlaps`` has every collection the rule said it needs."""

    matter: str
    form: Mapping[str, Any]
    division: str
    day: date
    known_at: datetime
    plot: shapely.Geometry | None = None
    area_m2: Decimal | None = None
    project_code: str = ""
    applicant: Mapping[str, Any] = field(default_factory=dict)
    overlaps: Mapping[str, Overlap] = field(default_factory=dict)
    materials: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By kind: ``{"file_name", "sm3", "pages", "reading", "facts", "faults"}`` of the newest version."""
    earlier: tuple[Mapping[str, Any], ...] = ()
    """Valid approvals and running cases that touch the plot or bear the project code:
    ``{"number", "case", "kind" (approval | running), "matter", "state", "project_code", "area_m2", "shared_m2",
    "outside_m2", "use_code", "decided_on", "plot", "is_together" (applied for together with this; absent from checks of
    before)}``. ``shared_m2`` lies in both plots, ``outside_m2`` is what of the plot
    asked about lies outside the earlier one; both are None where either plot is not known."""

    kinds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The matter's list of materials by code: ``{"code", "name_zh", "name_en", "is_required", "when", "reads"}``; what of
    it is not in :attr:`materials` was not handed in."""
    project_name: str = ""
    titles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names of fields of the form as the form titles them, Chinese and English: sentences say these, not the field."""
    division_name: str = ""

    def title_of(self, name: str) -> tuple[str, str]:
        """The title of a field of the form; its name where no form of the matter has it."""
        found = self.titles.get(name)
        return (str(found[0]), str(found[1])) if found else (name, name)

    @property
    def division_words(self) -> str:
        """The division applied to, by name; by code where this node does not know it."""
        return self.division_name or self.division

    def approvals(self, matter: str, *, of_project: bool = True) -> list[Mapping[str, Any]]:
        """Approvals of a matter among :attr:`earlier`; of the same project only, unless told otherwise."""
        return [
            one for one in self.earlier
            if one["kind"] == "approval" and one["matter"] == matter
            and (not of_project or (self.project_code != "" and one["project_code"] == self.project_code))
        ]  # fmt: skip
