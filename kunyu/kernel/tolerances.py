"""Tolerances of the survey, in metres unless the name says otherwise. 容差.

Source of the first two: the project's land-survey notes §1 (from memory of TD/T 1055 and NY/T check rules; not
verified against the printed standard).
"""

TOPOLOGY_TOLERANCE_M = 0.001
"""An overlap or gap whose mean width 2A/P is below this is noise. 拓扑容差 (unverified: see module)."""

SAME_POINT_TOLERANCE_M = 0.0001
"""Two points closer than this are the same point. 同点容差 (unverified: see module)."""

COORDINATE_DECIMALS = 4
"""Decimals of a plane coordinate in metres that a delivery carries."""

T_JUNCTION_REACH_M = 0.05
"""How far off a neighbour's long edge a T-junction vertex may lie and still be searched for. [design]"""

SQUARE_METRES_PER_HECTARE = 10_000.0

SQUARE_METRES_PER_MU = 10_000.0 / 15
"""One mu (亩) is a fifteenth of a hectare: 666.666… m²."""
