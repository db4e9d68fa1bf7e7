"""Writes values as TOML, for a person to change in a page. 写出 TOML.

Only what definitions hold: texts, whole numbers, flags, lists and tables of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def toml_text(values: Mapping[str, Any]) -> str:
    """The values as TOML; ``tomllib.loads`` reads the same back."""
    return "\n".join(_lines(values)).strip() + "\n"


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    tables = {key: one for key, one in values.items() if _is_table(one) or _is_tables(one)}
    yield from (f"{_key(key)} = {_value(one)}" for key, one in values.items() if key not in tables)
    for key, one in tables.items():
        for part in one if _is_tables(one) else [one]:
            yield ""
            yield f"[[{_key(key)}]]" if _is_tables(one) else f"[{_key(key)}]"
            yield from (f"{_key(inner)} = {_value(value)}" for inner, value in part.items())


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _key(key: str) -> str:
    plain = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if plain else json.dumps(key, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        texts = [_value(one) for one in value]
        line = f"[{', '.join(texts)}]"
        return line if len(line) <= 100 else "[\n" + "".join(f"  {text},\n" for text in texts) + "]"
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")
