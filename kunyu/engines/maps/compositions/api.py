"""House API of thematic maps: ramps, classes, compositions with every version, pictures, prints. 专题图接口."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema

from kunyu.engines.catalogue.served.asof import read_moment
from kunyu.engines.catalogue.served.layers import open_layer
from kunyu.engines.catalogue.served.queries import Selection
from kunyu.engines.maps import crs, map_views, styles_saved
from kunyu.engines.maps.answers import principal_of
from kunyu.engines.maps.compositions import classify, looks, pictures, printing, services, sheet, shipped
from kunyu.engines.maps.compositions.definition import PAPERS
from kunyu.engines.maps.compositions.ramps import RAMPS
from kunyu.engines.maps.compositions.services import Sharing
from kunyu.engines.maps.cql.reading import evaluating, read_filter
from kunyu.engines.maps.drawing import legend
from kunyu.engines.maps.drawing.base import BASE_LAYERS
from kunyu.engines.maps.drawing.view import box_in
from kunyu.engines.maps.models import Composition, CompositionVersion, MapPrint
from kunyu.engines.maps.parameters import read_query
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal

router = Router(tags=["compositions"])
_IMAGE = ("f", "bbox", "bbox-crs", "crs", "width", "height", "version", "valid_at", "known_at", "datetime", "bgcolor",
          "transparent")  # fmt: skip


class SharingIn(Schema):
    audience: str = "private"
    users: list[str] = []
    organisations: list[str] = []

    def sharing(self) -> Sharing:
        return Sharing(self.audience, tuple(self.users), tuple(self.organisations))


class SaveIn(Schema):
    """``definition`` as docs/user/thematic-maps.md describes it."""

    definition: dict[str, Any]
    sharing: SharingIn | None = None


class ClassesIn(Schema):
    collection: str
    field: str
    method: str = "quantile"
    count: int = 5
    ramp: str = ""
    filter: str = ""
    bbox: list[float] | None = None
    valid_at: str | None = None
    known_at: str | None = None


class PrintIn(Schema):
    """A saved composition by name, or a definition that is not saved; ``layout`` replaces the composition's own."""

    composition: str = ""
    version: int | None = None
    definition: dict[str, Any] | None = None
    layout: dict[str, Any] | None = None
    format: str = "pdf"
    valid_at: str = ""
    known_at: str = ""


@router.get("/palette", summary="色带与方法 / ramps, methods, papers")
def palette(request: HttpRequest) -> dict[str, Any]:
    """What a page needs to offer choices."""
    return {
        "ramps": [
            {
                "id": one.id, "kind": one.kind, "name_zh": one.name_zh, "name_en": one.name_en,
                "colours": list(one.colours), "colour_blind_safe": one.is_colour_blind_safe,
            }
            for one in RAMPS.values()
        ],
        "methods": [{"id": key, "name_zh": zh, "name_en": en} for key, (zh, en) in classify.METHODS.items()],
        "papers": list(PAPERS),
        "base_layers": [{"collection": key, "name_zh": zh, "name_en": en} for key, (zh, en) in BASE_LAYERS.items()],
        "most_classes": classify.MOST_BREAKS,
    }  # fmt: skip


@router.post("/classes", summary="分级 / classify an attribute")
def classes(request: HttpRequest, body: ClassesIn) -> dict[str, Any]:
    """Classes of an attribute over the rows the caller may query, with the style that draws them."""
    principal = principal_of(request)
    layer, granted = open_layer(principal, body.collection, scope.QUERY)
    times = {name: value for name in ("valid_at", "known_at") if (value := getattr(body, name))}
    asof = read_moment(layer, times)
    area = crs.bbox_polygon(body.bbox, crs.DEFAULT) if body.bbox and len(body.bbox) == 4 else None
    filtered = read_filter(layer, granted, {"filter": body.filter}) if body.filter else None
    selection = Selection(layer, granted, asof.moment, area, filtered=filtered)
    with evaluating(filtered):
        found = classify.classify(principal, selection, classify.Wanted(body.field, body.method, body.count, body.ramp))
    return {
        "collection": layer.collection, "field": body.field, "method": body.method, "rows": found.rows,
        "missing": found.missing, "mean": found.mean, "deviation": found.deviation,
        "classes": [vars(one) for one in found.classes], "style": classify.style_of(layer, found),
        "valid_at": asof.valid_text, "known_at": asof.known_text,
    }  # fmt: skip


def _brief(principal: Principal, one: Composition, version: CompositionVersion) -> dict[str, Any]:
    return {
        "id": one.slug, "title_zh": version.title_zh, "title_en": version.title_en, "version": version.number,
        "ships": one.ships, "audience": one.audience, "made_at": version.made_at.isoformat(), "made_by": version.made_by,
        "is_mine": one.owner_id is not None and one.owner_id == principal.user_id,
        "owner": (one.owner.name_zh or one.owner.username) if one.owner else "",
        "href": f"/map/compose#composition={one.slug}", "image": f"/api/map/compositions/{one.slug}/image",
        "style": f"/ogc/styles/{one.slug}",
    }  # fmt: skip


def _full(principal: Principal, one: Composition, version: CompositionVersion) -> dict[str, Any]:
    """A composition for one caller: layers he may not see are left out, their number is told."""
    look = looks.load(principal, one.slug, version.number)
    document = look.definition.document()
    layers, omitted = [], 0
    for place, use in enumerate(look.definition.layers):
        layer = None if use.is_base else next((found for found, _ in looks.shown(principal, [use])), None)
        if layer is None and not use.is_base:
            omitted += 1
            continue
        saved = styles_saved.style_layers(principal, layer, None) if layer else None
        style = use.style if use.style is not None else saved
        entries = legend.swatches(layer, style) if layer else []
        layers.append({
            **document["layers"][place],
            "name_zh": layer.name_zh if layer else BASE_LAYERS[use.collection][0],
            "name_en": layer.name_en if layer else BASE_LAYERS[use.collection][1],
            "legend": [{"colour": entry.colour, "zh": entry.text_zh, "en": entry.text_en} for entry in entries],
            "drawn_style": list(looks.style_layers(layer, use)) if layer else [],
        })  # fmt: skip
    found = {**_brief(principal, one, version), "definition": {**document, "layers": layers}, "omitted": omitted}
    found["recorded_versions"] = services.visible_versions(principal, version.versions)
    found["current_versions"] = services.visible_versions(principal, services.versions_now(look.definition))
    if found["is_mine"]:
        shares = one.shares.select_related("user", "organisation")
        found["sharing"] = {
            "audience": one.audience, "users": [s.user.username for s in shares if s.user],
            "organisations": [s.organisation.code for s in shares if s.organisation],
        }  # fmt: skip
    return found


@router.get("", summary="专题图列表 / compositions")
def list_compositions(request: HttpRequest, q: str = "", limit: int = 200) -> list[dict[str, Any]]:
    """Those that ship, one's own, and those shared with one; newest first."""
    principal = principal_of(request)
    shipped.ensure()
    found = []
    for one in services.visible(principal).select_related("owner").order_by("-ships", "-made_at")[:1000]:
        version = one.versions.order_by("-number").first()
        if version is not None and q.lower() in f"{version.title_zh} {version.title_en}".lower():
            found.append(_brief(principal, one, version))
    return found[: max(1, min(limit, 500))]


@router.post("", response={201: dict[str, Any]}, summary="保存专题图 / keep a composition")
def create_composition(request: HttpRequest, body: SaveIn) -> tuple[int, dict[str, Any]]:
    """Keep a new one of one's own."""
    principal = principal_of(request)
    sharing = body.sharing.sharing() if body.sharing else Sharing()
    version = services.create(principal, body.definition, sharing)
    return 201, _full(principal, version.composition, version)


@router.post("/prints", response={202: dict[str, Any]}, summary="打印 / print")
def ask_print(request: HttpRequest, body: PrintIn) -> tuple[int, dict[str, Any]]:
    """Queue a print as PDF (vector) or PNG."""
    wanted = printing.Request(
        body.format, body.composition, body.version, body.definition, body.layout, body.valid_at, body.known_at
    )
    return 202, _print(printing.ask(principal_of(request), wanted))


@router.post("/preview", summary="版面预览 / the sheet as a small picture")
def preview(request: HttpRequest, body: PrintIn) -> HttpResponse:
    """What would be printed, marked as a preview; under the right to query."""
    principal = principal_of(request)
    services.require_person(principal)
    wanted = printing.Request(
        "pdf", body.composition, body.version, body.definition, body.layout, body.valid_at, body.known_at
    )
    look = printing.look_of(principal, wanted)
    found = sheet.print_sheet(principal, look, sheet.PREVIEW, wanted.times)
    response = HttpResponse(found.data, content_type=found.media_type)
    response["Cache-Control"] = "private, no-store"
    response["Kunyu-Scale"] = f"{found.scale:g}"
    return response


def _print(one: MapPrint) -> dict[str, Any]:
    done = one.state == MapPrint.State.DONE
    return {
        "id": one.pk, "state": one.state, "format": one.form, "size": one.size, "scale": one.scale,
        "versions": one.versions, "why_zh": one.why_zh, "why_en": one.why_en,
        "download": f"/api/map/compositions/prints/{one.pk}/file" if done else None, "progress": f"map-print:{one.pk}",
    }  # fmt: skip


@router.get("/prints/{int:print_id}", summary="打印状态 / state of a print")
def print_state(request: HttpRequest, print_id: int) -> dict[str, Any]:
    """Where one of one's own prints stands."""
    return _print(printing.one_print(principal_of(request), print_id))


@router.get("/prints/{int:print_id}/file", summary="打印文件 / the printed file")
def print_file(request: HttpRequest, print_id: int) -> HttpResponse:
    """The finished file."""
    one, data = printing.file_of(principal_of(request), print_id)
    response = HttpResponse(data, content_type=printing.FORMS[one.form])
    response["Content-Disposition"] = f'attachment; filename="kunyu-map-{one.pk}.{one.form}"'
    response["Cache-Control"] = "private, no-store"
    return response


@router.get("/{slug}", summary="专题图 / one composition")
def composition(request: HttpRequest, slug: str, version: int | None = None) -> dict[str, Any]:
    """One version (the newest by default) as the caller may see it, with the dataset versions behind it."""
    principal = principal_of(request)
    one = services.one(principal, slug)
    return _full(principal, one, services.version_of(one, version))


@router.get("/{slug}/versions", summary="专题图的各版 / versions")
def versions(request: HttpRequest, slug: str) -> list[dict[str, Any]]:
    """Every version, newest first, with the dataset versions it recorded."""
    principal = principal_of(request)
    one = services.one(principal, slug)
    return [
        {
            "number": version.number, "made_at": version.made_at.isoformat(), "made_by": version.made_by,
            "title_zh": version.title_zh, "digest": version.digest,
            "versions": services.visible_versions(principal, version.versions),
        }
        for version in one.versions.order_by("-number")[:200]
    ]  # fmt: skip


@router.put("/{slug}", summary="保存新版 / keep another version")
def save_composition(request: HttpRequest, slug: str, body: SaveIn) -> dict[str, Any]:
    """Keep another version of one's own composition."""
    principal = principal_of(request)
    sharing = body.sharing.sharing() if body.sharing else None
    version = services.save(principal, slug, body.definition, sharing)
    return _full(principal, version.composition, version)


@router.put("/{slug}/sharing", summary="共享 / share")
def share_composition(request: HttpRequest, slug: str, body: SharingIn) -> dict[str, Any]:
    """Change with whom one's own composition is shared."""
    principal = principal_of(request)
    one = services.share(principal, slug, body.sharing())
    return _full(principal, one, services.version_of(one))


@router.delete("/{slug}", response={204: None}, summary="删除专题图 / remove a composition")
def remove_composition(request: HttpRequest, slug: str) -> tuple[int, None]:
    """Take one's own composition out of every list."""
    services.remove(principal_of(request), slug)
    return 204, None


@router.get("/{slug}/image", summary="专题图图片 / a picture of a composition")
def image(request: HttpRequest, slug: str) -> HttpResponse:
    """A picture of a box (``bbox``, ``crs``, ``width``, ``height`` as OGC API – Maps), on a date, in a version."""
    principal = principal_of(request)
    query = read_query(request, _IMAGE)
    number = map_views.read_side(query, "version")
    look = looks.load(principal, slug, number)
    form = map_views.read_form(query)
    plane = crs.offered(query["crs"]) if "crs" in query else crs.offered("EPSG:3857")
    if "bbox" in query:
        named = crs.offered(query["bbox-crs"]) if "bbox-crs" in query else crs.DEFAULT
        box = map_views.read_box(query["bbox"], named)
        box = box if named.epsg == plane.epsg else box_in(box, named.epsg, plane.epsg)
    else:
        box = box_in(sheet.extent_for(principal, look), crs.STORED_EPSG, plane.epsg)
    size = map_views.picture_size(box, map_views.read_side(query, "width"), map_views.read_side(query, "height"))
    times: dict[str, str] = {name: query[name] for name in ("datetime", "valid_at", "known_at") if name in query}
    background = map_views.read_background({"transparent": "false", **query}, form)
    return pictures.answer(request, look, box, plane.epsg, size, times, form, background)
