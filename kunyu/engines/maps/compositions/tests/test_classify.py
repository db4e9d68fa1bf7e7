"""Classification against brute force and by its rules: breaks, unique values, refusals (R-169)."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from kunyu.engines.catalogue.served.asof import read_moment
from kunyu.engines.catalogue.served.layers import open_layer
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.maps.compositions.classify import Wanted, breaks, classify, jenks, style_of
from kunyu.engines.maps.compositions.errors import BadClasses
from kunyu.engines.maps.compositions.ramps import RAMPS
from kunyu.engines.maps.drawing.colours import rgba
from kunyu.engines.maps.styles_check import check_layer
from kunyu.engines.maps.tests.conftest import county  # noqa: F401 - the fixture
from kunyu.engines.maps.tests.county import PARCELS, County
from kunyu.engines.security import scope
from kunyu.engines.security.models import User
from kunyu.engines.security.session import principal_of


def within(values: np.ndarray, bounds: np.ndarray) -> float:
    """Sum of squared deviations within the classes of ascending bounds."""
    place = np.clip(np.searchsorted(bounds, values, side="right") - 1, 0, len(bounds) - 2)
    return float(sum(((values[place == k] - values[place == k].mean()) ** 2).sum() for k in np.unique(place)))


@pytest.mark.parametrize("seed", range(6))
def test_jenks_is_the_best_of_all_ways_to_cut(seed: int) -> None:
    """Against every possible set of breaks of 14 values into 4 classes."""
    values = np.sort(np.round(np.random.default_rng(seed).exponential(100, 14), 2))
    kinds = np.unique(values)
    best = min(
        within(values, np.array([kinds[0], *(kinds[i] for i in cut), kinds[-1]]))
        for cut in combinations(range(1, len(kinds)), 3)
    )
    assert within(values, jenks(values, 4)) == pytest.approx(best, rel=1e-9)


def test_jenks_of_many_values_is_near_the_best_and_fast() -> None:
    """A million values in three clumps: the breaks fall between the clumps."""
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(at, 5, 300_000) for at in (100, 300, 900)])
    found = jenks(values, 3)
    assert len(found) == 4 and 130 < found[1] < 290 and 330 < found[2] < 880


def test_other_breaks() -> None:
    values = np.arange(1, 101, dtype=float)
    assert breaks(values, "equal", 4).tolist() == [1, 25.75, 50.5, 75.25, 100]
    assert breaks(values, "quantile", 4).tolist() == [1, 25.75, 50.5, 75.25, 100]
    skewed = np.array([1.0] * 90 + [5, 6, 7, 8, 9, 10, 11, 12, 13, 1000])
    assert breaks(skewed, "quantile", 4).tolist() == [1, 1000] or len(breaks(skewed, "quantile", 4)) < 5
    mean, deviation = values.mean(), values.std()
    assert breaks(values, "deviation", 4) == pytest.approx([1, mean - deviation, mean, mean + deviation, 100])
    assert len(breaks(np.array([7.0, 7.0]), "jenks", 5)) == 2


@pytest.fixture
def selection(county: County, db: None) -> tuple[scope.Principal, Selection]:  # noqa: F811
    principal = principal_of(User.objects.get(username="t-steward"))
    layer, granted = open_layer(principal, PARCELS, scope.QUERY)
    return principal, Selection(layer, granted, read_moment(layer, {}).moment)


def test_unique_values_keep_the_standards_colours(selection: Any) -> None:
    """Land classes by value: counts are those of the county, colours those of the layer's own legend."""
    found = classify(*selection, Wanted("DLBM", "unique"))
    assert {one.value: one.count for one in found.classes} == {"0103": 398, "0301": 1, "0701": 1, "1101": 1}
    assert {one.value: one.colour for one in found.classes}["0103"] == "#ffffc8"
    assert found.rows == 401 and next(one for one in found.classes if one.value == "0103").text_zh == "0103 旱地"
    for layer in style_of(selection[1].layer, found):
        check_layer(layer, "made")


def test_numbers_by_breaks(selection: Any) -> None:
    found = classify(*selection, Wanted("TBMJ", "quantile", 5))
    assert sum(one.count for one in found.classes) == 401 and found.mean == pytest.approx(37000.25)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted("NOPE", "unique"), "没有字段"), (Wanted("DLBM", "jenks"), "文本"), (Wanted("TBMJ", "equal", 10_000), "10000 级"),
        (Wanted("TBMJ", "equal", 0), "0 级"), (Wanted("TBMJ", "magic"), "没有分级方法"), (Wanted("BSM", "unique"), "200 个以上"),
        (Wanted("TBMJ", "equal", 3, "rainbow"), "没有色带"), (Wanted("ZZJ", "unique"), "没有"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_words(selection: Any, wanted: Wanted, says: str) -> None:
    """Unknown fields, text by breaks, ten thousand classes, a legend nobody could read."""
    with pytest.raises(BadClasses, match=says):
        classify(*selection, wanted)


def test_ramps_give_any_number_of_colours() -> None:
    for ramp in RAMPS.values():
        for count in (1, 2, 5, 12):
            colours = ramp.take(count)
            assert len(colours) == count and all(rgba(one) for one in colours)
    assert RAMPS["YlGnBu"].take(5) == list(RAMPS["YlGnBu"].colours)
