"""What the land of an application meets, as its applicant is told it before submitting. 提交前核验.

Answers have three values: 冲突 conflict, 未发现冲突 nothing found, 未核验 not checked with its reason. What is told, and how
precisely, is :mod:`rules.disclosure`'s to say; a page shows a check through nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import shapely
from django.utils import timezone

from kunyu.engines.catalogue.models import Dataset, Layer
from kunyu.engines.matters.cases.applying import plot_of
from kunyu.engines.matters.models import Application, Check
from kunyu.engines.matters.rules import asking
from kunyu.engines.matters.rules.disclosure import Told, told
from kunyu.engines.pages.words import Pair
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import canonical_json

SQUARE_METRES = "m²"
_GROUPS: tuple[tuple[str, Pair, Pair], ...] = (
    ("conflict", ("冲突", "Conflicts"),
     ("下面几项与要求不符。红色的不改正就不能批准；黄色的要补充材料或留意。",
      "These do not meet what is required. Red ones stop the approval; amber ones need a document or your attention.")),
    ("not_checked", ("未核验", "Not checked"),
     ("下面几项还没有查清，不等于没有问题；提交后由审查人员核对。",
      "These could not be looked at, which does not mean that they are clear; examiners will look after you submit.")),
    ("clear", ("未发现冲突", "Nothing found against it"),
     ("下面几项查过了，没有发现冲突。以审查结果为准。", "These were looked at and nothing was found. The examination decides.")),
)  # fmt: skip
_WEIGHTS: Mapping[str, Pair] = {
    "block": ("不符合要求", "does not conform"), "document": ("要补充材料", "needs a document"), "warn": ("请留意", "note"),
}  # fmt: skip
_NO_DATA: Pair = ("这里还没有这项数据", "there are no such data here yet")
_UNSAID: Pair = ("数据没有写明", "the data do not say")
_BY_HAND: Pair = ("这一项由审查人员核对", "examiners look at this themselves")
_TO_FILL: Pair = ("表单或材料还没有填全", "form or materials are not complete yet")
_REASONS: Mapping[str, Pair] = {
    "missing": _NO_DATA, "nothing_published": _NO_DATA, "no_area": _NO_DATA, "county_outline_unknown": _NO_DATA,
    "not_covered": ("数据没有覆盖整块地", "the data do not cover the whole plot"), "stale": ("数据太旧", "the data are too old"),
    "not_available": ("暂时查不了", "it cannot be looked at now"),
    "unavailable": ("暂时查不了", "it cannot be looked at now"), "too_large": ("地块太大，数据太多", "the plot is too large"),
    "no_plot": ("还没有用地范围", "there is no plot yet"), "bad_plot": ("用地范围有误", "the plot is faulty"),
    "unread": ("材料还没有读出来", "the material has not been read yet"), "field_missing": _TO_FILL, "not_stated": _TO_FILL,
    "no_standard": _TO_FILL, "use_unknown": _TO_FILL, "no_prior": ("没有找到在先的批准文件", "no earlier approval was found"),
    "prior_not_here": ("在先的批准文件不在本节点", "the earlier approval is not on this node"),
    "prior_without_plot": ("在先的批准文件没有用地范围", "the earlier approval has no plot"), "core_unknown": _UNSAID,
    "zone_unknown": _UNSAID, "no_attribute": _UNSAID, "quality_not_stated": _UNSAID, "limits_unknown": _UNSAID,
    "no_matrix": _BY_HAND, "no_local_cap": _BY_HAND, "no_ledger": _BY_HAND, "classified": _BY_HAND, "no_rule": _BY_HAND,
    "too_many": _BY_HAND,
}  # fmt: skip
"""Why something was not looked at, in plain words; where nothing stands here the sentence of the answer says it."""


@dataclass(frozen=True)
class Source:
    """Data behind an answer: the dataset's name and the day they are of."""

    name: Pair
    day: str


@dataclass(frozen=True)
class Finding:
    """One answer. ``areas`` are the same figure in m², hectares and 亩; ``figure`` is a measure in another unit."""

    told: Told
    weight: Pair
    areas: AreaWords | None
    figure: str
    sources: tuple[Source, ...]
    reason: Pair = ("", "")

    @property
    def fingerprint(self) -> str:
        """What ties it to its place on the map."""
        return f"{self.told.state}-{self.told.rule}"

    @property
    def is_on_map(self) -> bool:
        """Is its place told and worth showing?"""
        return self.told.place is not None and self.told.state != "clear"


@dataclass(frozen=True)
class Group:
    """Answers of one value."""

    state: str
    title: Pair
    lead: Pair
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Findings:
    """The newest check of an application as somebody is told it. ``is_current``: nothing it asked has changed since."""

    check: Check
    groups: tuple[Group, ...]
    is_current: bool

    @property
    def conflicts(self) -> int:
        return self.check.conflicts

    @property
    def not_checked(self) -> int:
        return self.check.not_checked


@dataclass(frozen=True)
class AreaWords:
    """An area as people read it; the same formatting wherever the hall names one."""

    m2: str
    ha: str
    mu: str


def area_words(m2: float | Decimal) -> AreaWords:
    """Square metres to 0.01, hectares to 0.0001, 亩 to 0.001; all of the ellipsoidal area."""
    value = Decimal(str(m2))
    return AreaWords(f"{value:,.2f}", f"{value / 10_000:,.4f}", f"{value * 15 / 10_000:,.3f}")


def newest(application: Application) -> Check | None:
    """The newest check of an application before it was submitted."""
    return Check.objects.filter(application=application, case=None).order_by("-pk").first()


def findings(principal: Principal, application: Application) -> Findings | None:
    """The newest check as the person is told it; None when nothing was looked at yet."""
    check = newest(application)
    if check is None:
        return None
    answers = told(check, principal)
    names = _names({str(version["collection"]) for one in answers for version in one.versions})
    groups = tuple(
        Group(state, title, lead, tuple(_finding(one, names) for one in answers if one.state == state))
        for state, title, lead in _GROUPS
    )
    return Findings(check, tuple(one for one in groups if one.findings), is_current(application, check))


def is_current(application: Application, check: Check) -> bool:
    """Does the check speak of today, and of the plot, form, materials and applicant as they stand now?"""
    if check.valid_at != timezone.localdate():
        return False
    now = asking.standing(application)
    return all(canonical_json(check.asked.get(name)) == canonical_json(value) for name, value in now.items())


def _finding(one: Told, names: Mapping[str, Pair]) -> Finding:
    is_area = one.unit == SQUARE_METRES and one.measured is not None
    figure = (
        "" if one.measured is None or is_area or not one.unit else f"{one.measured.normalize():,f} {one.unit}".strip()
    )
    days = sorted({(str(version["collection"]), str(version.get("valid_from") or "")) for version in one.versions})
    return Finding(
        one, _WEIGHTS.get(one.weight, ("", "")), area_words(one.measured) if is_area and one.measured else None, figure,
        tuple(Source(names.get(code, (code, code)), day) for code, day in days), _REASONS.get(one.reason, ("", "")),
    )  # fmt: skip


def _names(collections: Iterable[str]) -> dict[str, Pair]:
    """Names of collections: of the layer, else of the dataset the catalogue lists."""
    wanted = list(collections)
    codes = {one.partition(".")[0] for one in wanted}
    datasets = {code: (zh, en or zh) for code, zh, en in
                Dataset.objects.filter(code__in=codes).values_list("code", "name_zh", "name_en")}  # fmt: skip
    layers = {code: (zh, en or zh) for code, zh, en in
              Layer.objects.filter(collection__in=wanted).values_list("collection", "name_zh", "name_en")}  # fmt: skip
    return {one: layers.get(one) or datasets.get(one.partition(".")[0]) or (one, one) for one in wanted}


def places(principal: Principal, application: Application) -> dict[str, Any]:
    """The plot as it is kept and what it overlaps, as GeoJSON: longitude and latitude, CGCS2000.

    Overlaps of a plot that has been changed since are left out: they would lie beside it.
    """
    plot = plot_of(application.pk)
    if plot is None:
        return {"type": "FeatureCollection", "features": []}
    features = [_feature("plot", "plot", ("用地范围", "the plot"), plot)]
    check = newest(application)
    if check is not None and is_current(application, check):
        features += [
            _feature(f"{one.state}-{one.rule}", _tone(one), (one.name_zh, one.name_en), one.place)
            for one in told(check, principal)
            if one.place is not None and not one.place.is_empty and one.state != "clear"
        ]
    return {"type": "FeatureCollection", "features": features}


def _tone(one: Told) -> str:
    return "conflict" if one.state == "conflict" and one.weight == "block" else "doubt"


def _feature(fingerprint: str, tone: str, words: Pair, where: shapely.Geometry) -> dict[str, Any]:
    return {
        "type": "Feature", "geometry": json.loads(shapely.to_geojson(where)),
        "properties": {"fingerprint": fingerprint, "tone": tone, "name_zh": words[0], "name_en": words[1]},
    }  # fmt: skip
