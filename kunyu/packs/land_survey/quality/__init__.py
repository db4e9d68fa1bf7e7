"""Is the delivered land survey well formed? The rules Q101 to Q702, one function each. 国土调查数据质量规则.

Read by the check runner through the entry point group ``kunyu.packs``. Django-free.
"""

from __future__ import annotations

from kunyu.engines.ingest.checks.rule import NotYet, Rule
from kunyu.packs.land_survey.quality import (
    across,
    areas,
    boundaries,
    classes,
    control_lines,
    coverage,
    dictionaries,
    fields,
    geometry,
    history_coverage,
    history_flows,
    history_patches,
    history_records,
    lines,
    merging,
    package,
    package_files,
    slivers,
    statistics,
    tables,
)

STANDARDS = ("TDT1057-2020",)

_SUBJECTS = (
    package, package_files, tables, fields, dictionaries, geometry, coverage, across, control_lines, areas, statistics,
    classes, history_coverage, history_flows, history_patches, history_records, slivers, lines, merging, boundaries)  # fmt: skip

RULES: tuple[Rule, ...] = tuple(one for subject in _SUBJECTS for one in vars(subject).values() if isinstance(one, Rule))
"""Every rule of the modules above."""

_LAW = (
    *range(101, 107), *range(201, 212), *range(301, 312), *range(401, 409), *range(501, 518), *range(601, 611), 701, 702,
)  # fmt: skip
_ELSEWHERE = {"Q701"}
"""Rules that another pack brings for this standard."""

NOT_YET = tuple(
    NotYet(f"Q{number}", "本版本尚未实现; not implemented in this version")
    for number in _LAW
    if f"Q{number}" not in {one.id for one in RULES} | _ELSEWHERE
)
"""Rules of the law that this version does not run: a clean report must not look as if they had passed."""
