"""Limits of lists and exports, from variables ``KUNYU_PAGES_*``."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class PagesSettings:
    """Numbers that keep one request small."""

    count_exactly: int = 10_000  # a longer list says "more than"; also the last row that paging reaches
    export_rows: int = 200_000
    views_per_list: int = 30
    submissions_kept_hours: int = 48


def pages_settings() -> PagesSettings:
    """The settings as the environment gives them now."""
    given = {one.name: os.environ.get(f"KUNYU_PAGES_{one.name.upper()}") for one in fields(PagesSettings)}
    return PagesSettings(**{name: int(text) for name, text in given.items() if text})
