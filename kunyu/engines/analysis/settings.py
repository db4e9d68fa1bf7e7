"""Limits of analyses, each from a ``KUNYU_ANALYSIS_…`` variable with a safe default."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import lru_cache

MIB = 1 << 20


@dataclass(frozen=True)
class AnalysisSettings:
    """What one request may ask, and when it becomes a job.

    Attributes
    ----------
    request_bytes_max : int
        Largest body of a request, and largest uploaded plot file.
    vertices_max : int
        Most vertices of one plot.
    layers_max : int
        Most layers named in one request.
    plots_max : int
        Most plots read from one file.
    interactive_hits_max : int
        Records in the boxes of all asked layers above which the analysis becomes a job.
    listed_max : int
        Overlapping records listed for each layer of an answer; the sums always hold all of them.
    stale_days : int
        Age in days above which a layer that is renewed every year counts as stale, 0 = never.
    job_chunk : int
        Records of one statement of a job.
    kept_days : int
        Days a result is kept for replay after it was last asked for.
    buffer_m_max : int
        Widest buffer in metres; also the farthest that nearest looks.
    """

    request_bytes_max: int = 16 * MIB
    vertices_max: int = 200_000
    layers_max: int = 100
    plots_max: int = 1_000
    interactive_hits_max: int = 20_000
    listed_max: int = 200
    stale_days: int = 730
    job_chunk: int = 2_000
    kept_days: int = 90
    buffer_m_max: int = 50_000


@lru_cache(maxsize=1)
def analysis_settings() -> AnalysisSettings:
    """The settings of this process, read once from the environment."""
    given = {
        field.name: int(os.environ[variable])
        for field in fields(AnalysisSettings)
        if (variable := f"KUNYU_ANALYSIS_{field.name.upper()}") in os.environ
    }
    return AnalysisSettings(**given)
