"""Addresses under ``/hall/``."""

from django.urls import path

from kunyu.engines.matters.hall import wizard

urlpatterns = [
    path("hall/applications/<int:application_id>/", wizard.entrance, name="hall-application"),
]
