"""OGC API – Styles: documents, SLD, legends, saving with rights, and styles that must not be saved (R-169)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from kunyu.engines.maps.tests.county import PARCELS, County

Ask = Callable[..., Any]
SE, SLD, OGC = "{http://www.opengis.net/se}", "{http://www.opengis.net/sld}", "{http://www.opengis.net/ogc}"


def style(**more: Any) -> dict[str, Any]:
    fill = {"id": "a", "type": "fill", "source": "p", "source-layer": PARCELS, "paint": {"fill-color": "#123456"}}
    url = f"http://testserver/ogc/collections/{PARCELS}/tiles/WebMercatorQuad?f=tilejson"
    return {"version": 8, "name": "蓝", "sources": {"p": {"type": "vector", "url": url}}, "layers": [fill], **more}


@pytest.fixture
def write(county: County, ask: Ask) -> Callable[..., Any]:
    def writing(method: str, path: str, body: Any, who: str | None = "steward") -> Any:
        headers = {"Authorization": f"Bearer {getattr(county, who)}"} if who else {}
        content = body if isinstance(body, str) else json.dumps(body)
        return getattr(Client(headers=headers), method)(path, content, content_type="application/json")

    return writing


def test_sld_of_land_classes(ask: Ask) -> None:
    """Rules by class with the standard's colours, an else rule, elements in the order the schema wants."""
    answer = ask(f"/ogc/styles/{PARCELS}", f="sld")
    assert answer["Content-Type"].startswith("application/vnd.ogc.sld+xml")
    root = ET.fromstring(answer.content)
    assert root.tag == f"{SLD}StyledLayerDescriptor" and root.get("version") == "1.1.0"
    rules = root.findall(f".//{SE}Rule")
    dry = next(rule for rule in rules if "0103" in [one.text for one in rule.iter(f"{OGC}Literal")])
    assert [one.tag for one in dry][:3] == [f"{SE}Name", f"{SE}Description", f"{OGC}Filter"]
    fill = {one.get("name"): one.text for one in dry.iter(f"{SE}SvgParameter")}
    assert fill["fill"] == "#ffffc8" and float(fill["fill-opacity"] or 0) == 0.75
    assert any(rule.find(f"{SE}ElseFilter") is not None for rule in rules)


def test_legends(ask: Ask) -> None:
    png, svg = ask(f"/ogc/styles/{PARCELS}/legend"), ask(f"/ogc/styles/{PARCELS}/legend", f="svg")
    assert png.content[:4] == b"\x89PNG" and ET.fromstring(svg.content).tag.endswith("svg")
    entries = ask(f"/ogc/styles/{PARCELS}/legend", f="json").json()["entries"]
    assert [one["colour"] for one in entries if one["zh"] == "0103 旱地" and one["kind"] == "Polygon"] == ["#ffffc8"]
    assert ask(f"/ogc/styles/{PARCELS}/legend", who="stranger").status_code == 404


def test_saving_replacing_and_removing_one_s_own(ask: Ask, write: Callable[..., Any]) -> None:
    """201 with an address; drawn in maps; others see it once shared and never change it."""
    made = write("post", "/ogc/styles", style())
    assert made.status_code == 201
    where = made["Location"].removeprefix("http://testserver")
    slug = where.rsplit("/", 1)[1]
    assert ask(where, f="mapbox").json()["layers"][0]["paint"] == {"fill-color": "#123456"}
    assert ask(where, who="neighbour").status_code == 404
    assert ask(f"/ogc/collections/{PARCELS}/map", style=slug, width=9).status_code == 200
    assert ask(f"/ogc/collections/{PARCELS}/map", style=slug, width=9, who="neighbour").status_code == 404
    assert write("put", where, style(metadata={"kunyu:shared": True})).status_code == 204
    assert slug in [one["id"] for one in ask(f"/ogc/collections/{PARCELS}/styles", who="neighbour").json()["styles"]]
    assert ask(where, who="stranger").status_code == 404, "shared or not: the collection is not his to see"
    assert write("put", where, style(), who="neighbour").status_code == 403
    assert write("delete", where, {}, who="neighbour").status_code == 403
    assert write("delete", where, {}).status_code == 204 and ask(where).status_code == 404
    assert write("post", "/ogc/styles", style(), who=None).status_code == 401
    assert write("post", "/ogc/styles", style(), who="stranger").status_code == 404
    assert write("put", f"/ogc/styles/{PARCELS}", style()).status_code == 404


LOOP = [{"id": "a", "ref": "b"}, {"id": "b", "ref": "a"}]
DEEP: Any = ["zoom"]
for _ in range(50):
    DEEP = ["+", DEEP, 1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"layers": LOOP}, "成环"), ({"layers": [{"id": "a", "ref": "a"}]}, "成环"), ({"version": 7}, "version"),
        ({"layers": [{"id": "a", "type": "hologram", "source": "p"}]}, "图层类型"), ({"layers": []}, "1–200"),
        ({"sources": {"p": {"type": "vector", "url": "https://evil.example/ogc/collections/x"}}}, "外部地址"),
        ({"sources": {"p": {"type": "vector", "tiles": ["//evil.example/{z}"]}}}, "外部地址"),
        ({"sources": {"p": {"type": "image", "url": "/x.png"}}}, "vector"), ({"sprite": "https://evil.example/s"}, "外部资源"),
        ({"glyphs": "https://evil.example/{fontstack}"}, "外部资源"),
        ({"layers": [{"id": "a", "type": "fill", "source": "p", "paint": {"fill-color": DEEP}}]}, "过深"),
        ({"layers": [{"id": "a", "type": "fill", "source": "p", "paint": {"fill-color": ["evil"]}}]}, "不支持样式表达式"),
        ({"layers": [{"id": "a", "type": "fill", "source": "p", "paint": {"fill-color": "puce-ish"}}]}, "不是颜色"),
        ({"layers": [{"id": "a", "type": "fill", "source": "p", "paint": {"fill-pattern": "http://evil.example/x"}}]}, "外部地址"),
        ({"layers": [{"id": "a", "type": "fill", "source": "nope"}]}, "没有数据源"),
        ({"layers": [{"id": "a", "type": "fill", "source": "p"}] * 2}, "重复"),
    ],
)  # fmt: skip
def test_bad_styles_are_refused_in_words(write: Callable[..., Any], change: dict[str, Any], says: str) -> None:
    answer = write("post", "/ogc/styles", style(**change))
    assert answer.status_code == 400 and says in answer.json()["detail_zh"], answer.content
    assert answer.json()["code"] == "maps-bad-style"


def test_bodies_that_are_no_style(write: Callable[..., Any]) -> None:
    for body in ("", "[]", "nonsense", "[" * 100_000, json.dumps({"version": 8, "name": "x" * 600_000})):
        assert write("post", "/ogc/styles", body).status_code == 400
