"""The county's digital elevation model, a Cloud-ready GeoTIFF. 数字高程模型."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kunyu.project.sample_county.layout import EPSG, ORIGIN
from kunyu.project.sample_county.terrain import Terrain

_PIXELS = 1_500


def write_dem(path: Path, terrain: Terrain) -> None:
    """Write heights in metres (float32, EPSG:4526) on a grid of at most about 1,500 × 1,500 pixels, at least 10 m.

    Raises
    ------
    ImportError
        rasterio is not installed.
    """
    import rasterio
    from rasterio.transform import from_origin

    pixel = max(10.0, float(np.ceil(max(terrain.width_m, terrain.height_m) / _PIXELS)))
    columns, rows = int(np.ceil(terrain.width_m / pixel)), int(np.ceil(terrain.height_m / pixel))
    x = (np.arange(columns) + 0.5) * pixel
    y = (rows - 0.5 - np.arange(rows)) * pixel
    transform = from_origin(ORIGIN[0], ORIGIN[1] + rows * pixel, pixel, pixel)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=columns,
        height=rows,
        count=1,
        dtype="float32",
        crs=f"EPSG:{EPSG}",
        transform=transform,
        tiled=True,
        blockxsize=256,
        blockysize=256,
        compress="deflate",
        predictor=3,
        nodata=-9999.0,
    ) as target:
        for top in range(0, rows, 256):
            part = slice(top, min(rows, top + 256))
            grid_x, grid_y = np.meshgrid(x, y[part])
            window = rasterio.windows.Window(0, top, columns, grid_x.shape[0])
            target.write(terrain.elevation(grid_x, grid_y).astype(np.float32), 1, window=window)
