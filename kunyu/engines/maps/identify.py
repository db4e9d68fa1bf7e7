"""What is at a point: features of several layers with the official names of their attributes. 点查询."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import shapely

from kunyu.engines.catalogue.served.asof import read_moment
from kunyu.engines.catalogue.served.layers import ServedLayer, code_names, open_layer, record_read, visible_layers
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.maps import crs, features
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal

MOST_PER_LAYER = 10
# A click may miss a line or a point by this many of the 512 pixels of a tile.
REACH_PIXELS, TILE_PIXELS = 6, 512


@dataclass(frozen=True)
class Place:
    """Where somebody clicked: degrees lon/lat on CGCS2000, and the zoom that says how wide a click is."""

    lon: float
    lat: float
    zoom: float

    @property
    def reach(self) -> float:
        """How far beside a line a click still counts, in degrees."""
        return 360 / 2**self.zoom / TILE_PIXELS * REACH_PIXELS


def identify(
    principal: Principal, place: Place, collections: list[str] | None, query: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Features at ``place`` in the named layers, or in every visible layer; layers without a hit are left out.

    Parameters
    ----------
    query
        May hold ``valid_at`` and ``known_at``, as the OGC addresses read them.

    Raises
    ------
    SignInNeeded, NotVisible, NotAllowed
        A named layer may not be queried.
    BadParameter
        A time cannot be read.
    """
    if collections is None:
        names = [layer.collection for layer in visible_layers(principal, scope.QUERY) if layer.is_spatial]
    else:
        names = collections
    found = []
    for name in names:
        layer, granted = open_layer(principal, name, scope.QUERY)
        if not layer.is_spatial:
            continue
        asof = read_moment(layer, query)
        point = shapely.Point(place.lon, place.lat)
        area = point if layer.geometry == "Polygon" else point.buffer(place.reach)
        record_read(principal, layer, point.bounds, "identify")
        page = features.read_page(
            Selection(layer, granted, asof.moment, area), crs.DEFAULT, tuple(layer.fields), MOST_PER_LAYER
        )
        if page.returned:
            found.append(_answer(layer, page, asof.valid_text, asof.known_text))
    return found


def _answer(layer: ServedLayer, page: features.Page, valid_text: str, known_text: str) -> dict[str, Any]:
    return {
        "collection": layer.collection,
        "layer": layer.code,
        "name_zh": layer.name_zh,
        "name_en": layer.name_en,
        "standard": layer.standard_id,
        "valid_at": valid_text,
        "known_at": known_text,
        "has_more": page.next_after is not None,
        "features": [
            {
                "id": one["id"],
                "geometry": one["geometry"],
                "valid": one["time"]["interval"],
                "attributes": _attributes(layer, one["properties"]),
            }
            for one in json.loads(f"[{''.join(page.text())}]")
        ],
    }


def _attributes(layer: ServedLayer, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each attribute with its official name and, for a coded one, what the code means."""
    listed = []
    for code, field in layer.fields.items():
        value = values[code]
        names = code_names(layer.standard_id, field.codelist) if field.codelist else {}
        listed.append(
            {
                "code": code,
                "name_zh": field.name_zh,
                "name_en": field.name_en,
                "value": value,
                "meaning_zh": names.get(str(value)) if value is not None else None,
                "unit": field.unit,
                "verified": field.verified,
            }
        )
    return listed
