"""Addresses under ``/ogc/`` (contract.md, "Addresses")."""

from django.urls import path

from kunyu.engines.maps import item_views, map_views, style_views, tile_views, views, wmts_views
from kunyu.engines.maps.coverages import urls as coverage_urls
from kunyu.engines.maps.records import views as record_views

_COLLECTION = "collections/<str:collection_id>"
_CATALOGUE = "collections/catalogue"
urlpatterns = [
    path("", views.landing),
    path("conformance", views.conformance),
    path("api", views.api),
    path("collections", views.collections_list),
    path(_CATALOGUE, record_views.collection),
    path(f"{_CATALOGUE}/queryables", record_views.queryables),
    path(f"{_CATALOGUE}/items", record_views.items),
    path(f"{_CATALOGUE}/items/<str:code>", record_views.item),
    path(_COLLECTION, views.collection),
    path(f"{_COLLECTION}/queryables", views.schema, {"kind": "queryables"}),
    path(f"{_COLLECTION}/sortables", views.schema, {"kind": "sortables"}),
    path(f"{_COLLECTION}/schema", views.schema, {"kind": "schema"}),
    path(f"{_COLLECTION}/items", item_views.items),
    path(f"{_COLLECTION}/items/<str:feature_id>", item_views.item),
    path("tileMatrixSets", tile_views.matrix_sets),
    path("tileMatrixSets/<str:grid_id>", tile_views.matrix_set),
    path(f"{_COLLECTION}/tiles", tile_views.tilesets),
    path(f"{_COLLECTION}/tiles/<str:grid_id>", tile_views.tileset),
    path(f"{_COLLECTION}/tiles/<str:grid_id>/<int:zoom>/<int:row>/<int:column>", tile_views.tile),
    path(f"{_COLLECTION}/map", map_views.collection_map),
    path(f"{_COLLECTION}/map/tiles", map_views.map_tilesets),
    path(f"{_COLLECTION}/map/tiles/<str:grid_id>", map_views.map_tileset),
    path(f"{_COLLECTION}/map/tiles/<str:grid_id>/<int:zoom>/<int:row>/<int:column>", map_views.map_tile),
    *coverage_urls.urlpatterns,
    path(f"{_COLLECTION}/styles", style_views.collection_styles),
    path("wmts", wmts_views.service),
    path("wmts/1.0.0/WMTSCapabilities.xml", wmts_views.capabilities),
    path(
        "wmts/1.0.0/<str:layer>/<str:style>/<str:time>/<str:grid>/<int:zoom>/<int:row>/<int:column>.<str:form>",
        wmts_views.tile,
    ),
    path("styles", style_views.style_list),
    path("styles/<str:style_id>", style_views.style),
    path("styles/<str:style_id>/metadata", style_views.style_metadata),
    path("styles/<str:style_id>/legend", style_views.style_legend),
    path("<path:rest>", views.nowhere),
]
