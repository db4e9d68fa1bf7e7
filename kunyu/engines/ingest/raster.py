"""Images: every pixel decoded once, written as a Cloud Optimized GeoTIFF, told as a STAC item. 影像.

The image lives in the object store and is read in place; the database holds its footprint (a row of a
layer that holds images) and its item. An image that cannot be decoded, or has no place on earth, refuses the whole delivery.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import rasterio
import shapely
from django.db import connection, transaction
from rasterio.errors import RasterioError
from rasterio.warp import transform_geom
from rio_cogeo.cogeo import cog_translate
from rio_cogeo.profiles import cog_profiles

from kunyu.engines.catalogue.models import Layer as CatalogueLayer
from kunyu.engines.catalogue.standards import Layer, load_standard
from kunyu.engines.ingest import geoparquet
from kunyu.engines.ingest.admission import require_admitted
from kunyu.engines.ingest.checks.runner import CheckReport, LayerCount
from kunyu.engines.ingest.column_conversion import target_type
from kunyu.engines.ingest.errors import BadRaster
from kunyu.engines.ingest.models import CheckRun, DeliveredLayer, Delivery, RasterItem
from kunyu.engines.ingest.opened import RASTER_SUFFIXES, limits, nothing_inside, raster_layer_of
from kunyu.engines.ingest.raster_metadata import Taken, read_taken
from kunyu.engines.ingest.rows import GEOMETRY
from kunyu.engines.ingest.running import Run
from kunyu.engines.ingest.services import Status, change_status
from kunyu.engines.ingest.storage import object_store, protects_delivery
from kunyu.engines.ingest.unpacking import safe_unpack
from kunyu.engines.security.scope import Principal
from kunyu.kernel.digests import sm3_file
from kunyu.kernel.geodesy import area_of_lonlat

EDGE_POINTS = 21
"""Points per side of a footprint: a straight side in the image's plane is curved in longitude and latitude."""
LANDSAT_SCENE = re.compile(r"L[A-Z]\d{7}(?P<year>\d{4})(?P<day>\d{3})")
DATE_IN_NAME = re.compile(r"(?<!\d)(19|20)\d{2}[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?!\d)")


@dataclass(frozen=True)
class Image:
    """What is known of one image once it has been read to its end. ``footprint`` is in EPSG:4490."""

    name: str
    source_sm3: str
    sm3: str
    size: int
    taken_at: datetime | None
    epsg: int | None
    width: int
    height: int
    gsd_m: float
    bands: list[dict[str, Any]]
    footprint: shapely.Polygon
    transform: tuple[float, ...]
    wkt: str
    taken: Taken


def process(delivery: Delivery, file: Path, actor: Principal, run: Run) -> Delivery:
    """Take a delivery of images to its verdict. Idempotent: objects are named by their content."""
    if delivery.status == Status.RECEIVED:
        delivery = _map(delivery, file, actor, run)
    if delivery.status == Status.MAPPED:
        delivery = _check(delivery, actor)
    return change_status(delivery.pk, Status.ACCEPTED, actor)


@dataclass(frozen=True)
class Found:
    """Files of a delivery: its images, those beside them, and how the latter are called for people."""

    images: list[Path]
    beside: list[Path]
    names: list[str]


def find_images(file: Path) -> Found:
    """Tell the images of a delivery (GeoTIFF, ENVI with header) from its other files."""
    if file.suffix.lower() != ".zip":
        return Found([file], [], [])
    folder = file.parent / "unpacked"
    folder.mkdir()
    files = sorted(safe_unpack(file, folder, limits()))
    headers = {f for f in files if f.suffix.lower() == ".hdr" and f.with_suffix("") in files}
    images = [f for f in files if f.suffix.lower() in RASTER_SUFFIXES or f.with_name(f.name + ".hdr") in headers]
    rest = [f for f in files if f not in images and f not in headers]
    return Found(images, rest, [f.relative_to(folder.resolve()).as_posix() for f in rest])


def _map(delivery: Delivery, file: Path, actor: Principal, run: Run) -> Delivery:
    layer = raster_layer_of(delivery)
    collection = CatalogueLayer.objects.get(standard_id=delivery.standard_id, code=layer.code)
    found = find_images(file)
    if not found.images:
        raise nothing_inside(delivery)
    require_admitted(collection.collection)
    images = []
    for number, path in enumerate(found.images):
        run.show("cog", number, len(found.images))
        images.append(read_image(path, file.parent, protect=protects_delivery(delivery), beside=found.beside))
    run.show("cog", len(images), len(images))
    mapped = _footprints(delivery, images, layer, file.parent)
    with transaction.atomic():
        delivery.layers.all().delete()
        delivery.rasters.all().delete()
        DeliveredLayer.objects.create(
            delivery=delivery, source_name=delivery.file_name, collection=collection.collection,
            layer_code=layer.code, role="raster", records=len(images), crs="EPSG:4490", mapped_sm3=mapped,
            loss={"rows": len(images), "files_left_out": found.names},
        )  # fmt: skip
        for image in images:
            _store_item(delivery, collection.dataset_id, image)
        summary = {**delivery.summary, "layers": {layer.code: len(images)}, "unmatched": found.names}
        return change_status(delivery.pk, Status.MAPPED, actor, summary=summary)


def read_image(path: Path, folder: Path, *, protect: bool, beside: Iterable[Path] = ()) -> Image:
    """Decode an image to the last pixel, write it as a COG into the object store, and describe it.

    Parameters
    ----------
    protect : bool
        Keep the COG encrypted at rest.
    beside
        The other files of the delivery: one of them may say how the image was taken.

    Raises
    ------
    BadRaster
        Damaged, or without a coordinate system or position.
    """
    packed = folder / f"{path.stem}.cog.tif"
    try:
        # no driver that follows references: a VRT under the name of an image could read any file of this machine
        driver = "GTiff" if path.suffix.lower() in RASTER_SUFFIXES else "ENVI"
        with rasterio.open(path, driver=driver) as source:
            _require_placed(source, path.name)
            bands = _read_bands(source)
            profile = {**cog_profiles.get("deflate"), "BIGTIFF": "IF_SAFER"}
            cog_translate(source, packed, profile, quiet=True, in_memory=False, nodata=source.nodata)
            footprint = _footprint(source)
            stored = object_store().put_file(packed, protect=protect)
            taken = read_taken(path.name, source.tags(), beside)
            return Image(
                path.name, sm3_file(path), stored.sm3, stored.size, taken.taken_at or _taken_at(source, path.name),
                source.crs.to_epsg(), source.width, source.height, _gsd(footprint, source.width * source.height), bands,
                footprint, tuple(source.transform)[:6], source.crs.to_wkt(), taken,
            )  # fmt: skip
    except (RasterioError, ValueError) as error:
        raise BadRaster(
            f"影像 {path.name} 无法读取：像元数据已损坏或格式不受支持（{_words(error)}）。请重新传送原始文件；本次没有写入任何内容。",
            f"Image {path.name} cannot be decoded: its pixels are damaged or the format is unknown ({_words(error)}). "
            "Send the original again; nothing was stored.",
            file=path.name,
        ) from error
    finally:
        packed.unlink(missing_ok=True)


def _words(error: BaseException) -> str:
    cause = error.__cause__ or error
    return str(cause).splitlines()[0][:160] if str(cause) else type(error).__name__


def _require_placed(source: rasterio.DatasetReader, name: str) -> None:
    if source.crs is None or source.transform.is_identity:
        raise BadRaster(
            f"影像 {name} 没有坐标系或没有定位信息，无法放到地图上。请先做几何定位（GeoTIFF 标签或 .tfw 与坐标系）。",
            f"Image {name} has no coordinate system or no position; it cannot be put on a map. Georeference it first.",
            file=name,
        )


def _read_bands(source: rasterio.DatasetReader) -> list[dict[str, Any]]:
    """Describe each band; reading its pixels is what finds a damaged block."""
    bands = []
    for number in range(1, source.count + 1):
        low, high = np.inf, -np.inf
        for _, window in source.block_windows(number):
            pixels = source.read(number, window=window, masked=True).compressed()
            if pixels.size:
                low, high = min(low, float(pixels.min())), max(high, float(pixels.max()))
        nodata = source.nodatavals[number - 1]
        bands.append(
            {
                "name": source.descriptions[number - 1] or f"B{number}",
                "data_type": source.dtypes[number - 1],
                "nodata": None if nodata is None or not np.isfinite(nodata) else float(nodata),
                "min": None if not np.isfinite(low) else low,
                "max": None if not np.isfinite(high) else high,
            }
        )
    return bands


def _footprint(source: rasterio.DatasetReader) -> shapely.Polygon:
    step = np.linspace(0, 1, EDGE_POINTS)[:-1]
    zero = np.zeros_like(step)
    columns = np.concatenate([step, zero + 1, 1 - step, zero]) * source.width
    rows = np.concatenate([zero, step, zero + 1, 1 - step]) * source.height
    x, y = rasterio.transform.xy(source.transform, rows, columns, offset="ul")
    ring = [*zip(x, y, strict=True), (x[0], y[0])]
    moved = transform_geom(source.crs, "EPSG:4490", {"type": "Polygon", "coordinates": [ring]})
    polygon = shapely.geometry.shape(moved)
    return shapely.orient_polygons(polygon)


def _gsd(footprint: shapely.Polygon, pixels: int) -> float:
    return round(float(np.sqrt(area_of_lonlat(np.array([footprint], dtype=object))[0] / pixels)), 3)


def _taken_at(source: rasterio.DatasetReader, name: str) -> datetime | None:
    """The instant in the tags, the day in a Landsat scene name or a date in the file name; None when nothing says."""
    tagged = source.tags().get("TIFFTAG_DATETIME", "")
    try:
        return datetime.strptime(tagged, "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        pass
    scene = LANDSAT_SCENE.search(name)
    if scene:
        return datetime(int(scene["year"]), 1, 1, tzinfo=UTC) + timedelta(days=int(scene["day"]) - 1)
    found = DATE_IN_NAME.search(name)
    return datetime.strptime(re.sub(r"[-_]", "", found[0]), "%Y%m%d").replace(tzinfo=UTC) if found else None


def _footprints(delivery: Delivery, images: list[Image], layer: Layer, folder: Path) -> str:
    """Write the rows of the layer and return the digest of the object."""
    schema = pa.schema([pa.field(f.code, target_type(f)) for f in layer.fields] + [pa.field(GEOMETRY, pa.binary())])
    columns: dict[str, list[Any]] = {
        "BSM": [one.source_sm3[:32] for one in images],
        "NAME": [one.name for one in images],
        "SENSED_ON": [one.taken_at.date() if one.taken_at else None for one in images],
        "GSD_M": [one.gsd_m for one in images],
        "BANDS": [len(one.bands) for one in images],
        "OBJECT": [one.sm3 for one in images],
        "STAC_ID": [one.source_sm3[:32] for one in images],
        "SOURCE_ID": [Path(one.name).stem[:64] for one in images],
        "SOURCE": [delivery.file_name[:100]] * len(images),
        GEOMETRY: list(shapely.to_wkb(np.array([one.footprint for one in images], dtype=object))),
    }
    batch = pa.RecordBatch.from_arrays(
        [pa.array(columns.get(one.name, [None] * len(images)), one.type) for one in schema], schema=schema
    )
    path = folder / f"mapped-{layer.code}.parquet"
    geoparquet.write(
        path, schema, iter([batch]), crs="EPSG:4490", geometry="Polygon", batch_vertices=1 << 20, batch_rows=1 << 16
    )
    return str(object_store().put_file(path, protect=protects_delivery(delivery)).sm3)


def _store_item(delivery: Delivery, dataset: str, image: Image) -> None:
    west, south, east, north = image.footprint.bounds
    item = RasterItem.objects.create(
        delivery=delivery, dataset_code=dataset, division_code=delivery.division_code, name=image.name[:255],
        sm3=image.sm3, source_sm3=image.source_sm3, size=image.size, taken_at=image.taken_at, epsg=image.epsg,
        width=image.width, height=image.height, gsd_m=image.gsd_m, bands=image.bands, west=west, south=south, east=east,
        north=north, platform=image.taken.platform, sensor=image.taken.sensor, cloud_cover=image.taken.cloud_cover,
        details=_details(image),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ingest_rasteritem SET geom = ST_GeomFromWKB(%s, 4490) WHERE id = %s",
            [shapely.to_wkb(image.footprint), item.pk],
        )


def _details(image: Image) -> dict[str, Any]:
    """What a catalogue of images tells and nobody searches: where the grid lies, where the sun stood."""
    taken = image.taken
    told = {
        "transform": list(image.transform), "wkt2": None if image.epsg else image.wkt, "sun_azimuth": taken.sun_azimuth,
        "sun_elevation": taken.sun_elevation, "off_nadir": taken.off_nadir,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}


def _check(delivery: Delivery, actor: Principal) -> Delivery:
    """No standard has rules for images here: the report says that they were decoded, and nothing more."""
    standard = load_standard(delivery.standard_id)
    report = CheckReport(
        delivery.input_sm3, standard.id, standard.edition, standard.digest, None,
        (LayerCount(raster_layer_of(delivery).code, delivery.rasters.count()),), (), (), (),
    )  # fmt: skip
    stored = object_store().put_bytes(report.to_json(), protect=protects_delivery(delivery))
    with transaction.atomic():
        CheckRun.objects.create(
            delivery=delivery,
            standard_digest=standard.digest,
            report_sm3=stored.sm3,
            reports={"json": stored.sm3},
            summary=report.summary,
        )
        return change_status(
            delivery.pk, Status.CHECKED, actor, summary={**delivery.summary, **report.summary, "binding": False}
        )
