"""What the page of a case shows, part by part. 办件页面内容."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import shapely
from django.utils import timezone

from kunyu.engines.documents.models import Licence
from kunyu.engines.documents.queries import licences as visible_licences
from kunyu.engines.matters.cases import machine, visibility
from kunyu.engines.matters.cases.applying import plot_of
from kunyu.engines.matters.cases.words import Names, outcome_words, state_badge, state_words
from kunyu.engines.matters.desk.reasons import reason_words
from kunyu.engines.matters.materials.queries import kinds_with_versions
from kunyu.engines.matters.models import Case, CaseEvent, Check
from kunyu.engines.matters.rules import earlier
from kunyu.engines.matters.rules.disclosure import Told, told
from kunyu.engines.pages.listing import Badge, Cell
from kunyu.engines.pages.record import Event, Fact
from kunyu.engines.pages.words import Pair
from kunyu.engines.reference.models import Division
from kunyu.engines.security.scope import SEE, Principal

MOST_PICTURES = 4
DRAWABLE = ("application/pdf", "image/")
"""Media types whose pages are shown as pictures."""
MOST_EARLIER = 50
PARCELS = "10401-003"
"""地类图斑 of the catalogue: what lies under a plot on the map of a case."""
_WEIGHTS: Mapping[str, Badge] = {
    "block": Badge(("不符合", "does not conform"), "danger"), "document": Badge(("须补充材料", "needs a document"), "warn"),
    "warn": Badge(("提示", "note"), "plain"),
}  # fmt: skip
_STANDINGS: Mapping[str, Pair] = {
    "verified": ("已由统一身份认证核验", "verified by the national identity platform"),
    "unverified": ("未实名核验，请核对证件", "not verified: look at the document"),
}  # fmt: skip
_SEVERITIES = {"block": "S", "document": "Q", "warn": "Q"}


def facts(principal: Principal, case: Case, names: Names) -> tuple[Fact, ...]:
    """Head of the page."""
    project = Cell(case.project_code, f"/projects/{case.project_code}") if case.project_code else ""
    place = Division.objects.filter(code=case.division_code, valid_to=None).first()
    where = (place.name_zh, place.name_en or place.name_zh) if place else names.county(case)
    return (
        Fact(("状态", "State"), Cell(state_badge(case), note=names.stage(case))),
        Fact(("在谁手里", "With"), str(case.assignee) if case.assignee_id else ("待领取", "to be claimed")
             if case.stage else ""),
        Fact(("申请人", "Applicant"), Cell(case.applicant_name, note=case.application.applicant_code_masked)),
        Fact(("实名核验", "Identity"), _standing(case)),
        Fact(("项目", "Project"), Cell(case.project_name, note="") if case.project_name else ""),
        Fact(("项目代码", "Project code"), project, "code"),
        Fact(("地点", "Place"), Cell(where, note=case.division_code)),
        Fact(("用地面积（公顷）", "Area (ha)"), case.plot_area_m2, "area"),
        Fact(("提交", "Submitted"), case.submitted_at, "time"),
        Fact(("受理", "Accepted"), case.accepted_at, "time"),
    )  # fmt: skip


def _standing(case: Case) -> Pair:
    """What was known of the applicant's identity when the case was submitted: a record, not a judgement."""
    one = case.application
    if one.counter_county:
        return ("窗口收件，由窗口核对证件", "taken at a counter, which looks at the documents")
    return _STANDINGS.get(one.applicant_standing, ("没有记录", "not on record"))


# -- checks -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """One answer as the page shows it."""

    told: Told
    weight: Badge
    measured: str
    limit: str
    reason: Pair
    versions: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """What ties the row to its place on the map."""
        return f"{self.told.state}-{self.told.rule}"


@dataclass(frozen=True)
class Group:
    """Answers of one state."""

    state: str
    title: Pair
    answers: tuple[Shown, ...]


_GROUPS: tuple[tuple[str, Pair], ...] = (
    ("conflict", ("冲突", "Conflicts")), ("not_checked", ("未核验（不等于通过）", "Not checked (which is not clear)")),
    ("clear", ("通过", "Clear")),
)  # fmt: skip


def groups(answers: Sequence[Told]) -> tuple[Group, ...]:
    """Answers by state, conflicts first; empty groups are left out."""
    found = [
        Group(state, title, tuple(_shown(one) for one in answers if one.state == state)) for state, title in _GROUPS
    ]
    return tuple(one for one in found if one.answers)


def _shown(one: Told) -> Shown:
    return Shown(
        one, _WEIGHTS[one.weight], _number(one.measured, one.unit), _number(one.limit, one.unit),
        reason_words(one.reason), tuple(_version(version) for version in one.versions),
    )  # fmt: skip


def _number(value: Decimal | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value.normalize():,f} {unit}".strip()


def _version(one: Mapping[str, Any]) -> str:
    """``10401-003 990101 #2 2025-12-31``: collection, county, number and day of a dataset version, as far as told."""
    number = f"#{one['number']}" if one.get("number") else ""
    return " ".join(
        str(part) for part in (one.get("collection"), one.get("county"), number, one.get("valid_from")) if part
    )


def newest_answers(principal: Principal, case: Case) -> tuple[Check | None, list[Told]]:
    """The newest check and its answers as the officer is told them."""
    check = Check.objects.filter(case=case).order_by("-pk").first()
    return check, told(check, principal) if check else []


# -- the map ----------------------------------------------------------------------------------------------------------


def places(principal: Principal, case: Case) -> dict[str, Any]:
    """Plot and overlaps as GeoJSON for ``<ky-map>``: longitude and latitude, CGCS2000."""
    plot = plot_of(case.application_id)
    features = [] if plot is None else [_feature("plot", "W", ("用地范围", "the plot"), plot)]
    _, answers = newest_answers(principal, case)
    for one in answers:
        if one.place is not None and one.state != "clear":
            words = (f"{one.rule} {one.name_zh}", f"{one.rule} {one.name_en}")
            severity = _SEVERITIES[one.weight] if one.state == "conflict" else "Q"
            features.append(_feature(f"{one.state}-{one.rule}", severity, words, one.place))
    return {"type": "FeatureCollection", "features": features}


def _feature(fingerprint: str, severity: str, words: Pair, where: shapely.Geometry) -> dict[str, Any]:
    return {
        "type": "Feature", "geometry": json.loads(shapely.to_geojson(where)),
        "properties": {"fingerprint": fingerprint, "rule": fingerprint.partition("-")[2], "severity": severity,
                       "message_zh": words[0], "message_en": words[1]},
    }  # fmt: skip


def underlay(principal: Principal, case: Case) -> str:
    """The parcels that lie under the plot on the map, where the person may see them; else ''."""
    seen = any(case.county.startswith(prefix) for prefix in principal.divisions(PARCELS, SEE))
    return PARCELS if seen else ""


def workbench_link(plot: shapely.Geometry, layer: str) -> str:
    """Address of the workbench with the plot in its middle, above a layer."""
    west, south, east, north = plot.bounds
    wide = max(east - west, (north - south) * 1.4, 1e-4)
    zoom = max(3.0, min(18.0, math.log2(360 / wide) - 0.5))
    place = f"/#map={zoom:.2f}/{(south + north) / 2:.6f}/{(west + east) / 2:.6f}"
    return f"{place}&layers={layer}" if layer else place


# -- form, materials --------------------------------------------------------------------------------------------------


def materials(case: Case) -> list[dict[str, Any]]:
    """Kinds of material with their versions; of the newest, the numbers of the pages shown as pictures."""
    found = kinds_with_versions(case.application)
    for kind in found:
        newest = next((one for one in kind["versions"] if not one["is_withdrawn"]), None)
        kind["newest"], kind["older"] = newest, [one for one in kind["versions"] if one is not newest]
        drawable = newest is not None and newest["media_type"].startswith(DRAWABLE)
        pages = (newest["pages"] or 1) if newest and drawable else 0
        kind["pictures"] = list(range(1, min(pages, MOST_PICTURES) + 1))
        kind["more_pages"] = max(0, pages - MOST_PICTURES)
    return found


# -- opinions, trace, earlier cases, letters --------------------------------------------------------------------------


def opinions(case: Case, names: Names) -> list[dict[str, Any]]:
    """What officers said, oldest first."""
    return [
        {"stage": names.stage(case, one.stage), "outcome": outcome_words(one.outcome), "text": one.text, "at": one.at,
         "who": one.author_zh or one.author, "office": one.office_zh, "suggested": one.suggested}
        for one in case.opinions.all()
    ]  # fmt: skip


def history(case: Case, names: Names) -> tuple[Event, ...]:
    """The trace of a case, oldest first."""
    return tuple(_event(case, one, names) for one in CaseEvent.objects.filter(case=case).order_by("sequence"))


def _event(case: Case, one: CaseEvent, names: Names) -> Event:
    zh, en = machine.EVENTS.get(one.act, (one.act, one.act))
    stage, outcome = names.stage(case, one.stage) if one.stage else ("", ""), outcome_words(one.outcome)
    if one.before and one.before != one.state:
        after = state_words(one.state)
        # a state that begins with the name of the act says it once
        zh = after[0] if after[0].startswith(zh) else f"{zh} → {after[0]}"
        en = after[1] if after[1].startswith(en) else f"{en} → {after[1]}"
    said = one.outcome if one.act == "step" else ""
    detail = (
        "：".join(filter(None, (stage[0], outcome[0] if said else "", one.reason))),
        ": ".join(filter(None, (stage[1], outcome[1] if said else "", one.reason))),
    )
    return Event(one.at, one.actor_zh or one.actor, (zh, en), detail)


@dataclass(frozen=True)
class Earlier:
    """Approvals and cases on the same land or of the same project, as far as the person may see them."""

    rows: list[dict[str, Any]]
    licences: list[Licence]
    hidden: int
    is_too_many: bool = False


def earlier_cases(principal: Principal, case: Case) -> Earlier:
    """What else touches the plot."""
    area = None if case.plot_area_m2 is None else Decimal(str(case.plot_area_m2))
    sought = earlier.Sought(
        case.application_id, case.pk, case.project_code, plot_of(case.application_id), area, timezone.localdate()
    )
    try:
        found = earlier.find(sought)
    except earlier.TooMany:
        return Earlier([], [], 0, is_too_many=True)
    found = tuple(one for one in found if one["number"] != case.licence_number or not case.licence_number)
    numbers = [one["case"] for one in found if one["case"]]
    seen = {one.number: one for one in visibility.visible(principal).filter(number__in=numbers)}
    rows = [_earlier_row(one, seen[one["case"]]) for one in found if one["case"] in seen]
    alone = [one["number"] for one in found if not one["case"]]
    licences = list(
        visible_licences(principal).filter(number__in=alone).order_by("number", "-version").distinct("number")
    )
    return Earlier(rows[:MOST_EARLIER], licences[:MOST_EARLIER], len(found) - len(rows) - len(licences))


def _earlier_row(one: Mapping[str, Any], case: Case) -> dict[str, Any]:
    share = "" if one["shared_m2"] is None else f"{one['shared_m2'] / 10_000:,.4f}"
    return {"case": case, "state": state_badge(case), "shared_ha": share, "number": one["number"]}
