"""The kinds of land of the sample county, as one table. 地类与样例用途表.

A *kind* is a land class together with how the sample treats it: its settlement code, its ownership, whether
neighbouring cells grow together, whether its edges are drawn in great detail. Codes are TD/T 1057-2020's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Kind:
    """One kind of land: class code, CZCSXM, ownership, how readily cells merge (0 to 1), detailed edges or not."""

    name: str
    dlbm: str
    czcsxm: str = ""
    qsxz: str = "30"
    merge: float = 0.35
    detailed: bool = False
    planting: str = ""


KINDS = (
    Kind("irrigated", "0102", planting="LS"),
    Kind("dry", "0103", planting="LS"),
    Kind("paddy", "0101", planting="LS"),
    Kind("orchard", "0201", merge=0.4),
    Kind("orchard_restorable", "0201K", merge=0.3),
    Kind("garden", "0204", merge=0.3),
    Kind("woodland", "0301", merge=0.72, detailed=True),
    Kind("shrub", "0305", merge=0.6, detailed=True),
    Kind("belt", "0307", merge=0.4),
    Kind("grass", "0404", merge=0.6, detailed=True),
    Kind("pond", "1104", merge=0.3, detailed=True),
    Kind("fish_pond", "1104A", merge=0.2),
    Kind("reservoir", "1103", merge=1.0, detailed=True, qsxz="20"),
    Kind("river", "1101", qsxz="10", detailed=True),
    Kind("flat", "1106", merge=0.9, qsxz="10", detailed=True),
    Kind("ditch", "1107"),
    Kind("dam", "1109", qsxz="20"),
    Kind("farm_facility", "1202", merge=0.1),
    Kind("homestead", "0702", "203", merge=0.45),
    Kind("village_school", "08H2", "203", "30"),
    Kind("village_office", "08H1", "203", "30"),
    Kind("village_shop", "05H1", "203", "30"),
    Kind("village_works", "0601", "203A", "30", merge=0.3),
    Kind("village_idle", "1201", "203", "30"),
    Kind("village_street", "1004", "203"),
    Kind("lane", "1006"),
    Kind("highway", "1003", qsxz="20"),
    Kind("mine", "0602", "204", "20", merge=0.9),
    Kind("cemetery", "09", "205", "20"),
    Kind("residence", "0701", "202", "20"),
    Kind("commerce", "05H1", "202", "20"),
    Kind("office", "08H1", "202", "20"),
    Kind("school", "08H2", "202", "20"),
    Kind("utility", "0809", "202", "20"),
    Kind("park", "0810", "202", "20"),
    Kind("square", "0810A", "202", "20"),
    Kind("works", "0601", "202A", "20"),
    Kind("warehouse", "0508", "202A", "20"),
    Kind("town_idle", "1201", "202", "20"),
    Kind("street", "1004", "202", "20"),
    Kind("station", "1005", "202", "20"),
    Kind("rock", "1207", merge=0.5, qsxz="20"),
)
NUMBER = {kind.name: number for number, kind in enumerate(KINDS)}
DLBM = np.array([kind.dlbm for kind in KINDS])
CZCSXM = np.array([kind.czcsxm for kind in KINDS])
QSXZ = np.array([kind.qsxz for kind in KINDS])
MERGE = np.array([kind.merge for kind in KINDS])
DETAILED = np.array([kind.detailed for kind in KINDS])
CULTIVATED = np.array([kind.dlbm[:2] == "01" for kind in KINDS])
LINEAR = np.array([kind.dlbm in ("1003", "1004", "1006", "1107") for kind in KINDS])
CONSTRUCTION = np.array([kind.czcsxm != "" or kind.dlbm in ("1003", "1109") for kind in KINDS])
STATE_OWNED = np.array([kind.qsxz in ("10", "20") for kind in KINDS])
