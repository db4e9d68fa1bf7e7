"""Seeded defects: each is in the data, its truth names the right records, the rest of the county stays clean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from kunyu.engines.catalogue.standards import load_standard
from kunyu.kernel.errors import UsageError
from kunyu.kernel.geodesy import ellipsoidal_area, to_lonlat
from kunyu.project.sample_county.defects.changes import CHANGE_KINDS
from kunyu.project.sample_county.defects.changes import FILE as CHANGE_FILE
from kunyu.project.sample_county.defects.control import CONTROL_KINDS
from kunyu.project.sample_county.defects.layers import STRAY
from kunyu.project.sample_county.defects.plan import LAYER_KINDS, PARCEL_KINDS, RULES, read_spec
from kunyu.project.sample_county.generate import generate_county
from kunyu.project.sample_county.tests.conftest import Table, read

CONSEQUENCES = ("bow_tie_gap", "surplus_parcels", "stray_vertex_boundary", "village_sums", "summary_cell")
"""Entries about other records than the one a defect was seeded in."""
GIVERS = ("multipart", "sliver", "small_parcel", "needle")
"""Kinds that take land from another parcel, which is in order itself."""


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a county with one defect of every kind."""
    folder = tmp_path_factory.mktemp("spoiled")
    generate_county(folder, 3_000, 7, defects="all:1")
    return folder


@pytest.fixture(scope="module")
def truth(spoiled: Path) -> dict[str, dict[str, Any]]:
    """Return the truth by kind."""
    entries = _of_the_county(spoiled)
    return {entry["kind"]: entry for entry in entries}


@pytest.fixture(scope="module")
def rows(spoiled: Path) -> Table:
    """Return DLTB of the spoiled county."""
    return read(spoiled / "county.gpkg", "DLTB")


def _of_the_county(folder: Path) -> list[dict[str, Any]]:
    """Entries of the truth about county.*; those about control.* and change-*.* are proved against the rules."""
    entries = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert {entry["file"] for entry in entries} <= {"county", "control", CHANGE_FILE}
    return [entry for entry in entries if entry["file"] == "county"]


def _at(rows: Table, entry: dict[str, Any]) -> np.ndarray:
    return np.flatnonzero(np.isin(rows["BSM"], entry["ids"]))


def _place(entry: dict[str, Any]) -> shapely.Geometry:
    return shapely.from_geojson(json.dumps(entry["geometry"]))


def test_all_seeds_every_kind_once(truth: dict[str, dict[str, Any]]) -> None:
    kinds = [kind for table in (PARCEL_KINDS, LAYER_KINDS) for rule in table.values() for kind in rule]
    assert sorted(truth) == sorted([*kinds, *CONSEQUENCES])
    assert {rule for entry in truth.values() for rule in entry["rule"]} == set(RULES) - set(CONTROL_KINDS) - set(
        CHANGE_KINDS
    )
    assert set(RULES) >= {
        *(f"Q2{k:02d}" for k in range(1, 12)),
        "Q301",
        "Q302",
        "Q303",
        "Q304",
        "Q505",
        "Q506",
        "Q507",
        "Q508",
    }


def test_ids_are_in_the_data_and_places_in_the_county(
    truth: dict[str, dict[str, Any]], rows: Table, spoiled: Path
) -> None:
    county = shapely.union_all(to_lonlat(read(spoiled / "county.gpkg", "XZQ")["geom"], 4526)).buffer(1e-5)
    for kind, entry in truth.items():
        path = spoiled / "county.gpkg"
        if kind == "missing_layer":
            assert entry["layer"] not in set(pyogrio.list_layers(path)[:, 0])
            continue
        table = rows if entry["layer"] == "DLTB" else read(path, entry["layer"])
        known = [str(one) for one in table.get("BSM", table.get("XH", []))]
        if kind == "control_sum":
            known = [*known, *read(path, "XZQ")["BSM"]]
        assert set(entry["ids"]) <= set(known), kind
        if entry["geometry"] is not None:
            assert county.contains(_place(entry)), kind


def test_layer_defects(truth: dict[str, dict[str, Any]], spoiled: Path) -> None:
    """Q201, Q202."""
    path = spoiled / "county.gpkg"
    assert "HDMC" not in read(path, "XZQ") and read(path, "PDT")["PDJB"].dtype == np.int32
    layers = set(pyogrio.list_layers(path)[:, 0])
    assert STRAY in layers and STRAY not in load_standard("TDT1057-2020").layers


def test_cell_defects(truth: dict[str, dict[str, Any]], rows: Table) -> None:
    """Q203 to Q211."""

    def one(kind: str, code: str) -> Any:
        (row,) = _at(rows, truth[kind])
        return rows[code][row]

    assert one("missing_value", "QSXZ") is None
    assert one("foreign_bsm", "BSM").startswith("990102")
    assert one("wrong_ysdm", "YSDM") != "2001010100"
    assert one("unknown_code", "QSXZ") not in load_standard("TDT1057-2020").codelists["QSXZ"].codes
    assert one("wrong_name", "DLMC") != load_standard("TDT1057-2020").codelists["DLBM"].codes[one("wrong_name", "DLBM")]
    assert one("grade_beyond_range", "GDDB") == 16 and one("grade_beyond_range", "DLBM").startswith("01")
    assert one("unknown_owner", "QSDWDM") not in set(rows["ZLDWDM"])
    assert one("wrong_owner_name", "QSDWMC") != one("wrong_owner_name", "ZLDWMC")
    assert len(_at(rows, truth["duplicate_bsm"])) == 2
    twins = _at(rows, truth["duplicate_tbbh"])
    assert len(twins) == 2 and len({(rows["ZLDWDM"][k], rows["TBBH"][k]) for k in twins}) == 1


def test_shape_defects(truth: dict[str, dict[str, Any]], rows: Table) -> None:
    """Q301, Q302: the spoiled shapes are the only ones that are invalid, repeat a vertex or have parts."""
    shapes = rows["geom"]
    invalid = set(rows["BSM"][~shapely.is_valid(shapes)])
    assert invalid == {*truth["bow_tie"]["ids"], *truth["spike"]["ids"]}
    rings, owner = shapely.get_rings(shapely.get_parts(shapes), return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    repeats = (np.abs(np.diff(xy, axis=0)).sum(axis=1) == 0) & (np.diff(ring) == 0)
    part_owner = shapely.get_parts(shapes, return_index=True)[1]
    assert set(rows["BSM"][part_owner[owner[ring[1:][repeats]]]]) == set(truth["repeated_vertex"]["ids"])
    assert set(rows["BSM"][shapely.get_num_geometries(shapes) > 1]) == set(truth["multipart"]["ids"])


@pytest.mark.parametrize(
    ("kind", "least_m2", "most_m2"),
    [
        ("partial_overlap", 3.0, 400.0),
        ("containment", 35.9, 36.1),
        ("exact_duplicate", 400.0, 1e6),
        ("sliver_overlap", 0.004, 0.6),
    ],
)
def test_overlaps(kind: str, least_m2: float, most_m2: float, truth: dict[str, dict[str, Any]], rows: Table) -> None:
    """Q303: the two records named share land of the stated place."""
    first, second = _at(rows, truth[kind])
    shared = shapely.intersection(rows["geom"][first], rows["geom"][second])
    assert least_m2 < shared.area < most_m2
    place = _place(truth[kind])
    found = shapely.make_valid(to_lonlat([shared], 4526)[0])  # a sliver may fold over when its vertices move
    assert shapely.intersection(found, place).area > 0.85 * place.area


@pytest.mark.parametrize(
    ("kind", "least_m2", "most_m2"), [("hole", 24.9, 25.1), ("rim_gap", 3.0, 400.0), ("seam", 0.004, 0.6)]
)
def test_gaps(
    kind: str, least_m2: float, most_m2: float, truth: dict[str, dict[str, Any]], rows: Table, spoiled: Path
) -> None:
    """Q304: no parcel covers the place, though a village does."""
    valid = shapely.make_valid(rows["geom"])
    villages = shapely.union_all(read(spoiled / "county.gpkg", "CJDCQ")["geom"])
    near = to_lonlat(valid, 4526)
    place = _place(truth[kind])
    hits = shapely.STRtree(near).query(place, predicate="intersects")
    assert shapely.intersection(shapely.union_all(near[hits]), place).area < 0.02 * place.area
    assert shapely.intersection(to_lonlat([villages], 4526)[0], place).area > 0.98 * place.area
    (size,) = ellipsoidal_area(np.array([_plane(place)]), 4526)
    assert least_m2 < size < most_m2


def _plane(place: shapely.Geometry) -> shapely.Geometry:
    import pyproj

    to_plane = pyproj.Transformer.from_crs(4490, 4526, always_xy=True)
    return shapely.transform(place, lambda xy: np.column_stack(to_plane.transform(xy[:, 0], xy[:, 1])))


def test_area_rules_fire_exactly_where_the_truth_says(
    truth: dict[str, dict[str, Any]], rows: Table, spoiled: Path
) -> None:
    """Q505 to Q508."""
    shapes, stated = rows["geom"], rows["TBMJ"]
    ridge, net = np.nan_to_num(rows["KCMJ"]), rows["TBDLMJ"]
    q505 = np.abs(ridge - np.floor(stated * np.nan_to_num(rows["KCXS"]) * 100 + 0.5) / 100) > 0.0101
    q506 = np.abs(net - (stated - ridge)) > 0.0101
    valid = shapely.is_valid(shapes)
    q507 = valid & (np.abs(stated - ellipsoidal_area(shapes, 4526)) > np.maximum(0.5, 1e-4 * stated))
    assert set(rows["BSM"][q505]) == set(truth["ridge_area"]["ids"])
    assert set(rows["BSM"][q506]) == set(truth["net_area"]["ids"])
    named = [entry for entry in truth.values() if "Q507" in entry["rule"]]
    must = {entry["kind"]: set(entry["ids"]) for entry in named}
    assert all(ids & set(rows["BSM"][q507]) for ids in must.values())
    assert set(rows["BSM"][q507]) <= set().union(*must.values())
    villages = read(spoiled / "county.gpkg", "CJDCQ")
    off = {
        code
        for code, total in zip(villages["ZLDWDM"], villages["DCMJ"], strict=True)
        if abs(stated[rows["ZLDWDM"] == code].sum() - total) > 0.01
    }
    expected = {rows["ZLDWDM"][_at(rows, truth[kind])[0]] for kind in ("containment", "exact_duplicate")}
    expected |= set(villages["ZLDWDM"][np.isin(villages["BSM"], truth["control_sum"]["ids"])])
    expected |= set(villages["ZLDWDM"][np.isin(villages["BSM"], truth["village_sums"]["ids"])])
    assert off == expected


def test_everything_else_is_as_in_the_clean_county(
    spoiled: Path, truth: dict[str, dict[str, Any]], dltb: Table, rows: Table
) -> None:
    touched = {bsm for entry in truth.values() for bsm in entry["ids"]}
    here = {bsm: k for k, bsm in enumerate(rows["BSM"].tolist())}
    clean = [(k, here[bsm]) for k, bsm in enumerate(dltb["BSM"].tolist()) if bsm in here and bsm not in touched]
    before, after = np.array(clean).T
    assert before.size > 2_940
    same = shapely.to_wkb(dltb["geom"][before]) == shapely.to_wkb(rows["geom"][after])
    same &= dltb["TBMJ"][before] == rows["TBMJ"][after]
    assert (~same).sum() == len(GIVERS)
    places = [_place(truth[kind]) for kind in GIVERS if kind != "multipart"]
    moved = to_lonlat(dltb["geom"][before[~same]], 4526)
    assert all(shapely.dwithin(moved, place, 1e-6).any() for place in places)


def test_a_rules_kinds_take_turns() -> None:
    assert [kind for _, kind in read_spec("Q303:5, Q304:1")] == [
        "partial_overlap",
        "containment",
        "exact_duplicate",
        "sliver_overlap",
        "partial_overlap",
        "hole",
    ]
    assert read_spec("") == []


@pytest.mark.parametrize("spec", ["Q303", "Q303:x", "Q101:1", "all", "Q201:3"])
def test_a_specification_that_cannot_be_met_is_refused(spec: str) -> None:
    with pytest.raises(UsageError):
        read_spec(spec)


def test_no_room_is_said_and_leaves_no_half_county(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Q303"):
        generate_county(tmp_path, 60, 1, defects="Q303:200")
    assert not (tmp_path / "county.gpkg").exists()


@pytest.mark.parametrize("form", ["shp", "gdb", "parquet"])
def test_defects_reach_every_format(form: str, tmp_path: Path) -> None:
    generate_county(tmp_path, 1_600, 2, form, "all:1")
    entries = _of_the_county(tmp_path)
    kinds = [k for t in (PARCEL_KINDS, LAYER_KINDS) for r in t.values() for k in r]
    assert [e["kind"] for e in entries if e["kind"] not in CONSEQUENCES] == sorted(
        kinds, key=[e["kind"] for e in entries].index
    )
