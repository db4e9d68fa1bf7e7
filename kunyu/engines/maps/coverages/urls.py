"""Addresses of coverages under ``/ogc/`` that only images and heights have."""

from django.urls import path

from kunyu.engines.maps.coverages import views

_COLLECTION = "collections/<str:collection_id>"
urlpatterns = [
    path(f"{_COLLECTION}/coverage", views.coverage),
    path(f"{_COLLECTION}/position", views.position),
]
