"""Rules about areas: Q505 to Q508. 面积."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import CONTROL_AREAS
from kunyu.engines.ingest.checks.rule import Part, rule
from kunyu.kernel.geodesy import ellipsoidal_area, round_area

CENT_M2 = 0.01
"""The last decimal of an area in m²."""
AREA_TOLERANCE_M2 = 0.5
AREA_TOLERANCE_SHARE = 0.0001
_FLOAT_NOISE = 1e-6
"""Differences of two-decimal numbers held as binary fractions are off by far less than this."""

PARCELS = ("DLTB", "DLTBGX")
TOWN_DIGITS = 9


def division(code: str) -> str:
    """A division's code without the zeros that stand for "the whole of it": 990101000000 is county 990101."""
    for whole in (12, 9):
        if len(code) == whole and code.endswith("000"):
            code = code[: whole - 3]
    return code


def parcels_with(delivery: Delivered, *fields: str) -> Iterator[DeliveredLayer]:
    for code in PARCELS:
        layer = delivery.layers.get(code)
        if layer is not None and all(layer.has(one) for one in fields):
            yield layer


@rule(
    "Q505", clause="TD/T 1055-2019 附录 扣除地类面积", severity="Z", scope="F", unit="m²", needs=("DLTB|DLTBGX",),
    name_zh="扣除地类面积等于图斑面积乘系数", name_en="The deducted area is the parcel area times the coefficient",
)  # fmt: skip
def deducted_area_follows_the_coefficient(delivery: Delivered) -> Iterator[Finding]:
    """|KCMJ - round(TBMJ · KCXS, 2)| ≤ 0.01 m²; an empty coefficient or deduction counts as 0."""
    for layer in parcels_with(delivery, "TBMJ", "KCXS", "KCMJ"):
        area, factor = layer.numbers("TBMJ"), layer.numbers("KCXS", missing=0.0)
        deducted = layer.numbers("KCMJ", missing=0.0)
        wanted = round_area(np.nan_to_num(area) * factor)
        off = np.abs(deducted - wanted)
        rows = np.flatnonzero(np.isfinite(area) & (off > CENT_M2 + _FLOAT_NOISE))
        yield from Reporter(deducted_area_follows_the_coefficient, delivery, layer).rows(
            rows, measured=deducted[rows].tolist(), limit=wanted[rows].tolist(),
            zh=[f"{layer.code} {layer.ids[row]}: 扣除地类面积 {deducted[row]:.2f} m², 应为 {area[row]:.2f} × "
                f"{factor[row]:.4f} = {wanted[row]:.2f} m², 相差 {off[row]:.2f} m²" for row in rows],
            en=[f"{layer.code} {layer.ids[row]}: deducted area {deducted[row]:.2f} m² should be {area[row]:.2f} × "
                f"{factor[row]:.4f} = {wanted[row]:.2f} m², off by {off[row]:.2f} m²" for row in rows],
            remedy="按图斑面积和扣除系数重新计算 KCMJ",
        )  # fmt: skip


@rule(
    "Q506", clause="TD/T 1055-2019 附录 图斑地类面积", severity="Z", scope="F", unit="m²", needs=("DLTB|DLTBGX",),
    name_zh="图斑地类面积等于图斑面积减扣除面积", name_en="The net area is the parcel area less the deduction",
)  # fmt: skip
def net_area_is_area_less_deduction(delivery: Delivered) -> Iterator[Finding]:
    """|TBDLMJ - (TBMJ - KCMJ)| ≤ 0.01 m²; an empty deduction counts as 0."""
    for layer in parcels_with(delivery, "TBMJ", "KCMJ", "TBDLMJ"):
        area, net = layer.numbers("TBMJ"), layer.numbers("TBDLMJ")
        wanted = area - layer.numbers("KCMJ", missing=0.0)
        off = np.abs(net - wanted)
        rows = np.flatnonzero(np.isfinite(off) & (np.nan_to_num(off) > CENT_M2 + _FLOAT_NOISE))
        yield from Reporter(net_area_is_area_less_deduction, delivery, layer).rows(
            rows, measured=net[rows].tolist(), limit=np.round(wanted[rows], 2).tolist(),
            zh=[f"{layer.code} {layer.ids[row]}: 图斑地类面积 {net[row]:.2f} m², 应为 {wanted[row]:.2f} m², 相差 "
                f"{off[row]:.2f} m²" for row in rows],
            en=[f"{layer.code} {layer.ids[row]}: net area {net[row]:.2f} m² should be {wanted[row]:.2f} m², off by "
                f"{off[row]:.2f} m²" for row in rows],
            remedy="按 TBMJ - KCMJ 重新计算 TBDLMJ",
        )  # fmt: skip


@rule(
    "Q507", clause="TD/T 1055-2019 附录 图斑椭球面积", severity="Z", scope="F", unit="m²", needs=("DLTB|DLTBGX",),
    needs_crs=True,
    name_zh="图斑面积与椭球面积相符", name_en="The parcel area agrees with the ellipsoidal area",
)  # fmt: skip
def parcel_area_is_ellipsoidal(delivery: Delivered) -> Iterator[Finding]:
    """|TBMJ - ellipsoidal area of the geometry| ≤ max(0.5 m², 0.0001 · TBMJ).

    Asked where the coordinate system is known and the geometry is a valid polygon (else Q301 speaks). Coordinates that
    lie nowhere on Earth in that system (swapped axes, degrees under the name of metres) have no area: a finding too.
    """
    for layer in parcels_with(delivery, "TBMJ"):
        if layer.crs is None:
            continue
        area = layer.numbers("TBMJ")
        rows = np.flatnonzero(np.isfinite(area) & _measurable(layer))
        true = np.full(len(layer), np.nan)
        true[rows] = ellipsoidal_area(layer.geometry[rows], layer.crs)
        off = np.abs(area - true)
        allowed = np.maximum(AREA_TOLERANCE_M2, AREA_TOLERANCE_SHARE * area)
        bad = np.flatnonzero(np.nan_to_num(off) > allowed + _FLOAT_NOISE)
        yield from Reporter(parcel_area_is_ellipsoidal, delivery, layer).rows(
            bad, measured=np.round(off[bad], 2).tolist(), limit=np.round(allowed[bad], 2).tolist(),
            zh=[f"{layer.code} {layer.ids[row]}: 图斑面积 {area[row]:.2f} m², 椭球面积 {true[row]:.2f} m², 相差 "
                f"{off[row]:.2f} m², 允许 {allowed[row]:.2f} m²" for row in bad],
            en=[f"{layer.code} {layer.ids[row]}: area {area[row]:.2f} m², ellipsoidal area {true[row]:.2f} m², off by "
                f"{off[row]:.2f} m², {allowed[row]:.2f} m² allowed" for row in bad],
            remedy="按椭球面积公式重新计算 TBMJ",
        )  # fmt: skip
        lost = rows[~np.isfinite(true[rows])]
        yield from Reporter(parcel_area_is_ellipsoidal, delivery, layer).rows(
            lost, measured="无法计算", limit=np.round(area[lost], 2).tolist(),
            zh=[f"{layer.code} {layer.ids[row]}: 坐标不在 {layer.crs} 的范围内, 椭球面积无法计算" for row in lost],
            en=[f"{layer.code} {layer.ids[row]}: the coordinates lie outside {layer.crs}, no area can be computed"
                for row in lost],
            remedy="核对坐标系与坐标轴的次序",
        )  # fmt: skip


def _measurable(layer: DeliveredLayer) -> NDArray[np.bool_]:
    kinds = shapely.get_type_id(layer.geometry)
    return np.isin(kinds, (3, 6)) & layer.valid & ~layer.absurd


@rule(
    "Q508", clause="TD/T 1055-2019 控制面积", severity="S", scope="X", unit="m²", needs=("DLTB", "CJDCQ"),
    name_zh="图斑、村、乡面积逐级相等", name_en="Areas add up from parcels to villages to townships",
    optional_parts=(Part("control_area", ("KZMJB|ref:control_areas", "XZQ")),),
)  # fmt: skip
def areas_add_up(delivery: Delivered) -> Iterator[Finding]:
    """Σ DLTB.TBMJ by ZLDWDM = CJDCQ.DCMJ; Σ CJDCQ.DCMJ by township = XZQ.DCMJ; equal to the last decimal (0.01 m²).

    Where a control area is known (``ref:control_areas`` before the table KZMJB), Σ XZQ.DCMJ is the county's, and XZQ or
    CJDCQ that have one of their own equal it.
    """
    parcels, villages, towns = (delivery.layers.get(code) for code in ("DLTB", "CJDCQ", "XZQ"))
    assert parcels is not None and villages is not None  # the rule's needs
    if _complete(parcels, "ZLDWDM", "TBMJ") and _complete(villages, "ZLDWDM", "DCMJ"):
        yield from _sums(delivery, parcels, "ZLDWDM", "TBMJ", None, villages, "ZLDWDM")
    if towns is not None and _complete(villages, "ZLDWDM", "DCMJ") and _complete(towns, "XZQDM", "DCMJ"):
        yield from _sums(delivery, villages, "ZLDWDM", "DCMJ", TOWN_DIGITS, towns, "XZQDM")
    control = _control_areas(delivery)
    if towns is not None and _complete(towns, "XZQDM", "DCMJ"):
        yield from _controlled(
            delivery, towns, "XZQDM", {key: value for key, value in control.items() if len(key) <= 9}
        )
    if _complete(villages, "ZLDWDM", "DCMJ"):
        yield from _controlled(delivery, villages, "ZLDWDM", {k: v for k, v in control.items() if len(k) == 12})


def _control_areas(delivery: Delivered) -> dict[str, int]:
    """Control areas in cents by division (without the zeros of a whole); the reference goes before the delivered table."""
    reference, table = delivery.reference, delivery.layers.get("KZMJB")
    if reference is not None and reference.has(CONTROL_AREAS):
        rows = reference.rows(CONTROL_AREAS)
        areas = rows.column("KZMJ").cast("float64").to_numpy()
    elif table is not None and _complete(table, "XZQDM", "KZMJ"):
        rows, areas = table.rows, table.numbers("KZMJ")
    else:
        return {}
    codes = [division(str(code or "").strip()) for code in rows.column("XZQDM").to_pylist()]
    return {code: round(area * 100) for code, area in zip(codes, areas, strict=True) if code and np.isfinite(area)}


def _controlled(delivery: Delivered, layer: DeliveredLayer, code: str, control: dict[str, int]) -> Iterator[Finding]:
    """Compare the sum of DCMJ below each division with its control area; divisions without rows here are not asked."""
    keys = pd.Series(layer.arrow(code).to_numpy()).fillna("")
    cents = np.rint(np.nan_to_num(layer.numbers("DCMJ")) * 100).astype(np.int64)
    for unit, limit in sorted(control.items()):
        rows = np.flatnonzero(keys.str.startswith(unit).to_numpy(bool))
        total = int(cents[rows].sum())
        if not len(rows) or total == limit:
            continue
        extent = shapely.total_bounds(layer.on_earth[rows])
        place = shapely.box(*extent) if np.isfinite(extent).all() else None  # the division as a whole, by its extent
        yield from Reporter(areas_add_up, delivery, layer).groups(
            [tuple(sorted(str(one) for one in layer.ids[rows]))], np.array([place, None], object)[:1],
            measured=total / 100, limit=limit / 100,
            zh=[f"{layer.code}: DCMJ 之和 {total / 100:.2f} m², {unit} 控制面积 {limit / 100:.2f} m², 相差 "
                f"{(total - limit) / 100:.2f} m²"],
            en=[f"{layer.code}: DCMJ adds up to {total / 100:.2f} m², the control area of {unit} is {limit / 100:.2f} m², "
                f"off by {(total - limit) / 100:.2f} m²"],
            remedy="按控制面积重新平差",
        )  # fmt: skip


def _complete(layer: DeliveredLayer, *fields: str) -> bool:
    return all(layer.has(one) for one in fields)


def _cents(layer: DeliveredLayer, code: str, area: str, digits: int | None) -> pd.Series:
    """Area in whole cents by unit code; sums of cents are exact."""
    keys = pd.Series(layer.arrow(code).to_numpy())
    cents = pd.Series(np.rint(np.nan_to_num(layer.numbers(area)) * 100).astype(np.int64))
    return cents.groupby(keys.str.slice(0, digits)).sum()


def _sums(
    delivery: Delivered, below: DeliveredLayer, code: str, area: str, digits: int | None, above: DeliveredLayer,
    above_code: str,
) -> Iterator[Finding]:  # fmt: skip
    parts = _cents(below, code, area, digits)
    wholes = _cents(above, above_code, "DCMJ", digits)
    both = pd.DataFrame({"parts": parts, "whole": wholes}).loc[wholes.index].fillna(0)
    wrong = both[both["parts"] != both["whole"]]
    keys = pd.Series(above.arrow(above_code).to_numpy()).str.slice(0, digits)
    report = Reporter(areas_add_up, delivery, above)
    rows = [np.flatnonzero((keys == key).to_numpy()) for key in wrong.index]
    ids = [tuple(sorted(str(one) for one in above.ids[some])) for some in rows]
    places = np.array([*(above.points(some[:1])[0] for some in rows), None], object)[:-1]
    sums, limits = (wrong["parts"] / 100).tolist(), (wrong["whole"] / 100).tolist()
    yield from report.groups(
        ids, places, measured=sums, limit=limits,
        zh=[f"{above.code} {key}: {below.code}.{area} 之和 {total:.2f} m², DCMJ {limit:.2f} m², 相差 {total - limit:.2f} m²"
            for key, total, limit in zip(wrong.index, sums, limits, strict=True)],
        en=[f"{above.code} {key}: the sum of {below.code}.{area} is {total:.2f} m², DCMJ {limit:.2f} m², off by "
            f"{total - limit:.2f} m²" for key, total, limit in zip(wrong.index, sums, limits, strict=True)],
        remedy=f"对 {below.code} 的 {area} 重新平差, 使其和等于 {above.code}.DCMJ",
    )  # fmt: skip
