"""Where a version comes from and what was made of it. 血缘.

``DatasetVersion.lineage`` is ``{"inputs": [{"version": id} | {"sm3": …, "name": …}], "mapping": …, "rules": …}``;
only ``inputs`` is read here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kunyu.engines.catalogue.models import DatasetVersion


@dataclass(frozen=True)
class Source:
    """One step of an ancestry: a version of this node, or a file known by its digest; ``depth`` 1 is direct."""

    depth: int
    version: DatasetVersion | None
    sm3: str = ""
    name: str = ""


def ancestry(version: DatasetVersion) -> list[Source]:
    """Everything a version was made from, nearest first; each version once, so a circle ends."""
    found: list[Source] = []
    seen = {version.pk}
    level = [version]
    depth = 0
    while level:
        depth += 1
        inputs = [one for parent in level for one in _inputs(parent)]
        files = {one["sm3"]: one for one in inputs if "sm3" in one}
        found += [Source(depth, None, sm3, str(one.get("name", ""))) for sm3, one in files.items()]
        wanted = {one["version"] for one in inputs if "version" in one} - seen
        level = list(DatasetVersion.objects.select_related("layer__dataset").filter(pk__in=wanted).order_by("pk"))
        found += [Source(depth, one) for one in level]
        seen |= wanted
    return found


def descendants(version: DatasetVersion) -> list[DatasetVersion]:
    """Every version made from this one, directly or through others."""
    found: dict[int, DatasetVersion] = {}
    level: Iterable[DatasetVersion] = [version]
    while level:
        level = [child for parent in level for child in _children(parent) if child.pk not in found]
        found |= {one.pk: one for one in level}
    found.pop(version.pk, None)
    return [found[pk] for pk in sorted(found)]


def _inputs(version: DatasetVersion) -> list[dict[str, Any]]:
    return [one for one in version.lineage.get("inputs", []) if isinstance(one, dict)]


def _children(version: DatasetVersion) -> Iterable[DatasetVersion]:
    return DatasetVersion.objects.select_related("layer__dataset").filter(
        lineage__contains={"inputs": [{"version": version.pk}]}
    )
