"""What data is called: security knows catalogue codes only, the catalogue above it knows their names.

The setting ``KUNYU_DATA_NAMES`` names the function that answers; without it codes stand for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from django.conf import settings
from django.utils.module_loading import import_string

from kunyu.engines.pages.words import Pair

WHOLE_CATALOGUE: Pair = ("整个目录", "the whole catalogue")
Naming = Callable[[Collection[str]], Mapping[str, Pair]]


def names_of(codes: Collection[str]) -> dict[str, Pair]:
    """Name of every code, (Chinese, English): branches, datasets, collections; '' is the whole catalogue."""
    path = getattr(settings, "KUNYU_DATA_NAMES", "")
    wanted = {code for code in codes if code}
    known: Mapping[str, Pair] = import_string(path)(wanted) if path and wanted else {}
    return {code: known.get(code, (code, code)) for code in wanted} | {"": WHOLE_CATALOGUE}
