"""DLTB rows of one village: all thirty fields, areas that add up to the cent. 地类图斑属性."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from kunyu.engines.catalogue.standards import load_standard
from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.edges import Faces
from kunyu.project.sample_county.land_use import CULTIVATED, CZCSXM, DLBM, KINDS, LINEAR, QSXZ
from kunyu.project.sample_county.layout import EPSG, Layout
from kunyu.project.sample_county.ownership import owner_columns, owner_groups
from kunyu.project.sample_county.randomness import hashed_unit
from kunyu.project.sample_county.tables import SURVEY, Cents, Rows, bsm, survey_layer, text_of

Ints = NDArray[np.int64]
YEAR = 2024

RIDGE_COEFFICIENT = {
    ("PD", 2): 425,
    ("PD", 3): 766,
    ("PD", 4): 1192,
    ("PD", 5): 1533,
    ("TT", 2): 517,
    ("TT", 3): 912,
    ("TT", 4): 1385,
    ("TT", 5): 1790,
}
"""KCXS of the fictional county in ten-thousandths, by GDLX and GDPDJB; class 1 has no ridges."""

PLANTING = ("LS", "FLS", "LYFL", "XG", "WG")
_PLANTING_UP_TO = np.array([0.80, 0.88, 0.96, 0.98])


@dataclass(frozen=True)
class Parcels:
    """Parcels of a village in TBBH order.

    ``face`` is the label each came from; areas are whole hundredths of m². ``slope`` is 1 to 5; ``terraced`` and
    ``planting`` (number in PLANTING, -1 none) matter for cultivated land only. ``group`` is the owner group, 0 for
    the village as a whole.
    """

    face: Ints
    kind: Ints
    slope: Ints
    terraced: NDArray[np.bool_]
    planting: Ints
    grade: Ints
    width: NDArray[np.float64]
    area: Ints
    polygon: NDArray[np.object_]
    group: Ints


def describe_parcels(
    faces: Faces,
    parcel: Ints,
    kind: Ints,
    slope: Ints,
    centre: NDArray[np.float64],
    cell_area: NDArray[np.float64],
    control: int,
    seed: int,
) -> Parcels:
    """Derive what the attribute table needs from a village's cells.

    Parameters
    ----------
    faces
        One polygon per parcel label, ordered by label.
    parcel, kind, slope : int arrays (rows, columns)
        Per cell.
    centre : float array (rows, columns, 2)
        Cell centres; ``cell_area`` their nominal areas (weights).
    control : int
        Area of the village survey area in hundredths of m²; parcels are adjusted to it (平差).
    """
    flat, weight = parcel.ravel(), cell_area.ravel()
    count = int(flat.max()) + 1
    use = np.zeros(count, dtype=np.int64)
    use[flat] = kind.ravel()
    votes = np.zeros((count, 6))
    np.add.at(votes, (flat, slope.ravel()), weight)
    x, y = (
        np.bincount(flat, weight * centre[..., k].ravel(), count) / np.bincount(flat, weight, count) for k in (0, 1)
    )
    order = np.lexsort((x, -np.floor(y / 120.0)))
    place = np.rint(np.stack([x, y]) * 10).astype(np.int64)
    dice = hashed_unit(place[0], place[1], seed * 31 + 7)
    other = hashed_unit(place[0], place[1], seed * 31 + 8)
    gradient = votes.argmax(axis=1)
    field = CULTIVATED[use]
    area = adjusted(ellipsoidal_area(faces.polygon, EPSG), control)
    outline = shapely.length(faces.polygon)
    width = np.where(LINEAR[use], np.clip(np.rint(20.0 * faces.area / outline) / 10.0, 1.0, 99.9), np.nan)
    planting = np.where(field, np.searchsorted(_PLANTING_UP_TO, dice), -1)
    grade = np.where(field, np.clip(5 + gradient + (3 * other).astype(int), 1, 15), 0)
    terraced = (gradient >= 2) & (other < 0.25 + 0.15 * gradient)
    return Parcels(
        faces.label[order],
        use[order],
        gradient[order],
        terraced[order],
        planting[order],
        grade[order],
        width[order],
        area[order],
        faces.polygon[order],
        owner_groups(parcel, use, seed * 31 + 9)[order],
    )


def adjusted(area_m2: NDArray[np.float64], control: int) -> Ints:
    """Round areas to hundredths and spread the rest to ``control`` over the largest (平差), a few hundredths each."""
    cents = np.floor(area_m2 * 100.0 + 0.5).astype(np.int64)
    rest = control - int(cents.sum())
    each = rest // cents.size
    cents = cents + each
    extra = rest - each * cents.size
    cents[np.argsort(-cents, kind="stable")[:extra]] += 1
    return cents


def ridge_cents(parcels: Parcels) -> tuple[NDArray[np.float64], Ints]:
    """Return KCXS (0 where there is none) and KCMJ in hundredths of m², rounded half up."""
    table = np.zeros((2, 6), dtype=np.int64)
    for (form, slope), value in RIDGE_COEFFICIENT.items():
        table[int(form == "TT"), slope] = value
    coefficient = np.where(CULTIVATED[parcels.kind], table[parcels.terraced.astype(int), parcels.slope], 0)
    return coefficient / 1e4, (parcels.area * coefficient + 5_000) // 10_000


@lru_cache(maxsize=1)
def class_names() -> NDArray[np.str_]:
    """Return the official class name of each land kind."""
    codes = load_standard(SURVEY).codelists["DLBM"].codes
    return np.array([codes[kind.dlbm] for kind in KINDS])


def dltb_rows(parcels: Parcels, layout: Layout, village: int, first_bsm: int) -> Rows:
    """Return the DLTB rows of one village, numbered from ``first_bsm`` and TBBH 1."""
    number = np.arange(parcels.kind.size)
    columns = shared_columns(parcels, layout, village)
    columns["BSM"] = bsm(survey_layer("DLTB").layer_code, first_bsm, number.size)
    columns["TBBH"] = pa.array(number + 1).cast(pa.string())
    columns["TBYBH"] = columns["TBBH"]
    return Rows(columns, number.size, parcels.polygon)


def shared_columns(parcels: Parcels, layout: Layout, village: int, year: int = YEAR) -> dict[str, object]:
    """Return every DLTB column except the numbers BSM, TBYBH and TBBH."""
    names = load_standard(SURVEY).codelists
    kind, field = parcels.kind, CULTIVATED[parcels.kind]
    coefficient, ridge = ridge_cents(parcels)
    has_ridge = coefficient > 0
    planting_names = np.array([names["ZZSXDM"].codes[code] for code in PLANTING] + [""])
    woods = field & (parcels.slope >= 4)
    return {
        "DLBM": text_of(DLBM, kind),
        "DLMC": text_of(class_names(), kind),
        "QSXZ": text_of(QSXZ, kind),
        **owner_columns(kind, parcels.group, layout, village),
        "ZLDWDM": layout.zldwdm(village),
        "ZLDWMC": layout.village_name[village],
        "TBMJ": Cents(parcels.area),
        "KCDLBM": text_of(np.array(["", "1203"]), has_ridge.astype(np.int64)),
        "KCXS": np.where(field, coefficient, np.nan),
        "KCMJ": Cents(ridge, ~field),
        "TBDLMJ": Cents(parcels.area - ridge),
        "GDLX": text_of(np.array(["", "PD", "TT"]), np.where(has_ridge, 1 + parcels.terraced, 0)),
        "GDPDJB": text_of(np.array(["", "1", "2", "3", "4", "5"]), np.where(field, parcels.slope, 0)),
        "XZDWKD": parcels.width,
        "TBXHDM": text_of(np.array(["", "LQGD"]), woods.astype(np.int64)),
        "TBXHMC": text_of(np.array(["", names["TBXHDM"].codes["LQGD"]]), woods.astype(np.int64)),
        "ZZSXDM": text_of(np.array([*PLANTING, ""]), parcels.planting % 6),
        "ZZSXMC": text_of(planting_names, parcels.planting % 6),
        "GDDB": np.where(field, parcels.grade.astype(float), np.nan),
        "FRDBS": "0",
        "CZCSXM": text_of(CZCSXM, kind),
        "SJNF": year,
        "MSSM": "00",
    }
