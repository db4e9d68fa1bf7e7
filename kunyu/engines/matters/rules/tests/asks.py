"""What tests of rules ask: an application of a square plot of 10,000 m², changed by name. 测试用提问."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import shapely

from kunyu.engines.matters.rules.answers import Ask, Overlap, State

DAY = date(2026, 11, 23)
PROJECT = "2026-990101-47-01-000123"
PLOT = shapely.box(113.01, 34.51, 113.0111, 34.5109)
VERSION = {"collection": "10401-003", "county": "990101", "number": 1}


def ask(**changed: Any) -> Ask:
    """An ask of 2026-11-23 in county 990101; ``form`` adds to an empty form."""
    plain = Ask("S-000", {}, "990101", DAY, datetime(2026, 11, 23, 8, tzinfo=UTC), PLOT, Decimal("10000.00"), PROJECT)
    return replace(plain, **changed)


def overlap(collection: str, area: str = "0", state: State = "", **more: Any) -> Overlap:  # type: ignore[assignment]
    """What a layer says: the state follows from the area unless it is given."""
    square_metres = Decimal(area)
    where = PLOT if square_metres else None
    found: State = state or ("conflict" if square_metres else "clear")
    return Overlap(collection, f"图层{collection}", f"Layer {collection}", found, square_metres, geometry=where, **more)


def survey(by_class: Mapping[str, str], **more: Any) -> dict[str, Overlap]:
    """The land survey's answer for a plot, as a rule gets it."""
    classes = {code: Decimal(area) for code, area in by_class.items()}
    total = str(sum(classes.values(), Decimal(0)))
    return {"10401-003": overlap("10401-003", total, by_class=classes, versions=(VERSION,), **more)}


def stale(collection: str) -> dict[str, Overlap]:
    """A layer that could not be looked at."""
    return {
        collection: overlap(
            collection, state="not_checked", reason="stale", reason_zh="数据过期。", reason_en="Too old."
        )
    }


def approval(matter: str, number: str, **changed: Any) -> dict[str, Any]:
    """An approval of the same project over the same plot, decided two years ago."""
    return {
        "number": number, "case": "", "kind": "approval", "matter": matter, "state": "granted", "project_code": PROJECT,
        "area_m2": Decimal("10000.00"), "shared_m2": Decimal("10000.00"), "outside_m2": Decimal("0.00"), "use_code": "0701",
        "decided_on": "2024-11-23", "plot": PLOT, "is_together": False, **changed,
    }  # fmt: skip
