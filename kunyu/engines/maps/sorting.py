"""``sortby``: pages in the order of attributes, each beginning where the one before ended. 排序与分页.

Records without a value come last in either direction. Text is ordered by code point, as the key is in pages without
``sortby`` over an area. The place of the last feature travels in ``after`` as values, not as an offset: page 1,000
costs what page 1 costs, and nothing is lost when data arrive in between.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer
from kunyu.engines.catalogue.served.queries import quoted, require_clear
from kunyu.engines.catalogue.standards import Field
from kunyu.engines.security.scope import Scope

MOST_KEYS = 3
_MARK = "s."
_CASTS = {"Int": "numeric", "Float": "numeric", "Date": "date", "DateTime": "timestamptz"}


@dataclass(frozen=True)
class SortKey:
    """One attribute to sort by."""

    field: Field
    descending: bool

    @property
    def column(self) -> str:
        name = quoted(self.field.code)
        return f'{name} COLLATE "C"' if self.cast == "text" else name

    @property
    def cast(self) -> str:
        return _CASTS.get(self.field.type, "text")


@dataclass(frozen=True)
class Sorting:
    """The order of an answer. ``after`` holds the last feature's values, as text or None, and its ``fid``."""

    keys: tuple[SortKey, ...]
    after: tuple[str | None, ...] | None = None
    after_fid: int = 0

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(key.field.code for key in self.keys)

    def order_sql(self) -> str:
        """What stands after ORDER BY."""
        keys = [f"{key.column} {'DESC' if key.descending else 'ASC'} NULLS LAST" for key in self.keys]
        return ", ".join([*keys, "fid"])

    def cursor_sql(self) -> str:
        """SQL of the values of a row that the next page begins after, as JSON text."""
        return f"to_json(ARRAY[{', '.join(f'{quoted(code)}::text' for code in self.codes)}])::text"

    def narrowing(self) -> tuple[str, Mapping[str, Any]]:
        """Rows beyond the last feature: ``(sql, parameters)``, empty on the first page."""
        if self.after is None:
            return "", {}
        condition = "fid > %(sort_fid)s::bigint"
        parameters: dict[str, Any] = {"sort_fid": self.after_fid}
        for number, (key, value) in reversed(list(enumerate(zip(self.keys, self.after, strict=True)))):
            column = quoted(key.field.code)
            if value is None:
                condition = f"({column} IS NULL AND {condition})"
                continue
            bound = f"%(sort_{number})s::{key.cast}"
            parameters[f"sort_{number}"] = value
            beyond = f"{key.column} {'<' if key.descending else '>'} {bound}"
            condition = f"({beyond} OR {column} IS NULL OR ({column} = {bound} AND {condition}))"
        return condition, parameters

    def token(self, cursor: str, fid: int) -> str:
        """``after`` of a next link."""
        return _MARK + base64.urlsafe_b64encode(json.dumps([*json.loads(cursor), fid]).encode()).decode().rstrip("=")


def read_sorting(layer: ServedLayer, granted: Scope, query: Mapping[str, str]) -> Sorting | None:
    """``sortby=-TBMJ,+BSM`` with its place of ``after``; None without one.

    Raises
    ------
    BadParameter
        Unknown or repeated attribute, too many, or an ``after`` that is of another order.
    FieldMasked
        A field that the caller sees masked.
    """
    text = query.get("sortby")
    if not text:
        return None
    keys = tuple(_key(layer, granted, part.strip()) for part in text.split(","))
    if len(keys) > MOST_KEYS or len({key.field.code for key in keys}) < len(keys):
        raise BadParameter(
            f"sortby 最多 {MOST_KEYS} 个不同字段，给了 {len(keys)} 个。",
            f"sortby takes at most {MOST_KEYS} different attributes, not {len(keys)}.",
        )
    token = query.get("after")
    return Sorting(keys, *_place(keys, token)) if token is not None else Sorting(keys)


def _key(layer: ServedLayer, granted: Scope, part: str) -> SortKey:
    # a plus sign in an address is a space once it is read
    code = part.lstrip("+-").strip()
    if code not in layer.fields:
        raise BadParameter(
            f"{layer.collection} 没有字段 {code[:40]!r}；可排序：{'、'.join(layer.fields)}。",
            f"{layer.collection} has no attribute {code[:40]!r} to sort by; it has: {', '.join(layer.fields)}.",
        )
    require_clear(layer, granted, code)
    return SortKey(layer.fields[code], part.startswith("-"))


def _place(keys: tuple[SortKey, ...], token: str) -> tuple[tuple[str | None, ...], int]:
    try:
        if not token.startswith(_MARK) or len(token) > 4000:
            raise ValueError
        packed = token.removeprefix(_MARK)
        *values, fid = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
        if len(values) != len(keys) or type(fid) is not int or not 0 <= fid < 2**62:
            raise ValueError
        for key, value in zip(keys, values, strict=True):
            if value is not None:
                _READERS[key.cast](value)
    except (ValueError, TypeError, ArithmeticError):
        raise BadParameter(
            f"after={token[:40]!r} 与 sortby 不符，只能取自 next 链接。",
            f"after={token[:40]!r} does not fit sortby; it must come from a next link.",
        ) from None
    return tuple(values), fid


def _text(value: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value


def _number(value: str) -> Decimal:
    found = Decimal(_text(value))
    if not found.is_finite() or abs(found.adjusted()) > 100:
        raise ValueError
    return found


_READERS: dict[str, Callable[[str], Any]] = {
    "text": _text, "numeric": _number, "date": date.fromisoformat, "timestamptz": datetime.fromisoformat,
}  # fmt: skip
