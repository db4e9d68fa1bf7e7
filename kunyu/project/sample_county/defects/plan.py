"""Which defects go where: the specification read, spread over the villages, seeded, written down. 缺陷计划."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from kunyu.kernel.errors import UsageError
from kunyu.kernel.geodesy import to_lonlat
from kunyu.project.sample_county.coarse import Coarse
from kunyu.project.sample_county.defects.across import (
    ACROSS_LAYER_KINDS,
    ACROSS_MOST,
    ACROSS_PARCEL_KINDS,
    control_area,
)
from kunyu.project.sample_county.defects.boundaries import BOUNDARY_KINDS
from kunyu.project.sample_county.defects.changes import CHANGE_KINDS, seed_change
from kunyu.project.sample_county.defects.control import ALONE, CONTROL_KINDS, CONTROL_MOST, seed_control
from kunyu.project.sample_county.defects.kinds import PARCEL_KINDS as _PARCEL_KINDS
from kunyu.project.sample_county.defects.kinds import Bench, Seeded
from kunyu.project.sample_county.defects.layers import LAYER_KINDS as _LAYER_KINDS
from kunyu.project.sample_county.defects.layers import MOST
from kunyu.project.sample_county.defects.shapes import SHAPE_KINDS
from kunyu.project.sample_county.defects.sheet import NoRoom, Sheet
from kunyu.project.sample_county.defects.summaries import SummaryDrift, Sums
from kunyu.project.sample_county.layout import COUNTY, EPSG, Layout
from kunyu.project.sample_county.randomness import stream
from kunyu.project.sample_county.shelf import Shelf
from kunyu.project.sample_county.tables import survey_layer

NEED_A_CLASS = frozenset(f"Q{number}" for number in (404, 501, 502, 503, 504, *range(510, 518)))
"""Rules whose defects need a parcel of a certain class: they go to the first villages that have one, the town too."""
RARE = frozenset({"Q510", "Q511", "Q514", "Q517"})
"""Those whose class a small county may have in one village only: tried in every village, before the others."""
PARCEL_KINDS = {**_PARCEL_KINDS, **SHAPE_KINDS, **ACROSS_PARCEL_KINDS}
"""Kinds seeded in DLTB rows, by the rule they are named for."""
LAYER_KINDS = {**_LAYER_KINDS, **BOUNDARY_KINDS, **ACROSS_LAYER_KINDS}
LAYER_KINDS["Q508"] = {**_LAYER_KINDS["Q508"], "control_area": control_area}
"""Kinds seeded in whole layers of the county file."""
RULES = tuple(sorted({*PARCEL_KINDS, *LAYER_KINDS, *CONTROL_KINDS, *CHANGE_KINDS}))
_KINDS: dict[str, Any] = {**PARCEL_KINDS, **LAYER_KINDS, **CONTROL_KINDS, **CHANGE_KINDS}
_MOST = {**MOST, **CONTROL_MOST, **ACROSS_MOST}


def read_spec(spec: str) -> list[tuple[str, str]]:
    """Return (rule, kind) of every defect that ``Q303:5,Q304:3`` or ``all:1`` asks for; a rule's kinds take turns.

    Raises
    ------
    UsageError
        A part that is not ``RULE:COUNT``, a rule that cannot be seeded, more Q201 than there are kinds.
    """
    wanted: list[tuple[str, str]] = []
    for part in filter(None, (p.strip() for p in spec.split(","))):
        rule, _, number = part.partition(":")
        if not number.isdigit() or not (rule == "all" or rule in RULES):
            raise UsageError(
                f"--defects {part}：应写作 规则:数量，规则为 all 或 {'、'.join(RULES)}",
                f"--defects {part}: write RULE:COUNT, RULE being all or one of {', '.join(RULES)}",
                part=part,
            )
        for one in (each for each in RULES if each not in ALONE) if rule == "all" else (rule,):
            kinds = list(_KINDS[one])
            count = int(number) * len(kinds) if rule == "all" else int(number)
            wanted += [(one, kinds[k % len(kinds)]) for k in range(min(count, _MOST.get(one, count)))]
            if rule != "all" and count > _MOST.get(one, count):
                raise UsageError(
                    f"--defects {part}：{one} 至多 {_MOST[one]} 处", f"--defects {part}: at most {_MOST[one]}"
                )
    rules = {rule for rule, _ in wanted}
    if rules & ALONE and rules & {"P402", "P403", "P501"}:
        raise UsageError(
            "--defects：P101 清空开发边界，不能与 P402、P403、P501 同植",
            "--defects: P101 empties the growth boundary and cannot be seeded with P402, P403 or P501",
        )
    return wanted


class DefectPlan:
    """Defects by village, and what has been seeded so far. A plan without defects changes nothing."""

    def __init__(self, wanted: list[tuple[str, str]], layout: Layout, coarse: Coarse, *, forgiving: bool) -> None:
        self.left_out: list[tuple[str, str]] = []
        """Rule and kind of defects that found no room although ``all`` asked for them."""
        self._forgiving = forgiving
        self.multipart = any(rule == "Q302" for rule, _ in wanted)
        self.multipart_control = any(rule == "P302" for rule, _ in wanted)
        self._seed = layout.seed
        self._layers = [w for w in wanted if w[0] in LAYER_KINDS]
        self._control = [w for w in wanted if w[0] in CONTROL_KINDS]
        self._change = [w for w in wanted if w[0] in CHANGE_KINDS]
        self._villages: dict[int, list[tuple[int, str, str]]] = {}
        self._seeded: dict[int, Seeded] = {}
        self._surplus: dict[int, Seeded] = {}
        villages = tuple((layout.zldwdm(k), layout.village_name[k]) for k in range(len(layout.cells)))
        self._bench = Bench(coarse.county.polygon[0].exterior, survey_layer("DLTB").layer_code, villages)
        self._drift, self._follow = SummaryDrift(), list[Seeded]()
        numbered = [(k, *w) for k, w in enumerate(w for w in wanted if w[0] in PARCEL_KINDS)]
        self._waiting = [one for one in numbered if one[1] in NEED_A_CLASS]
        self._villages_left = len(layout.cells)
        self._spread([one for one in numbered if one[1] not in NEED_A_CLASS], layout)

    def _spread(self, wanted: list[tuple[int, str, str]], layout: Layout) -> None:
        rural = [k for k in range(len(layout.cells)) if k != layout.town]
        padded = np.pad(layout.mask, 1)
        r, c = layout.cells[:, 0] + 1, layout.cells[:, 1] + 1
        outer = ~(padded[r - 1, c] & padded[r + 1, c] & padded[r, c - 1] & padded[r, c + 1])
        rim = [k for k in rural if outer[k]]
        start = int(stream(layout.seed, 10).integers(0, len(rural)))
        for number, rule, kind in wanted:
            places = rim if kind == "rim_gap" else rural
            village = places[(start + number * 7) % len(places)]
            self._villages.setdefault(village, []).append((number, rule, kind))

    def spoil_parcels(self, village: int, batch: pa.RecordBatch, polygon: shapely.Polygon) -> pa.RecordBatch:
        """Seed the defects of one village into its DLTB rows.

        Raises
        ------
        UsageError
            The village has no place left for a defect.
        """
        todo = self._villages.get(village, [])
        quota = -(-len(self._waiting) // self._villages_left)
        self._villages_left -= 1
        if not todo and not self._waiting:
            return batch
        sheet = Sheet(batch, polygon, stream(self._seed, 11, village))
        for number, rule, kind in sorted(todo):
            try:
                seeded = PARCEL_KINDS[rule][kind](sheet, self._bench)
            except NoRoom:
                self._leave_out(rule, kind, f"在第 {village + 1} 个村级调查区", f" in village {village + 1}")
                continue
            self._seeded[number] = replace(seeded, kind=kind)
            if seeded.surplus:
                self._surplus.setdefault(
                    village,
                    Seeded(
                        ("Q508",),
                        (f"{COUNTY}{survey_layer('CJDCQ').layer_code}{village + 1:08d}",),
                        shapely.point_on_surface(polygon),
                        "surplus_parcels",
                        "CJDCQ",
                    ),
                )
        self._seed_waiting(sheet, quota)
        spoilt = sheet.result()
        self._drift.add(batch, spoilt)
        return spoilt

    def _seed_waiting(self, sheet: Sheet, quota: int) -> None:
        """Seed the rare defects and at most ``quota`` in all of those that wait for a parcel; the others wait on."""
        for one in sorted(self._waiting, key=lambda each: (each[1] not in RARE, each[0])):
            number, rule, kind = one
            if quota <= 0 and rule not in RARE:
                continue
            try:
                seeded = PARCEL_KINDS[rule][kind](sheet, self._bench)
            except NoRoom:
                continue
            self._seeded[number] = replace(seeded, kind=kind)
            self._waiting.remove(one)
            quota -= 1

    def spoil_layers(self, shelf: Shelf, sums: Sums) -> None:
        """Seed the defects of whole layers; ``sums`` are those of the clean county, for cells that follow.

        Raises
        ------
        UsageError
            A defect of parcels found no parcel of its class in any village.
        """
        for _, rule, kind in self._waiting:
            self._leave_out(rule, kind, "在全县", " in the county")
        turns: dict[str, int] = {}
        for rule, kind in self._layers:
            turn = turns.get(kind, 0)
            turns[kind] = turn + 1
            try:
                seeded = LAYER_KINDS[rule][kind](shelf, turn)
            except NoRoom:
                self._leave_out(rule, kind, "在全县", " in the county")
                continue
            self._seeded[len(self._seeded) + 1_000_000] = replace(seeded, kind=kind)
        self._follow = list(self._drift.entries(shelf, sums))

    def spoil_control(self, shelf: Shelf) -> None:
        """Seed the defects of the control file.

        Raises
        ------
        UsageError
            The county has no place left for a defect.
        """
        seeded, homeless = seed_control(shelf, self._control, self._seed)
        for rule, kind in homeless:
            self._leave_out(rule, kind, "在规划成果", " in the control file")
        self._seeded.update({2_000_000 + number: one for number, one in enumerate(seeded)})

    def spoil_change(self, shelf: Shelf, monitoring: Shelf) -> None:
        """Seed the defects of the change package.

        Raises
        ------
        UsageError
            The package has no record left for a defect.
        """
        seeded, homeless = seed_change(shelf, monitoring, self._change, self._seed)
        for rule, kind in homeless:
            self._leave_out(rule, kind, "在变更包", " in the change package")
        self._seeded.update({3_000_000 + number: one for number, one in enumerate(seeded)})

    def _leave_out(self, rule: str, kind: str, where_zh: str, where_en: str) -> None:
        if not self._forgiving:
            raise _no_room(rule, kind, where_zh, where_en)
        self.left_out.append((rule, kind))

    def truth(self) -> list[dict[str, Any]]:
        """Return the seeded defects in the order asked for, places in longitude and latitude (CGCS2000)."""
        direct = [self._seeded[number] for number in sorted(self._seeded)]
        entries = [one for seeded in direct for one in (seeded, *seeded.also)]
        surplus = [self._surplus[village] for village in sorted(self._surplus)]
        return [_entry(seeded) for seeded in [*entries, *surplus, *self._follow]]


def _no_room(rule: str, kind: str, where_zh: str, where_en: str) -> UsageError:
    return UsageError(
        f"缺陷 {rule}（{kind}）{where_zh}已无处可植：请减少 --defects 或增大 --parcels",
        f"no room for defect {rule} ({kind}){where_en}: fewer --defects or more --parcels",
        rule=rule,
        kind=kind,
    )


def _entry(seeded: Seeded) -> dict[str, Any]:
    geometry = None
    if seeded.place is not None:
        geometry = json.loads(shapely.to_geojson(to_lonlat(np.array([seeded.place], dtype=object), EPSG)[0]))
    return {
        "rule": list(seeded.rules),
        "ids": list(seeded.ids),
        "geometry": geometry,
        "kind": seeded.kind,
        "layer": seeded.layer,
        "file": seeded.file,
    }


def plan_defects(spec: str, layout: Layout, coarse: Coarse) -> DefectPlan:
    """Read the specification and spread its defects over the county's villages."""
    return DefectPlan(read_spec(spec), layout, coarse, forgiving="all:" in spec)
