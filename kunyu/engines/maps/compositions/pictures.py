"""A composition as a picture of any box: what other pages and WMTS clients show. 专题图图片."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse

from kunyu.engines.catalogue.served.asof import read_moment
from kunyu.engines.catalogue.served.layers import find_layer
from kunyu.engines.catalogue.served.moments import read_days, read_known_at
from kunyu.engines.maps.answers import Caching, dress_time, entity_tag, is_unchanged, principal_of
from kunyu.engines.maps.compositions import looks
from kunyu.engines.maps.compositions.looks import Look
from kunyu.engines.maps.drawing import images
from kunyu.engines.maps.drawing.images import MEDIA_TYPES
from kunyu.engines.maps.grids import Box
from kunyu.engines.security import scope
from kunyu.kernel.digests import canonical_json, sm3_hex


def answer(
    request: HttpRequest, look: Look, box: Box, epsg: int, size: tuple[int, int], times: Mapping[str, str], form: str,
    background: int = 0,
) -> HttpResponse:  # fmt: skip
    """The picture with an ETag over the composition's version and everything drawn for this caller."""
    principal = principal_of(request)
    read_days(times.get("datetime"), times.get("valid_at"))
    read_known_at(times.get("known_at"))
    layers = looks.drawn_layers(principal, look, times)
    images.picture(box, epsg, *size)
    parts: list[Any] = [look.slug, look.number, vars(box), epsg, size, form, background]
    asof = None
    for one in layers:
        layer = find_layer(one.collection)
        if layer is None:
            parts.append(one.collection)
            continue
        granted = scope.resolve(principal, one.collection, scope.QUERY, public=layer.is_public)
        if layer.is_spatial:
            asof = read_moment(layer, one.times)
            parts.append(entity_tag(request, layer, granted, asof, f"{one.opacity}"))
        else:
            parts.append([one.collection, granted.entitlement, layer.state.count, layer.state.newest_id])
    caching = Caching(f'"{sm3_hex(canonical_json(parts))[:40]}"', is_public=False)
    if is_unchanged(request, caching.tag):
        return caching.not_modified()
    data = images.draw_map(principal, layers, box, epsg, *size, form=form, background=background)
    response = caching.dress(HttpResponse(data, content_type=MEDIA_TYPES[form]))
    response["Kunyu-Composition"] = f"{look.slug};version={look.number}"
    return dress_time(response, asof) if asof is not None else response
