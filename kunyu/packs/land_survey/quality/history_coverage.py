"""Does the county stay covered when a change package is applied? Q601. 变更后的覆盖.

The stored parcels tile the county. Taking out those that the package names and putting in DLTBGX keeps it tiled exactly
where both cover the same land, which is judged locally: parcels that nobody names are looked at only where something
reaches beyond the land named.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from kunyu.engines.ingest.checks.delivered import Delivered, Reporter
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference import CONTROL_AREAS
from kunyu.engines.ingest.checks.rule import Part, rule
from kunyu.kernel.geodesy import ellipsoidal_area, to_lonlat
from kunyu.kernel.geometry.chains import GRID_PER_TOLERANCE
from kunyu.kernel.geometry.coverage import significant_parts
from kunyu.kernel.geometry.overlay import difference, intersection
from kunyu.kernel.tolerances import TOPOLOGY_TOLERANCE_M
from kunyu.packs.land_survey.quality.history import (
    GAINED,
    LOST,
    NEEDS,
    NEW,
    History,
    Rows,
    brought,
    history_of,
    mended,
)

_MARGIN_DEGREES = 1e-7
"""About a centimetre: a straight edge of the plane bends that much in degrees over a kilometre."""
_REMEDY = "核对变更图形: 变更前图斑的范围须与变更后图斑的范围完全相同"


@rule(
    "Q601", clause="国土调查数据库更新数据规范 更新层拓扑", severity="S", scope="H", unit="m²", needs=NEEDS, needs_crs=True,
    name_zh="更新层与未变图斑无缝无重叠地覆盖全县", name_en="Changed and unchanged parcels cover the county exactly",
    optional_parts=(Part("control_area", ("KZMJB|ref:control_areas",)),),
)  # fmt: skip
def county_stays_covered(delivery: Delivered) -> Iterator[Finding]:
    """The stored parcels without those a record names, plus DLTBGX, cover the county without gap or overlap.

    Land named = land delivered, in every connected change: what is missing is a gap, what is beyond overlaps a parcel
    nobody named or leaves the county. New land (BGXW 3, XZQTZLX 1 or 3) may be added where no parcel is, land that left
    (XZQTZLX 2 or 4) may be missing. Differences of mean width below 0.001 m are noise. Σ TBMJ of the state after, by
    the units of the control areas that the package touches, equals the control area to 0.01 m².
    """
    history = history_of(delivery)
    if history.update.crs is not None and history.stored.geometry is not None:
        yield from _against_the_land_named(delivery, history)
        yield from _among_themselves(delivery, history)
    yield from _control_areas(delivery, history)


def _tolerance(history: History) -> float:
    return TOPOLOGY_TOLERANCE_M / history.update.metres_per_unit


def _against_the_land_named(delivery: Delivered, history: History) -> Iterator[Finding]:
    """Compare land before and after change by change: parcels that records link, directly or through others."""
    change_before, change_after, count = _changes(history)
    gained, lost = _moving(history)
    tolerance = _tolerance(history)
    before = _united(
        np.concatenate([history.claimed_geometry, history.process.on_earth[gained]]),
        np.concatenate([change_before, change_after[history.after[gained]]]), count, tolerance,
    )  # fmt: skip
    after = _united(
        np.concatenate([history.update.on_earth, history.process.on_earth[lost]]),
        np.concatenate([change_after, change_before[np.searchsorted(history.claimed, history.before[lost])]]),
        count, tolerance,
    )  # fmt: skip
    doubtful = _unequal(before, after, tolerance)
    opened = difference(before[doubtful], after[doubtful], tolerance)
    beyond = difference(after[doubtful], before[doubtful], tolerance)
    yield from _left_open(delivery, history, _pieces(opened, after, tolerance))
    yield from _reaching_beyond(delivery, history, _pieces(beyond, before, tolerance))
    yield from _new_on_others(delivery, history, mended(history.process.on_earth[gained]))


def _changes(history: History) -> tuple[Rows, Rows, int]:
    """Number the connected changes: of each claimed stored parcel, of each parcel after, and how many there are."""
    both = np.flatnonzero((history.before >= 0) & (history.after >= 0))
    stored = np.searchsorted(history.claimed, history.before[both])
    after = history.after[both] + len(history.claimed)
    label = np.arange(len(history.claimed) + len(history.update))
    while True:  # as many rounds as the longest chain of links, a handful
        low = np.minimum(label[stored], label[after])
        lower = label.copy()
        np.minimum.at(lower, stored, low)
        np.minimum.at(lower, after, low)
        if (lower == label).all():
            break
        label = lower
    numbers, label = np.unique(label, return_inverse=True)
    return label[: len(history.claimed)], label[len(history.claimed) :], len(numbers)


def _moving(history: History) -> tuple[Rows, Rows]:
    """Return the records of land that came to the county and of land that left it."""
    process = history.process
    kind, moved = (
        history.kind(one).astype(str) if process.has(one) else np.full(len(process), "") for one in ("BGXW", "XZQTZLX")
    )
    usable = shapely.get_dimensions(process.on_earth) == 2
    came = usable & ((kind == NEW) | np.isin(moved, GAINED)) & (history.before < 0) & (history.after >= 0)
    left = usable & np.isin(moved, LOST) & (history.after < 0) & (history.before >= 0)
    return np.flatnonzero(came), np.flatnonzero(left)


def _united(polygons: NDArray[np.object_], group: Rows, count: int, tolerance: float) -> NDArray[np.object_]:
    """Return the union of each group's polygons, shape (count,); empty where a group has none."""
    usable = np.flatnonzero(shapely.get_dimensions(polygons) == 2)
    order = usable[np.argsort(group[usable], kind="stable")]
    numbers, at = np.unique(group[order], return_inverse=True)
    found = np.full(count, shapely.Polygon(), object)
    if len(order):
        gathered = np.asarray(shapely.geometrycollections(mended(polygons[order]), indices=at), object)
        found[numbers] = shapely.union_all(gathered[:, np.newaxis], axis=1, grid_size=tolerance * GRID_PER_TOLERANCE)
    return found


def _unequal(before: NDArray[np.object_], after: NDArray[np.object_], tolerance: float) -> Rows:
    """Return the changes whose land differs by more than noise: on clean data none, found with one operation each."""
    grid = tolerance * GRID_PER_TOLERANCE
    unlike = np.flatnonzero(~shapely.equals_exact(shapely.normalize(before), shapely.normalize(after), grid))
    apart = shapely.symmetric_difference(before[unlike], after[unlike], grid_size=grid)
    return unlike[np.unique(significant_parts(apart, tolerance)[1])]


def _pieces(differences: NDArray[np.object_], others: NDArray[np.object_], tolerance: float) -> NDArray[np.object_]:
    """Return the parts that are more than noise and that no other change accounts for, sorted by place."""
    parts, _ = significant_parts(differences, tolerance)
    piece, other = shapely.STRtree(others).query(parts, predicate="intersects")
    covered = _united(others[other], piece, len(parts), tolerance)
    parts, _ = significant_parts(difference(parts, covered, tolerance), tolerance)
    bounds = shapely.bounds(parts).reshape(-1, 4)
    return np.asarray(parts[np.lexsort((bounds[:, 1], bounds[:, 0]))], object)


def _left_open(delivery: Delivered, history: History, pieces: NDArray[np.object_]) -> Iterator[Finding]:
    owners = _ids_under(pieces, history.claimed_geometry, history.stored_key(history.claimed) if len(pieces) else None)
    sizes = _square_metres(history, pieces)
    yield from Reporter(county_stays_covered, delivery, history.update).groups(
        owners, pieces, measured=sizes, limit=0,
        zh=[f"变更前图斑 {_named(some)} 的 {size:.4f} m² 在变更后没有图斑覆盖" for some, size in
            zip(owners, sizes, strict=True)],
        en=[f"{size:.4f} m² of the parcels before, {_named(some)}, are covered by no parcel after" for some, size in
            zip(owners, sizes, strict=True)],
        remedy=_REMEDY,
    )  # fmt: skip


def _reaching_beyond(delivery: Delivered, history: History, pieces: NDArray[np.object_]) -> Iterator[Finding]:
    owners = _ids_under(pieces, history.update.on_earth, history.update.ids)
    sizes = _square_metres(history, pieces)
    unnamed: list[list[str]] = [[] for _ in pieces]
    for piece, row in zip(*_unchanged_under(history, pieces)[:2], strict=True):
        unnamed[piece].append(str(history.stored_key(np.array([row]))[0]))
    yield from Reporter(county_stays_covered, delivery, history.update).groups(
        [tuple(sorted({*some, *others})) for some, others in zip(owners, unnamed, strict=True)], pieces,
        measured=sizes, limit=0,
        zh=[f"变更后图斑 {_named(some)} 超出变更前图斑范围 {size:.4f} m², "
            + (f"与没有变更记录的图斑 {_named(others)} 重叠" if others else "该处没有库中图斑")
            for some, others, size in zip(owners, unnamed, sizes, strict=True)],
        en=[f"Parcels after, {_named(some)}, reach {size:.4f} m² beyond the parcels before and "
            + (f"overlap {_named(others)}, which no record names" if others else "lie where no parcel is stored")
            for some, others, size in zip(owners, unnamed, sizes, strict=True)],
        remedy=_REMEDY,
    )  # fmt: skip


def _new_on_others(delivery: Delivered, history: History, gained: NDArray[np.object_]) -> Iterator[Finding]:
    """New land lies where no parcel is stored that stays."""
    _, rows, shared = _unchanged_under(history, gained)
    ids = history.stored_key(rows)
    sizes = _square_metres(history, shared)
    yield from Reporter(county_stays_covered, delivery, history.update).groups(
        [(str(one),) for one in ids], shared, measured=sizes, limit=0,
        zh=[f"新增图斑与没有变更记录的图斑 {one} 重叠 {size:.4f} m²" for one, size in zip(ids, sizes, strict=True)],
        en=[f"New land overlaps parcel {one}, which no record names, by {size:.4f} m²" for one, size in
            zip(ids, sizes, strict=True)],
        remedy=_REMEDY,
    )  # fmt: skip


def _among_themselves(delivery: Delivered, history: History) -> Iterator[Finding]:
    """Overlaps of the parcels after: pair by pair, since most of them have no neighbour in the package."""
    shapes = mended(history.update.on_earth)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = one < other
    one, other = one[once], other[once]
    parts, pair = significant_parts(intersection(shapes[one], shapes[other], _tolerance(history)), _tolerance(history))
    ids = history.update.ids
    pairs = [tuple(sorted((str(ids[one[at]]), str(ids[other[at]])))) for at in pair]
    sizes = _square_metres(history, parts)
    yield from Reporter(county_stays_covered, delivery, history.update).groups(
        pairs, parts, measured=sizes, limit=0,
        zh=[f"变更后图斑 {a} 与 {b} 重叠 {size:.4f} m²" for (a, b), size in zip(pairs, sizes, strict=True)],
        en=[f"Parcels after, {a} and {b}, overlap by {size:.4f} m²" for (a, b), size in zip(pairs, sizes, strict=True)],
        remedy="移动公共边的顶点, 使两图斑恰好相接",
    )  # fmt: skip


def _unchanged_under(history: History, pieces: NDArray[np.object_]) -> tuple[Rows, Rows, NDArray[np.object_]]:
    """Return (piece, stored row, what both cover) of the stored parcels that stay and lie under some pieces."""
    none = np.zeros(0, np.intp)
    if not len(pieces) or history.stored.geometry is None:
        return none, none, np.zeros(0, object)
    near = shapely.bounds(to_lonlat(pieces, history.update.crs)) + np.array([-1, -1, 1, 1]) * _MARGIN_DEGREES
    row, piece = shapely.STRtree(shapely.box(*near.T)).query(history.stored.geometry)
    stays = ~np.isin(row, history.claimed)
    row, piece = row[stays], piece[stays]
    distinct, back = np.unique(row, return_inverse=True)
    shapes = mended(brought(history.stored.geometry[distinct], history.update))
    parts, owner = significant_parts(
        intersection(shapes[back], pieces[piece], _tolerance(history)), _tolerance(history)
    )
    pairs, group = np.unique(owner, return_inverse=True)
    shared = np.asarray(shapely.multipolygons(parts, indices=group), object) if len(parts) else np.zeros(0, object)
    return piece[pairs], row[pairs], shared


def _ids_under(
    pieces: NDArray[np.object_], polygons: NDArray[np.object_], ids: NDArray[np.object_] | None
) -> list[tuple[str, ...]]:
    """Return for each piece the ids of the polygons that share an edge or an area with it."""
    if not len(pieces) or ids is None:
        return []
    at, owner = shapely.STRtree(polygons).query(pieces, predicate="intersects")
    shapes = mended(polygons[owner])
    beside = shapely.get_dimensions(shapely.intersection(shapes, pieces[at])) >= 1
    return [tuple(sorted({str(one) for one in ids[owner[beside & (at == piece)]]})) for piece in range(len(pieces))]


def _square_metres(history: History, pieces: NDArray[np.object_]) -> list[float]:
    found: list[float] = np.round(ellipsoidal_area(pieces, history.update.crs), 4).tolist() if len(pieces) else []
    return found


def _named(ids: tuple[str, ...] | list[str]) -> str:
    return "、".join(ids) or "-"


def _control_areas(delivery: Delivered, history: History) -> Iterator[Finding]:
    control = _controls(delivery)
    if control is None or not history.update.has("TBMJ") or not history.update.has("ZLDWDM"):
        return
    stored, update = history.stored.rows, history.update.rows
    after = _by_village(stored).sub(_by_village(stored.take(pa.array(history.claimed))), fill_value=0)
    after = after.add(_by_village(update), fill_value=0)
    units = pc.utf8_slice_codeunits(update.column("ZLDWDM"), 0, 12)
    for code, area in control.items():
        touched = np.flatnonzero(pc.fill_null(pc.starts_with(units, code), False).to_numpy())
        total = int(after[after.index.str.startswith(code)].sum())
        if len(touched) and total != round(area * 100):
            yield from _off_control(delivery, history, code, total / 100, area, touched)


def _off_control(
    delivery: Delivered, history: History, code: str, total: float, area: float, touched: Rows
) -> Iterator[Finding]:
    bounds = shapely.total_bounds(history.update.on_earth[touched])
    where = np.array([shapely.box(*bounds) if np.isfinite(bounds).all() else None], object)
    yield from Reporter(county_stays_covered, delivery, history.update).groups(
        [(code,)], where, measured=total, limit=area,
        zh=f"{code}: 变更后图斑面积之和 {total:.2f} m², 控制面积 {area:.2f} m², 相差 {total - area:.2f} m²",
        en=f"{code}: the parcels after add up to {total:.2f} m², the control area is {area:.2f} m², off by "
           f"{total - area:.2f} m²",
        remedy="对变更图斑的 TBMJ 重新平差, 使变更前后面积之和相等",
    )  # fmt: skip


def _controls(delivery: Delivered) -> dict[str, float] | None:
    """Return control areas in m² by unit code, those of the delivery before those of the reference."""
    if "KZMJB" in delivery.layers:
        rows = delivery.layers["KZMJB"].rows
    elif delivery.reference is not None and delivery.reference.has(CONTROL_AREAS):
        rows = delivery.reference.rows(CONTROL_AREAS)
    else:
        return None
    areas = rows.column("KZMJ").cast(pa.float64()).to_pylist()
    pairs = zip(rows.column("XZQDM").cast(pa.string()).to_pylist(), areas, strict=True)
    county = delivery.county or ""
    return {code: area for code, area in pairs if code and area is not None and code.startswith(county)}


def _by_village(rows: pa.Table) -> pd.Series:
    """Return Σ TBMJ in whole cents by the first twelve digits of ZLDWDM."""
    cents = pc.fill_null(pc.round(pc.multiply(rows.column("TBMJ").cast(pa.float64()), 100.0)), 0.0).cast(pa.int64())
    units = pc.fill_null(pc.utf8_slice_codeunits(rows.column("ZLDWDM").cast(pa.string()), 0, 12), "")
    sums = pa.table({"unit": units, "cents": cents}).group_by("unit").aggregate([("cents", "sum")])
    return pd.Series(sums.column("cents_sum").to_pylist(), sums.column("unit").to_pylist(), dtype="int64")
