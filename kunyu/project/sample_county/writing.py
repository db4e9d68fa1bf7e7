"""Files: one layer after the other, as a stream of Arrow batches. 写出数据文件.

GeoPackage and File Geodatabase hold all layers of a package in one container; shapefiles and GeoParquet are a folder
with a file per layer. Clocks of the drivers are pinned, so the same county is the same file.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj

from kunyu.project.sample_county.layout import EPSG
from kunyu.project.sample_county.tables import GEOMETRY

FORMATS = ("gpkg", "shp", "gdb", "parquet")
_DRIVER = {"gpkg": "GPKG", "shp": "ESRI Shapefile", "gdb": "OpenFileGDB"}
_CLOCK = "2025-01-01T00:00:00.000Z"


class _Relay:
    """Hands batches on and remembers the error of the generator behind them: it cannot cross the C stream."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self.batches = batches
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self.batches
        except Exception as error:
            self.error = error
            raise


def exact_decimals(form: str) -> bool:
    """Say whether Float fields are written as decimals: formats that store a number's width and decimals."""
    return form == "shp"


class Package:
    """One package of layers (``county``, ``control``, ``change-2025``) in one format.

    Shapefiles: ``encoding`` GBK, as deliveries are, with a .cpg that says so.
    """

    def __init__(self, folder: Path, name: str, form: str) -> None:
        self.form = form
        self.path = folder / (name if form in ("shp", "parquet") else f"{name}.{form}")
        self._discard()
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _CLOCK})

    def _discard(self) -> None:
        """Remove what an earlier run or a broken one left: half a package must not look like a whole one."""
        if self.path.is_dir():
            shutil.rmtree(self.path)
        self.path.unlink(missing_ok=True)

    def write(self, layer: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], multi: bool = False) -> None:
        """Write one layer; ``batches`` is consumed as the driver asks for them."""
        geometry_type = _geometry_type(layer, schema, multi)
        if self.form == "parquet":
            self._write_parquet(layer, schema, batches, geometry_type, multi)
        else:
            self._write_ogr(layer, schema, batches, geometry_type)

    def _write_ogr(
        self, layer: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], geometry_type: str | None
    ) -> None:
        target = self.path
        options: dict[str, str] = {}
        extra: dict[str, str] = {}
        if self.form == "shp":
            self.path.mkdir(parents=True, exist_ok=True)
            target = self.path / (f"{layer}.shp" if geometry_type else f"{layer}.dbf")
            options = {"DBF_DATE_LAST_UPDATE": _CLOCK[:10]}
            extra = {"encoding": "GBK"}
        if self.form == "gdb":
            options = {"TARGET_ARCGIS_VERSION": "ARCGIS_PRO_3_2_OR_LATER"}
        relay = _Relay(batches)
        reader = pa.RecordBatchReader.from_batches(schema, iter(relay))
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message=".*(crs|CRS|width|Normalized|field name|not normally allowed|organizePolygons).*"
            )
            try:
                pyogrio.write_arrow(
                    reader,
                    target,
                    layer=layer,
                    driver=_DRIVER[self.form],
                    geometry_name=GEOMETRY if geometry_type else None,
                    geometry_type=geometry_type,
                    crs=f"EPSG:{EPSG}" if geometry_type else None,
                    layer_options=options,
                    **extra,
                )
            except Exception:
                self._discard()
                if relay.error is not None:  # the driver only knows that the stream broke off
                    raise relay.error from None
                raise

    def _write_parquet(
        self, layer: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], geometry_type: str | None, multi: bool
    ) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        plain = pa.schema([field.remove_metadata() for field in schema])
        if geometry_type:
            plain = plain.with_metadata({"geo": json.dumps(_geo_metadata(geometry_type, multi))})
        with pq.ParquetWriter(self.path / f"{layer}.parquet", plain, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=plain))


def _geo_metadata(geometry_type: str, multi: bool) -> dict[str, object]:
    """Return the GeoParquet 1.1 key: WKB, planar edges, axis order x, y."""
    single = geometry_type.removeprefix("Multi")
    column = {
        "encoding": "WKB",
        "geometry_types": [single, f"Multi{single}"] if multi else [single],
        "crs": json.loads(pyproj.CRS.from_epsg(EPSG).to_json()),
        "edges": "planar",
    }
    return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}


def _geometry_type(layer: str, schema: pa.Schema, multi: bool) -> str | None:
    if GEOMETRY not in schema.names:
        return None
    single = "LineString" if layer.endswith("JX") or "JXGX" in layer else "Polygon"
    return f"Multi{single}" if multi else single


def batched(batches: Iterable[pa.RecordBatch], rows: int = 20_000) -> Iterator[pa.RecordBatch]:
    """Join small batches to ones of about ``rows`` rows: drivers take them faster."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.num_rows
        if size >= rows:
            yield pa.Table.from_batches(held).combine_chunks().to_batches()[0]
            held, size = [], 0
    if size:
        yield pa.Table.from_batches(held).combine_chunks().to_batches()[0]
