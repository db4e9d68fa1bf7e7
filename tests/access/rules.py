"""Who may ask what: every route of the node, declared. A route that is not here fails the tests.

``samples`` are the addresses tried, each with the subject it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from kunyu.engines.security import scope
from tests.access.world import MINE, PARCELS, STRICT, STRICTER, THEIRS, Subject, World

Kind = Literal["open", "signed in", "data", "duty", "own"]
Values = dict[str, object]


@dataclass(frozen=True)
class Sample:
    """Values of an address's parameters, a query string, and what the address is about."""

    values: Values = field(default_factory=dict)
    query: str = ""
    subject: Subject | None = None


@dataclass(frozen=True)
class Rule:
    """``kind``: open to anybody; any signed-in person; data under a right; administrators; one's own things.

    ``act`` is the right that reading needs, ``write`` the one that unsafe methods need, ``body`` what they
    are sent, so that refusing the body never hides a missing refusal of the person.
    """

    kind: Kind
    act: str = scope.SEE
    write: str = ""
    duty: str = ""
    body: Mapping[str, object] = field(default_factory=dict)
    samples: Callable[[World], list[Sample]] = lambda world: [Sample()]


def _collections(query: str = "", **more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        return [
            Sample({"collection_id": PARCELS, **more}, query, MINE),
            Sample({"collection_id": PARCELS, **more}, query, THEIRS),
            Sample({"collection_id": STRICTER, **more}, query, STRICT),
            Sample({"collection_id": "99999-999", **more}, query),
        ]

    return made


def _features(world: World) -> list[Sample]:
    named = (
        (PARCELS, "990101211000000020", MINE),
        (PARCELS, "990102211000000001", THEIRS),
        (STRICTER, "990101105100000001", STRICT),
    )
    return [Sample({"collection_id": c, "feature_id": f}, "", s) for c, f, s in named]


def _tiles(world: World) -> list[Sample]:
    # zoom 12 over 113.02 E 34.52 N (OGC row, column), and the neighbour's a degree east
    place = {"grid_id": "WebMercatorQuad", "zoom": 12, "row": 1632}
    query = "properties=BSM"
    return [
        Sample({"collection_id": PARCELS, **place, "column": 3333}, query, MINE),
        Sample({"collection_id": PARCELS, **place, "column": 3345}, query, THEIRS),
        Sample({"collection_id": STRICTER, **place, "column": 3333}, query, STRICT),
    ]


def _deliveries(**more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        return [
            Sample({"delivery_id": world.ours, **more}, "", MINE),
            Sample({"delivery_id": world.theirs, **more}, "", THEIRS),
            Sample({"delivery_id": 999_999, **more}),
        ]

    return made


def _versions(world: World) -> list[Sample]:
    found = ((world.version_ours, MINE), (world.version_theirs, THEIRS), (world.version_strict, STRICT))
    return [Sample({"version_id": pk}, "", subject) for pk, subject in found]


def _datasets(world: World) -> list[Sample]:
    return [Sample({"code": PARCELS}, "", MINE), Sample({"code": STRICTER}, "", STRICT)]


def _with(query: str, **values: object) -> Callable[[World], list[Sample]]:
    return lambda world: [Sample(dict(values), query)]


RULES: dict[str, Rule] = {
    "healthz": Rule("open"),
    "readyz": Rule("open"),
    "ogc/": Rule("open"),
    "ogc/conformance": Rule("open"),
    "ogc/api": Rule("open"),
    "ogc/collections": Rule("open"),
    "ogc/tileMatrixSets": Rule("open"),
    "ogc/tileMatrixSets/<str:grid_id>": Rule("open", samples=_with("", grid_id="WebMercatorQuad")),
    "ogc/styles": Rule("open"),
    "ogc/<path:rest>": Rule("open", samples=_with("", rest="x")),
    "ogc/collections/<str:collection_id>": Rule("data", samples=_collections()),
    "ogc/collections/<str:collection_id>/queryables": Rule("data", samples=_collections()),
    "ogc/collections/<str:collection_id>/items": Rule("data", scope.QUERY, samples=_collections("limit=500")),
    "ogc/collections/<str:collection_id>/items/<str:feature_id>": Rule("data", scope.QUERY, samples=_features),
    "ogc/collections/<str:collection_id>/tiles": Rule("data", samples=_collections()),
    "ogc/collections/<str:collection_id>/tiles/<str:grid_id>": Rule(
        "data", samples=_collections(grid_id="WebMercatorQuad")
    ),
    "ogc/collections/<str:collection_id>/tiles/<str:grid_id>/<int:zoom>/<int:row>/<int:column>": Rule(
        "data", scope.QUERY, samples=_tiles
    ),
    "ogc/styles/<str:style_id>": Rule(
        "data",
        samples=lambda world: [
            Sample({"style_id": PARCELS}, "", MINE),
            Sample({"style_id": STRICTER}, "", STRICT),
        ],
    ),
    "api/openapi.json": Rule("open"),
    "api/docs": Rule("open"),
    "api/": Rule("open"),
    "api/catalogue/tree": Rule("signed in"),
    "api/catalogue/datasets/<code>": Rule("data", samples=_datasets),
    "api/catalogue/versions/<version_id>/lineage": Rule("data", samples=_versions),
    "api/catalogue/themes/broken-links": Rule("signed in"),
    "api/deliveries": Rule("signed in"),
    "api/deliveries/<int:delivery_id>": Rule("data", scope.QUERY, samples=_deliveries()),
    "api/deliveries/<int:delivery_id>/progress": Rule("data", scope.QUERY, samples=_deliveries()),
    "api/deliveries/<int:delivery_id>/findings": Rule("data", scope.QUERY, samples=_deliveries()),
    "api/deliveries/<int:delivery_id>/report.<form>": Rule("data", scope.QUERY, samples=_deliveries(form="json")),
    "api/deliveries/<int:delivery_id>/file": Rule("data", scope.DOWNLOAD, samples=_deliveries()),
    "api/deliveries/<int:delivery_id>/publish": Rule("data", write=scope.APPROVE, samples=_deliveries()),
    "api/deliveries/<int:delivery_id>/reject": Rule(
        "data", write=scope.APPROVE, body={"why": "试"}, samples=_deliveries()
    ),
    "api/map/layers": Rule("signed in"),
    "api/map/identify": Rule("signed in", samples=_with("lon=113.0394&lat=34.5004&zoom=16")),
    "api/map/search": Rule("signed in", samples=_with("q=990101211000000010")),
    "api/map/dates": Rule("data", samples=lambda world: [Sample({}, f"collection={PARCELS}", MINE)]),
    "api/map/base": Rule("signed in"),
    "api/map/base/<zoom>/<row>/<column>": Rule("signed in", samples=_with("", zoom=4, row=6, column=13)),
    "api/reference/divisions/<code>/children": Rule("signed in", samples=_with("", code="9901")),
    "api/reference/divisions/<code>": Rule("signed in", samples=_with("", code="990101")),
    "api/reference/search": Rule("signed in", samples=_with("q=坤舆")),
    "i18n/setlang/": Rule("open"),
    "login": Rule("open"),
    "logout": Rule("open"),
    "": Rule("signed in"),
    "deliveries/": Rule("signed in"),
    "deliveries/<int:delivery_id>": Rule("data", scope.QUERY, samples=_deliveries()),
    "deliveries/<int:delivery_id>/": Rule("data", scope.QUERY, samples=_deliveries()),
    "deliveries/<int:delivery_id>/publish": Rule("data", write=scope.APPROVE, samples=_deliveries()),
    "deliveries/<int:delivery_id>/reject": Rule("data", write=scope.APPROVE, samples=_deliveries()),
    "catalogue/": Rule("signed in"),
    "catalogue/<str:code>/": Rule("data", samples=_datasets),
}
