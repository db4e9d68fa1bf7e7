"""Compositions over HTTP: kept in versions, shared, seen under the viewer's rights, printed by a job (R-033, R-160, R-169)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from kunyu.engines.maps.compositions import printing, shipped
from kunyu.engines.maps.models import Composition, MapPrint
from kunyu.engines.maps.tests import county as truth
from kunyu.engines.maps.tests.conftest import ask, county  # noqa: F401 - the fixtures
from kunyu.engines.maps.tests.county import PARCELS, County
from kunyu.engines.security import scope
from kunyu.engines.security.models import User
from kunyu.engines.security.services import grant

API = "/api/map/compositions"
Act = Callable[..., Any]


@pytest.fixture
def act(county: County, db: None, settings: Any) -> Act:  # noqa: F811
    settings.ROOT_URLCONF = "kunyu.project.urls"

    def acting(method: str, path: str, body: Any = None, who: str | None = "steward", **query: str) -> Any:
        headers = {"Accept": "application/json"}
        if who:
            headers["Authorization"] = f"Bearer {getattr(county, who)}"
        send = getattr(Client(headers=headers), method)
        if body is None:
            return send(path, query)
        return send(path, json.dumps(body), content_type="application/json")

    return acting


def definition(title: str = "地类图", **more: Any) -> dict[str, Any]:
    return {"title_zh": title, "layers": [{"collection": PARCELS}], **more}


def test_every_version_stays_and_names_its_data(act: Act) -> None:
    """Saving again makes version 2; version 1 is still there; both record the dataset versions (R-160)."""
    made = act("post", API, {"definition": definition()})
    assert made.status_code == 201
    slug = made.json()["id"]
    again = act("put", f"{API}/{slug}", {"definition": definition("耕地分布图")})
    assert again.json()["version"] == 2
    assert act("put", f"{API}/{slug}", {"definition": definition("耕地分布图")}).json()["version"] == 2, (
        "nothing changed"
    )
    assert act("get", f"{API}/{slug}", version="1").json()["title_zh"] == "地类图"
    listed = act("get", f"{API}/{slug}/versions").json()
    assert [one["number"] for one in listed] == [2, 1]
    assert {code: one["number"] for code, one in listed[0]["versions"][PARCELS].items()} == {
        "990101": 2,
        "990102": 1,
    }


def test_sharing_shows_the_recipe_and_never_more_data(act: Act) -> None:
    """Private is 404 to others; shared, a stranger sees the composition without the layer, a neighbour his county only."""
    slug = act("post", API, {"definition": definition()}).json()["id"]
    assert act("get", f"{API}/{slug}", who="neighbour").status_code == 404
    assert act("get", f"{API}/{slug}", who=None).status_code == 401
    sharing = {"audience": "named", "users": ["t-neighbour", "t-stranger"]}
    assert act("put", f"{API}/{slug}/sharing", sharing).status_code == 200
    neighbour = act("get", f"{API}/{slug}", who="neighbour").json()
    assert list(neighbour["recorded_versions"][PARCELS]) == ["990102"] and neighbour["omitted"] == 0
    stranger = act("get", f"{API}/{slug}", who="stranger").json()
    assert stranger["omitted"] == 1 and stranger["definition"]["layers"] == [] and stranger["recorded_versions"] == {}
    assert PARCELS not in json.dumps(stranger), "the name of what he may not see is not told"
    box = {"bbox": f"{truth.WEST},{truth.SOUTH},{truth.WEST + 0.04},{truth.SOUTH + 0.04}", "width": "40"}
    mine = act("get", f"{API}/{slug}/image", **box)
    theirs = act("get", f"{API}/{slug}/image", who="stranger", **box)
    assert len(np.unique(_picture(mine).reshape(-1, 4), axis=0)) > 1
    assert len(np.unique(_picture(theirs).reshape(-1, 4), axis=0)) == 1 and mine["ETag"] != theirs["ETag"]
    assert act("put", f"{API}/{slug}", {"definition": definition()}, who="neighbour").status_code == 403
    assert act("delete", f"{API}/{slug}", who="neighbour").status_code == 403
    assert act("get", f"{API}/{slug}", who="onlooker").status_code == 404
    assert act("delete", f"{API}/{slug}").status_code == 204 and act("get", f"{API}/{slug}").status_code == 404


def _picture(answer: Any) -> np.ndarray:
    assert answer.status_code == 200, answer.content[:300]
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))


def test_two_ship_with_versions_and_a_date(act: Act) -> None:
    """基础底图 and 底线图 (R-033, R-160): named services, a date parameter, style JSON, a version for each state of data."""
    assert set(shipped.record()) == {"base-map", "bottom-line"} and shipped.record() == []
    listed = {one["id"]: one for one in act("get", API).json()}
    assert listed["base-map"]["ships"] and listed["bottom-line"]["title_zh"] == "底线图"
    base = act("get", f"{API}/base-map").json()
    assert [one["collection"] for one in base["definition"]["layers"]][-2:] == [PARCELS, "base:relief"]
    assert base["recorded_versions"][PARCELS]["990101"]["number"] == 2
    box = {"bbox": f"{truth.WEST},{truth.SOUTH},{truth.WEST + 0.002},{truth.SOUTH + 0.002}", "width": "20"}
    now, then = (
        act("get", f"{API}/base-map/image", **box),
        act("get", f"{API}/base-map/image", **box, valid_at="2025-01-01"),
    )
    assert (_picture(now)[10, 10] != _picture(then)[10, 10]).any() and now["Kunyu-Composition"] == "base-map;version=1"
    assert then["Kunyu-Valid-At"] == "2025-01-01"
    style = act("get", "/ogc/styles/base-map", f="mapbox").json()
    assert PARCELS in style["sources"] and style["metadata"]["kunyu:version"] == 1
    assert act("put", f"{API}/base-map", {"definition": definition()}).status_code == 403
    Composition.objects.get(slug="base-map").versions.update(versions={})
    assert shipped.record() == ["base-map"], "other data make another version"
    place = "WebMercatorQuad/14/6516/13335"
    assert act("get", f"/ogc/wmts/1.0.0/base-map/default/current/{place}.png").status_code == 200


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"title_zh": ""}, "图名"), ({"layers": []}, "1–30"), ({"evil": 1}, "不认识成员"), ({"extent": [3, 2, 1, 0]}, "西不小于东"),
        ({"layout": {"paper": "A9"}}, "A4"), ({"layout": {"scale": 3}}, "比例尺"), ({"layout": {"scale": "x"}}, "scale"),
        ({"layers": [{"collection": "../x"}]}, "数据集合代码"), ({"valid_at": "tomorrow"}, "日期"),
        ({"layers": [{"collection": PARCELS, "style": [{"id": "a", "type": "hologram"}]}]}, "图层类型"),
        ({"layers": [{"collection": PARCELS, "style": [{"id": "a", "type": "fill", "paint": {"fill-pattern": "//evil/x"}}]}]},
         "外部地址"),
    ],
)  # fmt: skip
def test_bad_definitions_are_refused_in_words(act: Act, change: dict[str, Any], says: str) -> None:
    answer = act("post", API, {"definition": {**definition(), **change}})
    assert answer.status_code in (400, 404) and says in answer.json()["detail_zh"], answer.json()


def test_a_layer_one_may_not_see_cannot_be_named(act: Act) -> None:
    assert act("post", API, {"definition": definition()}, who="stranger").status_code == 404
    assert Composition.objects.filter(ships=False).count() == 0


def test_a_print_is_a_job_with_a_file_for_its_owner_alone(act: Act, django_capture_on_commit_callbacks: Any) -> None:
    """Asked, queued, drawn under the owner's rights, fetched; on record with label and scale; nobody else gets it."""
    user = User.objects.get(username="t-steward")
    grant(user, (scope.DOWNLOAD,), actor=scope.operator("tests"))
    wanted = definition(layout={"paper": "A3", "scale": 50_000}, extent=[113.0, 34.5, 113.04, 34.54])
    with django_capture_on_commit_callbacks(execute=True):
        asked = act("post", f"{API}/prints", {"definition": wanted})
    assert asked.status_code == 202 and asked.json()["state"] == "waiting"
    number = asked.json()["id"]
    assert act("get", f"{API}/prints/{number}/file").status_code == 404, "not finished"
    printing.run(number)
    state = act("get", f"{API}/prints/{number}").json()
    assert state["state"] == "done" and state["scale"] == 50_000, state
    answer = act("get", state["download"])
    assert answer.content[:5] == b"%PDF-" and answer["Content-Type"] == "application/pdf"
    assert act("get", state["download"], who="neighbour").status_code == 404
    one = MapPrint.objects.get(pk=number)
    assert one.versions[PARCELS]["versions"]["990101"] == 2 and one.label >= 18


def test_a_print_without_the_right_fails_with_a_sentence(act: Act, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        number = act("post", f"{API}/prints", {"definition": definition()}, who="neighbour").json()["id"]
    printing.run(number)
    state = act("get", f"{API}/prints/{number}", who="neighbour").json()
    assert state["state"] == "failed" and "下载权限" in state["why_zh"] and state["download"] is None
    assert act("post", f"{API}/prints", {"definition": definition(), "format": "exe"}).status_code == 400


def test_classes_and_preview_over_http(act: Act) -> None:
    answer = act("post", f"{API}/classes", {"collection": PARCELS, "field": "DLBM", "method": "unique"})
    assert answer.status_code == 200 and answer.json()["style"][0]["metadata"]["kunyu:legend"]
    assert act("post", f"{API}/classes", {"collection": PARCELS, "field": "DLBM", "method": "jenks"}).status_code == 400
    assert act("post", f"{API}/classes", {"collection": PARCELS, "field": "DLBM"}, who="onlooker").status_code == 403
    shown = act("post", f"{API}/preview", {"definition": definition(layout={"scale": 50_000})}, who="neighbour")
    assert shown["Content-Type"] == "image/png" and shown["Kunyu-Scale"] == "50000"
