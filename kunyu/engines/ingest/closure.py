"""Areas of a delivery, computed and closed: parcels to villages to townships to the county. 成果面积平差.

Ellipsoidal areas of the delivered polygons are closed downward (``kunyu.kernel.area_closure``): XZQ to the control area,
CJDCQ to its township, DLTB to its village. JSMJ is the ellipsoidal area as it is; DCMJ and TBMJ are the closed ones;
KCMJ = round(TBMJ · KCXS, 2), TBDLMJ = TBMJ − KCMJ. Shapes and all other values stay. Django-free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from kunyu.engines.catalogue.standards import Standard
from kunyu.engines.ingest.checks.delivered import DeliveredLayer
from kunyu.engines.ingest.checks.reference import CONTROL_AREAS, Reference
from kunyu.engines.ingest.closure_output import Columns, write_copy
from kunyu.engines.ingest.mapping import MappedDelivery, apply
from kunyu.engines.ingest.reading import open_delivery
from kunyu.kernel.area_closure import (
    AreasCannotClose,
    Cents,
    Closed,
    Level,
    close_down,
    sums_by,
    to_cents,
)
from kunyu.kernel.geodesy import ellipsoidal_area, round_area

SCHEMA = 1
LAYERS = ("XZQ", "CJDCQ", "DLTB")
"""From the largest units to the smallest."""
CODE = {"XZQ": "XZQDM", "CJDCQ": "ZLDWDM", "DLTB": "ZLDWDM"}
TOWN_DIGITS = 9
SHARE, LEAST_M2 = 0.0001, 0.5
"""No area may move by more than max(0.5 m², 0.0001 of it): what Q507 allows. More is a fault of the shapes."""
NAMED = 5


@dataclass(frozen=True)
class UnitMoves:
    """What one unit gave out to its members: areas in m², ``limit`` the most one member may have moved by."""

    layer: str
    unit: str
    records: int
    measured: float
    closed: float
    moved: int
    limit: float


@dataclass(frozen=True)
class ClosureReport:
    """What was closed to what; ``changed`` counts values that differ from the delivered ones, by column."""

    input_sm3: str
    standard: str
    county: str
    control_area: float
    control_from: str
    units: tuple[UnitMoves, ...]
    largest_move: Mapping[str, float]
    changed: Mapping[str, int]
    left_out: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON of ``kunyu close-areas --json``."""
        return {
            "schema": SCHEMA,
            "input_sm3": self.input_sm3,
            "standard": self.standard,
            "county": self.county,
            "control_area": self.control_area,
            "control_from": self.control_from,
            "largest_move": dict(self.largest_move),
            "changed": dict(self.changed),
            "documents_left_out": list(self.left_out),
            "units": [vars(one) for one in self.units],
        }


def close_delivery(path: Path, out: Path, standard: Standard, reference: Reference | None = None) -> ClosureReport:
    """Compute and close the areas of a delivery; write a copy with only those columns changed.

    Parameters
    ----------
    path : Path
        A file, folder or zip with DLTB, CJDCQ and XZQ.
    out : Path
        GeoPackage to write; it must not exist.
    standard : Standard
    reference : Reference, optional
        Its part ``control_areas`` is asked where the delivery has no KZMJB; without either the county's own sum is the
        control area.

    Raises
    ------
    AreasCannotClose
        Layers, codes or geometries are missing, or an area would move by more than Q507 allows; nothing is written.
    UnreadableInput, UsageError
        See ``open_delivery`` and ``write_copy``.
    """
    with open_delivery(path) as source:
        mapped = apply(source, standard)
        layers = _read(mapped)
        county = _county(layers["DLTB"])
        levels, units = _levels(layers)
        control, control_from = _control(mapped, reference, county, levels[0])
        closed = dict(zip(LAYERS, close_down(control, levels), strict=True))
        _refuse_faults(layers, closed)
        columns = _columns(layers, closed)
        changed = {
            f"{code}.{field}": _changes(layers[code], field, values)
            for code, some in columns.items() for field, values in some.items()
        }  # fmt: skip
        write_copy(mapped, out, columns)
        return ClosureReport(
            source.input_sm3(), standard.id, county, control / 100, control_from,
            tuple(one for code in LAYERS for one in _moves(code, closed[code], units[code], levels)),
            {code: float(np.abs(one.moved).max(initial=0)) / 100 for code, one in closed.items()},
            changed, source.documents,
        )  # fmt: skip


def _read(mapped: MappedDelivery) -> dict[str, DeliveredLayer]:
    delivered = {one.spec.code: one for one in mapped.layers}
    missing = [code for code in LAYERS if code not in delivered]
    if missing:
        raise AreasCannotClose(
            f"成果中没有 {'、'.join(missing)}，不能逐级平差。请补齐图层。",
            f"The delivery has no {', '.join(missing)}: areas cannot be closed level by level. Add the layers.",
            missing=missing,
        )
    layers = {code: DeliveredLayer.read(delivered[code]) for code in LAYERS}
    for code, layer in layers.items():
        if layer.crs is None:
            raise AreasCannotClose(
                f"图层 {code} 没有坐标系，不能计算椭球面积。请补充坐标系。",
                f"Layer {code} does not say its coordinate system: there is no ellipsoidal area. Add the system.",
            )
        if not len(layer):
            raise AreasCannotClose(f"图层 {code} 没有记录。", f"Layer {code} is empty.")
    return layers


def _county(parcels: DeliveredLayer) -> str:
    heads = pd.Series(parcels.ids.astype(str)).str.slice(0, 6)
    return str(heads.mode().iloc[0])


def _levels(layers: Mapping[str, DeliveredLayer]) -> tuple[list[Level], dict[str, list[str]]]:
    """Return the levels for ``close_down`` and, by layer, the codes of the units its rows lie in."""
    towns = _codes(layers["XZQ"], TOWN_DIGITS)
    villages = _codes(layers["CJDCQ"], None)
    parcels = _codes(layers["DLTB"], None)
    town_codes, town_number = np.unique(towns, return_inverse=True)
    village_codes, village_number = np.unique(villages, return_inverse=True)
    above = _found(layers["CJDCQ"], np.array([one[:TOWN_DIGITS] for one in villages], object), town_codes, "XZQ")
    inside = _found(layers["DLTB"], parcels, village_codes, "CJDCQ")
    none = np.zeros(len(towns), np.intp)
    levels = [
        Level(_areas(layers["XZQ"]), none, town_number, _ranks(layers["XZQ"]), ["-"]),
        Level(_areas(layers["CJDCQ"]), above, village_number, _ranks(layers["CJDCQ"]), town_codes.tolist()),
        Level(_areas(layers["DLTB"]), inside, np.arange(len(parcels)), _ranks(layers["DLTB"]), village_codes.tolist()),
    ]
    return levels, {"XZQ": [""], "CJDCQ": town_codes.tolist(), "DLTB": village_codes.tolist()}


def _codes(layer: DeliveredLayer, digits: int | None) -> NDArray[np.object_]:
    column = pc.utf8_trim_whitespace(pc.fill_null(layer.arrow(CODE[layer.code]), ""))
    if digits is not None:
        column = pc.utf8_slice_codeunits(column, 0, digits)
    found = np.asarray(column.to_numpy(), object)
    _refuse_rows(layer, np.flatnonzero(found == ""), f"没有 {CODE[layer.code]}", f"have no {CODE[layer.code]}")
    return found


def _found(
    layer: DeliveredLayer, codes: NDArray[np.object_], among: NDArray[np.object_], above: str
) -> NDArray[np.intp]:
    at = np.asarray(pc.fill_null(pc.index_in(pa.array(codes), value_set=pa.array(among)), -1))
    field = CODE[layer.code]
    _refuse_rows(
        layer, np.flatnonzero(at < 0), f"的 {field} 不在 {above} 中", f"have a {field} that {above} does not hold"
    )
    return at.astype(np.intp)


def _areas(layer: DeliveredLayer) -> NDArray[np.float64]:
    areas = ellipsoidal_area(layer.on_earth, layer.crs)
    _refuse_rows(
        layer, np.flatnonzero(~(areas > 0) | (shapely.get_dimensions(layer.on_earth) != 2)),
        "没有可以计算面积的图形", "have no shape whose area could be computed",
    )  # fmt: skip
    return areas


def _ranks(layer: DeliveredLayer) -> NDArray[np.int64]:
    """Order of the rows by BSM; rows of one BSM keep the order they were delivered in."""
    order = np.asarray(pc.sort_indices(pa.array(layer.ids.astype(str))))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def _refuse_rows(layer: DeliveredLayer, rows: NDArray[np.intp], zh: str, en: str) -> None:
    if len(rows):
        named = [str(layer.ids[row]) for row in rows[:NAMED]]
        raise AreasCannotClose(
            f"{layer.code} {'、'.join(named)} 等 {len(rows)} 条记录{zh}，不能平差。请先更正，再执行 kunyu check 核对。",
            f"{len(rows)} records of {layer.code} ({', '.join(named)}) {en}; areas cannot be closed. Correct them first; "
            "kunyu check finds them.",
            layer=layer.code, records=named, count=len(rows),
        )  # fmt: skip


def _control(mapped: MappedDelivery, reference: Reference | None, county: str, top: Level) -> tuple[int, str]:
    """Return the county's control area in hundredths and where it is from."""
    tables = []
    if any(one.spec.code == "KZMJB" for one in mapped.layers):
        tables.append((mapped.layer("KZMJB").table(), "KZMJB"))
    if reference is not None and reference.has(CONTROL_AREAS):
        tables.append((reference.rows(CONTROL_AREAS), "reference"))
    for table, origin in tables:
        own = table.filter(pc.fill_null(pc.equal(table.column("XZQDM").cast(pa.string()), county), False))
        if own.num_rows and own.column("KZMJ")[0].is_valid:
            return int(to_cents([float(own.column("KZMJ")[0].as_py())])[0]), origin
    return int(to_cents(top.area).sum()), "own_sum"


def _refuse_faults(layers: Mapping[str, DeliveredLayer], closed: Mapping[str, Closed]) -> None:
    for code, one in closed.items():
        allowed = np.maximum(LEAST_M2 * 100, SHARE * one.own)
        rows = np.flatnonzero(np.abs(one.moved) > allowed)
        if len(rows):
            worst = rows[np.argmax(np.abs(one.moved[rows]))]
            raise AreasCannotClose(
                f"{code} 有 {len(rows)} 条记录平差后变动超过允许值（如 {layers[code].ids[worst]}：{one.moved[worst] / 100:+.2f} m²，"
                f"允许 {allowed[worst] / 100:.2f} m²）。说明图形有重叠、缝隙或控制面积不符，请先按 kunyu check 的 Q303、Q304、Q305 更正。",
                f"{len(rows)} records of {code} would move by more than is allowed ({layers[code].ids[worst]}: "
                f"{one.moved[worst] / 100:+.2f} m², allowed {allowed[worst] / 100:.2f} m²): shapes overlap or leave gaps, or the "
                "control area is another county's. Correct what kunyu check finds under Q303, Q304, Q305 first.",
                layer=code, record=str(layers[code].ids[worst]), count=len(rows),
            )  # fmt: skip


def _columns(layers: Mapping[str, DeliveredLayer], closed: Mapping[str, Closed]) -> dict[str, Columns]:
    found: dict[str, Columns] = {
        code: {"DCMJ": closed[code].area / 100, "JSMJ": closed[code].own / 100} for code in ("XZQ", "CJDCQ")
    }
    parcels = layers["DLTB"]
    area = closed["DLTB"].area
    ridge = to_cents(round_area(area / 100 * np.clip(parcels.numbers("KCXS", missing=0.0), 0, 1)))
    stays_empty = np.isnan(parcels.numbers("KCMJ")) & (ridge == 0)
    found["DLTB"] = {
        "TBMJ": area / 100, "KCMJ": np.where(stays_empty, np.nan, ridge / 100), "TBDLMJ": (area - ridge) / 100,
    }  # fmt: skip
    return found


def _changes(layer: DeliveredLayer, field: str, values: NDArray[np.float64]) -> int:
    before = layer.numbers(field)
    same = (before == values) | (np.isnan(before) & np.isnan(values))
    return int((~same).sum())


def _moves(code: str, closed: Closed, units: list[str], levels: list[Level]) -> list[UnitMoves]:
    inside = levels[LAYERS.index(code)].inside
    own, area = sums_by(closed.own, inside, len(units)), sums_by(closed.area, inside, len(units))
    records = np.bincount(inside, minlength=len(units))
    moved: Cents = np.bincount(inside[closed.moved != 0], minlength=len(units)).astype(np.int64)
    return [
        UnitMoves(code, unit, int(records[at]), own[at] / 100, area[at] / 100, int(moved[at]), closed.limit[at] / 100)
        for at, unit in enumerate(units)
    ]  # a unit is a village or a town: thousands, not parcels
