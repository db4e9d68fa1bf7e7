"""The moment an answer speaks of, as a request names it, and how the answer names it back (contract.md, "Time")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kunyu.engines.catalogue.served.beliefs import moment_of
from kunyu.engines.catalogue.served.layers import ServedLayer, VersionState, known_instant, state_at
from kunyu.engines.catalogue.served.moments import Moment, instant_text, read_days, read_known_at

TIME_PARAMETERS = ("datetime", "valid_at", "known_at")


@dataclass(frozen=True)
class AsOf:
    """The moment an answer speaks of, the versions behind it, and how the headers name both."""

    moment: Moment
    state: VersionState
    valid_text: str
    known_text: str


def read_moment(layer: ServedLayer, query: Mapping[str, str]) -> AsOf:
    """Resolve ``datetime``, ``valid_at`` and ``known_at`` against the layer's versions."""
    days = read_days(query.get("datetime"), query.get("valid_at"))
    known_at = read_known_at(query.get("known_at"))
    state = state_at(layer, known_at)
    is_present = state == layer.state
    return AsOf(
        moment=moment_of(layer.id, days, None if is_present else known_at),
        state=state,
        valid_text=days.text,
        known_text=instant_text(known_instant(state, known_at)),
    )
