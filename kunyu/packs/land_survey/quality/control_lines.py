"""Rules about the three control lines in the survey: Q407, Q408. 三条控制线.

Both only notify: where lines and land use disagree, somebody decides which is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import control_line
from kunyu.engines.ingest.checks.rule import Part, rule
from kunyu.kernel.geometry.placement import shared_ground
from kunyu.packs.land_survey.quality.across import (
    county_of,
    outside_the_county,
    same_plane,
    sound,
    square_metres,
    texts,
    tolerance_in,
)

CULTIVATED, RESTORABLE = "01", "K"
"""Permanent farmland lies on cultivated land (01xx) and on restorable classes (0201K …). [design]"""
CONSTRUCTION = "JSYD"
THREE_LINES = {"STBHHX": "STBHHX", "CSKFBJ": "CZKFBJ", "YJJBNTTB": "YJJBNT"}
"""Layer of the survey -> the same line as a node stores it."""


@rule(
    "Q407", clause="TD/T 1057-2020 永久基本农田图斑", severity="W", scope="X", unit="m²", needs=("YJJBNTTB", "DLTB"),
    name_zh="永久基本农田在耕地上、在县内", name_en="Permanent farmland lies on cultivated land inside the county",
    optional_parts=(Part("within_county", ("XZQ",)),),
)  # fmt: skip
def permanent_farmland_lies_on_fields(delivery: Delivered) -> Iterator[Finding]:
    """YJJBNTTB lies on cultivated land (01xx) or restorable classes (…K) and inside the county.

    One finding for each piece on a parcel of another class, which says whether that is construction land; pieces of mean
    width below 0.001 m are noise. What has been looked into is an exception by its fingerprint.
    """
    farmland, parcels, towns = delivery.layers["YJJBNTTB"], delivery.layers["DLTB"], delivery.layers.get("XZQ")
    if same_plane(farmland, parcels) and parcels.has("DLBM"):
        yield from _on_other_classes(delivery, farmland, parcels)
    if towns is not None and same_plane(farmland, towns) and len(farmland):
        yield from outside_the_county(permanent_farmland_lies_on_fields, delivery, farmland, county_of(towns))


def _on_other_classes(delivery: Delivered, farmland: DeliveredLayer, parcels: DeliveredLayer) -> Iterator[Finding]:
    classes = texts(parcels, "DLBM")
    named = classes.astype(str)
    other = np.flatnonzero(
        (named != "") & ~np.char.startswith(named, CULTIVATED) & ~np.char.endswith(named, RESTORABLE)
    )
    found = shared_ground(sound(farmland), sound(parcels)[other], tolerance_in(farmland), checked=True)
    rows = other[found.right]
    sizes = square_metres(farmland, found.geometry)
    built = _construction(delivery)
    ids: list[tuple[str, ...]] = [
        (str(farmland.ids[left]), str(parcels.ids[row])) for left, row in zip(found.left, rows, strict=True)
    ]
    kinds = [("建设用地", "construction land") if classes[row] in built else ("地类", "class") for row in rows]
    told = list(zip(ids, rows, sizes, kinds, strict=True))
    yield from Reporter(permanent_farmland_lies_on_fields, delivery, farmland).groups(
        ids, found.geometry, measured=sizes, limit=0,
        zh=[f"YJJBNTTB {one}: 有 {size:.4f} m² 位于图斑 {parcel} 的{kind[0]} {classes[row]} 上"
            for (one, parcel), row, size, kind in told],
        en=[f"YJJBNTTB {one}: {size:.4f} m² lie on {kind[1]} {classes[row]} of parcel {parcel}"
            for (one, parcel), row, size, kind in told],
        remedy="核实地类; 确需保留的, 登记为例外",
    )  # fmt: skip


def _construction(delivery: Delivered) -> frozenset[str]:
    """Land classes that the law counts as construction land, by the standard's own conversion."""
    table = delivery.standard.conversions.get("DLBM_SDL")
    return frozenset(row.source for row in table.rows if row.target == CONSTRUCTION) if table else frozenset()


@dataclass(frozen=True)
class _Line:
    """One control line: delivered (then ``layer``) or from the reference."""

    name: str
    geometry: NDArray[np.object_]
    ids: NDArray[np.object_]
    layer: DeliveredLayer | None


def _alone(delivery: Delivered) -> str | None:
    if any(True for _ in _pairs(delivery)):
        return None
    return (
        "没有第二条控制线可比较（成果或参考包 control.*）; "
        "no second control line to compare with, in the delivery or the reference pack (control.*)"
    )


@rule(
    "Q408", clause="三条控制线互不交叉重叠", severity="W", scope="X", unit="m²", needs=("|".join(THREE_LINES),),
    declines=_alone, reads=tuple(control_line(one) for one in THREE_LINES.values()),
    name_zh="三条控制线互不重叠", name_en="The three control lines do not overlap",
)  # fmt: skip
def control_lines_do_not_overlap(delivery: Delivered) -> Iterator[Finding]:
    """Permanent farmland, ecological red lines and urban growth boundaries do not overlap, two by two.

    A line that is not delivered is taken from the reference (``control.*``); two stored lines are not compared. Overlaps
    of mean width below 0.001 m are noise.
    """
    for mine, other in _pairs(delivery):
        layer = mine.layer
        assert layer is not None  # of two lines one is delivered
        found = shared_ground(mine.geometry, other.geometry, tolerance_in(layer))
        sizes = square_metres(layer, found.geometry)
        ids: list[tuple[str, ...]] = [
            (str(mine.ids[a]), str(other.ids[b])) for a, b in zip(found.left, found.right, strict=True)
        ]
        yield from Reporter(control_lines_do_not_overlap, delivery, layer).groups(
            ids, found.geometry, measured=sizes, limit=0,
            zh=[f"{mine.name} {a} 与 {other.name} {b} 重叠 {size:.4f} m²" for (a, b), size in zip(ids, sizes, strict=True)],
            en=[f"{mine.name} {a} and {other.name} {b} overlap by {size:.4f} m²"
                for (a, b), size in zip(ids, sizes, strict=True)],
            remedy="核实两条控制线, 调整其一",
        )  # fmt: skip


def _pairs(delivery: Delivered) -> Iterator[tuple[_Line, _Line]]:
    """Pairs of lines in one plane of which the first is delivered."""
    plane = next((delivery.layers[code].crs for code in THREE_LINES if code in delivery.layers), None)
    lines = [line for code in THREE_LINES if (line := _line(delivery, code, plane)) is not None]
    for one, other in combinations(lines, 2):
        if one.layer is not None:
            yield one, other
        elif other.layer is not None:
            yield other, one


def _line(delivery: Delivered, code: str, plane: str | None) -> _Line | None:
    layer = delivery.layers.get(code)
    if layer is not None:
        return _Line(code, layer.on_earth, layer.ids, layer) if layer.crs == plane else None
    part, reference = control_line(THREE_LINES[code]), delivery.reference
    if reference is None or plane is None or not reference.has(part):
        return None
    rows = reference.rows(part)
    key = "BSM" if "BSM" in rows.column_names else None
    ids = rows.column(key).to_pylist() if key else [f"#{row + 1}" for row in range(rows.num_rows)]
    return _Line(THREE_LINES[code], reference.plane(part, plane), np.array([*ids, None], object)[:-1], None)
