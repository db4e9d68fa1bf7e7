"""Who may ask the routes of features, editing and exports: declared beside the rest (``rules.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kunyu.engines.security import scope
from tests.access.world import MINE, PARCELS, World

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample


def rules() -> dict[str, Rule]:
    """Rules by route pattern; what edits do is tested with the edits themselves."""
    from tests.access.rules import Rule, Sample, _collections

    def nobodys(world: World) -> list[Sample]:
        return [Sample({"export_id": 999_999}, "", None, frozenset())]

    def asked(world: World) -> list[Sample]:
        return [Sample({}, f"collection={PARCELS}", MINE)]

    return {
        "ogc/collections/<str:collection_id>/sortables": Rule("data", samples=_collections()),
        "ogc/collections/<str:collection_id>/schema": Rule("data", samples=_collections()),
        "api/map/editing": Rule(
            "data",
            change=scope.APPROVE,
            body={"collection": PARCELS, "division": "990101", "is_open": True, "reason": "试验"},
            samples=asked,
        ),
        "api/map/exports": Rule("signed in", write=scope.DOWNLOAD, body={"collection": PARCELS, "format": "csv"}),
        "api/map/exports/<int:export_id>": Rule("own", samples=nobodys),
        "api/map/exports/<int:export_id>/file": Rule("own", samples=nobodys),
    }
