"""Images are found by place, time, sensor and cloud (R-093), streamed by who may download (R-172), refused otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pystac import Item

from kunyu.engines.ingest.models import RasterItem
from kunyu.engines.maps.coverages.tests.imagery import HEIGHTS, IMAGES, INTERNAL, Gallery
from kunyu.engines.security.models import AuditEntry

Ask = Callable[..., Any]
pytestmark = pytest.mark.django_db
NANJING = "118,31,119,33"


def found(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    features: list[dict[str, Any]] = answer.json()["features"]
    return features


def test_place_time_and_order(ask: Ask) -> None:
    """The Nanjing pair by its box, newest first; each of the two by its year; nothing elsewhere."""
    both = found(ask("/stac/search", bbox=NANJING))
    assert [one["properties"]["datetime"][:10] for one in both] == ["2002-07-12", "2000-05-03"]
    assert len(found(ask("/stac/search", bbox=NANJING, datetime="2001-01-01T00:00:00Z/.."))) == 1
    assert len(found(ask("/stac/search", bbox=NANJING, datetime="2000-05-03T00:00:00Z/2000-05-03T23:59:59.5Z"))) == 1
    assert found(ask("/stac/search", bbox="0,0,1,1")) == []
    older = found(ask("/stac/search", bbox=NANJING, sortby="+datetime"))
    assert [one["id"] for one in older] == [one["id"] for one in reversed(both)]


def test_sensor_and_cloud(ask: Ask, gallery: Gallery) -> None:
    """What filing noted is searched by: less cloud than asked, one platform, and never what is not known."""
    first, second = RasterItem.objects.filter(dataset_code=IMAGES, name__startswith="L").order_by("taken_at")
    RasterItem.objects.filter(pk=first.pk).update(cloud_cover=4.0)
    RasterItem.objects.filter(pk=second.pk).update(cloud_cover=60.0)
    clear = found(ask("/stac/search", query=json.dumps({"eo:cloud_cover": {"lt": 20}})))
    assert [one["properties"]["eo:cloud_cover"] for one in clear] == [4.0]
    named = found(ask("/stac/search", query=json.dumps({"platform": {"eq": first.platform.lower()}})))
    assert first.platform and clear[0]["id"] in {one["id"] for one in named}
    body = {"query": {"eo:cloud_cover": {"gte": 20}}, "collections": [IMAGES]}
    answer = Client(headers={"Authorization": f"Bearer {gallery.steward}"}).post(
        "/stac/search", json.dumps(body), content_type="application/json"
    )
    assert [one["properties"]["eo:cloud_cover"] for one in found(answer)] == [60.0]


def test_pages_hold_everything_once(ask: Ask) -> None:
    """Following next links meets every item once, over several collections."""
    address, seen = "/stac/search?limit=2", []
    while address:
        page = ask(address).json()
        seen += [(one["collection"], one["id"]) for one in page["features"]]
        following = [one["href"] for one in page["links"] if one["rel"] == "next"]
        address = following[0].replace("http://testserver", "") if following else ""
    assert len(seen) == len(set(seen)) == page["numberMatched"] == 6


def test_items_are_what_pystac_reads(ask: Ask) -> None:
    """Items are STAC 1.0.0 with projection, raster bands and label; a DEM says its nodata and range."""
    (item,) = [
        one for one in found(ask(f"/stac/collections/{HEIGHTS}/items")) if one["properties"]["title"].startswith("srtm")
    ]
    read = Item.from_dict(item)
    assert read.collection_id == HEIGHTS and item["properties"]["proj:epsg"] == 4326
    assert read.properties["proj:shape"] == [619, 919] and len(read.properties["proj:transform"]) == 6
    (band,) = read.assets["data"].extra_fields["raster:bands"]
    assert band["data_type"] == "float32" and band["statistics"]["maximum"] < 3000
    assert read.properties["kunyu:label"]["code"] == 0
    assert ask(f"/stac/collections/{HEIGHTS}/items/{item['id']}").json()["id"] == item["id"]


def test_ranges_and_rights(ask: Ask) -> None:
    """A byte range for who may download, on record; 403 for who may only look; 404 for strangers; 416 beyond the end."""
    (item,) = found(ask(f"/stac/collections/{INTERNAL}/items"))
    address = item["assets"]["data"]["href"].replace("http://testserver", "")
    part = ask(address, headers={"Range": "bytes=0-15"})
    content = b"".join(part.streaming_content)
    size = item["assets"]["data"]["kunyu:size"]
    assert part.status_code == 206 and part["Content-Range"] == f"bytes 0-15/{size}" and content[:2] == b"II"
    whole = ask(address)
    assert len(b"".join(whole.streaming_content)) == size == int(whole["Content-Length"])
    assert ask(address, headers={"Range": f"bytes={size}-"}).status_code == 416
    assert AuditEntry.objects.filter(action="read", object_id=INTERNAL, detail__kind="export").exists()
    assert ask(address, "viewer").status_code == 403
    assert ask(address, "stranger").status_code == 404
    assert ask(address, None).status_code == 401
    assert INTERNAL not in {one["collection"] for one in found(ask("/stac/search", "stranger", limit="100"))}


@pytest.mark.parametrize(
    "query",
    [{"bbox": "1,2"}, {"bbox": "a,b,c,d"}, {"datetime": "yesterday"}, {"datetime": "2000-05-03"}, {"datetime": "2000-05-03T00:00:00,5Z"}, {"datetime": "../.."}, {"limit": "0"},
     {"limit": "x"}, {"intersects": "{"}, {"intersects": '{"type":"Point"}'}, {"query": '{"name":{"eq":"x"}}'},
     {"query": '{"eo:cloud_cover":{"lt":"a"}}'}, {"sortby": "secret"}, {"token": "99999999"}, {"what": "1"},
     {"bbox": "0,0,1,1", "intersects": '{"type":"Point","coordinates":[0,0]}'}],
)  # fmt: skip
def test_what_is_refused(ask: Ask, query: dict[str, str]) -> None:
    """Unreadable searches are 400 with a sentence in both languages."""
    answer = ask("/stac/search", **query)
    assert answer.status_code == 400 and answer.json()["detail_zh"], answer.content


def test_unknown_addresses(ask: Ask) -> None:
    """Unknown collections, items, files and addresses are 404."""
    for path in ("nowhere", "collections/9", f"collections/{IMAGES}/items/none", "collections/10401-003/items"):
        assert ask(f"/stac/{path}").status_code == 404
