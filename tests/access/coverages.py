"""Images for the access tests: one of each county in a collection that is not public, and who may ask what of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from django.db import connection
from rasterio.transform import from_origin

from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.tables import ensure_partition
from kunyu.engines.catalogue.versions import Content, open_version, publish_version
from kunyu.engines.ingest.models import RasterItem
from kunyu.engines.security import scope
from kunyu.engines.security.protection import object_store
from kunyu.kernel.objects import ObjectRef

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World

IMAGES = "10102-001"
OURS, THEIRS = "image-ours-3b7c", "image-theirs-8d2e"
_PLACES = {OURS: ("990101", 113.0), THEIRS: ("990102", 114.0)}
_SOUTH, _SIDE = 34.5, 0.04


def build(deliveries: dict[str, int]) -> None:
    """Commit and publish a small image of each county; ``deliveries`` are their numbers by county."""
    layer = Layer.objects.get(collection=IMAGES)
    for number, (name, (county, west)) in enumerate(_PLACES.items(), 1):
        stored = _stored(west, number)
        version = open_version(layer, county, date(2024, 12, 31))
        with connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO {ensure_partition(layer, county)} (county, "BSM", "NAME", "BANDS", "OBJECT", geom, area_m2, '
                "source_crs, valid, known, version_id, digest) VALUES (%s, %s, %s, 1, %s, "
                "ST_Multi(ST_MakeEnvelope(%s, %s, %s, %s, 4490)), 1, 4490, '[2024-12-31,)', '[2026-01-10,)', %s, '\\x00')",
                [county, name, name, stored.sm3, west, _SOUTH, west + _SIDE, _SOUTH + _SIDE, version.pk],
            )
        box = (west, _SOUTH, west + _SIDE, _SOUTH + _SIDE)
        publish_version(version, Content(1, 1, 0, extent=box))
        RasterItem.objects.create(
            delivery_id=deliveries[county], dataset_code=IMAGES, division_code=county, name=name, sm3=stored.sm3,
            source_sm3=stored.sm3, size=stored.size, epsg=4490, width=64, height=64, gsd_m=60, west=west, south=_SOUTH,
            east=west + _SIDE, north=_SOUTH + _SIDE, is_published=True,
        )  # fmt: skip


def _stored(west: float, value: int) -> ObjectRef:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "image.tif"
        pixel = _SIDE / 64
        with rasterio.open(
            path, "w", driver="GTiff", width=64, height=64, count=1, dtype="uint8", crs="EPSG:4490",
            transform=from_origin(west, _SOUTH + _SIDE, pixel, pixel),
        ) as image:  # fmt: skip
            image.write(np.full((1, 64, 64), value, np.uint8))
        return object_store().put_file(path)


def _images(query: str = "", **more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample
        from tests.access.world import Subject

        return [
            Sample({"collection_id": IMAGES, **more}, query, Subject(IMAGES, "990101")),
            Sample({"collection_id": IMAGES, **more}, query, Subject(IMAGES, "990102")),
            Sample({"collection_id": "99999-999", **more}, query),
        ]

    return made


def _placed(parameters: Callable[[float], str], **more: object) -> Callable[[World], list[Sample]]:
    """One question of each county's place."""

    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample
        from tests.access.world import Subject

        return [
            Sample({"collection_id": IMAGES, **more}, parameters(west + _SIDE / 2), Subject(IMAGES, county))
            for county, west in _PLACES.values()
        ]

    return made


def _items(**more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample
        from tests.access.world import Subject

        return [
            Sample(
                {"collection_id": IMAGES, "item_id": name, **dict.fromkeys(more, f"{name}.tif")},
                "",
                Subject(IMAGES, county),
            )
            for name, (county, _) in _PLACES.items()
        ]

    return made


def _tiles(world: World) -> list[Sample]:
    from tests.access.rules import Sample
    from tests.access.world import Subject

    place = {"collection_id": IMAGES, "grid_id": "WebMercatorQuad", "zoom": 12, "row": 1629}
    return [
        Sample({**place, "column": int((west + _SIDE / 2 + 180) / 360 * 4096)}, "", Subject(IMAGES, county))
        for county, west in _PLACES.values()
    ]


def _around(lon: float) -> str:
    return f"bbox={lon - 0.01},34.51,{lon + 0.01},34.53&width=8&height=8"


def rules() -> dict[str, Rule]:
    """Who may ask what of images. The catalogue of images is open to ask; what it lists is a matter of each reader."""
    from tests.access.rules import Rule, _with

    code = "<str:collection_id>"
    return {
        "stac/": Rule("open"),
        "stac/conformance": Rule("open"),
        "stac/api": Rule("open"),
        "stac/collections": Rule("open"),
        "stac/search": Rule("open"),
        "stac/<path:rest>": Rule("open", samples=_with("", rest="x")),
        f"stac/collections/{code}": Rule("data", samples=_images()),
        f"stac/collections/{code}/items": Rule("data", scope.QUERY, samples=_images()),
        f"stac/collections/{code}/items/<str:item_id>": Rule("data", scope.QUERY, samples=_items()),
        f"stac/collections/{code}/items/<str:item_id>/assets/<str:name>": Rule(
            "data", scope.DOWNLOAD, samples=_items(name="")
        ),
        f"ogc/collections/{code}/coverage": Rule("data", scope.QUERY, samples=_placed(_around)),
        f"ogc/collections/{code}/position": Rule(
            "data", scope.QUERY, samples=_placed(lambda lon: f"coords=POINT({lon}%2034.52)")
        ),
        "api/map/bases": Rule("signed in"),
        "api/map/base/relief/<zoom>/<row>/<column>": Rule("signed in", samples=_with("", zoom=4, row=6, column=13)),
        "api/map/base/outside/<zoom>/<row>/<column>": Rule("signed in", samples=_with("", zoom=4, row=6, column=13)),
    }
