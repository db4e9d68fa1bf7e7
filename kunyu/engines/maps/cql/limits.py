"""How large a filter may be: what is larger is refused with a sentence before anything is done with it."""

from __future__ import annotations

import math

from kunyu.engines.maps.cql.errors import FilterTooLarge

MOST_CHARACTERS = 200_000
MOST_WORDS_CHARACTERS = 20_000
"""Characters without the coordinates of geometries."""
MOST_TERMS = 600
MOST_DEPTH = 24
MOST_VERTICES = 5_000
MOST_LISTED = 500
MOST_PATTERN, MOST_WILDCARDS = 200, 12


def require_length(text: str) -> None:
    """Refuse a filter of more than ``MOST_CHARACTERS``."""
    if len(text) > MOST_CHARACTERS:
        raise too_large("字符", "characters", len(text), MOST_CHARACTERS)


def require_words(text: str) -> None:
    """Refuse a filter that is long apart from its geometries: its parsing alone would take seconds."""
    if len(text) > MOST_WORDS_CHARACTERS:
        raise too_large("字符（坐标不计）", "characters apart from coordinates", len(text), MOST_WORDS_CHARACTERS)


def too_large(what_zh: str, what_en: str, measured: int, limit: int) -> FilterTooLarge:
    """The refusal that names what is counted, the number and the limit."""
    return FilterTooLarge(
        f"过滤条件过大：{what_zh} {measured}，上限 {limit}。请简化条件、抽稀多边形，或分几次查询。",
        f"The filter is too large: {measured} {what_en}, at most {limit}. Simplify it or its polygons, or ask in parts.",
        measured=measured,
        limit=limit,
    )


class Counter:
    """Counts the terms and vertices of one filter while it is built."""

    def __init__(self) -> None:
        self.terms = self.vertices = 0

    def term(self, number: int = 1) -> None:
        self.terms += number
        if self.terms > MOST_TERMS:
            raise too_large("条件项", "terms", self.terms, MOST_TERMS)

    def shape(self, vertices: int) -> None:
        self.vertices += vertices
        if self.vertices > MOST_VERTICES:
            raise too_large("几何顶点", "vertices", self.vertices, MOST_VERTICES)


def require_depth(depth: float) -> None:
    """Refuse what is nested deeper than ``MOST_DEPTH``."""
    if depth > MOST_DEPTH:
        raise too_large("嵌套层数", "levels of nesting", math.ceil(depth), MOST_DEPTH)
