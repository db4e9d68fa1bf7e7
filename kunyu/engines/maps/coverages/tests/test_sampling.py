"""Sampling against exact projection, heights against planes with a known slope, band math against numpy. Pure."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from kunyu.engines.maps.coverages import terrain
from kunyu.engines.maps.coverages.errors import BadExpression
from kunyu.engines.maps.coverages.expressions import read_expression
from kunyu.engines.maps.coverages.handles import OpenImage
from kunyu.engines.maps.coverages.sampling import Grid, sample
from kunyu.engines.maps.grids import Box

pytestmark = pytest.mark.quick
SIDE = 400
ORIGIN = (38_500_000.0, 3_820_000.0)


def image_of(values: np.ndarray, nodata: float | None = None) -> OpenImage:
    """An image of 10 m pixels in EPSG:4526."""
    memory = MemoryFile()
    with memory.open(
        driver="GTiff", width=values.shape[1], height=values.shape[0], count=1, dtype=values.dtype, crs="EPSG:4526",
        transform=from_origin(*ORIGIN, 10, 10), nodata=nodata,
    ) as target:  # fmt: skip
        target.write(values, 1)
    return OpenImage("x", rasterio.open(memory))


def test_every_pixel_lies_within_half_a_pixel_of_its_place() -> None:
    """A picture whose values are its own columns, seen in Mercator: positions agree with PROJ's, pixel by pixel."""
    image = image_of(np.tile(np.arange(SIDE, dtype=np.float32), (SIDE, 1)))
    to_mercator = Transformer.from_crs(4526, 3857, always_xy=True)
    west, south = to_mercator.transform(ORIGIN[0] + 500, ORIGIN[1] - 3500)
    east, north = to_mercator.transform(ORIGIN[0] + 3500, ORIGIN[1] - 500)
    grid = Grid(Box(west, south, east, north), 3857, 256, 256)
    found = sample(image, grid, (1,))
    assert found is not None and found.valid.all()
    dx, dy = grid.pixel
    x, y = np.meshgrid(west + (np.arange(256) + 0.5) * dx, north - (np.arange(256) + 0.5) * dy)
    back = Transformer.from_crs(3857, 4526, always_xy=True)
    columns = (back.transform(x, y)[0] - ORIGIN[0]) / 10
    assert np.abs(found.values[0] + 0.5 - columns).max() <= 0.51
    smooth = sample(image, grid, (1,), "bilinear")
    assert smooth is not None and np.abs(smooth.values[0] + 0.5 - columns).max() < 0.02


def test_nodata_takes_no_part() -> None:
    """Neither declared nodata nor an undeclared 3.4e38 is a value, also between pixels; beside the image is nothing."""
    values = np.full((SIDE, SIDE), 100, np.float32)
    values[:, 200:] = np.float32(3.4028235e38)
    values[100:110] = -9999
    image = image_of(values, nodata=-9999)
    box = Box(ORIGIN[0] - 100, ORIGIN[1] - 4000, ORIGIN[0] + 3900, ORIGIN[1])
    found = sample(image, Grid(box, 4526, 400, 400), (1,), "bilinear")
    assert found is not None
    assert set(np.unique(found.values[0][found.valid])) == {100.0}
    assert not found.valid[:, :9].any() and not found.valid[103:107].any() and not found.valid[:, 212:].any()
    assert found.valid[50, 20:200].all()
    away = Box(ORIGIN[0] + 1e6, ORIGIN[1], ORIGIN[0] + 1.1e6, ORIGIN[1] + 1e5)
    assert sample(image, Grid(away, 4526, 64, 64), (1,)) is None


@pytest.mark.parametrize("rise", [0.0, 0.1, 1.0])
def test_slope_of_a_plane(rise: float) -> None:
    """A plane that rises to the east by ``rise`` per metre has that slope; the sun in the east lights it less than flat."""
    grid = Grid(Box(ORIGIN[0], ORIGIN[1], ORIGIN[0] + 500, ORIGIN[1] + 500), 4526, 50, 50)
    heights = np.tile((np.arange(52) * 10 * rise).astype(np.float32), (52, 1))
    east, north, _ = terrain.gradients(heights, np.ones((52, 52), np.bool_), grid)
    assert terrain.slope_degrees(east, north) == pytest.approx(np.full((50, 50), np.degrees(np.arctan(rise))), abs=1e-3)
    shade = terrain.hillshade(east, north, azimuth=90, altitude=45)
    expected = max(0.0, (np.cos(np.pi / 4) - np.sin(np.pi / 4) * rise) / np.sqrt(1 + rise**2)) * 255
    assert abs(int(shade[25, 25]) - expected) <= 1


def test_metres_of_mercator_and_degrees() -> None:
    """At 30 N a Mercator metre is cos 30 on the ground; a degree of latitude is about 110.9 km, of longitude 96.5 km."""
    mercator = Grid(Box(0, 3503549.84 - 50, 100, 3503549.84 + 50), 3857, 1, 1)
    assert terrain.pixel_metres(mercator)[0].item() == pytest.approx(100 * np.cos(np.radians(30)), rel=1e-4)
    degrees = Grid(Box(112.5, 29.5, 113.5, 30.5), 4490, 1, 1)
    east, north = (one.item() for one in terrain.pixel_metres(degrees))
    assert (east, north) == (pytest.approx(96_486, abs=5), pytest.approx(110_852, abs=5))


def test_band_math() -> None:
    """Several results, functions, comparisons; division by nothing is no number; more than arithmetic is refused."""
    values = {1: np.array([[1.0, 0.0]]), 2: np.array([[3.0, 0.0]])}
    found = read_expression("(b2-b1)/(b2+b1); where(b1>0.5, sqrt(b2**2), -1)").of(values)
    assert found[0, 0, 0] == 0.5 and np.isnan(found[0, 0, 1]) and found[1].tolist() == [[3.0, -1.0]]
    for text in ("open('x')", "b1.T", "b1**b2", "b1**1e9", "True", "1", "b1;b1;b1;b1;b1", "b1\nb2", "b1" + "+b1" * 200):
        with pytest.raises(BadExpression):
            read_expression(text)
