"""Addresses under ``/stac/`` (contract.md, "Addresses")."""

from django.urls import path

from kunyu.engines.maps.stac import views

_ITEM = "collections/<str:collection_id>/items/<str:item_id>"
urlpatterns = [
    path("", views.landing),
    path("conformance", views.conformance),
    path("api", views.api),
    path("collections", views.collections),
    path("collections/<str:collection_id>", views.collection),
    path("collections/<str:collection_id>/items", views.items),
    path(_ITEM, views.item),
    path(f"{_ITEM}/assets/<str:name>", views.asset),
    path("search", views.find),
    path("<path:rest>", views.nowhere),
]
