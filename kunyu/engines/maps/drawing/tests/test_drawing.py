"""Expressions over columns, paths from arrays, labels apart: the parts of drawing that need no database."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
import skia

from kunyu.engines.maps.drawing import lettering, paths
from kunyu.engines.maps.drawing.errors import BadImageSize, BadStyle
from kunyu.engines.maps.drawing.expressions import Rows, check, evaluate
from kunyu.engines.maps.drawing.lettering import Lettering, Places
from kunyu.engines.maps.drawing.view import picture
from kunyu.engines.maps.grids import Box

ROWS = Rows(
    {"K": np.array(["a", "b", None, "c"], dtype=object), "N": np.array([1.0, 5.0, np.nan, 20.0])}, 4, 10.0, "Polygon"
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (["match", ["get", "K"], "a", "#111111", ["b", "c"], "#222222", "#999999"], ["#111111", "#222222", "#999999", "#222222"]),
        (["step", ["get", "N"], "s", 5, "m", 10, "l"], ["s", "m", "s", "l"]),
        (["case", ["<", ["get", "N"], 3], "x", ["==", ["get", "K"], "c"], "y", "z"], ["x", "z", "z", "y"]),
        (["concat", ["get", "K"], "-", ["to-string", ["get", "N"]]], ["a-1", "b-5", "-", "c-20"]),
        (["coalesce", ["get", "K"], "none"], ["a", "b", "none", "c"]),
        (["in", ["get", "K"], ["literal", ["a", "c"]]], [True, False, False, True]),
        (["all", ["has", "K"], ["!", ["==", ["get", "K"], "b"]]], [True, False, False, True]),
        (["==", ["get", "N"], None], [False, False, True, False]),
        (["interpolate", ["linear"], ["get", "N"], 0, "#000000", 10, "#ffffff"], ["#1a1a1a", "#808080", "#000000", "#ffffff"]),
    ],
)  # fmt: skip
def test_expressions(expression: Any, expected: list[Any]) -> None:
    check(expression)
    assert list(evaluate(expression, ROWS)) == expected


def test_zoom_expressions_have_one_value() -> None:
    assert evaluate(["interpolate", ["linear"], ["zoom"], 8, 1, 12, 3], ROWS) == 2.0
    assert evaluate(["interpolate", ["exponential", 2], ["zoom"], 8, 0, 12, 15], ROWS) == pytest.approx(3.0)


def test_unknown_deep_and_malformed_expressions_are_refused() -> None:
    deep: Any = ["zoom"]
    for _ in range(60):
        deep = ["+", deep, 1]
    for bad in (["evil", 1], deep, ["+", 1, ["nope"]], [], [["zoom"]]):
        with pytest.raises(BadStyle):
            check(bad)
    with pytest.raises(BadStyle):
        evaluate(["step", ["get", "N"], "a", 5, "b", 3, "c"], ROWS)


def test_paths_from_arrays_equal_slow_ones() -> None:
    """The format that skia reads is known, and a polygon with a hole has its area and its hole."""
    assert paths._CHECKED, "this build of skia writes paths in another format: drawing falls back to slow calls"
    area = shapely.Polygon([(0, 0), (100, 0), (100, 100), (0, 100)], [[(40, 40), (60, 40), (60, 60), (40, 60)]])
    many = np.array([area, shapely.MultiPolygon([shapely.box(120, 0, 140, 20), shapely.box(150, 0, 160, 20)])])
    ((group, coordinates, lengths, closed),) = paths.grouped(many, np.array([7, 7]))
    path = paths.path_of(coordinates, lengths, closed=closed)
    assert group == 7 and closed and lengths.tolist() == [5, 5, 5, 5]
    inside = {(10, 10): True, (50, 50): False, (130, 10): True, (145, 10): False, (155, 10): True}
    assert {at: path.contains(*at) for at in inside} == inside


def test_labels_do_not_overlap_and_stay_inside() -> None:
    surface = skia.Surface(200, 200)
    points = np.array([[100, 100], [104, 101], [100, 140], [2, 2], [100, 60]], dtype=float)
    with surface as canvas:
        drawn = lettering.draw_labels(canvas, Places(200, 200), ["坤舆县"] * 5, points, Lettering(14))
    assert drawn == 3, "the second overlaps the first, the fourth leaves the picture"


def test_chinese_has_glyphs() -> None:
    font = lettering.font(12)
    assert all(font.textToGlyphs("审图号北")), "a CJK font must be installed (Debian package fonts-noto-cjk)"


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 5000), (-1, 5)])
def test_absurd_sizes(width: int, height: int) -> None:
    with pytest.raises(BadImageSize):
        picture(Box(0, 0, 1, 1), 4490, width, height)
