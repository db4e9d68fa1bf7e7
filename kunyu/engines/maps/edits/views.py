"""POST, PUT, PATCH and DELETE on items (OGC API – Features Part 4, OGC 20-002). 在线编辑接口."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from kunyu.engines.catalogue.served.asof import read_moment
from kunyu.engines.catalogue.served.errors import BadParameter
from kunyu.engines.catalogue.served.layers import ServedLayer, find_layer, open_layer, require_division
from kunyu.engines.catalogue.served.moments import Moment, ValidDays
from kunyu.engines.catalogue.served.queries import Selection, require_clear, rows
from kunyu.engines.catalogue.served.serving import fetch
from kunyu.engines.maps.answers import entity_tag, principal_of, root_of
from kunyu.engines.maps.collections import collection_address
from kunyu.engines.maps.edits.applying import Applied, Edit, Kind, apply
from kunyu.engines.maps.edits.body import Draft, read_draft
from kunyu.engines.maps.edits.states import item_tag, seen_states
from kunyu.engines.maps.errors import NoSuchFeature
from kunyu.engines.maps.parameters import read_query
from kunyu.engines.security import scope
from kunyu.engines.security.errors import NotAllowed, NotVisible
from kunyu.engines.security.scope import Scope

CHANGES: dict[str, Kind] = {"PUT": "replace", "PATCH": "update", "DELETE": "delete"}
EDIT_PARAMETERS = ("county", "valid_from")


def options(allowed: str) -> HttpResponse:
    """What may be done at the address."""
    response = HttpResponse(status=204)
    response["Allow"], response["Accept-Patch"] = allowed, "application/merge-patch+json, application/geo+json"
    return response


def create(request: HttpRequest, collection_id: str) -> HttpResponse:
    """A new feature: 201 with its address. Without a key it gets the next one of the county."""
    layer, granted, read = _open(request, collection_id, county=request.GET.get("county", ""))
    query = read_query(request, EDIT_PARAMETERS)
    draft = read_draft(request)
    _require_seen(layer, read, draft, _hidden(layer, read))
    county = query.get("county") or str(draft.values.get(layer.key) or "")[: scope.COUNTY_DIGITS]
    if len(county) != scope.COUNTY_DIGITS or not county.isascii() or not county.isdecimal():
        raise BadParameter(
            f"请用参数 county 给出六位县级代码，或给出以它开头的 {layer.key}。",
            f"Name the county by six digits in the parameter county, or give a {layer.key} that begins with it.",
        )
    done = apply(principal_of(request), layer, granted, Edit("create", county, _day(query), draft=draft))
    address = f"{collection_address(root_of(request), layer.collection)}/items/{quote(done.feature, safe='')}"
    response = _told(HttpResponse(status=201), done)
    response["Location"] = address
    return response


def change(request: HttpRequest, collection_id: str, feature_id: str) -> HttpResponse:
    """Replace (PUT), merge (PATCH) or delete a feature in the state named by ``If-Match``: 204 with the new ETag."""
    layer, granted, read = _open(request, collection_id, feature_id=feature_id)
    query = read_query(request, EDIT_PARAMETERS[1:])
    if "\0" in feature_id:
        raise NotVisible("没有这个要素。", "There is no such feature.")
    kind, day, hidden = CHANGES[str(request.method)], _day(query), _hidden(layer, read)
    county = _county_of(layer, read, feature_id, day)
    seen = seen_states(request)
    draft = None if kind == "delete" else read_draft(request)
    if draft is not None:
        _require_seen(layer, read, draft, hidden)
    edit = Edit(kind, county, day, feature_id, seen, draft, hidden)
    done = apply(principal_of(request), layer, granted, edit)
    response = _told(HttpResponse(status=204), done)
    if done.fid is not None:
        response["ETag"] = _tag(request, collection_id, done.fid)
    return response


def _open(
    request: HttpRequest, collection_id: str, *, county: str = "", feature_id: str = ""
) -> tuple[ServedLayer, Scope, Scope]:
    """The layer, the scope of editing, and that of reading: nobody edits what he may not read.

    A named county or feature that the caller may not see is not there for him, whether or not he may edit others.
    """
    principal = principal_of(request)
    try:
        layer, granted = open_layer(principal, collection_id, scope.EDIT)
    except NotAllowed:
        _require_there(request, collection_id, county, feature_id)
        raise
    read = scope.resolve(principal, layer.collection, scope.QUERY, public=layer.is_public)
    if county:
        require_division(principal, layer, granted, county)
    return layer, granted, read


def _require_there(request: HttpRequest, collection_id: str, county: str, feature_id: str) -> None:
    principal, layer = principal_of(request), find_layer(collection_id)
    assert layer is not None, "the layer was opened to find that its editing is refused"
    if county:
        seen = scope.resolve(principal, collection_id, scope.SEE, public=layer.is_public)
        require_division(principal, layer, seen, county)
    if feature_id and "\0" not in feature_id:
        read = scope.resolve(principal, collection_id, scope.QUERY, public=layer.is_public)
        _county_of(layer, read, feature_id, timezone.localdate())


def _hidden(layer: ServedLayer, read: Scope) -> frozenset[str]:
    return frozenset(code for code, one in layer.fields.items() if one.personal and not read.reveals(one.personal))


def _require_seen(layer: ServedLayer, read: Scope, draft: Draft, hidden: frozenset[str]) -> None:
    """Refuse a value for a field that the editor sees masked: what was read and sent back would store the mask."""
    for code in draft.values:
        if code in hidden:
            require_clear(layer, read, code)


def _day(query: dict[str, str]) -> date:
    """From which day the edit is true: today on the node's clock, or an earlier day."""
    today, text = timezone.localdate(), query.get("valid_from")
    if text is None:
        return today
    try:
        day = date.fromisoformat(text if len(text) == 10 else "-")
    except ValueError:
        raise BadParameter(f"valid_from={text[:40]!r} 不是日期。", f"valid_from={text[:40]!r} is no date.") from None
    if day > today:
        raise BadParameter(f"valid_from={day} 晚于今天 {today}。", f"valid_from={day} lies after today, {today}.")
    return day


def _county_of(layer: ServedLayer, read: Scope, feature_id: str, day: date) -> str:
    """The county of a feature the editor may read."""
    selection = Selection(layer, read, Moment(ValidDays(day, day), None), feature=feature_id)
    statement, parameters = rows(selection, ["fid", "county"])
    found = fetch(read, f"{statement} ORDER BY 1 LIMIT 1", parameters)
    if not found:
        raise NoSuchFeature(
            f"{layer.collection} 在 {day} 没有要素 {feature_id[:60]}。",
            f"{layer.collection} has no feature {feature_id[:60]} on {day}.",
        )
    return str(found[0][1])


def _told(response: HttpResponse, done: Applied) -> HttpResponse:
    response["Kunyu-Version"] = str(done.version.number)
    response["Cache-Control"] = "private, no-store"
    return response


def _tag(request: HttpRequest, collection_id: str, fid: int) -> str:
    """The ETag that reading the feature at this address gives from now on."""
    layer, granted = open_layer(principal_of(request), collection_id, scope.QUERY)
    return item_tag(fid, entity_tag(request, layer, granted, read_moment(layer, {}), "json"))
