"""A definition as canonical JSON and back, and its digest. 事项定义的规范形式.

What stands at its default is left out, so that a new optional element changes the digest of no older edition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import lru_cache
from typing import Any

from kunyu.engines.matters.definitions.matter import Definition, Fee, MaterialKind, Stage
from kunyu.kernel.digests import canonical_json, sm3_hex

_PARTS: Mapping[str, Any] = {"materials": MaterialKind, "stages": Stage}


def to_json(definition: Definition) -> dict[str, Any]:
    """The definition as plain values."""
    found: dict[str, Any] = _plain(definition)
    if "form" in found:
        found["form"] = in_order(found["form"])
    return found


def in_order(form: Mapping[str, Any]) -> dict[str, Any]:
    """The form with the place of each field written into it as ``x-order``, 1, 2, …: JSON objects keep no order."""
    fields_given = form.get("properties")
    if not isinstance(fields_given, Mapping) or not all(isinstance(one, Mapping) for one in fields_given.values()):
        return dict(form)
    order = {name: one.get("x-order", 0) for name, one in fields_given.items()}
    if not all(isinstance(place, int) for place in order.values()):
        return dict(form)
    names = sorted(fields_given, key=lambda name: order[name])
    numbered = {name: {**fields_given[name], "x-order": place} for place, name in enumerate(names, 1)}
    return {**form, "properties": numbered}


def from_json(stored: Mapping[str, Any]) -> Definition:
    """The definition that :func:`to_json` wrote."""
    given = dict(stored)
    for name, kind in _PARTS.items():
        given[name] = tuple(kind(**_tuples(kind, one)) for one in given.get(name, ()))
    if given.get("fee") is not None:
        given["fee"] = Fee(**given["fee"])
    return Definition(**_tuples(Definition, given))


def element_names() -> tuple[str, ...]:
    """Names of the elements of a definition, in their order."""
    return tuple(one.name for one in fields(Definition))


def digest_of(content: Any) -> str:
    """SM3 over canonical JSON."""
    return sm3_hex(canonical_json(content))


def digest_of_edition(definition: Mapping[str, Any], flow: str, decisions: Mapping[str, str]) -> str:
    """Digest over a stored definition, its flow and its decision tables."""
    return digest_of({"definition": definition, "flow": flow, "decisions": dict(decisions)})


class _Stored:
    """A stored definition compared by the digest of its edition; read when nobody has read it before."""

    def __init__(self, digest: str, content: Callable[[], Mapping[str, Any]]) -> None:
        self.digest, self.content = digest, content

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Stored) and self.digest == other.digest


def definition_of_content(digest: str, content: Callable[[], Mapping[str, Any]]) -> Definition:
    """As :func:`from_json`, remembered by the digest: editions never change. ``content`` is called when it is new."""
    return _remembered(_Stored(digest, content))


@lru_cache(maxsize=500)
def _remembered(stored: _Stored) -> Definition:
    return from_json(stored.content())


def _plain(value: Any) -> Any:
    if isinstance(value, Definition | MaterialKind | Stage | Fee):
        found = {one.name: getattr(value, one.name) for one in fields(value)}
        return {one.name: _plain(found[one.name]) for one in fields(value) if not _is_default(one, found[one.name])}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value


def _is_default(one: Any, value: Any) -> bool:
    if one.default is not MISSING:
        return bool(value == one.default)
    return one.default_factory is not MISSING and value == one.default_factory()


def _tuples(kind: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Lists become tuples where the class has tuples; JSON objects and the form stay as they are."""
    tupled = {one.name for one in fields(kind) if str(one.type).startswith("tuple")}
    return {name: tuple(value) if name in tupled else value for name, value in given.items()}
