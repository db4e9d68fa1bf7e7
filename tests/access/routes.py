"""Every address the node answers, read from its own route table: a new one is here the moment it exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

_PARAMETER = re.compile(r"<(?:[a-z_]+:)?([a-z_]+)>")
_FOR_PROGRAMS = ("ogc/", "stac/", "proxy/")
_UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Route:
    """One pattern. ``methods`` is what the house API declares.

    Pages declare nothing and are asked GET and POST; the addresses for programs that declare nothing are asked all.
    """

    pattern: str
    methods: tuple[str, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(_PARAMETER.findall(self.pattern))

    def address(self, values: dict[str, object]) -> str:
        return "/" + _PARAMETER.sub(lambda found: str(values[found[1]]), self.pattern)

    @property
    def reads(self) -> bool:
        return "GET" in self.methods

    @property
    def unsafe(self) -> tuple[str, ...]:
        return tuple(method for method in self.methods if method in _UNSAFE)


def every_route() -> list[Route]:
    """The node's routes, each pattern once with all its methods."""
    found: dict[str, set[str]] = {}
    for pattern, view in _walk(get_resolver("kunyu.project.urls").url_patterns, ""):
        found.setdefault(pattern, set()).update(_methods(pattern, view))
    return [Route(pattern, tuple(sorted(methods))) for pattern, methods in sorted(found.items())]


def _walk(patterns: list[Any], before: str) -> Iterator[tuple[str, Any]]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, before + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield before + str(one.pattern).replace("^", "").replace("$", ""), one.callback


def _methods(pattern: str, view: Any) -> set[str]:
    operations = next(
        (cell.cell_contents.operations for cell in (view.__closure__ or ()) if hasattr(cell.cell_contents, "operations")),
        None,
    ) if hasattr(view, "__closure__") else None  # fmt: skip
    if operations is None:
        return {"GET", *_UNSAFE} if pattern.startswith(_FOR_PROGRAMS) else {"GET", "POST"}
    return {method for operation in operations for method in operation.methods}
