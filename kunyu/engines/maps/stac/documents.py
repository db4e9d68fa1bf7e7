"""STAC documents: catalogue, collection, item (STAC 1.0.0 with eo, proj, raster and view). STAC 文档."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlencode

from kunyu.engines.catalogue.served.layers import PublishedVersion, ServedLayer, extent_of
from kunyu.engines.ingest.models import RasterItem
from kunyu.engines.maps.answers import GEOJSON, HTML, JSON, OPENAPI
from kunyu.engines.maps.collections import link, title_of
from kunyu.engines.maps.stac.search import FoundImage, Page
from kunyu.engines.security.labels import Label

VERSION = "1.0.0"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_API = "https://api.stacspec.org/v1.0.0"
CONFORMANCE = (
    f"{_API}/core",
    f"{_API}/collections",
    f"{_API}/ogcapi-features",
    f"{_API}/item-search",
    f"{_API}/item-search#query",
    f"{_API}/item-search#sort",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
)
_EXTENSIONS = {
    "eo": "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "proj": "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
    "raster": "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
    "view": "https://stac-extensions.github.io/view/v1.0.0/schema.json",
}
_RASTER_TYPES = {
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
}  # fmt: skip
_LANGUAGE_NOTE = "只列出您有权查看的影像；取数需要下载权限。 / What you may see; streaming needs the right to download."


def landing(root: str, collections: Iterable[ServedLayer]) -> dict[str, Any]:
    """The root catalogue."""
    children = [
        link(collection_address(root, layer.collection), "child", JSON, title_of(layer)) for layer in collections
    ]
    links = [
        link(f"{root}/", "self", JSON, "本目录 / this catalogue"),
        link(f"{root}/", "root", JSON, "根目录 / root"),
        link(f"{root}/conformance", "conformance", JSON, "一致性声明 / conformance"),
        link(f"{root}/collections", "data", JSON, "影像集 / collections"),
        link(f"{root}/api", "service-desc", OPENAPI, "接口描述 / API definition"),
        link(f"{root}/api?f=html", "service-doc", HTML, "接口说明 / API documentation"),
        {**link(f"{root}/search", "search", GEOJSON, "检索 / search"), "method": "GET"},
        {**link(f"{root}/search", "search", GEOJSON, "检索 / search"), "method": "POST"},
    ]
    return {
        "type": "Catalog",
        "stac_version": VERSION,
        "id": "kunyu",
        "title": "坤舆 影像与高程 / Kunyu imagery and heights",
        "description": _LANGUAGE_NOTE,
        "conformsTo": list(CONFORMANCE),
        "links": [*links, *children],
    }


def collection_address(root: str, collection: str) -> str:
    """Absolute address of a collection."""
    return f"{root}/collections/{quote(collection, safe='@')}"


def collection(root: str, layer: ServedLayer, versions: list[PublishedVersion], label: Label) -> dict[str, Any]:
    """One collection; its extent is that of the counties the caller may see."""
    extent, here = extent_of(versions), collection_address(root, layer.collection)
    since = f"{extent.valid_from}T00:00:00Z" if extent.valid_from else None
    ogc = f"{root.rsplit('/', 1)[0]}/ogc/collections/{quote(layer.collection, safe='@')}"
    return {
        "type": "Collection",
        "stac_version": VERSION,
        "stac_extensions": [],
        "id": layer.collection,
        "title": title_of(layer),
        "description": f"{layer.dataset_name_zh}；{layer.standard.number} {layer.code}；{label.name_zh} / {label.name_en}",
        "license": "other" if VERSION >= "1.1" else "proprietary",
        "keywords": [layer.code, label.name_zh],
        "extent": {
            "spatial": {"bbox": [list(extent.box or (-180, -90, 180, 90))]},
            "temporal": {"interval": [[since, None]]},
        },
        "links": [
            link(here, "self", JSON, title_of(layer)),
            link(f"{root}/", "root", JSON, "根目录 / root"),
            link(f"{root}/", "parent", JSON, "根目录 / root"),
            link(f"{here}/items", "items", GEOJSON, "影像 / items"),
            link(ogc, "http://www.opengis.net/def/rel/ogc/1.0/coverage", JSON, "覆盖服务 / coverage"),
        ],
    }


def item(root: str, image: FoundImage, label: Label) -> dict[str, Any]:
    """One image as a STAC item; the asset's address asks for rights and answers byte ranges."""
    home = collection_address(root, image.layer.collection)
    here = f"{home}/items/{quote(image.id, safe='')}"
    noted = image.noted
    properties: dict[str, Any] = {
        "datetime": image.taken_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ").replace(".000000Z", "Z"),
        "title": image.name,
        "gsd": image.gsd_m,
        "kunyu:valid_from": image.valid_from and str(image.valid_from),
        "kunyu:county": image.county,
        "kunyu:label": {"code": label.code, "name_zh": label.name_zh, "name_en": label.name_en},
    }
    used: set[str] = set()
    if noted is not None:
        properties |= _noted(noted, used)
    geometry = {name: image.geometry[name] for name in ("type", "coordinates")}
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": [_EXTENSIONS[name] for name in sorted(used)],
        "id": image.id,
        "collection": image.layer.collection,
        "geometry": geometry,
        "bbox": image.geometry["bbox"],
        "properties": {name: value for name, value in properties.items() if value is not None or name == "datetime"},
        "assets": _assets(root, here, image),
        "links": [
            link(here, "self", GEOJSON, image.name),
            link(home, "collection", JSON, title_of(image.layer)),
            link(home, "parent", JSON, title_of(image.layer)),
            link(f"{root}/", "root", JSON, "根目录 / root"),
        ],
    }


def _noted(noted: RasterItem, used: set[str]) -> dict[str, Any]:
    """Sensor, cloud, sun and grid, with the extensions that name them."""
    told = noted.details
    used |= {"proj", "raster"}
    found: dict[str, Any] = {
        "platform": noted.platform.lower() or None,
        "instruments": noted.sensor.lower().split(",") if noted.sensor else None,
        "eo:cloud_cover": noted.cloud_cover,
        "view:sun_azimuth": told.get("sun_azimuth", None) and told["sun_azimuth"] % 360,
        "view:sun_elevation": told.get("sun_elevation"),
        "view:off_nadir": told.get("off_nadir"),
        "proj:epsg": noted.epsg,
        "proj:wkt2": told.get("wkt2"),
        "proj:shape": [noted.height, noted.width],
        "proj:transform": told.get("transform"),
    }
    if noted.cloud_cover is not None:
        used.add("eo")
    if any(found[f"view:{name}"] is not None for name in ("sun_azimuth", "sun_elevation", "off_nadir")):
        used.add("view")
    return {name: value for name, value in found.items() if value is not None} | {"proj:epsg": noted.epsg}


def _assets(root: str, here: str, image: FoundImage) -> dict[str, Any]:
    west, south, east, north = image.geometry["bbox"]
    picture = urlencode({"bbox": f"{west},{south},{east},{north}", "width": 256, "f": "png"}, safe=",")
    ogc = f"{root.rsplit('/', 1)[0]}/ogc/collections/{quote(image.layer.collection, safe='@')}"
    name = quote(asset_name(image), safe="")
    data: dict[str, Any] = {
        "href": f"{here}/assets/{name}",
        "type": COG,
        "title": "云优化 GeoTIFF / Cloud Optimized GeoTIFF",
        "roles": ["data"],
    }
    if image.noted is not None:
        data["raster:bands"] = [_band(one, image.gsd_m) for one in image.noted.bands]
        data["kunyu:sm3"], data["kunyu:size"] = image.sm3, image.noted.size
    thumbnail = {
        "href": f"{ogc}/map?{picture}", "type": "image/png", "roles": ["thumbnail"], "title": "缩略图 / thumbnail",
    }  # fmt: skip
    return {"data": data, "thumbnail": thumbnail}


def asset_name(image: FoundImage) -> str:
    """File name of the stored COG: what was delivered, as a TIFF."""
    return f"{PurePosixPath(image.name).stem[:120] or 'image'}.tif"


def _band(band: dict[str, Any], gsd: float | None) -> dict[str, Any]:
    kind = band["data_type"] if band["data_type"] in _RASTER_TYPES else "other"
    found: dict[str, Any] = {"data_type": kind, "nodata": band.get("nodata"), "spatial_resolution": gsd}
    limits = {name: band[key] for name, key in (("minimum", "min"), ("maximum", "max")) if band.get(key) is not None}
    if limits:
        found["statistics"] = limits
    return {name: value for name, value in found.items() if value is not None}


def item_collection(items: list[dict[str, Any]], page: Page, links: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of a search."""
    return {
        "type": "FeatureCollection",
        "features": items,
        "links": links,
        "numberMatched": page.matched,
        "numberReturned": len(items),
    }
