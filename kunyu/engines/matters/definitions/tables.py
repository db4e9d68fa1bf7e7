"""Reads values out of a TOML table, strictly: each of its kind, nothing that nobody reads. 取值."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kunyu.engines.matters.definitions.faults import Place, bad

_LONGEST = 2_000


class Table:
    """One table as it is read. ``finish`` refuses keys that nobody asked for: a misspelt key is no silent default."""

    def __init__(self, given: Any, place: Place) -> None:
        if not isinstance(given, Mapping):
            raise bad(place, given, "须为表", "must be a table", "写成 [表]", "Write a table")
        self._given, self.place, self._read = given, place, set[str]()

    def has(self, key: str) -> bool:
        """Is the key there?"""
        return key in self._given

    def value(self, key: str) -> Any:
        """The value as it is; None without one."""
        self._read.add(key)
        return self._given.get(key)

    def text(self, key: str, *, most: int = _LONGEST, needed: bool = False, shape: re.Pattern[str] | None = None,
             example: str = "") -> str:  # fmt: skip
        """A text, stripped; '' without one."""
        value = self.value(key)
        if value is None and not needed:
            return ""
        if not isinstance(value, str) or len(value) > most or (needed and not value.strip()):
            raise self.bad(
                key, value, f"须为1至{most}字的文本", f"must be text of 1 to {most} letters", "填写该项", "Give it"
            )
        if shape is not None and value.strip() and shape.fullmatch(value.strip()) is None:
            zh, en = f"应如 {example}", f"Write it like {example}"
            raise self.bad(key, value, "格式不符", "is not in the right format", zh, en)
        return value.strip()

    def texts(self, key: str, *, most: int = 300, shape: re.Pattern[str] | None = None, example: str = "",
              among: Collection[str] = (), needed: bool = False) -> tuple[str, ...]:  # fmt: skip
        """A list of texts, each once."""
        value = self.value(key)
        if value is None and not needed:
            return ()
        if not isinstance(value, list) or len(value) > most or (needed and not value):
            raise self.bad(key, value, f"须为文本的列表（至多{most}项）", f"must be a list of at most {most} texts", "写成列表",
                           "Write a list")  # fmt: skip
        for number, one in enumerate(value):
            if not isinstance(one, str) or not one.strip() or len(one) > _LONGEST:
                raise self.bad(
                    key, one, f"第{number + 1}项须为文本", f"item {number + 1} must be text", "填写文本", "Write text"
                )
            if shape is not None and shape.fullmatch(one) is None:
                raise self.bad(
                    key, one, "格式不符", "is not in the right format", f"应如 {example}", f"Write it like {example}"
                )
            if among and one not in among:
                raise self.bad(
                    key, one, "没有这个取值", "no such value", f"可用：{'、'.join(among)}", f"One of {', '.join(among)}"
                )
        if len(set(value)) != len(value):
            raise self.bad(key, value, "有重复项", "something stands twice", "去掉重复项", "Name it once")
        return tuple(one.strip() for one in value)

    def number(self, key: str, least: int, most: int) -> int | None:
        """A whole number; None without one."""
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.bad(key, value, f"须为{least}至{most}的整数", f"must be a whole number from {least} to {most}",
                           "改正数值", "Mend the number")  # fmt: skip
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """Yes or no."""
        value = self.value(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.bad(
                key, value, "须为 true 或 false", "must be true or false", "改为 true 或 false", "Write true or false"
            )
        return value

    def tables(self, key: str, most: int = 100) -> Iterator[Table]:
        """The tables of a list of tables."""
        value = self.value(key)
        if value is not None and (not isinstance(value, list) or len(value) > most):
            raise self.bad(key, value, f"须为表的列表（至多{most}个）", f"must be a list of at most {most} tables",
                           "写成 [[…]]", "Write [[…]]")  # fmt: skip
        for number, one in enumerate(value or ()):
            yield Table(one, self.place.at(key).at(number))

    def table(self, key: str) -> Table | None:
        """A table below this one; None without one."""
        value = self.value(key)
        return None if value is None else Table(value, self.place.at(key))

    def free(self, key: str) -> dict[str, Any]:
        """A table that no program reads; only what JSON can hold."""
        value = self.value(key) or {}
        try:
            if not isinstance(value, dict):
                raise TypeError("no table")
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise self.bad(key, value, "须为只含文本、数、是否、列表的表", "must be a table of texts, numbers, flags and lists",
                           "日期写成文本", "Write days as text") from error  # fmt: skip
        return value

    def finish(self) -> None:
        """Refuse what was not read."""
        strange = sorted(set(self._given) - self._read)
        if strange:
            raise self.bad(strange[0], self._given[strange[0]], "没有这个键", "there is no such key",
                           f"删去或改名；可用键：{'、'.join(sorted(self._read))}",
                           f"Remove or rename it; keys are {', '.join(sorted(self._read))}")  # fmt: skip

    def bad(self, key: str, value: Any, zh: str, en: str, remedy_zh: str, remedy_en: str) -> Exception:
        """The error about one key of this table."""
        return bad(self.place.at(key), value, zh, en, remedy_zh, remedy_en)
