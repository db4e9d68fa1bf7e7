"""Addresses under ``/proxy/``."""

from django.urls import path

from kunyu.engines.maps.proxy import views

urlpatterns = [
    path("<slug:code>/", views.pass_on),
    path("<slug:code>/<path:rest>", views.pass_on),
]
