"""How the layer tables are read, each value from a ``KUNYU_MAPS_…`` variable with a safe default."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import lru_cache


@dataclass(frozen=True)
class ServingSettings:
    """Limits of reading.

    ``pool_size`` connections per process: more backends than cores lose 8-39 % (architecture.md §6), so it follows the
    threads of a web worker, not the number of clients. ``statement_timeout_ms`` ends a query that nobody should wait
    for; the caller gets a 503 problem document.
    """

    pool_size: int = 2
    statement_timeout_ms: int = 10_000


@lru_cache(maxsize=1)
def serving_settings() -> ServingSettings:
    """The settings of this process, read once from the environment."""
    given = {
        field.name: int(os.environ[variable])
        for field in fields(ServingSettings)
        if (variable := f"KUNYU_MAPS_{field.name.upper()}") in os.environ
    }
    return ServingSettings(**given)
