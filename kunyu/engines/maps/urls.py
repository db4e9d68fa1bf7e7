"""Addresses under ``/ogc/`` (contract.md, "Addresses")."""

from django.urls import path

from kunyu.engines.maps import item_views, style_views, tile_views, views
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
    path("styles", style_views.style_list),
    path("styles/<str:style_id>", style_views.style),
    path("<path:rest>", views.nowhere),
]
