"""Are a plan, its control lines and permanent farmland, or a mineral plan well formed? 规划成果质量规则.

Read by the check runner through the entry point group ``kunyu.packs``. Django-free. Ids are this product's: the ministry's
list of rules for plan databases was not at hand. ``P1xx`` package, ``P3xx`` geometry, ``P4xx`` the control lines and the
plan together, ``P5xx`` areas and indicators, ``P6xx`` the plan above; ``F1xx`` permanent farmland; ``M1xx`` mineral plans.
The last two digits of a ``P3xx`` are those of the land-survey rule that asks the same (``P303`` as ``Q303``). Tables, fields,
codes and single geometries are asked by the general rules (``Q201`` to ``Q208``, ``Q301``).
"""

from __future__ import annotations

from kunyu.engines.ingest.checks.rule import NotYet, Rule
from kunyu.packs.spatial_planning.quality import areas, farmland, geometry, lines, minerals, package

STANDARDS = ("MNR-CONTROL-2021", "MNR-MINERAL-PLAN")

_SUBJECTS = (package, geometry, lines, areas, farmland, minerals)

RULES: tuple[Rule, ...] = tuple(one for subject in _SUBJECTS for one in vars(subject).values() if isinstance(one, Rule))
"""Every rule of the modules above."""

NOT_YET: tuple[NotYet, ...] = (
    NotYet("P311", "相邻县规划接边: 参考包尚不含邻县规划; edges between the plans of neighbouring counties: not in references yet",
           ("MNR-CONTROL-2021",)),
    NotYet("M601", "与上级矿产资源规划的冲突: 参考包尚不含上级规划; conflicts with the mineral plan above: not in references yet",
           ("MNR-MINERAL-PLAN",)),
)  # fmt: skip
"""What the law asks and this version does not run: it stands in every report."""
