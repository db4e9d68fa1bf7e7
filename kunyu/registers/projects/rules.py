"""Do the approvals of a project fit one another? 规划用地“一书三证”一致性 (自然资规〔2019〕2号, services.md §3).

Each rule looks at an approval and the one before it and answers *clear*, *conflict* or *not checked*, never a guess: what
cannot be compared is not checked, with the reason; PR-009 asks of each approval whether one before it is there at all.
Areas are ellipsoidal square metres. No sentence names a holder: who may see a chain need not know its people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import shapely

from kunyu.kernel.geodesy import area_of_lonlat
from kunyu.kernel.project_codes import plain_project_code
from kunyu.registers.projects.models import ProjectDocument

CLAUSE = "自然资规〔2019〕2号；多审合一、多证合一"
INSIDE_LEAST = 0.99
AREA_DIFFERENCE_MOST = 0.01
Kind = ProjectDocument.Kind
IN_FORCE = ("valid", "suspended")
NEEDS: Mapping[str, tuple[str, ...]] = {
    Kind.CONVERSION: (Kind.REVIEW,), Kind.EXPROPRIATION: (Kind.REVIEW,),
    Kind.LAND_PERMIT: (Kind.SUPPLY, Kind.CONVERSION, Kind.EXPROPRIATION, Kind.REVIEW), Kind.WORKS_PERMIT: (Kind.LAND_PERMIT,),
    Kind.ACCEPTANCE: (Kind.WORKS_PERMIT, Kind.LAND_PERMIT, Kind.RURAL_PERMIT),
}  # fmt: skip
"""Of these kinds one stands before (services.md §3, recalled): 预审 → 转用、征收 → 供地 → 用地许可 → 工程许可 → 核实. A batch of
conversions needs no review; it belongs to no project, so nothing is asked of what bears no project code."""
OF_AUTHORITIES = (Kind.CONVERSION, Kind.EXPROPRIATION, Kind.SUPPLY)
"""Approvals that a government may hold for the project: another holder is for a person to judge."""
_ORDER = {kind: place for place, kind in enumerate(Kind.values)}


@dataclass(frozen=True)
class Pair:
    """An approval and the one before it, with their plots (EPSG:4490) where they have any."""

    earlier: ProjectDocument
    later: ProjectDocument
    earlier_plot: shapely.Geometry | None
    later_plot: shapely.Geometry | None


@dataclass(frozen=True)
class Answer:
    """What one rule says of one pair: clear, conflict or not_checked. ``measured`` and ``limit`` in ``unit``."""

    rule: str
    later: str
    earlier: str
    state: str
    zh: str
    en: str
    measured: float | None = None
    limit: float | None = None
    unit: str = ""

    def plain(self) -> dict[str, object]:
        """As JSON."""
        return {**vars(self), "clause": CLAUSE}


Said = tuple[str, str, str, float | None, float | None, str]
"""State, Chinese, English, measured, limit, unit."""


def names_the_earlier(pair: Pair) -> Said:
    """A later document contains the number of the one before it."""
    named = pair.later.previous_number
    if not named:
        return (
            "not_checked",
            "后续文件没有记载前一文件的文号",
            "the later document names no earlier one",
            None,
            None,
            "",
        )
    if named == pair.earlier.number:
        return "clear", f"载明 {named}", f"names {named}", None, None, ""
    return (
        "conflict",
        f"载明 {named}，应为 {pair.earlier.number}",
        f"names {named}, should name {pair.earlier.number}",
        None,
        None,
        "",
    )


def same_project_code(pair: Pair) -> Said:
    """Both bear one project code."""
    codes = [plain_project_code(one.project_code_stated) for one in (pair.earlier, pair.later)]
    if not all(codes):
        return "not_checked", "有文件没有项目代码", "one of them bears no project code", None, None, ""
    if codes[0] == codes[1]:
        return "clear", f"均为 {codes[0]}", f"both bear {codes[0]}", None, None, ""
    return (
        "conflict",
        f"{codes[1]} 与前一文件的 {codes[0]} 不同",
        f"{codes[1]} is not {codes[0]} of the earlier one",
        None,
        None,
        "",
    )


def lies_inside(pair: Pair) -> Said:
    """At least 99 % of the later plot lies within the earlier one."""
    if pair.earlier_plot is None or pair.later_plot is None:
        return "not_checked", "有文件没有地块图形", "one of them has no plot", None, INSIDE_LEAST * 100, "%"
    whole = _area(pair.later_plot)
    share = round(_area(pair.earlier_plot.intersection(pair.later_plot)) / whole * 100, 4)
    limit = INSIDE_LEAST * 100
    state = "clear" if share >= limit else "conflict"
    return state, f"{share:.2f} % 在前一地块内", f"{share:.2f} % lie within the earlier plot", share, limit, "%"


def same_area(pair: Pair) -> Said:
    """The areas differ by at most 1 % of the earlier one."""
    areas = [one.plot_area_m2 if one.plot_area_m2 is not None else one.area_m2 for one in (pair.earlier, pair.later)]
    limit = AREA_DIFFERENCE_MOST * 100
    if areas[0] is None or areas[1] is None:
        return "not_checked", "有文件没有面积", "one of them has no area", None, limit, "%"
    difference = round(abs(areas[1] - areas[0]) / areas[0] * 100, 4)
    state = "clear" if difference <= limit else "conflict"
    return state, f"面积相差 {difference:.2f} %", f"areas differ by {difference:.2f} %", difference, limit, "%"


def follows_in_time(pair: Pair) -> Said:
    """The later one was issued on the day of the earlier one or after it, while that was in force."""
    first, then = pair.earlier.issued_on, pair.later.issued_on
    if then < first:
        return (
            "conflict",
            f"{then} 早于前一文件的 {first}",
            f"{then} is before {first} of the earlier one",
            None,
            None,
            "",
        )
    ended = pair.earlier.ended_on
    if ended is not None and ended < then:
        return "conflict", f"前一文件已于 {ended} 失效", f"the earlier one ended on {ended}", None, None, ""
    last = _last_day(pair.earlier)
    if last is not None and last < then:
        return (
            "conflict",
            f"前一文件有效期至 {last}，早于 {then}",
            f"the earlier one was valid to {last}",
            None,
            None,
            "",
        )
    if last is None and pair.earlier.state == "expired":
        return "not_checked", "前一文件已过期，但不知何日", "the earlier one expired on a day not known", None, None, ""
    return "clear", f"{first} → {then}", f"{first} → {then}", None, None, ""


def follows_in_law(pair: Pair) -> Said:
    """Kinds follow one another as the law puts them: review, project, conversion, supply, permits."""
    if Kind.OTHER in (pair.earlier.kind, pair.later.kind):
        return "not_checked", "“其他”类文件没有法定次序", "other documents have no order in law", None, None, ""
    names = f"{pair.earlier.get_kind_display()} → {pair.later.get_kind_display()}"
    state = "clear" if _ORDER[pair.earlier.kind] <= _ORDER[pair.later.kind] else "conflict"
    return state, names, f"{pair.earlier.kind} → {pair.later.kind}", None, None, ""


def same_holder(pair: Pair) -> Said:
    """Both are held by one party: by code where both bear one, else by name."""
    first, then = pair.earlier.licence, pair.later.licence
    if first is None or then is None:
        return "not_checked", "有文件没有登记持有人", "the holder of one of them is not registered", None, None, ""
    coded = bool(first.holder_code and then.holder_code)
    same = first.holder_code == then.holder_code if coded else first.holder_name.strip() == then.holder_name.strip()
    if same:
        return "clear", "持有人相同", "one holder", None, None, ""
    if pair.earlier.kind in OF_AUTHORITIES or pair.later.kind in OF_AUTHORITIES:
        return (
            "not_checked", "持有人不同；农转用、征收、供地文件可由政府持有，须人工核对",
            "other holders; a government may hold these for the project: let a person look", None, None, "",
        )  # fmt: skip
    return "conflict", "与前一文件的持有人不同", "another holder than the earlier one's", None, None, ""


def stands_on_what_is_in_force(pair: Pair) -> Said:
    """What an approval in force stands on has not been revoked since."""
    state, ended = pair.earlier.state, pair.earlier.ended_on
    if pair.later.state not in IN_FORCE:
        return "clear", "本文件已不再有效", "it is no longer in force itself", None, None, ""
    if state == "revoked":
        day = f"于 {ended} " if ended else ""
        return (
            "conflict", f"前一文件已{day}被撤销，本文件仍有效", f"the earlier one was revoked{f' on {ended}' if ended else ''}",
            None, None, "",
        )  # fmt: skip
    if state == "suspended":
        return "not_checked", "前一文件被挂起，尚未处理", "the earlier one is suspended", None, None, ""
    return "clear", "前一文件未被撤销", "the earlier one was not revoked", None, None, ""


def has_one_before(later: ProjectDocument, rows: Sequence[ProjectDocument]) -> Said | None:
    """Whether one of the kinds that come before stands in the chain; None where nothing is asked."""
    needed = NEEDS.get(Kind(later.kind), ())
    if not needed or not plain_project_code(later.project_code_stated):
        return None
    found = [one for one in rows if one.kind in needed and one.issued_on <= later.issued_on]
    if found:
        return (
            "clear",
            f"有{found[-1].get_kind_display()} {found[-1].number}",
            f"{found[-1].number} stands before",
            None,
            None,
            "",
        )
    named = "、".join(Kind(one).label for one in needed)
    if later.previous_number:
        return (
            "not_checked", f"没有登记{named}；载明的 {later.previous_number} 不在登记簿中",
            f"none of {', '.join(needed)} is registered; {later.previous_number} is not here", None, None, "",
        )  # fmt: skip
    return "conflict", f"缺少{named}", f"none of {', '.join(needed)} stands before it", None, None, ""


def _last_day(one: ProjectDocument) -> date | None:
    return one.licence.valid_to if one.licence is not None else None


RULES: Mapping[str, Callable[[Pair], Said]] = {
    "PR-001": names_the_earlier,
    "PR-002": same_project_code,
    "PR-003": lies_inside,
    "PR-004": same_area,
    "PR-005": follows_in_time,
    "PR-006": follows_in_law,
    "PR-007": same_holder,
    "PR-008": stands_on_what_is_in_force,
}
OF_ONE = "PR-009"
TITLES = {
    "PR-001": ("载明前一文件文号", "names the earlier document"), "PR-002": ("项目代码一致", "same project code"),
    "PR-003": ("地块在前一地块内 ≥ 99 %", "plot ≥ 99 % inside"), "PR-004": ("面积相差 ≤ 1 %", "areas differ ≤ 1 %"),
    "PR-005": ("时间先后", "order in time"), "PR-006": ("法定次序", "order of the law"),
    "PR-007": ("持有人一致", "one holder"), "PR-008": ("前一文件未被撤销", "the earlier one stands"),
    "PR-009": ("有前置文件", "has one before it"),
}  # fmt: skip


def report(documents: Sequence[ProjectDocument], plots: Mapping[int, shapely.Geometry]) -> list[Answer]:
    """Every rule for every approval, in order of the chain.

    The one before is what the document points at, or what took its place; where it points at none, the one that stands
    before it in time. Documents that never came into force or were replaced are compared no further.
    """
    rows = [one for one in documents if one.state not in ("issuing", "replaced")]
    answers = []
    for place, later in enumerate(rows):
        earlier = _before(later, rows[:place], documents)
        if earlier is not None:
            pair = Pair(earlier, later, plots.get(earlier.pk), plots.get(later.pk))
            answers += [Answer(rule, later.number, earlier.number, *check(pair)) for rule, check in RULES.items()]
        alone = has_one_before(later, [one for one in rows if one is not later])
        if alone is not None:
            answers.append(Answer(OF_ONE, later.number, "", *alone))
    return answers


def _before(
    later: ProjectDocument, older: Sequence[ProjectDocument], documents: Sequence[ProjectDocument]
) -> ProjectDocument | None:
    """The approval a document follows, among all that are compared."""
    named = next((one for one in documents if one.pk == later.previous_id and one.pk != later.pk), None)
    if named is not None and named.state != "issuing":
        successor = [
            one for one in documents if one.number == named.number and one.state not in ("issuing", "replaced")
        ]
        found = successor[-1] if named.state == "replaced" and successor else named
        if found.state != "replaced" and found.pk != later.pk:
            return found
    return older[-1] if older else None


def _area(shape: shapely.Geometry) -> float:
    polygons = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    nested = [part for one in shapely.get_parts(shape) if one.geom_type == "MultiPolygon" for part in one.geoms]
    return float(area_of_lonlat([*polygons, *nested]).sum()) if polygons or nested else 0.0
