"""Addresses of seals."""

from django.urls import path

from kunyu.engines.documents.seals import pages

urlpatterns = [
    path("admin/seals/", pages.index),
    path("admin/seals/new", pages.new),
    path("admin/seals/<slug:code>/", pages.record),
    path("admin/seals/<slug:code>/uses/", pages.uses),
    path("admin/seals/<slug:code>/picture.png", pages.picture),
    path("admin/seals/<slug:code>/approve", pages.approve),
    path("admin/seals/<slug:code>/suspend", pages.suspend),
    path("admin/seals/<slug:code>/resume", pages.resume),
    path("admin/seals/<slug:code>/destroy", pages.destroy),
]
