"""Patterns that a form may declare: regular expressions whose worst case is known before anybody types. 格式模式.

Python's engine backtracks, so a pattern such as ``(a+)+$`` can run for years on thirty letters. A pattern is taken apart
before it is accepted; the ways in which it can match are counted, and what looks around, refers back or repeats
repetitions without bound is refused.
"""

from __future__ import annotations

import re
from functools import lru_cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

LONGEST = 200
"""Letters of a pattern."""
MOST_WAYS = 5_000
"""Ways of matching that one answer may make the engine try, for each place to start at."""
_ONE_LETTER = (codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN, codes.AT)
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)


class UnsafePattern(ValueError):
    """The pattern could run for too long, or is none; both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh, en)
        self.zh, self.en = zh, en


@lru_cache(maxsize=1000)
def compiled(pattern: str) -> re.Pattern[str]:
    r"""The pattern as ECMA 262 reads it: ``\d`` and ``\w`` are ASCII. Cached, for forms are checked at each save."""
    return re.compile(pattern, re.ASCII)


def require_safe(pattern: str, longest_answer: int) -> None:
    """Refuse a pattern that is none, or that an answer of ``longest_answer`` letters could make run for long.

    Raises
    ------
    UnsafePattern
    """
    if len(pattern) > LONGEST:
        raise UnsafePattern(
            f"模式长 {len(pattern)}，至多 {LONGEST}", f"the pattern has {len(pattern)} letters, at most {LONGEST}"
        )
    try:
        tree = parser.parse(pattern, re.ASCII)
        compiled(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise UnsafePattern(f"不是正则表达式：{error}", f"no regular expression: {error}") from error
    if _ways(tree, longest_answer) > MOST_WAYS:
        raise UnsafePattern(
            "最坏情况下匹配时间过长（重复套重复，或几处无界重复）",
            "it could run for too long: repeated or several repeats",
        )


def _ways(tree: Any, longest: int) -> int:
    """Upper bound of the ways in which a sequence can match."""
    ways = 1
    for code, given in tree:
        ways = min(ways * _ways_of(code, given, longest), MOST_WAYS + 1)
    return ways


def _ways_of(code: Any, given: Any, longest: int) -> int:
    if code in _ONE_LETTER:
        return 1
    if code is codes.SUBPATTERN:
        _, added, removed, inner = given
        if added or removed:
            raise UnsafePattern("不允许改变匹配方式", "flags are not allowed")
        return _ways(inner, longest)
    if code is codes.BRANCH:
        return sum(_ways(branch, longest) for branch in given[1])
    if code in _REPEATS:
        least, most, inner = given
        most = min(int(most), longest)
        once = _ways(inner, longest)
        repeated = 1 if once == 1 else min(once ** min(most, 64), MOST_WAYS + 1)
        return max(most - int(least) + 1, 1) * repeated
    raise UnsafePattern(f"不允许 {code}", f"{code} is not allowed")
