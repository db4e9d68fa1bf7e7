"""Words and badges of cases on pages: state, time left, names of places and stages. 办件用语."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.utils import timezone

from kunyu.engines.matters.cases.clock import Colour, stopped
from kunyu.engines.matters.cases.machine import OUTCOMES
from kunyu.engines.matters.cases.queries import colour_of
from kunyu.engines.matters.definitions.editions import definition_of
from kunyu.engines.matters.definitions.matter import Stage
from kunyu.engines.matters.models import Case, MatterEdition
from kunyu.engines.pages.listing import Badge, Cell
from kunyu.engines.pages.words import Pair
from kunyu.engines.reference.models import Division
from kunyu.engines.worklist.limits import remaining_workdays

S = Case.State
STATES_EN = {
    S.SUBMITTED: "to be accepted", S.CORRECTING: "to be corrected", S.IN_REVIEW: "in review", S.PAUSED: "suspended",
    S.DECIDED: "decided, licence being made", S.GRANTED: "granted", S.REFUSED: "refused",
    S.NOT_ACCEPTED: "not accepted", S.WITHDRAWN: "withdrawn", S.REVOKED: "revoked",
}  # fmt: skip
_TONES = {S.CORRECTING: "warn", S.PAUSED: "warn", S.NOT_ACCEPTED: "plain", S.WITHDRAWN: "plain", S.REFUSED: "plain",
          S.REVOKED: "danger"}  # fmt: skip
_COLOURS = {
    Colour.YELLOW: Badge(("黄牌", "yellow"), "warn"), Colour.RED: Badge(("红牌", "red"), "danger"),
    Colour.OVERDUE: Badge(("超期", "overdue"), "danger"),
}  # fmt: skip
_STANDING = {
    S.SUBMITTED: ("待受理，未起算", "not accepted yet"), S.CORRECTING: ("停计：补正", "stopped: correction"),
    S.PAUSED: ("停计：特别程序", "stopped: special procedure"), S.DECIDED: ("已决定", "decided"),
}  # fmt: skip


def state_badge(case: Case) -> Badge:
    """The state as a badge."""
    return Badge(state_words(case.state), _TONES.get(S(case.state), "accent"))  # type: ignore[arg-type]


def state_words(state: str) -> Pair:
    """The state in words."""
    return str(S(state).label), STATES_EN[S(state)]


def outcome_words(code: str) -> Pair:
    """An outcome in words; a matter's own outcome as it is written."""
    return OUTCOMES.get(code, (code, code))


def time_left(case: Case, today: date | None = None) -> Cell:
    """Workdays to the limit, in words and by a badge; what stands still says why."""
    day = today or timezone.localdate()
    if case.closed_at is not None:
        return Cell(("已办结", "closed"), note=timezone.localtime(case.closed_at).date().isoformat())
    if S(case.state) in _STANDING:
        return Cell(_STANDING[S(case.state)])
    if case.due_on is None:
        return Cell(("无时限", "no limit"))
    left = remaining_workdays(day, case.due_on)
    words = (
        (f"剩 {left} 个工作日", f"{left} workday{'' if left == 1 else 's'} left") if left >= 0
        else (f"超期 {-left} 个工作日", f"{-left} workday{'' if left == -1 else 's'} overdue")
    )  # fmt: skip
    badge = _COLOURS.get(colour_of(case, day))
    return Cell(words, badges=(badge,) if badge else ())


def days_used(case: Case, today: date | None = None) -> int:
    """Workdays used up to today."""
    return stopped(case.clock_from, case.days_used, today or timezone.localdate())


class Names:
    """Names of counties and stages for the rows of a list: one query for each kind and page."""

    def __init__(self) -> None:
        self._counties: dict[str, Pair] = {}
        self._stages: dict[int, dict[str, Stage]] = {}

    def read(self, cases: Iterable[Case]) -> None:
        """Read what these cases need and is not known yet."""
        listed = list(cases)
        codes = {one.county for one in listed} - set(self._counties)
        if codes:
            rows = Division.objects.filter(code__in=codes, valid_to=None)
            named = {one.code: (one.name_zh, one.name_en or one.name_zh) for one in rows}
            self._counties |= {code: named.get(code, (code, code)) for code in codes}
        editions = {one.edition_id for one in listed} - set(self._stages)
        for key, edition in MatterEdition.objects.in_bulk(editions).items():
            self._stages[key] = {one.code: one for one in definition_of(edition).stages}

    def county(self, case: Case) -> Pair:
        """The county's name, or its code."""
        if case.county not in self._counties:
            self.read([case])
        return self._counties[case.county]

    def stage(self, case: Case, code: str = "") -> Pair:
        """The name of a stage of a case (the one that waits), ('', '') without one."""
        wanted = code or case.stage
        if not wanted:
            return ("", "")
        if case.edition_id not in self._stages:
            self.read([case])
        found = self._stages[case.edition_id].get(wanted)
        return (found.name_zh, found.name_en or found.name_zh) if found else (wanted, wanted)
