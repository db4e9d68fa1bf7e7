"""Every kind of defect the sample can seed, and the rules each must set off. 缺陷种类.

A kind is a function that spoils one village's rows and says what must be found. Rule ids are those of the land survey's
rule list. A defect that changes an area names Q507 only when the change is beyond that rule's tolerance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import shapely

from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.defects.sheet import NoRoom, Sheet
from kunyu.project.sample_county.defects.spots import DEPTH_M, inner_spot, inner_square, rim_spot
from kunyu.project.sample_county.layout import COUNTY, EPSG


@dataclass(frozen=True)
class Seeded:
    """One seeded defect: rules that must fire, BSM as written, the place in the delivered plane.

    ``surplus``: the village's parcels now add up to more than its DCMJ, which is a second entry (Q508 on CJDCQ).
    ``also``: consequences that concern other records, as entries of their own. ``file``: name of the package it is in.
    """

    rules: tuple[str, ...]
    ids: tuple[str, ...]
    place: shapely.Geometry | None
    kind: str = ""
    layer: str = "DLTB"
    surplus: bool = False
    also: tuple[Seeded, ...] = ()
    file: str = "county"


@dataclass
class Bench:
    """What kinds share: the county's boundary line, its villages (code, name) in order, the next BSM for added rows."""

    rim: shapely.Geometry
    layer_code: str
    villages: tuple[tuple[str, str], ...] = ()
    serial: int = field(default=90_000_000)

    def next_bsm(self) -> str:
        """Return a BSM no generated row has."""
        self.serial += 1
        return f"{COUNTY}{self.layer_code}{self.serial:08d}"


Kind = Callable[[Sheet, Bench], Seeded]


def _point(sheet: Sheet, row: int) -> shapely.Geometry:
    return shapely.point_on_surface(sheet.polygon[row])


def _any(sheet: Sheet) -> np.ndarray:
    return np.ones(sheet.polygon.size, dtype=bool)


def _cultivated(sheet: Sheet) -> np.ndarray:
    return np.asarray(np.char.startswith(sheet.values("DLBM").astype(str), "01"))


def _plain(sheet: Sheet) -> np.ndarray:
    """Say which rows are not fields: without ridges their net area is their area."""
    return ~_cultivated(sheet)


def unmarked(sheet: Sheet) -> np.ndarray:
    """Say which rows lie in no settlement."""
    return np.array([code is None or code == "" for code in sheet.values("CZCSXM")])


def _with_area_rule(sheet: Sheet, row: int, shape: shapely.Geometry, rules: tuple[str, ...]) -> tuple[str, ...]:
    """Add Q507 where the new shape's area is off by more than max(0.5 m², 0.0001 TBMJ)."""
    stated = float(sheet.get(row, "TBMJ"))
    off = abs(float(ellipsoidal_area(np.array([shape], dtype=object), EPSG)[0]) - stated)
    return (*rules, "Q507") if off > max(0.5, 1e-4 * stated) else rules


def cell(
    rules: tuple[str, ...], code: str, spoil: Callable[[Sheet, int], object],
    where: Callable[[Sheet], np.ndarray] = _any,
) -> Kind:  # fmt: skip
    """Return the kind that spoils one value of one row, of those that ``where`` says."""

    def seed(sheet: Sheet, bench: Bench) -> Seeded:
        row = sheet.take(where(sheet))
        sheet.set(row, code, spoil(sheet, row))
        return Seeded(rules, (str(sheet.get(row, "BSM")),), _point(sheet, row))

    return seed


def values(rules: str, where: Callable[[Sheet], np.ndarray], **spoilt: object) -> Kind:
    """Return the kind that writes these values into one row of those that ``where`` says."""

    def seed(sheet: Sheet, bench: Bench) -> Seeded:
        row = sheet.take(where(sheet))
        for code, value in spoilt.items():
            sheet.set(row, code, value)
        return Seeded(tuple(rules.split()), (str(sheet.get(row, "BSM")),), _point(sheet, row))

    return seed


def _ridged(sheet: Sheet) -> np.ndarray:
    return np.asarray(np.nan_to_num(sheet.values("KCXS").astype(float)) > 0)


def _linear(sheet: Sheet) -> np.ndarray:
    return np.asarray(np.nan_to_num(sheet.values("XZDWKD").astype(float)) > 0)


def _of_class(*classes: str) -> Callable[[Sheet], np.ndarray]:
    return lambda sheet: np.isin(sheet.values("DLBM").astype(str), classes)


def duplicate_bsm(sheet: Sheet, bench: Bench) -> Seeded:
    """Two parcels bear one BSM."""
    row, other = sheet.take(_any(sheet)), sheet.take(_any(sheet))
    sheet.set(row, "BSM", sheet.get(other, "BSM"))
    return Seeded(("Q204",), (str(sheet.get(other, "BSM")),), _point(sheet, row))


def duplicate_tbbh(sheet: Sheet, bench: Bench) -> Seeded:
    """Two parcels of a village bear one TBBH."""
    row, other = sheet.take(_any(sheet)), sheet.take(_any(sheet))
    sheet.set(row, "TBBH", sheet.get(other, "TBBH"))
    ids = sorted(str(sheet.get(k, "BSM")) for k in (row, other))
    return Seeded(("Q211",), tuple(ids), _point(sheet, row))


def net_area(sheet: Sheet, bench: Bench) -> Seeded:
    """The ridge area is off; the net area follows it."""
    ridged = _ridged(sheet)
    row = sheet.take(ridged if sheet.free(ridged) else _cultivated(sheet))
    sheet.set(row, "KCMJ", float(sheet.get(row, "KCMJ")) + 5)
    sheet.set(row, "TBDLMJ", float(sheet.get(row, "TBDLMJ")) - 5)
    return Seeded(("Q505",), (str(sheet.get(row, "BSM")),), _point(sheet, row))


def shifted_area(sheet: Sheet, bench: Bench) -> Seeded:
    """Sixty square metres are booked on the wrong parcel: the village's sum still holds."""
    size = sheet.values("TBMJ").astype(float)
    fits = _plain(sheet) & (size < 200_000) & (size > 400)
    row, other = sheet.take(fits), sheet.take(fits)
    for k, change in ((row, 60.0), (other, -60.0)):
        value = round(float(sheet.get(k, "TBMJ")) + change, 2)
        sheet.set(k, "TBMJ", value)
        sheet.set(k, "TBDLMJ", value)
    ids = sorted(str(sheet.get(k, "BSM")) for k in (row, other))
    return Seeded(("Q507",), tuple(ids), _point(sheet, row))


def misplaced_housing(sheet: Sheet, bench: Bench) -> Seeded:
    """Rural housing is marked as a city's, urban housing as a village's."""
    row = sheet.take(_of_class("0701", "0702")(sheet))
    sheet.set(row, "CZCSXM", "201" if sheet.get(row, "DLBM") == "0702" else "203")
    return Seeded(("Q511", "Q404"), (str(sheet.get(row, "BSM")),), _point(sheet, row))


def bow_tie(sheet: Sheet, bench: Bench) -> Seeded:
    """An edge crosses itself and leaves a triangle to nobody."""
    spot = inner_spot(sheet)
    s = min(2.0, spot.length / 4)
    points = [spot.at(-s, 0), spot.at(s / 2, -s), spot.at(-s / 2, -s), spot.at(s, 0)]
    sheet.reshape(spot.row, spot.insert(sheet.polygon[spot.row], points))
    gap = shapely.Polygon([spot.at(-s, 0), spot.at(0, -2 * s / 3), spot.at(s, 0)])
    ids = sorted(str(sheet.get(k, "BSM")) for k in (spot.row, spot.neighbour))
    left_open = Seeded(("Q304",), tuple(ids), gap, "bow_tie_gap")
    return Seeded(
        ("Q301",), (str(sheet.get(spot.row, "BSM")),), shapely.Point(spot.at(0, -2 * s / 3)), also=(left_open,)
    )


def spike(sheet: Sheet, bench: Bench) -> Seeded:
    """A needle without width sticks out of an edge."""
    spot = inner_spot(sheet)
    foot, tip = spot.at(0, 0), spot.at(0, -DEPTH_M)
    sheet.reshape(spot.row, spot.insert(sheet.polygon[spot.row], [foot, tip, foot]))
    return Seeded(("Q301",), (str(sheet.get(spot.row, "BSM")),), shapely.LineString([foot, tip]))


def repeated_vertex(sheet: Sheet, bench: Bench) -> Seeded:
    """A vertex stands twice."""
    spot = inner_spot(sheet)
    sheet.reshape(spot.row, spot.insert(sheet.polygon[spot.row], [spot.a]))
    return Seeded(("Q301",), (str(sheet.get(spot.row, "BSM")),), shapely.Point(spot.a))


def multipart(sheet: Sheet, bench: Bench) -> Seeded:
    """A square inside one parcel belongs to another one of its class, some way off; areas of classes still add up."""
    tried: set[int] = set()
    classes, owners = (sheet.values(code).astype(str) for code in ("DLBM", "QSDWDM"))
    plain = _plain(sheet)
    while True:
        try:
            giver, square = inner_square(sheet, 9.0)
        except NoRoom:
            sheet.used -= tried
            raise
        alike = plain & (classes == classes[giver]) & (owners != owners[giver])
        alike &= sheet.values("CZCSXM").astype(str) == str(sheet.get(giver, "CZCSXM"))
        taker = sheet.free(alike & ~shapely.dwithin(sheet.polygon, sheet.polygon[giver], 1.0))
        if taker:
            break
        tried.add(giver)
    sheet.used -= tried
    sheet.used.add(taker[0])
    row, size = taker[0], round(float(ellipsoidal_area(np.array([square], dtype=object), EPSG)[0]), 2)
    for k, change in ((row, size), (giver, -size)):
        for code in ("TBMJ", "TBDLMJ"):
            sheet.set(k, code, round(float(sheet.get(k, code)) + change, 2))
    sheet.reshape(row, shapely.MultiPolygon([sheet.polygon[row], square]))
    sheet.reshape(giver, shapely.difference(sheet.polygon[giver], square))
    return Seeded(("Q302",), (str(sheet.get(row, "BSM")),), _point(sheet, row))


def partial_overlap(sheet: Sheet, bench: Bench) -> Seeded:
    """A field reaches three metres into its neighbour; no settlement is near, and farmland may lie on it (Q404, Q407)."""
    spot = inner_spot(sheet, _cultivated(sheet), unmarked(sheet))
    reach = spot.length / 3
    points = [spot.at(-reach, 0), spot.at(0, DEPTH_M), spot.at(reach, 0)]
    shape = spot.insert(sheet.polygon[spot.row], points)
    sheet.reshape(spot.row, shape)
    ids = sorted(str(sheet.get(k, "BSM")) for k in (spot.row, spot.neighbour))
    return Seeded(_with_area_rule(sheet, spot.row, shape, ("Q303",)), tuple(ids), shapely.Polygon(points))


def containment(sheet: Sheet, bench: Bench) -> Seeded:
    """A surplus parcel lies inside another."""
    row, square = inner_square(sheet, 6.0)
    new = sheet.append(row, bench.next_bsm(), square)
    size = round(float(ellipsoidal_area(np.array([square]), EPSG)[0]), 2)
    for code, value in (("TBMJ", size), ("TBDLMJ", size), ("KCMJ", None), ("KCXS", None), ("KCDLBM", None)):
        sheet.set(new, code, value)
    if sheet.get(row, "KCMJ") is not None:
        sheet.set(new, "KCMJ", 0.0)
        sheet.set(new, "KCXS", 0.0)
    ids = sorted(str(sheet.get(k, "BSM")) for k in (row, new))
    return Seeded(("Q303", "Q306"), tuple(ids), square, surplus=True)


def exact_duplicate(sheet: Sheet, bench: Bench) -> Seeded:
    """A parcel is there twice, under two numbers."""
    row = sheet.take(shapely.get_num_coordinates(sheet.polygon) < 400)
    new = sheet.append(row, bench.next_bsm(), sheet.polygon[row])
    ids = sorted(str(sheet.get(k, "BSM")) for k in (row, new))
    return Seeded(("Q303",), tuple(ids), sheet.polygon[row], surplus=True)


def sliver_overlap(sheet: Sheet, bench: Bench) -> Seeded:
    """A parcel reaches two millimetres over a whole edge."""
    return _seam(sheet, 0.002, "Q303")


def seam(sheet: Sheet, bench: Bench) -> Seeded:
    """Two millimetres stay open along an edge."""
    return _seam(sheet, -0.002, "Q304")


def _seam(sheet: Sheet, outward: float, rule: str) -> Seeded:
    spot = inner_spot(sheet, _cultivated(sheet), unmarked(sheet))
    reach = spot.length / 2 - 0.5
    points = [spot.at(-reach, 0), spot.at(0.3 - reach, outward), spot.at(reach - 0.3, outward), spot.at(reach, 0)]
    sheet.reshape(spot.row, spot.insert(sheet.polygon[spot.row], points))
    rows = (spot.row, spot.neighbour)
    return Seeded((rule,), tuple(sorted(str(sheet.get(k, "BSM")) for k in rows)), shapely.Polygon(points))


def hole(sheet: Sheet, bench: Bench) -> Seeded:
    """A square of five metres in a parcel belongs to nobody."""
    row, square = inner_square(sheet, 5.0)
    inner = [
        *(shapely.get_coordinates(r) for r in sheet.polygon[row].interiors),
        shapely.get_coordinates(square.exterior)[::-1],
    ]
    shape = shapely.Polygon(shapely.get_coordinates(sheet.polygon[row].exterior), inner)
    sheet.reshape(row, shape)
    return Seeded(_with_area_rule(sheet, row, shape, ("Q304",)), (str(sheet.get(row, "BSM")),), square)


def rim_gap(sheet: Sheet, bench: Bench) -> Seeded:
    """A parcel stays three metres back from the county boundary; no settlement's outline runs there (Q403)."""
    spot = rim_spot(sheet, bench.rim, unmarked(sheet))
    reach = spot.length / 3
    points = [spot.at(-reach, 0), spot.at(0, -DEPTH_M), spot.at(reach, 0)]
    shape = spot.insert(sheet.polygon[spot.row], points)
    sheet.reshape(spot.row, shape)
    return Seeded(
        _with_area_rule(sheet, spot.row, shape, ("Q304",)), (str(sheet.get(spot.row, "BSM")),), shapely.Polygon(points)
    )


PARCEL_KINDS: dict[str, dict[str, Kind]] = {
    "Q203": {"missing_value": cell(("Q203",), "QSXZ", lambda s, r: None)},
    "Q204": {
        "duplicate_bsm": duplicate_bsm,
        "foreign_bsm": cell(("Q204",), "BSM", lambda s, r: "990102" + s.get(r, "BSM")[6:]),
    },
    "Q205": {"wrong_ysdm": cell(("Q205",), "YSDM", lambda s, r: "2001010200")},
    "Q206": {"unknown_code": cell(("Q206",), "QSXZ", lambda s, r: "99")},
    "Q207": {"wrong_name": cell(("Q207",), "DLMC", lambda s, r: "水田" if s.get(r, "DLBM") != "0101" else "旱地")},
    "Q208": {"grade_beyond_range": cell(("Q208",), "GDDB", lambda s, r: 16, _cultivated)},
    "Q209": {"unknown_owner": cell(("Q209",), "QSDWDM", lambda s, r: f"{COUNTY}999999{r + 1:07d}")},
    "Q210": {"wrong_owner_name": cell(("Q210",), "QSDWMC", lambda s, r: s.get(r, "QSDWMC") + "（旧）")},
    "Q211": {"duplicate_tbbh": duplicate_tbbh},
    "Q301": {"bow_tie": bow_tie, "spike": spike, "repeated_vertex": repeated_vertex},
    "Q302": {"multipart": multipart},
    "Q303": {
        "partial_overlap": partial_overlap,
        "containment": containment,
        "exact_duplicate": exact_duplicate,
        "sliver_overlap": sliver_overlap,
    },
    "Q304": {"hole": hole, "rim_gap": rim_gap, "seam": seam},
    "Q501": {"no_field_type": values("Q501", _ridged, GDLX=None)},
    "Q502": {"slope_class_outside_fields": values("Q502", _plain, GDPDJB="1")},
    "Q503": {"no_planting": values("Q503", _cultivated, ZZSXDM=None, ZZSXMC=None)},
    "Q505": {"ridge_area": net_area},
    "Q506": {"net_area": cell(("Q506",), "TBDLMJ", lambda s, r: float(s.get(r, "TBDLMJ")) + 3)},
    "Q507": {"shifted_area": shifted_area},
    "Q510": {
        "no_settlement": values(
            "Q510 Q404",
            _of_class("0601", "0701", "0702", "05H1", "08H1", "08H2", "1005", "0809", "0810", "1201"),
            CZCSXM=None,
        )
    },
    "Q511": {"misplaced_housing": misplaced_housing},
    "Q512": {"fields_in_the_woods": values("Q512", _plain, TBXHDM="LQGD", TBXHMC="林区耕地")},
    "Q513": {"grain_outside_fields": values("Q513", _plain, ZZSXDM="LS", ZZSXMC="种植粮食作物")},
    "Q514": {"collective_river": values("Q514", _of_class("1001", "1003", "1101"), QSXZ="30")},
    "Q515": {"enclave_at_home": values("Q515", _any, FRDBS="1")},
    "Q516": {"island_on_land": values("Q516", _any, HDMC="月亮岛")},
    "Q517": {"no_width": values("Q517", _linear, XZDWKD=None)},
}
"""Kinds seeded in DLTB, by the rule they are named for."""
