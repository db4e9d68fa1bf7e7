"""Pictures, WMTS, styles and thematic maps for the access tests: a composition, a style and a print of the viewer's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kunyu.engines.maps.models import Composition, CompositionVersion, MapPrint, SavedStyle
from kunyu.engines.security import scope

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World

PARCELS = "10401-003"
VIEWER = frozenset({"viewer"})
SLUG, STYLE, TELLTALE = "c-5e1f00aa", "s-90ab00cd", "composition-5e1f"
DEFINITION = {
    "title_zh": TELLTALE, "title_en": "", "subtitle": "", "layers": [{"collection": PARCELS}], "extent": [113, 34.5, 113.04, 34.54],
    "layout": {}, "valid_at": "", "known_at": "",
}  # fmt: skip


def build(owner_id: int) -> int:
    """Commit a private composition, a private style and a finished print of the viewer; the print's id."""
    made = Composition.objects.create(slug=SLUG, owner_id=owner_id)
    CompositionVersion.objects.create(
        composition=made,
        number=1,
        title_zh=TELLTALE,
        definition=DEFINITION,
        versions={},
        digest="d",
        made_by="a-viewer",
    )
    SavedStyle.objects.create(
        slug=STYLE, owner_id=owner_id, title=TELLTALE, collections=[PARCELS],
        document={"version": 8, "name": TELLTALE, "sources": {PARCELS: {"type": "vector"}}, "layers": [
            {"id": "a", "type": "fill", "source": PARCELS, "paint": {"fill-color": "#123456"}}]},
    )  # fmt: skip
    return MapPrint.objects.create(owner_id=owner_id, request={}, form="pdf", state="failed", why_zh=TELLTALE).pk


def _own(name: str, mine: Callable[[World], object], other: object, query: str = "") -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        return [
            Sample({name: mine(world)}, query, None, VIEWER, VIEWER),
            Sample({name: other}, query, None, frozenset(), frozenset()),
        ]

    return made


def rules() -> dict[str, Rule]:
    """Pictures and tiles follow the layer; compositions, styles and prints are their owner's until shared."""
    from tests.access.rules import Rule, Sample, _collections
    from tests.access.world import MINE, STRICT, STRICTER, THEIRS

    box = "bbox=113.0,34.5,113.04,34.54&width=8&height=8"
    grid = {"grid_id": "WebMercatorQuad"}
    place = {"zoom": 12, "row": 1629}

    def tiles(world: World) -> list[Sample]:
        return [
            Sample({"collection_id": PARCELS, **grid, **place, "column": 3333}, "", MINE),
            Sample({"collection_id": PARCELS, **grid, **place, "column": 3345}, "", THEIRS),
            Sample({"collection_id": STRICTER, **grid, **place, "column": 3333}, "", STRICT),
        ]

    def wmts_tiles(world: World) -> list[Sample]:
        common = {"style": "default", "time": "current", "grid": "WebMercatorQuad", **place, "form": "png"}
        return [
            Sample({"layer": PARCELS, **common, "column": 3333}, "", MINE),
            Sample({"layer": PARCELS, **common, "column": 3345}, "", THEIRS),
            Sample({"layer": STRICTER, **common, "column": 3333}, "", STRICT),
        ]

    def styles(world: World) -> list[Sample]:
        return [Sample({"style_id": PARCELS}, "", MINE), Sample({"style_id": STRICTER}, "", STRICT)]

    collection = "ogc/collections/<str:collection_id>"
    composition = _own("slug", lambda world: SLUG, "c-nothing")
    prints = _own("print_id", lambda world: world.print_id, 999_999)
    api = "api/map/compositions"
    definition = {"definition": DEFINITION}
    return {
        f"{collection}/map": Rule("data", scope.QUERY, samples=_collections(box)),
        f"{collection}/map/tiles": Rule("data", samples=_collections()),
        f"{collection}/map/tiles/<str:grid_id>": Rule("data", samples=_collections(**grid)),
        f"{collection}/map/tiles/<str:grid_id>/<int:zoom>/<int:row>/<int:column>": Rule(
            "data", scope.QUERY, samples=tiles
        ),
        f"{collection}/styles": Rule("data", samples=_collections()),
        "ogc/styles/<str:style_id>/metadata": Rule("data", samples=styles),
        "ogc/styles/<str:style_id>/legend": Rule("data", samples=styles),
        "ogc/wmts": Rule("open", samples=lambda world: [Sample({}, "service=WMTS&request=GetCapabilities")]),
        "ogc/wmts/1.0.0/WMTSCapabilities.xml": Rule("open"),
        "ogc/wmts/1.0.0/<str:layer>/<str:style>/<str:time>/<str:grid>/<int:zoom>/<int:row>/<int:column>.<str:form>": Rule(
            "data", scope.QUERY, samples=wmts_tiles
        ),
        api: Rule("signed in", body=definition),
        f"{api}/palette": Rule("signed in"),
        f"{api}/classes": Rule("signed in", body={"collection": PARCELS, "field": "DLBM", "method": "unique"}),
        f"{api}/preview": Rule("signed in", body=definition),
        f"{api}/prints": Rule("signed in", body=definition),
        f"{api}/prints/<int:print_id>": Rule("own", samples=prints),
        f"{api}/prints/<int:print_id>/file": Rule("own", samples=prints),
        f"{api}/<slug>": Rule("own", write="act", body=definition, samples=composition),
        f"{api}/<slug>/versions": Rule("own", samples=composition),
        f"{api}/<slug>/sharing": Rule("own", write="act", body={"audience": "private"}, samples=composition),
        f"{api}/<slug>/image": Rule(
            "own", samples=_own("slug", lambda world: SLUG, "c-nothing", box.replace("&height=8", ""))
        ),
        "map/compose": Rule("signed in"),
    }
