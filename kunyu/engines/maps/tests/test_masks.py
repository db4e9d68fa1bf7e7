"""Personal fields in everything people read: masked unless the grant reveals the kind, and no oracle beside them.

R-070, R-071 (field masks: names, document numbers), R-360; domain facts: security §5. A standard made for the test has
a layer with all four kinds; no shipped layer has any.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import mapbox_vector_tile
import pyogrio
import pytest
from django.db import connection
from django.test import Client

from kunyu.engines.catalogue import export
from kunyu.engines.catalogue.loading import load_labelled_catalogue
from kunyu.engines.catalogue.models import Layer
from kunyu.engines.catalogue.served.serving import close_pools
from kunyu.engines.catalogue.tables import ensure_partition
from kunyu.engines.catalogue.tests.personal_standard import COLLECTION, write_standard
from kunyu.engines.catalogue.versions import Content, open_version, publish_version
from kunyu.engines.maps.grids import GRIDS
from kunyu.engines.security.models import Grant, User
from kunyu.engines.security.scope import DOWNLOAD, QUERY, SEE, operator
from kunyu.engines.security.services import issue_token
from kunyu.engines.security.session import principal_of

CLEAR = {"QLR": "欧阳修", "ZJHM": "11010519491231002X", "LXDH": "13812341234", "ZL": "坤舆县人民路12号"}
MASKED = {"QLR": "欧**", "ZJHM": "110***********002X", "LXDH": "138****1234", "ZL": "坤舆县人民路****"}
ADDRESS = f"/ogc/collections/{COLLECTION}"
Ask = Callable[..., Any]


class People:
    """Users by name with a token each; ``reveals`` of one may hold in one division only."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.tokens: dict[str, str] = {}

    def add(self, name: str, *grants: tuple[str, list[str]]) -> None:
        user = self.users[name] = User.objects.create_user(name, "a-long-password", name_zh=name)
        for division, reveals in grants:
            for action in (SEE, QUERY, DOWNLOAD):
                Grant.objects.create(user=user, action=action, division_prefix=division, reveals=reveals)
        self.tokens[name] = issue_token(user, "tests", operator("tests"))


@pytest.fixture
def people(
    transactional_db: None, onemap_emptied: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Iterator[People]:
    """Two counties with one holder each, committed, and people who see him more or less."""
    monkeypatch.setenv("KUNYU_STANDARDS", str(write_standard(tmp_path / "standards")))
    settings.ROOT_URLCONF = "kunyu.engines.maps.tests.addresses"
    load_labelled_catalogue("security")
    layer = Layer.objects.get(collection=COLLECTION)
    for number, county in enumerate(("990101", "990102")):
        version = open_version(layer, county, date(2024, 12, 31))
        with connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO {ensure_partition(layer, county)} (county, "BSM", "QLR", "ZJHM", "LXDH", "ZL", geom, '
                "area_m2, source_crs, valid, known, version_id, digest) VALUES (%s, %s, %s, %s, %s, %s, "
                "ST_Multi(ST_MakeEnvelope(%s, 34.5, %s, 34.502, 4490)), 37000, 4526, '[2024-12-31,)', "
                "tstzrange('2025-01-10', NULL), %s, '\\x00')",
                [county, f"{county}0001", *CLEAR.values(), 113 + number / 100, 113.002 + number / 100, version.pk],
            )
        publish_version(version, Content(1, 1, 0, extent=(113, 34.5, 113.02, 34.502)),
                        known_from=datetime(2025, 1, 10, tzinfo=UTC))  # fmt: skip
    found = People()
    found.add("masked", ("", []))
    found.add("clear", ("", ["name", "document", "phone", "address"]))
    found.add("names", ("", ["name"]))
    found.add("half", ("990101", ["name", "document", "phone", "address"]), ("990102", []))
    yield found
    close_pools()


@pytest.fixture
def ask(people: People) -> Ask:
    def asking(path: str, who: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        sent = {"Accept": "application/json", "Authorization": f"Bearer {people.tokens[who]}", **(headers or {})}
        return Client(headers=sent).get(path, query)

    return asking


def text(answer: Any) -> str:
    return answer.getvalue().decode()


def document(answer: Any) -> Any:
    return json.loads(text(answer))


def personal(values: dict[str, Any]) -> dict[str, Any]:
    return {code: values[code] for code in CLEAR}


EXPECTED = {
    "masked": {"990101": MASKED, "990102": MASKED},
    "clear": {"990101": CLEAR, "990102": CLEAR},
    "names": {county: {**MASKED, "QLR": CLEAR["QLR"]} for county in ("990101", "990102")},
    "half": {"990101": CLEAR, "990102": MASKED},
}


@pytest.mark.parametrize("who", list(EXPECTED))
def test_features_tiles_identify_and_search(ask: Ask, who: str) -> None:
    """The same person sees the same in features, one feature, tiles, at a point and in the page for people."""
    answer = ask(f"{ADDRESS}/items", who)
    found = {one["id"][:6]: personal(one["properties"]) for one in document(answer)["features"]}
    assert found == EXPECTED[who]
    for county, expected in EXPECTED[who].items():
        assert personal(document(ask(f"{ADDRESS}/items/{county}0001", who))["properties"]) == expected
        lon = 113.001 if county == "990101" else 113.011
        (layer,) = document(ask("/api/map/identify", who, lon=lon, lat=34.501, layers=COLLECTION))
        attributes = {one["code"]: one["value"] for one in layer["features"][0]["attributes"]}
        assert personal(attributes) == expected
        assert tile(ask, who, lon) == expected
        page = text(ask(f"{ADDRESS}/items/{county}0001", who, f="html"))
        assert all((value in page) == (expected[code] == value) for code, value in CLEAR.items())
    hits = document(ask("/api/map/search", who, q="9901010001"))
    assert [hit["feature"] for hit in hits] == ["9901010001"]


def tile(ask: Ask, who: str, lon: float) -> dict[str, Any]:
    grid = GRIDS["CGCS2000Quad"]
    zoom = 16
    at = next(
        (row, column)
        for row, column in _near(grid, zoom, lon, 34.501)
        if _holds(grid.lonlat(grid.plane_bounds(zoom, row, column)), lon, 34.501)
    )
    answer = ask(f"{ADDRESS}/tiles/CGCS2000Quad/{zoom}/{at[0]}/{at[1]}", who, properties="BSM,QLR,ZJHM,LXDH,ZL")
    features = mapbox_vector_tile.decode(answer.content)[COLLECTION]["features"]
    county = "990101" if lon < 113.005 else "990102"
    return next(personal(one["properties"]) for one in features if one["properties"]["BSM"].startswith(county))


def _near(grid: Any, zoom: int, lon: float, lat: float) -> Iterator[tuple[int, int]]:
    box = grid.lonlat(grid.plane_bounds(zoom, 0, 0))
    width, height = box.x_max - box.x_min, box.y_max - box.y_min
    column, row = int((lon - box.x_min) / width), int((box.y_max - lat) / height)
    return ((row + dy, column + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))


def _holds(box: Any, lon: float, lat: float) -> bool:
    return bool(box.x_min <= lon < box.x_max and box.y_min < lat <= box.y_max)


@pytest.mark.parametrize("who", ["masked", "half", "names"])
def test_a_masked_field_is_no_oracle(ask: Ask, who: str) -> None:
    """Filtering by a field not seen in clear everywhere is refused, right value or wrong: no answer, no count, no order."""
    for value in (CLEAR["ZJHM"], "999"):
        for form in ("json", "html"):
            answer = ask(f"{ADDRESS}/items", who, ZJHM=value, f=form)
            said = text(answer)
            assert (answer.status_code, json.loads(said)["code"]) == (403, "field_masked")
            assert "numberMatched" not in said and CLEAR["ZJHM"] not in said
    assert document(ask(f"{ADDRESS}/items", who, BSM="9901010001"))["numberMatched"] == 1
    assert document(ask("/api/map/search", who, q=CLEAR["ZJHM"])) == []


def test_who_sees_it_in_clear_may_filter(ask: Ask) -> None:
    assert document(ask(f"{ADDRESS}/items", "clear", ZJHM=CLEAR["ZJHM"]))["numberMatched"] == 2
    assert document(ask(f"{ADDRESS}/items", "clear", QLR="无此人"))["numberMatched"] == 0
    assert document(ask(f"{ADDRESS}/items", "names", QLR=CLEAR["QLR"]))["numberMatched"] == 2


def test_queryables_name_what_may_be_filtered(ask: Ask) -> None:
    listed = {who: set(document(ask(f"{ADDRESS}/queryables", who))["properties"]) for who in EXPECTED}
    assert listed["masked"] == listed["half"] == {"BSM", "geom", "valid", "valid_from", "valid_to"}
    assert listed["names"] == {"BSM", "QLR", "geom", "valid", "valid_from", "valid_to"} and set(CLEAR) < listed["clear"]


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "ZJHM LIKE '1101%'"},
        {"filter": "NOT (ZJHM = 'x')"},
        {"filter": "ZJHM IS NULL"},
        {"filter": "CASEI(ZJHM) = CASEI('x') OR TRUE"},
        {"filter": "TRUE OR \"ZJHM\" IN ('a')"},
        {"filter": "BSM = ZJHM"},
        {"filter": '{"op":"like","args":[{"property":"ZJHM"},"1%"]}'},
        {"sortby": "-ZJHM"},
        {"sortby": "BSM,ZJHM"},
    ],
)
def test_masked_fields_are_no_oracle_for_cql_or_order(ask: Ask, query: dict[str, str]) -> None:
    """R-070: neither a match, a count, an error nor the order tells about a field that is seen masked."""
    for who in ("masked", "half", "names"):
        for address in (f"{ADDRESS}/items", f"{ADDRESS}/tiles/WebMercatorQuad/12/1629/3333"):
            if "sortby" in query and "tiles" in address:
                continue
            answer = ask(address, who, **query)
            assert (answer.status_code, json.loads(text(answer))["code"]) == (403, "field_masked")
            assert CLEAR["ZJHM"] not in text(answer)
    assert ask(f"{ADDRESS}/items", "clear", **query).status_code == 200


def test_keyset_paging_walks_masked_rows(ask: Ask) -> None:
    """Pages are by key and fid; a next link never carries a personal value."""
    first = document(ask(f"{ADDRESS}/items", "masked", limit=1))
    following = next(one["href"] for one in first["links"] if one["rel"] == "next")
    assert not any(value in following for value in (*CLEAR.values(), *MASKED.values()))
    second = document(ask(following.partition("testserver")[2], "masked"))
    assert [one["id"] for one in (*first["features"], *second["features"])] == ["9901010001", "9901020001"]


def test_an_answer_kept_from_clearer_days_is_not_confirmed(ask: Ask, people: People) -> None:
    """A change of what is revealed is never answered with 304, and holds at the next request."""
    before = ask(f"{ADDRESS}/items", "clear")
    assert ask(f"{ADDRESS}/items", "clear", {"If-None-Match": before["ETag"]}).status_code == 304
    Grant.objects.filter(user=people.users["clear"]).update(reveals=["name"])
    after = ask(f"{ADDRESS}/items", "clear", {"If-None-Match": before["ETag"]})
    assert after.status_code == 200
    assert {one["properties"]["ZJHM"] for one in document(after)["features"]} == {MASKED["ZJHM"]}
    assert ask(f"{ADDRESS}/items", "masked", {"If-None-Match": after["ETag"]}).status_code == 200


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".csv"])
@pytest.mark.parametrize("who", list(EXPECTED))
def test_exports_are_masked_alike(people: People, tmp_path: Path, who: str, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    export.export_dataset(principal_of(people.users[who]), COLLECTION, path)
    assert {county: personal(row) for county, row in _rows(path)} == EXPECTED[who]


def _rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [(row["county"], row) for row in csv.DictReader(file)]
    if path.suffix == ".geojson":
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        return [(one["properties"]["county"], one["properties"]) for one in features]
    _, table = pyogrio.read_arrow(path)
    return [(row["county"], row) for row in table.to_pylist()]
