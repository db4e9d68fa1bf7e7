"""The clean county: exact tiling, hard parcels, sums to the cent, codes of the standard (Q201–Q211, Q301–Q304, Q505–Q508)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from kunyu.engines.catalogue.standards import load_standard
from kunyu.kernel.errors import UsageError
from kunyu.kernel.geodesy import ellipsoidal_area
from kunyu.project.sample_county.generate import Report, generate_county
from kunyu.project.sample_county.tests.conftest import Table, read

County = tuple[Path, Report]


def test_exactly_as_many_parcels_as_asked_for(county: County, dltb: Table) -> None:
    assert county[1].parcels == len(dltb["BSM"]) == 3_000
    assert county[1].vertices == int(shapely.get_num_coordinates(dltb["geom"]).sum())


def test_parcels_are_valid_single_polygons_with_four_decimals(dltb: Table) -> None:
    """Q301, Q302."""
    shapes = dltb["geom"]
    xy = shapely.get_coordinates(shapes)
    assert shapely.is_valid(shapes).all()
    assert (shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON).all()
    assert np.array_equal(np.round(xy, 4), xy)
    assert (xy >= [38_500_000, 3_800_000]).all() and (xy < [38_600_000, 3_900_000]).all()
    after_rounding = np.diff(xy, axis=0)
    same_ring = np.diff(shapely.get_coordinates(shapely.get_rings(shapes), return_index=True)[1]) == 0
    assert (np.abs(after_rounding[same_ring]).sum(axis=1) > 0).all(), "a ring repeats a vertex"


def test_parcels_tile_the_county(county: County, dltb: Table) -> None:
    """Q303, Q304: no overlap and no gap wider than 1 mm; the union has the sum's area."""
    shapes = dltb["geom"]
    union = shapely.union_all(shapes)
    assert union.area == pytest.approx(shapely.area(shapes).sum(), rel=1e-6)
    villages = read(county[0] / "county.gpkg", "CJDCQ")["geom"]
    whole = shapely.union_all(villages)
    gap = whole.difference(union)
    assert _widest_mm(gap) < 1.0
    assert _widest_mm(union.difference(whole)) < 1.0
    assert union.difference(whole).area + gap.area < 1e-7 * whole.area + 2.0
    tree = shapely.STRtree(shapes)
    first, second = tree.query(shapes, predicate="intersects")
    pairs = first < second
    shared = shapely.intersection(shapes[first[pairs]], shapes[second[pairs]])
    assert max(_widest_mm(piece) for piece in shared[shapely.area(shared) > 0]) < 1.0


def _widest_mm(shape: shapely.Geometry) -> float:
    """Return an upper bound of the width of thin pieces in millimetres: 2 A / L of the widest polygon."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 0]
    return max((4000 * part.area / part.length for part in parts), default=0.0)


def test_parcels_are_as_hard_as_real_ones(dltb: Table) -> None:
    """Contract: median ≥ 40, 99th percentile ≥ 1,500, a road of > 20,000 vertices and > 500 holes, T-junctions."""
    shapes = dltb["geom"]
    vertices = shapely.get_num_coordinates(shapes)
    assert np.median(vertices) >= 40
    assert np.percentile(vertices, 99) >= 1_500
    road = int(np.argmax(vertices))
    assert dltb["DLBM"][road] == "1004"
    assert vertices[road] > 20_000
    assert shapely.get_num_interior_rings(shapes[road]) > 500
    corners = {tuple(p) for p in shapely.get_coordinates(shapes[road])}
    beside = shapes[shapely.STRtree(shapes).query(shapes[road], predicate="intersects")]
    touching = shapely.get_coordinates(beside[beside != shapes[road]])
    near = touching[shapely.distance(shapely.points(touching), shapes[road].boundary) < 5e-5]
    assert sum(tuple(p) not in corners for p in near) > 500, "no T-junctions on the street polygon"


def test_village_and_township_borders_use_the_parcels_vertices(county: County, dltb: Table) -> None:
    vertices = {tuple(p) for p in shapely.get_coordinates(dltb["geom"])}
    for layer in ("CJDCQ", "XZQ"):
        assert {tuple(p) for p in shapely.get_coordinates(read(county[0] / "county.gpkg", layer)["geom"])} <= vertices
    villages = read(county[0] / "county.gpkg", "CJDCQ")["geom"]
    townships = read(county[0] / "county.gpkg", "XZQ")["geom"]
    assert shapely.coverage_is_valid(villages) and shapely.coverage_is_valid(townships)
    assert shapely.union_all(villages).symmetric_difference(shapely.union_all(townships)).area == 0


def test_areas_add_up_to_the_cent(county: County, dltb: Table) -> None:
    """Q505, Q506, Q507, Q508."""
    path = county[0] / "county.gpkg"
    cents = np.rint(dltb["TBMJ"] * 100).astype(np.int64)
    exact = ellipsoidal_area(dltb["geom"], 4526)
    assert (np.abs(dltb["TBMJ"] - exact) <= 0.03).all()
    villages, townships = read(path, "CJDCQ"), read(path, "XZQ")
    for code, total in zip(villages["ZLDWDM"], villages["DCMJ"], strict=True):
        assert cents[dltb["ZLDWDM"] == code].sum() == round(total * 100)
    of_township = np.array([code[:9] for code in villages["ZLDWDM"]])
    for code, total in zip(townships["XZQDM"], townships["DCMJ"], strict=True):
        assert np.rint(villages["DCMJ"][of_township == code] * 100).sum() == round(total * 100)
    assert np.rint(read(path, "KZMJB")["KZMJ"] * 100)[0] == cents.sum()
    ridge = np.nan_to_num(dltb["KCMJ"])
    assert (np.abs(ridge - dltb["TBMJ"] * np.nan_to_num(dltb["KCXS"])) <= 0.00501).all()
    assert (np.abs(dltb["TBDLMJ"] - (dltb["TBMJ"] - ridge)) < 1e-6).all()


def test_fields_and_codes_are_the_standards(county: County, dltb: Table) -> None:
    """Q201, Q203–Q207, Q209–Q211."""
    standard = load_standard("TDT1057-2020")
    layer = standard.layers["DLTB"]
    assert [name for name in dltb if name != "geom"] == [field.code for field in layer.fields]
    for field in layer.fields:
        values = dltb[field.code]
        filled = [v for v in values.tolist() if v is not None and v == v]
        if field.required == "M":
            assert len(filled) == len(values), field.code
        if field.codelist:
            assert set(filled) <= set(standard.codelists[field.codelist].codes), field.code
        if field.type == "Char":
            assert max(map(len, filled), default=0) <= field.length, field.code
    names = standard.codelists["DLBM"].codes
    assert all(names[code] == name for code, name in zip(dltb["DLBM"], dltb["DLMC"], strict=True))
    assert len(set(dltb["BSM"])) == 3_000
    assert all(v[:10] == "990101" + layer.layer_code and len(v) == 18 for v in dltb["BSM"])
    owners = read(county[0] / "county.gpkg", "QSDWDMB")
    known = dict(zip(owners["QSDWDM"], owners["QSDWMC"], strict=True))
    assert all(known[c] == n for c, n in zip(dltb["QSDWDM"], dltb["QSDWMC"], strict=True))
    for village in set(dltb["ZLDWDM"]):
        mine = dltb["TBBH"][dltb["ZLDWDM"] == village]
        assert sorted(map(int, mine)) == list(range(1, len(mine) + 1))


def test_cultivated_land_has_what_only_it_has(dltb: Table) -> None:
    """Q501–Q503: deductions only on sloping fields, grade and planting on every field."""
    field = np.array([code.startswith("01") for code in dltb["DLBM"]])
    assert all((v is not None) == f for v, f in zip(dltb["GDPDJB"], field, strict=True))
    assert all((v is not None) == f for v, f in zip(dltb["ZZSXDM"], field, strict=True))
    ridge = np.nan_to_num(dltb["KCXS"]) > 0
    assert ridge.any() and field[ridge].all()
    assert all(v in ("TT", "PD") for v in dltb["GDLX"][ridge])
    assert all(v in ("2", "3", "4", "5") for v in dltb["GDPDJB"][ridge])


def test_land_use_mix_is_plausible(dltb: Table) -> None:
    share = {}
    for first in ("01", "03", "07", "10", "11"):
        mine = np.array([code.startswith(first) for code in dltb["DLBM"]])
        share[first] = dltb["TBMJ"][mine].sum() / dltb["TBMJ"].sum()
    assert 0.22 < share["01"] < 0.60
    assert 0.12 < share["03"] < 0.45
    assert 0.03 < share["11"] < 0.15
    assert 0.02 < share["10"] < 0.12
    assert 6_000 < dltb["TBMJ"].mean() < 10_000
    assert dltb["TBMJ"].min() > 200


def test_parcels_are_numbered_from_top_left(dltb: Table) -> None:
    village = dltb["ZLDWDM"] == dltb["ZLDWDM"][-1]
    y = shapely.get_y(shapely.centroid(dltb["geom"][village]))
    tenth = max(1, y.size // 10)
    assert y[:tenth].mean() > y[-tenth:].mean() + 500


def test_the_change_package_tiles_the_county_again(county: County, dltb: Table) -> None:
    """§8, Q601–Q604: base − before + after covers the county; areas balance to the cent."""
    path = county[0] / "change-2025.gpkg"
    after, process = read(path, "DLTBGX"), read(path, "DLTBGXGC")
    gone = np.isin(dltb["BSM"], process["BGQTBBSM"])
    assert gone.sum() >= 30 and set(process["BGQTBBSM"]) <= set(dltb["BSM"])
    assert set(process["BGHTBBSM"]) == set(after["BSM"])
    kept = dltb["geom"][~gone]
    old, new = shapely.union_all(dltb["geom"][gone]), shapely.union_all(after["geom"])
    assert old.symmetric_difference(new).area < 1.0
    assert shapely.area(kept).sum() + shapely.area(after["geom"]).sum() == pytest.approx(
        shapely.area(dltb["geom"]).sum(), rel=1e-8
    )
    assert shapely.is_valid(after["geom"]).all()
    cents = np.rint(process["TBBGMJ"] * 100).astype(int)
    for side, bsm, table in (("BGQ", "BGQTBBSM", dltb), ("BGH", "BGHTBBSM", after)):
        area = dict(zip(table["BSM"], np.rint(table["TBMJ"] * 100).astype(int), strict=True))
        for one in set(process[bsm]):
            assert cents[process[bsm] == one].sum() == area[one], (side, one)
        assert np.abs(table["TBMJ"] - ellipsoidal_area(table["geom"], 4526)).max() < 0.1
    fresh = process["BGXW"] == "2"
    assert not set(process["BGHTBBSM"][fresh]) & set(dltb["BSM"])
    assert (process["BGQTBBSM"][~fresh] == process["BGHTBBSM"][~fresh]).all()
    changed = (process["BGQDLBM"] != process["BGHDLBM"]) | (process["BGQZZSXDM"] != process["BGHZZSXDM"])
    assert changed[~fresh].all()
    assert set(after["SJNF"]) == {2025}


def test_control_lines_do_not_meet(county: County) -> None:
    path = county[0] / "control.gpkg"
    red, farmland, growth = (shapely.union_all(read(path, layer)["geom"]) for layer in ("STBHHX", "YJJBNT", "CZKFBJ"))
    assert red.area > 0 and farmland.area > 0 and growth.area > 0
    for a, b in ((red, farmland), (red, growth), (farmland, growth)):
        assert shapely.intersection(a, b).area <= 1.0
    plan = read(path, "GHYDYH")["geom"]
    assert shapely.area(plan).sum() == pytest.approx(
        shapely.area(read(county[0] / "county.gpkg", "CJDCQ")["geom"]).sum(), rel=1e-9
    )


def test_other_layers_are_there(county: County) -> None:
    path = county[0] / "county.gpkg"
    slope = read(path, "PDT")
    assert shapely.area(slope["geom"]).sum() == pytest.approx(shapely.area(read(path, "XZQ")["geom"]).sum(), rel=1e-9)
    assert set(slope["PDJB"]) <= set("12345")
    for layer in ("XZQJX", "CJDCQJX", "CZCDYD", "YJJBNTTB", "GDDB", "PZWJSTD", "TKXSB", "YJFLMJB", "EJFLMJB"):
        assert len(next(iter(read(path, layer).values()))) > 0, layer
    assert json.loads((county[0] / "truth.json").read_text(encoding="utf-8")) == []
    divisions = (county[0] / "divisions.csv").read_text(encoding="utf-8").splitlines()
    assert divisions[:4] == ["code,name_zh,parent", "99,示范省,", "9901,示范市,99", "990101,坤舆县,9901"]


def test_the_same_arguments_give_the_same_file(county: County, tmp_path: Path) -> None:
    generate_county(tmp_path, 3_000, 7)
    for name in ("county.gpkg", "control.gpkg", "change-2025.gpkg", "divisions.csv", "truth.json"):
        assert (tmp_path / name).read_bytes() == (county[0] / name).read_bytes(), name


@pytest.mark.parametrize("form", ["shp", "gdb", "parquet"])
def test_every_format_holds_the_same_parcels(form: str, tmp_path: Path) -> None:
    generate_county(tmp_path / "gpkg", 120, 3)
    generate_county(tmp_path / form, 120, 3, form)
    expected = read(tmp_path / "gpkg" / "county.gpkg", "DLTB")
    if form == "parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(tmp_path / form / "county" / "DLTB.parquet")
        geo = json.loads(table.schema.metadata[b"geo"])
        assert geo["columns"]["geom"]["encoding"] == "WKB" and geo["columns"]["geom"]["crs"]["id"]["code"] == 4526
        found = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
        shapes = shapely.from_wkb(found["geom"])
    else:
        found = read(tmp_path / form / ("county" if form == "shp" else "county.gdb"), "DLTB")
        shapes = np.array([shapely.get_geometry(g, 0) if g.geom_type == "MultiPolygon" else g for g in found["geom"]])
    for code in ("BSM", "DLMC", "TBBH", "QSDWMC"):
        assert found[code].tolist() == expected[code].tolist()
    assert np.allclose(found["TBMJ"].astype(float), expected["TBMJ"], atol=1e-9)
    assert (shapely.distance(shapely.centroid(shapes), shapely.centroid(expected["geom"])) < 1e-3).all()
    if form == "shp":
        assert (tmp_path / form / "county" / "DLTB.cpg").read_text().strip() == "GBK"
        raw = (tmp_path / form / "county" / "DLTB.dbf").read_bytes()
        widths = {
            raw[32 + 32 * k : 43 + 32 * k].rstrip(b"\0").decode(): raw[48 + 32 * k : 50 + 32 * k] for k in range(30)
        }
        assert tuple(widths["TBMJ"]) == (15, 2) and tuple(widths["BSM"]) == (18, 0) and tuple(widths["KCXS"]) == (6, 4)


@pytest.mark.parametrize("parcels", [60, 61, 140, 375, 1_499])
def test_small_counties_are_whole_too(parcels: int, tmp_path: Path) -> None:
    generate_county(tmp_path, parcels, parcels)
    shapes = read(tmp_path / "county.gpkg", "DLTB")["geom"]
    assert len(shapes) == parcels
    assert shapely.is_valid(shapes).all()
    assert shapely.union_all(shapes).area == pytest.approx(shapely.area(shapes).sum(), rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((10, 1, "gpkg", ""), "60"),
        ((100, -1, "gpkg", ""), "seed"),
        ((100, 1, "dwg", ""), "dwg"),
        ((100, 1, "gpkg", "Q999:1"), "Q999"),
        ((100, 1, "gpkg", "Q303"), "Q303"),
    ],
)
def test_nonsense_is_refused_before_anything_is_written(
    arguments: tuple[int, int, str, str], says: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=says):
        generate_county(tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()
