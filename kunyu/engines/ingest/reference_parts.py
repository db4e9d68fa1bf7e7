"""Who else knows something that rules need: providers that the project declares. 参考资料的提供者.

Ingest stands below the packs and asks none of them by name; setting ``KUNYU_REFERENCE_PROVIDERS`` names a mapping from a
part's name (``checks.reference``) to a function. It answers with the part, or None where its register knows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from kunyu.engines.ingest.checks.reference import ReferencePart
from kunyu.engines.security.scope import Principal


@dataclass(frozen=True)
class AskedPart:
    """What a part is wanted for. The provider gives only what ``principal`` may download in ``county``."""

    name: str
    standard: str
    county: str
    principal: Principal


Provider = Callable[[AskedPart], ReferencePart | None]
"""Rows must come in an order that follows from their content; spatial parts hold polygons, EPSG:4490."""


def providers() -> Mapping[str, Provider]:
    """The declared providers by the name of their part."""
    path = getattr(settings, "KUNYU_REFERENCE_PROVIDERS", "")
    declared: Mapping[str, Provider] = import_string(path) if path else {}
    return declared
