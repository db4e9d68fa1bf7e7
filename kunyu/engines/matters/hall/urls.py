"""Addresses under ``/hall/``."""

from django.urls import path

from kunyu.engines.matters.hall import portal, sign_up, wizard

urlpatterns = [
    path("hall/", portal.home, name="hall"),
    path("hall/matters/<slug:code>", portal.matter, name="hall-matter"),
    path("hall/sign-up", sign_up.sign_up, name="hall-sign-up"),
    path("hall/sign-up/done", sign_up.done, name="hall-sign-up-done"),
    path("hall/applications/<int:application_id>/", wizard.entrance, name="hall-application"),
]
