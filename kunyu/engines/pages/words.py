"""Text in two languages: Chinese first, English complete."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.functional import lazystr
from django.utils.translation import get_language

Pair = tuple[str, str]


def is_english() -> bool:
    """Is the page being made in English?"""
    return (get_language() or "").startswith("en")


def pick(pair: object) -> str:
    """The text of a (zh, en) pair in the language of the page; anything else as it is."""
    if isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2:
        return str(pair[1] if is_english() and pair[1] else pair[0])
    return str(pair)


OPERATOR: Pair = ("节点操作员", "node operator")
"""The node's owner acting at the node: no person, though records keep him beside people's names."""
_OPERATOR_ON_RECORD = frozenset({"operator", OPERATOR[0]})


def person_words(name: str) -> Pair:
    """A name as records keep it; the operator's in both languages. Accounts cannot bear it."""
    return OPERATOR if name in _OPERATOR_ON_RECORD else (name, name)


def person(name: object) -> str:
    """Who did something, in the language of the page; '' for nobody."""
    return pick(person_words(name)) if isinstance(name, str) else pick(name or "")


class _Both:
    def __init__(self, zh: str, en: str) -> None:
        self.pair = (zh, en)

    def __str__(self) -> str:
        return pick(self.pair)


def both(zh: str, en: str) -> str:
    """A text that speaks the language of the page at the moment it is shown: for labels of form fields."""
    return lazystr(_Both(zh, en))  # type: ignore[return-value]
