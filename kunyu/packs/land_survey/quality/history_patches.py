"""Does every patch of national monitoring have a result? Q608. 遥感监测图斑."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import MONITORING, base
from kunyu.engines.ingest.checks.rule import Part, rule
from kunyu.packs.land_survey.quality.history import brought, keys, mended, places, texts
from kunyu.packs.land_survey.quality.history_evidence import CONFIRMED

_LEAST_M2 = 1.0
"""A changed parcel that shares less with a patch only touches it. [design]"""


@dataclass(frozen=True)
class _Results:
    """What the table of checks says of each patch: outcome (m,) and remark (m,), "" where it says nothing."""

    outcome: NDArray[np.object_]
    reason: NDArray[np.object_]


@rule(
    "Q608", clause="国土变更调查技术规程 监测图斑核实", severity="Z", scope="H", needs=("DLTBGX", "ref:monitoring_patches"),
    needs_crs=True, name_zh="监测图斑均有核实结果", name_en="Every monitoring patch has a result",
    optional_parts=(Part("checks", ("HCJL",)),),
)  # fmt: skip
def every_patch_has_a_result(delivery: Delivered) -> Iterator[Finding]:
    """Each patch is answered by a changed parcel, or by a record of checks (HCJL) with an outcome and, unchanged, a reason.

    Changed: a parcel of DLTBGX shares at least 1 m² with the patch. A record of HCJL is the patch's when TBBSM is its JCBH
    or the BSM of a parcel, delivered or stored, that shares 1 m² with it, or when BZ names its JCBH. Its outcome must be
    passed or waived (TG, MJZ); without a changed parcel BZ must give the reason. How HCJL refers to patches is [design].
    """
    update = delivery.layers["DLTBGX"]
    assert delivery.reference is not None  # the rule's needs
    part = delivery.reference.parts[MONITORING]
    if part.geometry is None or update.crs is None or not len(part):
        return
    patches = mended(brought(part.geometry, update))
    numbers = texts(part.rows.column("JCBH"))
    changed = np.zeros(len(patches), bool)
    changed[_sharing(patches, update.on_earth, update)[0]] = True
    results = _results(delivery, update, patches, numbers)
    yield from _report(delivery, update, patches, numbers, changed, results)


def _sharing(
    patches: NDArray[np.object_], parcels: NDArray[np.object_], layer: DeliveredLayer
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return (patch, parcel) of the pairs that share more than a touch."""
    patch, parcel = shapely.STRtree(parcels).query(patches, predicate="intersects")
    distinct, back = np.unique(parcel, return_inverse=True)
    shared = shapely.area(shapely.intersection(patches[patch], mended(parcels[distinct])[back]))
    enough = shared * layer.metres_per_unit**2 >= _LEAST_M2
    return patch[enough], parcel[enough]


def _results(
    delivery: Delivered, update: DeliveredLayer, patches: NDArray[np.object_], numbers: NDArray[np.object_]
) -> _Results:
    found = _Results(np.full(len(patches), "", object), np.full(len(patches), "", object))
    checks = delivery.layers.get("HCJL")
    if checks is None or not len(checks):
        return found
    of_patch = _patch_of(delivery, checks, update, patches, numbers)
    outcome, remark = texts(checks.arrow("HCJG")), texts(checks.arrow("BZ"))
    for row, some in of_patch.items():  # a row per monitoring patch, not per parcel
        for patch in some:
            if found.outcome[patch] not in CONFIRMED:
                found.outcome[patch] = outcome[row]
                found.reason[patch] = remark[row].replace(numbers[patch], "").strip(" ,，;；:：")
    return found


def _patch_of(
    delivery: Delivered, checks: DeliveredLayer, update: DeliveredLayer, patches: NDArray[np.object_],
    numbers: NDArray[np.object_],
) -> dict[int, list[int]]:  # fmt: skip
    """Return which patches each record of checks speaks of."""
    number_at = {one: at for at, one in enumerate(numbers.tolist()) if one}
    named, remarks = texts(checks.arrow("TBBSM")), texts(checks.arrow("BZ"))
    of_patch: dict[int, list[int]] = {}
    for row, (one, remark) in enumerate(zip(named, remarks, strict=True)):
        words = {one, *re.split(r"[\s,，;；:：。]+", remark)}
        of_patch[row] = sorted({number_at[word] for word in words if word in number_at})
    silent = np.array([row for row, some in of_patch.items() if not some and named[row]], np.intp)
    for shapes in _parcels_named(delivery, update, named[silent]):
        usable = np.flatnonzero(~shapely.is_missing(shapes))
        patch, at = _sharing(patches, shapes[usable], update)
        for one, other in zip(patch.tolist(), at.tolist(), strict=True):
            of_patch[int(silent[usable[other]])].append(one)
    return of_patch


def _parcels_named(
    delivery: Delivered, update: DeliveredLayer, named: NDArray[np.object_]
) -> Iterator[NDArray[np.object_]]:
    """Yield the shape of each named parcel after and before; None where there is none."""
    wanted = pa.array(named, pa.string())
    delivered = np.full(len(named), None, object)
    at = places(wanted, keys(update.arrow("BSM")))
    delivered[at >= 0] = update.on_earth[at[at >= 0]]
    yield delivered
    reference, name = delivery.reference, base("DLTB")
    if reference is not None and reference.has(name):
        stored = reference.parts[name]
        before = np.full(len(named), None, object)
        at = places(wanted, keys(stored.rows.column("BSM")))
        if stored.geometry is not None:
            before[at >= 0] = brought(stored.geometry[at[at >= 0]], update)
        yield before


def _report(
    delivery: Delivered, update: DeliveredLayer, patches: NDArray[np.object_], numbers: NDArray[np.object_],
    changed: NDArray[np.bool_], results: _Results,
) -> Iterator[Finding]:  # fmt: skip
    report = Reporter(every_patch_has_a_result, delivery, update)
    settled = np.isin(results.outcome.astype(str), CONFIRMED)
    silent = np.flatnonzero(~changed & (results.outcome == ""))
    pending = np.flatnonzero((results.outcome != "") & ~settled)
    bare = np.flatnonzero(~changed & settled & (results.reason == ""))
    outcomes = delivery.standard.codelists["HCJG"].codes
    for rows, measured, zh, en, remedy in (
        (silent, "无结果", "没有变更图斑, 也没有核查记录", "has neither a changed parcel nor a record of checks",
         "变更相应图斑, 或在核查记录 (HCJL) 中说明未变更的理由"),
        (pending, "未认定", "核查结果尚未认定", "has no final outcome of its check", "补充举证, 直至认定通过或免举证"),
        (bare, "无理由", "认定未变更, 但没有理由", "is judged unchanged without a reason", "在核查记录的备注中写明未变更的理由"),
    ):  # fmt: skip
        named = [numbers[row] or "-" for row in rows]
        told = [f" ({outcomes.get(one, one)})" if one else "" for one in results.outcome[rows]]
        yield from report.groups(
            [(str(one),) for one in named], patches[rows], measured=measured, limit="有结果",
            zh=[f"监测图斑 {one}{what}: {zh}" for one, what in zip(named, told, strict=True)],
            en=[f"Monitoring patch {one} {en}" for one in named], remedy=remedy,
        )  # fmt: skip
