"""Limits of what a node takes in; each may be set by an environment variable ``KUNYU_INGEST_<NAME>``."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import lru_cache

GIB = 1 << 30
MIB = 1 << 20


@dataclass(frozen=True)
class IngestSettings:
    """Typed limits with defaults that are safe on a laptop.

    Attributes
    ----------
    max_file_bytes : int
        Largest file taken in. A county's survey of a million parcels is about 2 GiB.
    max_unpacked_bytes : int
        Most that an archive may hold unpacked.
    max_members : int
        Most files in one archive or folder; a File Geodatabase of many layers has a few thousand.
    max_ratio : int
        Largest unpacked size divided by packed size (see ``unpacking.UnpackLimits``).
    batch_vertices : int
        Vertices worked on at a time while loading: about 16 bytes each in every copy that is alive.
    batch_rows : int
        Rows worked on at a time, for layers of few vertices.
    neighbourhood_km : float
        How far a delivery may lie from the boundary of its division before its coordinates are called wrong.
    findings_page : int
        Findings answered in one page at most.
    verify_published_after_s : int
        Seconds without another publication in a county after which its layers are compared; 0 = never by themselves.
    """

    max_file_bytes: int = 20 * GIB
    max_unpacked_bytes: int = 60 * GIB
    max_members: int = 20_000
    max_ratio: int = 200
    batch_vertices: int = 1_000_000
    batch_rows: int = 20_000
    neighbourhood_km: float = 100.0
    findings_page: int = 500
    verify_published_after_s: int = 60


@lru_cache(maxsize=1)
def ingest_settings() -> IngestSettings:
    """The limits in force in this process."""
    given = {}
    for field in fields(IngestSettings):
        text = os.environ.get(f"KUNYU_INGEST_{field.name.upper()}")
        if text is not None:
            given[field.name] = type(field.default)(text)  # type: ignore[misc]
    return IngestSettings(**given)  # type: ignore[arg-type]
