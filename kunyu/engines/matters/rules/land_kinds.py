"""Agricultural, construction and unused land in a plot, by the classes of the survey. 三大类面积.

Which class belongs to which kind is data of the standard (``DLBM_SDL``), with the days it is in force; a rule that needs
the three areas names ``PARCELS`` in its ``sums``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.matters.rules.answers import Answer, Ask, not_checked
from kunyu.engines.matters.rules.naming import land_class

PARCELS = "10401-003"
STANDARD, GROUPING = "TDT1057-2020", "DLBM_SDL"
LEAST_COVERED = Decimal("0.99")
"""Share of the plot that the survey's parcels must cover for its areas to mean anything. [design]"""


@dataclass(frozen=True)
class LandKinds:
    """Areas in m² on the ellipsoid; field ridges and hardened rural roads count as the survey classes them."""

    agricultural_m2: Decimal
    construction_m2: Decimal
    unused_m2: Decimal
    versions: tuple[Mapping[str, Any], ...]


def land_kinds(ask: Ask) -> LandKinds | Answer:
    """The three areas of the plot, or the *not checked* to give back when the survey could not be looked at whole."""
    survey = ask.overlaps[PARCELS]
    if survey.state == "not_checked" or survey.reason:
        return survey.unanswered()
    covered, whole = sum(survey.by_class.values(), Decimal(0)), ask.area_m2 or Decimal(0)
    if covered < LEAST_COVERED * whole:
        return not_checked(
            "not_covered", f"地块 {whole} m²，{survey.name_zh}只覆盖 {covered} m²，无法按地类核算。",
            f"{survey.name_en} covers only {covered} m² of the plot's {whole} m²: its classes say too little.",
            versions=survey.versions,
        )  # fmt: skip
    kinds = load_standard(STANDARD).conversions[GROUPING].at(ask.day)
    sums = {"NYD": Decimal(0), "JSYD": Decimal(0), "WLYD": Decimal(0)}
    for code, area in survey.by_class.items():
        if kinds.get(code) is None:
            zh, en = land_class(code)
            return not_checked(
                "unknown_class", f"地类“{zh}”没有归入三大类，未核算 {area} m²。",
                f"Class '{en}' belongs to none of the three kinds of land: {area} m² not counted.",
                versions=survey.versions,
            )  # fmt: skip
        sums[kinds[code][0]] += area
    return LandKinds(sums["NYD"], sums["JSYD"], sums["WLYD"], survey.versions)
