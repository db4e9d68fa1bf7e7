"""Do the approvals of a project fit one another? 规划用地“一书三证”一致性 (自然资规〔2019〕2号, services.md §3).

Each rule looks at an approval and the one before it and answers *clear*, *conflict* or *not checked*, never a guess: what
cannot be compared is not checked, with the reason. Areas are ellipsoidal square metres.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import shapely

from kunyu.kernel.geodesy import area_of_lonlat
from kunyu.kernel.project_codes import plain_project_code
from kunyu.registers.projects.models import ProjectDocument

CLAUSE = "自然资规〔2019〕2号；多审合一、多证合一"
INSIDE_LEAST = 0.99
AREA_DIFFERENCE_MOST = 0.01
Kind = ProjectDocument.Kind
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
    return "clear", f"{first} → {then}", f"{first} → {then}", None, None, ""


def follows_in_law(pair: Pair) -> Said:
    """Kinds follow one another as the law puts them: review, project, conversion, supply, permits."""
    if Kind.OTHER in (pair.earlier.kind, pair.later.kind):
        return "not_checked", "“其他”类文件没有法定次序", "other documents have no order in law", None, None, ""
    names = f"{pair.earlier.get_kind_display()} → {pair.later.get_kind_display()}"
    state = "clear" if _ORDER[pair.earlier.kind] <= _ORDER[pair.later.kind] else "conflict"
    return state, names, f"{pair.earlier.kind} → {pair.later.kind}", None, None, ""


RULES: Mapping[str, Callable[[Pair], Said]] = {
    "PR-001": names_the_earlier,
    "PR-002": same_project_code,
    "PR-003": lies_inside,
    "PR-004": same_area,
    "PR-005": follows_in_time,
    "PR-006": follows_in_law,
}
TITLES = {
    "PR-001": ("载明前一文件文号", "names the earlier document"), "PR-002": ("项目代码一致", "same project code"),
    "PR-003": ("地块在前一地块内 ≥ 99 %", "plot ≥ 99 % inside"), "PR-004": ("面积相差 ≤ 1 %", "areas differ ≤ 1 %"),
    "PR-005": ("时间先后", "order in time"), "PR-006": ("法定次序", "order of the law"),
}  # fmt: skip


def report(documents: Sequence[ProjectDocument], plots: Mapping[int, shapely.Geometry]) -> list[Answer]:
    """Every rule for every approval that has one before it, in order of the chain.

    The one before is what the document points at; where it points at none, the one that stands before it in time.
    Documents that never came into force or were replaced are compared no further.
    """
    rows = [one for one in documents if one.state not in ("issuing", "replaced")]
    by_id = {one.pk: one for one in rows}
    answers = []
    for place, later in enumerate(rows):
        earlier = by_id.get(later.previous_id or 0) or (rows[place - 1] if place else None)
        if earlier is None or earlier.pk == later.pk:
            continue
        pair = Pair(earlier, later, plots.get(earlier.pk), plots.get(later.pk))
        answers += [Answer(rule, later.number, earlier.number, *check(pair)) for rule, check in RULES.items()]
    return answers


def _area(shape: shapely.Geometry) -> float:
    polygons = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    nested = [part for one in shapely.get_parts(shape) if one.geom_type == "MultiPolygon" for part in one.geoms]
    return float(area_of_lonlat([*polygons, *nested]).sum()) if polygons or nested else 0.0
