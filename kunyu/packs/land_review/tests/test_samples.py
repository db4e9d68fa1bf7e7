"""The plots of the demonstration lie where they say in the sample county that a node loads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from kunyu.kernel.geodesy import area_of_lonlat, to_lonlat
from kunyu.project.runtime.sample_job import PARCELS, SEED
from kunyu.project.sample_county.generate import generate_county

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "plots.geojson"


def plots() -> dict[str, tuple[dict[str, object], shapely.Geometry]]:
    found = json.loads(SAMPLES.read_text(encoding="utf-8"))["features"]
    return {one["properties"]["name"]: (one["properties"], shapely.geometry.shape(one["geometry"])) for one in found}


@pytest.mark.quick
def test_each_states_its_area_and_the_sea_is_far_away():
    for properties, plot in plots().values():
        assert plot.is_valid and shapely.is_ccw(plot.exterior)
        assert float(area_of_lonlat([plot])[0]) == pytest.approx(properties["area_m2"], abs=0.01)
    assert list(plots()) == ["clear", "farmland", "red_line", "outside", "sea"]
    assert plots()["sea"][1].distance(plots()["clear"][1]) > 5


@pytest.mark.long
def test_each_lies_where_it_says(tmp_path: Path):
    generate_county(tmp_path, PARCELS, SEED)
    red, farmland, boundary = (layer(tmp_path, name) for name in ("STBHHX", "YJJBNT", "CZKFBJ"))
    for name, inside, off in (
        ("clear", [boundary], [red, farmland]),
        ("farmland", [farmland], [red, boundary]),
        ("red_line", [red], [farmland, boundary]),
        ("outside", [], [red, farmland, boundary]),
        ("sea", [], [red, farmland, boundary]),
    ):
        plot = plots()[name][1]
        assert all(shapely.area(shapely.difference(plot, one)) < 1e-13 for one in inside), name
        assert not any(one.intersects(plot) for one in off), name


def layer(folder: Path, name: str) -> shapely.Geometry:
    _, _, geometry, _ = pyogrio.raw.read(folder / "control.gpkg", layer=name, columns=[])
    return shapely.union_all(to_lonlat(np.asarray(shapely.from_wkb(geometry)), "EPSG:4526"))
