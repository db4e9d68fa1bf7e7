"""Conformance of the running node: every document it links to has the shape the OGC standards require."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import jsonschema
import mapbox_vector_tile
import pytest

from kunyu.engines.maps.tests.county import PARCELS
from tests.conformance import ogc_schemas as schemas
from tests.conformance.conftest import Node

pytestmark = pytest.mark.django_db
COLLECTION = f"/ogc/collections/{PARCELS}"


def document(node: Node, path: str, schema: dict[str, Any] | None = None, **headers: str) -> Any:
    answer = node.open(path, **headers)
    assert answer.status == 200, (path, answer.read())
    found = json.loads(answer.read())
    if schema is not None:
        jsonschema.validate(found, schema)
    return found


@pytest.mark.parametrize(
    ("path", "schema", "media_type"),
    [
        ("/ogc/", "LANDING", "application/json"),
        ("/ogc/conformance", "CONFORMANCE", "application/json"),
        ("/ogc/collections", "COLLECTIONS", "application/json"),
        (COLLECTION, "COLLECTION", "application/json"),
        (f"{COLLECTION}/items", "FEATURES", "application/geo+json"),
        (
            f"{COLLECTION}/items?limit=3&crs=http://www.opengis.net/def/crs/EPSG/0/4526",
            "FEATURES",
            "application/geo+json",
        ),
        (f"{COLLECTION}/items/990101211000000003", "FEATURE", "application/geo+json"),
        ("/ogc/tileMatrixSets/WebMercatorQuad", "TILE_MATRIX_SET", "application/json"),
        ("/ogc/tileMatrixSets/CGCS2000Quad", "TILE_MATRIX_SET", "application/json"),
        (f"{COLLECTION}/tiles/CGCS2000Quad", "TILESET", "application/json"),
        (f"{COLLECTION}/tiles/WebMercatorQuad", "TILESET", "application/json"),
        (f"{COLLECTION}/tiles/WebMercatorQuad?f=tilejson", "TILEJSON", "application/json"),
    ],
)
def test_documents_have_the_required_shape(node: Node, path: str, schema: str, media_type: str) -> None:
    """17-069r4, 18-058r1, 20-057, 17-083r4; each also as a page for people."""
    answer = node.open(path)
    assert answer.headers["Content-Type"].startswith(media_type)
    jsonschema.validate(json.loads(answer.read()), getattr(schemas, schema))
    if "tilejson" not in path:
        page = node.open(path, Accept="text/html")
        assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
        assert "<main" in page.read().decode()


def test_every_link_of_the_service_leads_somewhere(node: Node) -> None:
    """Starting from the landing page, no link is dead and no link changes host; a process is executed by POST only."""
    seen, waiting = set(), [f"{node.root}/ogc/"]
    while waiting:
        address = waiting.pop()
        if address in seen or len(seen) > 200:
            continue
        seen.add(address)
        answer = node.open(address)
        assert answer.status in ((405,) if address.endswith("/execution") else (200, 204)), address
        if "json" not in answer.headers["Content-Type"]:
            continue
        waiting += [href for href in _links(json.loads(answer.read())) if "after=" not in href]
    assert len(seen) > 30
    assert all(address.startswith(node.root) for address in seen)


def _links(found: Any) -> list[str]:
    if isinstance(found, list):
        return [href for one in found for href in _links(one)]
    if not isinstance(found, dict):
        return []
    own = [found["href"]] if "href" in found and not found.get("templated") else []
    return own + [href for name, one in found.items() if name not in ("features", "servers") for href in _links(one)]


def test_global_crs_list_and_storage_crs(node: Node) -> None:
    """18-058r1: '#/crs' refers to the list of the collections document, which holds the storage CRS and CRS84 first."""
    found = document(node, "/ogc/collections")
    assert found["crs"][0] == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
    for one in found["collections"]:
        assert one["crs"] == ["#/crs"] and one["storageCrs"] in found["crs"]
    assert {f"http://www.opengis.net/def/crs/EPSG/0/{epsg}" for epsg in (4326, 3857, 4526, 4554)} <= set(found["crs"])


def test_api_describes_every_path_and_parameter(node: Node) -> None:
    """OpenAPI 3.0: every reference resolves; every described path without variables answers."""
    api = document(node, "/ogc/api")
    assert api["openapi"].startswith("3.0")
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            given = operation.get("parameters", [])
            parameters = [_resolve(api, one["$ref"]) if "$ref" in one else one for one in given]
            named = {one["name"] for one in parameters if one["in"] == "path"}
            assert named == set(_variables(path)), f"{method} {path}"
            assert all("schema" in one for one in parameters), f"{method} {path}"
        if "get" in methods and not _variables(path):
            assert node.open(f"/ogc{path}").status == 200, path
    schema = {
        "type": "object",
        "required": ["openapi", "info", "paths"],
        "properties": {"openapi": {"pattern": "^3[.]0"}},
    }
    jsonschema.validate(api, schema)


def _resolve(api: Any, reference: str) -> Any:
    found = api
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def _variables(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{COLLECTION}/items?wrong=1", 400), (f"{COLLECTION}/items?limit=-1", 400), ("/ogc/collections/nothing", 404),
        (f"{COLLECTION}/items/nothing", 404), (f"{COLLECTION}/tiles/Nothing/1/0/0", 404), ("/ogc/styles/nothing", 404),
        ("/ogc/nothing/at/all", 404), (f"/ogc/collections/{quote('10401-003.XZQ%')}", 404), ("/ogc/collections?x=1", 400),
    ],
)  # fmt: skip
def test_refusals_are_problem_documents(node: Node, path: str, status: int) -> None:
    """RFC 9457 with a code and a sentence in both languages."""
    answer = node.open(path)
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    jsonschema.validate(json.loads(answer.read()), schemas.PROBLEM)


def test_nobody_is_asked_to_sign_in(node: Node) -> None:
    """contract.md: 401 where signing in is needed; the landing page needs none."""
    assert node.open(f"{COLLECTION}/items", Authorization="").status == 401
    assert node.open("/ogc/", Authorization="").status == 200
    assert json.loads(node.open("/ogc/collections", Authorization="").read())["collections"] == []


def test_styles_point_at_tilejson_that_points_at_tiles(node: Node) -> None:
    """A MapLibre client finds its way from the style to a tile, in XYZ order."""
    listed = document(node, "/ogc/styles")["styles"]
    style = document(node, next(one for one in listed if one["id"] == PARCELS)["links"][0]["href"])
    assert style["version"] == 8 and {one["source"] for one in style["layers"]} == {PARCELS}
    tilejson = document(node, style["sources"][PARCELS]["url"], schemas.TILEJSON)
    address = tilejson["tiles"][0].format(z=14, x=13335, y=6516)
    data = node.open(address).read()
    assert len(mapbox_vector_tile.decode(data)[PARCELS]["features"]) > 50
