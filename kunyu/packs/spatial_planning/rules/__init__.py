"""May it be approved? The law of control lines and of the chain of documents. 符合性审查规则.

C-01 to C-23 are those of planning.md §4.1, CH, DU and TO those of services.md §3 and §4. Matters of every pack name them by
their id; importing this package declares them. No clause was re-read: none is ``verified``.
"""

from kunyu.packs.spatial_planning.rules import (
    chain,
    control_lines,
    hazards,
    land_rights,
    plan_use,
    plot,
    protected,
    quotas,
)

__all__ = ["chain", "control_lines", "hazards", "land_rights", "plan_use", "plot", "protected", "quotas"]
