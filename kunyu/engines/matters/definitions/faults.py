"""How a fault in a definition is said: which file, which key, which value, what to do. 事项定义的问题."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kunyu.engines.matters.errors import BadMatter

_SHOWN = 80


@dataclass(frozen=True)
class Place:
    """Where something stands: the file as its reader knows it, and the path of keys in it."""

    file: str
    key: str = ""

    def at(self, key: str | int) -> Place:
        """A place below this one."""
        step = f"[{key}]" if isinstance(key, int) else f".{key}" if self.key else key
        return replace(self, key=self.key + step)


def bad(place: Place, value: Any, zh: str, en: str, remedy_zh: str, remedy_en: str) -> BadMatter:
    """The error to raise. ``zh`` and ``en`` say what is wrong, the remedies what to do; all without a full stop."""
    shown = _short(value)
    said_zh = "" if value is None else f"（现为 {shown}）"
    said_en = "" if value is None else f" (now {shown})"
    key_zh, key_en = (f" 的 {place.key}", f", {place.key}") if place.key else ("", "")
    return BadMatter(
        f"{place.file}{key_zh}{said_zh}：{zh}。{remedy_zh}。", f"{place.file}{key_en}{said_en}: {en}. {remedy_en}.",
        file=place.file, key=place.key, value=None if value is None else shown,
    )  # fmt: skip


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
