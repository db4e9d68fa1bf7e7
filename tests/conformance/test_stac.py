"""STAC clients and validators that are not ours read a running node: pystac-client, stac-api-validator, GDAL by range.

R-093. The validator's own schemas of extensions lie on the network; documents are held against the core schemas that
pystac brings along, and their members against the examples of the specification in the shared data.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kunyu.engines.maps.coverages.tests.imagery import HEIGHTS, IMAGES, INTERNAL
from tests.conformance.conftest import _environment, start

pytestmark = pytest.mark.django_db
NANJING = [118.0, 31.0, 119.0, 33.0]


@dataclass(frozen=True)
class StacNode:
    """Address of the running node and the steward's token."""

    root: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str) -> Any:
        address = path if path.startswith("http") else f"{self.root}{path}"
        with urllib.request.urlopen(urllib.request.Request(address, headers=self.headers), timeout=30) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def shared() -> Path:
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("KUNYU_SHARED_DATA", default))
    if not (folder / "raster").is_dir():
        pytest.skip("the shared data sets are not at hand (KUNYU_SHARED_DATA)")
    return folder


@pytest.fixture(scope="module")
def stac(django_db_setup: None, django_db_blocker: Any, shared: Path) -> Iterator[StacNode]:
    """Two web workers over the gallery of the coverage tests."""
    from kunyu.engines.maps.coverages.tests import imagery
    from kunyu.engines.maps.tests.conftest import empty

    with django_db_blocker.unblock():
        server = None
        try:
            gallery = imagery.build(shared / "raster")
            server, root = start(_environment())
            yield StacNode(root, gallery.steward)
        finally:
            if server is not None:
                server.send_signal(signal.SIGINT)
                server.wait(20)
            empty()


def test_pystac_client_finds_and_reads(stac: StacNode) -> None:
    """pystac-client opens the catalogue, sees its conformance, searches by POST with paging, place, time and query."""
    from pystac_client import Client

    client = Client.open(f"{stac.root}/stac/", headers=stac.headers)
    assert {one.id for one in client.get_collections()} >= {IMAGES, HEIGHTS, INTERNAL}
    pair = list(client.search(collections=[IMAGES], bbox=NANJING, limit=1).items())
    assert [one.datetime.year for one in pair] == [2002, 2000]
    assert client.search(bbox=NANJING, datetime="2002").matched() == 1
    wide = client.search(max_items=50, limit=2, sortby=["+id"])
    ids = [one.id for one in wide.items()]
    assert len(ids) == 6 and ids == sorted(ids)
    dark = client.search(query={"eo:cloud_cover": {"gt": 99}})
    assert list(dark.items()) == []
    shape = {"type": "Polygon", "coordinates": [[[118.7, 31.9], [118.9, 31.9], [118.9, 32], [118.7, 31.9]]]}
    assert len(list(client.search(intersects=shape).items())) == 2


def test_documents_hold_against_the_schemas(stac: StacNode) -> None:
    """Catalogue, collections and items are valid by the JSON schemas pystac carries: those of 1.1.0, whose core knows 1.0.0."""
    import pystac
    from pystac.validation import validate_dict

    core = {"stac_version": "1.1.0", "stac_extensions": []}
    assert validate_dict({**stac.get("/stac/"), **core}, stac_object_type=pystac.STACObjectType.CATALOG)
    for one in stac.get("/stac/collections")["collections"]:
        validate_dict({**one, **core}, stac_object_type=pystac.STACObjectType.COLLECTION)
    items = stac.get("/stac/search?limit=100")["features"]
    for one in items:
        validate_dict({**one, **core}, stac_object_type=pystac.STACObjectType.ITEM)
    assert len(items) == 6


def test_members_are_those_of_the_examples(stac: StacNode, shared: Path) -> None:
    """Items have every top-level member that the specification's own STAC 1.0.0 items have."""
    examples = [json.loads(one.read_text("utf-8")) for one in (shared / "conformance" / "stac").rglob("*.json")]
    common = set.intersection(
        *(set(one) for one in examples if one.get("type") == "Feature" and one.get("stac_version") == "1.0.0")
    )
    assert common >= {"id", "geometry", "properties", "links", "assets"}
    for one in stac.get("/stac/search?limit=100")["features"]:
        assert set(one) >= common


def test_stac_api_validator(stac: StacNode) -> None:
    """stac-api-validator: core, collections, features and item-search without an error of its own finding."""
    command = [
        str(Path(sys.executable).with_name("stac-api-validator")), "--root-url", f"{stac.root}/stac/", "--no-validate-pagination",
        "--conformance", "core", "--conformance", "collections", "--conformance", "features", "--conformance",
        "item-search", "--collection", IMAGES, "--geometry",
        '{"type":"Polygon","coordinates":[[[118,31],[119,31],[119,33],[118,33],[118,31]]]}',
        "--headers", f"Authorization: Bearer {stac.token}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    print(said)
    assert "Validating" in said or "Errors" in said, said[-2000:]
    errors = said.split("Errors:")[-1].splitlines() if "Errors:" in said else []
    # without a network the validator cannot fetch the schemas it wants to hold items against: that is no finding
    offline = (
        "schemas.stacspec.org",
        "HTTPSConnectionPool",
        "urlopen error",
        "resolve",
        "Max retries",
        "raw.github",
        "proxy",
    )
    found = [line for line in errors if line.strip().startswith("-") and not any(word in line for word in offline)]
    assert not found or found == ["- none"], "\n".join(found)


def test_gdal_streams_by_range(stac: StacNode) -> None:
    """GDAL opens the asset through /vsicurl with the token, reads an overview by range and sees the delivered image."""
    (item,) = stac.get(f"/stac/collections/{INTERNAL}/items")["features"]
    program = (
        "import rasterio, sys\n"
        "with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN='EMPTY_DIR'):\n"
        "    with rasterio.open('/vsicurl/' + sys.argv[1]) as image:\n"
        "        small = image.read(1, out_shape=(64, 64))\n"
        "        print(image.crs.to_epsg(), image.width, image.count, int(small.max()))\n"
    )
    environment = {**os.environ, "GDAL_HTTP_HEADERS": f"Authorization: Bearer {stac.token}", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, item["assets"]["data"]["href"]], env=environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.split()[:3] == ["32634", "1098", "3"], done.stderr
    assert int(done.stdout.split()[3]) > 0
