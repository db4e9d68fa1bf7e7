"""Uploaded plots: every format the field uses, and what is refused with which sentence (R-169; issue text "Bad input")."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from kunyu.engines.analysis.errors import BadPlot, UnreadablePlot
from kunyu.engines.analysis.plot_files import read_content
from kunyu.kernel.geodesy import ellipsoidal_area

# a square of 200 m with a hole of 50 m in 3-degree zone 38, zone in front (EPSG:4526)
X, Y = 38_512_000.0, 3_820_000.0
PLANE = shapely.box(X, Y, X + 200, Y + 200).difference(shapely.box(X + 50, Y + 50, X + 100, Y + 100))
AREA = float(ellipsoidal_area([PLANE], "EPSG:4526")[0])

TEXT = """[属性描述]
格式版本号=1.01版本
坐标系=2000国家大地坐标系
几度分带=3
投影类型=高斯克吕格
计量单位=米
带号=38
精度=0.001
转换参数=0,0,0,0,0,0,0
[地块坐标]
9,3.7500,1,试验地块,面,,建设用地,,@
J1,1,3820000.000,38512000.000
J2,1,3820000.000,38512200.000
J3,1,3820200.000,38512200.000
J4,1,3820200.000,38512000.000
J1,1,3820000.000,38512000.000
J5,2,3820050.000,38512050.000
J6,2,3820050.000,38512100.000
J7,2,3820100.000,38512100.000
J8,2,3820100.000,38512050.000
"""


def write(
    path: Path, driver: str, geometry: shapely.Geometry = PLANE, crs: str | None = "EPSG:4526", **options: Any
) -> Path:
    pyogrio.raw.write(
        path, np.array([shapely.to_wkb(geometry)], dtype=object), [np.array(["甲地块"], dtype=object)], ["DKMC"], driver=driver,
        crs=crs, geometry_type=geometry.geom_type, **options,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_coordinate_text(encoding: str) -> None:
    """X is north, Y east with the zone in front; ring 2 is a hole; the stated area agrees."""
    found = read_content(TEXT.encode(encoding), "plots.txt").document
    assert [one["name"] for one in found["features"]] == ["试验地块"]
    assert found["features"][0]["area_m2"] == pytest.approx(AREA, rel=1e-9)
    assert len(found["features"][0]["geometry"]["coordinates"]) == 2
    assert found["crs"].startswith("EPSG:4526")
    assert found["notes"] == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("坐标系=2000国家大地坐标系", "坐标系=80国家大地坐标系", "只接受 2000"),
        ("带号=38", "带号=39", "前两位是 38"),
        ("几度分带=3", "几度分带=5", "不是中国的高斯克吕格分带"),
        ("J2,1,3820000.000,38512200.000", "J2,1,38512200.000,3820000.000", "写反"),
        ("J2,1,3820000.000,38512200.000", "J2,1,nan,38512200.000", "点号,圈号"),
        ("9,3.7500", "8,3.7500", "实际 9 个"),
        ("J1,1,3820000.000,38512000.000\nJ5", "J1,1,3820001.000,38512000.000\nJ5", "没有闭合"),
        ("[地块坐标]", "[别的]", "没有 [地块坐标] 段"),
    ],
)
def test_a_bad_coordinate_text_says_where(old: str, new: str, said: str) -> None:
    """The line, what it holds, what it should."""
    with pytest.raises(UnreadablePlot) as refused:
        read_content(TEXT.replace(old, new, 1).encode(), "plots.txt")
    assert said in refused.value.detail_zh


def test_a_stated_area_that_differs_is_a_note() -> None:
    """The file's own hectares against the ellipsoid's."""
    found = read_content(TEXT.replace("3.7500", "4.7500").encode(), "plots.txt").document
    assert [one["code"] for one in found["notes"]] == ["stated_area_differs"]


@pytest.mark.parametrize(
    ("suffix", "driver"), [(".gpkg", "GPKG"), (".zip", "ESRI Shapefile"), (".geojson", "GeoJSON"), (".kml", "KML")]
)
def test_files_of_the_field(tmp_path: Path, suffix: str, driver: str) -> None:
    """GeoPackage and zipped Shapefile in a plane, GeoJSON and KML in degrees: the same plot and area."""
    from kunyu.kernel.geodesy import to_lonlat

    in_degrees = driver in ("GeoJSON", "KML")
    geometry = to_lonlat([PLANE], "EPSG:4526")[0] if in_degrees else PLANE
    if suffix == ".zip":
        shape = write(tmp_path / "plots.shp", driver, encoding="UTF-8")
        file = tmp_path / "plots.zip"
        with zipfile.ZipFile(file, "w") as packed:
            for part in tmp_path.glob("plots.*"):
                if part.suffix != ".zip":
                    packed.write(part, part.name)
        assert shape.exists()
    else:
        file = write(tmp_path / f"plots{suffix}", driver, geometry, "EPSG:4326" if in_degrees else "EPSG:4526")
    found = read_content(file.read_bytes(), file.name).document
    assert len(found["features"]) == 1
    # GeoJSON and KML carry fewer decimals
    assert found["features"][0]["area_m2"] == pytest.approx(AREA, rel=1e-4 if in_degrees else 1e-9)


def drawing(corners: list[tuple[float, float]], *, closed: bool) -> bytes:
    """A DXF of one light-weight polyline."""
    pairs: list[tuple[int, object]] = [
        (0, "SECTION"),
        (2, "ENTITIES"),
        (0, "LWPOLYLINE"),
        (8, "DK"),
        (90, len(corners)),
    ]
    pairs += [(70, int(closed))]
    for x, y in corners:
        pairs += [(10, x), (20, y)]
    pairs += [(0, "ENDSEC"), (0, "EOF")]
    return "".join(f"{code}\n{value}\n" for code, value in pairs).encode()


def test_a_drawing_needs_its_crs() -> None:
    """DXF: closed polylines become plots in the named zone; without a zone, or not closed, it is refused."""
    corners = [(X, Y), (X + 200, Y), (X + 200, Y + 200), (X, Y + 200)]
    found = read_content(drawing(corners, closed=True), "plot.dxf", "EPSG:4526").document
    whole = float(ellipsoidal_area([shapely.Polygon(corners)], "EPSG:4526")[0])
    assert found["features"][0]["area_m2"] == pytest.approx(whole, rel=1e-9)
    with pytest.raises(BadPlot, match="坐标系"):
        read_content(drawing(corners, closed=True), "plot.dxf")
    with pytest.raises(BadPlot, match="没有闭合"):
        read_content(drawing(corners, closed=False), "plot.dxf", "EPSG:4526")


def test_what_cannot_be_a_plot_is_refused(tmp_path: Path) -> None:
    """Empty, unknown, damaged, without CRS, in the wrong one, self-intersecting: a sentence each."""
    with pytest.raises(UnreadablePlot, match="空文件"):
        read_content(b"", "plots.zip")
    with pytest.raises(UnreadablePlot, match="不认识的格式"):
        read_content(b"x", "plots.exe")
    from kunyu.kernel.errors import UnreadableInput

    with pytest.raises(UnreadableInput):
        read_content(b"PK\x03\x04 nothing", "plots.zip")
    no_crs = write(tmp_path / "plots.gpkg", "GPKG", crs=None)
    with pytest.raises(BadPlot, match="没有写明坐标系"):
        read_content(no_crs.read_bytes(), "plots.gpkg")
    assert read_content(no_crs.read_bytes(), "plots.gpkg", "EPSG:4526").plots[0].plot.area_m2 == pytest.approx(AREA)
    wrong = write(tmp_path / "wrong.gpkg", "GPKG", crs="EPSG:4549")
    with pytest.raises(BadPlot, match="甲地块"):
        read_content(wrong.read_bytes(), "wrong.gpkg")
    bow = {"type": "Polygon", "coordinates": [[[113, 34], [113.1, 34.1], [113.1, 34], [113, 34.1], [113, 34]]]}
    with pytest.raises(BadPlot, match=r"自相交，位置 113\.05"):
        read_content(json.dumps(bow).encode(), "bow.geojson")
