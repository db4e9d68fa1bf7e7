"""What a rule reads: the mapped layers as columns and geometries, in the delivered plane. 待检成果."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from kunyu.engines.ingest.checks.finding import Finding, fingerprint
from kunyu.engines.ingest.source_layers import GEOMETRY, SourceLayer
from kunyu.kernel.crs import read_crs
from kunyu.kernel.geodesy import to_lonlat

if TYPE_CHECKING:
    from kunyu.engines.catalogue.standards import Field, Layer, Standard
    from kunyu.engines.ingest.checks.reference import Reference
    from kunyu.engines.ingest.checks.rule import Rule
    from kunyu.engines.ingest.mapping import MappedLayer
    from kunyu.engines.ingest.reading import DeliverySource

METRES_PER_DEGREE = 111_319.5
"""A degree along the equator: what a tolerance in metres is divided by in a plane of degrees."""

FARTHEST = 1e9
"""No coordinate of a plane on Earth, in metres, feet or degrees, is further from zero than this."""
ROWS_AT_ONCE = 10_000

MOST_FINDINGS = 20_000
"""Findings of one rule in one layer that are listed one by one; the rest is counted in one closing finding."""


@dataclass(frozen=True)
class DeliveredLayer:
    """One layer under check.

    ``rows`` are the mapped attributes (the standard's codes and types), ``geometry`` (n,) shapely objects in the
    delivered plane (None where missing or not readable), ``crs`` what the plane is (None = unknown), ``ids`` (n,) the
    keys as text, ``#row`` where blank. ``unclosed`` are rows whose rings had to be closed to read them, ``unreadable``
    rows whose geometry is no geometry at all (None in ``geometry``).
    """

    spec: Layer
    mapped: MappedLayer
    rows: pa.Table
    geometry: NDArray[np.object_]
    crs: str | None
    unclosed: NDArray[np.intp]
    unreadable: NDArray[np.intp]

    @classmethod
    def read(cls, mapped: MappedLayer) -> DeliveredLayer:
        """Read a mapped layer whole; WKB becomes geometry batch by batch, so the bytes never stand twice."""
        batches: list[pa.RecordBatch] = []
        parsed: list[_Parsed] = []
        first = 0
        decimals = _stored_decimals(mapped)
        for batch in mapped.batches():
            where = batch.schema.get_field_index(GEOMETRY)
            if where >= 0:
                parsed.append(_parse(batch.column(where), first, decimals))
            batches.append(batch.drop_columns([GEOMETRY]) if where >= 0 else batch)
            first += batch.num_rows
        schema = mapped.schema.remove(mapped.schema.get_field_index(GEOMETRY)) if mapped.spatial else mapped.schema
        rows = pa.Table.from_batches(batches, schema=schema)
        geometry = np.concatenate([one.geometry for one in parsed]) if parsed else np.full(rows.num_rows, None, object)
        none = np.zeros(0, np.intp)
        return cls(
            mapped.spec, mapped, rows, geometry, mapped.crs,
            np.concatenate([none, *(one.unclosed for one in parsed)]),
            np.concatenate([none, *(one.unreadable for one in parsed)]),
        )  # fmt: skip

    @property
    def code(self) -> str:
        """The layer's code in the standard."""
        return self.spec.code

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def has(self, field_code: str) -> bool:
        """Whether the delivery supplies this field of the standard (a constant counts)."""
        return field_code in self.mapped.supplied

    def arrow(self, field_code: str) -> pa.ChunkedArray:
        """Return a column as Arrow."""
        return self.rows.column(field_code)

    def numbers(self, field_code: str, missing: float = np.nan) -> NDArray[np.float64]:
        """Return a numeric column as float64, ``missing`` where null."""
        found: NDArray[np.float64] = self.arrow(field_code).cast(pa.float64()).to_numpy()
        return found if np.isnan(missing) else np.where(np.isnan(found), missing, found)

    def texts(self, field_code: str) -> pd.Series[Any]:
        """Return a text column as a pandas series of Arrow strings, NA where null."""
        return pd.Series(self.arrow(field_code).to_pandas(types_mapper=pd.ArrowDtype))

    @cached_property
    def ids(self) -> NDArray[np.object_]:
        """Keys of the rows."""
        if self.spec.key not in self.rows.schema.names:
            return np.array([f"#{row}" for row in range(1, len(self) + 1)], object)
        keys = pc.utf8_trim_whitespace(self.arrow(self.spec.key).cast(pa.string()))
        found = keys.to_numpy(zero_copy_only=False).astype(object)
        blank = np.array(pc.fill_null(pc.equal(keys, ""), True))
        for row in np.flatnonzero(blank):
            found[row] = f"#{row + 1}"
        return found

    @cached_property
    def valid(self) -> NDArray[np.bool_]:
        """Whether each geometry is valid; false where there is none."""
        return np.asarray(shapely.is_valid(self.geometry))

    @cached_property
    def absurd(self) -> NDArray[np.bool_]:
        """Whether a geometry has a vertex that is NaN, infinite or further out than anything on Earth.

        Bounds would skip NaN, so every coordinate is looked at.
        """
        bad = np.zeros(len(self), bool)
        for start in range(0, len(self), ROWS_AT_ONCE):
            xy, owner = shapely.get_coordinates(self.geometry[start : start + ROWS_AT_ONCE], return_index=True)
            bad[start + owner[~(np.abs(xy) < FARTHEST).all(axis=1)]] = True
        return bad

    @cached_property
    def on_earth(self) -> NDArray[np.object_]:
        """The geometries, None in place of absurd ones: one wild vertex must not blur what is near."""
        if not self.absurd.any():
            return self.geometry
        near = self.geometry.copy()
        near[self.absurd] = None
        return near

    @property
    def sources(self) -> tuple[SourceLayer, ...]:
        """The delivered layers these rows come from."""
        return self.mapped.sources

    @cached_property
    def is_geographic(self) -> bool:
        """Whether the delivered plane counts in degrees."""
        if self.crs is None:
            bounds = shapely.bounds(self.geometry[:1000])
            return bool((np.abs(np.nan_to_num(bounds)) <= 360).all())
        return bool(read_crs(self.crs).is_geographic)

    @cached_property
    def metres_per_unit(self) -> float:
        """Metres in one unit of the delivered coordinates (a degree of latitude for geographic ones)."""
        if self.is_geographic:
            return METRES_PER_DEGREE
        if self.crs is None:
            return 1.0
        return float(read_crs(self.crs).axis_info[0].unit_conversion_factor)

    def points(self, rows: NDArray[np.intp]) -> NDArray[np.object_]:
        """Return a point in each row's geometry, for findings about attributes; None where there is no geometry."""
        chosen = self.on_earth[rows]
        usable = ~(shapely.is_missing(chosen) | shapely.is_empty(chosen)) & _finite(chosen)
        points = np.full(len(rows), None, object)
        points[usable] = shapely.point_on_surface(chosen[usable])
        return points


@dataclass(frozen=True)
class Delivered:
    """A delivery under check.

    ``layers`` by code of the standard. ``county`` is the six-digit code every BSM starts with (from the caller, else
    the commonest in the delivery). ``reference`` is the reference pack, if there is one; ``year`` the survey year.
    """

    standard: Standard
    layers: Mapping[str, DeliveredLayer]
    county: str | None = None
    year: int | None = None
    reference: Reference | None = None
    mapped_by_file: bool = False
    missing: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    source: DeliverySource | None = None
    """What was handed in: its files and documents, for rules about the package as a whole."""
    only: frozenset[str] | None = None
    """Layers the delivery was narrowed to because one dataset was named; None when it stands for the whole standard."""
    shared: dict[str, Any] = field(default_factory=dict)
    """Intermediate results that two rules share, by name (the overlaps of a layer, its gaps)."""

    def __iter__(self) -> Iterator[DeliveredLayer]:
        return iter(self.layers.values())

    def lacks(self, needs: tuple[str, ...]) -> str | None:
        """Return the first of ``needs`` (``Rule.needs``) that neither the delivery nor the reference satisfies."""
        return next((need for need in needs if not any(self._offers(one) for one in need.split("|"))), None)

    def _offers(self, need: str) -> bool:
        if need.startswith("ref:"):
            return self.reference is not None and self.reference.has(need.removeprefix("ref:"))
        return need in self.layers

    def spatial(self, *kinds: str) -> Iterator[DeliveredLayer]:
        """Layers of these geometry kinds, in the order of the standard; all spatial ones without a kind."""
        for layer in self:
            if layer.spec.spatial and (not kinds or layer.spec.geometry in kinds):
                yield layer

    def clause(self, rule: Rule) -> str:
        """The clause a finding names: the rule's own, or the standard when a general rule serves another standard."""
        return rule.clause if self.standard.id.startswith("TDT1057") or not rule.general else self.standard.number


@dataclass(frozen=True)
class Reporter:
    """Makes findings of one rule in one layer; keeps texts and numbers in one form.

    A rule that also lists what is no error does so through ``replace(rule, severity="W")``.
    """

    rule: Rule
    delivery: Delivered
    layer: DeliveredLayer

    def rows(
        self,
        rows: NDArray[np.intp],
        *,
        measured: Any,
        limit: Any,
        zh: Any,
        en: Any,
        remedy: str,
        unit: str | None = None,
        geometry: NDArray[np.object_] | None = None,
    ) -> Iterator[Finding]:
        """Yield one finding per row of ``rows``.

        ``measured``, ``limit``, ``zh`` and ``en`` are a value for all or a sequence of one value per row;
        ``geometry`` is in the delivered plane and defaults to a point in the row's geometry.
        """
        listed = rows[:MOST_FINDINGS]
        places = self.layer.points(listed) if geometry is None else single_parts(geometry[: len(listed)])
        shown = self._lonlat(places)
        for at, row in enumerate(listed):
            yield self._finding(
                (str(self.layer.ids[row]),), places[at], shown[at], _pick(measured, at), _pick(limit, at),
                self.rule.unit if unit is None else unit, _pick(zh, at), _pick(en, at), remedy,
            )  # fmt: skip
        if len(rows) > len(listed):
            more = len(rows) - len(listed)
            yield self.table(
                measured=more, limit=0, unit="", remedy=remedy,
                zh=f"{self.layer.code}: 同类问题另有 {more} 处未逐条列出",
                en=f"{self.layer.code}: {more} more of the same are not listed one by one",
            )  # fmt: skip

    def groups(
        self,
        ids: list[tuple[str, ...]],
        geometry: NDArray[np.object_],
        *,
        measured: Any,
        limit: Any,
        zh: Any,
        en: Any,
        remedy: str,
        unit: str | None = None,
    ) -> Iterator[Finding]:
        """Yield one finding per tuple of ids, each with its own geometry in the delivered plane."""
        geometry = single_parts(geometry)
        shown = self._lonlat(geometry)
        for at, some in enumerate(ids):
            yield self._finding(
                some, geometry[at], shown[at], _pick(measured, at), _pick(limit, at),
                self.rule.unit if unit is None else unit, _pick(zh, at), _pick(en, at), remedy,
            )  # fmt: skip

    def table(
        self, *, measured: Any, limit: Any, zh: str, en: str, remedy: str, unit: str | None = None,
        ids: tuple[str, ...] = (),
    ) -> Finding:  # fmt: skip
        """Return a finding about the layer as a whole."""
        return self._finding(ids, None, None, measured, limit, self.rule.unit if unit is None else unit, zh, en, remedy)

    def _lonlat(self, places: NDArray[np.object_]) -> NDArray[np.object_]:
        if self.layer.crs is None or not len(places):
            return np.full(len(places), None, object)
        shown = to_lonlat(places, self.layer.crs)
        shown[~_finite(shown)] = None
        return shown

    def _finding(
        self, ids: tuple[str, ...], place: BaseGeometry | None, shown: BaseGeometry | None, measured: Any, limit: Any,
        unit: str, zh: str, en: str, remedy: str,
    ) -> Finding:  # fmt: skip
        decimals = 8 if place is not None and self.layer.is_geographic else 3
        # a finding without a place is named by its text, or two fields of one table would share a fingerprint
        named = ids if place is not None else (*ids, self.layer.code, zh)
        return Finding(
            self.rule.id, self.delivery.clause(self.rule), self.rule.severity, self.layer.code, ids, shown,
            _plain(measured), _plain(limit), unit, zh, en, remedy, fingerprint(self.rule.id, named, place, decimals), place,
        )  # fmt: skip


def single_parts(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the geometries, multiparts of one part as that part: formats differ in what they call it."""
    lone = (shapely.get_type_id(geometry) >= shapely.GeometryType.MULTIPOINT) & (
        shapely.get_num_geometries(geometry) == 1
    )
    if not lone.any():
        return geometry
    single = geometry.copy()
    single[lone] = shapely.get_geometry(geometry[lone], 0)
    return single


def text_of(field_spec: Field) -> str:
    """Return how messages call a field: code and Chinese name."""
    return f"{field_spec.code} {field_spec.name_zh}"


@dataclass(frozen=True)
class _Parsed:
    geometry: NDArray[np.object_]
    unclosed: NDArray[np.intp]
    unreadable: NDArray[np.intp]


def _stored_decimals(mapped: MappedLayer) -> int | None:
    """Decimals that a format which counts in whole steps can have meant; None where it stores the numbers themselves.

    A File Geodatabase keeps coordinates as multiples of a step from a far origin and gives them back up to 3e-7 m off:
    enough for another last digit in an area, and for another fingerprint.
    """
    if not any(one.driver == "OpenFileGDB" for one in mapped.sources):
        return None
    return 12 if mapped.crs is not None and read_crs(mapped.crs).is_geographic else 6


def _parse(column: pa.Array, first: int, decimals: int | None = None) -> _Parsed:
    wkb = column.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):  # NaN coordinates are a rule's business, not a warning's
        geometry = shapely.from_wkb(wkb, on_invalid="ignore")
    if decimals is not None:
        geometry = shapely.transform(geometry, lambda xy: np.round(xy, decimals))
    high = shapely.has_z(geometry)
    if high.any():  # only then: a copy of every vertex is not free
        geometry[high] = shapely.force_2d(geometry[high])
    failed = np.flatnonzero(shapely.is_missing(geometry) & np.array(column.is_valid()))
    # GEOS refuses rings that are not closed; "fix" closes them, and what it refuses too is no geometry
    geometry[failed] = _fixed(wkb[failed])
    lost = shapely.is_missing(geometry[failed])
    return _Parsed(geometry, failed[~lost] + first, failed[lost] + first)


def _fixed(wkb: NDArray[np.object_]) -> NDArray[np.object_]:
    found = np.full(len(wkb), None, object)
    for at, one in enumerate(wkb):  # only records that are broken come here
        try:
            found[at] = shapely.force_2d(shapely.from_wkb(one, on_invalid="fix"))
        except (shapely.errors.ShapelyError, ValueError):
            continue
    return found


def _finite(geometry: NDArray[np.object_]) -> NDArray[np.bool_]:
    bounds = shapely.bounds(geometry)
    finite: NDArray[np.bool_] = np.isfinite(bounds).all(axis=1) if len(geometry) else np.zeros(0, bool)
    return finite


def _pick(value: Any, at: int) -> Any:
    return value[at] if isinstance(value, (list, tuple, np.ndarray)) else value


def _plain(value: Any) -> Any:
    """Return a number or text JSON can hold; NaN and infinity become text."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return value
