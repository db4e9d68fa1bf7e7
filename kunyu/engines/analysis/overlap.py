"""What a plot overlaps, and its land classes: each layer *conflict*, *clear* or *not checked* with a reason. 冲突检测.

A layer is *clear* only where it was really looked at: published for every county the plot lies in, young enough,
permitted whole, answered by the database, and shown by it (:mod:`analysis.confirming`). Everything else that found nothing is *not checked*. A conflict found is a
conflict even where the look was incomplete; the reason then says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal

import numpy as np
import psycopg

from kunyu.engines.analysis import confirming, coverage, reasons
from kunyu.engines.analysis.errors import ReadMoved
from kunyu.engines.analysis.pieces import Pieces, Sums, count_near, read_pieces, sums_of
from kunyu.engines.analysis.questions import LAND_CLASSES, Question
from kunyu.engines.analysis.reasons import Reason
from kunyu.engines.analysis.settings import analysis_settings
from kunyu.engines.catalogue.models import Dataset
from kunyu.engines.catalogue.served.asof import AsOf, read_moment
from kunyu.engines.catalogue.served.errors import NoServingDatabase, TooSlow
from kunyu.engines.catalogue.served.layers import ServedLayer, open_layer, record_read, visible_layers
from kunyu.engines.catalogue.served.moments import Moment
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.security import label_registry, labels, scope
from kunyu.engines.security.errors import NotAllowed, NotVisible, SignInNeeded
from kunyu.engines.security.scope import Principal, Scope
from kunyu.kernel.errors import KunyuError

State = Literal["conflict", "clear", "not_checked"]
CONFLICT: State = "conflict"
CLEAR: State = "clear"
NOT_CHECKED: State = "not_checked"
PARCELS = "10401-003"
DENSER = 20
Reader = Callable[[Selection, Question], Pieces]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """A layer about to be read for somebody at a moment."""

    layer: ServedLayer
    granted: Scope
    asof: AsOf
    counties: tuple[coverage.County, ...]

    def selection(self, question: Question) -> Selection:
        return Selection(self.layer, self.granted, self.asof.moment, question.plot.geometry)


@dataclass(frozen=True)
class LayerAnswer:
    """What one layer says of a plot. ``pieces`` is None when it could not be read."""

    collection: str
    name_zh: str
    name_en: str
    state: State
    reason: Reason | None
    opened: Opened | None = None
    pieces: Pieces | None = None
    sums: Sums | None = None
    ground: coverage.Ground | None = None

    @property
    def versions(self) -> list[coverage.County]:
        """The versions behind the answer: of the counties the plot lies in, and of those whose records were found."""
        if self.opened is None:
            return []
        named = set(self.ground.counties) if self.ground else set()
        if self.pieces is not None:
            named |= set(self.pieces.county.tolist())
        return [one for one in self.opened.counties if one.county in named]


@dataclass(frozen=True)
class Answer:
    """All layers of a question."""

    question: Question
    layers: tuple[LayerAnswer, ...]


def overlap(principal: Principal, question: Question) -> Answer:
    """Answer for every layer of ``question``, each on its own: one that fails leaves the others as they are."""
    return answered(principal, question, prepared(principal, question))


def answered(
    principal: Principal, question: Question, layers: Iterable[Opened | LayerAnswer], read: Reader | None = None
) -> Answer:
    """The answer of layers opened by :func:`prepared`; ``read`` reads the pieces of one layer."""
    look = _Look(principal, question, read or _read_at_once)
    return Answer(question, tuple(one if isinstance(one, LayerAnswer) else look.at(one) for one in layers))


def prepared(principal: Principal, question: Question) -> list[Opened | LayerAnswer]:
    """The layers of a question, opened at its moment; those that cannot be looked at are answered already."""
    return [_prepare(principal, name, question) for name in names_of(principal, question)]


def names_of(principal: Principal, question: Question) -> list[str]:
    """The collections a question means.

    Without names: the land parcels for land classes; else every area layer the caller may query with a version near
    the plot, and where there is none the land parcels again, which say that nothing was looked at: an answer without
    layers would be taken for a clear one.
    """
    if question.layers is not None:
        return list(question.layers)
    if question.kind == LAND_CLASSES:
        return [PARCELS]
    found = []
    for layer in visible_layers(principal, scope.QUERY):
        if layer.geometry != "Polygon":
            continue
        granted = scope.resolve(principal, layer.collection, scope.QUERY, public=layer.is_public)
        asof = read_moment(layer, question.times)
        if any(one.meets(question.plot.bounds) for one in coverage.newest_versions(layer, granted, asof)):
            found.append(layer.collection)
    return found or [PARCELS]


def is_large(question: Question, layers: Iterable[Opened | LayerAnswer]) -> bool:
    """Whether more records lie near the plot than one answer may take: then it is a job."""
    left = analysis_settings().interactive_hits_max
    for one in layers:
        if isinstance(one, LayerAnswer) or _is_surely_small(one, question, left):
            continue
        try:
            left -= count_near(one.selection(question), left)
        except (TooSlow, NoServingDatabase, psycopg.Error):
            continue  # the answer itself will say so
        if left < 0:
            return True
    return False


def _is_surely_small(opened: Opened, question: Question, limit: int) -> bool:
    """Whether even a place twenty times as dense as the county's mean would hold few records: then none are counted."""
    expected = 0.0
    for one in opened.counties:
        if one.records is None or not one.extent:
            return False
        if one.meets(question.plot.bounds):
            whole = (one.extent[2] - one.extent[0]) * (one.extent[3] - one.extent[1])
            west, south, east, north = question.plot.bounds
            share = (east - west) * (north - south) / whole if whole > 0 else 1.0
            expected += one.records * min(1.0, share)
    return expected * DENSER < limit


def open_for(principal: Principal, collection: str, question: Question) -> Opened:
    """Open a layer at the moment of the question.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed
    """
    layer, granted = open_layer(principal, collection, scope.QUERY)
    asof = read_moment(layer, question.times)
    return Opened(layer, granted, asof, tuple(coverage.newest_versions(layer, granted, asof)))


def _read_at_once(selection: Selection, question: Question) -> Pieces:
    return read_pieces(selection, question.plot, with_geometry=bool(question.options.get("geometries")))


def _prepare(principal: Principal, collection: str, question: Question) -> Opened | LayerAnswer:
    blank = LayerAnswer(collection, "", "", NOT_CHECKED, None)
    try:
        opened = open_for(principal, collection, question)
    except (SignInNeeded, NotVisible):
        return replace(blank, reason=reasons.missing(collection))
    except NotAllowed:
        return replace(blank, reason=reasons.not_permitted(collection))
    named = replace(blank, name_zh=opened.layer.name_zh, name_en=opened.layer.name_en, opened=opened)
    if opened.layer.geometry != "Polygon":
        return replace(named, reason=reasons.no_area(collection))
    if not opened.counties:
        return replace(named, reason=reasons.nothing_published(question))
    return opened


@dataclass(frozen=True)
class _Look:
    """One pass over the layers of a question; layers of the same counties share what is known of their ground."""

    principal: Principal
    question: Question
    read: Reader
    grounds: dict[tuple[str, ...], coverage.Ground] = field(default_factory=dict)

    def at(self, opened: Opened) -> LayerAnswer:
        """Read one layer and judge what was found."""
        layer, question = opened.layer, self.question
        named = LayerAnswer(layer.collection, layer.name_zh, layer.name_en, NOT_CHECKED, None, opened)
        try:
            record_read(self.principal, layer, question.plot.bounds, question.kind)
            opened, pieces = self._settled(opened)
            ground = self._ground(opened)
            unseen = confirming.unseen(opened.selection(question), opened.counties, ground, pieces)
        except TooSlow as error:
            return replace(named, reason=reasons.too_slow(error))
        except (NoServingDatabase, psycopg.Error) as error:
            _log.warning("analysis of %s failed: %s", layer.collection, error)
            return replace(named, reason=reasons.failed(error))
        except KunyuError as error:
            return replace(named, reason=_refused(layer.collection, error))
        sums = sums_of(pieces, by_class=layer.class_field is not None)
        reason = reasons.not_shown(unseen) if unseen else _incomplete(opened, question, ground, sums, pieces)
        state: State = CONFLICT if pieces.count else CLEAR if reason is None else NOT_CHECKED
        return replace(named, state=state, reason=reason, opened=opened, pieces=pieces, sums=sums, ground=ground)

    def _settled(self, opened: Opened) -> tuple[Opened, Pieces]:
        """The layer as it was read with nothing published meanwhile: else the versions named would not be those read.

        Raises
        ------
        ReadMoved
            It was published anew each time.
        """
        for _ in range(confirming.READINGS):
            pieces = self.read(opened.selection(self.question), self.question)
            if not confirming.has_moved(opened.layer):
                return opened, pieces
            opened = open_for(self.principal, opened.layer.collection, self.question)
        raise ReadMoved(
            f"图层 {opened.layer.collection} 正在发布新版本，请稍后再试。",
            f"{opened.layer.collection} is being published anew; try again shortly.",
        )

    def _ground(self, opened: Opened) -> coverage.Ground:
        key = tuple(one.county for one in opened.counties)
        if key not in self.grounds:
            # the outlines as they were known then, even where nothing of the layer itself was published since
            known = self.question.known_at or self.question.asked_at
            moment = Moment(opened.asof.moment.days, known)
            self.grounds[key] = coverage.ground_under(self.question.plot, list(opened.counties), moment)
        return self.grounds[key]


def _refused(collection: str, error: KunyuError) -> Reason:
    """A layer that could no longer be opened, or that moved on at every reading."""
    if isinstance(error, SignInNeeded | NotVisible):
        return reasons.missing(collection)
    return reasons.not_permitted(collection) if isinstance(error, NotAllowed) else reasons.failed(error)


def _incomplete(
    opened: Opened, question: Question, ground: coverage.Ground, sums: Sums, pieces: Pieces
) -> Reason | None:
    """Why the look was not a whole one; None when it was."""
    fills = sums.area_m2 >= question.plot.area_m2 - coverage.LEAST_UNCOVERED_M2
    if not ground.is_complete and not fills:
        return reasons.not_covered(ground, question.plot.area_m2)
    if _hides_records(opened, confirming.concerned(ground, pieces)):
        return reasons.hidden_records()
    return _stale(opened, question, ground)


def _hides_records(opened: Opened, counties: Iterable[str]) -> bool:
    """Whether single records of the layer bear labels that this reader may not see in one of the counties.

    A right in another county shows nothing here.
    """
    marked = label_registry.record_labels()
    if opened.layer.collection not in marked:
        return False
    strictest = label_registry.strictest_of(opened.layer.collection)
    return not all(labels.holds(confirming.allowed_in(opened.granted, one), strictest) for one in counties)


def _stale(opened: Opened, question: Question, ground: coverage.Ground) -> Reason | None:
    limit = question.options.get("max_age_days") or _default_age(opened.layer, int(question.options["stale_days"]))
    if not limit:
        return None
    concerned = [one for one in opened.counties if not ground.counties or one.county in ground.counties]
    oldest = min((one.valid_from for one in concerned), default=None)
    if oldest is None or question.valid_at - oldest <= timedelta(days=limit):
        return None
    return reasons.stale(oldest, (question.valid_at - oldest).days, limit)


def _default_age(layer: ServedLayer, stale_days: int) -> int:
    """Layers renewed every year grow stale; a control line stands until it is changed."""
    mode = Dataset.objects.filter(code=layer.dataset_code).values_list("update_mode", flat=True).first() or ""
    return stale_days if "年度" in mode else 0


def listed(pieces: Pieces) -> Iterable[int]:
    """Places of the pieces that an answer lists: the largest ones, within the limit."""
    most = analysis_settings().listed_max
    order: list[int] = np.argsort(-pieces.area_m2, kind="stable")[:most].tolist()
    return order


def class_names(layer: ServedLayer) -> dict[str, str]:
    """Chinese names of the codes of a layer's class."""
    from kunyu.engines.catalogue.served.layers import code_names

    found = layer.class_field
    return code_names(layer.standard_id, found.codelist) if found and found.codelist else {}


def facts(one: Any) -> dict[str, Any]:
    """A version as an answer names it."""
    from kunyu.engines.catalogue.served.moments import instant_text

    return {
        "id": one.id, "county": one.county, "number": one.number, "valid_from": one.valid_from.isoformat(),
        "known_from": instant_text(one.known_from),
    }  # fmt: skip
