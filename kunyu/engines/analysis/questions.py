"""What is asked, frozen: so that it can be answered now, by a job later, or again in a year. 分析请求."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from django.utils import timezone

from kunyu.engines.analysis.errors import BadRequest
from kunyu.engines.analysis.plots import ANY, AREAS, Plot, read_plot
from kunyu.engines.analysis.settings import analysis_settings
from kunyu.engines.catalogue.served.beliefs import belief_now
from kunyu.engines.catalogue.served.moments import instant_text, read_days, read_known_at

OVERLAP, LAND_CLASSES, HISTORY, NEAREST, BUFFER = "overlap", "land-classes", "history", "nearest", "buffer"
KINDS = (OVERLAP, LAND_CLASSES, HISTORY, NEAREST, BUFFER)
_COMMON = ("geometry", "layers", "valid_at", "known_at")
_OWN: dict[str, tuple[str, ...]] = {
    OVERLAP: ("max_age_days", "geometries"),
    LAND_CLASSES: ("max_age_days",),
    HISTORY: (),
    NEAREST: ("limit", "within_m"),
    BUFFER: ("distance_m",),
}
LIMIT, WITHIN_M = 5, 1_000.0


@dataclass(frozen=True)
class Question:
    """One analysis of one geometry.

    ``layers`` is None for every area layer the caller may query that has records near the plot. ``valid_at`` is the
    day the answer is valid on; ``known_at`` the instant of belief, None for now (then ``asked_at`` names it).
    ``options`` are the parameters of the kind, defaults filled in.
    """

    kind: str
    plot: Plot
    layers: tuple[str, ...] | None
    valid_at: date
    known_at: datetime | None
    asked_at: datetime
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def times(self) -> dict[str, str]:
        """As ``served.asof.read_moment`` takes them: the instant is always named, so that a replay reads the same state."""
        return {"valid_at": self.valid_at.isoformat(), "known_at": self.known_text}

    @property
    def known_text(self) -> str:
        """The instant of belief: asked again with it, the question means the same state."""
        return instant_text(self.known_at or self.asked_at)

    @property
    def parameters(self) -> dict[str, Any]:
        """What a replay digest binds beside the answer."""
        said = {name: value for name, value in self.options.items() if name != "geometries"}
        return {"geometry_sm3": self.plot.sm3, "layers": self.layers and list(self.layers), **said}


def read_question(kind: str, document: Any) -> Question:
    """The question of a JSON body.

    Raises
    ------
    BadRequest, BadPlot, PlotTooLarge, BadParameter
        Every member is read strictly; an unknown one is refused.
    """
    if not isinstance(document, Mapping):
        raise BadRequest("请求体应为 JSON 对象。", "The body must be a JSON object.")
    allowed = (*_COMMON, *_OWN[kind]) if kind != BUFFER else ("geometry", "distance_m")
    unknown = [name for name in document if name not in allowed]
    if unknown:
        raise BadRequest(
            f"不认识 {str(unknown[0])[:60]!r}；这里可用：{'、'.join(allowed)}。",
            f"Unknown member {str(unknown[0])[:60]!r}; allowed here: {', '.join(allowed)}.",
        )
    plot = read_plot(document.get("geometry"), AREAS if kind in (OVERLAP, LAND_CLASSES) else ANY)
    return Question(
        kind=kind,
        plot=plot,
        layers=read_layers(document.get("layers")),
        valid_at=_day(document.get("valid_at")),
        known_at=read_known_at(_text(document, "known_at")),
        asked_at=belief_now(),
        options=_options(kind, document),
    )


def question(
    kind: str, plot: Plot, layers: tuple[str, ...] | list[str] | None, valid_at: date | None, known_at: datetime | None,
    **options: Any,
) -> Question:  # fmt: skip
    """The same from Python; ``options`` as in a body."""
    return Question(
        kind, plot, read_layers(None if layers is None else list(layers)), valid_at or timezone.localdate(),
        known_at.astimezone(UTC) if known_at else None, belief_now(), _options(kind, options),
    )  # fmt: skip


def read_layers(value: Any) -> tuple[str, ...] | None:
    """Collections named in a request, each once, in their order; None for all."""
    if value is None:
        return None
    most = analysis_settings().layers_max
    if not isinstance(value, list) or not all(isinstance(one, str) and 0 < len(one) <= 60 for one in value):
        raise BadRequest("layers 应为图层代码的数组。", "layers must be an array of collection codes.")
    if not value or len(value) > most:
        raise BadRequest(
            f"layers 有 {len(value)} 个图层，应为 1 到 {most} 个；请分几次请求。",
            f"layers names {len(value)} layers; between 1 and {most} are allowed: ask in several requests.",
            limit=most,
        )
    if any("\0" in one for one in value):
        raise BadRequest("layers 含有空字符。", "layers contains a NUL character.")
    return tuple(dict.fromkeys(value))


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"{name} 应为文本。", f"{name} must be a text.")
    return value


def _day(value: Any) -> date:
    found = read_days(None, _text({"valid_at": value}, "valid_at")).first
    assert found is not None
    return found


def _number(document: Mapping[str, Any], name: str, default: float | None, least: float, most: float) -> float | None:
    value = document.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadRequest(
            f"{name}={str(value)[:40]} 应为 {least:g} 到 {most:g} 之间的数。",
            f"{name}={str(value)[:40]} must be a number between {least:g} and {most:g}.",
        )
    return float(value)


def _options(kind: str, document: Mapping[str, Any]) -> dict[str, Any]:
    widest = analysis_settings().buffer_m_max
    options: dict[str, Any] = {}
    if kind in (OVERLAP, LAND_CLASSES):
        age = _number(document, "max_age_days", None, 1, 100_000)
        options["max_age_days"] = None if age is None else int(age)
        options["stale_days"] = analysis_settings().stale_days
    if kind == OVERLAP:
        wanted = document.get("geometries", False)
        if not isinstance(wanted, bool):
            raise BadRequest("geometries 应为 true 或 false。", "geometries must be true or false.")
        options["geometries"] = wanted
    if kind == NEAREST:
        options["limit"] = int(_number(document, "limit", LIMIT, 1, 100) or LIMIT)
        options["within_m"] = _number(document, "within_m", WITHIN_M, 0.001, widest)
    if kind == BUFFER:
        distance = _number(document, "distance_m", None, 0.001, widest)
        if distance is None:
            raise BadRequest("缺少 distance_m（米）。", "distance_m (metres) is missing.")
        options["distance_m"] = distance
    return options
