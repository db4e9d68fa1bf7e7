"""A change package against the stored state: which record changes which parcel. 变更包与库中现状.

What the rules Q601 to Q610 share. Only parcels that the package names are brought into the delivered plane; of the
others at most the bounds are read, so that a base of a million parcels costs what the change costs.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from kunyu.engines.catalogue.standards import Field
from kunyu.engines.ingest.checks.delivered import Delivered, DeliveredLayer
from kunyu.engines.ingest.checks.reference import Reference, ReferencePart, base
from kunyu.kernel.geodesy import from_lonlat
from kunyu.kernel.geometry.coverage import significant_parts
from kunyu.kernel.tolerances import SAME_POINT_TOLERANCE_M, TOPOLOGY_TOLERANCE_M

Rows = NDArray[np.intp]

NEEDS = ("DLTBGX", "DLTBGXGC", "ref:base.DLTB")
BEFORE_KEY, AFTER_KEY = "BGQTBBSM", "BGHTBBSM"
GONE, ATTRIBUTES, SHAPE, NEW = "0", "1", "2", "3"
"""BGXW: 灭失, 属性变更, 图形变更 (from memory), 新增."""
GAINED, LOST = ("1", "3"), ("2", "4")
"""XZQTZLX: land that came to the county or township, land that left it (names from memory)."""

AREAS = ("TBMJ", "KCMJ", "TBDLMJ")
NUMBERS = ("BSM", "YSDM", "TBYBH", "TBBH", "SJNF", "BZ")
"""Fields that number and date a parcel; what the land is does not depend on them."""
RECODED = frozenset({"ZLDWDM", "ZLDWMC", "QSDWDM", "QSDWMC"})
_DECIMALS = 6
"""Stored vertices come back to about 1e-8 m: rounding to 1e-6 m makes equal what was equal."""
_LOCK = Lock()


@dataclass(frozen=True)
class History:
    """A change package and the stored parcels it starts from.

    ``before`` (r,) is the stored row each process record names, ``after`` (r,) its row of the update layer; -1 where
    there is none. Blank keys are "".
    """

    update: DeliveredLayer
    process: DeliveredLayer
    stored: ReferencePart
    before: Rows
    after: Rows
    before_key: NDArray[np.object_]
    after_key: NDArray[np.object_]

    @cached_property
    def claimed(self) -> Rows:
        """Stored rows that some record names, ascending."""
        return np.unique(self.before[self.before >= 0])

    @cached_property
    def claimed_geometry(self) -> NDArray[np.object_]:
        """Their geometry in the delivered plane."""
        return self.plane(self.claimed)

    @cached_property
    def before_geometry(self) -> NDArray[np.object_]:
        """Geometry of each record's parcel before, in the delivered plane; None where there is none."""
        found = np.full(len(self.before), None, object)
        known = self.before >= 0
        found[known] = self.claimed_geometry[np.searchsorted(self.claimed, self.before[known])]
        return found

    @cached_property
    def after_geometry(self) -> NDArray[np.object_]:
        """Geometry of each record's parcel after; None where there is none."""
        found = np.full(len(self.after), None, object)
        known = self.after >= 0
        found[known] = self.update.on_earth[self.after[known]]
        return found

    def plane(self, rows: Rows) -> NDArray[np.object_]:
        """Return stored geometry of some rows in the delivered plane."""
        if self.stored.geometry is None or self.update.crs is None:
            return np.full(len(rows), None, object)
        return brought(self.stored.geometry[rows], self.update)

    def stored_key(self, rows: Rows) -> NDArray[np.object_]:
        """BSM of some stored rows."""
        return texts(self.stored.rows.column("BSM").take(pa.array(rows)))

    def kind(self, code: str) -> NDArray[np.object_]:
        """Return BGXW or XZQTZLX of each record as text, "" where blank."""
        return texts(self.process.arrow(code))

    @cached_property
    def same_shape(self) -> NDArray[np.bool_]:
        """Whether a record's parcel before and after are one shape (false where one is missing)."""
        return same_shapes(self.before_geometry, self.after_geometry, self.update)

    @cached_property
    def differing(self) -> dict[str, NDArray[np.bool_]]:
        """By field: whether the stored parcel and the parcel after differ in it; false where one is missing."""
        both = np.flatnonzero((self.before >= 0) & (self.after >= 0))
        old = self.stored.rows.take(pa.array(self.before[both]))
        new = self.update.rows.take(pa.array(self.after[both]))
        found: dict[str, NDArray[np.bool_]] = {}
        for spec in self._compared():
            found[spec.code] = np.zeros(len(self.before), bool)
            found[spec.code][both] = unlike(old.column(spec.code), new.column(spec.code), spec)
        return found

    def _compared(self) -> Iterator[Field]:
        known = set(self.stored.rows.column_names) - {*NUMBERS, *AREAS}
        return (one for one in self.update.spec.fields if one.code in known and self.update.has(one.code))

    def differs(self, codes: Container[str] | None = None) -> NDArray[np.bool_]:
        """Whether any of these fields differs; any of all compared ones when left out."""
        chosen = [one for code, one in self.differing.items() if codes is None or code in codes]
        return np.logical_or.reduce(chosen) if chosen else np.zeros(len(self.before), bool)


def history_of(delivery: Delivered) -> History:
    """Return the change package against the reference; built once per delivery. Asked only where ``NEEDS`` are met."""
    with _LOCK:
        found = delivery.shared.get("history")
        if found is None:
            assert delivery.reference is not None
            found = delivery.shared["history"] = _history(delivery, delivery.reference)
    return found  # type: ignore[no-any-return]


def _history(delivery: Delivered, reference: Reference) -> History:
    update, process = delivery.layers["DLTBGX"], delivery.layers["DLTBGXGC"]
    stored = reference.parts[base("DLTB")]
    before, after = (keys(process.arrow(one)) for one in (BEFORE_KEY, AFTER_KEY))
    return History(
        update, process, stored,
        places(before, keys(stored.rows.column("BSM"))), places(after, keys(update.arrow("BSM"))),
        texts(before), texts(after),
    )  # fmt: skip


def keys(column: pa.ChunkedArray) -> pa.Array:
    """Return keys trimmed, null where blank."""
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def places(wanted: pa.Array, among: pa.Array) -> Rows:
    """Return where each key stands among others, -1 where it does not or is null."""
    found = pc.index_in(wanted, value_set=among, skip_nulls=True)
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), np.intp)


def texts(column: pa.Array | pa.ChunkedArray) -> NDArray[np.object_]:
    """Return a column as Python text, trimmed, "" where null."""
    filled = pc.fill_null(pc.utf8_trim_whitespace(column.cast(pa.string())), "")
    return np.asarray(
        filled.to_numpy(zero_copy_only=False) if isinstance(filled, pa.Array) else filled.to_numpy(), object
    )


def unlike(one: Any, other: Any, spec: Field) -> NDArray[np.bool_]:
    """Whether two columns of a field differ row by row; blank is the same as missing, a missing number as 0."""
    if spec.type in ("Int", "Float"):
        a, b = (np.nan_to_num(each.cast(pa.float64()).to_numpy()) for each in (one, other))
        return np.asarray(np.abs(a - b) > 0.5 * 10.0**-spec.decimals * (1 - 1e-6))
    return np.asarray(texts(one) != texts(other))


def brought(lonlat: NDArray[np.object_], layer: DeliveredLayer) -> NDArray[np.object_]:
    """Return reference geometry in a layer's plane, freed of the noise of the way there and back."""
    moved = from_lonlat(lonlat, layer.crs)
    if layer.is_geographic:
        return moved
    return np.asarray(shapely.transform(moved, lambda xy: np.round(xy, _DECIMALS)), object)


def same_shapes(one: NDArray[np.object_], other: NDArray[np.object_], layer: DeliveredLayer) -> NDArray[np.bool_]:
    """Whether pairs of polygons cover the same land: vertices agree, or what only one covers is thinner than 1 mm."""
    both = np.flatnonzero(~(shapely.is_missing(one) | shapely.is_missing(other)))
    a, b = shapely.normalize(one[both]), shapely.normalize(other[both])
    unit = layer.metres_per_unit
    equal = shapely.equals_exact(a, b, SAME_POINT_TOLERANCE_M / unit)
    near = np.abs(shapely.bounds(a) - shapely.bounds(b)).max(axis=1, initial=0) < 10 * TOPOLOGY_TOLERANCE_M / unit
    doubtful = np.flatnonzero(~equal & near)
    apart = shapely.symmetric_difference(
        mended(a[doubtful]), mended(b[doubtful]), grid_size=TOPOLOGY_TOLERANCE_M / unit / 1000
    )
    equal[doubtful] = True
    equal[doubtful[np.unique(significant_parts(apart, TOPOLOGY_TOLERANCE_M / unit)[1])]] = False
    found = np.zeros(len(one), bool)
    found[both] = equal
    return found


def mended(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the polygons with invalid ones repaired: operations refuse those."""
    polygons = polygons.copy()
    broken = np.flatnonzero(~shapely.is_valid(polygons))
    polygons[broken] = shapely.make_valid(polygons[broken], method="structure", keep_collapsed=False)
    return polygons
